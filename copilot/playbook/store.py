"""Keeps which escalations were passed on, and which decisions were walked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import JSON, Column, Connection, ForeignKey, String, Table, select
from sqlalchemy.dialects.sqlite import insert

from copilot.db.engine import UtcDateTime, metadata

told = Table(
    "escalations_told",
    metadata,
    Column("ref", ForeignKey("tickets.ref"), primary_key=True),
    Column("citation", String, primary_key=True),
    Column("to", String, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
walks = Table(
    "decision_walks",
    metadata,
    Column("ref", ForeignKey("tickets.ref"), primary_key=True),
    Column("play_id", String, nullable=False),
    Column("answers", JSON, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)


def tell(connection: Connection, ref: str, citation: str, to: str, by: str, at: datetime) -> None:
    """Record that an escalation was passed on."""
    connection.execute(insert(told).values(ref=ref, citation=citation, to=to, by=by, at=at).on_conflict_do_nothing())


def told_of(connection: Connection, ref: str) -> frozenset[str]:
    """Citations of the rules of a ticket that were passed on."""
    return frozenset(connection.execute(select(told.c.citation).where(told.c.ref == ref)).scalars())


def all_told(connection: Connection) -> dict[str, frozenset[str]]:
    """The same for every ticket."""
    out: dict[str, set[str]] = {}
    for ref, citation in connection.execute(select(told.c.ref, told.c.citation)):
        out.setdefault(ref, set()).add(citation)
    return {ref: frozenset(citations) for ref, citations in out.items()}


def put_walk(connection: Connection, ref: str, play_id: str, answers: dict[str, bool], by: str, at: datetime) -> None:
    """Keep the decision a person walked for a ticket: one a ticket, the latest."""
    values = {"play_id": play_id, "answers": answers, "by": by, "at": at}
    connection.execute(
        insert(walks).values(ref=ref, **values).on_conflict_do_update(index_elements=["ref"], set_=values)
    )


def walk_of(connection: Connection, ref: str) -> tuple[str, dict[str, bool], str] | None:
    """(play id, answers, who) of the decision walked for a ticket."""
    row = connection.execute(
        select(walks.c.play_id, walks.c.answers, walks.c.by).where(walks.c.ref == ref)
    ).one_or_none()
    return None if row is None else (row.play_id, dict(row.answers), row.by)


def forget(connection: Connection, refs: Sequence[str]) -> None:
    """Erase what was decided and passed on about some tickets."""
    connection.execute(told.delete().where(told.c.ref.in_(refs)))
    connection.execute(walks.delete().where(walks.c.ref.in_(refs)))
