"""The states of an ask, all of them, and the ledger that is only ever added to."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest
from sqlalchemy import text

from copilot.asking import store
from copilot.asking.models import Answer, Ask, AskState, Entry, Terms
from copilot.db.engine import Database
from copilot.errors import RefusedAction, StoreFault
from copilot.tickets import store as ticketing
from tests.conftest import make_ticket
from tests.fakes import NOW

STATES: tuple[AskState, ...] = get_args(AskState)
ANSWERS: tuple[Answer, ...] = get_args(Answer)
WORDS = "You fixed it before I knew."

ALLOWED: dict[AskState, set[Answer]] = {
    "drafted": set(),
    "dropped": set(),
    "sent": {"granted", "declined", "conditional", "unclear", "expired"},
    "unclear": {"granted", "declined", "conditional", "unclear", "expired"},
    "expired": {"granted", "declined", "conditional", "unclear"},
    "granted": {"granted", "declined", "conditional", "withdrawn", "expired"},
    "conditional": {"granted", "declined", "conditional", "withdrawn", "expired"},
    "declined": {"declined"},
    "withdrawn": set(),
}


def made(state: AskState = "drafted") -> Ask:
    return Ask(
        id="a-1",
        ticket_ref="test/T-1",
        customer_key="test/c-1",
        kind="quote",
        play_id="p#ask",
        wording="1/p#ask",
        words=WORDS,
        text=f"May we show “{WORDS}”?",
        state=state,
        created_at=NOW,
    )


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("state", STATES)
def test_an_answer_follows_only_from_states_in_which_the_customer_can_give_it(state: AskState, answer: Answer) -> None:
    ask, later = made(state), NOW + timedelta(days=1)
    if answer in ALLOWED[state]:
        after = ask.answered(answer, later)
        assert (after.state, after.answered_at) == (answer, later)
        assert after.words == ask.words
    else:
        with pytest.raises(RefusedAction):
            ask.answered(answer, later)
    assert ask.state == state


def test_a_yes_can_be_taken_back_at_any_time_once_it_was_given() -> None:
    for first in ALLOWED["sent"]:
        ask = made("sent").answered(first, NOW)
        for then in ALLOWED[ask.state]:
            after = ask.answered(then, NOW)
            assert after.state not in ("granted", "conditional") or "withdrawn" in ALLOWED[after.state]


@pytest.mark.parametrize("state", STATES)
def test_only_a_drafted_ask_is_sent_or_dropped(state: AskState) -> None:
    ask = made(state)
    if state == "drafted":
        sent = ask.sent("<m>", NOW)
        assert (sent.state, sent.message_id, sent.sent_at) == ("sent", "<m>", NOW)
        assert ask.dropped().state == "dropped"
        return
    with pytest.raises(RefusedAction):
        ask.sent("<m>", NOW)
    with pytest.raises(RefusedAction):
        ask.dropped()


def entry(answer: Answer = "granted") -> Entry:
    return Entry(
        seq=0,
        ask_id="a-1",
        ticket_ref="test/T-1",
        customer_key="test/c-1",
        answer=answer,
        words=WORDS,
        words_hash="",
        wording="1/p#ask",
        terms=Terms(places=("website",)),
        answer_text="yes",
        channel="mail",
        message_id="3",
        at=NOW,
        by="Mara",
    ).hashed()


@pytest.fixture
def ledger(database: Database) -> Database:
    with database.begin() as connection:
        ticketing.put(connection, make_ticket(f"customer: {WORDS}"), NOW)
        store.put(connection, made("sent"))
        store.add_entry(connection, entry())
    return database


def test_entries_are_numbered_in_the_order_in_which_they_came(ledger: Database) -> None:
    with ledger.begin() as connection:
        second = store.add_entry(connection, entry("withdrawn"))
        assert [e.seq for e in store.entries(connection)] == [1, 2]
        assert [e.answer for e in store.entries(connection, ask_id="a-1")] == ["granted", "withdrawn"]
        assert store.entries(connection, ref="test/T-1")[-1] == second
        assert store.entries(connection, ref="test/T-2") == []


@pytest.mark.parametrize(
    "change",
    ["UPDATE permissions SET answer = 'granted'", "UPDATE permissions SET body = '{}'", "DELETE FROM permissions"],
)
def test_the_database_itself_refuses_to_change_the_ledger(ledger: Database, change: str) -> None:
    with pytest.raises(StoreFault, match="append-only"), ledger.begin() as connection:
        connection.execute(text(change))
    with ledger.read() as connection:
        assert store.entries(connection) == [entry().model_copy(update={"seq": 1})]


def test_an_entry_outlives_the_ask_that_it_answers(ledger: Database) -> None:
    with ledger.begin() as connection:
        ticketing.may_erase(connection, ["test/T-1"], "Priya", NOW)
        store.forget(connection, ["test/T-1"], ["test/c-1"])
    with ledger.read() as connection:
        assert store.of_ticket(connection, "test/T-1") == []
        (kept,) = store.entries(connection)
        assert (kept.ask_id, kept.answer, kept.erased, kept.words) == ("a-1", "granted", True, "")


@pytest.mark.parametrize("state", STATES)
def test_only_an_ask_that_waits_is_reminded_of_and_only_once(state: AskState) -> None:
    ask = made(state)
    if state != "sent":
        with pytest.raises(RefusedAction):
            ask.reminded(NOW)
        return
    after = ask.reminded(NOW)
    assert after.reminded_at == NOW
    with pytest.raises(RefusedAction, match="once"):
        after.reminded(NOW)


def test_dropped_asks_are_not_listed(ledger: Database) -> None:
    with ledger.begin() as connection:
        store.put(connection, made("dropped"))
        assert store.of_ticket(connection, "test/T-1") == []
        assert store.of_person(connection, "test/c-1", "") == []
        assert store.get(connection, "a-1").state == "dropped"


def test_customers_without_a_mail_address_are_not_one_person(ledger: Database) -> None:
    with ledger.begin() as connection:
        assert store.keys_of_person(connection, "test/c-2", "") == []
        assert store.keys_of_person(connection, "chat/x", "ANNA@example.org") == ["test/c-1"]
