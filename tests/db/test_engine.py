"""The database: schema, one transaction a user action, and what happens when processes die or meet."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, inspect, select
from sqlalchemy.exc import StatementError

import copilot.accounts.store
import copilot.asking.review
import copilot.asking.store
import copilot.drafting.store
import copilot.playbook.store
import copilot.reading.store
import copilot.stories.store
import copilot.stories.webhooks
from copilot.db import migrate
from copilot.db.engine import HEAD, Database, metadata
from copilot.errors import StoreFault
from copilot.tickets import store
from tests.conftest import make_ticket
from tests.fakes import NOW

LEDGERS = [
    copilot.asking.store.permissions,
    copilot.reading.store.corrections,
    copilot.stories.store.approvals,
    copilot.accounts.store.audit_log,
]
ROOMS = [
    copilot.drafting.store.drafts,
    copilot.playbook.store.told,
    copilot.playbook.store.walks,
    copilot.asking.review.review_turns,
    copilot.stories.webhooks.webhooks,
    *LEDGERS,
]
AT = "2026-01-01 00:00:00.000000"
ROWS = {
    "permissions": f"(seq, ask_id, answer, body, at, sealed, prev, hash) "
    f"VALUES (1, 'a', 'granted', '{{}}', '{AT}', 's', 'p', 'h')",
    "corrections": f"(ref, target, body, at) VALUES ('t', 'mood', '{{}}', '{AT}')",
    "approvals": f"(story_id, body, at) VALUES ('t', '{{}}', '{AT}')",
    "audit": f"(at, who, action, subject, detail) VALUES ('{AT}', 'Mara', 'edited', 't', '')",
    "permission_words": "(seq, ticket_ref, customer_key, salt, body) VALUES (1, 't', 'c', 's', '{}')",
}
"""A row of each table whose rows stay as they are; all of them about the subject `t`."""
FOREVER = ("permissions",)
ERASABLE = ("corrections", "approvals", "audit", "permission_words")

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from sqlalchemy import insert
from copilot.db.engine import Database
from copilot.tickets.store import set_aside

database = Database(Path(sys.argv[1]))
name, rounds, hang = sys.argv[2], int(sys.argv[3]), sys.argv[4] == "hang"


def half(connection, number, line):
    row = {"queue": name, "file": str(number), "line": line, "reason": "r" * 500, "at": datetime.now(UTC)}
    connection.execute(insert(set_aside).values(**row))


for number in range(rounds):
    with database.begin() as connection:
        half(connection, number, 1)
        half(connection, number, 2)
    print(number, flush=True)
if hang:
    with database.begin() as connection:
        half(connection, rounds, 1)
        print("open", flush=True)
        sys.stdin.read()
database.close()
"""


def writer(path: Path, name: str, rounds: int, end: str = "finish") -> subprocess.Popen[str]:
    """A process that writes pairs of rows, one pair a transaction, and says each number once it is committed."""
    command = [sys.executable, "-c", WRITER, str(path), name, str(rounds), end]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def pairs(path: Path, name: str) -> dict[int, int]:
    """Rows by transaction, as a fresh process would find them."""
    database = Database(path)
    found: dict[int, int] = {}
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        for file in connection.execute(select(store.set_aside.c.file).where(store.set_aside.c.queue == name)).scalars():
            found[int(file)] = found.get(int(file), 0) + 1
    database.close()
    return found


def test_head_is_the_newest_migration() -> None:
    script = ScriptDirectory.from_config(migrate.config())
    assert script.get_heads() == [HEAD]
    files = sorted((Path(migrate.__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))
    assert files[-1].name.startswith(f"{HEAD}_")


def test_a_new_database_is_brought_to_the_head(database: Database) -> None:
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [HEAD]


def test_the_tables_of_the_rooms_are_what_the_migrations_make(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        made = set(inspect(connection).get_table_names()) - {"alembic_version", "sqlite_sequence"}
    assert made == set(metadata.tables)
    assert {table.name for table in ROOMS} < made


def test_ledger_numbers_are_never_used_again(database: Database) -> None:
    with database.read() as connection:
        for table in LEDGERS:
            query = f"SELECT sql FROM sqlite_master WHERE name = '{table.name}'"
            assert "AUTOINCREMENT" in connection.exec_driver_sql(query).scalar_one()


def test_opening_again_keeps_what_was_written(tmp_path: Path) -> None:
    first = Database(tmp_path / "new" / "folder" / "delight.db")
    with first.begin() as connection:
        store.put(connection, make_ticket("customer: hello"), NOW)
    first.close()
    second = Database(tmp_path / "new" / "folder" / "delight.db")
    with second.read() as connection:
        assert store.get(connection, "test/T-1").messages[0].text == "hello"
    second.close()


def test_a_database_from_the_future_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "delight.db"
    Database(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(StoreFault, match=r"written by a newer version of delight \(schema 9999\)\.") as raised:
        Database(path)
    assert "Nothing was changed" in raised.value.hint
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    raw.close()


def test_a_file_that_is_not_a_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "delight.db"
    path.write_text("these are somebody's notes, not a database\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreFault, match="not a database") as raised:
        Database(path)
    assert str(path) in raised.value.message
    assert path.read_bytes() == before


def test_a_folder_in_place_of_the_database_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(StoreFault, match="cannot be opened"):
        Database(tmp_path)


def test_a_database_below_a_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFault, match="cannot be made"):
        Database(tmp_path / "file" / "delight.db")


def fill(database: Database, name: str) -> list[tuple[object, ...]]:
    """Put the row of `ROWS` into a table, whatever it refers to; return the table."""
    with database.read() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql(f"INSERT INTO {name} {ROWS[name]}")
        connection.commit()
    database.close()  # the next connection holds foreign keys again
    return rows_of(database, name)


def rows_of(database: Database, name: str) -> list[tuple[object, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")]


def test_every_ledger_is_among_the_tables_whose_rows_stay() -> None:
    assert {table.name for table in LEDGERS} < set(ROWS)
    assert set(ROWS) == {*FOREVER, *ERASABLE}


@pytest.mark.parametrize("name", ROWS)
def test_a_ledger_takes_no_change_of_any_column(database: Database, name: str) -> None:
    before = fill(database, name)
    for column in metadata.tables[name].columns:
        with pytest.raises(StoreFault, match=f"{name} is append-only"), database.begin() as connection:
            connection.exec_driver_sql(f'UPDATE {name} SET "{column.name}" = 9')
    assert rows_of(database, name) == before


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("change", ["DELETE FROM {}", "REPLACE INTO {} SELECT * FROM {}"])
def test_a_ledger_takes_no_removal_by_whatever_statement(database: Database, name: str, change: str) -> None:
    before = fill(database, name)
    with pytest.raises(StoreFault, match=f"{name} is append-only"), database.begin() as connection:
        connection.exec_driver_sql(change.format(name, name))
    assert rows_of(database, name) == before


def erase(database: Database, subject: str) -> None:
    with database.begin() as connection:
        store.may_erase(connection, [subject], "Priya", NOW)


@pytest.mark.parametrize("name", ERASABLE)
def test_what_is_personal_goes_with_the_customer_it_is_about_and_with_no_other(database: Database, name: str) -> None:
    fill(database, name)
    erase(database, "somebody else")
    with pytest.raises(StoreFault, match=f"{name} is append-only"), database.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {name}")
    erase(database, "t")
    with database.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {name}")
    assert rows_of(database, name) == []


@pytest.mark.parametrize("name", ERASABLE)
def test_what_may_be_erased_may_still_not_be_changed(database: Database, name: str) -> None:
    fill(database, name)
    erase(database, "t")
    for column in metadata.tables[name].columns:
        with pytest.raises(StoreFault, match=f"{name} is append-only"), database.begin() as connection:
            connection.exec_driver_sql(f'UPDATE {name} SET "{column.name}" = 9')


@pytest.mark.parametrize("name", FOREVER)
def test_no_erasing_takes_a_line_out_of_the_permission_ledger(database: Database, name: str) -> None:
    before = fill(database, name)
    for subject in ("t", "a", "1"):
        erase(database, subject)
    with pytest.raises(StoreFault, match=f"{name} is append-only"), database.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {name}")
    assert rows_of(database, name) == before


def test_foreign_keys_are_held(database: Database) -> None:
    row = {"story_id": "nowhere", "body": {}, "at": NOW}
    with pytest.raises(StoreFault, match="FOREIGN KEY"), database.begin() as connection:
        connection.execute(insert(copilot.stories.store.approvals).values(**row))


def test_naive_times_are_refused(database: Database) -> None:
    row = {"queue": "q", "file": "f", "line": 1, "reason": "r", "at": datetime(2026, 1, 1)}  # noqa: DTZ001 - the point
    with pytest.raises(StatementError, match="naive datetime"), database.begin() as connection:
        connection.execute(insert(store.set_aside).values(**row))


def test_times_come_back_aware_and_in_utc(database: Database) -> None:
    there = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with database.begin() as connection:
        connection.execute(insert(store.set_aside).values(queue="q", file="f", line=1, reason="r", at=there))
        (back,) = connection.execute(select(store.set_aside.c.at)).scalars()
    assert back == there
    assert back.tzinfo is UTC


def test_an_error_inside_a_transaction_takes_all_of_it_back(database: Database) -> None:
    def half_done() -> None:
        with database.begin() as connection:
            store.put(connection, make_ticket("customer: hello"), NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    with database.read() as connection:
        assert connection.execute(select(store.tickets.c.ref)).all() == []


def test_a_writer_killed_between_transactions_leaves_only_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "delight.db"
    process = writer(path, "w", 1_000_000)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(40)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.communicate()[0].split("\n")[:-1]]
    assert process.returncode == -signal.SIGKILL
    found = pairs(path, "w")
    assert set(found.values()) == {2}
    assert set(told) <= set(found), "a transaction that was reported as kept is gone"


def test_a_writer_killed_inside_a_transaction_leaves_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "delight.db"
    process = writer(path, "w", 3, "hang")
    assert process.stdout is not None
    assert [process.stdout.readline().strip() for _ in range(4)] == ["0", "1", "2", "open"]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert pairs(path, "w") == {0: 2, 1: 2, 2: 2}
    database = Database(path)
    with database.begin() as connection:  # and its lock died with it
        store.put(connection, make_ticket("customer: hello"), NOW)
    database.close()


def test_two_writers_that_start_on_a_new_file_both_keep_everything(tmp_path: Path) -> None:
    path = tmp_path / "delight.db"
    both = {name: writer(path, name, 30) for name in ("one", "two")}
    for process in both.values():
        process.communicate()
        assert process.returncode == 0
    for name in both:
        assert pairs(path, name) == dict.fromkeys(range(30), 2)


def test_a_reader_is_not_held_up_by_an_open_transaction(tmp_path: Path) -> None:
    path = tmp_path / "delight.db"
    process = writer(path, "w", 1, "hang")
    assert process.stdout is not None
    assert [process.stdout.readline().strip() for _ in range(2)] == ["0", "open"]
    assert pairs(path, "w") == {0: 2}
    process.communicate("")
    assert pairs(path, "w") == {0: 2, 1: 1}


def test_too_much_at_once_is_a_fault_with_a_way_out(tmp_path: Path) -> None:
    made = Database(tmp_path / "busy.db")
    made.engine.dispose()
    made.engine = create_engine(made.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    with made.read(), pytest.raises(StoreFault, match="too much is done at once") as raised, made.read():
        pass
    assert "moment" in raised.value.hint
    with made.read(), pytest.raises(StoreFault, match="too much is done at once"), made.begin():
        pass
    made.close()
