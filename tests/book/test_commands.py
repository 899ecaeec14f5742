"""Every command that the book shows is one that there is."""

import re
import shlex
from functools import cache

import pytest
import yaml
from snakemake.cli import get_argument_parser

from book_pages import PAGES, blocks
from common import ROOT
from infoflow import cli
from infoflow.plan import KINDS

OWN = {"config/mine.yaml", "config/x.yaml", "config/pictures.yaml", "profiles/mysite"}
"""Files that the reader writes."""
ELSEWHERE = {"source", "cp", "export", "git", "pip", "sha256sum"}
LANGUAGES = {"sh", "python", "yaml", "toml", "rst", "math", "mermaid", "text"}
COMMANDS = [
    (page, line) for page in PAGES for block in blocks(page, "sh") for line in block.splitlines() if line.strip()
]


@cache
def make_targets() -> tuple[set[str], set[str]]:
    """Targets and variables of the Makefile."""
    text = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([\w-]+):", text, re.MULTILINE)), set(re.findall(r"\$\(?\"?(\w+)\)", text))


@cache
def snakemake_targets() -> set[str]:
    text = "".join(path.read_text() for path in [ROOT / "workflow/Snakefile", *(ROOT / "workflow/rules").glob("*.smk")])
    return set(re.findall(r"^ *rule (\w+):", text, re.MULTILINE)) | {f"study_{kind.name}" for kind in KINDS}


def check_file(name: str) -> None:
    assert name in OWN or "<" in name or (ROOT / name).exists(), f"{name}: there is no such file"


def check_make(words: list[str]) -> None:
    targets, variables = make_targets()
    for word in words:
        name, given, value = word.partition("=")
        assert name in (variables if given else targets), word
        if name == "CONFIG":
            check_file(value)


def check_snakemake(words: list[str]) -> None:
    known = get_argument_parser()._option_string_actions
    experiments = set(OWN_EXPERIMENTS)
    while words:
        word = words.pop(0)
        if word == "--":
            continue
        if word.startswith("-"):
            assert word in known, word
            if word in ("--sdm", "--conda-prefix"):
                words.pop(0)
            elif word == "--cores":
                assert words.pop(0).isdecimal()
            elif word == "--profile":
                check_file(words.pop(0))
            elif word == "--configfile":
                while words and not words[0].startswith("-"):
                    check_file(name := words.pop(0))
                    if (ROOT / name).is_file():
                        experiments |= set(yaml.safe_load((ROOT / name).read_text()).get("experiments", ()))
        elif word.startswith("results/"):
            assert word.split("/")[1] in snakemake_targets(), word
        else:
            kind, _, name = word.partition("_")
            assert name in experiments if kind == "experiment" else word in snakemake_targets(), word


OWN_EXPERIMENTS = ("pictures", "mnist_full")


def check_infoflow(words: list[str], monkeypatch) -> None:
    read = []
    for name in ("_check", "_plan"):
        monkeypatch.setattr(cli, name, lambda options: read.append(options) or 0)
    assert cli.main(words) == 0
    assert len(read) == 1
    if words[0] == "plan":
        check_snakemake(words[1:])


def check_python(words: list[str]) -> None:
    if words[0] == "-m":
        check_file(f"workflow/src/{words[1].replace('.', '/')}.py")
        return
    check_file(words[0])
    text = (ROOT / words[0]).read_text()
    assert all(word == "--help" or word in text for word in words[1:] if word.startswith("-"))


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_is_there(page, line, monkeypatch):
    quoted = re.sub(r"<[^>]*>", lambda found: found[0].replace(" ", "_"), line)
    program, *words = shlex.split(quoted, comments=True)
    if program == "make":
        check_make(words)
    elif program == "snakemake":
        check_snakemake(words)
    elif program == "infoflow":
        check_infoflow(words, monkeypatch)
    elif program.endswith("python"):
        check_python(words)
    else:
        assert program in ELSEWHERE, line


def test_a_command_that_is_not_there_is_noticed(monkeypatch):
    for line in ("make figure", "make figures CONFG=config/mnist.yaml", "make figures CONFIG=config/mist.yaml"):
        with pytest.raises(AssertionError):
            check_make(line.split()[1:])
    for line in ("--profile profiles/local all_figure", "--configfiles config/mnist.yaml", "-- experiment_nothing"):
        with pytest.raises(AssertionError):
            check_snakemake(line.split())
    with pytest.raises(AssertionError):
        check_infoflow(["check", "torchvision:resnet18", "--optimiser", "sgd:0.1"], monkeypatch)


def test_blocks_are_of_languages_that_are_tested():
    from book_pages import all_blocks

    found = {language for page in PAGES for language, _ in all_blocks(page) if not language.startswith("{")}
    assert found <= LANGUAGES
    assert len(COMMANDS) > 20
