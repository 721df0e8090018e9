"""The ledger's chain: whatever is changed, left out, put in or moved is found; what is erased leaves a chain that holds."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from copilot.asking import store
from copilot.asking.ledger import START, Link, chained, sealed, verify
from copilot.asking.models import NAME_STYLES, PERSONAL, PERSONAL_TERMS, PLACES, Answer, Ask, Entry, Terms
from copilot.asking.policy import load_policy
from copilot.db import migrate
from copilot.db.engine import Database
from copilot.errors import FindingsError, StoreFault
from copilot.telling import Telling
from copilot.text import digest
from copilot.tickets import store as ticketing
from copilot.tickets.models import Customer
from tests.conftest import PLAYBOOKS, make_ticket
from tests.fakes import NOW, FakeClock

ANSWERS: tuple[Answer, ...] = ("granted", "declined", "conditional", "unclear", "withdrawn", "expired", "erased")
WORDS = "You fixed it before I knew. — “Ünïcode” 🎉"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=NOW.tzinfo))  # noqa: DTZ001 - made aware here
TERMS = st.builds(
    Terms,
    places=st.lists(st.sampled_from(PLACES), unique=True).map(tuple),
    name_style=st.sampled_from(NAME_STYLES),
    company=st.booleans(),
    conditions=st.lists(st.sampled_from(["place", "other"]), unique=True).map(tuple),
    until=st.none() | st.dates(),
    disclosure=TEXT,
    shown_as=TEXT,
)
ENTRIES = st.builds(
    Entry,
    seq=st.just(0),
    ask_id=TEXT,
    ticket_ref=TEXT,
    customer_key=TEXT,
    answer=st.sampled_from(ANSWERS),
    words=TEXT,
    words_hash=st.just(""),
    wording=TEXT,
    terms=TERMS,
    answer_text=TEXT,
    channel=TEXT,
    message_id=TEXT,
    at=TIMES,
    by=TEXT,
    erased=st.just(False),
)
BUSY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Entries take a while to draw where the machine has much to do."""
FIELDS = sorted(set(Entry.model_fields) - {"seq", "erased", "terms"})


def linked(entries: list[Entry]) -> list[Link]:
    """The chain that the store would keep."""
    made: list[Link] = []
    prev = START
    for number, each in enumerate(entries, start=1):
        entry = each.hashed().model_copy(update={"seq": number})
        salt, seal = sealed(entry)
        made.append(Link(entry, salt, seal, prev, chained(prev, entry, seal)))
        prev = made[-1].hash
    return made


CHAINS = st.lists(ENTRIES, min_size=1, max_size=5).map(linked)


def erase(link: Link) -> Link:
    """The link as the store reads it once its words are gone."""
    return link._replace(entry=link.entry.model_copy(update={**dict.fromkeys(PERSONAL, ""), "erased": True}), salt="")


def other(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    return f"{value}x"


@BUSY
@given(st.lists(ENTRIES, max_size=6))
def test_a_ledger_that_nobody_touched_proves_itself(entries: list[Entry]) -> None:
    assert verify(linked(entries)) == len(entries)


@BUSY
@given(CHAINS, st.data())
def test_a_change_of_any_single_field_is_found(chain: list[Link], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(chain) - 1))
    field = data.draw(st.sampled_from(FIELDS))
    link = chain[at]
    old = getattr(link.entry, field)
    new = data.draw(st.sampled_from(sorted(set(ANSWERS) - {old}))) if field == "answer" else other(old)
    chain[at] = link._replace(entry=link.entry.model_copy(update={field: new}))
    with pytest.raises(FindingsError, match=f"Ledger entry {at + 1}\\b"):
        verify(chain)


@BUSY
@given(CHAINS, TERMS, st.data())
def test_a_change_of_the_terms_is_found(chain: list[Link], terms: Terms, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(chain) - 1))
    field = data.draw(st.sampled_from(sorted(Terms.model_fields)))
    entry = chain[at].entry
    changed = entry.terms.model_copy(update={field: getattr(terms, field)})
    chain[at] = chain[at]._replace(entry=entry.model_copy(update={"terms": changed}))
    if changed == entry.terms:
        assert verify(chain) == len(chain)
        return
    with pytest.raises(FindingsError, match=f"Ledger entry {at + 1}\\b"):
        verify(chain)


@BUSY
@given(CHAINS, st.data())
def test_a_change_of_what_holds_the_chain_together_is_found(chain: list[Link], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(chain) - 1))
    field = data.draw(st.sampled_from(["salt", "sealed", "prev", "hash"]))
    old = getattr(chain[at], field)
    new = data.draw(st.sampled_from(["", START, old[1:] + old[:1], old.upper(), old + "0"]))
    if new == old:
        return
    chain[at] = chain[at]._replace(**{field: new})
    with pytest.raises(FindingsError):
        verify(chain)


@BUSY
@given(CHAINS, ENTRIES, st.data())
def test_a_changed_entry_whose_own_hashes_were_made_to_fit_breaks_the_one_after(
    chain: list[Link], entry: Entry, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(chain) - 1))
    prev = chain[at].prev
    entry = entry.hashed().model_copy(update={"seq": at + 1})
    salt, seal = sealed(entry)
    chain[at] = Link(entry, salt, seal, prev, chained(prev, entry, seal))
    if at == len(chain) - 1:
        return  # it is the same as a ledger in which only this was ever recorded
    with pytest.raises(FindingsError, match=f"Ledger entry {at + 2} does not follow"):
        verify(chain)


@BUSY
@given(CHAINS, st.data())
def test_an_entry_that_was_taken_out_of_the_ledger_is_missed(chain: list[Link], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(chain) - 1))
    left = chain[:at] + chain[at + 1 :]
    if at == len(chain) - 1:
        return  # test_an_entry_that_was_taken_off_the_end_is_missed
    with pytest.raises(FindingsError, match=f"Ledger entry {at + 1} is missing"):
        verify(left)


@BUSY
@given(CHAINS, ENTRIES, st.data())
def test_an_entry_that_was_put_in_between_is_found(chain: list[Link], entry: Entry, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(chain) - 1))
    prev = data.draw(st.sampled_from([START, chain[at].prev, chain[at].hash]))
    salt, seal = sealed(entry.hashed())
    forged = Link(entry.hashed(), salt, seal, prev, chained(prev, entry.hashed(), seal))
    with pytest.raises(FindingsError):
        verify([*chain[:at], forged, *chain[at:]])


@BUSY
@given(CHAINS, st.data())
def test_an_entry_that_stands_there_twice_is_found(chain: list[Link], data: st.DataObject) -> None:
    copied = data.draw(st.sampled_from(chain))
    at = data.draw(st.integers(0, len(chain)))
    with pytest.raises(FindingsError):
        verify([*chain[:at], copied, *chain[at:]])


@BUSY
@given(CHAINS, st.data())
def test_entries_that_changed_places_are_found(chain: list[Link], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(chain))))
    moved = [chain[at] for at in order]
    if moved == chain:
        return
    with pytest.raises(FindingsError):
        verify(moved)


@BUSY
@given(CHAINS, st.data())
def test_words_of_any_entries_can_be_erased_and_the_chain_still_holds(chain: list[Link], data: st.DataObject) -> None:
    gone = data.draw(st.lists(st.booleans(), min_size=len(chain), max_size=len(chain)))
    asks = dict.fromkeys(link.entry.ask_id for link, out in zip(chain, gone, strict=True) if out)
    chain = linked([*(link.entry for link in chain), *(entry("erased", ask_id=ask_id) for ask_id in asks)])
    left = [erase(link) if out else link for link, out in zip(chain, [*gone, *(False for _ in asks)], strict=True)]
    assert verify(left) == len(chain)


@BUSY
@given(CHAINS, st.data())
def test_what_is_left_of_an_erased_entry_still_cannot_be_changed(chain: list[Link], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(chain) - 1))
    field = data.draw(st.sampled_from(sorted(set(FIELDS) - PERSONAL - {"answer"})))
    link = erase(chain[at])
    chain[at] = link._replace(entry=link.entry.model_copy(update={field: other(getattr(link.entry, field))}))
    with pytest.raises(FindingsError, match=f"Ledger entry {at + 1}\\b"):
        verify(chain)


@BUSY
@given(ENTRIES)
def test_the_same_words_are_sealed_differently_every_time(entry: Entry) -> None:
    (salt, seal), (other_salt, other_seal) = sealed(entry), sealed(entry)
    assert salt != other_salt
    assert seal != other_seal
    assert sealed(entry, salt) == (salt, seal)


@BUSY
@given(ENTRIES)
def test_an_entry_is_personal_or_stays_and_never_both(entry: Entry) -> None:
    personal, public = set(entry.personal_part), set(entry.public_part)
    assert personal & public == set()
    assert personal | public == (set(Entry.model_fields) - {"seq", "erased"}) | set(PERSONAL_TERMS)
    kept = entry.public_part["terms"]
    assert isinstance(kept, dict)
    assert set(Terms.model_fields) - set(kept) == set(PERSONAL_TERMS)


# In the database


def ask() -> Ask:
    return Ask(
        id="a-1",
        ticket_ref="test/T-1",
        customer_key="test/c-1",
        kind="quote",
        play_id="p#ask",
        wording="1/p#ask",
        words=WORDS,
        text=WORDS,
        state="sent",
        created_at=NOW,
        sent_at=NOW,
    )


def entry(answer: Answer = "granted", **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "seq": 0,
        "ask_id": "a-1",
        "ticket_ref": "test/T-1",
        "customer_key": "test/c-1",
        "answer": answer,
        "words": WORDS,
        "words_hash": "",
        "wording": "1/p#ask",
        "terms": Terms(places=("website",), name_style="full"),
        "answer_text": "yes, gladly",
        "channel": "mail",
        "message_id": "3",
        "at": NOW,
        "by": "Mara",
    }
    return Entry(**{**values, **changes})


@pytest.fixture
def ledger(database: Database) -> Database:
    """Four entries of one ask, the last but one a withdrawal."""
    with database.begin() as connection:
        ticketing.put(connection, make_ticket(f"customer: {WORDS}"), NOW)
        store.put(connection, ask())
        for answer in ("unclear", "granted", "withdrawn", "withdrawn"):
            store.add_entry(connection, entry(answer, at=NOW + timedelta(seconds=len(answer))))
    return database


def proved(database: Database) -> int:
    with database.read() as connection:
        return verify(store.chain(connection), store.last_ever(connection))


def tampered(database: Database, folder: Path, *statements: str) -> Database:
    """A copy of the ledger, changed by somebody who can write to the file and took the triggers away first."""
    path = folder / "tampered.db"
    database.close()
    shutil.copy(database.path, path)
    raw = sqlite3.connect(path)
    for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        assert raw.execute(statement).rowcount != 0, statement
    raw.commit()
    raw.close()
    return Database(path)


def test_the_stored_ledger_proves_itself_and_says_how_long_it_is(ledger: Database, tmp_path: Path) -> None:
    assert proved(ledger) == 4
    copy = tampered(ledger, tmp_path)
    assert proved(copy) == 4
    copy.close()


def test_an_empty_ledger_holds_nothing_and_that_is_in_order(database: Database) -> None:
    assert proved(database) == 0


def test_what_was_recorded_comes_back_as_it_was(ledger: Database) -> None:
    with ledger.begin() as connection:
        made = store.add_entry(connection, entry(terms=Terms(until=NOW.date(), shown_as="Änna")))
        assert store.entry(connection, made.seq) == made
    assert made.words_hash == hashlib.sha256(WORDS.encode()).hexdigest()


COLUMNS = {
    "permissions": {
        "seq": "1000",
        "ask_id": "'a-2'",
        "answer": "'declined'",
        "body": "json_set(body, '$.by', 'Somebody')",
        "at": "'2027-01-01 00:00:00.000000'",
        "sealed": "'0'",
        "prev": "'0'",
        "hash": "'0'",
    },
    "permission_words": {
        "seq": "1000",
        "ticket_ref": "'test/T-2'",
        "customer_key": "'test/c-2'",
        "salt": "'0'",
        "body": "json_set(body, '$.words', 'I love it')",
    },
}


@pytest.mark.parametrize("seq", [1, 3, 4])
@pytest.mark.parametrize(
    ("table", "column", "value"), [(table, *pair) for table, columns in COLUMNS.items() for pair in columns.items()]
)
def test_a_change_of_any_single_column_is_found(
    ledger: Database, tmp_path: Path, table: str, column: str, value: str, seq: int
) -> None:
    copy = tampered(ledger, tmp_path, f"UPDATE {table} SET {column} = {value} WHERE seq = {seq}")
    with pytest.raises(FindingsError):
        proved(copy)
    copy.close()


def test_every_column_of_the_ledger_is_tampered_with_above(ledger: Database) -> None:
    for table in (store.permissions, store.permission_words):
        assert set(COLUMNS[table.name]) == set(table.columns.keys())


@pytest.mark.parametrize("value", ["'{}'", "json_remove(body, '$.by')", "json_set(body, '$.answer', 'maybe')"])
def test_a_body_that_is_no_entry_is_a_finding_and_not_a_crash(ledger: Database, tmp_path: Path, value: str) -> None:
    copy = tampered(ledger, tmp_path, f"UPDATE permissions SET body = {value} WHERE seq = 2")
    with pytest.raises(FindingsError):
        proved(copy)
    copy.close()


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_row_that_was_removed_is_missed(ledger: Database, tmp_path: Path, seq: int) -> None:
    copy = tampered(
        ledger,
        tmp_path,
        f"DELETE FROM permission_words WHERE seq = {seq}",
        f"DELETE FROM permissions WHERE seq = {seq}",
    )
    with pytest.raises(FindingsError, match=f"Ledger entry {seq} is missing"):
        proved(copy)
    copy.close()


@pytest.mark.parametrize("first", [4, 3, 1])
def test_an_entry_that_was_taken_off_the_end_is_missed(ledger: Database, tmp_path: Path, first: int) -> None:
    copy = tampered(
        ledger,
        tmp_path,
        f"DELETE FROM permission_words WHERE seq >= {first}",
        f"DELETE FROM permissions WHERE seq >= {first}",
    )
    with pytest.raises(FindingsError):
        proved(copy)
    copy.close()


def test_two_rows_that_changed_numbers_are_found(ledger: Database, tmp_path: Path) -> None:
    moves = [
        f"UPDATE {table} SET seq = {there} WHERE seq = {here}"
        for here, there in ((2, 99), (3, 2), (99, 3))
        for table in ("permissions", "permission_words")
    ]
    copy = tampered(ledger, tmp_path, *moves)
    with pytest.raises(FindingsError):
        proved(copy)
    copy.close()


def test_words_that_were_given_to_another_entry_are_found(ledger: Database, tmp_path: Path) -> None:
    copy = tampered(
        ledger,
        tmp_path,
        "UPDATE permission_words SET seq = 99 WHERE seq = 2",
        "UPDATE permission_words SET seq = 2 WHERE seq = 3",
        "UPDATE permission_words SET seq = 3 WHERE seq = 99",
    )
    with pytest.raises(FindingsError, match="Ledger entry 2: the words were changed"):
        proved(copy)
    copy.close()


def test_a_withdrawal_cannot_be_hidden_by_taking_its_words_away(ledger: Database, tmp_path: Path) -> None:
    copy = tampered(ledger, tmp_path, "DELETE FROM permission_words WHERE seq IN (3, 4)")
    with pytest.raises(FindingsError, match="Ledger entry 4: its words are gone"):
        proved(copy)
    copy.close()


def test_no_two_entries_follow_the_same_one(ledger: Database) -> None:
    with pytest.raises(StoreFault, match="UNIQUE"), ledger.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO permissions (ask_id, answer, body, at, sealed, prev, hash) "
            "SELECT ask_id, answer, body, at, sealed, prev, hash FROM permissions WHERE seq = 2"
        )


def test_two_who_record_at_the_same_time_make_one_chain(ledger: Database) -> None:
    def record() -> None:
        database = Database(ledger.path)
        for _ in range(10):
            with database.begin() as connection:
                store.add_entry(connection, entry("unclear"))
        database.close()

    both = [threading.Thread(target=record) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert proved(ledger) == 24


def forget(database: Database) -> None:
    with database.begin() as connection:
        ticketing.may_erase(connection, ["test/T-1"], "Priya", NOW)
        store.forget(connection, ["test/T-1"], ["test/c-1"])


def everything_in(path: Path, *tables: str) -> str:
    raw = sqlite3.connect(path)
    found = [str(row) for table in tables for row in raw.execute(f"SELECT * FROM {table}")]
    raw.close()
    return "\n".join(found)


def test_erasing_a_person_keeps_the_ledger_and_takes_their_words(ledger: Database) -> None:
    forget(ledger)
    with ledger.read() as connection:
        left = store.entries(connection)
    assert [each.answer for each in left] == ["unclear", "granted", "withdrawn", "withdrawn"]
    assert all(each.erased and not any(getattr(each, field) for field in PERSONAL) for each in left)
    with ledger.begin() as connection:
        store.add_entry(connection, entry("erased", words="", ticket_ref="", customer_key=""))
    assert proved(ledger) == 5


def test_erasing_a_person_leaves_nothing_by_which_they_are_known(ledger: Database) -> None:
    with ledger.begin() as connection:
        named = Terms(places=("website",), name_style="full", shown_as="Anna Berg, Berg & Co")
        store.add_entry(connection, entry(terms=named))
    forget(ledger)
    ledger.close()
    left = everything_in(ledger.path, "permissions", "permission_words")
    for known in ("test/T-1", "test/c-1", "yes, gladly", "You fixed it", "Anna Berg"):
        assert known not in left


def test_nobody_can_try_out_which_words_were_erased(ledger: Database) -> None:
    forget(ledger)
    ledger.close()
    assert hashlib.sha256(WORDS.encode()).hexdigest() not in everything_in(ledger.path, "permissions")


def test_one_persons_words_go_and_the_others_stay(ledger: Database) -> None:
    with ledger.begin() as connection:
        other_ticket = make_ticket("customer: hello", id="T-2", customer=Customer(id="c-2"))
        ticketing.put(connection, other_ticket, NOW)
        hers = entry(ask_id="a-2", ticket_ref="test/T-2", customer_key="test/c-2", words="Hers")
        store.add_entry(connection, hers)
    forget(ledger)
    with ledger.begin() as connection:
        store.add_entry(connection, entry("erased", words="", ticket_ref="", customer_key=""))
        assert [each.words for each in store.entries(connection)] == ["", "", "", "", "Hers", ""]
    assert proved(ledger) == 6


def test_a_ticket_that_came_to_another_customer_is_erased_with_them_and_the_ledger_says_so(
    ledger: Database, clock: FakeClock
) -> None:
    with ledger.begin() as connection:
        moved = make_ticket(f"customer: {WORDS}", "customer: more", customer=Customer(id="c-2"))
        ticketing.put(connection, moved, NOW)
    telling = Telling(ledger, lambda: load_policy(PLAYBOOKS), clock)
    telling.forget("test/c-2", "Priya")
    assert telling.verify_ledger() == 5


# What older versions of the program kept


def old_body(number: int, answer: Answer) -> dict[str, Any]:
    """An entry as schema 0003 kept it."""
    words = f"{WORDS} {number}"
    return {
        "ask_id": "a-1",
        "ticket_ref": "test/T-1",
        "customer_key": "test/c-1",
        "answer": answer,
        "words": words,
        "words_hash": digest(words),
        "wording": "1/p#ask",
        "terms": {"places": ["website"], "name_style": "first", "company": False, "conditions": []},
        "answer_text": "“ja”",
        "channel": "mail",
        "message_id": "<3@x>",
        "at": f"2026-0{number}-01T12:00:00.25Z",
        "by": "Mara",
    }


def at_0003(path: Path, bodies: list[dict[str, Any]]) -> None:
    """A database of schema 0003 with a ledger."""
    engine = create_engine(f"sqlite:///{path}")
    alembic = migrate.config()
    with engine.connect() as connection:
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0003")
        connection.commit()
    engine.dispose()
    raw = sqlite3.connect(path)
    at = "2026-01-01 00:00:00.000000"
    raw.execute("INSERT INTO customers VALUES ('test/c-1', '{}', '', 0, '')")
    raw.execute(
        "INSERT INTO tickets VALUES ('test/T-1', 'test', 'T-1', '', '', 'open', 'mail', 'test/c-1', '', '[]', '', '', "
        "?, ?, NULL)",
        (at, at),
    )
    raw.execute(
        "INSERT INTO asks VALUES ('a-1', 'test/T-1', 'test/c-1', 'sent', ?, ?)",
        (at, json.dumps(ask().model_dump(mode="json", exclude={"reminded_at", "override", "referral"}))),
    )
    raw.execute("INSERT INTO stories VALUES ('s-1', 'test/T-1', '{}', ?)", (at,))
    raw.execute("INSERT INTO approvals (story_id, body, at) VALUES ('s-1', '{\"by\": \"Priya\"}', ?)", (at,))
    for body in bodies:
        raw.execute(
            "INSERT INTO permissions (ask_id, ticket_ref, customer_key, answer, words, words_hash, body, at, by) "
            "VALUES ('a-1', 'test/T-1', 'test/c-1', ?, ?, ?, ?, ?, 'Mara')",
            (body["answer"], body["words"], body["words_hash"], json.dumps(body), at),
        )
    raw.commit()
    raw.close()


@pytest.mark.parametrize(
    "answers", [(), ("granted",), ("unclear", "granted", "withdrawn"), ("declined", "conditional") * 4]
)
def test_a_ledger_of_an_older_version_keeps_its_entries_and_proves_itself(
    tmp_path: Path, answers: tuple[Answer, ...]
) -> None:
    path = tmp_path / "old.db"
    bodies = [old_body(number, answer) for number, answer in enumerate(answers, start=1)]
    at_0003(path, bodies)
    database = Database(path)
    assert proved(database) == len(bodies)
    with database.begin() as connection:
        kept = store.entries(connection, ref="test/T-1")
        assert kept == [
            Entry.model_validate({**body, "seq": number, "words_hash": ""}).hashed()
            for number, body in enumerate(bodies, start=1)
        ]
        assert store.add_entry(connection, entry()).seq == len(bodies) + 1
        assert connection.exec_driver_sql("SELECT body FROM approvals").scalars().all() == ['{"by": "Priya"}']
        assert store.get(connection, "a-1") == ask()
    assert proved(database) == len(bodies) + 1
    database.close()


def test_the_times_of_older_entries_are_kept_in_the_table_too(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    at_0003(path, [old_body(5, "granted")])
    database = Database(path)
    with database.read() as connection:
        (at,) = connection.execute(store.permissions.select()).mappings().all()
    assert at["at"] == datetime(2026, 5, 1, 12, 0, 0, 250_000, NOW.tzinfo)
    database.close()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM permissions",
        "UPDATE permissions SET answer = 'granted'",
        "UPDATE permission_words SET body = '{}'",
        "DELETE FROM permission_words",
        "DELETE FROM approvals",
    ],
)
def test_a_ledger_of_an_older_version_takes_no_change_either(tmp_path: Path, change: str) -> None:
    path = tmp_path / "old.db"
    at_0003(path, [old_body(1, "granted")])
    database = Database(path)
    with pytest.raises(StoreFault, match="append-only"), database.begin() as connection:
        connection.exec_driver_sql(change)
    assert proved(database) == 1
    database.close()


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(ENTRIES, max_size=4))
def test_any_entries_come_back_from_the_database_as_they_were_recorded(
    database: Database, entries: list[Entry]
) -> None:
    with database.read() as connection, connection.begin() as transaction:
        before = len(store.entries(connection))
        made = [store.add_entry(connection, each) for each in entries]
        assert store.entries(connection)[before:] == made
        assert verify(store.chain(connection)) == before + len(made)
        transaction.rollback()
