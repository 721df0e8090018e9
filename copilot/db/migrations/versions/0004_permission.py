"""From yes to story: the ledger chained by hash, customer links, where stories stand, take-downs, people of the web desk.

What is personal of a ledger entry moves to `permission_words`, under a salted commitment in the chain: erasing it leaves a
chain that still proves itself.

Revision ID: 0004
Revises: 0003
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from copilot.asking.ledger import START, chained, sealed
from copilot.asking.models import Entry
from copilot.db.engine import UtcDateTime
from copilot.errors import StoreFault
from copilot.text import digest

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FOREVER = ("permissions",)
"""Tables whose rows are never changed and never removed."""
ERASABLE = {"corrections": "ref", "approvals": "story_id", "audit": "subject", "permission_words": "ticket_ref"}
"""Tables whose rows are never changed, and go only with the customer they are about."""


def upgrade() -> None:
    connection = op.get_bind()
    old = connection.exec_driver_sql("SELECT seq, body FROM permissions ORDER BY seq").all()
    for table in ("permissions", "corrections", "approvals"):
        for change in ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_no_{change}")
    op.drop_table("permissions")
    _create()
    _keep(connection, old)
    for table in FOREVER:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    for table, key in ERASABLE.items():
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"WHEN NOT EXISTS (SELECT 1 FROM erasures WHERE subject = OLD.{key}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _create() -> None:
    op.create_index("asks_due", "asks", ["state", "sent_at"], unique=False)
    op.create_table(
        "permissions",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("ask_id", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("prev", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("prev"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_permissions_ask_id"), "permissions", ["ask_id"], unique=False)
    op.create_table(
        "permission_words",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ticket_ref", sa.String(), nullable=False),
        sa.Column("customer_key", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["permissions.seq"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_permission_words_ticket_ref"), "permission_words", ["ticket_ref"], unique=False)
    op.create_table(
        "ask_links",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("ask_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ask_id"], ["asks.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_ask_links_ask_id"), "ask_links", ["ask_id"], unique=False)
    op.create_table(
        "asks_scheduled",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["ref"], ["tickets.ref"]),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_table(
        "gives",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("customer_key", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["customer_key"], ["customers.key"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_gives_customer_key"), "gives", ["customer_key"], unique=False)
    op.create_table(
        "review_turns",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("ref"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "publications",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("story_id", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("take_down_by", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.Column("removed_by", sa.String(), nullable=False),
        sa.Column("proof", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_publications_story_id"), "publications", ["story_id"], unique=False)
    op.create_table(
        "story_index",
        sa.Column("story_id", sa.String(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("ever_released", sa.Boolean(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("play_id", sa.String(), nullable=False),
        sa.Column("places", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("story_id"),
        sa.UniqueConstraint("change"),
    )
    op.create_index("story_index_released", "story_index", ["ever_released", "change"], unique=False)
    op.create_index("story_index_state", "story_index", ["state", "change"], unique=False)
    op.create_index("story_index_until", "story_index", ["until"], unique=False)
    op.create_table(
        "erasures",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("url"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("webhook", sa.Integer(), nullable=False),
        sa.Column("story_id", sa.String(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["webhook"], ["webhooks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("deliveries_due", "deliveries", ["state", "next_at"], unique=False)


def _keep(connection: sa.Connection, old: Sequence[Any]) -> None:
    """Chain what the ledger held before, in its order; where stories stand is found anew when they are first pulled."""
    import json

    prev = START
    for seq, body in old:
        entry = Entry.model_validate({**json.loads(body), "seq": seq})
        if entry.words_hash != digest(entry.words):
            raise StoreFault(
                f"Ledger entry {seq}: its words are not those whose hash was recorded.", hint="Restore a backup."
            )
        entry = entry.hashed()
        salt, seal = sealed(entry)
        prev_hash, prev = prev, chained(prev, entry, seal)
        connection.execute(
            sa.text(
                "INSERT INTO permissions (seq, ask_id, answer, body, at, sealed, prev, hash) "
                "VALUES (:seq, :ask, :answer, :body, :at, :sealed, :prev, :hash)"
            ),
            {
                "seq": seq, "ask": entry.ask_id, "answer": entry.answer, "body": json.dumps(entry.public_part),
                "at": entry.at.replace(tzinfo=None).isoformat(" ", "microseconds"), "sealed": seal, "prev": prev_hash, "hash": prev,
            },
        )  # fmt: skip
        connection.execute(
            sa.text(
                "INSERT INTO permission_words (seq, ticket_ref, customer_key, salt, body) VALUES (:seq, :ref, :key, :salt, :body)"
            ),
            {
                "seq": seq, "ref": entry.ticket_ref, "key": entry.customer_key, "salt": salt,
                "body": json.dumps(entry.personal_part),
            },
        )  # fmt: skip
