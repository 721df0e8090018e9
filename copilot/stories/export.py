"""Writes ready stories as Markdown, CSV and JSON. What is not ready has no way in: `Export` is made by `release.py` alone."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence

from copilot.stories.models import Export

FORMULA = re.compile(r"^[\s]*[=+\-@\t\r＝＋－＠]")
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&]|^[-+=])")
NUMBERED = re.compile(r"^(\d+)([.)])")
COLUMNS = tuple(Export.model_fields)


def as_json(stories: Sequence[Export]) -> str:
    """A JSON array, one object a story."""
    return json.dumps([story.model_dump(mode="json") for story in stories], ensure_ascii=False, indent=2) + "\n"


def as_csv(stories: Sequence[Export]) -> str:
    """A CSV table with a header; a cell that a spreadsheet would run as a formula begins with an apostrophe."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for story in stories:
        row = story.model_dump(mode="json")
        row["places"] = "; ".join(story.places)
        writer.writerow([_disarmed(str(row[name])) for name in COLUMNS])
    return buffer.getvalue()


def as_markdown(stories: Sequence[Export]) -> str:
    """A page a person can read and paste; customer text is escaped so that it formats nothing."""
    blocks = ["# Stories ready to tell\n"]
    for story in stories:
        lines = [f"## {_escaped(story.hook)}", "", _escaped(story.moment), ""]
        if story.catalyst:
            lines += [f"*What we did:* {_escaped(story.catalyst)}", ""]
        lines += [f"> “{_escaped(story.quote)}”", f"> — {_escaped(story.attribution)}", ""]
        if story.disclosure:
            lines += [f"**Disclosure:** {_escaped(story.disclosure)}", ""]
        lines += [
            f"- Story {story.id}, permission {story.permission}, approved by {_escaped(story.approved_by)} on {story.approved_at:%Y-%m-%d}",
            f"- May stand on: {', '.join(story.places)}",
            f"- For: {story.outcome.replace('_', ' ')}",
            "",
        ]
        blocks.append("\n".join(lines))
    if not stories:
        blocks.append("No story is ready.\n")
    return "\n".join(blocks)


def _disarmed(cell: str) -> str:
    return "'" + cell if FORMULA.match(cell) else cell


def _escaped(text: str) -> str:
    return NUMBERED.sub(r"\1\\\2", MARKDOWN.sub(r"\\\1", " ".join(text.split())))
