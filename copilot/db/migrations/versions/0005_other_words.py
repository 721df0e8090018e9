"""Other words of a quote that the customer is to be asked about; what a story was about.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("asks_scheduled", sa.Column("words", sa.String(), nullable=False, server_default=""))
    op.add_column("story_index", sa.Column("products", sa.String(), nullable=False, server_default=""))
