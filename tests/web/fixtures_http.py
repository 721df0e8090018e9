"""The web room on a real database, without a model: tickets, asks, links and stories in every state, and who presses what.

Import the fixtures you use: `from tests.web.fixtures_http import room  # noqa: F401`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shutil
import socket
import sqlite3
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from httpx import Response
from starlette.applications import Starlette
from starlette.types import ASGIApp

from copilot.accounts import store as people
from copilot.accounts.models import Account, Role
from copilot.asking import store as asking
from copilot.asking.consent import load_texts
from copilot.asking.links import Links
from copilot.asking.models import Ask, Place
from copilot.asking.policy import load_policy
from copilot.asking.review import load_review
from copilot.db.engine import Database
from copilot.playbook.models import AskKind
from copilot.settings import WebSettings
from copilot.stories.models import Quote, Story
from copilot.stories.webhooks import Deliverer
from copilot.team import Team
from copilot.telling import Choice, House, Shown, Telling
from copilot.tickets import store as ticketing
from copilot.tickets.models import Customer, Ticket
from copilot.tickets.store import customer_key
from copilot.web.app import make_app
from copilot.web.desk import COOKIE
from copilot.web.shield import form_token
from tests.conftest import PLAYBOOKS, make_ticket
from tests.fakes import FakeClock

ADDRESS = "https://stories.example"
PASSWORD = "a few plain words"
PRAISE = "You fixed it before I knew. I told the whole team about it. Thank you so much."
Made = Literal[
    "noticed", "awaiting_customer", "awaiting_marketing", "ready", "published", "withdrawn", "expired", "sent back", "erased"
]  # fmt: skip


class Kept(NamedTuple):
    """A story with all it came from."""

    id: str
    ticket: Ticket
    ask: Ask | None
    token: str

    @property
    def key(self) -> str:
        """The customer's key."""
        return customer_key(self.ticket)


@dataclass
class FakeResolver:
    """Finds the addresses that a test names, in turn, and reads numbers as the system does. Records what was asked."""

    known: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> list[str]:
        """The next addresses of a host."""
        self.asked.append(host)
        if host in self.known:
            turns = self.known[host]
            return turns.pop(0) if len(turns) > 1 else turns[0]
        host.encode("idna")  # the system's own resolver raises UnicodeError for what is no name
        try:
            return [str(ipaddress.IPv6Address(host))]
        except ValueError:
            plain = unicodedata.normalize("NFKC", {"localhost": "127.0.0.1"}.get(host, host))
            return [socket.inet_ntoa(socket.inet_aton(plain))]


class InProcess(httpx.BaseTransport):
    """Asks an application without a network, each time in a loop of its own: cookies and files work as with a server.

    Args:
        raises: Whether what breaks in the application is handed on, instead of its page 500.
    """

    def __init__(self, app: Starlette, *, raises: bool) -> None:
        self.transport = httpx.ASGITransport(app, raise_app_exceptions=raises)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, whole."""
        return asyncio.run(self._answer(request, request.read()))

    async def _answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        whole = httpx.Request(request.method, request.url, headers=request.headers, stream=httpx.ByteStream(body))
        answer = await self.transport.handle_async_request(whole)
        content = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(content))


@dataclass
class Room:
    """The web room and the flow behind it."""

    database: Database
    clock: FakeClock
    settings: WebSettings
    allow_private: bool = False
    resolver: FakeResolver = field(default_factory=FakeResolver)

    @cached_property
    def telling(self) -> Telling:
        """The second half of the flow, on the starter playbook's policy and texts."""
        return Telling(
            self.database,
            lambda: load_policy(PLAYBOOKS),
            self.clock,
            House("Fernway", self.settings.public_url, self.settings.referred_to),
            Links(b"k" * 32),
            lambda: load_texts(PLAYBOOKS),
            lambda: load_review(PLAYBOOKS),
        )

    @cached_property
    def team(self) -> Team:
        """Who and what is connected."""
        deliverer = Deliverer(allow_private=self.allow_private, resolve=self.resolver)
        return Team(self.database, self.telling, deliverer, self.clock)

    @cached_property
    def app(self) -> Starlette:
        """The application."""
        return make_app(self.telling, self.team, self.settings)

    def client(self, *, raises: bool = True) -> httpx.Client:
        """A browser that nobody has signed in with; `raises` hands on what breaks in the application."""
        return httpx.Client(transport=InProcess(self.app, raises=raises), base_url=ADDRESS)

    def kept(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the database holds, sessions and the log of deeds apart."""
        with closing(sqlite3.connect(self.database.path)) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            tables = sorted(set(names) - {"sessions", "audit", "sqlite_sequence"})
            return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}

    # People

    def account(self, role: Role, name: str = "") -> str:
        """An account; its name. The password is `PASSWORD`."""
        made = Account(name=name or f"{role} person", role=role)
        with self.database.begin() as connection:
            people.put_account(connection, made, _hashed(PASSWORD), self.clock())
        return made.name

    def session(self, role: Role) -> str:
        """A session of somebody of a role."""
        name = self.account(role)
        with self.database.begin() as connection:
            return people.begin_session(connection, name, self.clock())

    def signed_in(self, role: Role, *, raises: bool = True) -> Visitor:
        """Somebody of a role, at the desk."""
        session = self.session(role)
        client = self.client(raises=raises)
        client.cookies.set(COOKIE, session)
        return Visitor(client, session)

    def puller(self) -> httpx.Client:
        """A system with an API token."""
        made = self.team.make_token(f"token {len(self.team.tokens())}", "the operator")
        client = self.client()
        client.headers["authorization"] = f"Bearer {made}"
        return client

    # Stories

    def ticket(self, number: int = 1, praise: str = PRAISE, **customer: str) -> Ticket:
        """A conversation in which a customer was delighted."""
        values = {"id": f"c-{number}", "name": "Anna Berg", "email": f"anna{number}@example.org", **customer}
        turns = ("customer: the import failed", "agent: I repaired it.", f"customer: {praise}")
        made = make_ticket(*turns, id=f"T-{number}", status="open", customer=Customer(**values))
        with self.database.begin() as connection:
            ticketing.put(connection, made, self.clock())
        return made

    def noticed(self, number: int = 1, ticket: Ticket | None = None, **fields: Any) -> Kept:
        """A story that nobody was asked about."""
        ticket = ticket or self.ticket(number)
        message = ticket.customer_messages[-1]
        values: dict[str, Any] = {
            "id": f"s-{number}",
            "ticket_ref": ticket.ref,
            "customer_key": customer_key(ticket),
            "customer_name": ticket.customer.name,
            "customer_company": ticket.customer.company,
            "hook": f"Fixed before they asked {number}",
            "moment": "An import failed.",
            "catalyst": "Mara repaired a row.",
            "signal": "proactive_fix",
            "play_id": "proactive-fix#repair",
            "quotes": (Quote(text=message.text, message_id=message.id),),
            "created_at": self.clock(),
            "updated_at": self.clock(),
            "by": "Mara",
        }
        story = Story(**{**values, **fields})
        self.telling.save_story(story, "Mara")
        return Kept(story.id, ticket, None, "")

    def ask(self, kept: Kept, kind: AskKind = "quote") -> Kept:
        """Ask the customer, by a message with a link."""
        words = kept.ticket.customer_messages[-1].text
        made = Ask(
            id=f"a-{kept.id}",
            ticket_ref=kept.ticket.ref,
            customer_key=kept.key,
            kind=kind,
            play_id="proactive-fix#repair",
            wording="2026-11/proactive-fix#ask",
            words=words,
            text=f"May we share this: {words}",
            created_at=self.clock(),
        ).sent("2", self.clock())
        with self.database.begin() as connection:
            asking.put(connection, made)
            address = self.telling.make_link(connection, made)
        self.telling.save_story(self.telling.story(kept.id).story, "Mara")
        return kept._replace(ask=made, token=address.rpartition("/")[2])

    def answer(self, kept: Kept, **changes: Any) -> Shown:
        """What the customer presses; by default a yes to the website and social media."""
        shown = self.telling.press(kept.token, yes_of(self.telling, kept, **changes))
        assert shown is not None
        assert not shown.problems
        return shown

    def make(self, state: Made, number: int = 1, *, place: Place = "website", **fields: Any) -> Kept:
        """A story in a state, which it reached the way stories do. `sent back`, `withdrawn`, `expired` and `erased` had left."""
        kept = self.noticed(number, **fields)
        if state == "noticed":
            return kept
        kept = self.ask(kept)
        if state == "awaiting_customer":
            return kept
        self.answer(kept, places=(place,), until="one" if state == "expired" else "open")
        if state == "awaiting_marketing":
            return kept
        self.telling.approve_story(kept.id, "Priya")
        if state == "ready":
            return kept
        self.telling.publish(kept.id, place, f"https://fernway.example/{kept.id}", "", "Priya")
        if state == "published":
            return kept
        if state == "withdrawn":
            self.answer(kept, button="withdraw")
        elif state == "sent back":
            self.telling.retract_story(kept.id, "Priya", "the product is gone")
        elif state == "erased":
            self.telling.forget(kept.key, "Lea")
        return kept  # `expired` has run out once the clock is forward a year


class Visitor(NamedTuple):
    """Somebody who is signed in."""

    client: httpx.Client
    session: str

    def get(self, path: str) -> Response:
        """Open a page."""
        return self.client.get(path)

    def post(self, path: str, **form: str) -> Response:
        """Send a form of a page of this session."""
        return self.client.post(path, data={"token": form_token(self.session), **form})


def yes_of(telling: Telling, kept: Kept, **changes: Any) -> Choice:
    """A filled in form: yes, the full name, on the website and in social media, until it is taken back."""
    words = kept.ask.words if kept.ask is not None else ""
    whole = Choice("yes", words=words, name_style="full", company=False, places=("website", "social"), until="open")
    return whole._replace(**changes)


@cache
def _hashed(password: str) -> str:
    return _quick().hash(password)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the newest form; tests copy it, which is faster than making one."""
    path = tmp_path_factory.mktemp("empty") / "delight.db"
    Database(path).close()
    return path


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed as always, but fast: what the slowness is good for is argon2's own affair."""
    monkeypatch.setattr(people, "_hasher", _quick)
    monkeypatch.setattr(people, "_nobodys_hash", lambda: _hashed("nobody's password"))


@cache
def _quick() -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def room(empty_database: Path, tmp_path: Path, clock: FakeClock, quick_hashes: None) -> Iterator[Room]:
    """The web room on an empty database."""
    shutil.copy(empty_database, tmp_path / "web.db")
    made = Database(tmp_path / "web.db")
    yield Room(made, clock, WebSettings(public_url=ADDRESS, referred_to="https://fernway.example/friends"))
    made.close()


# What a page is made of


class Element(NamedTuple):
    """A start tag, and the names of its attributes."""

    tag: str
    attributes: tuple[str, ...]


class Parsed(HTMLParser):
    """Elements, text and links of a page, as a browser finds them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.links: list[str] = []
        self.values: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, tuple(sorted(name for name, _ in attrs))))
        self.values += [value for _, value in attrs if value]
        self.links += [value for name, value in attrs if name in ("href", "src", "action") and value]

    def handle_data(self, data: str) -> None:
        self.text += data


# Real servers


@contextmanager
def served(app: ASGIApp, **options: Any) -> Iterator[str]:
    """The address of an application that really listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="off", server_header=False, **options)
        server = _Server(config)
        runs = threading.Thread(target=server.run, args=([listening],), name="web room")
        runs.start()
        try:
            assert server.listens.wait(20), "the server never listened"
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            runs.join(20)
            assert not runs.is_alive(), "the server never stopped"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


class Received(NamedTuple):
    """What a webhook's receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes


Answering = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Receiver:
    """A web server that webhooks tell; `answer` says what it answers."""

    address: str
    got: list[Received] = field(default_factory=list)
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    answer: Answering | None = None


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks on this machine."""
    kept = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.got.append(Received(self.path, headers, body))
            if kept.answer is not None:
                kept.answer(self)
                return
            self.send_response(kept.status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 (the names are the base class's)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the base class's)
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.address = f"http://127.0.0.1:{server.server_address[1]}"
    runs = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="receiver")
    runs.start()
    yield kept
    server.shutdown()
    runs.join(10)
    server.server_close()


def memory_folder() -> str | None:
    """A folder in memory where there is one: tests that make many databases need not wait for the disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
