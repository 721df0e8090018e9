"""Keeps asks and the permission ledger. Ledger rows are only ever added; the database itself refuses anything else."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Connection, ForeignKey, Index, Integer, String, Table, Text, select
from sqlalchemy.dialects.sqlite import insert

from copilot.asking.models import Ask, Entry
from copilot.db.engine import UtcDateTime, metadata
from copilot.errors import NotFound

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
permissions = Table(
    "permissions",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("ask_id", ForeignKey("asks.id"), nullable=False, index=True),
    Column("ticket_ref", String, nullable=False),
    Column("customer_key", String, nullable=False),
    Column("answer", String, nullable=False),
    Column("words", Text, nullable=False),
    Column("words_hash", String, nullable=False),
    Column("body", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("by", String, nullable=False),
    sqlite_autoincrement=True,
)
Index("permissions_ticket", permissions.c.ticket_ref)


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
    """Append to the ledger; return the entry with its number."""
    result = connection.execute(
        permissions.insert().values(
            ask_id=entry.ask_id,
            ticket_ref=entry.ticket_ref,
            customer_key=entry.customer_key,
            answer=entry.answer,
            words=entry.words,
            words_hash=entry.words_hash,
            body=entry.model_dump(mode="json", exclude={"seq"}),
            at=entry.at,
            by=entry.by,
        )
    )
    assert result.inserted_primary_key is not None
    return entry.model_copy(update={"seq": int(result.inserted_primary_key[0])})


def entries(connection: Connection, *, ask_id: str | None = None, ref: str | None = None) -> list[Entry]:
    """Ledger entries of an ask, of a ticket, or all; in the order of the ledger."""
    query = select(permissions.c.seq, permissions.c.body).order_by(permissions.c.seq)
    if ask_id is not None:
        query = query.where(permissions.c.ask_id == ask_id)
    if ref is not None:
        query = query.where(permissions.c.ticket_ref == ref)
    return [Entry.model_validate({**row.body, "seq": row.seq}) for row in connection.execute(query)]
