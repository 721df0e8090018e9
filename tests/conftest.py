"""Fixtures that every room shares: tickets in one line, the real index built once, a desk with the sample queue."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from copilot.asking.policy import load_policy
from copilot.bootstrap import DEMO_QUEUE, HOME, Workspace
from copilot.db.engine import Database
from copilot.desk import Brain, Desk
from copilot.drafting.composer import Setting
from copilot.playbook.build import build
from copilot.settings import Settings
from copilot.tickets import store
from copilot.tickets.models import Customer, Message, Ticket
from copilot.tickets.sample import SampleQueue
from copilot.tickets.sync import sync
from tests.fakes import NOW, FakeClock, FakeSender

ROOT = HOME.parent
PLAYBOOKS = ROOT / "playbooks"
SHARED = ROOT.parent / "shared"
"""Public data beside a developer's checkout; tests that read it skip where it is not there."""


def make_ticket(*turns: str, subject: str = "", minutes: int = 60, **fields: object) -> Ticket:
    """A ticket from `customer: …` and `agent: …` turns, an hour apart, the last one `minutes` ago."""
    customer = fields.pop("customer", None) or Customer(id="c-1", name="Anna Berg", email="anna@example.org")
    messages = []
    for number, turn in enumerate(turns, start=1):
        role, _, text = turn.partition(": ")
        at = NOW - timedelta(minutes=minutes) - timedelta(hours=len(turns) - number)
        author = "Anna Berg" if role == "customer" else "Mara"
        messages.append(Message(id=str(number), role=role, text=text, at=at, author=author))
    values = {"id": "T-1", "queue": "test", "subject": subject, "channel": "mail", **fields}
    return Ticket(customer=customer, messages=tuple(messages), opened_at=messages[0].at, **values)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "delight.db")
    yield made
    made.close()


@pytest.fixture(scope="session")
def index() -> Path:
    """The real index of the starter playbook, built once for all workers."""
    folder = ROOT / "index"
    with FileLock(str(ROOT / ".venv" / "index.lock") if (ROOT / ".venv").is_dir() else "/tmp/delight-index.lock"):
        build(PLAYBOOKS, folder, "bundled", NOW.date())
    return folder


@pytest.fixture(scope="session")
def brain(index: Path) -> Iterator[Brain]:
    """The real reader and playbook, loaded once."""
    space = Workspace(Settings(workspace=ROOT), FakeClock())
    made = space.brain
    made.warm()
    yield made
    made.close()


MakeDesk = Callable[..., Desk]


@pytest.fixture
def make_desk(database: Database, brain: Brain, sender: FakeSender, clock: FakeClock) -> MakeDesk:
    """Make a desk on the given tickets: `make_desk(ticket, …, agent="Mara")`."""

    def make(*tickets: Ticket, agent: str = "Mara") -> Desk:
        with database.begin() as connection:
            for ticket in tickets:
                store.put(connection, ticket, clock())
        setting = Setting(agent=agent, team="Fernway Support", company="Fernway")
        desk = Desk(database, brain, lambda: load_policy(PLAYBOOKS), sender, setting, clock)
        desk.read_all()
        return desk

    return make


@pytest.fixture(scope="session")
def sample_database(brain: Brain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the sample queue, read; tests copy it."""
    path = tmp_path_factory.mktemp("sample") / "delight.db"
    made = Database(path)
    sync(made, DEMO_QUEUE, SampleQueue(DEMO_QUEUE, NOW), NOW)
    setting = Setting(agent="Mara", team="Fernway Support", company="Fernway")
    desk = Desk(made, brain, lambda: load_policy(PLAYBOOKS), FakeSender(), setting, FakeClock())
    desk.read_all()
    desk.refresh_due()
    made.close()
    return path


@pytest.fixture
def sample_desk(
    sample_database: Path, tmp_path: Path, brain: Brain, sender: FakeSender, clock: FakeClock
) -> Iterator[Desk]:
    """A desk on a copy of the sample queue."""
    path = tmp_path / "sample.db"
    shutil.copy(sample_database, path)
    made = Database(path)
    setting = Setting(agent="Mara", team="Fernway Support", company="Fernway")
    yield Desk(made, brain, lambda: load_policy(PLAYBOOKS), sender, setting, clock)
    made.close()


@pytest.fixture
def workspace(tmp_path: Path, index: Path) -> Path:
    """A workspace folder of a command line test, on the real playbook and index."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    lines = [
        f'agent = "Mara"\ncompany = "Fernway"\nteam = "Fernway Support"\nplaybooks = "{PLAYBOOKS}"\nindex = "{index}"'
    ]
    (folder / "delight.toml").write_text("\n".join(lines), "utf-8")
    return folder


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("DELIGHT_"):
            monkeypatch.delenv(name)


def at(**ago: float) -> datetime:
    """A time before the fake clock's now."""
    return NOW - timedelta(**ago)
