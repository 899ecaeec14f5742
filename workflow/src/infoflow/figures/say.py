"""What a figure says: its finding as heading, its settings in a smaller line below, and a caption beside it."""

import math
import re
import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure

SYMBOLS = {
    "σ_w²": r"$\sigma_w^2$",
    "σ_b²": r"$\sigma_b^2$",
    "ξ_c": r"$\xi_c$",
    "ξ_q": r"$\xi_q$",
    "χ₁": r"$\chi_1$",
    "R²": "$R^2$",
    "K_c": "$K_c$",
    "K₀": "$K_0$",
    "D_m": "$D_m$",
}
"""How symbols of plain text are set in a figure."""
FINDING, SETTINGS = 10, 8
"""Sizes of the heading and of the line below, points."""
_WIDTH = 0.53
"""Of a letter over its size: of the sans serif font the mean, with a margin."""


def say(figure: Figure, finding: str, caption: str, settings: str = "") -> Figure:
    """Give a figure its heading, and keep its caption for the file beside it (`jobs.captions`).

    Args:
        finding: one sentence of plain text that states what was found, with its numbers.
        caption: one to four sentences of plain text: what is seen, and what is not.
        settings: what the figure is of: data set, architecture, replicas; a smaller line, which may hold formulas.

    Returns:
        The figure, with attributes `finding`, `caption` and `settings`.
    """
    figure.finding, figure.caption, figure.settings = (" ".join(text.split()) for text in (finding, caption, settings))
    lines = [_wrap(figure, figure.finding, FINDING)]
    if figure.settings:
        lines.append(_wrap(figure, figure.settings, SETTINGS))
    figure.suptitle(typeset("\n".join(lines)), fontsize=FINDING, x=0.01, ha="left")
    return figure


def settle(figure: Figure) -> None:
    """Lay a figure out, and set the settings below its heading in their own size."""
    if not getattr(figure, "settings", ""):
        return
    figure.draw_without_rendering()
    heading = figure._suptitle
    whole = heading.get_window_extent()
    lines = heading.get_text().split("\n")
    number = len(_wrap(figure, figure.settings, SETTINGS).split("\n"))
    figure.set_layout_engine("none")
    bottom = figure.transFigure.inverted().transform((whole.x0, whole.y0))
    top = figure.transFigure.inverted().transform((whole.x0, whole.y1))
    heading.set(text="\n".join(lines[:-number]), va="top", x=top[0], y=top[1])
    figure.text(
        bottom[0], bottom[1], "\n".join(lines[-number:]), fontsize=SETTINGS, color="0.35", ha="left", va="bottom"
    )


def interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """`0.991 [0.923, 0.999]`; the value alone without an interval."""
    ends = f" [{low:.{digits}f}, {high:.{digits}f}]" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{value:.{digits}f}{ends}".replace("-", "\N{MINUS SIGN}")


def listed(parts: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}" if len(parts) > 1 else "".join(parts)


def typeset(text: str) -> str:
    """Plain text with its symbols as formulas."""
    return re.sub("|".join(map(re.escape, SYMBOLS)), lambda found: SYMBOLS[found[0]], text)


def _wrap(figure: Figure, text: str, size: float) -> str:
    """In lines that fit the width of a figure."""
    letters = int(0.97 * figure.get_figwidth() * 72 / (_WIDTH * size))
    return textwrap.fill(text, letters, break_long_words=False, break_on_hyphens=False)
