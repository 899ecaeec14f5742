"""The workflow as a module of another one, from a git repository: as snakedeploy and the workflow catalogue use it."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import xarray as xr
import yaml

from common import ROOT
from runs import CODE, TINY

CONFIG = TINY | {"ising": {"chain": {"steps": 3}}}
FIRST = ("results/prepare_dataset/digits.nc", "results/cubes/ising_1d.nc")
SOURCES = {
    "github": 'github("owner/infoflow", path="workflow/Snakefile", tag="v1")',
    "gitlab": 'gitlab("owner/infoflow", path="Snakefile", branch="main")',
    "file": '"git+file://{remote}/workflow/Snakefile@main"',
}


class Module:
    """A repository of the workflow, made to stand for those of hosting providers, and a workflow that uses it."""

    def __init__(self, root: Path):
        self.remote, self.user, self.cache = root / "hosted/owner/infoflow", root / "user", root / "cache"
        self.remote.mkdir(parents=True)
        self.user.mkdir()
        for name in CODE:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.remote / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / name, self.remote / name)
        hosts = {f"GIT_CONFIG_VALUE_{k}": f"https://{host}.com/" for k, host in enumerate(("github", "gitlab"))}
        hosts |= {f"GIT_CONFIG_KEY_{k}": f"url.{root}/hosted/.insteadOf" for k in range(2)}
        self.environment = os.environ | hosts | {"XDG_CACHE_HOME": str(self.cache), "GIT_CONFIG_COUNT": "2"}
        self.git("init", "--quiet", "--initial-branch=main")
        self.first = self.commit()
        self.git("tag", "v1")
        (self.user / "tiny.yaml").write_text(yaml.safe_dump(CONFIG))
        # before the installed package, which is that of the original
        self.place = self.cache / "snakemake/snakemake/source-cache/infoflow" / self.first
        self.environment["PYTHONPATH"] = str(self.place / "workflow/src")

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=owner", "-c", "user.email=owner@localhost", *arguments]
        done = subprocess.run(
            command, cwd=self.remote, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", "--force", ".")
        self.git("commit", "--quiet", "--message", "a commit")
        return self.git("rev-parse", "HEAD")

    def edit(self, file: str, old: str, new: str) -> str:
        path = self.remote / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        return self.commit()

    def snakemake(self, source: str, *arguments: str, more: str = "") -> subprocess.CompletedProcess:
        module = f"module infoflow:\n    snakefile: {source}\n    config: config\n\nuse rule * from infoflow\n"
        (self.user / "Snakefile").write_text((module + more).format(remote=self.remote))
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        command += ["--configfile", "tiny.yaml", "--"]
        return subprocess.run([*command, *FIRST], cwd=self.user, env=self.environment, capture_output=True, text=True)

    def run(self, source: str, *arguments: str) -> str:
        done = self.snakemake(source, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def module(tmp_path) -> Module:
    return Module(tmp_path)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_module_from_git_has_all_files_of_its_commit(module, source):
    assert "prepare_dataset" in module.run(source, "--dry-run")
    assert [path.name for path in module.place.parent.iterdir()] == [module.first]
    for path in module.git("ls-files").splitlines():
        assert (module.place / path).read_bytes() == (module.remote / path).read_bytes()


def test_a_module_from_git_computes_and_records_its_commit(module):
    module.run(SOURCES["github"])
    with xr.open_dataset(module.user / FIRST[1]) as cube:
        assert (cube.attrs["git_commit"], cube.attrs["git_dirty"]) == (module.first, "false")
    assert "Nothing to be done" in module.run(SOURCES["github"], "--dry-run")


def test_a_run_keeps_to_the_commit_that_it_began_with(module, tmp_path):
    source, same_run = SOURCES["file"], ("--dry-run", "--runtime-source-cache-path", tmp_path / "cache of the run")
    module.run(source, *same_run)
    module.edit("workflow/rules/data.smk", "rule prepare_dataset:", 'raise WorkflowError("edited")\n\n\nrule a:')
    module.run(source, *same_run)  # as its jobs do
    assert "edited" in module.snakemake(source, "--dry-run").stdout


def test_two_runs_may_begin_at_once(module):
    with ThreadPoolExecutor() as both:
        list(both.map(module.run, 2 * [SOURCES["file"]], 2 * ["--dry-run"]))
    assert list(module.place.parent.iterdir()) == [module.place]


def test_two_versions_are_refused_in_one_line(module):
    module.edit("CITATION.cff", "title:", "title: ")
    more = (
        f"module other:\n    snakefile: {SOURCES['gitlab']}\n    config: config\n\nuse rule * from other as other_*\n"
    )
    done = module.snakemake(SOURCES["github"], "--dry-run", more=more)
    assert done.returncode != 0
    assert "two versions of it cannot be modules of one workflow" in done.stdout + done.stderr


def test_a_module_from_an_address_is_refused_in_one_line(module):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments) -> None:
            pass

    handler = functools.partial(Quiet, directory=module.remote)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = module.snakemake(f'"http://127.0.0.1:{server.server_port}/workflow/Snakefile"', "--dry-run")
        server.shutdown()
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "infoflow cannot be a module from" in line]
    assert len(lines) == 1
    assert 'github("owner/infoflow"' in lines[0]
