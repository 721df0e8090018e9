"""Sync: once is enough, twice changes nothing, and what could not be read is reported until it is mended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from copilot.db.engine import Database
from copilot.errors import QueueFault
from copilot.text import clean
from copilot.tickets import store
from copilot.tickets.models import SetAside, Ticket
from copilot.tickets.sample import EPOCH, SampleQueue
from copilot.tickets.sources import Item, open_source
from copilot.tickets.sync import BATCH, SyncReport, sync
from tests.conftest import make_ticket
from tests.fakes import NOW


def write(path: Path, *lines: object) -> None:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")


def conversation(key: str, *texts: str) -> dict[str, object]:
    return {"id": key, "turns": [{"role": "customer", "text": text} for text in texts]}


def run(database: Database, path: Path) -> SyncReport:
    return sync(database, "q", open_source("q", path), NOW)


def aside(database: Database) -> list[tuple[str, int]]:
    with database.read() as connection:
        return sorted((row.queue, row.line) for row in connection.execute(select(store.set_aside)))


def dump(database: Database) -> list[str]:
    """Every row of every table."""
    with database.read() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        return list(raw.iterdump())


def test_a_second_sync_changes_nothing(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    write(path, conversation("1", "hello"), conversation("2", "hi"), "not json")
    first = run(database, path)
    before = dump(database)
    second = run(database, path)
    assert (first.seen, first.changed) == (2, ("q/1", "q/2"))
    assert (second.seen, second.changed) == (2, ())
    assert first.set_aside == second.set_aside
    assert dump(database) == before


def test_only_what_changed_is_reported(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    write(path, conversation("1", "hello"), conversation("2", "hi"))
    run(database, path)
    write(path, conversation("1", "hello", "still there?"), conversation("2", "hi"), conversation("3", "new"))
    assert run(database, path).changed == ("q/1", "q/3")


def test_what_is_set_aside_is_stored_and_goes_when_it_is_mended(database: Database, tmp_path: Path) -> None:
    path, other = tmp_path / "q.jsonl", tmp_path / "other.jsonl"
    write(path, "not json", conversation("1", "hello"), {"id": "2"})
    write(other, "not json")
    report = run(database, path)
    sync(database, "other", open_source("other", other), NOW)
    assert [item.line for item in report.set_aside] == [1, 3]
    assert aside(database) == [("other", 1), ("q", 1), ("q", 3)]
    write(path, conversation("0", "mended"), conversation("1", "hello"), {"id": "2"})
    run(database, path)
    assert aside(database) == [("other", 1), ("q", 3)]


def test_a_ticket_that_left_the_source_stays(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    write(path, conversation("1", "hello"), conversation("2", "hi"))
    run(database, path)
    write(path, conversation("2", "hi"))
    run(database, path)
    with database.read() as connection:
        assert store.get(connection, "q/1").messages[0].text == "hello"


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_queue_is_a_queue_fault(database: Database, tmp_path: Path, content: str) -> None:
    (tmp_path / "q.jsonl").write_text(content)
    with pytest.raises(QueueFault, match="holds no conversation"):
        run(database, tmp_path / "q.jsonl")


class Breaking:
    """A source that goes away in the middle."""

    def items(self) -> Iterator[Item]:
        for number in range(BATCH + 5):
            yield make_ticket("customer: hello", id=str(number), queue="q")
        raise QueueFault("gone")


def test_a_queue_that_goes_away_leaves_whole_batches(database: Database) -> None:
    seen: list[int] = []
    with pytest.raises(QueueFault, match="gone"):
        sync(database, "q", Breaking(), NOW, progress=seen.append)
    with database.read() as connection:
        assert len(connection.execute(select(store.tickets.c.ref)).all()) == BATCH
    assert seen == [BATCH]


def test_a_maildir_synced_twice_changes_nothing(database: Database, tmp_path: Path) -> None:
    for folder in ("cur", "new", "tmp"):
        (tmp_path / "mail" / folder).mkdir(parents=True)
    new = tmp_path / "mail" / "new" / "1"
    new.write_bytes(b"From: a@example.org\nSubject: Order\n\nhello\n")
    (tmp_path / "mail" / "new" / "2").write_bytes(b"")
    first = run(database, tmp_path / "mail")
    new.rename(tmp_path / "mail" / "cur" / "1:2,S")
    second = run(database, tmp_path / "mail")
    assert (len(first.changed), second.changed) == (1, ())
    assert [item.file for item in second.set_aside] == [str(tmp_path / "mail" / "new" / "2")]


def sample() -> dict[str, Ticket]:
    tickets: dict[str, Ticket] = {}
    for item in SampleQueue("fernway", NOW).items():
        assert isinstance(item, Ticket), item
        tickets[item.id] = item
    return tickets


def test_the_sample_is_a_queue_of_sixty_conversations_and_more(database: Database) -> None:
    report = sync(database, "fernway", SampleQueue("fernway", NOW), NOW)
    assert report.seen >= 60
    assert report.set_aside == ()
    assert sync(database, "fernway", SampleQueue("fernway", NOW), NOW).changed == ()


def test_the_sample_ends_just_before_now_whenever_now_is() -> None:
    for now in (NOW, NOW.replace(year=2031)):
        times = [
            message.at
            for ticket in SampleQueue("fernway", now).items()
            if isinstance(ticket, Ticket)
            for message in ticket.messages
            if message.at
        ]
        assert 0 < (now - max(times)).total_seconds() < 600
    assert NOW >= EPOCH


def test_the_hostile_conversations_of_the_sample_arrive_harmless() -> None:
    tickets = sample()
    escapes = tickets["D-1063"]
    raw = (Path(store.__file__).parent / "sample" / "queue.jsonl").read_text("utf-8")
    assert "\\u001b" in raw or "\x1b" in raw, "the sample no longer holds terminal escapes"
    assert escapes.messages[0].text.startswith("Hello team,")
    for ticket in tickets.values():
        for text in [m.text for m in ticket.messages] + [m.quoted for m in ticket.messages]:
            assert clean(text) == text
            assert "\x1b" not in text
    markup = tickets["D-1045"]
    assert "[@click=app.quit]" in markup.messages[0].text, "markup is kept as written; the screens never parse it"
    assert markup.customer.first_name == ""
    orders = tickets["D-1053"]
    assert "Ignore all previous instructions" in orders.messages[0].text
    assert (orders.status, [m.role for m in orders.messages]) == ("open", ["customer"])


def test_automatic_mails_of_the_sample_do_not_wait() -> None:
    tickets = sample()
    for key in ("D-1040", "D-1049"):
        assert any(m.automatic for m in tickets[key].messages)
        assert tickets[key].waiting_since() is None


def test_a_set_aside_ticket_does_not_count_as_seen(database: Database) -> None:
    class Mixed:
        def items(self) -> Iterator[Item]:
            yield SetAside(file="f", line=1, reason="bad")
            yield make_ticket("customer: hello", queue="q")

    report = sync(database, "q", Mixed(), NOW)
    assert (report.seen, len(report.set_aside)) == (1, 1)
