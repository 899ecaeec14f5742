"""What `check` found, to be read, kept and passed on."""

import base64
import html
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from infoflow import __version__
from infoflow.files.conventions import validate
from infoflow.files.cubes import describe_cube
from infoflow.files.results import replaced
from infoflow.modules.blocks import Block
from infoflow.modules.first_steps import FirstSteps
from infoflow.modules.repair import Repair
from infoflow.modules.signals import Signals
from infoflow.modules.training import Recipe, Success
from infoflow.modules.verdict import NOT_TRAINABLE, TRAINABLE, Mechanism, Verdict

LAYERS: dict[str, tuple[str, str, str]] = {
    "relative_entropy": ("D", "relative entropy of input and reconstruction, median over samples", "nats"),
    "entropy": ("H", "differential entropy of the reconstructions per value, absolute noise", "nats"),
    "entropy_relative": ("H rel.", "the same, noise relative to the states", "nats"),
    "explained_variance": ("R²", "explained variance of the reconstructions, absolute noise", "1"),
    "explained_variance_relative": ("R² rel.", "the same, noise relative to the states", "1"),
    "root_mean_square": ("rms", "root mean square of the states", "1"),
    "log_gradient": ("ln |∂x|²", "logarithm of the squared norm of the gradient of the loss by the states", "1"),
    "log_parameter_gradient": ("ln |∂θ|²", "the same by the weights of the block", "1"),
    "dead_share": ("dead", "share of values that are the same for all samples", "1"),
    "label_accuracy": ("labels", "accuracy with which the labels are read from the states; of targets, R²", "1"),
    "token_cosine": ("tokens", "mean cosine between the tokens of a sequence", "1"),
    "units": ("units", "values per sample", "1"),
    "change": ("change", "root mean square of what the block changes, over that of what it gets", "1"),
    "weight_scale": ("weights", "root mean square of the matrices of weights", "1"),
    "like": ("like", "number of the first block whose matrices have the same shapes; 0, it has none", "1"),
    "equal_to": ("equal to", "number of the first block with the same weights; 0, none", "1"),
    "collapsed": ("collapsed", "whether the states of all samples to fit are equal", "1"),
}
"""What is measured per block: heading, description, units."""
FIRST_STEPS: dict[str, tuple[str, str]] = {
    "steps": ("first steps that a copy took", "1"),
    "before": ("loss before them", "1"),
    "middle": ("loss after half of them", "1"),
    "after": ("loss behind them", "1"),
    "constant": ("loss of the best output that is the same for all samples", "1"),
    "progress_middle": ("share of what the loss wants that half of them took away", "1"),
    "progress": ("share of what the loss wants that they took away", "1"),
    "dead": ("share of the outputs that became the same for all samples", "1"),
}
"""What is kept of the first steps: description, units."""
SHOWN = (
    *("explained_variance", "entropy", "explained_variance_relative", "entropy_relative", "root_mean_square"),
    *("log_gradient", "dead_share", "label_accuracy", "token_cosine"),
)


@dataclass(frozen=True)
class Report:
    """What was found of a network; L blocks.

    Attributes:
        verdict: the answer, with a probability and an interval.
        mechanisms: what is wrong, most telling first; empty: initialisation is innocent.
        repair: what would help, measured again.
        blocks: the network's, in order.
        signals: what was measured of every draw.
        recipe: the optimiser and budget that the verdict is on.
        given_optimizer: whether they were given, or chosen.
        is_factory: whether weights were drawn anew for every seed; a single model is one draw, and tells of no other.
        labelled: whether the task is known.
        samples: that were used.
        rule: about the rule of the verdict.
        first_steps: of every draw; empty, the verdict is on the initialisation alone.
        without_first_steps: why, if it is.
    """

    verdict: Verdict
    mechanisms: tuple[Mechanism, ...]
    blocks: tuple[Block, ...]
    signals: tuple[Signals, ...]
    recipe: Recipe
    given_optimizer: bool
    is_factory: bool
    labelled: bool
    samples: int
    rule: Mapping[str, Any]
    repair: Repair = field(default_factory=Repair)
    first_steps: tuple[FirstSteps, ...] = ()
    without_first_steps: str = ""

    @property
    def culprit(self) -> str | None:
        """The block to look at first, by its name: the one that stands out, or where the signal is lost."""
        told = {m.name: m.block for m in self.mechanisms if m.block is not None and m.share > 0.5}
        if "out of line" in told:
            return told["out of line"]
        return next(iter(told.values()), None) if self.verdict.answer != TRAINABLE else None

    @property
    def layers(self) -> list[dict[str, Any]]:
        """One row per block: `name`, `kind`, and the mean over draws of everything in `LAYERS`."""
        rows = []
        for l, block in enumerate(self.blocks):
            row: dict[str, Any] = {"name": block.name, "kind": block.kind}
            for name in LAYERS:
                row[name] = _mean([self._behind(s, name, l) for s in self.signals])
            rows.append(row)
        return rows

    def _behind(self, signals: Signals, name: str, block: int) -> float:
        values = signals.layers[name]
        return float(values[block + len(values) - len(self.blocks)])

    @property
    def summary(self) -> list[str]:
        """The findings in a few lines."""
        v = self.verdict
        lines = [f"{v.answer}: probability {v.probability:.2f} [{v.low:.2f}, {v.high:.2f}] with {_told(self.recipe)}"]
        if not self.given_optimizer:
            lines[0] += ", a rate that is stable"
        shown = [m for m in self.mechanisms if v.answer != TRAINABLE or m.share > 0.5]
        for m in shown:
            where = f" at {m.block}" if m.block else ""
            often = "" if m.share == 1 else f" (in {m.share:.0%} of the draws)"
            lines.append(f"  {m.name}{where}: {m.told}{often}")
        if not shown:
            lines.append("  initialisation is innocent: nothing is lost, scrambled, shrunk or dead")
        r = self.repair
        for first, last, gain in r.groups:
            lines.append(f"  repair: weights of {first if first == last else f'{first} … {last}'} × {gain:.3g}")
        if r.learning_rate:
            lines.append(f"  repair: learning rate {r.learning_rate:g}")
        if r.verdict:
            lines.append(
                f"  after the repair, measured again: {r.verdict.answer}, probability {r.verdict.probability:.2f} "
                f"[{r.verdict.low:.2f}, {r.verdict.high:.2f}]"
            )
        lines += [f"  {line}" for line in r.advice]
        lines.append(f"  {self._looked_ahead}")
        number = len(self.signals)
        draws = f"{number} draw{'s' if number > 1 else ''}" if self.is_factory else "one draw, the model as it is"
        lines.append(
            f"  {draws}, {self.samples} samples, {len(self.blocks)} blocks" + ("" if self.labelled else ", no labels")
        )
        return lines

    @property
    def _looked_ahead(self) -> str:
        """Of the first steps, in words."""
        if not self.first_steps:
            return f"from the initialisation alone, without first steps: {self.without_first_steps}"
        before, after = (_mean([getattr(f, n) for f in self.first_steps]) for n in ("before", "after"))
        lost = sum(not f.finite for f in self.first_steps)
        overflows = f", overflows in {lost} of {len(self.first_steps)} draws" if lost else ""
        return (
            f"from the initialisation and {self.first_steps[0].steps} steps on a copy: loss {before:.3g} → {after:.3g}"
            f"{overflows}, of the best constant output {_mean([f.constant for f in self.first_steps]):.3g}; "
            f"to learn is to reach {_goal(self.recipe.success)}"
        )

    def __repr__(self) -> str:
        return "\n".join(self.summary) + "\n" + _table(self)

    def _repr_html_(self) -> str:
        return _body(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain numbers and texts; numbers that are not finite are texts."""
        repair = self.repair
        return {
            "infoflow": __version__,
            "verdict": vars(self.verdict),
            "culprit": self.culprit,
            "mechanisms": [vars(m) for m in self.mechanisms],
            "repair": {
                "gains": dict(repair.gains),
                "groups": [list(g) for g in repair.groups],
                "learning_rate": repair.learning_rate,
                "advice": list(repair.advice),
                "verdict": None if repair.verdict is None else vars(repair.verdict),
            },
            "optimizer": _told(self.recipe),
            "draws": len(self.signals) if self.is_factory else 1,
            "samples": self.samples,
            "layers": self.layers,
            "whole": [s.whole for s in self.signals],
            "first_steps": [vars(f) for f in self.first_steps],
            "rule": dict(self.rule),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """As JSON, and into a file if one is named."""
        text = json.dumps(_plain(self.to_dict()), indent=1, ensure_ascii=False)
        if path is not None:
            _write(path, text)
        return text

    def to_html(self, path: str | Path | None = None) -> str:
        """As a page that needs nothing else, and into a file if one is named."""
        text = _PAGE.format(title=html.escape(f"infoflow check: {self.verdict.answer}"), body=_body(self))
        if path is not None:
            _write(path, text)
        return text

    def to_xarray(self) -> xr.Dataset:
        """All numbers of all draws, with the conventions of the cubes: dimensions replica, layer, boundary."""
        cube = xr.Dataset()
        for name, (_, told, units) in LAYERS.items():
            values = np.stack([s.layers[name] for s in self.signals])
            axis = "layer" if values.shape[1] == len(self.blocks) else "boundary"
            cube[name] = (("replica", axis), values, {"long_name": told, "units": "1" if units == "nats" else units})
            if units == "nats":
                cube[name].attrs["comment"] = "in nats"
        for name in self.signals[0].whole:
            cube[name] = (
                ("replica",),
                [s.whole[name] for s in self.signals],
                {"long_name": name.replace("_", " "), "units": "1"},
            )
        for name, (told, units) in FIRST_STEPS.items():
            if self.first_steps:
                values = np.array([getattr(f, name) for f in self.first_steps], float)
                cube[f"first_steps_{name}"] = (("replica",), values, {"long_name": told, "units": units})
        names = np.array([b.name for b in self.blocks], object)
        cube = cube.assign_coords(
            replica=("replica", np.arange(len(self.signals)), {"long_name": "draw of the weights", "units": "1"}),
            layer=("layer", np.arange(1, len(self.blocks) + 1), {"long_name": "block, counted from 1", "units": "1"}),
            boundary=(
                "boundary",
                np.arange(len(self.blocks) + 1),
                {"long_name": "state: 0 before the first block, l behind block l", "units": "1"},
            ),
            layer_name=("layer", names, {"long_name": "name of the block in the model", "units": "1"}),
        )
        validate(cube)
        told = {k: v for k, v in self.to_dict().items() if k not in ("layers", "whole", "first_steps", "infoflow")}
        return describe_cube(
            cube,
            {
                "title": "infoflow check",
                "references": "arXiv:2406.12916",
                **_plain({k: v if isinstance(v, Mapping) else json.dumps(_plain(v)) for k, v in told.items()}),
            },
        )

    def to_netcdf(self, path: str | Path) -> None:
        """`to_xarray` as a file; whole or not at all."""
        with replaced(path) as temporary:
            self.to_xarray().to_netcdf(temporary, engine="netcdf4", format="NETCDF4")

    def figure(self):
        """Curves over the blocks, all draws: a matplotlib figure."""
        return _figure(self)


def _goal(success: Success) -> str:
    if success.measure == "accuracy":
        return f"an accuracy of {success.bound:g}, or, of numbers, {1 - success.bound:.2g} of that loss"
    return f"{success.bound:g} of " + ("that loss" if success.of == "constant" else "the loss before")


def _told(recipe: Recipe) -> str:
    more = "".join(f",{k}={v:g}" for k, v in (("momentum", recipe.momentum), ("warmup", recipe.warmup)) if v)
    return f"{recipe.optimizer}:{recipe.learning_rate:.3g}{more} in {recipe.steps} steps"


def _mean(values: list[float]) -> float:
    known = [v for v in values if not math.isnan(v)]
    return sum(known) / len(known) if known else math.nan


def _plain(item: Any) -> Any:
    if isinstance(item, Mapping):
        return {str(k): _plain(v) for k, v in item.items()}
    if isinstance(item, list | tuple):
        return [_plain(v) for v in item]
    if isinstance(item, float | np.floating):
        return float(item) if math.isfinite(item) else str(float(item))
    return item.item() if isinstance(item, np.generic) else item


def _columns(report: Report) -> list[str]:
    return [n for n in SHOWN if any(not math.isnan(row[n]) for row in report.layers)]


def folded(report: Report) -> list[tuple[str, dict[str, Any]]]:
    """Rows of the table: of more than four equal blocks in a row only the first, the last and the culprit stay."""
    rows = report.layers
    found: list[tuple[str, dict[str, Any]]] = []
    k = 0
    while k < len(rows):
        end = k
        while (
            end + 1 < len(rows)
            and rows[end + 1]["kind"] == rows[k]["kind"]
            and rows[end + 1]["units"] == rows[k]["units"]
        ):
            end += 1
        run = range(k, end + 1)
        kept = [i for i in run if len(run) <= 4 or i in (k, end) or rows[i]["name"] == report.culprit]
        for i, following in zip(kept, [*kept[1:], None]):
            found.append((rows[i]["name"], rows[i]))
            if following is not None and following > i + 1:
                found.append((f"… {following - i - 1} more", {}))
        k = end + 1
    return found


def _table(report: Report) -> str:
    columns = _columns(report)
    lines = [["block", "kind", *(LAYERS[c][0] for c in columns)]]
    for name, row in folded(report):
        mark = "→ " if row and name == report.culprit else ""
        lines.append([mark + name, row.get("kind", ""), *(_number(row[c]) if row else "" for c in columns)])
    widths = [max(len(line[c]) for line in lines) for c in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(w) if c < 2 else cell.rjust(w) for c, (cell, w) in enumerate(zip(line, widths))).rstrip()
        for line in lines
    )


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.2f}" if 0.01 <= abs(value) < 1000 or value == 0 else f"{value:.1e}"


def _figure(report: Report):
    from matplotlib.figure import Figure

    panels = [
        (("explained_variance", "explained_variance_relative"), "R²"),
        (("entropy", "entropy_relative"), "H, nats"),
        (("root_mean_square",), "rms of the states"),
        (("log_gradient",), "ln |∂loss/∂x|²"),
    ]
    figure = Figure(figsize=(10, 2.6), layout="constrained")
    for axes, (names, title) in zip(figure.subplots(1, 4), panels):
        for name, style in zip(names, ("-", "--")):
            for k, signals in enumerate(report.signals):
                values = np.where(np.isfinite(signals.layers[name]), signals.layers[name], np.nan)
                x = np.arange(len(report.blocks) + 1)[-len(values) :]
                label = ("noise: absolute" if style == "-" else "relative") if not k and len(names) > 1 else None
                axes.plot(x, values, style, marker=".", color="C0" if style == "-" else "C1", alpha=0.8, label=label)
        if names == ("root_mean_square",) and np.nanmax(values) > 0:
            axes.set_yscale("log")
        if len(names) > 1:
            axes.legend(fontsize=7)
        if report.culprit:
            axes.axvline([b.name for b in report.blocks].index(report.culprit) + 1, color="0.5", linestyle=":")
        axes.set(title=title, xlabel="block")
    return figure


def _body(report: Report) -> str:
    stream = io.BytesIO()
    report.figure().savefig(stream, format="png", dpi=130)
    picture = base64.b64encode(stream.getvalue()).decode()
    columns = _columns(report)
    color = {TRAINABLE: "#1a7f37", NOT_TRAINABLE: "#b3261e"}.get(report.verdict.answer, "#8a6d00")
    head = "".join(f'<th title="{html.escape(LAYERS[c][1])}">{html.escape(LAYERS[c][0])}</th>' for c in columns)
    rows = []
    for name, row in folded(report):
        cells = (
            "".join(f"<td>{_number(row[c])}</td>" for c in columns) if row else f'<td colspan="{len(columns)}"></td>'
        )
        marked = ' class="culprit"' if row and name == report.culprit else ""
        rows.append(f"<tr{marked}><th>{html.escape(name)}</th><td>{html.escape(row.get('kind', ''))}</td>{cells}</tr>")
    first, *others = report.summary
    return (
        f'<div class="infoflow-check"><h2 style="color:{color}">{html.escape(first)}</h2>'
        f"<ul>{''.join(f'<li>{html.escape(line.strip())}</li>' for line in others)}</ul>"
        f'<img style="max-width:100%" alt="R², entropy, scale and gradient over the blocks" '
        f'src="data:image/png;base64,{picture}">'
        f'<div style="overflow-x:auto"><table><thead><tr><th>block</th><th>kind</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></div>"
    )


def _write(path: str | Path, text: str) -> None:
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 1rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }}
th, td {{ padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }}
tbody th {{ text-align: left; font-weight: normal; font-family: ui-monospace, monospace; }}
tr.culprit {{ background: #fde8e6; }}
</style></head>
<body>{body}</body></html>
"""
