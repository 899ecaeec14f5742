"""Jobs that are forked end, fail and are killed as those do that have a Python of their own."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from infoflow.jobs.forkserver import OFF, ForkServer, fork_scripts

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells of the end of processes")


@pytest.fixture
def server():
    server = ForkServer(["fractions", "no_such_library"])
    yield server
    server.close()


@pytest.fixture
def script(tmp_path):
    """Write a script, and name it."""

    def write(text: str) -> str:
        path = tmp_path / f"script{len(list(tmp_path.glob('script*')))}.py"
        path.write_text(text)
        return str(path)

    return write


def told(tmp_path: Path) -> dict:
    return json.loads((tmp_path / "told").read_text())


TELL = """
import json, os, sys
told = {
    "main": __name__, "file": __file__, "argv": sys.argv, "path": sys.path[0], "known": "fractions" in sys.modules,
    "tmpdir": os.environ.get("TMPDIR"), "threads": os.environ["OMP_NUM_THREADS"], "pid": os.getpid(),
    "locking": os.environ["HDF5_USE_FILE_LOCKING"], "directory": os.getcwd(),
}
"""


def test_a_script_sees_what_it_would_see_by_itself(server, script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = script(f"{TELL}\njson.dump(told, open('told', 'w'))")
    assert server.run(path, {"TMPDIR": "/elsewhere"}).code == 0
    about = told(tmp_path)
    assert about.pop("pid") != os.getpid()
    assert about == {
        "main": "__main__",
        "file": path,
        "argv": [path],
        "path": str(tmp_path),
        "known": True,
        "tmpdir": "/elsewhere",
        "threads": "1",
        "locking": "FALSE",
        "directory": str(tmp_path),
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('error: so it is')", 1),
        ("raise ValueError('so it is')", 1),
        ("import os; os._exit(0)", 0),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", 1),
        ("import os; os.abort()", -signal.SIGABRT),
    ],
)
def test_it_ends_as_it_would_by_itself(server, script, text, code):
    path = script(text)
    assert server.run(path, {}).code == code
    if code != 1:
        assert subprocess.run([sys.executable, path]).returncode == code


def test_messages_go_to_where_those_of_the_run_go(script, tmp_path):
    code = (
        "import sys; from infoflow.jobs.forkserver import ForkServer; server = ForkServer([])\n"
        "for path in sys.argv[1:]: server.run(path, {})"
    )
    scripts = [script("import sys; sys.exit('error: so it is')"), script("print('found'); raise ValueError('no')")]
    done = subprocess.run([sys.executable, "-c", code, *scripts], capture_output=True, text=True)
    assert done.stdout == "found\n"
    assert done.stderr.startswith("error: so it is\nTraceback")
    assert done.stderr.endswith("ValueError: no\n")


def test_it_tells_what_a_job_took(server, script):
    ended = server.run(script("import time; held = b'x' * (200 << 20); time.sleep(0.3)"), {})
    assert ended.seconds > 0.3
    assert 0 < ended.cpu_seconds <= ended.seconds
    assert 200 < ended.memory_mb < 300


def test_jobs_run_side_by_side(server, script, tmp_path, monkeypatch):
    """Each waits for the other."""
    monkeypatch.chdir(tmp_path)
    text = (
        "import os, time\nopen('{me}', 'w')\nend = time.monotonic() + 60\n"
        "while not os.path.exists('{other}') and time.monotonic() < end: time.sleep(0.01)\n"
        "raise SystemExit(not os.path.exists('{other}'))"
    )
    codes = []
    threads = [
        threading.Thread(target=lambda path=path: codes.append(server.run(path, {}).code))
        for path in (script(text.format(me="a", other="b")), script(text.format(me="b", other="a")))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0]


def test_a_server_that_is_killed_is_said_and_started_again(server, script):
    with pytest.raises(ConnectionError, match="was ended while"):
        server.run(script("import os; os.kill(os.getppid(), 9)"), {})
    assert server.run(script(""), {}).code == 0


def test_jobs_outlive_who_ordered_them(script, tmp_path):
    """As those do that Snakemake starts: their results count."""
    path = script(
        f"import os, time\nserver = os.getppid()\nopen({str(tmp_path / 'begun')!r}, 'w')\n"
        "while os.getppid() == server: time.sleep(0.01)\n"
        f"open({str(tmp_path / 'late')!r}, 'w')\nos.rename({str(tmp_path / 'late')!r}, {str(tmp_path / 'done')!r})"
    )
    code = f"from infoflow.jobs.forkserver import ForkServer; ForkServer([]).run({path!r}, {{}})"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        wait_for(tmp_path / "begun")
        process.kill()
    wait_for(tmp_path / "done")


def wait_for(path: Path) -> None:
    waiting = threading.Event()
    for _ in range(6000):
        if path.exists():
            return
        waiting.wait(0.01)
    pytest.fail(f"no {path}")


class Recorded:
    """What stands in for the server, and for Snakemake's way to start scripts."""

    def __init__(self, code: int = 0):
        self.code, self.forked, self.plain = code, [], []
        self.module = SimpleNamespace(PythonScript=type("PythonScript", (), {"execute_script": self.execute()}))
        fork_scripts(self.module, self)

    def execute(self):
        return lambda script, fname, edit=False: self.plain.append(fname)

    def run(self, script, environment):
        self.forked.append((script, environment))
        return SimpleNamespace(code=self.code, seconds=2.0, cpu_seconds=1.5, memory_mb=300.0)

    def script(self, **changes):
        script = self.module.PythonScript()
        plain = dict.fromkeys(("conda_env", "env_modules", "container_img", "shadow_dir", "bench_record"))
        vars(script).update({**plain, "threads": 1, "resources": {"tmpdir": "/elsewhere"}, **changes})
        return script


def test_the_first_job_starts_as_ever_and_the_others_are_forked():
    recorded = Recorded()
    for name in "abc":
        recorded.script().execute_script(name)
    assert recorded.plain == ["a"]
    assert [name for name, _ in recorded.forked] == ["b", "c"]
    assert recorded.forked[0][1]["TMPDIR"] == "/elsewhere"


@pytest.mark.parametrize(
    "changes", [{"threads": 2}, {"conda_env": "envs/x"}, {"container_img": "docker://x"}, {"env_modules": ["x"]}]
)
def test_what_has_an_environment_or_threads_of_its_own_is_not_forked(changes):
    recorded = Recorded()
    for name in "abc":
        recorded.script(**changes).execute_script(name)
    assert recorded.plain == ["a", "b", "c"]


def test_it_can_be_turned_off(monkeypatch):
    monkeypatch.setenv(OFF, "0")
    recorded = Recorded()
    for name in "ab":
        recorded.script().execute_script(name)
    assert recorded.plain == ["a", "b"]


def test_a_job_that_fails_is_told_as_snakemake_tells_it():
    recorded = Recorded(code=-9)
    recorded.script().execute_script("a")
    with pytest.raises(subprocess.CalledProcessError, match="b.* died with .*SIGKILL"):
        recorded.script().execute_script("b")


def test_what_it_took_is_in_the_benchmark():
    from snakemake.benchmark import BenchmarkRecord

    recorded, record = Recorded(), BenchmarkRecord()
    recorded.script().execute_script("a")
    recorded.script(bench_record=record).execute_script("b")
    seconds, _, memory, *_, load, cpu = record.to_tsv(False).split("\t")
    assert (seconds, memory, load, cpu) == ("2.00", "300.00", "75.00", "1.50")


def test_snakemake_starts_scripts_as_is_expected_here():
    """What is replaced is there, and has what is asked of it."""
    from snakemake.script import PythonScript, ScriptBase

    assert hasattr(PythonScript, "execute_script")
    names = ScriptBase.__init__.__code__.co_varnames
    asked = {"conda_env", "env_modules", "container_img", "shadow_dir", "threads", "resources", "bench_record"}
    assert asked <= set(names)
