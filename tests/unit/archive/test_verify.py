"""The check of an archive: what it finds, and what it lists as different."""

import copy
import hashlib
import os
import re
import shutil
import stat
import zipfile

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from archived import SOFTWARE, pack, read, written
from common import ROOT
from infoflow.archive import verify
from infoflow.archive.crate import MANIFEST, METADATA
from infoflow.archive.source import source_files
from infoflow.archive.verify import differences
from infoflow.errors import InfoflowError


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
        (lambda contents: contents.pop("cubes/digits.nc"), "digits.nc: is in checksums.sha256, but not"),
        (lambda contents: contents.pop(MANIFEST), "checksums.sha256: is missing; not an archive of infoflow"),
        (lambda contents: contents.pop(METADATA), "ro-crate-metadata.json: is missing"),
        (lambda contents: contents.update({MANIFEST: contents[MANIFEST][:-1]}), "its last line is cut off"),
        (lambda contents: contents.update({MANIFEST: b"\xff\n"}), "checksums.sha256: not text"),
    ],
)
def test_a_changed_content_is_named(run, tmp_path, change, message):
    run.forge(tmp_path / "forged.zip", change)
    problems = verify.check_archive(tmp_path / "forged.zip")
    assert any(re.search(message, problem) for problem in problems), problems


def test_metadata_that_are_no_crate_are_refused(run, tmp_path):
    def change(contents):
        old, contents[METADATA] = contents[METADATA], b"[]"
        digests = [hashlib.sha256(c).hexdigest().encode() for c in (old, b"[]")]
        contents[MANIFEST] = contents[MANIFEST].replace(*digests)

    run.forge(tmp_path / "forged.zip", change)
    (problem,) = verify.check_archive(tmp_path / "forged.zip")
    assert "not the metadata of an RO-Crate" in problem


def test_a_bomb_is_not_unpacked(run, tmp_path):
    """A member that unpacks to more than its declared size, and one that declares too much."""
    large = 50_000_000
    run.forge(tmp_path / "forged.zip", lambda contents: contents.update({"config.json": bytes(large)}))
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
        info = archive.getinfo("cubes/digits.nc")
    data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 4
    run.archive.write_bytes(data)
    (problem,) = verify.check_archive(run.archive)
    assert problem.startswith("cubes/digits.nc: ")


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
    run.forge(tmp_path / "forged.zip", edit("config.json", b'"seed": 0', b'"seed": 1'))
    assert verify.main([str(tmp_path / "forged.zip")]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line == f"error: {tmp_path}/forged.zip: config.json: its SHA-256 is not that of {MANIFEST}"


def test_differences_are_listed_and_are_no_error(run, tmp_path, capsys, monkeypatch):
    root = tmp_path / "root"
    for name, path in source_files(ROOT).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / name)
    run.write(root=root)
    (tmp_path / "same.yaml").write_text(yaml.safe_dump(written()))
    monkeypatch.setattr(verify, "software", lambda: SOFTWARE)
    command = [str(run.archive), "--root", str(root), "--config", str(tmp_path / "same.yaml")]
    assert verify.main(command) == 0
    sha256, same = capsys.readouterr().out.splitlines()
    assert sha256.endswith(f"whole; SHA-256 {hashlib.sha256(run.archive.read_bytes()).hexdigest()}")
    assert same == "nothing differs from the present code, config and software"

    (root / "Snakefile").write_bytes((root / "Snakefile").read_bytes().replace(b"\n", b"\r\n"))  # no difference
    (root / "workflow/scripts/train_network.py").write_text("edited")
    (root / "workflow/rules/new.smk").touch()
    (root / "config/slower.yaml").unlink()
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"train": {"epochs": 7}, "architectures": {"mlp_128": None}}))
    monkeypatch.setattr(verify, "software", lambda: SOFTWARE | {"torch_version": "3"})
    assert verify.main([*command, str(tmp_path / "other.yaml")]) == 0
    listed = capsys.readouterr().out.splitlines()[1:]
    (gone,) = (line for line in listed if line.startswith("config: architectures.mlp_128: "))
    assert gone.endswith(" → absent")
    listed.remove(gone)
    assert listed == [
        "source: config/slower.yaml: only in the archive",
        "source: workflow/rules/new.smk: not in the archive",
        "source: workflow/scripts/train_network.py: changed",
        # what the file below says of some goes with it
        "config: datasets.digits.train.epochs: 40 → absent",
        f"config: train.epochs: {run.config['train']['epochs']} → 7",
        'software: torch_version: "2" → "3"',
    ]
    (tmp_path / "bad.yaml").write_text("a: [")
    assert verify.main([*command, str(tmp_path / "bad.yaml")]) == 1
    assert "bad.yaml: not a config file" in capsys.readouterr().out.splitlines()[-1]


def test_without_a_config_of_its_own_a_run_is_compared_with_the_demonstration(run, capsys, monkeypatch):
    monkeypatch.setattr(verify, "software", lambda: SOFTWARE)
    assert verify.main([str(run.write())]) == 0
    listed = capsys.readouterr().out.splitlines()[1:]
    assert any(line.startswith("config: experiments.digits_cnn: absent → ") for line in listed)
    assert all(line.startswith("config: ") for line in listed)


@given(st.recursive(st.integers(), lambda inner: st.dictionaries(st.text("ab"), inner, max_size=3)))
def test_nothing_differs_from_itself(value):
    assert list(differences({"x": value}, {"x": value})) == []
