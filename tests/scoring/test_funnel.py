"""The funnel counts what was done, and never more."""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import pytest

from copilot.asking.models import Terms
from copilot.db.engine import Database
from copilot.desk import Desk
from copilot.scoring.funnel import By, Funnel, Step, funnel_rows
from copilot.tickets.models import Customer
from tests.conftest import MakeDesk, make_ticket
from tests.fakes import NOW, FakeClock

THANKS = "customer: You spotted the broken row before I even knew about it and fixed it for us. Amazing, thank you!"
PLACES = Terms(places=("website",))


def counts(desk: Desk) -> tuple[int, int, int, int]:
    found = desk.funnel()
    return found.asked, found.granted, found.stories, found.ready


def test_an_empty_desk_counts_nothing(make_desk: MakeDesk) -> None:
    assert make_desk().funnel() == Funnel(moments=0, asked=0, granted=0, stories=0, ready=0, published=0, withdrawn=0)


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


def released(desk: Desk, number: int = 1, until: date | None = None) -> str:
    """A story with both keys turned; its id."""
    ref = f"test/T-{number}"
    ask = desk.adopt_ask(ref, desk.quotes(ref)[-1])
    desk.record_answer(ask.id, "granted", Terms(places=("website",), until=until))
    story = desk.new_story(ref)
    desk.save_story(story)
    desk.approve_story(story.id)
    return story.id


def desk_of(make_desk: MakeDesk, amount: int = 1) -> Desk:
    return make_desk(
        *(
            make_ticket(
                THANKS,
                "agent: May we quote you?",
                "customer: Yes, of course.",
                id=f"T-{number}",
                customer=Customer(id=f"c-{number}", name="Anna Berg"),
            )
            for number in range(1, amount + 1)
        )
    )


def told(desk: Desk) -> tuple[int, int, int, int]:
    found = desk.funnel()
    return found.stories, found.ready, found.published, found.withdrawn


def test_a_published_story_is_a_ready_one_and_counts_as_published_while_it_stands(make_desk: MakeDesk) -> None:
    desk = desk_of(make_desk)
    story_id = released(desk)
    assert told(desk) == (1, 1, 0, 0)
    where = desk.telling.publish(story_id, "website", "/stories", "", "Priya")
    assert told(desk) == (1, 1, 1, 0)
    desk.telling.cleared(where.publications[0].id, "Priya", "404")
    assert told(desk) == (1, 1, 0, 0)


def test_a_withdrawal_counts_once_and_takes_the_published_story_out(make_desk: MakeDesk) -> None:
    desk = desk_of(make_desk)
    story_id = released(desk)
    desk.telling.publish(story_id, "website", "/stories", "", "Priya")
    (ask,) = (e.ask_id for e in desk.telling.ledger())
    desk.record_answer(ask, "withdrawn", Terms())
    assert told(desk) == (1, 0, 0, 1)


def test_a_story_whose_agreed_time_is_over_counts_as_ready_no_more(make_desk: MakeDesk, clock: FakeClock) -> None:
    desk = desk_of(make_desk)
    released(desk, until=NOW.date())
    assert told(desk) == (1, 1, 0, 0)
    clock.forward(days=1)
    assert told(desk) == (1, 0, 0, 0)


def test_stories_that_an_older_version_kept_are_counted_before_anybody_opens_them(
    make_desk: MakeDesk, database: Database
) -> None:
    desk = desk_of(make_desk)
    released(desk)
    with database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM story_index")
    assert told(desk) == (1, 1, 0, 0)


@pytest.mark.parametrize("erased", [False, True])
def test_the_rows_of_the_funnel_add_up_to_the_whole(make_desk: MakeDesk, *, erased: bool) -> None:
    desk = desk_of(make_desk, 3)
    first = released(desk, 1)
    released(desk, 2)
    desk.telling.publish(first, "website", "/stories", "", "Priya")
    desk.record_answer(desk.telling.ledger()[1].ask_id, "withdrawn", Terms())
    desk.adopt_ask("test/T-3", desk.quotes("test/T-3")[-1])
    if erased:
        desk.telling.forget("test/c-2", "Priya")
    whole = desk.funnel()
    for by in get_args(By):
        rows = desk.telling.funnel_rows(by)
        assert len({row.name for row in rows}) == len(rows)
        for field in set(Funnel.model_fields) - ({"moments"} if by == "play" else set()):
            assert sum(getattr(row.counts, field) for row in rows) == getattr(whole, field), (by, field)
        for row in rows:
            for step in get_args(Step):
                listed = desk.telling.counted(by, row.name, step)
                assert len(listed) == getattr(row.counts, step), "a number leads to exactly what it counts"
                assert listed == sorted(listed, key=lambda one: one.at, reverse=True)


def test_a_week_is_named_by_its_monday(make_desk: MakeDesk, database: Database) -> None:
    released(desk_of(make_desk))
    with database.read() as connection:
        names = [row.name for row in funnel_rows(connection, "week")]
    assert names == sorted(names)
    for name in names:
        assert date.fromisoformat(name).isoweekday() == 1
    assert any(date.fromisoformat(n) <= NOW.date() < date.fromisoformat(n) + timedelta(days=7) for n in names)
