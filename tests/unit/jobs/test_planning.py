"""Snakemake is asked the same things, less often. That plans stay what they are: tests/workflow/test_reruns.py."""

import gc
import inspect
from types import SimpleNamespace

import pytest
import snakemake.cli  # the others have to be imported in its order
import snakemake.common
import snakemake.dag
import snakemake.io
import snakemake.resources
import snakemake.rules

from infoflow.jobs import planning
from infoflow.jobs.planning import ask_once, collect_seldom


@pytest.fixture
def taught():
    """The modules of Snakemake, taught, and how they were; they are put back."""
    parts = [
        (snakemake.common, "get_function_params"),
        (snakemake.rules, "get_function_params"),
        (snakemake.rules.Rule, "apply_input_function"),
        (snakemake.dag.ScriptProcessor, "process_job"),
        *((m, "is_flagged") for m in (snakemake.io, snakemake.dag, snakemake.rules)),
    ]
    kept = [getattr(*part) for part in parts]
    ask_once()
    yield dict(zip([f"{where.__name__}.{name}" for where, name in parts], kept))
    for (where, name), value in zip(parts, kept):
        setattr(where, name, value)


class Told:
    def method(self, wildcards, attempt):
        return attempt


def told(wildcards, threads=1, **more):
    return threads


def overwritten(*args):
    return args


def test_signatures_are_what_they_are(taught):
    snakemake.common.overwrite_function_params(overwritten, ["input", "output"])
    asked = taught["snakemake.common.get_function_params"]
    for function in (
        told,
        told,
        Told().method,
        Told().method,
        Told.method,
        overwritten,
        lambda wildcards: 0,
        Told,
        len,
    ):
        assert snakemake.rules.get_function_params(function) == asked(function), function
    assert list(snakemake.rules.get_function_params(Told().method)) == ["wildcards", "attempt"]
    assert list(snakemake.rules.get_function_params(Told.method)) == ["self", "wildcards", "attempt"]


def test_a_signature_is_looked_at_once(taught, monkeypatch):
    def function(wildcards, input):
        return input

    first = snakemake.rules.get_function_params(function)
    monkeypatch.setattr(inspect, "signature", lambda function: pytest.fail("looked at again"))
    assert snakemake.rules.get_function_params(function) is first


def test_flags_are_what_they_are(taught):
    asked = taught["snakemake.io.is_flagged"]
    rule = SimpleNamespace(pathvars=SimpleNamespace(apply=lambda text: text))
    temporary = snakemake.io.temp("a")
    values = ["a", temporary, snakemake.io.AnnotatedString("a"), snakemake.io.flag("a", "temp", False), told]
    values += [snakemake.io.IOFile(value, rule=rule) for value in ("a", temporary, snakemake.io.directory("b"))]
    for value in values:
        for flag in ("temp", "directory", "storage_object"):
            assert snakemake.dag.is_flagged(value, flag) is asked(value, flag), (value, flag)
    assert snakemake.rules.is_flagged(temporary, "temp")


def test_resources_that_are_numbers_are_taken_as_they_are(taught):
    asked = taught["Rule.apply_input_function"]
    rule = SimpleNamespace(name="a")
    number = snakemake.resources.Resource("mem_mb", 3)
    computed = snakemake.resources.Resource("mem_mb", lambda wildcards, attempt: 3 * attempt)
    for resource in (number, computed):
        given = {"attempt": 2, "input": []}
        found = snakemake.rules.Rule.apply_input_function(rule, resource.evaluate, {"a": "b"}, **given)
        assert found == asked(rule, resource.evaluate, {"a": "b"}, **given)
        assert found[0].value == (3 if resource is number else 6)


def job(script: str, point: str, /, **params):
    rule = SimpleNamespace(script=script, basedir="/rules", notebook=None)
    return SimpleNamespace(rule=rule, is_script=True, params=params, wildcards={"point": point})


def test_a_script_is_looked_for_once_per_rule(taught, monkeypatch):
    looked = []

    def get_source(path, cache, basedir, wildcards, params):
        looked.append(path.format(wildcards=wildcards, params=SimpleNamespace(**params)))
        return looked[-1], None, None, None, None

    monkeypatch.setattr(snakemake.dag.script, "get_source", get_source)
    cache = SimpleNamespace(exists=lambda file: "lost" not in file)
    processor = snakemake.dag.ScriptProcessor(SimpleNamespace(workflow=SimpleNamespace(sourcecache=cache)))
    for k in range(3):
        processor.process_job(job("train.py", str(k)))
        processor.process_job(job("{params.script}.py", str(k), script="a"))
        processor.process_job(job("{params.script}.py", str(k), script="b"))
        processor.process_job(job("{wildcards[point]}.py", str(k)))
    assert looked == ["train.py", "a.py", "b.py", "0.py", "1.py", "2.py"]
    for _ in range(2):  # what is not there is missed every time
        with pytest.raises(snakemake.dag.WorkflowError, match="lost.py not accessible"):
            processor.process_job(job("lost.py", "0"))


def test_it_is_taught_once(taught):
    ours = snakemake.rules.get_function_params, snakemake.dag.ScriptProcessor.process_job, snakemake.io.is_flagged
    ask_once()
    again = snakemake.rules.get_function_params, snakemake.dag.ScriptProcessor.process_job, snakemake.io.is_flagged
    assert ours == again


def test_another_version_is_left_alone_and_a_line_says_so(caplog):
    caplog.set_level("INFO", logger=planning.__name__)
    ask_once({})
    ask_once({name: SimpleNamespace() for name in ("snakemake.common", "snakemake.rules", "snakemake.dag")})
    assert len(caplog.messages) == 8
    assert all("this version of Snakemake plans large grids slowly" in message for message in caplog.messages)


def test_garbage_is_looked_for_less_often():
    kept = gc.get_threshold()
    try:
        collect_seldom()
        assert gc.get_threshold()[0] >= 100 * kept[0]
        assert gc.isenabled()
    finally:
        gc.set_threshold(*kept)
