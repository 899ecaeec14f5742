from pathlib import Path

from infoflow.jobs.memory import memory


def test_the_memory_is_that_of_the_system():
    (total,) = [
        line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal")
    ]
    assert memory() == int(total) * 1024
