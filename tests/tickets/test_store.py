"""The store: a source's copy goes in once, changes in place, and never takes a reply of this desk away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from copilot.db.engine import Database
from copilot.errors import NotFound
from copilot.tickets import store
from copilot.tickets.models import Customer, Message, Ticket
from tests.conftest import make_ticket
from tests.fakes import NOW

REPLY = Message(id="<reply@desk>", role="agent", text="It is on its way.", at=NOW, author="Mara")


def put(database: Database, ticket: Ticket) -> bool:
    with database.begin() as connection:
        return store.put(connection, ticket, NOW)


def get(database: Database, ref: str = "test/T-1") -> Ticket:
    with database.read() as connection:
        return store.get(connection, ref)


def version(database: Database, ref: str = "test/T-1") -> str | None:
    with database.read() as connection:
        return store.stored_version(connection, ref)


def reply(database: Database, message: Message = REPLY) -> Ticket:
    with database.begin() as connection:
        return store.add_reply(connection, store.get(connection, "test/T-1"), message, "pending", NOW)


def test_a_ticket_comes_back_as_it_was_put(database: Database) -> None:
    ticket = make_ticket("customer: hello", "agent: yes?", "customer: it broke", subject="Order", tags=("a", "b"))
    assert put(database, ticket)
    assert get(database) == ticket
    assert version(database) == ticket.version == get(database).version


def test_putting_the_same_ticket_twice_changes_nothing(database: Database) -> None:
    ticket = make_ticket("customer: hello")
    assert put(database, ticket)
    assert not put(database, ticket)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(store.messages)).scalar_one() == 1


def test_a_changed_thread_updates_in_place(database: Database) -> None:
    put(database, make_ticket("customer: hello"))
    changed = make_ticket("customer: hello", "agent: yes?", "customer: it broke", subject="Now with a subject")
    assert put(database, changed)
    assert [m.text for m in get(database).messages] == ["hello", "yes?", "it broke"]
    assert get(database).subject == "Now with a subject"
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(store.tickets)).scalar_one() == 1


def test_a_shrunk_thread_leaves_no_message_behind(database: Database) -> None:
    put(database, make_ticket("customer: one", "agent: two", "customer: three"))
    put(database, make_ticket("customer: one"))
    assert [m.text for m in get(database).messages] == ["one"]


def test_a_reply_from_the_desk_is_kept_with_its_status(database: Database) -> None:
    put(database, make_ticket("customer: hello"))
    answered = reply(database)
    assert answered == get(database)
    assert answered.status == "pending"
    assert answered.messages[-1] == REPLY
    assert answered.waiting_since() is None


def test_the_stored_version_is_that_of_the_thread_with_the_reply(database: Database) -> None:
    ticket = make_ticket("customer: hello")
    put(database, ticket)
    with database.begin() as connection:
        before = store.get(connection, ticket.ref)
        based_on = before.version
        answered = store.add_reply(connection, before, REPLY, "pending", NOW)
    assert answered.version != based_on
    assert version(database) == answered.version == get(database).version


def test_an_unchanged_source_does_not_take_a_reply_away(database: Database) -> None:
    ticket = make_ticket("customer: hello")
    put(database, ticket)
    reply(database)
    assert not put(database, ticket)
    assert get(database).messages[-1] == REPLY


def test_replies_from_the_desk_survive_a_source_change(database: Database) -> None:
    put(database, make_ticket("customer: hello"))
    reply(database)
    later = Message(id="9", role="customer", text="thanks", at=NOW + timedelta(hours=1), author="Anna Berg")
    source = make_ticket("customer: hello")
    source = source.model_copy(update={"messages": (*source.messages, later)})
    assert put(database, source)
    assert [m.text for m in get(database).messages] == ["hello", "It is on its way.", "thanks"]
    assert version(database) == get(database).version
    assert not put(database, source)
    again = source.model_copy(update={"status": "resolved"})
    assert put(database, again)
    assert [m.text for m in get(database).messages] == ["hello", "It is on its way.", "thanks"]


def test_a_reply_that_the_source_shows_at_last_stands_once(database: Database) -> None:
    put(database, make_ticket("customer: hello"))
    reply(database)
    source = make_ticket("customer: hello")
    source = source.model_copy(update={"messages": (*source.messages, REPLY)})
    put(database, source)
    assert [m.id for m in get(database).messages] == ["1", REPLY.id]


def test_a_reply_goes_last_where_the_source_has_no_times(database: Database) -> None:
    def source(*texts: str) -> Ticket:
        messages = tuple(Message(id=str(n), role="customer", text=text) for n, text in enumerate(texts))
        return Ticket(id="T-1", queue="test", customer=Customer(id="c"), messages=messages)

    put(database, source("one"))
    opened = get(database).opened_at
    reply(database)
    with database.begin() as connection:
        store.put(connection, source("one", "two"), NOW + timedelta(days=1))
    assert [m.text for m in get(database).messages] == ["one", "two", REPLY.text]
    assert opened == NOW


def test_a_thread_of_five_hundred_turns_and_long_messages_is_kept_whole(database: Database) -> None:
    turns = [f"{'customer' if n % 2 else 'agent'}: turn {n}" for n in range(500)]
    ticket = make_ticket(*turns, "customer: " + "long words " * 10_000)
    put(database, ticket)
    assert get(database) == ticket


def test_a_ticket_that_is_not_there_is_named(database: Database) -> None:
    with pytest.raises(NotFound, match="test/T-404"):
        get(database, "test/T-404")
    assert version(database, "test/T-404") is None


def test_other_open_tickets_of_a_person_are_found_by_key_and_by_address(database: Database) -> None:
    ticket = make_ticket("customer: hello")
    put(database, ticket)
    put(database, make_ticket("customer: hello", id="T-2"))
    put(database, make_ticket("customer: hello", id="T-3", status="resolved"))
    same = Customer(id="c-77", name="Anna", email="ANNA@example.org")
    put(database, make_ticket("customer: hello", id="T-4", queue="other", status="pending", customer=same))
    put(database, make_ticket("customer: hello", id="T-5", customer=Customer(id="c-5", name="Anna Berg")))
    with database.read() as connection:
        assert store.other_open(connection, ticket) == ("other/T-4", "test/T-2")


def test_people_without_an_address_are_not_one_person(database: Database) -> None:
    one = make_ticket("customer: hello", customer=Customer(id="c-1"))
    put(database, one)
    put(database, make_ticket("customer: hello", id="T-2", customer=Customer(id="c-2")))
    with database.read() as connection:
        assert store.other_open(connection, one) == ()


def test_do_not_ask_is_remembered_with_who_said_it_and_survives_a_sync(database: Database) -> None:
    ticket = make_ticket("customer: hello")
    put(database, ticket)
    key = store.customer_key(ticket)
    with database.begin() as connection:
        store.set_do_not_ask(connection, key, "Mara", value=True)
    put(database, make_ticket("customer: hello", "customer: again"))
    with database.begin() as connection:
        assert store.do_not_ask(connection, key) == "Mara"
        store.set_do_not_ask(connection, key, "Jon", value=False)
        assert store.do_not_ask(connection, key) == ""
