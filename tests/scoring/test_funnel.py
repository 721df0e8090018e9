"""The funnel counts what was done, and never more."""

from __future__ import annotations

from copilot.asking.models import Terms
from copilot.desk import Desk
from copilot.scoring.funnel import Funnel
from copilot.tickets.models import Customer
from tests.conftest import MakeDesk, make_ticket

THANKS = "customer: You spotted the broken row before I even knew about it and fixed it for us. Amazing, thank you!"
PLACES = Terms(places=("website",))


def counts(desk: Desk) -> tuple[int, int, int, int]:
    found = desk.funnel()
    return found.asked, found.granted, found.stories, found.ready


def test_an_empty_desk_counts_nothing(make_desk: MakeDesk) -> None:
    assert make_desk().funnel() == Funnel(moments=0, asked=0, granted=0, stories=0, ready=0)


def test_moments_are_counted_once_a_conversation(make_desk: MakeDesk) -> None:
    angry = make_ticket("customer: This is a disgrace, I want my money back!", id="2", customer=Customer(id="x"))
    desk = make_desk(make_ticket("customer: hm", THANKS), angry)
    desk.correct("test/T-1", "signal", "proactive_fix")
    assert desk.funnel().moments == 1
    desk.correct("test/T-1", "mood", "neutral")
    assert desk.funnel().moments == 0


def test_each_step_is_counted_when_it_was_taken_and_taken_back_when_it_was(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(THANKS, "agent: May we quote you?", "customer: Yes, of course."))
    assert counts(desk) == (0, 0, 0, 0)
    ask = desk.adopt_ask("test/T-1", desk.quotes("test/T-1")[-1])
    assert counts(desk) == (1, 0, 0, 0)
    desk.record_answer(ask.id, "unclear", Terms())
    assert counts(desk) == (1, 0, 0, 0)
    desk.record_answer(ask.id, "granted", PLACES)
    assert counts(desk) == (1, 1, 0, 0)
    story = desk.new_story("test/T-1")
    assert counts(desk) == (1, 1, 0, 0)
    desk.save_story(story)
    assert counts(desk) == (1, 1, 1, 0)
    desk.approve_story(story.id)
    assert counts(desk) == (1, 1, 1, 1)
    desk.record_answer(ask.id, "withdrawn", Terms())
    assert counts(desk) == (1, 0, 1, 0)
