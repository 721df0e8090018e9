"""Owns the connection to the database: SQLite in WAL, brought to the newest schema, one transaction per user action.

What must not live here: tables (rooms own them) and queries.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.types import TypeDecorator

from copilot.errors import StoreFault

metadata = MetaData()
POOL = 48
"""Connections that are kept open: as many as the web server has workers, and a few."""
BUSY = "too much is done at once"
HEAD = "0005"
"""The newest migration. A test holds it to the newest file in `migrations/versions`."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python, naive UTC in the database. Naive values are refused."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Database:
    """One database file.

    Args:
        path: The SQLite file; created, with its folder, when missing.

    Raises:
        StoreFault: It is not a database, cannot be written, or was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFault(f"{path.parent} cannot be made: {error.strerror}.") from error
        self.engine: Engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 15}, pool_size=POOL)
        event.listen(self.engine, "connect", _prepare)
        self._upgrade()

    def _upgrade(self) -> None:
        try:
            with self.engine.connect() as connection:
                revision = _revision(connection)
        except DatabaseError as error:
            raise StoreFault(
                f"{self.path} cannot be opened: {error.orig}.",
                hint="Check that it is a delight database and can be written.",
            ) from error
        if revision == HEAD:
            return
        from copilot.db.migrate import upgrade  # Alembic costs 0.2 s: only when there is something to do

        upgrade(self.engine, self.path, revision)

    @contextmanager
    def begin(self, *, durable: bool = True) -> Iterator[Connection]:
        """One transaction: all of it is kept, or nothing.

        Args:
            durable: Whether it must survive a power cut. What can be computed again (a reading) need not, and saves the
                wait for the disk; a crash of the program loses nothing either way.

        Raises:
            StoreFault: The database is locked by another process, full, or broken. Nothing was written.
        """
        try:
            with self.engine.begin() as connection:
                connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # what is looked at in it is what is written over
                yield connection
        except DatabaseError as error:
            raise StoreFault(
                f"{self.path}: {error.orig}.", hint="Nothing was changed. Try again when the cause is gone."
            ) from error
        except PoolTimeout as error:
            raise StoreFault(f"{self.path}: {BUSY}.", hint="Nothing was changed. Try again in a moment.") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for queries only, with the same errors as `begin`."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except DatabaseError as error:
            raise StoreFault(f"{self.path}: {error.orig}.") from error
        except PoolTimeout as error:
            raise StoreFault(f"{self.path}: {BUSY}.", hint="Try again in a moment.") from error

    def fold(self) -> None:
        """Fold the write-ahead log in, and empty it: what was deleted stands nowhere any more."""
        with self.read() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Give all connections back; the write-ahead log is folded in by SQLite."""
        self.engine.dispose()


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA recursive_triggers=ON")  # else INSERT OR REPLACE slips past the ledgers' triggers
    cursor.close()


def _revision(connection: Connection) -> str | None:
    known = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name='alembic_version'").first()
    if known is None:
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])
