"""Thousands of broken configs and names: what is accepted is whole, everything else is refused in one line."""

import copy
import itertools
import re
from functools import cache
from pathlib import PurePosixPath

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from common import ROOT, SCHEMA, load_config
from infoflow.config.axes import expand_axis
from infoflow.config.check import check_config
from infoflow.errors import InfoflowError
from infoflow.files.names import POINT, cube_file, dataset_file, decode, encode
from infoflow.plan import Plan

settings.register_profile(
    "fuzz", derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
fuzz = settings.get_profile("fuzz")


@pytest.fixture(scope="module", autouse=True)
def schema_read_once():
    """To read the schema takes ten times as long as to check a config."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infoflow.config.check.yaml.safe_load", cache(yaml.safe_load))
        yield


FIXED_POINT = {**load_config(), **{name: {} for name in ("evaluate", "probe", "train")}}
"""The demonstration, with the sections it leaves out."""

NASTY = [
    *(
        "",
        " ",
        "a;touch pwned",
        "$(touch pwned)",
        "`touch pwned`",
        "../x",
        "/etc/passwd",
        "a/b",
        "a b",
        "'",
        '"',
        "a\nb",
    ),
    *("digits\n", "{x}", "{", "{{config}}", "-rf", "--", "ü", "a|b", ".*", "a.b", "~", "~nobody/x", "\0", "\x1b[2J"),
    *("\ud800", "\u2028", "x" * 300, "x" * 10_000, "__import__('os').system('id')", "!!python/name:os.system", "os"),
    *(-1, 0, 1, 2, 3, 10**6, 10**9, 10**18, 10**400, -(10**400), 1 << 20_000, True, False, None),
    *(-0.0, 0.0, 1.0, 2.0, 0.1 + 0.2, 5e-324, 1e-7, 1e300, float("nan"), float("inf"), -float("inf")),
    *([], {}, [[]], {"": {}}, {1: 2}, {None: 1}, {(1, 2): 3}, (1, 2), {1, 2}, b"bytes", object(), print, 1j),
    {"start": 0, "stop": 1e9, "step": 1e-6},
    {"start": 0, "stop": 1e6, "step": 1e-6},
    {"start": 1, "stop": 100000, "step": 1},
    {"start": 0, "stop": 2.0, "num": 3.0},
    {"start": 1, "stop": 5, "num": 10**9},
    {"start": 0, "stop": 100, "num": 20001},
    {"start": 0.0, "stop": 1e-300, "step": 5e-324},
    [*range(1, 30)],
    [-0.0, 1],
    [0.0, -0.0],
    [1e-6, 1e6],
    [1, 1.0],
]
"""What has broken a checker, a file name, a shell or a memory before."""


def one_of(values: list) -> st.SearchStrategy:
    """A copy of one of them; chosen by its number, because not all can be written."""
    return st.integers(0, len(values) - 1).map(lambda k: copy.deepcopy(values[k]))


nasty, nasty_text = one_of(NASTY), one_of([value for value in NASTY if isinstance(value, str)])

anything = st.recursive(
    nasty | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)

near = st.integers(1, 50) | st.integers(1, 5 * 10**6).map(lambda k: k / 10**6) | st.booleans() | st.none()
"""What many keys can have."""

names = st.sampled_from(["a", "a_b", "a_b_c", "b", "b_c", "c", "c_d", "a-b", "A", "x" * 100, "digits", "mlp"])


@st.composite
def mutated(draw) -> dict:
    """The demonstration with up to four entries deleted, replaced, moved or added."""
    config = copy.deepcopy(FIXED_POINT)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        entry = config
        for _ in range(draw(st.integers(0, 4))):
            inner = [
                v for v in (entry.values() if isinstance(entry, dict) else entry) if isinstance(v, dict | list) and v
            ]
            if not inner:
                break
            entry = inner[draw(st.integers(0, len(inner) - 1))]
        keys = list(entry) if isinstance(entry, dict) else list(range(len(entry)))
        if not keys:
            continue
        key = keys[draw(st.integers(0, len(keys) - 1))]
        match draw(st.sampled_from(["delete", "replace", "nasty", "near", "add", "swap"])):
            case "delete":
                del entry[key]
            case "replace":
                entry[key] = draw(anything)
            case "nasty":
                entry[key] = draw(nasty)
            case "near":
                entry[key] = draw(near)
            case "swap":  # with what is right elsewhere
                other = keys[draw(st.integers(0, len(keys) - 1))]
                entry[key], entry[other] = entry[other], entry[key]
            case "add" if isinstance(entry, dict):
                entry[draw(names | nasty_text)] = draw(st.just(copy.deepcopy(entry[key])) | anything)
            case "add":
                entry.append(draw(anything))
    return config


@st.composite
def renamed(draw) -> dict:
    """A valid config but for its names and axes, which are drawn."""
    axis = st.lists(st.integers(0, 4 * 10**6).map(lambda k: k / 10**6), min_size=1, max_size=4, unique=True)
    depth = st.lists(st.integers(1, 100_000), min_size=1, max_size=4, unique=True)
    if draw(st.integers(0, 3)) == 3:
        axis, depth = axis | nasty, depth | nasty
    datasets, architectures = (draw(st.lists(names, min_size=1, max_size=4, unique=True)) for _ in range(2))
    layout = st.sampled_from(["wide", "shrinking"])
    return {
        "datasets": {name: {"kind": "mnist"} for name in datasets},
        "architectures": {name: {"kind": "mlp", "width": 8, "layout": draw(layout)} for name in architectures},
        "experiments": {
            name: {
                "dataset": draw(st.sampled_from(datasets)),
                "architecture": draw(st.sampled_from(architectures)),
                **{a: draw(axis) for a in ("sigma_w2", "sigma_b2")},
                "depth": draw(depth),
                "truth": draw(st.booleans()),
            }
            for name in draw(st.lists(names, min_size=1, max_size=3, unique=True))
        },
    }


def wildcards_of(pattern: str, path: str, plan: Plan) -> dict[str, str]:
    """What Snakemake reads off a file name, with the constraints of the rules."""
    constraints = {
        "dataset": "|".join(plan.config["datasets"]),
        "architecture": "|".join(plan.config["architectures"]),
        "cube": "|".join(plan.cubes),
        "point": POINT,
    }
    expression = re.sub(r"{(\w+)}", lambda m: f"(?P<{m[1]}>{constraints[m[1]]})", pattern.replace(".", r"\."))
    match = re.fullmatch(expression, path)
    assert match, (pattern, path)
    return match.groupdict()


def check_files(plan: Plan) -> None:
    """Every file lies below results/, and Snakemake finds in its name what it was made of."""
    study = plan.of["trainability"]
    point = "results/{rule}/{{dataset}}/{{architecture}}/{{point}}.nc"
    files = [("results/cubes/{cube}.nc", {"cube": name}) for name in plan.cubes]
    assert {cube_file(name) for name in plan.cubes} == {f"results/cubes/{name}.nc" for name in plan.cubes}
    for experiment in study.experiments.values():
        assert dataset_file(experiment.dataset) == f"results/prepare_dataset/{experiment.dataset}.nc"
        files.append(("results/prepare_dataset/{dataset}.nc", {"dataset": experiment.dataset}))
        assert study.methods(experiment)
    explained = [e.explained for e in study.experiments.values() if e.explained]
    # Of large grids a part: the whole takes Snakemake, not this package, too long.
    grid = study.grid
    for rule, points in (("probe", grid.probes), ("train", grid.trainings), ("explain", lambda: explained)):
        for p in itertools.chain(points()[:20], points()[-20:]):
            wildcards = {"dataset": p.dataset, "architecture": p.architecture, "point": p.name}
            assert decode(p.name) == (p.sigma_w2, p.sigma_b2, p.depth)
            files.append((point.format(rule=rule), wildcards))
    for figure in plan.figures:
        files += [(f"results/figures/{{cube}}/{figure.name}.png", {"cube": cube}) for cube in figure.of]
    for pattern, wildcards in files:
        path = pattern.format(**wildcards)
        assert wildcards_of(pattern, path, plan) == wildcards
        parts = PurePosixPath(path).parts
        assert parts[0] == "results"
        assert ".." not in parts
        assert max(len(part.encode()) for part in parts) <= 230  # of 255: temporary files have longer names


def outcome(function, *arguments):
    """What the function returns, or the error by which it refuses its arguments, whose line is checked."""
    try:
        return function(*arguments)
    except InfoflowError as error:
        told = str(error)
        problem = None if told.isprintable() and 0 < len(told) < 5000 else told
    assert problem is None
    return InfoflowError(told)


def check_one(config) -> None:
    plan = outcome(Plan, config, ROOT)
    if isinstance(plan, InfoflowError):
        event("refused")
        assert re.match(r"(config: )?(\w[^:]*|top level): .", str(plan)), str(plan)
        return
    event("accepted")
    assert check_config(plan.config, SCHEMA) == plan.config
    check_files(plan)


@settings(fuzz, max_examples=2500)
@given(mutated())
def test_a_mutated_config_is_whole_or_refused_in_one_line(config):
    check_one(config)


@settings(fuzz, max_examples=700)
@given(renamed())
def test_names_and_axes_make_files_that_are_found_again_or_are_refused(config):
    check_one(config)


@settings(fuzz, max_examples=500)
@given(anything | st.dictionaries(st.sampled_from(list(FIXED_POINT)), anything))
def test_anything_at_all_is_refused_in_one_line(config):
    check_one(config)


sizes = st.integers(0, 10**12) | st.integers(0, 10**6)


@settings(fuzz, max_examples=1500)
@given(sizes, sizes, st.integers(1, 999_999))
def test_every_point_that_can_be_named_is_found_in_its_name(w, b, depth):
    w, b = w / 10**6, b / 10**6
    name = encode(w, b, depth)
    assert decode(name) == (w, b, depth)
    assert re.fullmatch(POINT, name)
    assert len(name) < 50


@settings(fuzz, max_examples=500)
@given(*[st.lists(st.floats(0, 1e6) | st.integers(0, 10**6) | st.just(-0.0), min_size=2, max_size=2)] * 2)
def test_two_points_have_two_names(w, b):
    named = {}
    for point in itertools.product(w, b):
        try:
            named.setdefault(encode(*point, 3), point)
        except InfoflowError:
            continue
        assert named[encode(*point, 3)] == point


digits = st.text("0123456789", min_size=0, max_size=8)
near_names = st.builds("w{}.{}_b{}.{}_d{}{}".format, *[digits] * 5, st.sampled_from(["", "\n", " ", ".nc", "/.."]))


@settings(fuzz, max_examples=1000)
@given(
    near_names
    | st.text(max_size=60)
    | st.from_regex(re.compile(r"w\d+\.\d{6}_b\d+\.\d{6}_d\d{3,}"), fullmatch=True)
    | nasty_text
    | st.integers(3, 6000).map(lambda n: "w0.000000_b0.000000_d" + "9" * n)
    | st.integers(1, 6000).map(lambda n: "w" + "9" * n + ".000000_b0.000000_d003")
)
def test_what_is_no_name_is_refused_in_one_line(text):
    values = outcome(decode, text)
    assert isinstance(values, InfoflowError) or encode(*values) == text


@settings(fuzz, max_examples=500)
@given(
    st.sampled_from(["sigma_w2", "depth"]),
    st.fixed_dictionaries(
        {"start": st.integers(0, 10**5), "stop": st.integers(0, 10**5) | st.floats(0, 1e6)},
        optional={"step": st.floats(0, 1e6, exclude_min=True)},
    ),
    st.integers(1, 3000),
)
def test_an_axis_is_ascending_and_bounded_or_refused(axis, spec, num):
    if "step" not in spec:
        spec = spec | {"num": num}
    values = outcome(expand_axis, axis, spec)
    if isinstance(values, InfoflowError):
        return
    assert all(a < b for a, b in itertools.pairwise(values))
    assert len(values) <= 1_000_000


def test_a_grid_of_many_points_is_planned_and_one_of_too_many_refused():
    config = load_config()
    axes = {"sigma_w2": {"start": 0, "stop": 9.99, "num": 1000}, "sigma_b2": {"start": 0, "stop": 0.99, "num": 100}}
    config["experiments"]["digits"] |= axes | {"depth": [5], "highlight": None, "truth": True}
    grid = Plan(config, ROOT).of["trainability"].grid
    assert len(grid.probes("digits")) == len(grid.trainings("digits")) == 100_000
    config["experiments"]["digits"]["depth"] = {"start": 1, "stop": 100_000, "step": 1}
    with pytest.raises(InfoflowError, match="experiments.digits: 1000 x 100 x 100000 points, .* choose fewer values"):
        Plan(config, ROOT)


def test_a_config_that_refers_to_itself_is_refused():
    loop: dict = {}
    loop["run"] = loop
    many: list = ["x"]
    for _ in range(12):
        many = [many] * 9
    for config, problem in ((loop, "nested more than 20 levels"), ({"run": many}, "more than 200000 values")):
        with pytest.raises(InfoflowError, match=f"config: run.*: {problem}"):
            check_config(config, SCHEMA)
