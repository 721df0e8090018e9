"""Writes ready stories as Markdown, CSV and JSON. What is not ready has no way in: `Export` is made by `release.py` alone."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Literal

from copilot.stories.models import Export

FORMULA = re.compile(r"^[\s]*[=+\-@\t\r＝＋－＠]")
INNER = re.compile(r"([;\t\n])(?=\s*(?:[=+@＝＋＠]|[-－][\w(]))")
"""Where a spreadsheet that splits at semicolons or lines would begin a cell with a formula; ";-)" is none."""
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&]|^[-+=])")
NUMBERED = re.compile(r"^(\d+)([.)])")
Format = Literal["json", "csv", "markdown", "html"]
COLUMNS = tuple(Export.model_fields)


def lines_of(fmt: Format, stories: Iterable[Export]) -> Iterator[str]:
    """An export, piece by piece: however many stories there are, one is held at a time."""
    return {"json": _json, "csv": _csv, "markdown": _markdown, "html": _html}[fmt](stories)


def _json(stories: Iterable[Export]) -> Iterator[str]:
    """A JSON array, one object a story."""
    between = "[\n  "
    for story in stories:
        body = json.dumps(story.model_dump(mode="json"), ensure_ascii=False, indent=2)
        yield between + body.replace("\n", "\n  ")
        between = ",\n  "
    yield "[]\n" if between.startswith("[") else "\n]\n"


def _csv(stories: Iterable[Export]) -> Iterator[str]:
    """A CSV table with a header; a cell that a spreadsheet would run as a formula begins with an apostrophe."""
    yield _csv_row(COLUMNS)
    for story in stories:
        row = story.model_dump(mode="json")
        row["places"] = "; ".join(story.places)
        row["until"] = row["until"] or ""
        yield _csv_row([_disarmed(str(row[name])) for name in COLUMNS])


def _csv_row(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()


def _markdown(stories: Iterable[Export]) -> Iterator[str]:
    """A page a person can read and paste; customer text is escaped so that it formats nothing."""
    yield "# Stories ready to tell\n"
    empty = True
    for story in stories:
        empty = False
        lines = ["", f"## {_escaped(story.hook)}", "", _escaped(story.moment), ""]
        if story.catalyst:
            lines += [f"*What we did:* {_escaped(story.catalyst)}", ""]
        lines += [f"> “{_escaped(story.quote)}”", f"> — {_escaped(story.attribution)}", ""]
        if story.disclosure:
            lines += [f"**Disclosure:** {_escaped(story.disclosure)}", ""]
        lines += [
            f"- Story {story.id}, permission {story.permission}, approved by {_escaped(story.approved_by)} on {story.approved_at:%Y-%m-%d}",
            f"- May stand on: {', '.join(story.places)}" + (f", until {story.until}" if story.until else ""),
            f"- For: {story.outcome.replace('_', ' ')}",
            "",
        ]
        yield "\n".join(lines)
    if empty:
        yield "\nNo story is ready.\n"


def _html(stories: Iterable[Export]) -> Iterator[str]:
    """A page that stands alone, without a script; everything in it is escaped."""
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Stories ready to tell</title></head>'
        "<body>\n<h1>Stories ready to tell</h1>\n"
    )
    for s in stories:
        parts = [f"<h2>{escape(s.hook)}</h2>", f"<p>{escape(s.moment)}</p>"]
        if s.catalyst:
            parts.append(f"<p>{escape(s.catalyst)}</p>")
        parts.append(f"<blockquote><p>“{escape(s.quote)}”</p><footer>{escape(s.attribution)}</footer></blockquote>")
        if s.disclosure:
            parts.append(f"<p><small>{escape(s.disclosure)}</small></p>")
        until = f", until {s.until}" if s.until else ""
        parts.append(
            f"<p><small>May stand on: {escape(', '.join(s.places))}{until}. Permission {s.permission}.</small></p>"
        )
        yield f'<article id="{escape(s.id, quote=True)}">{"".join(parts)}</article>\n'
    yield "</body></html>\n"


def _disarmed(cell: str) -> str:
    safe = INNER.sub(r"\1'", cell)
    return "'" + safe if FORMULA.match(cell) else safe


def _escaped(text: str) -> str:
    return NUMBERED.sub(r"\1\\\2", MARKDOWN.sub(r"\\\1", " ".join(text.split())))
