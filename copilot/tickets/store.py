"""Keeps tickets, customers and what was set aside. The only module that queries these tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from copilot.db.engine import UtcDateTime, metadata
from copilot.errors import NotFound
from copilot.tickets.models import Customer, Message, SetAside, Status, Ticket

customers = Table(
    "customers",
    metadata,
    Column("key", String, primary_key=True),  # queue/id
    Column("body", JSON, nullable=False),
    Column("email", String, nullable=False, index=True),
    Column("do_not_ask", Boolean, nullable=False, default=False),
    Column("do_not_ask_by", String, nullable=False, default=""),
)
tickets = Table(
    "tickets",
    metadata,
    Column("ref", String, primary_key=True),
    Column("queue", String, nullable=False),
    Column("id", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("title", String, nullable=False),
    Column("status", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("customer_key", ForeignKey("customers.key"), nullable=False, index=True),
    Column("customer_name", String, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("version", String, nullable=False),
    Column("source_version", String, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("waiting_since", UtcDateTime),
)
messages = Table(
    "messages",
    metadata,
    Column("ref", ForeignKey("tickets.ref"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("id", String, nullable=False),
    Column("body", JSON, nullable=False),
    Column("local", Boolean, nullable=False),  # sent from this desk; the source may not know it
)
set_aside = Table(
    "set_aside",
    metadata,
    Column("queue", String, primary_key=True),
    Column("file", String, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
erasures = Table(
    "erasures",
    metadata,
    Column("subject", String, primary_key=True),  # a ticket or what hangs on it: the ledgers' triggers let its rows go
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
Index("tickets_status", tickets.c.status)


def customer_key(ticket: Ticket) -> str:
    """The customer's key across the house: the queue and the customer's id in it."""
    return f"{ticket.queue}/{ticket.customer.id}"


def put(connection: Connection, ticket: Ticket, now: datetime) -> bool:
    """Store the source's copy of a ticket; return whether anything changed.

    Replies sent from this desk that the source does not show (a queue of files never does) stay in the thread.
    """
    known = connection.execute(
        select(tickets.c.source_version, tickets.c.opened_at).where(tickets.c.ref == ticket.ref)
    ).one_or_none()
    if known is not None and known.source_version == ticket.source_version:
        return False
    if known is None and is_erased(connection, ticket.ref):
        return False  # its customer was erased; the queue may still hold it
    source_version = ticket.source_version
    ours: list[Message] = []
    if known is not None:
        kept = select(messages.c.body).where(messages.c.ref == ticket.ref, messages.c.local).order_by(messages.c.seq)
        shown = {message.id for message in ticket.messages}
        ours = [m for (body,) in connection.execute(kept) if (m := Message.model_validate(body)).id not in shown]
        ticket = ticket.model_copy(update={"opened_at": known.opened_at, "messages": _merged(ticket.messages, ours)})
    _write(connection, ticket, source_version, {message.id for message in ours}, now)
    return True


def add_reply(connection: Connection, ticket: Ticket, reply: Message, status: Status, now: datetime) -> Ticket:
    """Append a reply sent from this desk to the thread and set the status; return the ticket as it stands now."""
    query = select(tickets.c.source_version).where(tickets.c.ref == ticket.ref)
    source_version = connection.execute(query).scalar_one()
    local = select(messages.c.id).where(messages.c.ref == ticket.ref, messages.c.local)
    ours = {*connection.execute(local).scalars(), reply.id}
    changed = ticket.model_copy(update={"messages": _merged(ticket.messages, [reply]), "status": status})
    _write(connection, changed, source_version, ours, now)
    return changed


def _merged(theirs: tuple[Message, ...], ours: list[Message]) -> tuple[Message, ...]:
    """The source's messages with ours put in by time; a message without a time stays where its source has it."""
    thread = list(theirs)
    for reply in ours:
        later = (i for i, m in enumerate(thread) if m.at is not None and reply.at is not None and m.at > reply.at)
        thread.insert(next(later, len(thread)), reply)
    return tuple(thread)


def _write(connection: Connection, ticket: Ticket, source_version: str, local: set[str], now: datetime) -> None:
    times = [message.at for message in ticket.messages if message.at is not None]
    opened = times[0] if times else (ticket.opened_at or now)
    ticket = ticket.model_copy(update={"opened_at": opened})
    person = ticket.customer
    key = customer_key(ticket)
    row = {"body": person.model_dump(mode="json"), "email": person.email.lower()}
    connection.execute(
        insert(customers)
        .values(key=key, do_not_ask=False, do_not_ask_by="", **row)
        .on_conflict_do_update(index_elements=["key"], set_=row)
    )
    values = {
        "queue": ticket.queue,
        "id": ticket.id,
        "subject": ticket.subject,
        "title": ticket.title,
        "status": ticket.status,
        "channel": ticket.channel,
        "customer_key": key,
        "customer_name": person.shown,
        "tags": list(ticket.tags),
        "version": ticket.version,
        "source_version": source_version,
        "opened_at": opened,
        "last_at": max(times, default=opened),
        "waiting_since": ticket.waiting_since(),
    }
    connection.execute(
        insert(tickets).values(ref=ticket.ref, **values).on_conflict_do_update(index_elements=["ref"], set_=values)
    )
    connection.execute(delete(messages).where(messages.c.ref == ticket.ref))
    connection.execute(
        insert(messages),
        [
            {
                "ref": ticket.ref,
                "seq": seq,
                "id": message.id,
                "body": message.model_dump(mode="json", exclude_defaults=True),
                "local": message.id in local,
            }
            for seq, message in enumerate(ticket.messages)
        ],
    )


def get(connection: Connection, ref: str) -> Ticket:
    """The ticket named `queue/id`.

    Raises:
        NotFound: There is none.
    """
    query = select(tickets, customers.c.body).join(customers).where(tickets.c.ref == ref)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no ticket {ref}.", hint="`delight sync` reads the queues again.")
    thread = connection.execute(select(messages.c.body).where(messages.c.ref == ref).order_by(messages.c.seq))
    return Ticket(
        id=row.id,
        queue=row.queue,
        subject=row.subject,
        status=row.status,
        channel=row.channel,
        customer=Customer.model_validate(row.body),
        messages=tuple(Message.model_validate(body) for (body,) in thread),
        tags=tuple(row.tags),
        opened_at=row.opened_at,
    )


def stored_version(connection: Connection, ref: str) -> str | None:
    """The version last put, or None for a ticket never seen."""
    return connection.execute(select(tickets.c.version).where(tickets.c.ref == ref)).scalar_one_or_none()


def other_open(connection: Connection, ticket: Ticket) -> tuple[str, ...]:
    """Refs of other tickets of the same person (same key, or same mail address) that are not resolved."""
    same = tickets.c.customer_key == customer_key(ticket)
    if ticket.customer.email:
        same = same | (customers.c.email == ticket.customer.email.lower())
    query = (
        select(tickets.c.ref)
        .join(customers)
        .where(same, tickets.c.ref != ticket.ref, tickets.c.status.in_(["open", "pending"]))
        .order_by(tickets.c.ref)
    )
    return tuple(connection.execute(query).scalars())


def do_not_ask(connection: Connection, key: str) -> str:
    """Who paused all asks of this customer, or an empty string."""
    query = select(customers.c.do_not_ask_by).where(customers.c.key == key, customers.c.do_not_ask)
    return connection.execute(query).scalar_one_or_none() or ""


def paused_by(connection: Connection, keys: Sequence[str]) -> str:
    """Who paused all asks under any of a person's keys, or an empty string."""
    return next(filter(None, (do_not_ask(connection, key) for key in keys)), "")


def set_do_not_ask(connection: Connection, key: str, by: str, *, value: bool) -> None:
    """Pause or resume all asks of a customer; `by` is recorded."""
    connection.execute(
        customers.update().where(customers.c.key == key).values(do_not_ask=value, do_not_ask_by=by if value else "")
    )


def customer(connection: Connection, key: str) -> Customer:
    """A customer by their key.

    Raises:
        NotFound: There is none.
    """
    body = connection.execute(select(customers.c.body).where(customers.c.key == key)).scalar_one_or_none()
    if body is None:
        raise NotFound(f"There is no customer {key}.", hint="`delight customers list` shows them.")
    return Customer.model_validate(body)


def find_customers(connection: Connection, words: str, limit: int) -> list[tuple[str, Customer]]:
    """(key, customer) of those whose name, address, company or key holds every word."""
    query = select(customers.c.key, customers.c.body).order_by(customers.c.key).limit(limit)
    shown = func.lower(
        customers.c.key
        + " "
        + customers.c.email
        + " "
        + customers.c.body["name"].as_string()
        + " "
        + customers.c.body["company"].as_string()
    )
    for word in words.lower().split():
        query = query.where(shown.contains(word, autoescape=True))
    return [(row.key, Customer.model_validate(row.body)) for row in connection.execute(query)]


def refs_of(connection: Connection, keys: Sequence[str]) -> list[str]:
    """Refs of all tickets of some customers, the oldest first."""
    query = select(tickets.c.ref).where(tickets.c.customer_key.in_(keys)).order_by(tickets.c.opened_at, tickets.c.ref)
    return list(connection.execute(query).scalars())


def resolved_since(connection: Connection, since: datetime) -> list[str]:
    """Refs of tickets that are resolved, and in which something was written since then."""
    query = select(tickets.c.ref).where(tickets.c.status.in_(["resolved", "closed"]), tickets.c.last_at >= since)
    return list(connection.execute(query).scalars())


def may_erase(connection: Connection, subjects: Sequence[str], by: str, now: datetime) -> None:
    """Let what is kept of some subjects be deleted from the ledgers too."""
    for subject in subjects:
        connection.execute(insert(erasures).values(subject=subject, by=by, at=now).on_conflict_do_nothing())


def erased(connection: Connection, subjects: Sequence[str]) -> None:
    """Keep no note of subjects whose very name is personal."""
    connection.execute(delete(erasures).where(erasures.c.subject.in_(subjects)))


def is_erased(connection: Connection, ref: str) -> bool:
    """Whether a ticket was erased with its customer."""
    return connection.execute(select(erasures.c.subject).where(erasures.c.subject == ref)).first() is not None


def forget(connection: Connection, refs: Sequence[str], keys: Sequence[str]) -> None:
    """Erase tickets with their messages, and customers; whatever refers to them must be gone before."""
    connection.execute(delete(messages).where(messages.c.ref.in_(refs)))
    connection.execute(delete(tickets).where(tickets.c.ref.in_(refs)))
    connection.execute(delete(customers).where(customers.c.key.in_(keys)))


def put_aside(connection: Connection, queue: str, items: list[SetAside], now: datetime) -> None:
    """Replace what is set aside for a queue by what the last sync could not read."""
    connection.execute(delete(set_aside).where(set_aside.c.queue == queue))
    for item in items:
        values = {"reason": item.reason, "at": now}
        connection.execute(
            insert(set_aside)
            .values(queue=queue, file=item.file, line=item.line, **values)
            .on_conflict_do_update(index_elements=["queue", "file", "line"], set_=values)
        )
