"""Queues in CSV: rows are grouped into conversations, and a bad one is named by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot.errors import QueueFault
from copilot.tickets.models import SetAside, Ticket
from copilot.tickets.sources import open_source


def read(folder: Path, content: str | bytes) -> tuple[list[Ticket], list[SetAside]]:
    path = folder / "queue.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    items = list(open_source("q", path).items())
    return [i for i in items if isinstance(i, Ticket)], [i for i in items if isinstance(i, SetAside)]


def test_rows_are_grouped_by_id(tmp_path: Path) -> None:
    tickets, aside = read(
        tmp_path,
        "ID,Text,Role,At,Subject,Customer,Email,Status,Tags,Extra\n"
        "1,hello,customer,2026-11-01T10:00:00,Order,Anna Berg,anna@example.org,Pending,a; b,x\n"
        "2,other,,,,,,,,\n"
        '1,"yes,\nplease",Agent,2026-11-01T11:00:00+00:00,,,,,,\n',
    )
    assert aside == []
    assert [t.ref for t in tickets] == ["q/1", "q/2"]
    assert [(m.role, m.text) for m in tickets[0].messages] == [("customer", "hello"), ("agent", "yes,\nplease")]
    assert (tickets[0].subject, tickets[0].status, tickets[0].tags) == ("Order", "pending", ("a", "b"))
    assert tickets[0].customer.email == "anna@example.org"


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_separators_and_a_byte_order_mark_are_read(tmp_path: Path, mark: str) -> None:
    tickets, _ = read(tmp_path, f"\ufeffid{mark}text\r\n1{mark}hello, you\r\n")
    assert tickets[0].messages[0].text == "hello, you"


def test_a_bad_row_is_set_aside_with_its_line(tmp_path: Path) -> None:
    tickets, aside = read(tmp_path, "id,text,role,at\n1,a,customer,\n1,b,robot,\n2,ok,,\n,c,,\n3,d,,never\n")
    assert [t.id for t in tickets] == ["2"]
    assert [(a.line, "role" in a.reason or "id" in a.reason or "at" in a.reason) for a in aside] == [
        (5, True),
        (3, True),
        (6, True),
    ]
    assert "`id` is empty" in aside[0].reason
    assert "`role`" in aside[1].reason
    assert "`at`" in aside[2].reason


def test_an_id_of_nothing_visible_is_set_aside(tmp_path: Path) -> None:
    tickets, aside = read(tmp_path, "id,text\n\u200b,a\n2,b\n")
    assert [t.id for t in tickets] == ["2"]
    assert [a.line for a in aside] == [2]


def test_ids_that_look_the_same_are_one_conversation(tmp_path: Path) -> None:
    tickets, _ = read(tmp_path, "id,text\nA,one\nA\u200b,two\n")
    assert [[m.text for m in t.messages] for t in tickets] == [["one", "two"]]


def test_line_separators_of_other_worlds_do_not_end_a_row(tmp_path: Path) -> None:
    tickets, aside = read(tmp_path, "id,text\n1,one\u2028two\x0bthree\x85four\n2,five\n")
    assert [t.id for t in tickets] == ["1", "2"]
    assert tickets[0].messages[0].text == "one\ntwothree\nfour"
    assert aside == []


def test_a_message_beyond_the_vendors_limit_does_not_end_the_file(tmp_path: Path) -> None:
    tickets, aside = read(tmp_path, f"id,text\n1,{'x' * 150_000}\n2,after\n")
    assert [len(t.messages[0].text) for t in tickets] == [150_000, 5]
    assert aside == []


def test_nul_and_escapes_are_cleaned_away(tmp_path: Path) -> None:
    tickets, _ = read(tmp_path, "id,text\n1,a\x00b\x1b[2Jc\n")
    assert tickets[0].messages[0].text == "abc"


def test_rows_shorter_and_longer_than_the_header_are_read(tmp_path: Path) -> None:
    tickets, aside = read(tmp_path, "id,text,role\n1,hello\n2,hello,agent,more,and more\n")
    assert [t.messages[0].role for t in tickets] == ["customer", "agent"]
    assert aside == []


@pytest.mark.parametrize("content", ["", "text\nhello\n", "id,body\n1,hello\n"])
def test_a_missing_column_is_a_queue_fault_that_names_it(tmp_path: Path, content: str) -> None:
    with pytest.raises(QueueFault, match=r"column '(id|text)' is missing"):
        read(tmp_path, content)


def test_a_file_that_is_not_utf_8_is_a_queue_fault(tmp_path: Path) -> None:
    with pytest.raises(QueueFault, match="not UTF-8"):
        read(tmp_path, "id,text\n1,Grüße\n".encode("latin-1"))
