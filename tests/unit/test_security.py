"""Configs, data files and weights are data: none of them runs code, leaves its folder or fills the memory."""

import ast
import copyreg
import functools
import gzip
import hashlib
import io
import os
import pickle
import re
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torchvision.datasets import CIFAR10, MNIST

from common import ROOT, SCHEMA, load_config
from infoflow.architectures.build import load_weights
from infoflow.architectures.kinds import ARCHITECTURES
from infoflow.config.check import check_config
from infoflow.datasets.cifar10 import _Held, _Inert
from infoflow.datasets.images import load_images
from infoflow.datasets.kinds import DATASETS
from infoflow.datasets.prepared import read_prepared
from infoflow.engine.activations.kinds import ACTIVATIONS
from infoflow.errors import InfoflowError
from infoflow.estimators.kinds import ESTIMATORS
from infoflow.files.originals import find_data_root, read_original
from infoflow.files.results import read_result, sealed, write_result
from infoflow.plan import KINDS, Plan
from infoflow.predictors.kinds import PREDICTORS
from infoflow.reconstruction.kinds import METHODS

# --- the source itself

PICKLE, IMPORTS = "datasets/cifar10.py", "importlib.import_module"
PROCESSES = ("jobs/provenance.py", "jobs/slurm.py", "jobs/unchanged.py", "jobs/forkserver.py", "measure.py")
STARTERS = {
    "jobs/forkserver.py": ("imports runpy", "os.fork", "__import__"),
    "jobs/run_bundle.py": ("os.execvp",),
}
"""What starts the scripts that Snakemake has written, and Snakemake in a job of a cluster."""
NODES = ("yaml.compose", "yaml.Node", "yaml.SequenceNode", "yaml.MappingNode")
"""Of YAML without making objects of it."""
REGISTRIES = {
    "architectures/build.py": "infoflow.architectures.",
    "datasets/images.py": "infoflow.datasets.",
    "engine/activations/activation.py": "infoflow.engine.activations.",
    "estimators/estimate.py": "infoflow.estimators.",
    "figures/draw_study.py": "infoflow.{job['module']}",
    "predictors/measure.py": "infoflow.predictors.",
    "reconstruction/fit.py": "infoflow.reconstruction.",
    "studies/trainability/draw_figure.py": "infoflow.{job['module']}",
    "studies/trainability/probe_kernel.py": "infoflow.modules.probe",
    "studies/trainability/score_predictor.py": "infoflow.predictors.modular",
    "studies/trainability/trained.py": "infoflow.modules.ground_truth",
    "__init__.py": "infoflow.",
}
"""Where modules are imported by name, and how the names begin."""
NEVER_IMPORTED = {
    *("marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy", "code", "ctypes", "pty", "commands", "popen2"),
    *("multiprocessing", "builtins"),
}
NEVER_NAMED = {"eval", "exec", "compile", "__import__", "__builtins__", "globals"}
NEVER_CALLED = {
    *("os.system", "os.popen", "os.startfile", "torch.hub.load", "torch.jit.load", "torch.package"),
    *("numpy.fromregex", "pandas.read_pickle", "pandas.eval", "asyncio.create_subprocess_shell"),
}
USERS_CODE = "cli.py"
"""The command that runs the code that it is told to, as it says; no rule and no script knows it."""
C_LIBRARY = "predictors/measure.py"
"""Asks the C library to hand back memory that is free; the only one that calls it."""
BY_MODULE = ("importlib", "os", "pickle", "shutil", "subprocess", "yaml")
"""Modules of which nothing is imported by its own name: their dangerous functions stay visible."""


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return {"np": "numpy"}.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def dangers(source: str, name: str) -> list[str]:
    """What could run what a file or a config says."""
    found = []
    tree = ast.parse(source)
    bases = {id(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            tops = {m.split(".")[0] for m in modules}
            found += [f"imports {m}" for m in tops & NEVER_IMPORTED if (m, name) != ("ctypes", C_LIBRARY)]
            if isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{a.name}" for a in node.names} - {"importlib.metadata"}
                found += [
                    f"imports {n}" for n in names if n.split(".")[0] in BY_MODULE or n in ("torch.load", "numpy.load")
                ]
            elif any(a.asname for a in node.names if a.name in (*BY_MODULE, "torch")):
                found.append("renames a module")
            if "pickle" in tops and name != PICKLE:
                found.append("imports pickle")
            if "subprocess" in tops and name not in PROCESSES:
                found.append("imports subprocess")
        elif isinstance(node, ast.Name) and node.id in NEVER_NAMED:
            found.append(node.id)
        elif isinstance(node, ast.Attribute):
            full = dotted(node)
            module = full.split(".")[0]
            inherited = full == "pickle.Unpickler" and id(node) in bases
            if full in NEVER_CALLED or node.attr in ("extract", "extractall", "unpack_archive"):
                found.append(full or node.attr)
            if module == "os" and re.fullmatch(r"exec\w+|spawn\w+|posix_spawn\w*|fork\w*", node.attr):
                found.append(full)
            if module == "pickle" and full != "pickle.UnpicklingError" and not inherited:
                found.append(full)
            if module == "yaml" and full not in ("yaml.safe_load", "yaml.SafeLoader", "yaml.YAMLError", *NODES):
                found.append(full)
        elif isinstance(node, ast.Call):
            given = {k.arg: k.value for k in node.keywords}
            full = dotted(node.func)
            if None in given and full in ("torch.load", "numpy.load", "subprocess.run"):
                found.append(f"{full}(**...)")
            if full == "torch.load" and getattr(given.get("weights_only"), "value", None) is not True:
                found.append("torch.load without weights_only=True")
            if "allow_pickle" in given and given["allow_pickle"].value is not False:
                found.append("allow_pickle")
            if "shell" in given:
                found.append("shell")
            if full.startswith("subprocess.") and not (node.args and isinstance(node.args[0], ast.List | ast.Name)):
                found.append("a command that is text")
            if full == IMPORTS and name != USERS_CODE:
                start = REGISTRIES.get(name)
                if start is None or not ast.unparse(node.args[0]).startswith(
                    (f"f'{start}", f'f"{start}', f"'{start}'")
                ):
                    found.append(full)
    return [what for what in found if what not in STARTERS.get(name, ())]


SOURCES = sorted((ROOT / "workflow").rglob("*.py"))
RULES = [ROOT / "Snakefile", ROOT / "workflow/Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]


def short(path: Path) -> str:
    package = ROOT / "workflow/src/infoflow"
    return str(path.relative_to(package if path.is_relative_to(package) else ROOT))


def test_no_source_runs_what_a_file_or_a_config_says():
    assert len(SOURCES) > 50
    found = {short(path): dangers(path.read_text(), short(path)) for path in SOURCES}
    assert {name: what for name, what in found.items() if what} == {}
    assert {short(path) for path in SOURCES if IMPORTS in path.read_text()} == {*REGISTRIES, USERS_CODE}
    assert not [path for path in (*SOURCES, *RULES) if re.search(r"infoflow(\.| import )cli", path.read_text())]


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.load(f)",
        "import pickle\nclass A(pickle.Unpickler): pass",
        "from pickle import loads",
        "import pickle as p",
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "torch.load(f, weights_only=x)",
        "torch.load(f, **options)",
        "from torch import load",
        "import torch as t",
        "np.load(f, allow_pickle=True)",
        "eval('1')",
        "exec(x)",
        "f = eval",
        "__import__('os')",
        "os.system('id')",
        "os.popen('id')",
        "os.execv('a', [])",
        "from os import system",
        "import subprocess",
        "subprocess.run('id', shell=True)",
        "subprocess.run(f'git {x}')",
        "yaml.load(f, Loader=yaml.FullLoader)",
        "yaml.unsafe_load(f)",
        "importlib.import_module(name)",
        "from importlib import import_module",
        "import marshal",
        "archive.extractall(path)",
        "from shutil import unpack_archive",
    ],
)
def test_the_search_finds_what_it_is_for(source):
    assert dangers(source, "other.py")


def test_no_rule_has_a_shell():
    """What a rule hands to a shell would have to be quoted; none does."""
    for path in RULES:
        text = path.read_text()
        directives = re.findall(
            r"^\s*(shell|run|notebook|wrapper|cwl|template_engine|container)\s*:", text, re.MULTILINE
        )
        assert directives == [], path
        calls = re.findall(
            r"\b(shell|eval|exec|system|popen|subprocess|pickle|__import__|import_module)\b|yaml\.", text
        )
        assert calls == [], path


# --- configs


NOT_NAMES = [
    *("a;touch pwned", "$(touch pwned)", "`touch pwned`", "../x", "a/b", "a b", "a'b", 'a"b', "a\nb", "a\n", "{x}"),
    *("-rf", "_a", "1", "ü", "aü", "a|b", ".*", "a.b", "", "~", "\0", "a\0", "x" * 101, "x" * 10_000, 3, None, True),
]


@pytest.mark.parametrize("section", ["datasets", "architectures", "experiments"])
@pytest.mark.parametrize("name", NOT_NAMES, ids=lambda name: ascii(name)[:20])
def test_names_that_are_no_part_of_a_file_name_are_refused_in_one_line(section, name):
    config = load_config()
    entry = {"datasets": {"kind": "mnist"}, "architectures": {"kind": "mlp"}}.get(section) or config[section]["digits"]
    with pytest.raises(InfoflowError, match=f"^config: {section}[.:]") as refusal:
        check_config(config | {section: {**config[section], name: entry}}, SCHEMA)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 2000


def test_the_refusal_of_a_name_says_which_are_allowed():
    config = load_config()
    config["datasets"]["a b"] = {"kind": "mnist"}
    message = "config: datasets: 'a b' cannot be a name, .* letters, digits, _ and -, at most 100, a letter first"
    with pytest.raises(InfoflowError, match=message):
        check_config(config, SCHEMA)


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "os",
            "../x",
            "mnist.os",
            "_files",
            "_idx",
            "__init__",
            "infoflow.datasets.mnist",
            "MNIST",
            "mnist ",
            "",
        ),
        *(["mnist"], {"mnist": 1}, None, 3),
    ],
    ids=str,
)
def test_names_of_modules_come_from_closed_lists(kind):
    for section, key in (("datasets", "kind"), ("architectures", "kind"), ("architectures", "activation")):
        config = load_config()
        next(iter(config[section].values()))[key] = kind
        with pytest.raises(InfoflowError, match=rf"^config: {section}\.\w+\.{key}: "):
            check_config(config, SCHEMA)
    # null stands for what is probed by without a word
    for method in ([kind], ["adam", kind], *(() if kind is None else (kind,))):
        with pytest.raises(InfoflowError, match=r"^config: probe\.method"):
            check_config(load_config() | {"probe": {"method": method}}, SCHEMA)


def test_the_closed_lists_are_the_modules_that_are_there():
    package = ROOT / "workflow/src/infoflow"
    for folder, names in (
        ("datasets", DATASETS),
        ("architectures", ARCHITECTURES),
        ("reconstruction", [name for name, about in METHODS.items() if about.plugin]),
        ("predictors", PREDICTORS),
        ("estimators", ESTIMATORS),
        ("engine/activations", ACTIVATIONS),
        *((f"studies/{kind.name}/figures", kind.FIGURES) for kind in KINDS),
    ):
        assert all((package / folder / f"{name}.py").is_file() for name in names)
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


def test_the_modules_of_figures_are_named_by_the_plan_alone():
    """Whatever the names of a config are."""
    config = load_config()
    config["run"]["name"] = "studies.ising.monte_carlo"
    config["experiments"] = {"os": config["experiments"]["digits"]}
    config["probing_budget"] = {"system": load_config("digits")["probing_budget"]["digits"] | {"experiment": "os"}}
    for figure in Plan(config, ROOT).figures:
        for cube in figure.of:
            study = next(kind.name for kind in KINDS if figure.name in kind.FIGURES)
            assert figure.parameters(cube)["module"] == f"studies.{study}.figures.{figure.name}"


HOSTILE = [
    "$(touch pwned)",
    "a; touch pwned",
    "`touch pwned`",
    "{x}",
    "{{x}}",
    "{",
    "-rf",
    "'\"",
    "*",
    "ü",
    "%s",
    "|",
    "..",
]


def test_titles_and_paths_may_be_any_printable_text():
    for text in HOSTILE:
        config = load_config() | {"data_root": text, "run": {"name": text}}
        config["datasets"]["own"] = {"kind": "image_folder", "path": text, "train_samples": 2, "test_samples": 2}
        config["architectures"]["vgg16"]["weights"] = text
        accepted = check_config(config, SCHEMA)
        assert accepted["data_root"] == accepted["run"]["name"] == accepted["datasets"]["own"]["path"] == text


@pytest.mark.parametrize("text", ["a\nb", "a\n", "a\0", "\x1b[2J", "\ud800", "a\u2028b", "x" * 5000], ids=ascii)
def test_titles_and_paths_that_are_no_line_of_text_are_refused_by_key(text):
    configs = {
        "run.name": {"run": {"name": text}},
        "data_root": {"data_root": text},
        "datasets.own.path": {"datasets": {"own": {"kind": "image_folder", "path": text}}},
        "architectures.vgg16.weights": {"architectures": {"vgg16": {"kind": "vgg16", "weights": text}}},
    }
    for key, change in configs.items():
        with pytest.raises(InfoflowError, match=f"^config: {key}: ") as refusal:
            check_config(load_config() | change, SCHEMA)
        assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.mkdir [TRACE]",
        "!!python/object/new:os.mkdir [TRACE]",
        "!!python/name:os.system",
        "!!python/module:os",
        "!!python/tuple [1, 2]",
        "!!set {a, b}",
        "!!binary YWJj",
        "2001-12-14",
        "1:30:15.5j",
        "?__import__('os').mkdir('TRACE')",
    ],
)
def test_objects_of_yaml_are_made_by_nobody_and_refused(tmp_path, text):
    """Snakemake reads config files with PyYAML's full loader, which makes some objects, but runs nothing."""
    trace = tmp_path / "trace"
    for loader in (yaml.FullLoader, yaml.SafeLoader):
        try:
            config = load_config() | yaml.load(f"evaluate: {text.replace('TRACE', str(trace))}", Loader=loader)
        except yaml.YAMLError:
            continue
        with pytest.raises(InfoflowError, match="^config: evaluate"):
            check_config(config, SCHEMA)
    assert not trace.exists()


def test_whole_numbers_are_integers():
    for section, entry in (("train", {"epochs": 3.0}), ("run", {"replicas": 2.0}), ("run", {"seed": True})):
        with pytest.raises(InfoflowError, match=rf"^config: {section}\.\w+: .* is not of type 'integer'"):
            check_config(load_config() | {section: entry}, SCHEMA)


def test_a_variance_of_minus_zero_is_zero():
    config = load_config()
    config["experiments"]["digits"]["sigma_b2"] = [-0.0]
    names = {p.name for p in Plan(config, ROOT).of["trainability"].grid.probes("digits")}
    assert names
    assert all("_b0.000000_" in name for name in names)


def test_a_user_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(InfoflowError, match="^~nobody-here/data: .* write the path without ~"):
        find_data_root("~nobody-here/data")
    options = {"kind": "image_folder", "path": "~nobody-here/data", "train_samples": 2, "test_samples": 2}
    with pytest.raises(InfoflowError, match="^~nobody-here/data: "):
        load_images(options, tmp_path, 0)
    with pytest.raises(InfoflowError, match="^~nobody-here/data: "):
        load_weights({"kind": "vgg16", "weights": "~nobody-here/data"}, tmp_path, (32, 32, 3), 1)


# --- pickles


class Runs:
    """Unpickled, it calls a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def pickled(*parts: bytes) -> bytes:
    """A pickle of protocol 2 by its opcodes."""
    return b"\x80\x02" + b"".join(parts) + b"."


def asking(module: str, name: str) -> bytes:
    """A name as protocol 4 asks for it, which may have dots."""
    return b"\x80\x04" + b"".join(b"\x8c" + bytes([len(t)]) + t.encode() for t in (module, name)) + b"\x93."


ATTACKS = {
    "os.system": lambda trace: pickle.dumps(Runs(os.system, f"touch {trace}"), 2),
    "os.mkdir": lambda trace: pickle.dumps(Runs(os.mkdir, str(trace)), 4),
    "eval": lambda trace: pickle.dumps(Runs(eval, f"open({str(trace)!r}, 'w')"), 2),
    "exec": lambda trace: pickle.dumps(Runs(exec, f"open({str(trace)!r}, 'w')"), 2),
    "partial": lambda trace: pickle.dumps(functools.partial(os.mkdir, str(trace)), 2),
    "getattr": lambda trace: pickled(b"cbuiltins\ngetattr\n(cposix\nmkdir\nX\x08\x00\x00\x00__call__tR"),
    "old names": lambda trace: b"cposix\nsystem\n(S'touch %s'\ntR." % str(trace).encode(),
    "INST": lambda trace: b"(S'touch %s'\niposix\nsystem\n." % str(trace).encode(),
    "OBJ": lambda trace: b"(cposix\nsystem\nS'touch %s'\no." % str(trace).encode(),
    "dotted name": lambda trace: asking("numpy", "os.system"),
    "attribute of what is allowed": lambda trace: asking("numpy", "ndarray.tofile"),
    "module of what is allowed": lambda trace: asking("numpy.core.multiarray", "__builtins__"),
    "scalar": lambda trace: pickle.dumps(np.float64(1), 2),
    "copyreg": lambda trace: pickle.dumps(Runs(copyreg._reconstructor, Runs, object, None), 2),
    "extension": lambda trace: b"\x80\x02\x82\xf0.",
    "persistent": lambda trace: b"Pname\n.",
    "BUILD of a class": lambda trace: pickled(b"cnumpy\nndarray\n", b"}U\x0c__setstate__cposix\nsystem\nsb"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_unpickler_runs_nothing(tmp_path, attack):
    trace = tmp_path / "trace"
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        _Inert(io.BytesIO(ATTACKS[attack](trace)), encoding="latin1").load()
    assert not trace.exists()


def test_the_attacks_would_work():
    for attack in ("os.system", "os.mkdir", "eval", "exec", "old names", "INST", "OBJ"):
        trace = Path(os.environ.get("TMPDIR", "/tmp")) / f"infoflow-{os.getpid()}-trace"
        pickle.loads(ATTACKS[attack](trace))
        assert trace.exists(), attack
        trace.rmdir() if trace.is_dir() else trace.unlink()


@pytest.mark.parametrize("thing", [np.arange(3), np.array([{}], object), np.dtype([("a", "O")])], ids=repr)
def test_the_unpickler_makes_no_array_and_no_type_of_numpy(thing):
    """Their states can be forged: sizes and offsets beyond their memory."""
    contents = pickle.dumps(thing, 2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    contents = contents.replace(b"c_codecs\nencode\n", b"cnumpy\ndtype\n")  # so does Python 3 write bytes
    assert type(_Inert(io.BytesIO(contents), encoding="latin1").load()) is _Held


@pytest.fixture
def cifar10(tmp_path, monkeypatch):
    """A function that gives all files of CIFAR-10 some contents, with the right checksums."""
    names = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()

    def write(contents: bytes) -> Path:
        entries = [[name, hashlib.md5(contents).hexdigest()] for name in names]
        for name in names:
            (folder / name).write_bytes(contents)
        monkeypatch.setattr(CIFAR10, "train_list", entries[:5])
        monkeypatch.setattr(CIFAR10, "test_list", entries[5:])
        return tmp_path

    return write


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"no pickle",
        b"\x80\x02}.",
        pickle.dumps({"data": 3, "labels": []}, 2),
        pickle.dumps({"data": "text", "labels": []}, 2),
        pickle.dumps([1, 2], 2),
        pickled(b"}(U\x04datacnumpy\nndarray\n)RU\x06labels]u"),
        pickled(b"}(U\x04datacnumpy\nndarray\n)R(K\x01K\x02tbU\x06labels]u"),
        pickled(b"}(U\x04datacnumpy\nndarray\n)R(K\x01K\x02cnumpy\ndtype\n(U\x02O8tRK\x00U\x01atbU\x06labels]u"),
        pickled(b"}(U\x04datacnumpy\nndarray\n)R(K\x01K\x02cnumpy\ndtype\n(U\x02u1tRK\x00U\x01atbU\x06labels]u"),
        b"(" * 100_000 + b"t.",
        b"\x80\x02" + b"(" * 2000 + b"t" * 2000 + b".",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"x.",
    ],
    ids=lambda contents: ascii(contents[:30]),
)
def test_a_batch_of_something_else_is_refused_in_one_line(cifar10, contents):
    with pytest.raises(InfoflowError, match="data_batch_1: not a batch of CIFAR-10"):
        load_images({"kind": "cifar10"}, cifar10(contents), 0)


def test_the_checksum_comes_before_the_pickle(cifar10, monkeypatch):
    root = cifar10(pickle.dumps(Runs(os.mkdir, "trace"), 2))
    monkeypatch.setattr("infoflow.datasets.cifar10._Inert", None)  # it is not even made
    (root / CIFAR10.base_folder / "data_batch_1").write_bytes(b"other")
    with pytest.raises(InfoflowError, match="data_batch_1: wrong checksum"):
        load_images({"kind": "cifar10"}, root, 0)


# --- weights


def weights(root: Path) -> None:
    load_weights({"kind": "vgg16", "weights": "w.pth"}, root, (32, 32, 3), 1)


@pytest.mark.parametrize(
    "attack", [a for a in ATTACKS if a not in ("getattr", "scalar", "attribute of what is allowed")]
)
def test_weights_run_nothing(tmp_path, attack):
    trace = tmp_path / "trace"
    (tmp_path / "w.pth").write_bytes(ATTACKS[attack](trace))
    with pytest.raises(InfoflowError, match="w.pth: damaged, or holds more than tensors"):
        weights(tmp_path)
    torch.save({}, tmp_path / "w.pth")
    repack(tmp_path / "w.pth", lambda name, data: ATTACKS[attack](trace) if name.endswith("data.pkl") else data)
    with pytest.raises(InfoflowError, match="w.pth: damaged, or holds more than tensors"):
        weights(tmp_path)
    assert not trace.exists()


def repack(path: Path, change, compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in parts.items():
            archive.writestr(name, change(name, data))


def test_weights_that_inflate_are_refused_before_they_are_read(tmp_path, monkeypatch):
    torch.save({"a": torch.zeros(1_000_000)}, tmp_path / "w.pth")
    repack(tmp_path / "w.pth", lambda name, data: data, zipfile.ZIP_DEFLATED)
    assert (tmp_path / "w.pth").stat().st_size < 10_000
    assert len(torch.load(tmp_path / "w.pth", weights_only=True)["a"]) == 1_000_000  # torch would
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(InfoflowError, match=r"w.pth: damaged, .*\(ValueError\)"):
        weights(tmp_path)


def test_weights_in_an_archive_that_writes_elsewhere_are_refused(tmp_path):
    (tmp_path / "data").mkdir()
    with tarfile.open(tmp_path / "data/w.pth", "w") as archive:  # torch's oldest format is a tar file
        for name in ("storages", "tensors", "pickle", "../evil"):
            add(archive, name, pickle.dumps(0, 2))
    with pytest.raises(InfoflowError, match="w.pth: damaged"):
        weights(tmp_path / "data")
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def test_a_wrong_sha256_refuses_weights_unread(tmp_path, monkeypatch):
    trace = tmp_path / "trace"
    (tmp_path / "w.pth").write_bytes(ATTACKS["os.mkdir"](trace))
    monkeypatch.setattr(torch, "load", None)
    options = {"kind": "vgg16", "weights": "w.pth", "weights_sha256": "0" * 64}
    with pytest.raises(InfoflowError, match="w.pth: its SHA-256 is .*, but weights_sha256 is 0000"):
        load_weights(options, tmp_path, (32, 32, 3), 1)
    assert not trace.exists()


# --- archives and originals


def add(archive: tarfile.TarFile, name: str, contents: bytes = b"", **about) -> None:
    member = tarfile.TarInfo(name)
    for key, value in about.items():
        setattr(member, key, value)
    member.size = len(contents)
    archive.addfile(member, io.BytesIO(contents))


def forge_archive(root: Path, monkeypatch, *members) -> None:
    """An archive of CIFAR-10 with the right checksum and such members; no batches; no network."""
    with tarfile.open(root / CIFAR10.filename, "w:gz") as archive:
        for name, about in members:
            add(archive, name, **about)
    checksum = hashlib.md5((root / CIFAR10.filename).read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR10, "tgz_md5", checksum)


LINK = {"type": tarfile.SYMTYPE}
BATCH = f"{CIFAR10.base_folder}/data_batch_1"


@pytest.mark.parametrize(
    "members",
    [
        [],
        [("../evil", {"contents": b"x"}), ("/tmp/infoflow-evil", {"contents": b"x"}), ("evil", {"contents": b"x"})],
        [(BATCH, LINK | {"linkname": "../../secret"})],
        [(BATCH, LINK | {"linkname": "/etc/passwd"})],
        [(BATCH, {"type": tarfile.LNKTYPE, "linkname": "../secret"})],
        [(BATCH, {"type": tarfile.FIFOTYPE})],
        [(BATCH, {"type": tarfile.DIRTYPE})],
        [(CIFAR10.base_folder, LINK | {"linkname": ".."}), (BATCH, {"contents": b"x"})],
    ],
    ids=lambda members: " ".join(name for name, _ in members) or "empty",
)
def test_an_archive_writes_nothing_but_its_batches(tmp_path, monkeypatch, members):
    root = tmp_path / "data"
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    forge_archive(root, monkeypatch, *members)
    with pytest.raises(InfoflowError, match="^cannot download CIFAR10 .* is damaged"):
        load_images({"kind": "cifar10"}, root, 0)
    there = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")}
    assert there <= {"data", "secret", f"data/{CIFAR10.filename}", f"data/{CIFAR10.base_folder}", f"data/{BATCH}"}
    assert not (root / CIFAR10.base_folder).is_symlink()
    assert not (root / BATCH).exists() or (root / BATCH).read_bytes() == b"x"
    assert not Path("/tmp/infoflow-evil").exists()


def test_an_archive_that_is_no_archive_is_refused(tmp_path, monkeypatch):
    for contents in (b"no archive", gzip.compress(b"no archive"), gzip.compress(b"x" * 9999)[:-20]):
        (tmp_path / CIFAR10.filename).write_bytes(contents)
        monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(contents).hexdigest())
        with pytest.raises(InfoflowError, match="^cannot download CIFAR10 .*put them there"):
            load_images({"kind": "cifar10"}, tmp_path, 0)


def test_what_is_no_file_or_larger_than_any_original_is_refused_unread(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero", "nothing", "."):
        with pytest.raises(InfoflowError, match="cannot be read"):
            read_original(tmp_path / name, "0" * 32)
    monkeypatch.setattr("infoflow.files.originals._LARGEST", 1000)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**40)  # takes no space
    with pytest.raises(InfoflowError, match="large: wrong checksum"):
        read_original(tmp_path / "large", "0" * 32)


def extracted(root: Path, **contents: bytes) -> Path:
    """Extracted files of MNIST, all zero but for those that are named by the beginning of their name."""
    folder = root / "MNIST/raw"
    folder.mkdir(parents=True)
    for part, number in (("train", 60_000), ("t10k", 10_000)):
        header = struct.pack(">IIII", 0x803, number, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + bytes(number * 784))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, number) + bytes(number))
    for name, what in contents.items():
        path = next(folder.glob(f"{name}-labels*"))
        path.write_bytes(what)
    return root


LABELS = 10_008


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"\x00",
        struct.pack(">II", 0x801, 10_000),
        bytes(LABELS),
        struct.pack(">II", 0x803, 10_000).ljust(LABELS, b"\0"),
        struct.pack(">II", 0x801, 2**32 - 1).ljust(LABELS, b"\0"),
        struct.pack(">II", 0x801, 10).ljust(LABELS, b"\0"),
        struct.pack(">II", 0xA01, 10_000).ljust(LABELS, b"\0"),
        struct.pack(">II", 0xB01, 5000).ljust(LABELS, b"\0"),
        struct.pack(">II", 0x8FF, 10_000).ljust(LABELS, b"\0"),
        struct.pack(">III", 0x802, 2, 4998).ljust(LABELS, b"\0"),
        b"\xff" * LABELS,
    ],
    ids=lambda contents: f"{len(contents)} {contents[:12].hex()}",
)
def test_tables_of_mnist_that_are_none_are_refused_in_one_line(tmp_path, contents):
    with pytest.raises(InfoflowError, match="the extracted files of MNIST are damaged"):
        load_images({"kind": "mnist"}, extracted(tmp_path, t10k=contents), 0)


def test_a_table_that_is_too_large_is_refused_unread(tmp_path, monkeypatch):
    root = extracted(tmp_path)
    with (root / "MNIST/raw/train-images-idx3-ubyte").open("r+b") as file:
        file.truncate(2**40)  # takes no space
    monkeypatch.setattr(MNIST, "__init__", None)
    with pytest.raises(InfoflowError, match="train-images-idx3-ubyte has 1099511627776 bytes, not 47040016"):
        load_images({"kind": "mnist"}, root, 0)


def test_a_gz_file_that_inflates_is_refused_before_it_is_extracted(tmp_path, monkeypatch):
    folder = tmp_path / "MNIST/raw"
    folder.mkdir(parents=True)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(10**7)))
    monkeypatch.setattr(gzip, "open", None)
    with pytest.raises(InfoflowError, match="train-images-idx3-ubyte.gz: wrong checksum"):
        load_images({"kind": "mnist"}, tmp_path, 0)


def test_a_download_of_something_else_is_refused(tmp_path, monkeypatch):
    def deliver(url, filename, *_):
        Path(filename).write_bytes(gzip.compress(b"something else"))

    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", deliver)
    monkeypatch.setattr("torchvision.datasets.utils._get_redirect_url", lambda url, max_hops: url)
    for kind, name in (("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST"), ("cifar10", "CIFAR10")):
        with pytest.raises(InfoflowError, match=f"^cannot download {name} "):
            load_images({"kind": kind}, tmp_path / kind, 0)


def test_a_path_that_is_too_long_is_told(tmp_path):
    for kind in ("mnist", "cifar10"):
        with pytest.raises(InfoflowError, match="is not writable and does not hold"):
            load_images({"kind": kind}, tmp_path / ("x" * 300), 0)
    options = {"kind": "image_folder", "path": "x" * 300, "train_samples": 2, "test_samples": 2}
    with pytest.raises(InfoflowError, match="path should be a directory"):
        load_images(options, tmp_path, 0)
    with pytest.raises(InfoflowError, match="cannot be read"):
        load_weights({"kind": "vgg16", "weights": "x" * 300}, tmp_path, (32, 32, 3), 1)


# --- pictures

FOLDER = {"kind": "image_folder", "path": "own", "size": 16, "train_samples": 2, "test_samples": 2}


@pytest.fixture
def pictures(tmp_path) -> Path:
    for name in ("a/1.png", "a/2.png", "b/3.png", "b/4.png"):
        path = tmp_path / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 20), 128).save(path)
    return tmp_path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"no picture",
        png(20, 20),
        png(20, 20, b"\x07" * 420)[:-30],
        png(1, 50_000_000),
        png(50_000_000, 1),
        png(2**31 - 1, 2**31 - 1),
        png(0, 5),
        png(100_000, 100_000),
        b"\xff\xd8\xff\xe0" + bytes(100),
        b"GIF89a" + bytes(100),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%touch pwned) (w) file\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    ],
    ids=lambda contents: ascii(contents[:30]),
)
def test_what_is_no_picture_of_a_sensible_size_is_refused_in_one_line(pictures, contents):
    (pictures / "own/a/1.png").write_bytes(contents)
    with pytest.raises(InfoflowError, match=r"1\.png: not a readable picture .* remove or replace it"):
        load_images(FOLDER, pictures, 0)


def test_pictures_that_are_no_files_are_refused(pictures):
    (pictures / "own/a/1.png").unlink()
    os.mkfifo(pictures / "own/a/1.png")
    with pytest.raises(InfoflowError, match=r"1\.png: not a readable picture"):
        load_images(FOLDER, pictures, 0)


def test_links_are_followed_but_not_in_circles(pictures):
    elsewhere = (pictures / "own/a").rename(pictures / "elsewhere")
    (pictures / "own/a").symlink_to(elsewhere)
    assert len(load_images(FOLDER, pictures, 0).train_images) == 2
    (pictures / "own/b/back").symlink_to(pictures / "own")
    with pytest.raises(InfoflowError, match="own/b/back: a link to the same folder as .*own; remove one of them"):
        load_images(FOLDER, pictures, 0)


# --- results


def test_objects_in_a_result_are_data(tmp_path):
    """Text that other readers might take for pickles, code or templates comes out as it went in."""
    hostile = {"a": "!!python/object/apply:os.system [id]", "b": "{x} $(touch pwned)", "c": "__import__('os')"}
    hostile["d"] = ATTACKS["old names"](tmp_path / "trace").decode()
    write_result(tmp_path / "r.nc", {"x": (("n",), np.arange(3.0), hostile)}, hostile)
    assert read_result(tmp_path / "r.nc").attributes == hostile
    with sealed(tmp_path / "v.nc") as path, netCDF4.Dataset(path, "w") as file:
        file.createDimension("n", 2)
        text = file.createVariable("text", str, ("n",))
        text[:] = np.array([hostile["a"], hostile["d"]], object)
        ragged = file.createVLType(np.uint8, "ragged")
        rows = file.createVariable("rows", ragged, ("n",))
        rows[0] = np.frombuffer(ATTACKS["os.mkdir"](tmp_path / "trace"), np.uint8)
        rows[1] = np.zeros(0, np.uint8)
    result = read_result(tmp_path / "v.nc")
    assert list(result["text"]) == [hostile["a"], hostile["d"]]
    assert result["rows"][0].dtype == np.uint8
    assert not (tmp_path / "trace").exists()


def test_no_pickle_passes_for_a_result(tmp_path):
    trace = tmp_path / "trace"
    (tmp_path / "r.nc").write_bytes(ATTACKS["os.mkdir"](trace))
    for read in (read_result, lambda path: read_prepared(path, torch.device("cpu"), torch.float32)):
        with pytest.raises(InfoflowError, match="r.nc: not a whole result file"):
            read(tmp_path / "r.nc")
    assert not trace.exists()


def test_errors_stay_in_one_line():
    error = InfoflowError("a\nb\x1b[2J\u2028ü\ud800" + "x" * 10**6 + "end")
    assert str(error).isprintable()
    assert str(error).startswith(r"a\nb\x1b[2J\u2028ü\ud800xxx")
    assert str(error).endswith("xend")
    assert len(str(error)) < 2000
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
