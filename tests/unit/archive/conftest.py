import pytest

from archived import ArchivedRun


@pytest.fixture
def run(tmp_path):
    """Files of a made-up run, and how they are archived."""
    return ArchivedRun(tmp_path)
