"""Keeps drafts. The only module that queries this table."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Connection, ForeignKey, Index, String, Table, Text, select
from sqlalchemy.dialects.sqlite import insert

from copilot.db.engine import UtcDateTime, metadata
from copilot.drafting.models import Draft

drafts = Table(
    "drafts",
    metadata,
    Column("id", String, primary_key=True),
    Column("ticket_ref", ForeignKey("tickets.ref"), nullable=False),
    Column("state", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
Index("drafts_ticket", drafts.c.ticket_ref, drafts.c.state)


def put(connection: Connection, draft: Draft) -> None:
    """Store a draft as it stands now."""
    values = {
        "ticket_ref": draft.ticket_ref,
        "state": draft.state,
        "text": draft.text,
        "body": draft.model_dump(mode="json", exclude={"text"}),
        "updated_at": draft.updated_at,
    }
    connection.execute(
        insert(drafts).values(id=draft.id, **values).on_conflict_do_update(index_elements=["id"], set_=values)
    )


def open_draft(connection: Connection, ref: str) -> Draft | None:
    """The draft of a ticket that is neither sent nor discarded: the newest."""
    query = (
        select(drafts.c.body, drafts.c.text)
        .where(drafts.c.ticket_ref == ref, drafts.c.state.in_(["proposed", "edited", "approved"]))
        .order_by(drafts.c.updated_at.desc(), drafts.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Draft.model_validate({**row.body, "text": row.text})


def sent(connection: Connection, ref: str) -> list[Draft]:
    """Drafts of a ticket that went out, oldest first."""
    query = select(drafts.c.body, drafts.c.text).where(drafts.c.ticket_ref == ref, drafts.c.state == "sent")
    rows = connection.execute(query.order_by(drafts.c.updated_at))
    return [Draft.model_validate({**row.body, "text": row.text}) for row in rows]


def of_ticket(connection: Connection, ref: str) -> list[Draft]:
    """Every draft of a ticket, the newest first."""
    query = select(drafts.c.body, drafts.c.text).where(drafts.c.ticket_ref == ref)
    rows = connection.execute(query.order_by(drafts.c.updated_at.desc(), drafts.c.id))
    return [Draft.model_validate({**row.body, "text": row.text}) for row in rows]
