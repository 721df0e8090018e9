"""A web desk that really listens, on a workspace of its own, and a browser to press its buttons."""

from __future__ import annotations

import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from copilot.accounts.models import Role
from copilot.asking.consent import load_texts
from copilot.asking.links import Links
from copilot.asking.models import Ask
from copilot.asking.policy import load_policy
from copilot.asking.review import load_review
from copilot.db.engine import Database
from copilot.desk import Brain, Desk
from copilot.drafting.composer import Setting
from copilot.drafting.tone import load_tone
from copilot.settings import WebSettings
from copilot.stories.models import Story
from copilot.stories.webhooks import Deliverer
from copilot.team import Team
from copilot.telling import House, Telling
from copilot.tickets import store
from copilot.tickets.models import Customer, Ticket
from copilot.web.app import make_app
from tests.conftest import PLAYBOOKS, make_ticket
from tests.fakes import FakeClock, FakeSender

CHROMIUM = "/usr/bin/chromium"
PATIENCE_SECONDS = 20.0
PASSWORD = "a few plain words"
PHONE = (375, 740)
SCREEN = (1280, 900)
SCREENSHOTS = os.environ.get("DELIGHT_SCREENSHOTS", "")
"""A folder into which every page that a test looks at is drawn; empty draws none. Read before tests forget the environment."""
WORDS = "That was amazing, I cannot thank you enough!"
"""What the ask quotes of the customer's praise."""


def happy_ticket(locale: str = "en", name: str = "Anna Berg", company: str = "", number: int = 1) -> Ticket:
    """A conversation that is worth asking about."""
    customer = Customer(
        id=f"c-{number}", name=name, email=f"c{number}@example.org", company=company, locale=locale, country="NL"
    )
    turns = (
        "customer: my import failed again and the launch is at noon",
        "agent: I found a bad row in your file before it could break the launch, and repaired it.",
        f"customer: You spotted the broken row before I even knew about it and fixed it for us. {WORDS}",
    )
    return make_ticket(*turns, id=f"T-{number}", customer=customer)


@dataclass
class OpenHouse:
    """A workspace whose web desk listens at `address`."""

    address: str
    desk: Desk
    telling: Telling
    links: Links
    team: Team
    clock: FakeClock
    sender: FakeSender

    def put(self, ticket: Ticket) -> None:
        """A conversation, read as a moment."""
        with self.telling.database.begin() as connection:
            store.put(connection, ticket, self.clock())
        self.desk.read_all()
        self.desk.correct(ticket.ref, "signal", "proactive_fix")

    def ask(self, ticket: Ticket) -> tuple[Ask, str]:
        """Ask the customer of a conversation; return the ask and the link in the mail that they got."""
        self.put(ticket)
        return self.send_ask(ticket.ref)

    def send_ask(self, ref: str) -> tuple[Ask, str]:
        """Send what the ask key adds in a conversation."""
        draft, ask = self.desk.add_ask(self.desk.draft(ref))
        while "[[" in draft.text:
            start, end = draft.text.index("[["), draft.text.index("]]") + 2
            draft = self.desk.save(draft, draft.text[:start] + "the repaired row" + draft.text[end:])
        self.desk.send(draft, draft.text)
        found = re.search(re.escape(self.address) + r"/p/[\w.-]+", self.sender.sent[-1][1])
        assert found is not None, self.sender.sent[-1][1]
        return ask, found.group().rstrip(".")

    def story(self, ticket: Ticket) -> Story:
        """Keep the story of a conversation."""
        return self.desk.save_story(self.desk.new_story(ticket.ref)).story

    def account(self, role: Role) -> str:
        """An account of a role; its name. The password is `PASSWORD`."""
        return self.team.put_account(f"{role.title()} person", role, PASSWORD, "the operator").name

    def sign_in(self, page: Page, role: Role) -> None:
        """Sign in at the desk as somebody of a role."""
        name = self.account(role)
        page.goto(f"{self.address}/sign-in")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.address}/stories")


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@pytest.fixture
def house(
    database: Database, brain: Brain, sender: FakeSender, clock: FakeClock, tmp_path: Path
) -> Iterator[OpenHouse]:
    """A real workspace in a folder of its own, and its web desk on a free port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        links = Links(b"x" * 32)
        telling = Telling(
            database,
            lambda: load_policy(PLAYBOOKS),
            clock,
            House("Fernway", address, ""),
            links,
            lambda: load_texts(PLAYBOOKS),
            lambda: load_review(PLAYBOOKS),
        )
        team = Team(database, telling, Deliverer(), clock)
        setting = Setting(agent="Mara", team="Fernway Support", company="Fernway")
        guide = load_tone(PLAYBOOKS).model_copy(update={"links": ("127.0.0.1",)})
        policy = telling.policy
        desk = Desk(database, brain, policy, sender, setting, clock, guide=lambda: guide, telling=telling)
        app = make_app(telling, team, WebSettings(public_url=address))
        server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False))
        runs = threading.Thread(target=server.run, args=([listening],), name="web desk")
        runs.start()
        try:
            assert server.listens.wait(PATIENCE_SECONDS), "the web desk never listened"
            yield OpenHouse(address, desk, telling, links, team, clock, sender)
        finally:
            server.should_exit = True
            runs.join(PATIENCE_SECONDS)
            assert not runs.is_alive(), "the web desk never stopped"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module that uses it.

    It does not outlive the module: while it runs, Playwright's event loop counts as running in this thread, and no
    asynchronous test could start one.
    """
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"{CHROMIUM} is not installed: `apt install chromium`")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


NewPage = Callable[..., Page]


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """A page in a context of its own: `new_page(PHONE, scripts=False, locale="de")`."""
    contexts: list[BrowserContext] = []

    def make(size: tuple[int, int] = SCREEN, *, scripts: bool = True, locale: str = "en", dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=scripts,
            locale=locale,
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def phone(new_page: NewPage) -> Page:
    """A customer's small screen that runs no scripts."""
    return new_page(PHONE, scripts=False)


@pytest.fixture
def screen(new_page: NewPage) -> Page:
    """A desk's screen."""
    return new_page()


def draw(page: Page, name: str) -> None:
    """Keep a picture of a page, where somebody wants to look at them."""
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)
