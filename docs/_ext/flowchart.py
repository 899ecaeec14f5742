"""Directive `mermaid`: flow charts of boxes and arrows, `a[label] --> b --> c`, drawn while the book is built.

GitHub draws the same lines by itself. Every box stands in the column behind the last of those that it comes from.
"""

import re
from html import escape

import networkx
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

BOX = re.compile(r"(\w+)(?:\[(.+?)\])?$")
CHARACTER, HEIGHT, ROW, GAP = 7.4, 26, 40, 46
"""Pixels: width of a character, height of a box, distance of rows, space between columns."""


def read_chart(text: str) -> networkx.DiGraph:
    """The boxes, with their labels, and arrows of a chart.

    Raises:
        ExtensionError: a line is not of the few forms that are known here.
    """
    graph = networkx.DiGraph()
    for line in filter(None, map(str.strip, text.splitlines())):
        if line == "flowchart LR":
            continue
        parts = [BOX.match(part.strip()) for part in line.split("-->")]
        if not all(parts):
            raise ExtensionError(f"flow chart: {line!r} is not of the form a[label] --> b")
        for part in parts:
            graph.add_node(part[1])
            if part[2]:
                graph.nodes[part[1]]["label"] = part[2]
        networkx.add_path(graph, [part[1] for part in parts])
    return graph


def place(graph: networkx.DiGraph) -> dict[str, tuple[int, int]]:
    """Column and row of every box; rows near those of the boxes that it comes from."""
    rows: dict[str, int] = {}
    for boxes in networkx.topological_generations(graph):
        came = {b: [rows[a] for a in graph.predecessors(b)] for b in boxes}
        wanted = {b: sum(above) / len(above) if above else 0.0 for b, above in came.items()}
        for row, box in enumerate(sorted(boxes, key=lambda b: wanted[b])):
            rows[box] = row
    return {
        box: (column, rows[box])
        for column, boxes in enumerate(networkx.topological_generations(graph))
        for box in boxes
    }


def draw(graph: networkx.DiGraph) -> str:
    """As SVG, in the colour of the text around it."""
    at = place(graph)
    label = {box: graph.nodes[box].get("label", box) for box in graph}
    columns = 1 + max(column for column, _ in at.values())
    width = [max(len(label[b]) for b in graph if at[b][0] == c) * CHARACTER + 16 for c in range(columns)]
    left = [1 + sum(width[:c]) + c * GAP for c in range(columns)]
    tall = ROW * (1 + max(row for _, row in at.values()))
    count = [1 + max(row for b, (column, row) in at.items() if column == c) for c in range(columns)]
    middle = {b: (tall - ROW * count[c]) / 2 + ROW * (row + 0.5) for b, (c, row) in at.items()}
    parts = []
    for a, b in graph.edges:
        x0, y0 = left[at[a][0]] + len(label[a]) * CHARACTER + 16, middle[a]
        x1, y1 = left[at[b][0]] - 5, middle[b]
        bend = GAP / 2
        parts.append(
            f'<path d="M{x0:.0f},{y0:.0f} C{x0 + bend:.0f},{y0:.0f} {x1 - bend:.0f},{y1:.0f} {x1:.0f},{y1:.0f}" '
            'marker-end="url(#arrow)"/>'
        )
    for box, (column, _) in at.items():
        wide, y = len(label[box]) * CHARACTER + 16, middle[box]
        parts.append(
            f'<rect x="{left[column]:.0f}" y="{y - HEIGHT / 2:.0f}" width="{wide:.0f}" height="{HEIGHT}" rx="4"/>'
        )
        parts.append(f'<text x="{left[column] + wide / 2:.0f}" y="{y + 4:.0f}">{escape(label[box])}</text>')
    size = left[-1] + width[-1] + 1, tall
    return (
        f'<div class="flowchart"><svg viewBox="0 0 {size[0]:.0f} {size[1]:.0f}" width="{size[0]:.0f}" role="img">'
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path class="head" d="M0,0 L8,4 L0,8 z"/></marker></defs>{"".join(parts)}</svg></div>'
    )


class Flowchart(SphinxDirective):
    """A chart as a picture."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", draw(read_chart("\n".join(self.content))), format="html")]


def setup(app: Sphinx) -> dict:
    app.add_directive("mermaid", Flowchart)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
