"""Queues of JSON lines: whatever stands on a line, the rest of the file is read and the line is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.errors import QueueFault
from copilot.tickets.models import SetAside, Ticket
from copilot.tickets.sources import Item, open_source
from copilot.tickets.sources.jsonl import MAX_LINE, parse_line, tickets_of

GOOD = b'{"id":"good","turns":[{"role":"customer","text":"hello"}]}'


def line(**fields: Any) -> bytes:
    return json.dumps({"id": "x", "turns": [{"role": "customer", "text": "hello"}], **fields}).encode()


def items(*lines: bytes) -> list[Item]:
    return list(tickets_of("q", "queue.jsonl", lines))


def one(raw: bytes) -> Ticket:
    (item,) = items(raw)
    assert isinstance(item, Ticket), item
    return item


def turn(text: str) -> list[dict[str, str]]:
    return [{"role": "customer", "text": text}]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"not json", "not JSON"),
        (b'{"id":', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[1,2]", "object is expected"),
        (b"null", "object is expected"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"id":"x"}', "`turns`"),
        (line(turns=[]), "`turns`"),
        (line(turns=[{"role": "customer"}]), "`turns.0.text`"),
        (line(turns=[{"role": "robot", "text": "x"}]), "`turns.0.role`"),
        (line(turns=[{"role": "customer", "text": "x", "at": "yesterday"}]), "`turns.0.at`"),
        (line(turns=[{"role": "customer", "text": "x", "at": "0001-01-01T00:00:00+14:00"}]), "`turns.0.at`"),
        (line(turns=[{"role": "customer", "text": "x", "at": "9999-12-31T23:59:59-12:00"}]), "`turns.0.at`"),
        (line(turns=[{"role": "customer", "text": "x", "at": 1e300}]), "`turns.0.at`"),
        (line(id=""), "`id`"),
        (line(id="\u200b"), "`id`"),
        (line(id=True), "`id`"),
        (line(customer={"id": "\x00"}), "`customer.Customer.id`"),
        (line(status="lost"), "`status`"),
        (b'{"id":' + b"9" * 5000 + b"}", "limit"),
        (b'{"id":"x","turns":[{"role":"customer","text":"' + b"x" * MAX_LINE + b'"}]}', "longer than"),
    ],
)
def test_a_bad_line_is_set_aside_with_its_number_and_the_rest_is_read(bad: bytes, reason: str) -> None:
    aside, ticket = items(b"", bad, GOOD)
    assert isinstance(aside, SetAside)
    assert (aside.file, aside.line) == ("queue.jsonl", 2)
    assert reason in aside.reason
    assert isinstance(ticket, Ticket)


@settings(deadline=None)
@given(
    st.one_of(
        st.binary(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
    )
)
def test_no_line_stops_the_queue(raw: bytes) -> None:
    *_, last = items(raw, GOOD)
    assert isinstance(last, Ticket)
    assert last.id == "good"


@given(st.fixed_dictionaries({}, optional={k: st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()) for k in
       ("id", "subject", "status", "channel", "tags", "customer", "turns")}))  # fmt: skip
def test_no_field_of_the_wrong_kind_stops_the_queue(fields: dict[str, Any]) -> None:
    first, last = items(line(**fields), GOOD)
    assert isinstance(last, Ticket)
    assert isinstance(first, SetAside) or first.ref.startswith("q/")


def test_a_line_becomes_a_ticket() -> None:
    raw = line(
        id=7,
        subject="Order",
        status="pending",
        channel="chat",
        tags=["a"],
        customer={"id": "c-1", "name": "Anna Berg"},
        unknown="is passed over",
        turns=[
            {"role": "customer", "text": "hello", "at": "2026-11-01T10:00:00", "author": "Anna"},
            {"role": "other", "text": "me too", "at": "2026-11-01T12:00:00+02:00"},
        ],
    )
    ticket = one(raw)
    assert (ticket.ref, ticket.subject, ticket.status, ticket.channel, ticket.tags) == (
        "q/7",
        "Order",
        "pending",
        "chat",
        ("a",),
    )
    assert ticket.customer.name == "Anna Berg"
    assert [m.role for m in ticket.messages] == ["customer", "system"]
    assert ticket.messages[0].at == ticket.messages[1].at


def test_a_truncated_emoji_does_not_cost_the_conversation() -> None:
    raw = b'{"id":"x","turns":[{"role":"customer","text":"great \\ud83d"}],"subject":"\\udc00"}'
    assert (one(raw).messages[0].text, one(raw).subject) == ("great \ufffd", "\ufffd")


def test_nul_and_escapes_are_cleaned_away() -> None:
    assert one(line(turns=turn("a\x00b\x1b[2Jc\u202ed"))).messages[0].text == "abcd"


def test_a_customer_is_known_by_name_by_address_or_by_the_conversation() -> None:
    assert one(line(customer="Anna Berg")).customer.name == "Anna Berg"
    assert one(line(customer="anna@example.org")).customer.email == "anna@example.org"
    assert one(line()).customer.id == "x"


def test_an_automatic_conversation_is_marked() -> None:
    assert one(line(tags=["auto-reply"])).messages[0].automatic
    assert one(line(tags=["bounce"])).target is None
    assert not one(line(tags=["bounced cheque"])).messages[0].automatic


def test_history_and_signatures_of_mail_are_folded_whatever_the_line_ends() -> None:
    for end in ("\n", "\r\n"):
        message = one(line(channel="mail", turns=turn(f"Thanks!{end}{end}-- {end}Anna{end}"))).messages[0]
        assert (message.text, message.quoted) == ("Thanks!", "-- \nAnna")
    assert one(line(channel="chat", turns=turn("Thanks!\n\n-- \nAnna"))).messages[0].quoted == ""


def test_the_second_line_with_one_id_is_set_aside() -> None:
    first, second = items(line(id="A"), line(id="A\u200b"))
    assert isinstance(first, Ticket)
    assert isinstance(second, SetAside)
    assert "line 1 already" in second.reason


def test_long_messages_and_long_threads_are_read() -> None:
    assert len(one(line(turns=turn("x" * 100_000))).messages[0].text) == 100_000
    assert len(one(line(turns=turn("hello") * 500)).messages) == 500


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "queue.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n")
    (ticket,) = open_source("q", path).items()
    assert isinstance(ticket, Ticket)


def test_a_queue_that_is_not_there_is_a_queue_fault(tmp_path: Path) -> None:
    with pytest.raises(QueueFault, match="is not there"):
        open_source("q", tmp_path / "queue.jsonl")


def test_a_queue_that_cannot_be_read_is_a_queue_fault(tmp_path: Path) -> None:
    with pytest.raises(QueueFault, match="cannot be read"):
        list(open_source("q", tmp_path, kind="jsonl").items())


def test_a_kind_nobody_knows_is_a_queue_fault(tmp_path: Path) -> None:
    (tmp_path / "queue.pdf").write_bytes(b"%PDF")
    with pytest.raises(QueueFault, match="not known"):
        open_source("q", tmp_path / "queue.pdf")
    with pytest.raises(QueueFault, match="neither"):
        open_source("q", tmp_path)


@pytest.mark.parametrize(
    ("written", "read"), [("email", "mail"), ("Tweet", "social"), ("dm", "chat"), ("survey", "file"), (None, "file")]
)
def test_channels_are_read_whatever_an_export_calls_them(written: str | None, read: str) -> None:
    line = json.dumps({"id": 1, "channel": written, "turns": [{"role": "customer", "text": "hello"}]}).encode()
    assert parse_line(line).channel == read


def test_nulls_and_foreign_keys_of_a_customer_are_passed_over() -> None:
    row = {
        "id": 7, "subject": None, "status": "Solved", "customer": {"id": 12, "name": "Anna", "phone": "1", "email": None},
        "turns": [{"role": "customer", "text": "hello"}],
    }  # fmt: skip
    ticket = parse_line(json.dumps(row).encode()).ticket("q")
    assert (ticket.status, ticket.customer.id, ticket.customer.name, ticket.subject) == ("resolved", "12", "Anna", "")


def test_a_status_nobody_knows_is_named() -> None:
    line = json.dumps({"id": 1, "status": "opne", "turns": [{"role": "customer", "text": "hello"}]}).encode()
    with pytest.raises(ValueError, match="`status`"):
        parse_line(line)
