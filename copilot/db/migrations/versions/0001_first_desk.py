"""The first desk: tickets, readings, drafts, asks, the permission ledger, stories.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from copilot.db.engine import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LEDGERS = ("permissions", "corrections", "approvals")
"""Tables to which rows are only ever added."""


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("do_not_ask", sa.Boolean(), nullable=False),
        sa.Column("do_not_ask_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_customers_email"), "customers", ["email"], unique=False)
    op.create_table(
        "set_aside",
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "file", "line"),
    )
    op.create_table(
        "tickets",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("customer_key", sa.String(), nullable=False),
        sa.Column("customer_name", sa.String(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("source_version", sa.String(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("waiting_since", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_key"],
            ["customers.key"],
        ),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_index(op.f("ix_tickets_customer_key"), "tickets", ["customer_key"], unique=False)
    op.create_index("tickets_status", "tickets", ["status"], unique=False)
    op.create_table(
        "asks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("ticket_ref", sa.String(), nullable=False),
        sa.Column("customer_key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_key"],
            ["customers.key"],
        ),
        sa.ForeignKeyConstraint(
            ["ticket_ref"],
            ["tickets.ref"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_asks_customer_key"), "asks", ["customer_key"], unique=False)
    op.create_index(op.f("ix_asks_ticket_ref"), "asks", ["ticket_ref"], unique=False)
    op.create_table(
        "corrections",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ref"],
            ["tickets.ref"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_corrections_ref"), "corrections", ["ref"], unique=False)
    op.create_table(
        "decision_walks",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("play_id", sa.String(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ref"],
            ["tickets.ref"],
        ),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_table(
        "drafts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("ticket_ref", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_ref"],
            ["tickets.ref"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("drafts_ticket", "drafts", ["ticket_ref", "state"], unique=False)
    op.create_table(
        "escalations_told",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("citation", sa.String(), nullable=False),
        sa.Column("to", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ref"],
            ["tickets.ref"],
        ),
        sa.PrimaryKeyConstraint("ref", "citation"),
    )
    op.create_table(
        "messages",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("local", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ref"],
            ["tickets.ref"],
        ),
        sa.PrimaryKeyConstraint("ref", "seq"),
    )
    op.create_table(
        "readings",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("ticket_version", sa.String(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("mood", sa.String(), nullable=False),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.Column("risks", sa.JSON(), nullable=False),
        sa.Column("moment", sa.Boolean(), nullable=False),
        sa.Column("read", sa.Boolean(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("due_to", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ref"],
            ["tickets.ref"],
        ),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_table(
        "stories",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("ticket_ref", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_ref"],
            ["tickets.ref"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ticket_ref"),
    )
    op.create_table(
        "approvals",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("story_id", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"],
            ["stories.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_approvals_story_id"), "approvals", ["story_id"], unique=False)
    op.create_table(
        "permissions",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("ask_id", sa.String(), nullable=False),
        sa.Column("ticket_ref", sa.String(), nullable=False),
        sa.Column("customer_key", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("words_hash", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ask_id"],
            ["asks.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_permissions_ask_id"), "permissions", ["ask_id"], unique=False)
    op.create_index("permissions_ticket", "permissions", ["ticket_ref"], unique=False)
    for table in LEDGERS:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
