"""What leaves the house: formulas disarmed, Markdown that formats nothing, JSON that comes back the same."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from copilot.stories.export import COLUMNS, as_csv, as_json, as_markdown
from copilot.stories.models import Export
from copilot.text import clean
from tests.fakes import NOW

HOSTILE = st.text(
    st.one_of(st.sampled_from("=+-@*_`#>[]()<>!|~&;\\\"'“”1.) \t\n"), st.characters(codec="utf-8")), max_size=40
).map(clean)


def made(**changes: Any) -> Export:
    values: dict[str, Any] = {
        "id": "s-1",
        "hook": "Fixed before they asked",
        "moment": "An import failed.",
        "catalyst": "Mara repaired a row.",
        "quote": "You fixed it before I knew.",
        "attribution": "Anna",
        "places": ("website", "social"),
        "outcome": "social_share",
        "signal": "proactive_fix",
        "disclosure": "",
        "permission": 7,
        "approved_by": "Priya",
        "approved_at": NOW,
    }
    return Export(**{**values, **changes})


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠A1"]
)
def test_a_spreadsheet_runs_no_cell_of_ours(cell: str) -> None:
    (_, row) = csv.reader(io.StringIO(as_csv([made(hook=cell, attribution=cell)]), newline=""))
    assert row[COLUMNS.index("hook")] == "'" + cell
    assert row[COLUMNS.index("attribution")] == "'" + cell


@given(HOSTILE, HOSTILE)
def test_every_cell_comes_back_whole_from_csv(hook: str, quote: str) -> None:
    stories = [made(hook=hook, quote=quote), made(id="s-2")]
    header, first, second = csv.reader(io.StringIO(as_csv(stories), newline=""))
    assert tuple(header) == COLUMNS
    assert first[COLUMNS.index("hook")].removeprefix("'") == hook.removeprefix("'")
    assert first[COLUMNS.index("quote")].removeprefix("'") == quote.removeprefix("'")
    assert second[COLUMNS.index("places")] == "website; social"
    for cell in (*first, *second):
        assert not re.match(r"\s*[=+\-@]", cell)


@given(HOSTILE, HOSTILE)
def test_stories_come_back_the_same_from_json(hook: str, quote: str) -> None:
    stories = [made(hook=hook, quote=quote), made(id="s-2", places=())]
    assert [Export.model_validate(row) for row in json.loads(as_json(stories))] == stories


def test_no_story_is_an_empty_list() -> None:
    assert json.loads(as_json([])) == []
    assert as_csv([]).strip() == ",".join(COLUMNS)
    assert "No story is ready." in as_markdown([])


@given(HOSTILE, HOSTILE)
def test_what_a_customer_wrote_formats_nothing(text: str, hook: str) -> None:
    page = as_markdown(
        [made(hook="Hook " + hook, moment="M" if not text.strip() else text, quote=text, attribution=text)]
    )
    tokens = MarkdownIt("commonmark").parse(page)
    blocks = [
        token.type for token in tokens if token.type.endswith("_open") or token.type in ("fence", "html_block", "hr")
    ]
    plain = MarkdownIt("commonmark").parse(as_markdown([made(hook="Hook", moment="M", attribution="A")]))
    assert blocks == [token.type for token in plain if token.type.endswith("_open")]
    inline = [token for token in tokens if token.type == "inline"]
    kinds = {child.type for token in inline for child in token.children or ()}
    assert kinds <= {"text", "text_special", "softbreak", "em_open", "em_close"}
    shown = ["".join(child.content for child in token.children or ()) for token in inline]
    assert (" ".join(text.split()) or "M") in shown
    assert " ".join(("Hook " + hook).split()) in shown


def test_the_page_carries_attribution_places_permission_and_disclosure() -> None:
    page = as_markdown([made(disclosure="Anna had received a gift.")])
    for words in ("> “You fixed it before I knew.”", "> — Anna", "website, social", "permission 7", "Priya"):
        assert words in page
    assert "**Disclosure:** Anna had received a gift." in page
    assert "Disclosure" not in as_markdown([made()])
