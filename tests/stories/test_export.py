"""What leaves the house: formulas disarmed, Markdown and HTML that format nothing, JSON that comes back the same."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from html.parser import HTMLParser
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from copilot.stories.export import COLUMNS, Format, lines_of
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


def written(fmt: Format, stories: Sequence[Export]) -> str:
    return "".join(lines_of(fmt, stories))


def as_json(stories: Sequence[Export]) -> str:
    return written("json", stories)


def as_csv(stories: Sequence[Export]) -> str:
    return written("csv", stories)


def as_markdown(stories: Sequence[Export]) -> str:
    return written("markdown", stories)


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠A1"]
)
def test_a_spreadsheet_runs_no_cell_of_ours(cell: str) -> None:
    (_, row) = csv.reader(io.StringIO(as_csv([made(hook=cell, attribution=cell)]), newline=""))
    assert row[COLUMNS.index("hook")].replace("'", "") == cell
    assert row[COLUMNS.index("attribution")].startswith("'")


@pytest.mark.parametrize("hook", ["ok;=1+1", "ok; @SUM(A1)", "ok\n=1", "ok\t+1", "ok;-1+cmd", "a;=1;=2", "a;;=1"])
def test_no_cell_becomes_a_formula_where_a_spreadsheet_splits_it(hook: str) -> None:
    (_, row) = csv.reader(io.StringIO(as_csv([made(hook=hook)]), newline=""))
    written = row[COLUMNS.index("hook")]
    assert written.replace("'", "") == hook
    assert not any(re.match(r"\s*[=+\-@]", part) for part in re.split(r"[;\t\n]", written))


@pytest.mark.parametrize("hook", ["lovely ;-)", "a; b", "five - six", "x = y", "mail me;\nthanks"])
def test_what_is_no_formula_stays_as_it_is(hook: str) -> None:
    (_, row) = csv.reader(io.StringIO(as_csv([made(hook=hook)]), newline=""))
    assert row[COLUMNS.index("hook")] == hook


@settings(deadline=None)
@given(HOSTILE, HOSTILE)
def test_every_cell_comes_back_whole_from_csv(hook: str, quote: str) -> None:
    stories = [made(hook=hook, quote=quote), made(id="s-2")]
    header, first, second = csv.reader(io.StringIO(as_csv(stories), newline=""))
    assert tuple(header) == COLUMNS
    assert first[COLUMNS.index("hook")].replace("'", "") == hook.replace("'", "")
    assert first[COLUMNS.index("quote")].replace("'", "") == quote.replace("'", "")
    assert second[COLUMNS.index("places")] == "website; social"
    for cell in (*first, *second):
        assert not re.match(r"\s*[=+\-@]", cell)


@settings(deadline=None)
@given(HOSTILE, HOSTILE)
def test_stories_come_back_the_same_from_json(hook: str, quote: str) -> None:
    stories = [made(hook=hook, quote=quote), made(id="s-2", places=())]
    assert [Export.model_validate(row) for row in json.loads(as_json(stories))] == stories


def test_no_story_is_an_empty_list() -> None:
    assert json.loads(as_json([])) == []
    assert as_csv([]).strip() == ",".join(COLUMNS)
    assert "No story is ready." in as_markdown([])


@settings(deadline=None)
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


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.words += data


@settings(deadline=None)
@given(HOSTILE, HOSTILE)
def test_what_a_customer_wrote_is_text_and_nothing_else_on_a_page(text: str, hook: str) -> None:
    made_of = {"moment": text, "catalyst": text, "quote": text, "attribution": text, "disclosure": text}
    page = Page(written("html", [made(hook=hook, **made_of)]))
    filled = {name: "x" if value else "" for name, value in made_of.items()}
    assert page.tags == Page(written("html", [made(hook="x", **filled)])).tags
    assert hook in page.words
    assert page.words.count(text) >= 3


def test_a_page_carries_no_script_style_or_address() -> None:
    page = Page(written("html", [made(hook="<script>alert(1)</script>", quote="<img src=x onerror=alert(1)>")]))
    assert not {"script", "style", "img", "a", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert {name for _, attributes in page.tags for name, _ in attributes} <= {"lang", "charset", "id"}


@pytest.mark.parametrize("fmt", get_args(Format))
def test_the_last_day_of_a_permission_goes_out_with_the_words(fmt: Format) -> None:
    assert "2027-01-31" in written(fmt, [made(until=date(2027, 1, 31))])
    assert "None" not in written(fmt, [made()])
    assert "until 20" not in written(fmt, [made()])


@pytest.mark.parametrize("fmt", get_args(Format))
def test_an_export_is_written_while_the_stories_come(fmt: Format) -> None:
    asked = 0

    def stories() -> Iterator[Export]:
        nonlocal asked
        while True:
            asked += 1
            yield made(id=f"s-{asked}")

    pieces = lines_of(fmt, stories())
    while "s-3" not in next(pieces):
        assert asked <= 3
    assert asked == 3


@pytest.mark.parametrize("fmt", get_args(Format))
def test_an_export_without_stories_is_whole(fmt: Format) -> None:
    empty = written(fmt, [])
    assert empty.endswith("\n")
    assert "s-1" not in empty
