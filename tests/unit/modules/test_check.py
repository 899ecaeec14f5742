"""The one call, from a network to a report."""

import json
import re

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import infoflow
from common import ROOT
from infoflow.errors import InfoflowError
from infoflow.files.conventions import validate
from infoflow.modules.capture import cut, take, untouched
from infoflow.modules.check import make_task
from infoflow.modules.repair import find_gains, movable
from infoflow.modules.signals import default_loss
from infoflow.modules.verdict import NOT_TRAINABLE, TRAINABLE
from plain_networks import digits, he, mlp, normal, seeded

X, Y = digits()


@pytest.fixture(scope="module")
def shrinking():
    return infoflow.check(lambda: mlp(6, normal(0.01)), X, Y, optimizer="sgd:0.1,steps=1000", seeds=2)


@pytest.fixture(scope="module")
def healthy():
    return infoflow.check(lambda: mlp(4, he, activation=nn.ReLU), X, Y, optimizer="sgd:0.1,steps=1000", seeds=2)


def test_a_network_that_trains_and_one_that_does_not(shrinking, healthy):
    assert healthy.verdict.answer == TRAINABLE
    assert healthy.culprit is None
    assert shrinking.verdict.answer == NOT_TRAINABLE
    assert "shrinks" in [m.name for m in shrinking.mechanisms]
    assert shrinking.culprit in ("2", "4", "6")
    for report in (shrinking, healthy):
        v = report.verdict
        assert 0 <= v.low <= v.probability <= v.high <= 1


def test_the_repair_is_applied_to_a_copy_and_makes_it_train(shrinking):
    model = seeded(lambda: mlp(6, normal(0.01)))
    before = [p.clone() for p in model.parameters()]
    report = infoflow.check(model, X, Y, optimizer="sgd:0.1,steps=1000")
    assert all(map(torch.equal, before, model.parameters()))
    assert report.repair.verdict.answer == TRAINABLE
    assert infoflow.rescale(model, report.repair) is model
    again = infoflow.check(model, X, Y, optimizer="sgd:0.1,steps=1000")
    assert again.verdict.answer == TRAINABLE
    assert all(torch.equal(p, q) for p, q in zip(before, model.parameters()) if p.ndim == 1)

    def accuracy(trained: nn.Module) -> float:
        optimizer = torch.optim.SGD(trained.parameters(), 0.1)
        stream = torch.Generator().manual_seed(0)
        for _ in range(1000):
            chosen = torch.randint(len(X), (32,), generator=stream)
            optimizer.zero_grad()
            nn.functional.cross_entropy(trained(X[chosen]), Y[chosen]).backward()
            optimizer.step()
        return float((trained(X).argmax(1) == Y).double().mean())

    assert accuracy(model) > 0.9
    assert accuracy(seeded(lambda: mlp(6, normal(0.01)))) < 0.2


def normed(width: int = 64) -> nn.Module:
    def block(inside: nn.Module) -> nn.Module:
        return Bypassed(nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), inside))

    return nn.Sequential(
        nn.Linear(64, width),
        nn.BatchNorm1d(width),
        *(block(nn.Linear(width, width)) for _ in range(3)),
        block(nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width))),
        nn.Linear(width, 10),
    )


class Bypassed(nn.Module):
    def __init__(self, inside: nn.Module):
        super().__init__()
        self.inside = inside

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.inside(x)


def test_weights_whose_scale_makes_no_difference_get_no_gain():
    """Those in front of a normalisation, also where what is bypassed makes the block's own norm too large."""
    x, y = digits()
    model = seeded(normed)
    task = make_task(x, y, default_loss)
    with untouched(model):
        blocks = cut(model, task.batch)
        batch = take(task.batch, slice(0, 32))
        found = movable(blocks, batch, torch.Generator().manual_seed(0))
        assert sorted(n for some in found.values() for n in some) == [
            *(f"{k}.inside.3.weight" for k in (2, 3, 4)),
            "6.weight",
        ]
        gains = find_gains(blocks, task, torch.Generator().manual_seed(0))
    assert gains
    assert not {0, 4} & set(gains)


def test_what_trains_and_shows_nothing_needs_no_repair():
    x, y = digits()
    report = infoflow.check(normed, x, y, optimizer="adam:1e-3,steps=500", seeds=2)
    assert report.verdict.answer == TRAINABLE
    assert report.mechanisms == ()
    assert not report.repair


@pytest.mark.parametrize(("width", "named"), [(1, True), (2, True), (16, False)])
def test_units_that_are_too_few_are_said_to_be_and_no_gain_promises_to_help(width, named):
    x, y = digits()
    report = infoflow.check(lambda: mlp(2, he, width=width), x, y, optimizer="adam:0.01,steps=500")
    told = [m.told for m in report.mechanisms if m.name == "too narrow"]
    assert bool(told) == named
    if named:
        assert f"no hidden block has more than {width} units" in told[0]
        assert report.verdict.answer == NOT_TRAINABLE
        assert report.repair.verdict is None or report.repair.verdict.probability < 0.5
        assert "wider" in " ".join(report.repair.advice)


def test_a_rate_that_is_too_large_is_said_to_be():
    report = infoflow.check(lambda: mlp(2, he, activation=nn.ReLU), X, Y, optimizer="sgd:50,steps=1000", seeds=2)
    assert report.verdict.answer == NOT_TRAINABLE
    assert "step too large" in [m.name for m in report.mechanisms]
    assert report.repair.learning_rate < 5


@pytest.mark.parametrize("spoil", [0.0, 0.1, 10.0])
def test_the_block_that_was_spoiled_is_named(spoil):
    hits = 0
    for block in range(5):
        model = seeded(lambda: mlp(5, he, activation=nn.ReLU), block)
        with torch.no_grad():
            model[2 * block].weight *= spoil
        report = infoflow.check(model, X, Y, optimizer="sgd:0.1,steps=1000")
        names = [b.name for b in report.blocks]
        hits += report.culprit is not None and abs(names.index(report.culprit) - block) <= 1
    assert hits >= 4


def test_a_report_can_be_kept(shrinking, tmp_path):
    told = json.loads(shrinking.to_json(tmp_path / "a.json"))
    assert told == json.loads((tmp_path / "a.json").read_text())
    assert told["verdict"]["answer"] == NOT_TRAINABLE
    assert len(told["layers"]) == 7
    page = shrinking.to_html(tmp_path / "a.html")
    assert page == (tmp_path / "a.html").read_text()
    assert page.count("<tr") < 9
    assert "http" not in page.replace("http://www.w3.org", "")
    shrinking.to_netcdf(tmp_path / "a.nc")
    cube = xr.load_dataset(tmp_path / "a.nc")
    validate(cube)
    np.testing.assert_array_equal(cube.entropy.sel(replica=1), shrinking.signals[1].layers["entropy"])
    assert cube.layer_name.values.tolist() == [b.name for b in shrinking.blocks]
    assert shrinking.verdict.answer in repr(shrinking)
    assert "<table" in shrinking._repr_html_()
    assert len(shrinking.figure().axes) == 4


def test_one_model_is_one_draw_and_says_so():
    model = seeded(lambda: mlp(2, he))
    report = infoflow.check(model, X, Y)
    assert len(report.signals) == 1
    assert "one draw" in repr(report)
    assert "stable" in report.summary[0]


def test_seeds_decide():
    both = [infoflow.check(lambda: mlp(2, he), X, Y, seeds=1).signals[0].layers["entropy"] for _ in range(2)]
    np.testing.assert_array_equal(*both)
    state = torch.get_rng_state()
    infoflow.check(lambda: mlp(2, he), X, Y, seeds=1)
    assert torch.equal(state, torch.get_rng_state())


def test_few_samples_are_used_twice():
    x = torch.arange(-1.0, 6.0)[:, None]
    report = infoflow.check(lambda: nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)), x, 2 * x - 1)
    assert report.signals[0].layers["explained_variance"][0] > 0.9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (((lambda: 3), X), "not a torch.nn.Module"),
        ((nn.Linear(64, 10), X[:2]), "2 samples"),
        ((nn.Linear(64, 10), torch.full((20, 64), torch.nan)), "not finite"),
        ((nn.Linear(64, 10), torch.ones(20, 64)), "equal"),
        ((nn.Linear(64, 10), "text"), "no tensor"),
    ],
)
def test_nonsense_is_refused_in_one_line(arguments, said):
    with pytest.raises(InfoflowError, match=said) as error:
        infoflow.check(*arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"penalty": 0.0}, "penalty"),
        ({"optimizer": "sgd:0.1,first_steps=-1"}, "first_steps"),
        ({"seeds": 0}, "seeds"),
        ({"optimizer": "sdg:0.1"}, "sdg"),
        ({"blocks": ["3"]}, "no module 3"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, said):
    with pytest.raises(InfoflowError, match=said):
        infoflow.check(mlp(1, he), X, Y, **options)


def test_a_repair_of_another_model_is_refused(shrinking):
    with pytest.raises(InfoflowError, match="another"):
        infoflow.rescale(nn.Linear(3, 3), shrinking.repair)


def test_public_names_are_there():
    assert {"check", "rescale", "Report", "InfoflowError"} <= set(dir(infoflow))
    with pytest.raises(AttributeError, match="has no attribute"):
        _ = infoflow.nothing


def test_the_guide_runs():
    """All code of docs/check.md, one block after the other."""
    text = (ROOT / "docs/check.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) > 5
    names: dict = {}
    for block in blocks:
        exec(compile(block, "docs/check.md", "exec"), names)
