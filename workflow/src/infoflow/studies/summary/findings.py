"""From the cubes of a run to sentences: what to take, how deep one can go, how well it was predicted, at what cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from infoflow.studies.trainability.columns import best_column
from infoflow.studies.trainability.scores import MAIN_SCORE, NEGATIVE_DEPTH

FAILS, NOT_TESTED = "fails", "not tested"
"""Of the verdicts on claims, those that are told of apart."""


@dataclass(frozen=True)
class Card:
    """An experiment with ground truth, in a few sentences.

    Attributes:
        experiment: its name.
        answer: which σ_w² trains deepest, and how deep.
        sentences: boundary, prediction beside its baseline, cost.
    """

    experiment: str
    answer: str
    sentences: tuple[str, ...]


def read_card(name: str, cube: xr.Dataset, methods: Mapping[str, str]) -> Card:
    """The card of an experiment with ground truth.

    Args:
        methods: what is said of a way of probing, by its name.
    """
    return Card(name, _answer(cube), (_boundary(cube), _prediction(cube), _cost(cube, methods)))


def _answer(cube: xr.Dataset) -> str:
    found = best_column(cube)
    w, b = found["best_sigma_w2"], found["best_sigma_b2"]
    depths = cube["depth"].values
    if np.isnan(w):
        share = float((cube["trainable"] == 1).sum() / max(1, int((cube["trainable"] >= 0).sum())))
        alike = "all" if share == 1 else "none" if share == 0 else f"{share:.0%}"
        return f"No depth where training begins to fail is known: {alike} of the networks can be trained."
    column = cube.sel(sigma_w2=w, sigma_b2=b)
    safe = depths[column["train_probability_low"].values >= 0.5]
    surely = f"surely to depth {safe.max()}" if safe.size else "surely to none of the depths"
    deep = found["best_depth"]
    if deep > depths[-1]:
        half = f"at least half of its networks train at every depth of the grid, to {depths[-1]}"
    else:
        low, high = found["best_depth_low"], found["best_depth_high"]
        half = f"half of its networks train at depth {deep:.0f} [{low:.0f}, {high:.0f}]"
    ends = found["alike_sigma_w2_low"], found["alike_sigma_w2_high"]
    alike = f"; as good within the intervals: {ends[0]:g} to {ends[1]:g}" if ends[0] < ends[1] else ""
    return f"Take σ_w² = {w:g} (σ_b² = {b:g}): {half}, {surely}{alike}."


def _boundary(cube: xr.Dataset) -> str:
    """Where the boundary begins, is deepest, and ends, of the first σ_b²."""
    edge = cube["threshold_depth"].isel(sigma_b2=0)
    known = edge.dropna("sigma_w2")
    trained = int((cube["truth_source"] == 0).sum())
    labelled = int((cube["trainable"] >= 0).sum())
    how = "all trained" if trained == labelled else f"{trained} trained, the others all but certain from these"
    counted = f"Truth: {labelled} networks, {how}; {cube.sizes['replica']} for each (σ_w², depth)."
    if not known.size:
        return counted
    last = cube["depth"].values[-1]
    chosen = sorted({0, int(known.values.argmax()), known.size - 1})
    where = ", ".join(
        f"{'more than ' if float(known[k]) > last else ''}{min(float(known[k]), last):.0f} layers at σ_w² = "
        f"{float(known['sigma_w2'][k]):g}"
        for k in chosen
    )
    return f"Half of the networks train down to {where}. {counted}"


def _prediction(cube: xr.Dataset) -> str:
    area = cube["auroc"].sel(score=MAIN_SCORE)
    if not np.isfinite(area):
        return "Prediction: nothing to tell apart; all networks can be trained, or none."
    method = cube.attrs.get("probe_method", "adam")
    within = _number(cube, "auroc_within_depth", MAIN_SCORE)
    gain = float(cube["auroc_gain_low"].sel(score=MAIN_SCORE)) > 0
    shown = "better" if gain else "not shown to be better"
    others = cube.drop_sel(score=[NEGATIVE_DEPTH])
    beaten = int((others["auroc_gain_low"] > 0).sum())
    return (
        f"Prediction by H of the untrained network ({method} cascade): AUROC {_number(cube, 'auroc', MAIN_SCORE)}, "
        f"{shown} than counting layers, {float(cube['auroc'].sel(score=NEGATIVE_DEPTH)):.3f}; among networks of equal "
        f"depth {within}, where counting has 0.5. {beaten} of {others.sizes['score']} scores are shown to beat it."
    )


def _number(cube: xr.Dataset, name: str, score: str) -> str:
    value, low, high = (float(cube[f"{name}{end}"].sel(score=score)) for end in ("", "_low", "_high"))
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _cost(cube: xr.Dataset, methods: Mapping[str, str]) -> str:
    """Of computing alone, as the figures have it."""
    train, main = float(cube["train_seconds"].sum()), cube.attrs.get("probe_method", "adam")
    end = "probe_seconds"
    seconds = {
        name.removesuffix(end).rstrip("_"): float(cube[name].sum()) for name in cube.data_vars if name.endswith(end)
    }
    told = ", ".join(f"{methods[name or main]} 1 : {train / spent:.1f}" for name, spent in seconds.items() if spent)
    return f"Cost: {train:.0f} s of training on {cube.attrs['device']}; probing against it: {told}."


@dataclass(frozen=True)
class Claim:
    """A claim that fails: statement, where it stands, what was measured, what was expected, how far it was tested."""

    statement: str
    source: str
    measured: str
    expected: str
    scope: str


def failing(cube: xr.Dataset) -> tuple[list[Claim], dict[str, int]]:
    """Claims of a run that fail, and how many there are by verdict."""
    names = [name.replace("_", " ") for name in cube["verdict"].attrs["flag_meanings"].split()]
    verdicts = cube["verdict"].values
    found = []
    for k in np.flatnonzero(verdicts == names.index(FAILS)):
        one = cube.isel(claim=k)
        value, low, high = (f"{float(one[name]):.4g}" for name in ("value", "low", "high"))
        texts = {name: one[name].item() for name in ("statement", "source", "expected", "scope")}
        found.append(Claim(measured=value if low == high else f"{value} [{low}, {high}]", **texts))
    return found, {name: int((verdicts == k).sum()) for k, name in enumerate(names)}


def told_counts(counts: Mapping[str, int]) -> str:
    """In words."""
    return ", ".join(f"{name} {n}" for name, n in counts.items() if n)


def closing_lines(cards: Sequence[Card], counts: Mapping[str, int], page: str, figures: str) -> list[str]:
    """What the terminal ends with."""
    lines = [f"{card.experiment}: {card.answer}" for card in cards]
    lines += [f"{card.experiment}: {sentence}" for card in cards[:1] for sentence in card.sentences[:2]]
    if counts:
        lines.append(f"claims: {told_counts({name: n for name, n in counts.items() if name != NOT_TESTED})}")
    return [*lines, f"to read: {page}; figures: {figures}"]
