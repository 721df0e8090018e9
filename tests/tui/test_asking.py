"""Asking at the desk beside the ask itself: over the gate, later, gives, reviews, what is due."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from copilot.asking.review import load_review
from copilot.db.engine import Database
from copilot.desk import Desk
from copilot.telling import Telling
from copilot.tickets import store as ticketing
from copilot.tui.app import DeskApp
from copilot.tui.screens.confirm import Why
from copilot.tui.screens.drafts import Sheet
from copilot.tui.widgets.drafting import DraftView
from copilot.tui.widgets.safe import Line, Prose
from tests.conftest import PLAYBOOKS, MakeDesk, make_ticket
from tests.fakes import NOW
from tests.tui.conftest import ready, until

WIDE = (150, 44)
THANKS = (
    "customer: the export failed",
    "agent: I mended it before your launch.",
    "customer: You spotted it before I even knew, and fixed it, I cannot thank you enough!",
)


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    made = make_desk(make_ticket(*THANKS), make_ticket("customer: still broken", id="T-2"))
    made.correct("test/T-1", "signal", "proactive_fix")
    return made


async def test_over_the_gate_only_with_a_reason_that_is_kept(desk: Desk) -> None:
    assert not desk.guide("test/T-1").verdict.ok  # another ticket of the same person is open
    app = DeskApp(desk)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = await ready(pilot, "test/T-1")
        await pilot.press("O")
        await until(pilot, lambda: isinstance(app.screen, Why), "the question")
        app.screen.query_one(Line).value = "they wrote the other one by mistake"
        await pilot.press("ctrl+s")
        view = screen.query_one(DraftView)
        await until(pilot, lambda: view.draft is not None and "You spotted it" in view.text, "the ask")
    (ask,) = desk.opened("test/T-1").asks
    assert ask.override == "they wrote the other one by mistake"
    (line,) = [line for line in desk.telling.audited() if line.action == "overrode the gate"]
    assert (line.who, line.subject) == ("Mara", "test/T-1")
    assert "other open ticket" in line.detail


async def test_no_reason_goes_over_the_customers_own_wish(desk: Desk) -> None:
    desk.pause_asks("test/T-1", paused=True)
    app = DeskApp(desk)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = await ready(pilot, "test/T-1")
        await pilot.press("O")
        await until(pilot, lambda: isinstance(app.screen, Why), "the question")
        app.screen.query_one(Line).value = "marketing wants it"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.screen is not screen and not isinstance(app.screen, Why), "the refusal")
    assert desk.opened("test/T-1").asks == ()


async def test_what_is_to_be_asked_later_and_what_was_given_are_on_record(desk: Desk) -> None:
    app = DeskApp(desk)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = await ready(pilot, "test/T-1")
        await pilot.press("L")
        await until(pilot, lambda: len(desk.telling.due().scheduled) == 1, "scheduled")
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, Why), "the question")
        app.screen.query_one(Line).value = "a handwritten card"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(desk.telling.person("test/c-1").gives), "given")
        await until(pilot, lambda: app.screen is screen and not list(app.workers), "quiet")
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, Sheet), "what is due")
        assert "test/T-1: waits for the customer" in str(app.screen.query_one(Prose).text)


async def test_an_invitation_to_review_goes_only_where_it_is_the_turn(
    desk: Desk, tmp_path: Path, database: Database
) -> None:
    (tmp_path / "review.md").write_text((PLAYBOOKS / "review.md").read_text("utf-8").replace("every: 10", "every: 2"))
    desk.telling = Telling(database, desk.policy, desk.clock, reviews=lambda: load_review(tmp_path))
    with database.begin() as connection:
        for number in (1, 2):
            kept = ticketing.get(connection, f"test/T-{number}")
            ticketing.put(connection, kept.model_copy(update={"status": "resolved"}), NOW)
    desk.telling.count_resolved()
    (turn,) = desk.telling.due().reviews
    assert turn.ref == "test/T-2"
    app = DeskApp(desk)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = await ready(pilot, "test/T-2")
        await pilot.press("R")
        view = screen.query_one(DraftView)
        await until(pilot, lambda: view.draft is not None and "good or bad" in view.text, "the invitation")
    draft = desk.opened("test/T-2").draft
    assert draft is not None
    assert desk.clock() - draft.created_at < timedelta(minutes=1)
    sent, _ = desk.send(draft, draft.text.replace("[[", "").replace("]]", ""))
    assert sent.state == "sent"
    assert desk.telling.due().reviews == ()


async def test_a_reminder_that_is_not_due_begins_no_draft(desk: Desk) -> None:
    app = DeskApp(desk)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = await ready(pilot, "test/T-1")
        await pilot.press("M")
        await until(pilot, lambda: app.screen is not screen, "the refusal")
    assert desk.opened("test/T-1").draft is None
