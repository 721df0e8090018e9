"""Public reviews: every n-th resolved conversation, whatever the mood; and nothing in the module that could choose."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from copilot.asking import review
from copilot.asking.policy import load_policy
from copilot.asking.review import ReviewPage, Site, count, due, load_review, mark_sent
from copilot.db.engine import Database
from copilot.errors import PageError, RefusedAction
from copilot.reading.models import Mood
from copilot.telling import Telling
from tests.conftest import PLAYBOOKS, ROOT, MakeDesk, make_ticket
from tests.fakes import NOW, FakeClock

FORBIDDEN = ("copilot.reading", "copilot.asking.gate", "copilot.asking.compose", "copilot.stories", "copilot.scoring")
PAGE = ReviewPage(version="1", every=2, sites=(Site(name="Trusty", address="https://trusty.example"),), text="{site}")


def refs(*numbers: int) -> list[str]:
    return [f"q/{number:03}" for number in numbers]


def invited(database: Database, days: int = 14) -> list[str]:
    with database.read() as connection:
        return [turn.ref for turn in due(connection, days, NOW)]


# Nobody chooses


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import that does not say its room"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_what_picks_whom_to_ask_for_a_review_imports_nothing_that_knows_a_mood_or_a_verdict() -> None:
    found = imported(ROOT / "copilot" / "asking" / "review.py")
    assert [name for name in sorted(found) if name.startswith(FORBIDDEN)] == []
    assert not {"importlib", "builtins"} & found


def test_nor_does_anything_that_it_imports() -> None:
    code = "import sys, copilot.asking.review; print(*sorted(m for m in sys.modules if m.startswith('copilot.')))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert "copilot.asking.review" in done.stdout.split()
    assert [name for name in done.stdout.split() if name.startswith(FORBIDDEN)] == []


def test_no_function_that_picks_is_told_anything_about_a_person() -> None:
    told = {name for function in (count, due, mark_sent) for name in inspect.signature(function).parameters}
    assert told == {"connection", "refs", "every", "now", "valid_days", "ref"}
    assert set(review.review_turns.columns.keys()) == {"number", "ref", "chosen", "at", "sent_at"}


MOODS: dict[str, Mood] = {"angry": "angry", "glad": "delighted", "flat": "neutral", "cross": "frustrated"}


@pytest.mark.parametrize("names", [sorted(MOODS), sorted(MOODS, reverse=True)])
def test_every_second_conversation_is_invited_whatever_the_mood(
    make_desk: MakeDesk, database: Database, clock: FakeClock, names: list[str]
) -> None:
    tickets = [make_ticket("customer: This is it.", id=str(n), status="resolved") for n, _ in enumerate(names, start=1)]
    desk = make_desk(*tickets)
    for ticket, name in zip(tickets, names, strict=True):
        desk.correct(ticket.ref, "mood", MOODS[name])
    telling = Telling(database, lambda: load_policy(PLAYBOOKS), clock, reviews=lambda: PAGE)
    telling.count_resolved()
    assert [turn.ref for turn in telling.due().reviews] == ["test/2", "test/4"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(every=st.integers(1, 7), batches=st.lists(st.lists(st.integers(0, 40), max_size=12), max_size=5))
def test_every_nth_is_invited_however_they_come_and_each_has_one_number(
    database: Database, every: int, batches: list[list[int]]
) -> None:
    with database.read() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'review_turns'")
        order: list[str] = []
        for batch in batches:
            count(connection, refs(*batch), every, NOW)
            order += sorted({*refs(*batch)} - {*order})
        turns = due(connection, 14, NOW)
        assert [(turn.number, turn.ref) for turn in turns] == [
            (number, ref) for number, ref in enumerate(order, start=1) if number % every == 0
        ]
        transaction.rollback()


def test_the_count_goes_on_from_one_day_to_the_next(database: Database) -> None:
    for number in range(1, 10):
        with database.begin() as connection:
            count(connection, refs(number), 3, NOW)
    assert invited(database) == refs(3, 6, 9)


def test_a_conversation_that_was_counted_is_not_counted_again(database: Database) -> None:
    for _ in range(3):
        with database.begin() as connection:
            count(connection, refs(1, 1, 2), 3, NOW)
    with database.begin() as connection:
        count(connection, refs(3), 3, NOW)
    assert invited(database) == refs(3)


def test_a_team_that_asks_nobody_invites_nobody_and_keeps_counting(database: Database) -> None:
    with database.begin() as connection:
        count(connection, refs(1, 2, 3), 0, NOW)
    assert invited(database) == []
    with database.begin() as connection:
        count(connection, refs(4), 4, NOW)
    assert invited(database) == refs(4)


@pytest.mark.parametrize(("days", "found"), [(13, 1), (14, 1), (15, 0)])
def test_an_invitation_lapses_with_its_days(database: Database, days: int, found: int) -> None:
    with database.begin() as connection:
        count(connection, refs(1), 1, NOW - timedelta(days=days))
    assert len(invited(database)) == found


# Sent once, and only to whom it falls


def test_an_invitation_is_sent_once_and_then_waits_no_more(database: Database) -> None:
    with database.begin() as connection:
        count(connection, refs(1, 2), 2, NOW)
    with database.begin() as connection:
        mark_sent(connection, refs(2)[0], NOW)
    assert invited(database) == []
    with pytest.raises(RefusedAction, match="not invited"), database.begin() as connection:
        mark_sent(connection, refs(2)[0], NOW)


@pytest.mark.parametrize("ref", ["q/001", "q/003", "q/999", ""])
def test_nobody_whose_turn_it_is_not_can_be_invited(database: Database, ref: str) -> None:
    with database.begin() as connection:
        count(connection, refs(1, 2, 3), 2, NOW)
    with pytest.raises(RefusedAction, match="nobody chooses which"), database.begin() as connection:
        mark_sent(connection, ref, NOW)
    assert invited(database) == refs(2)


# The page


MATTER = ('version: "1"', "every: 10", "sites: [{name: Trusty}]")


def written(folder: Path, *lines: str, matter: tuple[str, ...] = MATTER) -> Path:
    playbooks = folder / "playbooks"
    playbooks.mkdir(exist_ok=True)
    (playbooks / "review.md").write_text("\n".join(["---", *matter, "---", *lines]), "utf-8")
    return playbooks


def test_the_starter_page_loads_and_asks_the_same_of_everybody() -> None:
    page = load_review(PLAYBOOKS)
    assert page is not None
    assert page.every > 0
    one, another = page.invitation("Anna"), page.invitation("Bo")
    assert one.replace("Anna", "") == another.replace("Bo", "")
    assert "{" not in one
    assert "\n" not in one


def test_a_customer_without_a_name_is_greeted_and_not_called_by_a_slot() -> None:
    page = PAGE.model_copy(update={"text": "{customer.first_name}, write on {site}."})
    assert page.invitation("") == "Hello, write on Trusty (https://trusty.example)."


def test_a_name_that_looks_like_a_slot_is_only_a_name() -> None:
    page = PAGE.model_copy(update={"text": "{customer.first_name}, write on {site}."})
    assert page.invitation("{site}").startswith("{site}, write on Trusty")


def test_several_sites_are_named_and_none_is_preferred() -> None:
    page = PAGE.model_copy(update={"sites": (Site(name="A"), Site(name="B", address="b.example"))})
    assert page.invitation("Anna") == "A or B (b.example)"


def test_a_team_without_the_page_asks_for_no_reviews(tmp_path: Path) -> None:
    assert load_review(tmp_path) is None


LEADING = [
    "Give us 5 stars!", "a five-star review", "a 5-star review", "Five stars would be nice.", "Leave a positive review.",
    "Tell them what you are happy with.", "if you liked our answer", "If you enjoyed it,", "if you loved it",
    "You get a discount.", "Discounts for reviews!", "a voucher for you", "a gift", "gifts for everybody", "a reward",
    "rewards", "win a prize",
]  # fmt: skip
"""Texts that lead or pay, in words that the page names."""


@pytest.mark.parametrize("text", LEADING)
def test_a_text_that_leads_or_pays_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(PageError, match="neither leads nor pays") as caught:
        load_review(written(tmp_path, "Write on {site}.", "", text))
    assert (caught.value.path, caught.value.line) == ("playbooks/review.md", 8)


@pytest.mark.parametrize("text", ["If you\nliked it, write on {site}.", "Please leave five\nstars on {site}."])
def test_a_leading_text_is_refused_over_the_end_of_a_line_too(tmp_path: Path, text: str) -> None:
    with pytest.raises(PageError, match="neither leads nor pays"):
        load_review(written(tmp_path, *text.split("\n")))


@pytest.mark.parametrize(
    "text",
    [
        "a coupon for you",
        "a refund for a review",
        "10% off your next order",
        "€10 for a review",
        "★★★★★",
        "a free month",
    ],
)
def test_a_text_that_leads_or_pays_in_other_words_is_refused_too(tmp_path: Path, text: str) -> None:
    with pytest.raises(PageError, match="neither leads nor pays"):
        load_review(written(tmp_path, f"Write on {{site}}: {text}."))


def test_a_site_cannot_say_what_the_text_may_not(tmp_path: Path) -> None:
    matter = ('version: "1"', "every: 10", "sites:", "  - name: Trusty, five stars please")
    with pytest.raises(PageError):
        load_review(written(tmp_path, "Write on {site}.", matter=matter))


@pytest.mark.parametrize(
    ("matter", "body", "line", "found"),
    [
        (('version: "1"', "every: 10"), "Hello {customer.name}", 5, "{customer.name}"),
        (('version: "1"', "every: 10"), "Hello {mood}", 5, "{mood}"),
        (('version: "1"', "every: -1"), "x", 3, "every: -1"),
        (('version: "1"', "every: 10", "valid_days: 0"), "x", 4, "valid_days: 0"),
        (('version: "1"',), "x", 1, "no `every`"),
        (("every: 10",), "x", 1, "no `version`"),
        (('version: "1"', "every: 10", "mood: delighted"), "x", 4, "mood"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, matter: tuple[str, ...], body: str, line: int, found: str) -> None:
    with pytest.raises(PageError) as caught:
        load_review(written(tmp_path, body, matter=matter))
    assert caught.value.line == line
    assert found in caught.value.found


@pytest.mark.parametrize("sites", [(), ("sites: []",)])
def test_a_page_that_invites_to_no_site_is_refused(tmp_path: Path, sites: tuple[str, ...]) -> None:
    with pytest.raises(PageError):
        load_review(written(tmp_path, "Write on {site}.", matter=('version: "1"', "every: 10", *sites)))


def test_a_page_without_a_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PageError):
        load_review(written(tmp_path, ""))


@pytest.mark.parametrize("changes", [{"every": -1}, {"valid_days": 0}, {"version": ""}])
def test_a_page_of_no_sense_cannot_be_made_in_code_either(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReviewPage.model_validate({**PAGE.model_dump(), **changes})
