import subprocess
import sys
from types import SimpleNamespace

import pytest
from snakemake.utils import format as snakemake_format

from infoflow.errors import InfoflowError
from infoflow.jobs.paths import refuse_braces, refuse_odd_paths, repair_scripts


def scripts(command: str) -> SimpleNamespace:
    """What Snakemake's module of scripts has, executing such a command."""

    class PythonScript:
        def execute_script(self, fname):
            return self._execute_cmd(command, py_exec="/a b/it's/python", fname=fname)

        def _execute_cmd(self, cmd, py_exec, fname):
            return snakemake_format(cmd, py_exec=py_exec, fname=fname)

    return SimpleNamespace(PythonScript=PythonScript)


@pytest.mark.parametrize("command", ["{py_exec} {fname:q}", "{py_exec:q} {fname:q}"])
def test_a_python_with_spaces_in_its_path_is_one_word_to_the_shell(command):
    module = scripts(command)
    for _ in range(2):  # a module of another workflow does it again
        repair_scripts(module)
    run = module.PythonScript().execute_script("c d.py")
    said = subprocess.run(["bash", "-c", f"printf '%s\\n' {run}"], capture_output=True, text=True, check=True).stdout
    assert said == "/a b/it's/python\nc d.py\n"


def test_what_snakemake_does_otherwise_is_left_to_it():
    repair_scripts(SimpleNamespace())


def test_a_cluster_gets_plain_paths_only():
    refuse_odd_paths([sys.executable, "/home/jö/x-1.2_3/@+,=:"])
    for path, told in (("/a b", "' '"), ("/it's", '"\'"'), ("/50%", "'%'"), ("/$x", "'\\$'")):
        with pytest.raises(InfoflowError, match=f"{told}; move the checkout, with its .venv made anew"):
            refuse_odd_paths(["/plain", path])


def test_braces_are_refused():
    refuse_braces("/a b")
    with pytest.raises(InfoflowError, match=r"/\{x\}/y: Snakemake takes what is in braces for a variable; move"):
        refuse_braces("/{x}/y")
