"""The archive of a run: what is in it, what its check finds, what it lists as different."""

import copy
import hashlib
import json
import os
import re
import shutil
import stat
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import requests
import xarray as xr
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rocrate.rocrate import ROCrate
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationSettings
from rocrate_validator.utils.http import HttpRequester

from common import ROOT, SCHEMA, load_config
from infoflow import verify
from infoflow.archive import (
    DATA_SOURCES,
    MANIFEST,
    METADATA,
    archive_name,
    cost_summary,
    differences,
    source_digest,
    source_files,
    write_archive,
)
from infoflow.config import DATASET_OPTIONS, check_config, merge_config
from infoflow.cubes import write_cube
from infoflow.errors import InfoflowError
from infoflow.grid import Grid
from infoflow.study import describe_study, write_study

SOFTWARE = {"torch_version": "2", "snakemake_version": "9", "git_commit": "abc"}
COST = {"jobs": 2, "cpu_seconds": 8.0, "wall_seconds": 4.0, "gpu_seconds": 0.0, "peak_memory_mb": 300.0}
COSTS = {"probe_cascade": COST, "train_network": COST | {"cpu_seconds": 32.0, "peak_memory_mb": 500.0}}
MADE_BY = {"trainings": {"train": {"epochs": 40}}, "merge_cube": "0123"}
WHEN = 1_700_000_000


def configured(**changes) -> dict:
    """The default config with one experiment."""
    config = load_config()
    config["experiments"] = {"digits": config["experiments"]["digits"] | {"depth": [2, 3], "decisions": None}}
    config["run"]["name"] = "a run, für σ_w²/σ_b²"
    return check_config(config | changes, SCHEMA)


def write_made_up_cube(path, config, **attributes):
    grid = Grid(config)
    w, b, depth = (sorted({getattr(p, axis) for p in grid.trainings()}) for axis in ("sigma_w2", "sigma_b2", "depth"))
    point, sizes = ("sigma_w2", "sigma_b2"), (len(w), len(b))
    cube = xr.Dataset(
        {
            "probe_status": ((*point, "replica", "layer"), np.zeros((*sizes, 2, 3), np.int8)),
            "train_status": ((*point, "depth", "replica"), np.zeros((*sizes, len(depth), 2), np.int8)),
            "differential_entropy": ((*point, "replica", "layer"), np.random.default_rng(0).random((*sizes, 2, 3))),
            "xi_c": (point, np.zeros(sizes)),
        },
        coords={"sigma_w2": w, "sigma_b2": b, "depth": depth},
        attrs={"parameters": json.dumps(MADE_BY), "torch_version": "2", **attributes},
    )
    for name in cube.variables:
        cube[name].attrs = {"long_name": name, "units": "1"}
    write_cube(cube, path)


@pytest.fixture
def run(tmp_path):
    """Files of a made-up run, and how they are archived."""
    config = configured()
    cube = tmp_path / "results/cubes/digits_mlp.nc"
    write_made_up_cube(cube, config, cost=json.dumps(COSTS))
    figures = [tmp_path / f"results/figures/digits/cost.{suffix}" for suffix in ("png", "pdf")]
    figures[0].parent.mkdir(parents=True)
    for file in figures:
        file.write_bytes(file.name.encode() * 100)
    began = tmp_path / "prepared.log"
    began.touch()
    for file, when in ((cube, WHEN + 50), (figures[0], WHEN + 60), (figures[1], WHEN + 70), (began, WHEN)):
        os.utime(file, (when, when))
    archive = tmp_path / "archive.zip"

    def write(path=archive, config=config, made_by=MADE_BY, root=ROOT, studies=None):
        """With cubes of studies, by their name what they have to be made with."""
        made_by = {"digits_mlp": made_by} | (studies or {})
        options = {"config": config, "made_by": made_by, "root": root, "software": SOFTWARE}
        cubes = [cube, *(cube.with_name(f"{name}.nc") for name in studies or {})]
        write_archive(path, cubes, figures, **options, began=[began])
        return path

    return SimpleNamespace(config=config, cube=cube, figures=figures, archive=archive, write=write)


def read(path, name):
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def metadata(path):
    return {e["@id"]: e for e in json.loads(read(path, METADATA))["@graph"]}


@given(st.text() | st.text("aB3 ./\\\0-:σ", max_size=200))
def test_any_name_of_a_run_gives_a_safe_file_name(name):
    slug = archive_name(name)
    assert re.fullmatch("[A-Za-z0-9]+(-[A-Za-z0-9]+)*", slug)
    assert len(slug) <= 80
    assert archive_name(slug) == slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [("../../etc/passwd", "etc-passwd"), ("für σ_w² = 2", "fur-w2-2"), ("…", "run"), ("x" * 500, "x" * 80)],
)
def test_names_of_runs(name, slug):
    assert archive_name(name) == slug


def test_the_archive_holds_everything_with_its_size_and_checksum(run):
    run.write()
    with zipfile.ZipFile(run.archive) as archive:
        names = archive.namelist()
        contents = {name: archive.read(name) for name in names}
    assert {"README.md", "LICENSE", "CITATION.cff", "cubes/digits_mlp.nc", "figures/digits/cost.pdf"} <= {*names}
    assert {"source/Snakefile", "source/envs/requirements.lock", "source/workflow/scripts/archive.py"} <= {*names}
    assert not [n for n in names if "__pycache__" in n or "egg-info" in n or "/." in n]
    assert not [n for n, content in contents.items() if str(ROOT).encode() in content]
    assert contents["cubes/digits_mlp.nc"] == run.cube.read_bytes()
    lines = contents[MANIFEST].decode().splitlines()
    assert lines == sorted(lines, key=lambda line: line[66:])
    sums = {line[66:]: line[:64] for line in lines}
    assert sums == {n: hashlib.sha256(c).hexdigest() for n, c in contents.items() if n != MANIFEST}
    entities = metadata(run.archive)
    for name in {*names} - {METADATA, MANIFEST}:
        entity = entities[name]
        assert entity["sha256"] == sums[name]
        assert entity["contentSize"] == str(len(contents[name]))
        assert entity["name"]
        assert entity["encodingFormat"]
    assert check_config(json.loads(contents["config.json"]), SCHEMA) == run.config
    software = json.loads(contents["software.json"])
    assert software["archive"] == SOFTWARE
    assert software["cubes"] == {"digits_mlp": {"torch_version": "2"}}
    assert software["source_sha256"] == source_digest(ROOT)
    readme = contents["README.md"].decode()
    assert "Alpaydin" in readme
    assert "https://creativecommons.org/licenses/by/4.0/" in readme
    assert verify.check_archive(run.archive) == []


def test_the_run_is_described(run):
    run.write()
    entities = metadata(run.archive)
    action = entities["#run"]
    assert action["instrument"] == entities["./"]["mainEntity"] == {"@id": "source/workflow/Snakefile"}
    assert {e["@id"] for e in action["object"]} == {"config.json", "#data-digits"}
    assert {e["@id"] for e in action["result"]} == {
        "cubes/digits_mlp.nc",
        "figures/digits/cost.png",
        "figures/digits/cost.pdf",
    }
    assert action["startTime"] == "2023-11-14T22:13:20+00:00"
    assert action["endTime"] == "2023-11-14T22:14:30+00:00"
    assert json.loads(read(run.archive, METADATA))["@context"][0] == "https://w3id.org/ro/crate/1.1/context"


# The terms of the context of RO-Crate 1.1 that a crate of ours may use; the validator refuses all others. The context
# itself is on the network, which tests do not use.
TERMS = {
    **{
        term: f"http://schema.org/{term}"
        for term in (
            *("CreateAction", "CreativeWork", "ComputerLanguage", "Dataset", "SoftwareSourceCode", "about"),
            *("actionStatus", "contentSize", "datePublished", "description", "encodingFormat", "endTime", "hasPart"),
            *("identifier", "instrument", "license", "mainEntity", "mentions", "name", "object", "programmingLanguage"),
            *("result", "startTime", "url", "version"),
        )
    },
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "File": "http://schema.org/MediaObject",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_crate_is_a_workflow_run_crate(run, tmp_path, monkeypatch):
    def get(requester, url, **options):
        assert url == "https://w3id.org/ro/crate/1.1/context"
        response = requests.Response()
        response.status_code, response.headers["Content-Type"] = 200, "application/ld+json"
        response._content = json.dumps({"@context": TERMS}).encode()
        return response

    monkeypatch.setattr(HttpRequester, "get", get, raising=False)
    unpacked = tmp_path / "crate"
    with zipfile.ZipFile(run.write()) as archive:
        archive.extractall(unpacked)
    settings = ValidationSettings(
        rocrate_uri=str(unpacked),
        profile_identifier="workflow-run-crate",
        requirement_severity=Severity.REQUIRED,
        offline=True,
        cache_path=tmp_path / "cache",
    )
    issues = services.validate(settings).get_issues()
    assert [f"{issue.check.identifier}: {issue.message}" for issue in issues] == []
    assert ROCrate(unpacked).mainEntity.id == "source/workflow/Snakefile"


def test_the_same_files_give_the_same_bytes(run, tmp_path):
    assert run.write().read_bytes() == run.write(tmp_path / "again.zip").read_bytes()


def test_every_kind_of_data_set_has_a_source():
    assert set(DATA_SOURCES) == set(DATASET_OPTIONS)


def test_what_the_default_config_has_and_the_run_had_not_stays_switched_off(run):
    archived = json.loads(read(run.write(), "config.json"))
    assert archived["experiments"]["digits_cnn"] is None
    assert check_config(merge_config([load_config(), archived]), SCHEMA) == run.config


def test_a_damaged_cube_is_refused_by_name(run):
    run.cube.write_bytes(run.cube.read_bytes()[:-200])
    with pytest.raises(InfoflowError, match=r"digits_mlp\.nc: not a whole cube"):
        run.write()
    assert not run.archive.exists()


def test_a_cube_that_was_made_otherwise_is_refused(run):
    with pytest.raises(InfoflowError, match=r"digits_mlp\.nc: made with trainings\.train\.epochs = 40, not 41"):
        run.write(made_by=MADE_BY | {"trainings": {"train": {"epochs": 41}}})


def test_the_cube_of_a_study_is_checked_by_its_recorded_parameters(run):
    made_by = {"exact": {"code": "0123"}}
    study = xr.Dataset({"flow": ((), 0.5, {"long_name": "coupling", "units": "1"})}, attrs={"title": "chain"})
    path = run.cube.with_name("ising_1d.nc")
    write_study(describe_study(study, {"parameters": made_by}), path, "merge_ising_1d")
    run.write(studies={"ising_1d": made_by})
    assert hashlib.sha256(read(run.archive, "cubes/ising_1d.nc")).digest() == hashlib.sha256(path.read_bytes()).digest()
    assert not verify.check_archive(run.archive)
    assert json.loads(read(run.archive, "cost.json"))["total"]["rules"]["merge_ising_1d"]["jobs"] == 1
    with pytest.raises(InfoflowError, match="ising_1d.nc: made with exact.code = 0123, not 4567; delete it"):
        run.write(studies={"ising_1d": {"exact": {"code": "4567"}}})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InfoflowError, match="ising_1d.nc: not a whole cube"):
        run.write(studies={"ising_1d": made_by})


@pytest.mark.parametrize(
    ("axis", "values", "message"),
    [
        ("depth", [2], r"holds 24 trainings, 12 of the 12 of the config"),
        ("depth", [2, 3, 4], r"holds 24 trainings, 24 of the 36 of the config"),
        ("sigma_w2", [0.4, 9.0], r"holds 12 probes, 1 of the 2 of the config"),
    ],
)
def test_a_cube_of_another_grid_is_refused(run, axis, values, message):
    experiment = run.config["experiments"]["digits"] | {"highlight": None, axis: values}
    with pytest.raises(InfoflowError, match=rf"digits_mlp\.nc: {message}"):
        run.write(config=run.config | {"experiments": {"digits": experiment}})


def test_the_name_of_the_run_may_change(run):
    config = run.config | {"run": run.config["run"] | {"name": "another"}}
    assert verify.check_archive(run.write(config=config)) == []


def test_a_missing_licence_is_refused(run, tmp_path):
    shutil.copytree(ROOT / "workflow", tmp_path / "root/workflow", ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.raises(InfoflowError, match="LICENSE: is missing"):
        run.write(root=tmp_path / "root")


def test_costs_are_summed_over_cubes(run):
    more = {"probe_cascade": COST | {"peak_memory_mb": 900.0}}
    cost = cost_summary({"a": {"cost": json.dumps(COSTS)}, "b": {"cost": json.dumps(more)}, "c": {}})
    assert cost["total"]["rules"]["probe_cascade"] == {
        "jobs": 4,
        "cpu_seconds": 16.0,
        "wall_seconds": 8.0,
        "gpu_seconds": 0.0,
        "peak_memory_mb": 900.0,
    }
    assert cost["total"]["probing_to_training"] == {"probe_cascade": 0.5}
    assert cost["cubes"] == {
        "a": {"rules": COSTS, "probing_to_training": {"probe_cascade": 0.25}},
        "b": {"rules": more, "probing_to_training": {}},
    }
    rules = json.loads(read(run.write(), "cost.json"))["cubes"]["digits_mlp"]["rules"]
    assert rules.pop("merge_cube")["jobs"] == 1  # of writing the cube
    assert rules == COSTS


def pack(path, members):
    """Write a zip file of (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)


def with_mode(name, mode):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("/etc/passwd", "an absolute name"),
        ("../outside", "leads out of the archive"),
        ("cubes/../../outside", "leads out of the archive"),
        ("cubes\\..\\outside", "a backslash"),
        ("C:outside", "a drive letter"),
        ("README.md", "2 members of this name"),
        ("folder/", "not the plain name of a plain file"),
        ("cubes//x", "not the plain name of a plain file"),
        ("line\nbreak", "cannot be printed"),
        (with_mode("link", stat.S_IFLNK | 0o777), "a symbolic link"),
        (with_mode("device", stat.S_IFCHR | 0o600), "not the plain name of a plain file"),
        ("surplus", "is in the archive, but not in checksums.sha256"),
    ],
)
def test_a_member_that_should_not_be_there_is_named(run, tmp_path, extra, message):
    with zipfile.ZipFile(run.write()) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    forged = tmp_path / "forged.zip"
    pack(forged, [*members, (extra, b"x")])
    (problem,) = verify.check_archive(forged)
    assert message in problem
    assert "\n" not in problem


def forge(run, path, change):
    """Pack the archive again with changed contents."""
    with zipfile.ZipFile(run.write()) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    change(contents)
    pack(path, contents.items())


def edit(name, old, new):
    def change(contents):
        assert old in contents[name]
        contents[name] = contents[name].replace(old, new)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit("config.json", b'"seed": 0', b'"seed": 1'), "config.json: its SHA-256 is not that of"),
        (edit("config.json", b'"seed": 0', b'"seed": 10'), r"config.json: has \d+ bytes, but \d+ by"),
        (edit(METADATA, b"CreateAction", b"DeleteAction"), f"{METADATA}: its SHA-256 is not that of"),
        (edit(MANIFEST, b"  LICENSE\n", b"  LICENCE\n"), "LICENCE: is in checksums.sha256, but not in the archive"),
        (edit(MANIFEST, b"  LICENSE\n", b" *LICENSE\n"), r"checksums.sha256: line \d+ is not"),
        (edit(MANIFEST, b"  README.md\n", b"  LICENSE\n"), r"checksums.sha256: line \d+ is not a new file"),
        (lambda contents: contents.pop("cubes/digits_mlp.nc"), "digits_mlp.nc: is in checksums.sha256, but not"),
        (lambda contents: contents.pop(MANIFEST), "checksums.sha256: is missing; not an archive of infoflow"),
        (lambda contents: contents.pop(METADATA), "ro-crate-metadata.json: is missing"),
        (lambda contents: contents.update({MANIFEST: contents[MANIFEST][:-1]}), "its last line is cut off"),
        (lambda contents: contents.update({MANIFEST: b"\xff\n"}), "checksums.sha256: not text"),
    ],
)
def test_a_changed_content_is_named(run, tmp_path, change, message):
    forge(run, tmp_path / "forged.zip", change)
    problems = verify.check_archive(tmp_path / "forged.zip")
    assert any(re.search(message, problem) for problem in problems), problems


def test_metadata_that_are_no_crate_are_refused(run, tmp_path):
    def change(contents):
        old, contents[METADATA] = contents[METADATA], b"[]"
        digests = [hashlib.sha256(c).hexdigest().encode() for c in (old, b"[]")]
        contents[MANIFEST] = contents[MANIFEST].replace(*digests)

    forge(run, tmp_path / "forged.zip", change)
    (problem,) = verify.check_archive(tmp_path / "forged.zip")
    assert "not the metadata of an RO-Crate" in problem


def test_a_bomb_is_not_unpacked(run, tmp_path):
    """A member that unpacks to more than its declared size, and one that declares too much."""
    large = 50_000_000
    forge(run, tmp_path / "forged.zip", lambda contents: contents.update({"config.json": bytes(large)}))
    (problem,) = verify.check_archive(tmp_path / "forged.zip")
    assert f"config.json: has {large} bytes, but" in problem
    size = len(read(run.archive, "config.json"))
    raw = (tmp_path / "forged.zip").read_bytes()
    assert raw.count(large.to_bytes(4, "little")) == 2  # in its own header, and in the directory
    (tmp_path / "liar.zip").write_bytes(raw.replace(large.to_bytes(4, "little"), size.to_bytes(4, "little")))
    (problem,) = verify.check_archive(tmp_path / "liar.zip")
    assert "config.json: cannot be read (Bad CRC-32" in problem


def test_a_large_table_is_not_read(run, tmp_path, monkeypatch):
    monkeypatch.setattr(verify, "_LARGEST_TABLE", 1000)
    (problem,) = verify.check_archive(run.write())
    assert "checksums.sha256: has" in problem


def test_overlapping_members_are_refused(run, tmp_path):
    """Entries of the directory that share the bytes of one member."""
    with zipfile.ZipFile(tmp_path / "forged.zip", "w") as archive:
        archive.writestr("a", os.urandom(10_000))
        for k in range(3):
            info = copy.copy(archive.infolist()[0])
            info.filename = info.orig_filename = f"b{k}"
            archive.filelist.append(info)
    assert verify.check_archive(tmp_path / "forged.zip") == ["its members overlap"]


def test_a_flipped_bit_is_named(run):
    data = bytearray(run.write().read_bytes())
    with zipfile.ZipFile(run.archive) as archive:
        info = archive.getinfo("cubes/digits_mlp.nc")
    data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 4
    run.archive.write_bytes(data)
    (problem,) = verify.check_archive(run.archive)
    assert problem.startswith("cubes/digits_mlp.nc: ")


def test_noise_is_named_or_harmless(run, tmp_path):
    whole = run.write().read_bytes()
    with zipfile.ZipFile(run.archive) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
        directory = archive.start_dir
    random, noisy, named = np.random.default_rng(0), tmp_path / "noisy.zip", 0
    for start in [0, directory, len(whole) - 22] * 40:
        data = bytearray(whole)
        for position in random.integers(start, len(whole), 3):
            data[position] = random.integers(256)
        noisy.write_bytes(data)
        try:
            problems = verify.check_archive(noisy)
        except InfoflowError as error:
            problems = [str(error)]
        assert all(problem.isprintable() for problem in problems)
        if problems:
            named += 1
        else:
            with zipfile.ZipFile(noisy) as archive:
                assert {name: archive.read(name) for name in archive.namelist()} == contents
    assert named > 60


@pytest.mark.parametrize("content", [None, b"", b"not a zip file"])
def test_what_is_no_zip_file_is_refused_in_one_line(tmp_path, capsys, content):
    path = tmp_path / "x.zip"
    if content is not None:
        path.write_bytes(content)
    assert verify.main([str(path)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"error: {path}: not a zip file that can be read")


def test_the_command_line_names_what_is_wrong(run, tmp_path, capsys):
    forge(run, tmp_path / "forged.zip", edit("config.json", b'"seed": 0', b'"seed": 1'))
    assert verify.main([str(tmp_path / "forged.zip")]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line == f"error: {tmp_path}/forged.zip: config.json: its SHA-256 is not that of {MANIFEST}"


def test_differences_are_listed_and_are_no_error(run, tmp_path, capsys, monkeypatch):
    root = tmp_path / "root"
    for name, path in source_files(ROOT).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / name)
    run.write(root=root)
    off = {name: None for name in load_config()["experiments"] if name != "digits"}
    digits = {"depth": [2, 3], "decisions": None}
    present = {"run": {"name": run.config["run"]["name"]}, "experiments": {"digits": digits, **off}}
    (tmp_path / "same.yaml").write_text(yaml.safe_dump(present))
    monkeypatch.setattr(verify, "software", lambda: SOFTWARE)
    command = [str(run.archive), "--root", str(root), "--config"]
    assert verify.main([*command, str(tmp_path / "same.yaml")]) == 0
    sha256, same = capsys.readouterr().out.splitlines()
    assert sha256.endswith(f"whole; SHA-256 {hashlib.sha256(run.archive.read_bytes()).hexdigest()}")
    assert same == "nothing differs from the present code, config and software"

    (root / "Snakefile").write_bytes((root / "Snakefile").read_bytes().replace(b"\n", b"\r\n"))  # no difference
    (root / "workflow/scripts/train_network.py").write_text("edited")
    (root / "workflow/rules/new.smk").touch()
    (root / "config/slower.yaml").unlink()
    present["train"] = {"epochs": 7}
    present["datasets"] = {"mnist": None}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(present))
    monkeypatch.setattr(verify, "software", lambda: SOFTWARE | {"torch_version": "3"})
    assert verify.main([*command, str(tmp_path / "other.yaml")]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "source: config/slower.yaml: only in the archive",
        "source: workflow/rules/new.smk: not in the archive",
        "source: workflow/scripts/train_network.py: changed",
        # what the default says of some goes with it
        "config: architectures.cnn.train.epochs: 6 → absent",
        "config: architectures.resnet.train.epochs: 6 → absent",
        "config: datasets.digits.train.epochs: 40 → absent",
        'config: datasets.mnist: {"kind": "mnist"} → absent',
        "config: network_entropy.digits.train.epochs: 4 → absent",
        f"config: train.epochs: {run.config['train']['epochs']} → 7",
        'software: torch_version: "2" → "3"',
    ]
    (tmp_path / "bad.yaml").write_text("a: [")
    assert verify.main([*command, str(tmp_path / "bad.yaml")]) == 1
    assert "bad.yaml: not a config file" in capsys.readouterr().out.splitlines()[-1]


@given(st.recursive(st.integers(), lambda inner: st.dictionaries(st.text("ab"), inner, max_size=3)))
def test_nothing_differs_from_itself(value):
    assert list(differences({"x": value}, {"x": value})) == []


def test_the_digest_of_the_source_follows_names_and_contents(tmp_path):
    (tmp_path / "workflow/__pycache__").mkdir(parents=True)
    digests = []
    for name, content in [("a.py", "1\n"), ("a.py", "2\n"), ("b.py", "1\n"), ("b.py", "1\r\n")]:
        (tmp_path / "workflow" / name).write_bytes(content.encode())
        (tmp_path / "workflow/__pycache__/a.pyc").write_text(content)
        digests.append(source_digest(tmp_path))
    assert len({*digests}) == 3
    assert digests[2] == digests[3]
