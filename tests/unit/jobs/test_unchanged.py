"""An edit that somebody said changes no number: in a small package and repository of the test's own."""

import json
import subprocess

import pytest

from infoflow.errors import InfoflowError
from infoflow.jobs import provenance
from infoflow.jobs.unchanged import main, record_edit

CACHED = ("code_digest", "imported_modules", "equal_digest", "_imports", "_file", "_unchanged")
FILES = {
    "workflow/scripts/train.py": "def main():\n    from infoflow.engine.training import train\n",
    "workflow/src/infoflow/__init__.py": '"""What it is."""\n',
    "workflow/src/infoflow/engine/__init__.py": '"""What computes."""\n',
    "workflow/src/infoflow/engine/training.py": "total = 1 + 2\n",
    "workflow/src/infoflow/engine/device.py": "name = 'cpu'\n",
}
TRAINING = "engine/training.py"


class Repository:
    """A workflow with one rule, in git."""

    def __init__(self, root):
        self.root = root
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        self.git("init", "--quiet")
        self.commit()

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=self.root, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "test")

    def edit(self, text: str, module: str = TRAINING) -> None:
        (self.root / "workflow/src/infoflow" / module).write_text(text)

    def digest(self) -> str:
        for name in CACHED:
            getattr(provenance, name).cache_clear()
        return provenance.code_digest("train")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    workflow = tmp_path / "workflow"
    monkeypatch.setattr(provenance, "PACKAGE", workflow / "src/infoflow")
    monkeypatch.setattr(provenance, "SCRIPTS", workflow / "scripts")
    monkeypatch.setattr(provenance, "UNCHANGED", workflow / "unchanged.json")
    kept = [getattr(provenance, name) for name in CACHED]
    yield Repository(tmp_path)
    for function in kept:
        function.cache_clear()


def test_an_edit_that_changes_no_number_computes_nothing_again(repository):
    before = repository.digest()
    repository.edit("total = 3\n")
    edited = repository.digest()
    assert edited != before
    record_edit(TRAINING, "the sum is written down")
    assert repository.digest() == before
    (edit,) = json.loads((repository.root / "workflow/unchanged.json").read_text())
    assert (edit["module"], edit["why"]) == (TRAINING, "the sum is written down")
    repository.commit()
    assert repository.digest() == before
    # an edit of which nothing was said is one
    repository.edit("total = 4\n")
    assert repository.digest() not in (before, edited)
    repository.edit("total = 3\n")
    assert repository.digest() == before


def test_edits_follow_each_other(repository):
    before = repository.digest()
    for text in ("total = 3\n", "total = 2 + 1\n", "total = sum([1, 2])\n"):
        repository.edit(text)
        record_edit(TRAINING, "another way to say it")
        repository.commit()
        assert repository.digest() == before
    assert len(provenance.recorded_edits()) == 3
    # back to what was there on the way
    repository.edit("total = 2 + 1\n")
    assert repository.digest() == before


def test_an_edit_that_is_taken_back_and_made_again_computes_nothing_again(repository):
    before = repository.digest()
    for text in ("total = 3\n", "total = 1 + 2\n", "total = 3\n", "total = 1 + 2\n"):
        repository.edit(text)
        record_edit(TRAINING, "one way or the other")
        repository.commit()
        assert repository.digest() == before
    assert len(provenance.recorded_edits()) == 2


def test_several_edits_before_a_commit_are_said_one_by_one(repository):
    before = repository.digest()
    repository.edit("total = 3\n")
    record_edit(TRAINING, "written down")
    record_edit(TRAINING, "written down")  # once is enough
    repository.edit("name = str('cpu')\n", "engine/device.py")
    record_edit("engine/device.py", "is text anyway")
    assert repository.digest() == before
    assert [edit["module"] for edit in provenance.recorded_edits()] == [TRAINING, "engine/device.py"]


def test_what_is_said_of_one_module_says_nothing_of_another_with_the_same_text(repository):
    repository.edit("total = 1 + 2\n", "engine/device.py")
    repository.edit("from infoflow.engine import device\n")
    repository.commit()
    before = repository.digest()
    repository.edit("total = 3\n", "engine/device.py")
    edited = repository.digest()
    assert edited != before
    edit = {"module": "engine/other.py", "before": "total = 1 + 2\n", "after": "total = 3\n", "why": "the same"}
    edit |= {key: provenance.digest_source(edit[key].encode()) for key in ("before", "after")}
    provenance.UNCHANGED.write_text(json.dumps([edit]))
    assert repository.digest() == edited
    provenance.UNCHANGED.write_text(json.dumps([edit | {"module": "engine/device.py"}]))
    assert repository.digest() == before


def test_an_edit_that_runs_another_module_is_not_covered(repository):
    before = repository.digest()
    repository.edit("import infoflow.engine.device\ntotal = 1 + 2\n")
    record_edit(TRAINING, "an import computes nothing")
    assert repository.digest() != before


def test_what_is_said_is_recorded_in_cubes(repository):
    assert "edits_without_effect" not in provenance.software()
    repository.edit("total = 3\n")
    record_edit(TRAINING, "für σ_w²")
    (edit,) = json.loads(provenance.software()["edits_without_effect"])
    assert edit["why"] == "für σ_w²"
    assert provenance.software()["git_dirty"] == "true"


@pytest.mark.parametrize(
    ("module", "text", "message"),
    [
        ("engine/nothing.py", None, "engine/nothing.py: no module of the package; give its path within it, like"),
        ("engine", None, "engine: no module of the package"),
        ("infoflow.engine.training", None, "infoflow.engine.training: no module of the package"),
        (TRAINING, None, "engine/training.py: does what it did in the last commit; there is nothing to say"),
        (TRAINING, "# why\ntotal = 1 + 2\n", "engine/training.py: does what it did in the last commit"),
        ("engine/new.py", "total = 3\n", "engine/new.py: is not in the last commit of a git repository"),
    ],
)
def test_what_is_no_edit_is_refused_in_one_line(repository, capsys, module, text, message):
    if text is not None:
        repository.edit(text, module)
    with pytest.raises(InfoflowError) as refused:
        record_edit(module, "none")
    assert str(refused.value).startswith(message)
    assert main([module, "none"]) == 1
    assert capsys.readouterr().err == f"error: {refused.value}\n"
    assert not provenance.UNCHANGED.exists()


def test_without_a_repository_nothing_can_be_said(repository, monkeypatch):
    repository.edit("total = 3\n")
    monkeypatch.setenv("GIT_DIR", str(repository.root / "nothing"))
    with pytest.raises(InfoflowError, match="is not in the last commit of a git repository"):
        record_edit(TRAINING, "none")


def test_the_command_line_says_what_it_wrote(repository, capsys):
    repository.edit("total = 3\n")
    for arguments in ([], [TRAINING], [TRAINING, "a", "b"]):
        assert main(arguments) == 1
        assert capsys.readouterr().err.startswith("usage: python -m infoflow.jobs.unchanged <module> <why>")
    assert main([TRAINING, "written down"]) == 0
    told = f"{provenance.UNCHANGED}: {TRAINING} changes no number; commit it with the edit\n"
    assert capsys.readouterr().out == told
