"""Brings a database to the newest schema, and refuses one from the future with a sentence."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from copilot.errors import StoreFault


def config() -> Config:
    """Alembic's configuration, without a file of its own."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    made.set_main_option("path_separator", "os")
    return made


def upgrade(engine: Engine, path: Path, revision: str | None) -> None:
    """Run the missing migrations in one transaction.

    Raises:
        StoreFault: The database is newer than this program, or a migration failed (nothing was changed).
    """
    settings = config()
    known = {script.revision for script in ScriptDirectory.from_config(settings).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreFault(
            f"{path} was written by a newer version of delight (schema {revision}).",
            hint="Install that version, or point `database` in delight.toml at another file. Nothing was changed.",
        )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # two starting processes: one migrates, one waits
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
            connection.commit()
    except DatabaseError as error:
        raise StoreFault(
            f"{path} could not be brought up to date: {error.orig}.", hint="Nothing was changed."
        ) from error
