"""Keeps asks and the permission ledger. Ledger rows are only ever added; the database itself refuses anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from copilot.asking.ledger import START, Link, chained, sealed
from copilot.asking.models import PERSONAL_TERMS, Ask, Entry, Give
from copilot.db.engine import UtcDateTime, metadata
from copilot.errors import FindingsError, NotFound

asks = Table(
    "asks",
    metadata,
    Column("id", String, primary_key=True),
    Column("ticket_ref", ForeignKey("tickets.ref"), nullable=False, index=True),
    Column("customer_key", ForeignKey("customers.key"), nullable=False, index=True),
    Column("state", String, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("body", JSON, nullable=False),
)
Index("asks_due", asks.c.state, asks.c.sent_at)
permissions = Table(
    "permissions",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("ask_id", String, nullable=False, index=True),
    Column("answer", String, nullable=False),
    Column("body", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("sealed", String, nullable=False),
    Column("prev", String, nullable=False, unique=True),
    Column("hash", String, nullable=False),
    sqlite_autoincrement=True,
)
permission_words = Table(
    "permission_words",
    metadata,
    Column("seq", ForeignKey("permissions.seq"), primary_key=True, autoincrement=False),
    Column("ticket_ref", String, nullable=False, index=True),
    Column("customer_key", String, nullable=False),
    Column("salt", String, nullable=False),
    Column("body", JSON, nullable=False),
)
ask_links = Table(
    "ask_links",
    metadata,
    Column("id", String, primary_key=True),  # SHA-256 of the link's token: the table opens no page
    Column("ask_id", ForeignKey("asks.id"), nullable=False, index=True),
    Column("purpose", String, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("visits", Integer, nullable=False),
)
asks_scheduled = Table(
    "asks_scheduled",
    metadata,
    Column("ref", ForeignKey("tickets.ref"), primary_key=True),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("words", String, nullable=False, server_default=""),
)
gives = Table(
    "gives",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("customer_key", ForeignKey("customers.key"), nullable=False, index=True),
    Column("what", String, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)


class Scheduled(NamedTuple):
    """An ask that somebody wants made: once the customer has confirmed, or about other words of their quote."""

    ref: str
    by: str
    at: datetime
    words: str
    """The other words; empty where it waits for the customer to confirm."""


def put(connection: Connection, ask: Ask) -> None:
    """Store an ask as it stands now."""
    values = {
        "ticket_ref": ask.ticket_ref,
        "customer_key": ask.customer_key,
        "state": ask.state,
        "sent_at": ask.sent_at,
        "body": ask.model_dump(mode="json"),
    }
    connection.execute(
        insert(asks).values(id=ask.id, **values).on_conflict_do_update(index_elements=["id"], set_=values)
    )


def get(connection: Connection, ask_id: str) -> Ask:
    """One ask.

    Raises:
        NotFound: There is none of that id.
    """
    body = connection.execute(select(asks.c.body).where(asks.c.id == ask_id)).scalar_one_or_none()
    if body is None:
        raise NotFound(f"There is no ask {ask_id}.")
    return Ask.model_validate(body)


def of_ticket(connection: Connection, ref: str) -> list[Ask]:
    """Asks made in a ticket, oldest first; dropped ones are left out."""
    query = select(asks.c.body).where(asks.c.ticket_ref == ref, asks.c.state != "dropped")
    found = [Ask.model_validate(body) for body in connection.execute(query).scalars()]
    return sorted(found, key=lambda ask: ask.created_at)


def keys_of_person(connection: Connection, key: str, email: str) -> list[str]:
    """The customer keys of one person: their own, and those with the same mail address in other queues."""
    from copilot.tickets.store import customers

    same = (customers.c.key == key) | ((customers.c.email == email.lower()) & (customers.c.email != ""))
    return list(connection.execute(select(customers.c.key).where(same).order_by(customers.c.key)).scalars())


def of_person(connection: Connection, key: str, email: str) -> list[Ask]:
    """All asks of one person, of every queue."""
    keys = keys_of_person(connection, key, email)
    query = select(asks.c.body).where(asks.c.customer_key.in_(keys), asks.c.state != "dropped")
    return [Ask.model_validate(body) for body in connection.execute(query).scalars()]


def add_entry(connection: Connection, entry: Entry) -> Entry:
    """Append to the ledger, chained to the entry before; return the entry with its number and hash."""
    query = select(permissions.c.hash).order_by(permissions.c.seq.desc()).limit(1)
    prev = connection.execute(query).scalar_one_or_none() or START
    entry = entry.hashed()
    salt, seal = sealed(entry)
    result = connection.execute(
        permissions.insert().values(
            ask_id=entry.ask_id,
            answer=entry.answer,
            body=entry.public_part,
            at=entry.at,
            sealed=seal,
            prev=prev,
            hash=chained(prev, entry, seal),
        )
    )
    assert result.inserted_primary_key is not None
    entry = entry.model_copy(update={"seq": int(result.inserted_primary_key[0])})
    connection.execute(
        permission_words.insert().values(
            seq=entry.seq,
            ticket_ref=entry.ticket_ref,
            customer_key=entry.customer_key,
            salt=salt,
            body=entry.personal_part,
        )
    )
    return entry


def chain(connection: Connection) -> Iterator[Link]:
    """The whole ledger as it stands in its chain, oldest first, read as it is walked."""
    p, w = permissions.c, permission_words.c
    query = _ledger(
        p.sealed,
        p.prev,
        p.hash,
        p.ask_id,
        p.answer,
        p.at,
        w.salt,
        w.ticket_ref.label("ref"),
        w.customer_key.label("key"),
    )
    for row in connection.execute(query.execution_options(yield_per=500)):
        try:
            entry = _entry(row)
        except (ValidationError, TypeError, KeyError, ValueError) as error:
            raise FindingsError(f"Ledger entry {row.seq} cannot be read: it was changed.") from error
        pairs = [("ask", row.ask_id, entry.ask_id), ("answer", row.answer, entry.answer), ("time", row.at, entry.at)]
        if not entry.erased:
            pairs += [("ticket", row.ref, entry.ticket_ref), ("customer", row.key, entry.customer_key)]
        stray = next((name for name, column, inside in pairs if column != inside), "")
        yield Link(entry, row.salt or "", row.sealed, row.prev, row.hash, stray)


def last_ever(connection: Connection) -> int:
    """Number of the last entry that was ever made; SQLite counts them apart from the table."""
    row = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'permissions'").first()
    return 0 if row is None else int(row[0])


def entries(
    connection: Connection,
    *,
    ask_id: str | None = None,
    ref: str | None = None,
    refs: Sequence[str] | None = None,
) -> list[Entry]:
    """Ledger entries of an ask, of one ticket or several, or all; in the order of the ledger."""
    # What was erased has no ticket any more, so that a query by ticket need not look at the rows without words.
    query = _ledger(inner=ref is not None or refs is not None)
    if ask_id is not None:
        query = query.where(permissions.c.ask_id == ask_id)
    if ref is not None:
        query = query.where(permission_words.c.ticket_ref == ref)
    if refs is not None:
        query = query.where(permission_words.c.ticket_ref.in_(refs))
    return [_entry(row) for row in connection.execute(query)]


def entry(connection: Connection, seq: int) -> Entry:
    """One ledger entry.

    Raises:
        NotFound: There is none of that number.
    """
    row = connection.execute(_ledger().where(permissions.c.seq == seq)).one_or_none()
    if row is None:
        raise NotFound(f"The ledger has no entry {seq}.", hint="`delight permissions list` shows them.")
    return _entry(row)


def _ledger(*more: ColumnElement[Any], inner: bool = False) -> Select[Any]:
    columns = (permissions.c.seq, permissions.c.body, permission_words.c.body.label("words"), *more)
    return select(*columns).join(permission_words, isouter=not inner).order_by(permissions.c.seq)


def _entry(row: Row[Any]) -> Entry:
    words = dict(row.words or {})
    terms = {**row.body["terms"], **{name: words.pop(name, "") for name in PERSONAL_TERMS}}
    return Entry.model_validate({**row.body, **words, "terms": terms, "seq": row.seq, "erased": row.words is None})


def hash_of(connection: Connection, seq: int) -> str:
    """The hash of an entry in the chain."""
    return str(connection.execute(select(permissions.c.hash).where(permissions.c.seq == seq)).scalar_one())


# Links


def add_link(connection: Connection, link_id: str, ask_id: str, purpose: str, expires_at: datetime) -> None:
    """Keep what a link opens."""
    connection.execute(
        ask_links.insert().values(id=link_id, ask_id=ask_id, purpose=purpose, expires_at=expires_at, visits=0)
    )


def linked(connection: Connection, link_id: str, purpose: str) -> tuple[str, datetime] | None:
    """(ask, expiry) of a link; None where there is no such link for that purpose."""
    query = select(ask_links.c.ask_id, ask_links.c.expires_at)
    row = connection.execute(query.where(ask_links.c.id == link_id, ask_links.c.purpose == purpose)).one_or_none()
    return None if row is None else (row.ask_id, row.expires_at)


def has_link(connection: Connection, ask_id: str, purpose: str) -> bool:
    """Whether an ask was given a link for that purpose."""
    query = select(ask_links.c.id).where(ask_links.c.ask_id == ask_id, ask_links.c.purpose == purpose)
    return connection.execute(query.limit(1)).first() is not None


def count_visit(connection: Connection, link_id: str) -> None:
    """Somebody followed a link."""
    connection.execute(ask_links.update().where(ask_links.c.id == link_id).values(visits=ask_links.c.visits + 1))


def visits(connection: Connection, ask_id: str, purpose: str) -> int:
    """How often the links of an ask were followed."""
    query = select(func.coalesce(func.sum(ask_links.c.visits), 0))
    return int(
        connection.execute(query.where(ask_links.c.ask_id == ask_id, ask_links.c.purpose == purpose)).scalar_one()
    )


# What is due, and what was given


def unanswered(connection: Connection, before: datetime) -> list[Ask]:
    """Asks sent before a time that nobody has answered, the oldest first."""
    query = select(asks.c.body).where(asks.c.state.in_(["sent", "unclear"]), asks.c.sent_at < before)
    return [Ask.model_validate(body) for body in connection.execute(query.order_by(asks.c.sent_at)).scalars()]


def schedule(connection: Connection, wanted: Scheduled) -> None:
    """Have an ask made in a ticket; other words take the place of what was wanted there before."""
    statement = insert(asks_scheduled).values(**wanted._asdict())
    if wanted.words:
        changed = {"by": wanted.by, "at": wanted.at, "words": wanted.words}
        connection.execute(statement.on_conflict_do_update(index_elements=["ref"], set_=changed))
    else:
        connection.execute(statement.on_conflict_do_nothing())


def unschedule(connection: Connection, ref: str) -> None:
    """It was asked, or shall not be."""
    connection.execute(delete(asks_scheduled).where(asks_scheduled.c.ref == ref))


def scheduled(connection: Connection, ref: str = "") -> list[Scheduled]:
    """The asks that somebody wants made, of one ticket or all, the oldest wish first."""
    columns = asks_scheduled.c
    query = select(columns.ref, columns.by, columns.at, columns.words).order_by(columns.at)
    if ref:
        query = query.where(columns.ref == ref)
    return [Scheduled(*row) for row in connection.execute(query)]


def other_words(connection: Connection, ref: str) -> Scheduled | None:
    """What the customer of a ticket shall be asked about anew; None where that is nothing."""
    return next((wanted for wanted in scheduled(connection, ref) if wanted.words), None)


def give(connection: Connection, key: str, what: str, by: str, at: datetime) -> None:
    """Record a thank-you or a favour that asked for nothing."""
    connection.execute(gives.insert().values(customer_key=key, what=what, by=by, at=at))


def gives_of(connection: Connection, keys: Sequence[str]) -> list[Give]:
    """What was given to a person, the newest first."""
    query = select(gives.c.what, gives.c.by, gives.c.at).where(gives.c.customer_key.in_(keys))
    return [Give(what=row.what, by=row.by, at=row.at) for row in connection.execute(query.order_by(gives.c.at.desc()))]


def forget(connection: Connection, refs: Sequence[str], keys: Sequence[str]) -> None:
    """Erase the asks of some tickets and what is personal in their ledger entries; the chain stays."""
    ids = select(asks.c.id).where(asks.c.ticket_ref.in_(refs))
    connection.execute(delete(ask_links).where(ask_links.c.ask_id.in_(ids)))
    connection.execute(delete(asks_scheduled).where(asks_scheduled.c.ref.in_(refs)))
    connection.execute(delete(gives).where(gives.c.customer_key.in_(keys)))
    connection.execute(delete(permission_words).where(permission_words.c.ticket_ref.in_(refs)))
    connection.execute(delete(asks).where(asks.c.ticket_ref.in_(refs)))
