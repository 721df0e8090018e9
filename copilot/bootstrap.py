"""The one composition root: settings in, a desk out. Nothing else builds a desk, and nothing here decides anything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from copilot.errors import UsageError
from copilot.settings import FILE_NAME, Settings, load, template

if TYPE_CHECKING:
    from copilot.asking.links import Links
    from copilot.db.engine import Database
    from copilot.desk import Brain, Desk
    from copilot.drafting.composer import Setting
    from copilot.drafting.prompts import Rendered
    from copilot.drafting.tone import ToneGuide
    from copilot.drafting.writer import ModelWriter
    from copilot.llm.redact import Redactor
    from copilot.playbook.search import Playbook
    from copilot.reading.models import Lesson
    from copilot.reading.reader import Reader
    from copilot.reading.replies import ReplyReader
    from copilot.reading.second import SecondReader
    from copilot.stories.writer import StoryWriter
    from copilot.team import Team
    from copilot.telling import Telling
    from copilot.tickets.models import Ticket
    from copilot.tickets.outbox import Outbox

HOME = Path(__file__).parent
DEMO_QUEUE = "fernway"
DEMO_SETTINGS = {
    "agent": "Mara",
    "company": "Fernway",
    "team": "Fernway Support",
    "team_address": "help@fernway.example",
}


def starter(name: str) -> Path:
    """The `playbooks` or `prompts` that come with the program: in a checkout beside the code, in a wheel inside it."""
    beside = HOME.parent / name
    return beside if (HOME.parent / "pyproject.toml").exists() and beside.is_dir() else HOME / "starter" / name


@dataclass
class Workspace:
    """One workspace, its parts made when they are first asked for."""

    settings: Settings
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def playbooks(self) -> Path:
        return self.settings.resolve(self.settings.playbooks)

    @property
    def prompts(self) -> Path:
        folder = self.settings.resolve(self.settings.prompts)
        return folder if folder.is_dir() else starter("prompts")

    @property
    def index(self) -> Path:
        return self.settings.resolve(self.settings.index)

    @cached_property
    def database(self) -> Database:
        from copilot.db.engine import Database

        return Database(self.settings.resolve(self.settings.database))

    @cached_property
    def brain(self) -> Brain:
        from copilot.desk import Brain

        return Brain(self._load_brain, self._reply_reader, self._second if self.settings.reading.model else None)

    def _load_brain(self) -> tuple[Reader, Playbook]:
        from threadpoolctl import threadpool_limits

        from copilot.playbook.search import Playbook
        from copilot.reading.encoder import OnnxEncoder
        from copilot.reading.heads import SHIPPED, Heads
        from copilot.reading.model import OnnxModel
        from copilot.reading.reader import Reader

        threadpool_limits(1, user_api="blas")  # numpy's threads go on turning when done, on a core that a network needs
        encoder = OnnxEncoder(self.index / "encoder")
        playbook = Playbook(self.index, encoder)
        own = playbook.folder / "own-heads.npz"
        enabled = frozenset(playbook.definitions)
        taught = playbook.folder / "heads.npz"
        heads = Heads.load(taught if taught.exists() else SHIPPED)
        team = Heads.load(own) if own.exists() else None
        reader = Reader(OnnxModel(self.index / "reader"), heads, team, encoder, enabled)
        return reader, playbook

    def _reply_reader(self) -> ReplyReader:
        """What reads replies to asks."""
        from copilot.reading.heads import Heads
        from copilot.reading.model import OnnxModel
        from copilot.reading.replies import SHIPPED_REPLIES, ReplyReader

        return ReplyReader(OnnxModel(self.index / "replies"), Heads.load(SHIPPED_REPLIES))

    def _second(self, reader: Reader, playbook: Playbook) -> SecondReader:
        """The model that reads beside the offline reader."""
        from copilot.drafting.prompts import prompt_of
        from copilot.llm.client import LlmClient
        from copilot.reading.second import SecondReader
        from copilot.reading.store import StoredOpinions

        prompt = prompt_of(self.prompts, "read")
        llm = self.settings.llm
        client = LlmClient(llm.models(self.settings.reading.model), llm, self.database, self.clock)

        def ask(ticket: Ticket) -> str:
            told, redactor = self.reading_prompt(ticket)
            return redactor.show(client.complete(told.messages, task="read", prompt_version=told.name).text)

        name = f"{self.settings.reading.model} {prompt.name}"
        labels = frozenset(f"{d.kind}:{d.id}" for d in playbook.definitions.values())
        grave = frozenset(d.id for d in playbook.definitions.values() if d.severity == "high")
        return SecondReader(reader, ask, name, StoredOpinions(self.database), labels, grave)

    def reading_prompt(self, ticket: Ticket) -> tuple[Rendered, Redactor]:
        """What a model is told to read a ticket, letter for letter, and what turns its placeholders back.

        Raises:
            NotFound: There is no such prompt.
            PageError: A prompt does not parse.
        """
        from copilot.drafting.prompts import prompt_of, read_prompt
        from copilot.llm.redact import Redactor

        redactor = Redactor(ticket.names, ticket.customer.country)
        hide = str if self.settings.llm.trusted else redactor.hide
        definitions = tuple(self.brain.get()[1].definitions.values())
        return read_prompt(prompt_of(self.prompts, "read"), definitions, ticket, hide), redactor

    def lessons(self) -> list[Lesson]:
        """Corrections to learn from; none where there is no database yet."""
        from copilot.reading.store import lessons

        if not self.settings.resolve(self.settings.database).exists():
            return []
        with self.database.read() as connection:
            return lessons(connection)

    @cached_property
    def desk(self) -> Desk:
        from copilot.asking.policy import load_policy
        from copilot.desk import Desk

        return Desk(
            self.database,
            self.brain,
            lambda: load_policy(self.playbooks),
            self._outbox(),
            self.setting,
            self.clock,
            self._writer(),
            self.tone_guide,
            self._story_writer(),
            self.telling,
        )

    @cached_property
    def team(self) -> Team:
        """Accounts, API tokens, webhooks."""
        from copilot.stories.webhooks import Deliverer
        from copilot.team import Team

        deliverer = Deliverer(allow_private=self.settings.web.private_webhooks)
        return Team(self.database, self.telling, deliverer, self.clock)

    def _links(self) -> Links:
        """What signs customers' links."""
        from copilot.asking.links import Links, load_secret

        return Links(load_secret(self.settings.workspace))

    def _outbox(self) -> Outbox:
        """Where replies to queues of files are written."""
        from copilot.tickets.outbox import Outbox

        s = self.settings
        return Outbox(s.resolve(s.outbox), s.team_address, s.team)

    @cached_property
    def telling(self) -> Telling:
        """The second half of the flow."""
        from copilot.asking.consent import load_texts
        from copilot.asking.policy import load_policy
        from copilot.asking.review import load_review
        from copilot.stories.search import MeaningSearch
        from copilot.telling import House, Telling

        web = self.settings.web
        links = self._links() if web.public_url else None
        return Telling(
            self.database,
            lambda: load_policy(self.playbooks),
            self.clock,
            House(self.settings.company, web.public_url, web.referred_to),
            links,
            lambda: load_texts(self.playbooks),
            lambda: load_review(self.playbooks),
            MeaningSearch(lambda texts: self.brain.get()[1].encoder.encode(texts)),
            self._outbox(),
        )

    @property
    def setting(self) -> Setting:
        """Who writes, for whom."""
        from copilot.drafting.composer import Setting

        return Setting(agent=self.settings.agent, team=self.settings.team, company=self.settings.company)

    def tone_guide(self) -> ToneGuide:
        """The team's tone guide, with the team's own domain among those that a reply may link to.

        Raises:
            PageError: A line is wrong.
        """
        from copilot.drafting.tone import load_tone

        guide = load_tone(self.playbooks)
        own = [self.settings.team_address.rpartition("@")[2]]
        if page := urlsplit(self.settings.web.public_url).hostname:
            own.append(page)
        return guide.model_copy(update={"links": (*guide.links, *own)})

    def _writer(self) -> ModelWriter:
        """What drafts with a model."""
        from copilot.drafting.prompts import prompt_of
        from copilot.drafting.writer import ModelWriter
        from copilot.llm.client import LlmClient

        llm = self.settings.llm
        client = LlmClient(llm.models(llm.model), llm, self.database, self.clock)
        return ModelWriter(client, lambda: prompt_of(self.prompts, "draft"), self.tone_guide, llm, self.setting)

    def _story_writer(self) -> StoryWriter | None:
        """What words stories with a model, where there is one."""
        from copilot.drafting.prompts import prompt_of
        from copilot.llm.client import LlmClient
        from copilot.stories.writer import StoryWriter

        llm = self.settings.llm
        if not (models := llm.models(llm.story_model or llm.model)):
            return None
        client = LlmClient(models, llm, self.database, self.clock)
        return StoryWriter(client, lambda: prompt_of(self.prompts, "story"), llm, self.settings.company)

    def close(self) -> None:
        """Release files."""
        if "brain" in self.__dict__:
            self.brain.close()
        if "database" in self.__dict__:
            self.database.close()


def open_workspace(folder: Path | None = None, **flags: object) -> Workspace:
    """The workspace in `folder`, in DELIGHT_WORKSPACE, or here.

    Raises:
        SettingsError: A setting is wrong.
        UsageError: The folder is not there.
    """
    where = folder or Path(os.environ.get("DELIGHT_WORKSPACE", "."))
    if not where.is_dir():
        raise UsageError(f"{where} is not a folder.", hint="`delight init DIR` makes a workspace.")
    return Workspace(load(where, **flags))


def make_workspace(folder: Path, **values: str) -> list[Path]:
    """Write `delight.toml` and the starter playbook and prompts into `folder`; return what was written.

    Nothing that is there already is touched.

    Raises:
        UsageError: The folder is a workspace already, or cannot be written.
    """
    if (folder / FILE_NAME).exists():
        raise UsageError(f"{folder / FILE_NAME} is there already.", hint="Choose another folder, or edit that file.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name in ("playbooks", "prompts"):
            target = folder / name
            if not target.exists():
                shutil.copytree(starter(name), target)
                written.append(target)
        (folder / FILE_NAME).write_text(template(**values), "utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}.") from error
    return [folder / FILE_NAME, *written]


def demo_workspace(folder: Path) -> Workspace:
    """The demo's workspace: in a checkout on the checkout's own playbooks and index, elsewhere on copies."""
    if not (folder / FILE_NAME).exists():
        values = dict(DEMO_SETTINGS)
        if (HOME.parent / "pyproject.toml").exists():
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("playbooks", "prompts", "index"):
                values[name] = str(HOME.parent / name)
            (folder / FILE_NAME).write_text(template(**values), "utf-8")
        else:
            make_workspace(folder, **values)
    return Workspace(load(folder))
