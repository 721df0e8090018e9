"""Charts as SVG, drawn here: no script, no library in the browser. Numbers stand beside bars, so that colour says nothing alone."""

from __future__ import annotations

from typing import NamedTuple

from copilot.scoring.funnel import Funnel

WIDTH = 640
ROW = 34
LABEL = 120
ROOM = WIDTH - LABEL - 70


class Bar(NamedTuple):
    """One bar of a chart, in pixels."""

    name: str
    number: int
    width: int
    y: int


class Chart(NamedTuple):
    """A chart's bars and size; the template draws it."""

    bars: tuple[Bar, ...]
    width: int
    height: int
    label: int
    row: int
    told: str


def funnel_chart(funnel: Funnel) -> Chart:
    """The funnel as bars, each as long as its share of the longest."""
    counts = funnel.model_dump()
    most = max(1, *counts.values())
    bars = tuple(
        Bar(name, count, round(ROOM * count / most), number * ROW)
        for number, (name, count) in enumerate(counts.items())
    )
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    return Chart(bars, WIDTH, ROW * len(bars), LABEL, ROW, told)
