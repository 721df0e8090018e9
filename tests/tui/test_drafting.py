"""Drafting at the desk: a reply that grows while a person types, and what else can be done to a draft."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.screen import Screen

from copilot.desk import Desk
from copilot.tui.app import DeskApp
from copilot.tui.screens.drafts import History, Sheet, Variants
from copilot.tui.screens.story import StoryForm
from copilot.tui.widgets.drafting import DraftView, Stream
from copilot.tui.widgets.safe import Choice, Editor, Line, Plain
from tests.fakes import FakeClock
from tests.fakes.provider import FakeProvider, Reply
from tests.fakes.writing import give, reply_json, storyteller_for, writer_for
from tests.tui.conftest import desk_screen, ready, until

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
WIDE = (150, 44)
REF = "fernway/D-1002"
TEXT = ("Hi there,", "Thank you for writing to us about it. [[say what you found]]", "Best wishes,\nMara")
WHOLE = "\n\n".join(TEXT)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    made = FakeProvider(lambda _: Reply(reply_json(*TEXT), piece=8))
    yield made
    made.close()


@pytest.fixture
def writing_desk(sample_desk: Desk, provider: FakeProvider) -> Desk:
    return give(sample_desk, writer_for(provider, sample_desk.database, lambda _: None))


async def drafted(pilot: Pilot[Any]) -> DraftView:
    """Press `d` and wait until the draft is there."""
    await pilot.press("d")
    view = pilot.app.screen.query_one(DraftView)
    await until(pilot, lambda: view.draft is not None, "the draft")
    return view


async def typed_into(pilot: Pilot[Any], words: str) -> DraftView:
    """Press `d` and wait until the model has come to these words."""
    await pilot.press("d")
    view = pilot.app.screen.query_one(DraftView)
    await until(pilot, lambda: words in view.text, "the first words")
    return view


async def test_a_draft_grows_in_the_editor_and_says_who_wrote_it(
    writing_desk: Desk, picture: SnapshotAssertion
) -> None:
    app = DeskApp(writing_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, REF)
        view = await drafted(pilot)
        assert view.text == WHOLE
        screen.query_one("#queue").focus()  # no cursor in the picture
        await until(pilot, lambda: bool(screen.blocking) and not list(app.workers), "the finding")
        assert app.export_screenshot() == picture


async def test_typing_while_it_streams_loses_no_character(writing_desk: Desk, provider: FakeProvider) -> None:
    go_on = threading.Event()
    provider.say = lambda _: Reply(reply_json(*TEXT), piece=8, hold=(6, go_on))
    app = DeskApp(writing_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, REF)
        view, editor = await typed_into(pilot, "Hi"), screen.query_one(Editor)
        editor.move_cursor(editor.document.end)
        await pilot.press(*"at the end")
        editor.move_cursor((0, 0))
        await pilot.press(*"PS ")
        go_on.set()
        await until(pilot, lambda: view.draft is not None, "the draft")
        assert view.text == f"PS {WHOLE}at the end"
        await until(pilot, lambda: not list(app.workers), "quiet")
        kept = writing_desk.opened(REF).draft
        assert kept is not None
        assert kept.text == view.text
        assert kept.state == "edited"


async def test_escape_stops_the_model_and_keeps_what_came(writing_desk: Desk, provider: FakeProvider) -> None:
    go_on = threading.Event()
    provider.say = lambda _: Reply(reply_json(*TEXT), piece=8, hold=(12, go_on))
    app = DeskApp(writing_desk)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot, REF)
        view = await typed_into(pilot, "Thank")
        await pilot.press("escape")
        go_on.set()
        await until(pilot, lambda: view.draft is not None, "the draft")
        assert WHOLE.startswith(view.text)
        assert view.draft is not None
        assert "stopped" in view.draft.note


async def test_going_to_another_conversation_meanwhile_keeps_both(writing_desk: Desk, provider: FakeProvider) -> None:
    go_on = threading.Event()
    provider.say = lambda _: Reply(reply_json(*TEXT), piece=8, hold=(12, go_on))
    app = DeskApp(writing_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, REF)
        view = await typed_into(pilot, "Thank")
        screen.open_ticket("fernway/D-1028")
        go_on.set()
        await until(pilot, lambda: not list(app.workers), "quiet")
        assert view.draft is None
        assert view.text == ""
        kept = writing_desk.opened(REF).draft
        assert kept is not None
        assert kept.text == WHOLE


async def test_closing_the_desk_meanwhile_keeps_what_was_typed(writing_desk: Desk, provider: FakeProvider) -> None:
    go_on = threading.Event()
    provider.say = lambda _: Reply(reply_json(*TEXT), piece=8, hold=(12, go_on))
    app = DeskApp(writing_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, REF)
        await typed_into(pilot, "Thank")
        screen.query_one(Editor).move_cursor((0, 0))
        await pilot.press(*"Mine. ")
        app.exit()
        go_on.set()
        await pilot.pause()
    kept = writing_desk.opened(REF).draft
    assert kept is not None
    assert kept.text.startswith("Mine. Hi there,")
    assert kept.text.count("Hi there,") == 1


async def test_other_actions_leave_a_reply_that_is_being_written_alone(
    writing_desk: Desk, provider: FakeProvider
) -> None:
    go_on = threading.Event()
    provider.say = lambda _: Reply(reply_json(*TEXT), piece=8, hold=(12, go_on))
    app = DeskApp(writing_desk)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = await ready(pilot, REF)
        view = await typed_into(pilot, "Thank")
        screen.query_one("#queue").focus()
        await pilot.press("d", "s", "a", "1", "minus")
        await pilot.press("c")
        await until(pilot, lambda: app.screen is not screen, "the correction")
        await pilot.press("escape")
        go_on.set()
        await until(pilot, lambda: view.draft is not None, "the draft")
        assert view.text == WHOLE
        assert len(provider.requests) == 1


async def test_every_sheet_about_a_draft_opens_and_closes(writing_desk: Desk) -> None:
    app = DeskApp(writing_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, REF)
        await drafted(pilot)
        screen.query_one("#queue").focus()
        for key, kind in (("p", Sheet), ("i", Sheet), ("w", Variants), ("H", History)):
            await pilot.press(key)
            await until(pilot, partial(_shows, app, kind), key)
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is screen, "closed")


def _shows(app: DeskApp, kind: type[Screen[Any]]) -> bool:
    return isinstance(app.screen, kind)


async def test_another_wording_can_be_taken_and_the_first_one_back(sample_desk: Desk, clock: FakeClock) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot, REF)
        view = await drafted(pilot)
        first = view.text
        clock.forward(minutes=1)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Variants), "two columns")
        await pilot.press("2")
        await until(pilot, lambda: view.text != first, "the other one")
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, History), "the earlier ones")
        await pilot.press("down", "enter")
        await until(pilot, lambda: view.text == first, "the first one again")


async def test_shorter_drafts_less_and_copying_takes_the_words(sample_desk: Desk) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot, REF)
        view = await drafted(pilot)
        before = view.text
        await pilot.press("minus")
        await until(pilot, lambda: len(view.text) < len(before), "a shorter one")
        await pilot.press("C")
        assert app.clipboard == view.text


async def test_undo_takes_back_a_draft_that_was_drafted_over(sample_desk: Desk) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot, REF)
        view = await drafted(pilot)
        before = view.text
        await pilot.press("minus")
        await until(pilot, lambda: len(view.text) < len(before), "a shorter one")
        desk_screen(app).query_one(Editor).focus()
        await pilot.press("ctrl+z")
        await until(pilot, lambda: view.text == before, "the longer one again")


@given(
    st.text("ab\n", max_size=12),
    st.text("ab\n", max_size=12),
    st.integers(0, 24),
    st.integers(0, 24),
    st.text("xyz", max_size=5),
)
def test_a_change_never_moves_the_mark_out_of_the_text_or_over_what_was_typed_behind_it(
    told: str, behind: str, at: int, to: int, put: str
) -> None:
    before = told + behind
    start, end = sorted((min(at, len(before)), min(to, len(before))))
    after = before[:start] + put + before[end:]
    stream = Stream()
    stream.told, stream.mark = told, len(told)
    stream.moved(before, after)
    assert 0 <= stream.mark <= len(after)
    if start >= len(told):  # all of the change lies behind the mark
        assert after[: stream.mark] == told


async def test_the_model_words_a_story_and_its_quote_stays(writing_desk: Desk, provider: FakeProvider) -> None:
    words = {"hook": "Nobody had to ask", "moment": "A fault was mended early.", "catalyst": "The agent looked ahead."}
    provider.say = lambda _: Reply(json.dumps(words))
    writing_desk.storyteller = storyteller_for(provider, writing_desk.database)
    app = DeskApp(writing_desk)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot, REF)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, StoryForm) and bool(app.screen.query("#save")), "the form")
        form = app.screen
        before = form.query_one("#quote", Choice).value
        await pilot.press("ctrl+w")
        await until(pilot, lambda: form.query_one("#hook", Line).value == words["hook"], "the words")
        assert form.query_one("#moment", Editor).text == words["moment"]
        assert form.query_one("#quote", Choice).value == before
        provider.say = lambda _: Reply(json.dumps({**words, "hook": "\u201cI love it\u201d"}))
        await pilot.press("ctrl+w")
        await until(pilot, lambda: "Your words stand" in str(form.query_one("#standing", Plain).visual), "the refusal")
        assert form.query_one("#hook", Line).value == words["hook"]
