"""Tickets as models: cleaned at the border, immutable, and sure about who waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from copilot.tickets.models import MAX_TEXT, Customer, Message, SetAside, Ticket
from tests.conftest import make_ticket
from tests.fakes import NOW


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Anna Berg", "Anna"),
        ("Berg, Anna", "Anna"),
        ("Berg,", "Berg"),
        ("anna@example.org", ""),
        ("J. Smith", ""),
        ("user4711 x", ""),
        ("[bold]Robbie[/] Marsh", ""),
        ("", ""),
        (",", ""),
        ("李 雷", ""),
        ("Ægir", "Ægir"),
    ],
)
def test_a_first_name_is_given_only_where_it_is_sure(name: str, first: str) -> None:
    assert Customer(id="c", name=name).first_name == first


@given(st.text(st.characters()))
def test_models_read_back_from_json_are_equal(text: str) -> None:
    long = text * (300 // max(len(text), 1) + 1)
    message = Message(id=long, role="customer", text=text, author=long, attachments=(long,))
    person = Customer(id="c" + long, name=long)
    ticket = Ticket(id="i" + long, queue="q", subject=long, customer=person, messages=(message,), tags=(long,))
    assert Ticket.model_validate_json(ticket.model_dump_json()) == ticket


def test_everything_a_customer_can_write_is_cleaned() -> None:
    evil = "\x1b[2Ja\u202eb\r\nBcc: x"
    person = Customer(id="c" + evil, name=evil, email=evil, company=evil)
    message = Message(id=evil, role="customer", text=evil, quoted=evil, author=evil, attachments=(evil,))
    ticket = Ticket(id=evil, queue="q", subject=evil, customer=person, messages=(message,), tags=(evil,))
    assert "\x1b" not in ticket.model_dump_json()
    assert "\\u001b" not in ticket.model_dump_json()
    assert "\u202e" not in ticket.model_dump_json()
    assert message.text == "ab\nBcc: x"
    assert {person.name, person.email, person.company, ticket.subject, *ticket.tags, *message.attachments} == {
        "ab Bcc: x"
    }


def test_what_was_set_aside_is_cleaned_too() -> None:
    item = SetAside(file="mail/\udcff\x1b[2J.eml", line=1, reason="bad\nline")
    assert (item.file, item.reason) == ("mail/\ufffd.eml", "bad line")


def test_a_message_longer_than_anyone_reads_is_cut() -> None:
    assert len(Message(id="1", role="customer", text="x" * (MAX_TEXT + 9)).text) == MAX_TEXT


@pytest.mark.parametrize("hidden", ["", "\u200b", "\x1b[0m", " "])
def test_an_id_of_nothing_visible_is_refused(hidden: str) -> None:
    with pytest.raises(ValidationError, match="id"):
        Customer(id=hidden)
    with pytest.raises(ValidationError, match="id"):
        make_ticket("customer: hello", id=hidden)


def test_a_ticket_without_messages_and_a_naive_time_are_refused() -> None:
    with pytest.raises(ValidationError, match="messages"):
        Ticket(id="1", queue="q", customer=Customer(id="c"), messages=())
    with pytest.raises(ValidationError, match="timezone"):
        Message(id="1", role="customer", text="x", at=NOW.replace(tzinfo=None))


def test_models_cannot_be_changed() -> None:
    ticket = make_ticket("customer: hello")
    with pytest.raises(ValidationError, match="frozen"):
        ticket.status = "closed"  # type: ignore[misc]


def test_the_version_changes_with_the_content_and_only_then() -> None:
    ticket = make_ticket("customer: hello")
    assert ticket.version == make_ticket("customer: hello").version
    assert ticket.model_copy(update={"status": "closed"}).version != ticket.version
    assert ticket.model_copy(update={"opened_at": NOW}).version == ticket.version
    assert make_ticket("customer: hallo").version != ticket.version


def test_the_customer_waits_from_the_first_message_after_the_last_answer() -> None:
    ticket = make_ticket("customer: one", "agent: two", "customer: three", "customer: four")
    assert ticket.first_unanswered is ticket.messages[2]
    assert ticket.waiting_since() == ticket.messages[2].at
    assert ticket.target is ticket.messages[3]


def test_nobody_waits_on_an_answered_or_resolved_ticket() -> None:
    assert make_ticket("customer: one", "agent: two").waiting_since() is None
    assert make_ticket("customer: one", status="resolved").waiting_since() is None
    assert make_ticket("customer: one", status="closed").waiting_since() is None


def test_automatic_and_internal_messages_neither_wait_nor_answer() -> None:
    ticket = make_ticket("customer: one", "agent: two", "customer: three")
    first, second, third = ticket.messages
    bounced = ticket.model_copy(update={"messages": (first, second, third.model_copy(update={"automatic": True}))})
    assert bounced.first_unanswered is None
    assert bounced.customer_messages == (first,)
    noted = ticket.model_copy(update={"messages": (first, second.model_copy(update={"public": False}))})
    assert noted.first_unanswered is first
    assert noted.agent_messages == ()


def test_a_wait_without_a_time_counts_from_when_the_ticket_was_first_seen() -> None:
    message = Message(id="1", role="customer", text="hello")
    ticket = Ticket(
        id="1", queue="q", customer=Customer(id="c"), messages=(message,), opened_at=NOW - timedelta(hours=3)
    )
    assert ticket.waiting_since() == NOW - timedelta(hours=3)


def test_a_ticket_without_a_subject_is_named_by_its_first_words() -> None:
    assert make_ticket("customer: hello\nyou").title == "hello you"
    assert make_ticket("customer: hello", subject="Order").title == "Order"
    assert make_ticket("customer: ").title == "(no text)"
