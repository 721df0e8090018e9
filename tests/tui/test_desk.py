"""The desk by keys: what a person presses, what they then see, and what was done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from copilot.asking.models import Terms
from copilot.db.engine import Database
from copilot.desk import Brain, Desk
from copilot.drafting.composer import Setting
from copilot.errors import IndexFault
from copilot.reading import store as reading_store
from copilot.tui.app import DeskApp
from copilot.tui.screens.confirm import Sure
from copilot.tui.screens.modals import ConfirmSend, Correct, Decide, Fault, Help, RecordAnswer
from copilot.tui.screens.stories import StoriesScreen
from copilot.tui.screens.story import StoryForm
from copilot.tui.widgets.drafting import DraftView
from copilot.tui.widgets.queue import QueueList
from copilot.tui.widgets.safe import Choice, Editor, Line, Options, Tick
from tests.conftest import MakeDesk, make_ticket
from tests.fakes import FakeClock, FakeSender
from tests.test_flow import DELIGHT
from tests.tui.conftest import desk_screen, ready, until


def shown(app: DeskApp, kind: type[Any], part: str) -> bool:
    """Whether a dialogue is open and drawn as far as one of its parts."""
    return isinstance(app.screen, kind) and bool(app.screen.query(part)) and app.screen.focused is not None


WIDE, NARROW = (150, 44), (80, 24)
HOSTILE = ("fernway/D-1045", "fernway/D-1053", "fernway/D-1063")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_the_queue_opens_with_what_needs_a_person_first(
    sample_desk: Desk, picture: SnapshotAssertion, size: tuple[int, int]
) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=size) as pilot:
        screen = await ready(pilot)
        ranks = [row.rank for row in screen.query_one(QueueList).rows]
        assert ranks == sorted(ranks)
        assert screen.ref == screen.query_one(QueueList).rows[0].ref
        assert app.export_screenshot() == picture


async def test_what_the_reader_of_before_read_is_read_again_once_models_are_loaded(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(*DELIGHT))
    kept = desk.opened("test/T-1").reading
    assert kept is not None
    with desk.database.begin() as connection:
        stale = kept.model_copy(update={"reader": "of before", "mood": "neutral", "signals": ()})
        reading_store.put(connection, "test/T-1", stale)
    app = DeskApp(desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot)
        queue = screen.query_one(QueueList)
        await until(pilot, lambda: queue.rows[0].mood == kept.mood, "the queue, read again")
        assert screen.reading == kept


@pytest.mark.parametrize("tabs", [1, 2, 3], ids=["conversation", "guidance", "draft"])
async def test_every_pane_stands_alone_on_a_narrow_screen(
    sample_desk: Desk, picture: SnapshotAssertion, tabs: int
) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=NARROW) as pilot:
        await ready(pilot, "fernway/D-1028")
        await pilot.press("d")
        await until(pilot, lambda: desk_screen(app).query_one(DraftView).draft is not None, "draft")
        await pilot.press(*["tab"] * tabs)
        await until(pilot, lambda: not list(app.workers), "quiet")
        assert app.export_screenshot() == picture


async def test_a_draft_shows_its_findings_and_cannot_be_sent_with_a_blank(
    sample_desk: Desk, sender: FakeSender, picture: SnapshotAssertion
) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, "fernway/D-1041")
        await pilot.press("d")
        await until(pilot, lambda: bool(screen.blocking), "a blocking finding")
        assert "[[" in screen.query_one(DraftView).text
        await pilot.press("s")
        await pilot.pause()
        assert app.screen is screen
        assert sender.sent == []
        await until(pilot, lambda: not list(app.workers), "quiet")
        assert app.export_screenshot() == picture


async def test_function_keys_work_while_the_draft_is_typed(sample_desk: Desk) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, "fernway/D-1002")
        await pilot.press("f4")
        await until(pilot, lambda: screen.query_one(DraftView).draft is not None, "draft")
        editor = screen.query_one(Editor)
        editor.focus()
        editor.put("Hello, nothing open here.")
        await until(pilot, lambda: not screen.blocking, "no finding")
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(app.screen, ConfirmSend), "the question whether to send")


async def test_findings_change_with_every_key_and_what_is_typed_is_kept(sample_desk: Desk) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, "fernway/D-1002")
        await pilot.press("d")
        view = screen.query_one(DraftView)
        await until(pilot, lambda: view.draft is not None and screen.check_context is not None, "draft")
        editor = screen.query_one(Editor)
        editor.focus()
        editor.put("Hello, nothing open here. ")
        await until(pilot, lambda: not screen.blocking, "no finding")
        editor.move_cursor(editor.document.end)
        await pilot.press(*"[[x]]")
        await until(pilot, lambda: "x" in screen.blocking, "the blank")
        await pilot.press("escape", "down")
        await until(pilot, lambda: screen.ref != "fernway/D-1002", "another ticket")
        kept = sample_desk.opened("fernway/D-1002").draft
        assert kept is not None
        assert kept.text.endswith("[[x]]")


async def test_the_whole_chain_by_keys(make_desk: MakeDesk, sender: FakeSender, clock: FakeClock) -> None:
    ticket = make_ticket(*DELIGHT, subject="Launch at noon")
    desk = make_desk(ticket)
    desk.correct(ticket.ref, "signal", "proactive_fix")
    app = DeskApp(desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, ticket.ref)
        await pilot.press("a")
        view = screen.query_one(DraftView)
        await until(pilot, lambda: view.draft is not None and screen.has_ask, "ask")
        text = view.text
        while "[[" in text:
            text = text[: text.index("[[")] + "the repaired row" + text[text.index("]]") + 2 :]
        screen.query_one(Editor).put(text)
        await until(pilot, lambda: not screen.blocking, "nothing blocks")
        await pilot.press("s")
        await until(pilot, lambda: shown(app, ConfirmSend, "#send"), "the question")
        question = app.screen
        assert isinstance(question, ConfirmSend)
        question.opened += 1000.0  # it has only just opened
        await pilot.press("y")
        assert question.is_current, "a key that comes too soon was not meant"
        question.opened -= 2000.0
        await pilot.press("y")
        await until(pilot, lambda: len(sender.sent) == 1, "sent")
        await until(pilot, lambda: screen.guidance is not None and view.draft is None, "the desk again")

        clock.forward(hours=1)
        await pilot.press("r")
        await until(pilot, lambda: shown(app, RecordAnswer, "#save"), "the answer form")
        app.screen.query_one("#answer", Choice).value = "granted"
        app.screen.query_one("#place-website", Tick).value = True
        app.screen.query_one("#name-style", Choice).value = "first"
        app.screen.query_one("#elsewhere", Line).value = "yes, with pleasure"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.screen is screen and bool(screen.opened and screen.opened.entries), "the ledger")

        await pilot.press("y")
        await until(pilot, lambda: shown(app, StoryForm, "#save"), "the story")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.screen is screen and desk.stories() != [], "the story kept")
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, StoriesScreen) and app.screen.current is not None, "stories")
        await pilot.press("a")
        await until(pilot, lambda: desk.exports() != [], "both keys turned")
    (exported,) = desk.exports()
    assert exported.attribution == "Anna"
    assert exported.quote in DELIGHT[-1]


@pytest.mark.parametrize("ref", HOSTILE)
async def test_a_hostile_ticket_is_shown_as_text(sample_desk: Desk, ref: str) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, ref)
        await pilot.press("d", "y")
        await until(pilot, lambda: isinstance(app.screen, StoryForm), "the story form")
        await pilot.press("escape", "c")
        await until(pilot, lambda: isinstance(app.screen, Correct), "the correction")
        await pilot.press("escape")
        await pilot.pause()
        drawn = app.export_screenshot()
        assert not [c for c in drawn if ord(c) < 32 and c not in "\n\t"]
        assert "\u202e" not in drawn
        assert not any(
            s.style.meta.get("@click")
            for line in screen._compositor.render_strips()
            for s in line
            if s.style and s.style.meta
        )


async def test_a_correction_by_key_wins_and_is_kept_with_the_name(sample_desk: Desk) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, "fernway/D-1002")
        await pilot.press("c")
        await until(pilot, lambda: shown(app, Correct, "#labels"), "the choices")
        app.screen.query_one(Options).highlighted = 4
        await pilot.press("enter")
        await until(pilot, lambda: screen.reading is not None and screen.reading.mood == "delighted", "delighted")
        assert screen.reading is not None
        assert screen.reading.mood_corrected


async def test_a_greyed_action_says_why(sample_desk: Desk) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = await ready(pilot, "fernway/D-1041")
        assert screen.check_action("ask", ()) is None
        await pilot.press("a")
        await pilot.pause()
        assert any("No ask now" in note.message for note in app._notifications)


async def test_views_filter_and_keys_move_about(sample_desk: Desk) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot)
        queue = screen.query_one(QueueList)
        await pilot.press("v")
        await until(
            pilot,
            lambda: screen.view == "moments" and bool(queue.rows) and all(r.delight for r in queue.rows),
            "moments",
        )
        await until(pilot, lambda: screen.ref == queue.rows[0].ref, "its first ticket")
        await pilot.press("slash", *"promoter")
        await until(pilot, lambda: bool(queue.rows) and all("promoter" in r.signals for r in queue.rows), "filtered")
        await pilot.press("escape")
        await until(pilot, lambda: len(queue.rows) == len(screen.rows), "all again")
        await pilot.press("G")
        assert queue.cursor == len(queue.rows) - 1
        await pilot.press("g", "n")
        assert queue.cursor == 1


async def test_a_remapped_key_works_and_a_wrong_one_is_named(sample_desk: Desk) -> None:
    app = DeskApp(sample_desk, keymap={"draft": "ctrl+g", "fly": "x"})
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = await ready(pilot)
        await pilot.press("d")
        await pilot.pause()
        assert screen.query_one(DraftView).draft is None
        await pilot.press("ctrl+g")
        await until(pilot, lambda: screen.query_one(DraftView).draft is not None, "draft")
        assert any("fly" in note.message for note in app._notifications)


async def test_every_dialogue_can_be_left(sample_desk: Desk, picture: SnapshotAssertion) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, "fernway/D-1022")
        kinds: dict[str, type[Any]] = {
            "question_mark": Help,
            "c": Correct,
            "r": RecordAnswer,
            "y": StoryForm,
            "P": Sure,
        }
        for key, kind in kinds.items():
            await pilot.press(key)
            await until(pilot, lambda kind=kind: isinstance(app.screen, kind), key)  # type: ignore[misc]
            await pilot.pause()
            assert app.export_screenshot() == picture(name=kind.__name__)
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is screen, f"{key} closed")


async def test_a_decision_is_walked_by_keys(make_desk: MakeDesk) -> None:
    ticket = make_ticket(
        "customer: Your service has been down all morning and none of us can log in or work. This is a disaster."
    )
    desk = make_desk(ticket)
    desk.correct(ticket.ref, "risk", "outage")
    app = DeskApp(desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, ticket.ref)
        assert screen.guidance is not None
        assert screen.guidance.walk is not None
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Decide), "the question")
        for _ in range(4):
            if isinstance(app.screen, Decide) and app.screen.walked.open_question:
                await pilot.press("y")
                await pilot.pause()
        await until(
            pilot,
            lambda: (
                screen.guidance is not None
                and screen.guidance.walk is not None
                and screen.guidance.walk.leaf is not None
            ),
            "the leaf",
        )


async def test_an_empty_desk_says_so(make_desk: MakeDesk, picture: SnapshotAssertion) -> None:
    app = DeskApp(make_desk())
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: app.warmed, "models")
        assert app.export_screenshot() == picture
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, StoriesScreen), "stories")
        await pilot.press("escape")


async def test_without_an_index_the_desk_opens_and_names_the_way_out(
    sample_database: Path, tmp_path: Path, sender: FakeSender, clock: FakeClock
) -> None:
    def missing() -> Any:
        raise IndexFault("The index is not built.", hint="Run `delight playbook build`.")

    database = Database(sample_database)
    setting = Setting(agent="Mara", team="T", company="C")
    desk = Desk(database, Brain(missing, missing), missing, sender, setting, clock)
    app = DeskApp(desk)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await until(pilot, lambda: any("delight playbook build" in n.message for n in app._notifications), "the hint")
        assert desk_screen(app).query_one(QueueList).rows
    database.close()


async def test_an_error_of_the_flow_is_a_dialogue_with_its_hint(make_desk: MakeDesk) -> None:
    ticket = make_ticket("customer: where is my parcel?")
    desk = make_desk(ticket, agent="")
    app = DeskApp(desk)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot, ticket.ref)
        await pilot.press("c")
        await until(pilot, lambda: shown(app, Correct, "#labels"), "the choices")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Fault), "the dialogue")
        await pilot.press("escape")


async def test_the_stories_screen_shows_where_each_story_stands(
    make_desk: MakeDesk, picture: SnapshotAssertion
) -> None:
    ticket = make_ticket(*DELIGHT)
    desk = make_desk(ticket)
    desk.correct(ticket.ref, "signal", "proactive_fix")
    desk.save_story(desk.new_story(ticket.ref))
    app = DeskApp(desk)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot, ticket.ref)
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, StoriesScreen) and app.screen.current is not None, "stories")
        assert app.screen.check_action("approve_story", ()) is None
        assert app.export_screenshot() == picture


def test_terms_are_empty_until_somebody_ticks_them() -> None:
    assert Terms().places == ()
    assert Terms().name_style == "anonymous"


async def test_words_typed_without_a_draft_stay_with_their_ticket(sample_desk: Desk) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, "fernway/D-1002")
        await pilot.press("e", *"by hand")
        screen.open_ticket("fernway/D-1007")
        await until(pilot, lambda: screen.guidance is not None, "the other ticket")
        assert screen.query_one(DraftView).text == ""
        kept = sample_desk.opened("fernway/D-1002").draft
        assert kept is not None
        assert kept.text == "by hand"


async def test_editing_begins_at_the_next_blank_and_typing_fills_it(sample_desk: Desk) -> None:
    app = DeskApp(sample_desk)
    async with app.run_test(size=WIDE) as pilot:
        screen = await ready(pilot, "fernway/D-1041")
        await pilot.press("d")
        await until(pilot, lambda: bool(screen.blocking), "a blank")
        view = screen.query_one(DraftView)
        before = view.text
        await pilot.press("e", *"on Monday")
        await until(pilot, lambda: "on Monday" in view.text, "typed")
        start, end = before.index("[["), before.index("]]") + 2
        assert view.text == before[:start] + "on Monday" + before[end:]
