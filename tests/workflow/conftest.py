"""Checkouts to run in, and a run that all tests look at."""

import shutil
from pathlib import Path

import pytest

from runs import Checkout, made_once


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    """A checkout in which nothing ran yet."""
    return Checkout(tmp_path)


def _run_all(root: Path) -> None:
    checkout = Checkout(root)
    checkout.configure_all()
    # the leaderboard of one experiment is made on demand
    checkout.run("all_figures", "study_leaderboard", limit=3600)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Checkout:
    """A checkout in which the tiny grid and all studies ran to their ends. Not to be changed: copy it."""
    return Checkout.at(made_once(tmp_path_factory, "finished", _run_all))


@pytest.fixture
def whole(finished, tmp_path) -> Checkout:
    """A copy of the finished checkout, times of files included."""
    shutil.copytree(finished.root, tmp_path / "again", symlinks=True)
    return Checkout.at(tmp_path / "again")


@pytest.fixture
def again(whole) -> Checkout:
    """Such a copy whose config has the tiny grid alone."""
    whole.configure()
    return whole
