"""The flow: open a ticket, guide, draft, approve, send, ask, record, tell. Every front door calls this and nothing beneath.

What must not live here: rendering, vendor libraries, rules (rooms own them). One method, one user action, one transaction.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol
from uuid import uuid4

from sqlalchemy import Connection, exists, false, select

from copilot.accounts import store as people
from copilot.asking import review
from copilot.asking import store as asking
from copilot.asking.compose import ask_play, compose_ask, with_link
from copilot.asking.gate import Known, judge, judge_again
from copilot.asking.models import YES, Answer, Ask, Entry, Kind, Policy, Terms, Verdict
from copilot.db.engine import Database
from copilot.drafting import store as drafting
from copilot.drafting.asks import asks_in
from copilot.drafting.checks import check
from copilot.drafting.composer import (
    Setting,
    best_quote,
    compose,
    default_tone,
    duration_words,
    insert_play,
    quotable,
    slot_values,
    text_of,
)
from copilot.drafting.context import CheckContext
from copilot.drafting.learning import Phrase, outcomes, phrases
from copilot.drafting.merge import merged
from copilot.drafting.models import Draft, Length, Part, Source
from copilot.drafting.prompts import Rendered
from copilot.drafting.tone import ToneGuide
from copilot.drafting.writer import ModelWriter, Written
from copilot.errors import Conflict, DelightError, ModelFault, NotFound, PageError, RefusedAction
from copilot.playbook import store as guiding
from copilot.playbook.conditions import Facts, facts
from copilot.playbook.decide import escalations, walk
from copilot.playbook.models import GROUNDED, AskKind, Escalation, Match, Page, Play, Tone, Walk
from copilot.reading import store as reading_store
from copilot.reading.models import HAPPY, UNHAPPY, Correction, Reading, ReplyReading, SignalDefinition
from copilot.scoring.drafts import DraftScore, draft_scores
from copilot.scoring.funnel import Funnel
from copilot.stories import store as telling
from copilot.stories.compose import compose_story
from copilot.stories.models import Export, Quote, Standing, Story
from copilot.telling import Telling
from copilot.text import digest
from copilot.tickets import store as ticketing
from copilot.tickets.models import Message, Ticket

if TYPE_CHECKING:  # numpy and the models behind these load with the brain, after the first paint
    from copilot.llm.redact import Redactor
    from copilot.playbook.search import Playbook
    from copilot.reading.reader import Reader
    from copilot.reading.replies import ReplyReader
    from copilot.reading.second import SecondReader
    from copilot.stories.writer import StoryWriter

Clock = Callable[[], datetime]
View = Literal["needs", "moments", "all", "done"]
VIEWS: tuple[View, ...] = ("needs", "moments", "all", "done")
READ_BATCH = 64
FACT_TEXT = 2_000
ASK_SEPARATOR = "\n\n"


class Wish(NamedTuple):
    """How a reply is to be written; no tone is what mood and page suggest."""

    tone: Tone | None = None
    length: Length = "normal"
    variant: int = 0


class Sender(Protocol):
    """Takes a reply to where the ticket came from."""

    def send(self, ticket: Ticket, text: str, author: str, key: str, at: datetime) -> Message:
        """Send, exactly once for one `key`; return the reply as a message of the thread.

        Raises:
            QueueFault: It could not be sent; nothing was.
            RefusedAction: The ticket cannot be answered.
        """
        ...


class QueueRow(NamedTuple):
    """One line of the queue; `rank` is what it is sorted by (0 an escalation that is due … 4 nothing to do)."""

    ref: str
    customer: str
    title: str
    status: str
    opened_at: datetime
    last_at: datetime
    waiting_since: datetime | None
    mood: str
    signals: tuple[str, ...]
    risks: tuple[str, ...]
    moment: bool
    due_at: datetime | None
    due_to: str
    rank: int

    @property
    def delight(self) -> tuple[str, ...]:
        return tuple(name for name in self.signals if name != "resolved_thanks")


class Guidance(NamedTuple):
    """What the copilot says beside a ticket."""

    matches: tuple[Match, ...]
    escalations: tuple[Escalation, ...]
    walk: Walk | None
    """The decision that matches, walked as far as it goes; None where no page has one."""
    verdict: Verdict
    ask_play: Play | None
    quote: str
    again: bool = False
    """Whether `quote` is other words than those they agreed to, which somebody wants them asked about."""
    kinds: Mapping[AskKind, Kind] = MappingProxyType({})
    """What each kind of ask asks of the customer, and what follows a yes."""


class Basis(NamedTuple):
    """All that a reply is written from."""

    ticket: Ticket
    reading: Reading
    guidance: Guidance
    wish: Wish

    @property
    def dial(self) -> Tone:
        """Where the dial stands; never at celebration for the unhappy."""
        page = self.guidance.matches[0].page if self.guidance.matches else None
        tone = self.wish.tone or default_tone(self.reading, page)
        return "calm" if tone == "celebratory" and self.reading.mood in UNHAPPY else tone


@dataclass(frozen=True)
class Opened:
    """A ticket from the store, with all that is kept beside it; the reading is None when it must be read first."""

    ticket: Ticket
    reading: Reading | None
    draft: Draft | None
    asks: tuple[Ask, ...]
    entries: tuple[Entry, ...]
    story: Standing | None


@dataclass(frozen=True)
class Read:
    """The reading is there."""

    ref: str
    reading: Reading


@dataclass(frozen=True)
class Guided:
    """The guidance is there."""

    ref: str
    guidance: Guidance


@dataclass(frozen=True)
class Failed:
    """A step could not be done; the steps before it stand."""

    ref: str
    error: DelightError


Event = Opened | Read | Guided | Failed


@dataclass(frozen=True)
class DraftDelta:
    """A draft as far as a model has written it; `text` is all of it, and may be shorter than before where it began anew."""

    ref: str
    text: str


@dataclass(frozen=True)
class DraftReady:
    """The draft is whole, and kept."""

    ref: str
    draft: Draft


DraftEvent = DraftDelta | DraftReady | Failed


class Brain:
    """Reader and playbook, loaded at first use in whichever thread needs them; replaced whole by a rebuild.

    Args:
        load: Makes them.
        replies: Makes what reads replies to asks.
        second: Makes the reader that asks a model too, where the operator has one.
    """

    def __init__(
        self,
        load: Callable[[], tuple[Reader, Playbook]],
        replies: Callable[[], ReplyReader],
        second: Callable[[Reader, Playbook], SecondReader] | None = None,
    ) -> None:
        self._load = load
        self._replies = replies
        self._second = second
        self._lock = threading.Lock()
        self._loaded: tuple[Reader, Playbook] | None = None

    def get(self) -> tuple[Reader, Playbook]:
        """Reader and playbook.

        Raises:
            IndexFault: Nothing is built yet.
        """
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    @cached_property
    def second(self) -> SecondReader | None:
        """The reader that asks a model too; None where there is none.

        Raises:
            IndexFault: Nothing is built yet.
            DelightError: Its prompt is missing or does not parse.
        """
        return self._second(*self.get()) if self._second is not None else None

    @cached_property
    def standing(self) -> frozenset[str] | None:
        """Versions of the readers whose readings stand; None where that cannot be told, since the model's prompt is broken.

        Raises:
            IndexFault: Nothing is built yet.
        """
        try:
            second = self.second
        except (NotFound, PageError):
            return None
        return frozenset({self.get()[0].version} | ({second.version} if second else set()))

    @cached_property
    def replies(self) -> ReplyReader:
        """What reads replies to asks.

        Raises:
            IndexFault: Nothing is built yet.
        """
        return self._replies()

    def warm(self) -> None:
        """Load and run everything once."""
        reader, playbook = self.get()
        reader.model.warm()
        playbook.warm()

    def close(self) -> None:
        """Release files."""
        if self._loaded is not None:
            self._loaded[1].close()
            self._loaded = None


class Desk:
    """The one flow.

    Args:
        database: The store.
        brain: Reader and playbook.
        policy: Reads the asking policy; called when a verdict is due, so that an edit counts at once.
        sender: Where replies go.
        setting: Who writes, for whom.
        clock: Tells the time, aware.
        writer: Drafts with a model, where the operator has one.
        guide: Reads the tone guide; called when a draft is checked, so that an edit counts at once.
        storyteller: Words stories with a model, where the operator has one.
        telling: The second half of the flow; without one, one that gives customers no page.
    """

    def __init__(
        self,
        database: Database,
        brain: Brain,
        policy: Callable[[], Policy],
        sender: Sender,
        setting: Setting,
        clock: Clock = lambda: datetime.now(UTC),
        writer: ModelWriter | None = None,
        guide: Callable[[], ToneGuide] = ToneGuide,
        storyteller: StoryWriter | None = None,
        telling: Telling | None = None,
    ) -> None:
        self.database = database
        self.brain = brain
        self.policy = policy
        self.sender = sender
        self.setting = setting
        self.clock = clock
        self.writer = writer
        self.guide_of_tone = guide
        self.storyteller = storyteller
        self.telling = telling or Telling(database, policy, clock)

    @property
    def has_model(self) -> bool:
        """Whether a model drafts."""
        return self.writer is not None and bool(self.writer.client.models)

    def warm_model(self) -> None:
        """Load what calls models (seconds), where there is one."""
        if self.has_model:
            from copilot.llm.client import preload

            preload()

    # The queue

    def queue(self, view: View = "all") -> list[QueueRow]:
        """The rows of a view, what needs a person first. Needs no model: everything is stored."""
        return self.queues()[view]

    def queues(self) -> dict[View, list[QueueRow]]:
        """Every view at once, from one query."""
        t, r = ticketing.tickets.c, reading_store.readings.c
        asked = exists().where(asking.asks.c.ticket_ref == t.ref, asking.asks.c.sent_at.is_not(None))
        told = exists().where(telling.stories.c.ticket_ref == t.ref)
        query = select(
            t.ref,
            t.customer_name,
            t.title,
            t.status,
            t.opened_at,
            t.last_at,
            t.waiting_since,
            r.mood,
            r.signals,
            r.risks,
            r.moment,
            r.due_at,
            r.due_to,
            (asked | told).label("kept"),
        ).select_from(ticketing.tickets.outerjoin(reading_store.readings))
        now = self.clock()
        rows = []
        with self.database.read() as connection:
            for row in connection.execute(query):
                made = QueueRow(
                    row.ref,
                    row.customer_name,
                    row.title,
                    row.status,
                    row.opened_at,
                    row.last_at,
                    row.waiting_since,
                    row.mood or "",
                    tuple(row.signals or ()),
                    tuple(row.risks or ()),
                    bool(row.moment),
                    row.due_at,
                    row.due_to or "",
                    4,
                )
                rows.append(made._replace(rank=_rank(made, bool(row.kept), now)))
        rows.sort(key=_order)
        return {view: [row for row in rows if _in_view(row, view)] for view in VIEWS}

    def funnel(self) -> Funnel:
        """Counts from moment to published story."""
        return self.telling.funnel()

    def unread(self) -> list[str]:
        """Refs of tickets that have no reading of their present version, or where not closed only one by another reader.

        Raises:
            IndexFault: The reader is not built.
        """
        t, r = ticketing.tickets.c, reading_store.readings.c
        query = select(t.ref).select_from(ticketing.tickets.outerjoin(reading_store.readings))
        missing = r.ref.is_(None) | (r.ticket_version != t.version)
        standing = self.brain.standing
        by_another = (t.status != "closed") & r.reader.not_in(standing) if standing else false()
        with self.database.read() as connection:
            return list(connection.execute(query.where(missing | by_another)).scalars())

    def read_all(self, progress: Callable[[int, int], None] = lambda *_: None) -> int:
        """Read every ticket that `unread` names; return how many.

        Raises:
            IndexFault: The reader is not built.
        """
        total = 0
        for done, total in self.reading():
            progress(done, total)
        return total

    def reading(self) -> Iterator[tuple[int, int]]:
        """Read every ticket that `unread` names, a batch a step; yields how many are done, of how many.

        Raises:
            IndexFault: The reader is not built.
        """
        refs = self.unread()
        yield 0, len(refs)
        for start in range(0, len(refs), READ_BATCH):
            part = refs[start : start + READ_BATCH]
            self._read_batch(part)
            yield start + len(part), len(refs)

    def _read_batch(self, refs: Sequence[str]) -> None:
        """Read tickets and keep the readings, but where a ticket has gone on or was read meanwhile.

        Where a model answered about these very words before, its answer counts; it is not asked here.
        """
        reader, playbook = self.brain.get()
        with self.database.read() as connection:
            tickets = [ticket for ref in refs if (ticket := _there(connection, ref)) is not None]
        fresh = reader.read_many(tickets)
        second = self.brain.second if self.brain.standing else None
        if second is not None:
            fresh = [second.recall(ticket, reading) for ticket, reading in zip(tickets, fresh, strict=True)]
        t = ticketing.tickets.c
        with self.database.begin(durable=False) as connection:
            rows = connection.execute(select(t.ref, t.version).where(t.ref.in_(refs)))
            versions = {row.ref: row.version for row in rows}
            for ticket, reading in zip(tickets, fresh, strict=True):
                same = versions.get(ticket.ref) == ticket.version
                if same and not self._stands(ticket, reading_store.get(connection, ticket.ref)):
                    self._keep(connection, ticket, reading, playbook)

    def refresh_due(self) -> None:
        """Evaluate the escalation rules again, and close asks that ran out: time passes even where nobody writes."""
        self.telling.expire()
        self.telling.count_resolved()
        _, playbook = self.brain.get()
        now = self.clock()
        t, r = ticketing.tickets.c, reading_store.readings.c
        query = (
            select(t.ref, t.waiting_since, t.opened_at, r.facts, r.due_at, r.due_to)
            .join(reading_store.readings)
            .where(t.status.in_(["open", "pending"]))
        )
        with self.database.read() as connection:
            rows = connection.execute(query).all()
            told = guiding.all_told(connection)
        changed = []
        for row in rows:
            if not row.facts:
                continue
            kept = dict(row.facts)
            since = row.waiting_since or datetime.fromisoformat(kept.pop("since", row.opened_at.isoformat()))
            kept.pop("since", None)
            known = Facts({**kept, **_times(row.waiting_since, row.opened_at, now)})
            due_at, due_to = _due(escalations(playbook.pages, known, since, told.get(row.ref, frozenset())))
            if (due_at, due_to) != (row.due_at, row.due_to):
                changed.append({"ref": row.ref, "due_at": due_at, "due_to": due_to})
        if changed:
            table = reading_store.readings
            with self.database.begin() as connection:
                for values in changed:
                    connection.execute(table.update().where(table.c.ref == values.pop("ref")).values(**values))

    # One ticket

    def ticket(self, ref: str) -> Ticket:
        """The stored ticket.

        Raises:
            NotFound: There is none.
        """
        with self.database.read() as connection:
            return ticketing.get(connection, ref)

    def find(self, wanted: str) -> str:
        """The ref meant by `queue/id` or by an id alone.

        Raises:
            NotFound: None, or more than one queue has that id.
        """
        t = ticketing.tickets.c
        with self.database.read() as connection:
            query = select(t.ref).where((t.ref == wanted) | (t.id == wanted))
            refs: list[str] = list(connection.execute(query).scalars())
        if wanted in refs:
            return wanted
        if not refs:
            raise NotFound(f"There is no ticket {wanted}.", hint="`delight sync` reads the queues again.")
        if len(refs) > 1:
            raise NotFound(f"{wanted} is in more than one queue.", hint="Write " + " or ".join(refs) + ".")
        return refs[0]

    async def open(self, ref: str) -> AsyncIterator[Event]:
        """Open a ticket: first what is stored, then the reading where it is missing or no longer stands, then the guidance.

        Of a thread not read before the last message is read first, since guidance rests on it alone; the mood of the
        messages before it comes after.
        """
        try:
            opened = await asyncio.to_thread(self.opened, ref)
            yield opened
            first = opened.reading
            stands = await asyncio.to_thread(self._stands, opened.ticket, first)
            if first is None or not stands:
                read = asyncio.to_thread(self._read_target, opened.ticket)
                first = (await asyncio.gather(read, asyncio.to_thread(self._prepare, opened.ticket)))[0]
                yield Read(ref, first)
            yield Guided(ref, await asyncio.to_thread(self.guide, ref, first))
            if not stands:
                whole = await asyncio.to_thread(self.read, ref)
                if whole != first:
                    yield Read(ref, whole)
            second = await asyncio.to_thread(self.read_second, ref)
            if second is not None:
                yield Read(ref, second)
                yield Guided(ref, await asyncio.to_thread(self.guide, ref))
        except DelightError as error:
            yield Failed(ref, error)

    def opened(self, ref: str) -> Opened:
        """What is stored of a ticket.

        Raises:
            NotFound: There is none.
        """
        with self.database.read() as connection:
            ticket = ticketing.get(connection, ref)
            reading = reading_store.get(connection, ref)
            story = telling.of_ticket(connection, ref)
            return Opened(
                ticket=ticket,
                reading=reading if reading is not None and reading.ticket_version == ticket.version else None,
                draft=drafting.open_draft(connection, ref),
                asks=tuple(asking.of_ticket(connection, ref)),
                entries=tuple(asking.entries(connection, ref=ref)),
                story=telling.get_standing(connection, story.id, self.clock()) if story else None,
            )

    def read(self, ref: str) -> Reading:
        """Read a ticket now and keep the reading.

        Raises:
            IndexFault: The reader is not built.
        """
        ticket = self.ticket(ref)
        reader, playbook = self.brain.get()
        reading = reader.read(ticket)
        with self.database.begin(durable=False) as connection:
            return self._keep(connection, ticket, reading, playbook)

    def read_second(self, ref: str) -> Reading | None:
        """Read a ticket with the model too and keep that; None where there is no model, or it has read these words."""
        _, playbook = self.brain.get()
        with self.database.read() as connection:
            ticket, reading = self._with_reading(connection, ref)
        try:
            second = self.brain.second
        except (NotFound, PageError) as error:  # its prompt: the offline reading stands, and so does the guidance
            return reading.model_copy(update={"note": f"read offline: {error}"})
        if second is None:
            return None
        if reading.reader == second.version or not reading.read:
            return None
        found = second.second(ticket, self.brain.get()[0].read(ticket))
        with self.database.begin(durable=False) as connection:
            return self._keep(connection, ticket, found, playbook)

    def _read_target(self, ticket: Ticket) -> Reading:
        """The reading of the last message alone, corrections applied; not kept."""
        reading = self.brain.get()[0].read_many([ticket], path=1)[0]
        with self.database.read() as connection:
            return reading_store.corrected(reading, ticket, reading_store.corrections_of(connection, ticket.ref))

    def _prepare(self, ticket: Ticket) -> None:
        """Encode what the guidance will search with, on another core than the reader's."""
        self.brain.get()[1].prepare(ticket)

    def guide(self, ref: str, reading: Reading | None = None) -> Guidance:
        """Plays, escalations, decision and verdict for a ticket that was read.

        Args:
            reading: What was just read of it; None takes the stored one.

        Raises:
            IndexFault: The playbook is not built.
            PageError: The asking policy does not parse.
        """
        with self.database.read() as connection:
            ticket, stored = (
                (ticketing.get(connection, ref), reading) if reading else self._with_reading(connection, ref)
            )
            return self._guide(connection, ticket, stored)

    def correct(
        self, ref: str, field: Literal["mood", "signal", "risk"], name: str, *, present: bool = True
    ) -> Reading:
        """Record that the reader was wrong; the correction wins at once and for every later reading of these words.

        Raises:
            RefusedAction: The customer wrote nothing, or nobody is named.
        """
        ticket = self.ticket(ref)
        by = self.who()
        if ticket.target is None:
            raise RefusedAction("There is nothing to correct: the customer has not written.")
        reader, playbook = self.brain.get()
        with self.database.begin() as connection:
            before = reading_store.get(connection, ref)
            was = before.mood if before and field == "mood" else ""
            correction = Correction(
                ticket_ref=ref,
                ticket_version=ticket.version,
                target=ticket.target.id,
                field=field,
                name=name,
                present=present,
                was=was,
                by=by,
                at=self.clock(),
            )
            reading_store.add_correction(connection, correction)
            return self._keep(connection, ticket, before or reader.read(ticket), playbook)

    def told(self, ref: str, escalation: Escalation) -> None:
        """Record that an escalation was passed on to whom it concerns."""
        by = self.who()
        _, playbook = self.brain.get()
        with self.database.begin() as connection:
            guiding.tell(connection, ref, escalation.citation, escalation.to, by, self.clock())
            ticket, reading = self._with_reading(connection, ref)
            self._keep(connection, ticket, reading, playbook)

    def answer_decision(self, ref: str, play_id: str, question: str, *, answer: bool) -> Walk:
        """Answer the open question of a decision; return how far it leads now.

        Raises:
            NotFound: The playbook has no such decision (it was rebuilt meanwhile).
        """
        by = self.who()
        with self.database.begin() as connection:
            kept = guiding.walk_of(connection, ref)
            answers = dict(kept[1]) if kept and kept[0] == play_id else {}
            answers[question] = answer
            guiding.put_walk(connection, ref, play_id, answers, by, self.clock())
            ticket, reading = self._with_reading(connection, ref)
            return self._walked(ticket, reading, play_id, answers, by)

    def reset_decision(self, ref: str, play_id: str) -> Walk:
        """Forget the answers given and walk a decision from the start."""
        with self.database.begin() as connection:
            guiding.put_walk(connection, ref, play_id, {}, self.who(), self.clock())
            ticket, reading = self._with_reading(connection, ref)
            return self._walked(ticket, reading, play_id, {}, "")

    # Drafting

    def draft(self, ref: str, tone: Tone | None = None, length: Length = "normal") -> Draft:
        """Draft a reply, replacing an open draft of the ticket but for the words a person wrote in it.

        With a model where there is one and it answers; from the plays otherwise.

        Raises:
            IndexFault: The playbook is not built.
        """
        return self._drafted(ref, Wish(tone, length), threading.Event(), lambda _: None, None)

    async def drafting(
        self,
        ref: str,
        tone: Tone | None = None,
        length: Length = "normal",
        stop: threading.Event | None = None,
        guidance: Guidance | None = None,
    ) -> AsyncIterator[DraftEvent]:
        """`draft`, with the words as a model writes them.

        Args:
            stop: Setting it ends the writing, and what has come is the draft.
            guidance: What stands beside the ticket, where it was found before: it need not be found again.
        """
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[DraftEvent | None] = asyncio.Queue()
        stop = stop or threading.Event()

        def tell(text: str) -> None:
            loop.call_soon_threadsafe(events.put_nowait, DraftDelta(ref, text))

        work = asyncio.create_task(asyncio.to_thread(self._drafted, ref, Wish(tone, length), stop, tell, guidance))
        work.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            yield DraftReady(ref, await work)
        except DelightError as error:
            yield Failed(ref, error)
        finally:
            stop.set()

    def preview(self, ref: str, tone: Tone | None = None, length: Length = "normal", *, model: bool = False) -> Draft:
        """The reply that the offline composer would write, or the model; nothing is kept, and an open draft stays.

        Raises:
            IndexFault: The playbook is not built.
        """
        base = self._basis(ref, Wish(tone, length))
        return self._modelled(base, threading.Event(), None) if model and self.has_model else self._composed(base)

    def prompt(self, ref: str, tone: Tone | None = None, length: Length = "normal") -> Rendered:
        """What a model is told to draft, or would be if there were one, letter for letter.

        Raises:
            IndexFault: The playbook is not built.
            NotFound: There is no drafting prompt.
            PageError: It does not parse.
        """
        return self._told(self._basis(ref, Wish(tone, length)))[0]

    def another(self, draft: Draft) -> Draft:
        """Another wording of a draft, from the plays; not kept.

        Raises:
            IndexFault: The playbook is not built.
        """
        return self._composed(self._basis(draft.ticket_ref, Wish(draft.tone, draft.length, draft.variant + 1)))

    def take(self, draft: Draft) -> Draft:
        """Make another reply, or an earlier one, the open draft of its ticket.

        Raises:
            NotFound: Its ticket is gone.
        """
        with self.database.begin() as connection:
            ticket = ticketing.get(connection, draft.ticket_ref)
            now = self.clock()
            self._discard_open(connection, draft.ticket_ref, now)
            fresh = {"id": "d-" + uuid4().hex[:12], "based_on": ticket.version, "created_at": now, "updated_at": now}
            made = draft.model_copy(update={**fresh, "state": "edited", "approved_by": "", "sent_as": ""})
            drafting.put(connection, made)
            return made

    def drafts(self, ref: str) -> list[Draft]:
        """Every draft of a ticket, the newest first."""
        with self.database.read() as connection:
            return [draft for draft in drafting.of_ticket(connection, ref) if draft.text.strip()]

    def blank_draft(self, ref: str) -> Draft:
        """An empty draft to write by hand, replacing an open draft of the ticket."""
        with self.database.begin() as connection:
            ticket = ticketing.get(connection, ref)
            now = self.clock()
            self._discard_open(connection, ref, now)
            made = Draft(
                id="d-" + uuid4().hex[:12],
                ticket_ref=ref,
                based_on=ticket.version,
                text="",
                tone="warm",
                created_at=now,
                updated_at=now,
            )
            drafting.put(connection, made)
            return made

    def save(self, draft: Draft, text: str) -> Draft:
        """Keep what the agent typed.

        Raises:
            Conflict: The draft was sent or replaced from another desk.
        """
        if text == draft.text:
            return draft
        with self.database.begin() as connection:
            return self._edited(connection, draft, text, None)

    def discard(self, draft: Draft) -> None:
        """Throw a draft away, and the ask in it."""
        now = self.clock()
        with self.database.begin() as connection:
            self._still_open(connection, draft)
            self._discard_open(connection, draft.ticket_ref, now)
            drafting.add_outcomes(connection, outcomes(draft, "", (now - draft.created_at).total_seconds()), now)

    def insert(self, draft: Draft, play: Play) -> Draft:
        """Put a play into a draft, before the signature.

        Raises:
            RefusedAction: The play has no phrasing for this setting of the dial.
        """
        with self.database.begin() as connection:
            ticket, reading = self._with_reading(connection, draft.ticket_ref)
            guidance = self._guide(connection, ticket, reading)
            values = slot_values(ticket, reading, self.setting, guidance.walk, _first(guidance.escalations))
            text, part = insert_play(draft.text, play, ticket, draft.tone, values, reading.language)
            if part is None:
                raise RefusedAction(f"{play.title} has no phrasing for the tone {draft.tone}.", hint="Turn the dial.")
            return self._edited(connection, draft, text, part)

    def add_ask(self, draft: Draft, override: str = "") -> tuple[Draft, Ask]:
        """Add the permission-to-share ask to a draft, before the signature, quoting the customer verbatim.

        Args:
            override: Why to ask although the gate says no; kept with the ask and in the log, under the agent's name.

        Raises:
            RefusedAction: The gate says no (with its reasons), or the draft has an ask already.
        """
        with self.database.begin() as connection:
            ticket, reading = self._with_reading(connection, draft.ticket_ref)
            guidance = self._guide(connection, ticket, reading)
            wanted = self.telling.other_words(connection, ticket.ref)
            if wanted is not None and not guidance.verdict.ok:
                raise RefusedAction(f"No ask now: {guidance.verdict.why_not}.")
            if not guidance.verdict.ok:
                self._override(connection, draft.ticket_ref, guidance.verdict, override)
                play = ask_play(reading, guidance.matches, *self._pages(), self.policy())
                guidance = guidance._replace(ask_play=play)
            if wanted is None and guidance.ask_play is None:
                raise RefusedAction(
                    "No page has an `## Ask` section.", hint="Write one; playbooks/README.md shows how."
                )
            if any(
                a.state == "drafted" and a.words in draft.text for a in asking.of_ticket(connection, draft.ticket_ref)
            ):
                raise RefusedAction("The draft asks already.")
            self._drop_asks(connection, draft.ticket_ref, "")
            values = slot_values(ticket, reading, self.setting, guidance.walk, _first(guidance.escalations))
            if wanted is not None:
                ask = self.telling.ask_again(connection, ticket, wanted, values)
            else:
                assert guidance.ask_play is not None
                policy = self.policy()
                overridden = "" if guidance.verdict.ok else override.strip()
                ask = compose_ask(ticket, guidance.ask_play, values, policy, self.clock(), overridden)
                asking.put(connection, ask)
                ask = with_link(ask, policy.link_line, self.telling.make_link(connection, ask))
                asking.put(connection, ask)
                asking.unschedule(connection, draft.ticket_ref)
            text = _before_signature(draft.text, ask.text, self.setting)
            citation = guidance.ask_play.citation if guidance.ask_play is not None else ""
            part = Part(text=ask.text, source="ask", play_id=ask.play_id, citation=citation)
            return self._edited(connection, draft, text, part), ask

    def _override(self, connection: Connection, ref: str, verdict: Verdict, reason: str) -> None:
        """Let an ask pass that the gate stopped, where no law and no wish of the customer's stands against it."""
        possible = _overridable(verdict)
        if not reason.strip() or not possible:
            hint = "A person may override it with a reason (O)." if possible else ""
            raise RefusedAction(f"Do not ask now: {verdict.why_not}.", hint=hint)
        people.audit(connection, self.clock(), self.who(), "overrode the gate", ref, f"{reason}: {verdict.why_not}")

    def judge_campaign(self, ref: str, department: str, purpose: str) -> Verdict:
        """What the gate says to a campaign of another department; a refusal is logged with its reasons.

        Raises:
            NotFound: There is no such ticket.
        """
        with self.database.begin() as connection:
            ticket, reading = self._with_reading(connection, ref)
            verdict = self._verdict(connection, ticket, reading, purpose)
            action = "campaign let through" if verdict.ok else "campaign refused"
            people.audit(connection, self.clock(), department, action, ref, f"{purpose}: {verdict.why_not}")
            return verdict

    def remove_ask(self, draft: Draft, ask: Ask) -> Draft:
        """Take the ask out of a draft again."""
        with self.database.begin() as connection:
            asking.put(connection, asking.get(connection, ask.id).dropped())
            text = draft.text.replace(ASK_SEPARATOR + ask.text, "").replace(ask.text, "")
            return self._edited(connection, draft, text, None)

    def context(self, ref: str, guidance: Guidance | None = None) -> CheckContext:
        """What the checks need to judge a draft of this ticket; compute once, check at every key."""
        with self.database.read() as connection:
            ticket, reading = self._with_reading(connection, ref)
            return self._context(connection, ticket, reading, guidance or self._guide(connection, ticket, reading))

    def send(self, draft: Draft, text: str) -> tuple[Draft, Ticket]:
        """Approve the words as they stand, and send them: the one way out of the house.

        Raises:
            RefusedAction: A blocking finding stands, nobody is named, or the ticket cannot be answered.
            Conflict: The customer wrote, or the ticket changed, since the draft was begun.
            QueueFault: It could not be sent; the draft stays approved and can be sent again.
        """
        by = self.who()
        now = self.clock()
        with self.database.begin() as connection:
            ticket, reading = self._with_reading(connection, draft.ticket_ref)
            if ticket.version != draft.based_on:
                raise Conflict(
                    "The conversation changed since this draft was begun.",
                    hint="Read the new message; then draft again.",
                )
            self._still_open(connection, draft)
            guidance = self._guide(connection, ticket, reading)
            findings = check(text, self._context(connection, ticket, reading, guidance))
            again = [a for a in asking.of_ticket(connection, ticket.ref) if a.state == "drafted" and a.before]
            if any(ask.words in text for ask in again) and not guidance.verdict.ok:
                raise RefusedAction(f"The question about other words cannot go out: {guidance.verdict.why_not}.")
            if any(part.source == "reminder" and part.text in text for part in draft.parts):
                self.telling.to_remind(connection, ticket.ref)  # refuses one that is not due any more
            current = draft if text == draft.text else draft.edit(text, now)
            approved = current.approve(by, now, findings)  # again after a failure: the gate may have shut meanwhile
            drafting.put(connection, approved)
        reply = self.sender.send(ticket, approved.text, by, approved.id, approved.created_at)
        with self.database.begin() as connection:
            reply = reply.model_copy(update={"at": now})
            latest = ticketing.get(connection, ticket.ref)  # a sync may have stored a new message while it was sent
            status = latest.status if latest.status in ("resolved", "closed") else "pending"
            changed = ticketing.add_reply(connection, latest, reply, status, now)
            done = approved.sent(reply.id, now)
            drafting.put(connection, done)
            took = (now - draft.created_at).total_seconds()
            drafting.add_outcomes(connection, outcomes(done, done.text, took), now)
            self._drop_asks(connection, ticket.ref, approved.text)
            for ask in asking.of_ticket(connection, ticket.ref):
                if ask.state == "drafted":
                    asking.put(connection, ask.sent(reply.id, now))
                    wish = asking.other_words(connection, ticket.ref)
                    if wish is not None and wish.words == ask.words:
                        asking.unschedule(connection, ticket.ref)
            told = {part.source for part in approved.parts if part.text in approved.text}
            if "review" in told:
                review.mark_sent(connection, ticket.ref, now)
            if "reminder" in told:
                self.telling.note_reminder(connection, ticket.ref, by)
            if latest.version == ticket.version:
                reading = reading.model_copy(update={"ticket_version": changed.version})
                self._keep(connection, changed, reading, self.brain.get()[1])
        return done, changed

    # Learning from edits

    def draft_scores(self) -> list[DraftScore]:
        """How the drafts of each play, prompt and model fared."""
        with self.database.read() as connection:
            return draft_scores(drafting.outcomes_of(connection))

    def phrases(self) -> list[Phrase]:
        """Sentences that agents add again and again."""
        with self.database.read() as connection:
            sent = drafting.every_sent(connection)
            refs = {draft.ticket_ref for draft in sent}
            people = {ref: ticketing.get(connection, ref).names for ref in refs}
        names = {ref: [*found, *(name.split()[0] for name in found)] for ref, found in people.items()}
        return phrases(sent, names)

    # Permission and stories

    def adopt_ask(self, ref: str, quote: Quote) -> Ask:
        """Put an ask on record that was made outside this desk, in the team's last message.

        Args:
            quote: The customer's words that were asked about.

        Raises:
            RefusedAction: The team has not written since, or the words are not the customer's.
        """
        with self.database.begin() as connection:
            ticket = ticketing.get(connection, ref)
            if not ticket.agent_messages:
                raise RefusedAction("The team has not written in this conversation, so it cannot have asked.")
            said = next((m for m in ticket.customer_messages if quote.text.strip() and quote.text in m.text), None)
            if said is None:
                raise RefusedAction("An ask is about the customer's own words, verbatim.")
            message = ticket.agent_messages[-1]
            if ticket.messages.index(message) < ticket.messages.index(said):
                raise RefusedAction("The team has not written since, so it cannot have asked about these words.")
            now = self.clock()
            ask = Ask(
                id="a-" + digest(ref, quote.text, message.id)[:10],
                ticket_ref=ref,
                customer_key=ticketing.customer_key(ticket),
                kind="quote",
                play_id="",
                wording="outside this desk",
                words=quote.text,
                text=message.text,
                created_at=now,
            ).sent(message.id, message.at or now)
            known = next((a for a in asking.of_ticket(connection, ref) if a.id == ask.id), None)
            if known is None:
                asking.put(connection, ask)
            return known or ask

    def answer_reading(self, ref: str, ask: Ask) -> ReplyReading | None:
        """What the customer's last message seems to say to `ask`; None where it came before the ask. A hint, never a record.

        Raises:
            IndexFault: The reader is not built.
        """
        ticket = self.ticket(ref)
        if ticket.target is None or not _after(ticket, ticket.target, ask):
            return None
        return self.brain.replies.read_many([(ask.text, ticket.target.text)])[0]

    def record_answer(
        self, ask_id: str, answer: Answer, terms: Terms, answer_text: str = "", message_id: str = ""
    ) -> Entry:
        """Record in the ledger what the customer answered; a person's key, never the reader's.

        Args:
            answer_text: The customer's words; by default their last message.

        Raises:
            RefusedAction: The answer does not follow from the ask's state, or a yes names no place.
        """
        by = self.who()
        if answer in ("granted", "conditional") and not terms.places:
            raise RefusedAction("A yes needs at least one place.", hint="Choose where the words may stand.")
        if answer == "granted" and terms.conditions:
            raise RefusedAction(
                "A yes with conditions is conditional.", hint="Record it as conditional, or untick them."
            )
        if answer == "conditional" and not terms.conditions:
            raise RefusedAction("A yes on conditions names at least one.", hint="Tick what they asked for.")
        with self.database.begin() as connection:
            ask = asking.get(connection, ask_id)
            if answer == "withdrawn" and ask.state not in YES:
                # They take back what they agreed to, whatever was asked last.
                agreed = [a for a in asking.of_ticket(connection, ask.ticket_ref) if a.state in YES]
                ask = agreed[-1] if agreed else ask
            ticket = ticketing.get(connection, ask.ticket_ref)
            target = ticket.target
            if answer != "withdrawn" and not answer_text and (target is None or not _after(ticket, target, ask)):
                raise RefusedAction(
                    "The customer has not answered in this conversation yet.", hint="Type what they said elsewhere."
                )
            return self.telling.record(
                connection,
                ask,
                answer,
                terms,
                answer_text=answer_text or (target.text if target else ""),
                channel=ticket.channel,
                message_id=message_id or (target.id if target else ""),
                by=by,
            )

    def pause_asks(self, ref: str, *, paused: bool) -> None:
        """Never ask this customer again (or take that back); recorded with the name of who pressed it."""
        self.telling.pause(ticketing.customer_key(self.ticket(ref)), self.who(), paused=paused)

    def give(self, ref: str, what: str) -> None:
        """Record a thank-you or a favour that asked for nothing.

        Raises:
            RefusedAction: It does not say what was given.
        """
        self.telling.give(ticketing.customer_key(self.ticket(ref)), what, self.who())

    def schedule_ask(self, ref: str) -> None:
        """Ask in this conversation once the customer has confirmed that it is solved; the desk shows when that is due."""
        self.telling.schedule(ref, self.who())

    def invite_to_review(self, draft: Draft) -> Draft:
        """Put the neutral invitation to a public review into a draft, where it is this conversation's turn.

        Raises:
            RefusedAction: It is not: one in every so many resolved conversations is invited, and nobody chooses which.
        """
        return self._put_in(draft, self.telling.review_invitation(draft.ticket_ref), "review")

    def remind(self, draft: Draft) -> Draft:
        """Put the one reminder of an ask that nobody answered into a draft; sending it notes that it was reminded of.

        Raises:
            RefusedAction: No ask of this conversation is to be reminded of now.
        """
        return self._put_in(draft, self.telling.reminder(draft.ticket_ref), "reminder")

    def _put_in(self, draft: Draft, words: str, source: Source) -> Draft:
        if words in draft.text:
            raise RefusedAction("It stands in the draft already.")
        with self.database.begin() as connection:
            text = _before_signature(draft.text, words, self.setting)
            return self._edited(connection, draft, text, Part(text=words, source=source))

    def new_story(self, ref: str) -> Story:
        """The ticket's story, or one pre-filled from its reading (not stored until saved)."""
        with self.database.read() as connection:
            known = telling.of_ticket(connection, ref)
            if known is not None:
                return known
            ticket, reading = self._with_reading(connection, ref)
            _, playbook = self.brain.get()
            asks = [a for a in asking.of_ticket(connection, ref) if a.state != "drafted"]
            used = [part.play_id for d in drafting.sent(connection, ref) for part in d.parts if part.source == "play"]
            words = asks[-1].words if asks else ""
            # The ask quoted the words that were a moment then; the customer's answer to it is no moment.
            known_play = used[-1] if used else ""
            story = compose_story(
                ticket,
                reading,
                playbook.definitions,
                self.policy().disclosures,
                known_play,
                words,
                self.setting.agent,
                self.clock(),
            )
            story = self._from_asked_moment(connection, story, ticket, playbook)
            yes = [e for e in asking.entries(connection, ref=ref) if e.answer in YES and e.words != words]
            if yes and story.quotes:  # the customer changed the words on their page
                changed = story.quotes[0].model_copy(update={"text": yes[-1].words, "original": words})
                story = story.model_copy(update={"quotes": (changed,)})
            return story

    def word_story(self, story: Story) -> Story:
        """A story with hook, moment and catalyst worded by a model; its quote stays. Not stored until saved.

        Raises:
            RefusedAction: There is no model.
            ModelFault: It gave no words that hold against the conversation; the story's own words stand.
        """
        if self.storyteller is None:
            raise RefusedAction("There is no model.", hint="Name one under [llm] in delight.toml.")
        return self.storyteller.write(self.ticket(story.ticket_ref), story)

    def story_prompt(self, ref: str) -> Rendered:
        """What a model is told to word the ticket's story, letter for letter.

        Raises:
            RefusedAction: There is no model.
            NotFound: There is no prompt for stories.
        """
        if self.storyteller is None:
            raise RefusedAction("There is no model.", hint="Name one under [llm] in delight.toml.")
        return self.storyteller.prompt(self.ticket(ref), self.new_story(ref))[0]

    def quotes(self, ref: str, *, before_last_answer: bool = False) -> list[Quote]:
        """The sentences of the customer's that a story may quote, newest message first.

        Args:
            before_last_answer: Only what was written before the team's last message: what an ask in it can be about.
        """
        ticket = self.ticket(ref)
        found = []
        asked_at = ticket.messages.index(ticket.agent_messages[-1]) if ticket.agent_messages else len(ticket.messages)
        for message in reversed(ticket.customer_messages):
            if before_last_answer and ticket.messages.index(message) > asked_at:
                continue
            upto = ticket.model_copy(update={"messages": ticket.messages[: ticket.messages.index(message) + 1]})
            found += [Quote(text=text, message_id=message.id) for text in quotable(upto)]
        return found

    def save_story(self, story: Story) -> Standing:
        """Keep a story; every quote is proved verbatim first.

        Raises:
            RefusedAction: A quote is not the customer's.
        """
        return self.telling.save_story(story, self.who())

    def stories(self) -> list[Standing]:
        """Every story with where it stands."""
        return self.telling.stories()

    def story(self, story_id: str) -> Standing:
        """One story with where it stands.

        Raises:
            NotFound: There is none.
        """
        return self.telling.story(story_id)

    def approve_story(self, story_id: str, by: str = "") -> Standing:
        """Marketing's key.

        Raises:
            RefusedAction: The customer's key is not turned for exactly these words.
        """
        return self.telling.approve_story(story_id, by or self.who())

    def exports(self) -> list[Export]:
        """What may leave the house: released stories only."""
        return list(self.telling.exports())

    # Inside

    def _drafted(
        self, ref: str, wish: Wish, stop: threading.Event, tell: Callable[[str], None], guidance: Guidance | None
    ) -> Draft:
        """Draft with the model, or from the plays where it gives nothing; merge with what a person wrote; keep."""
        with self.database.read() as connection:
            before = drafting.open_draft(connection, ref)
            ticket, reading = self._with_reading(connection, ref)
            guidance = guidance or self._guide(connection, ticket, reading)
        base = Basis(ticket, reading, guidance, wish)
        if self.has_model:
            made = self._modelled(base, stop, tell if before is None or before.state == "proposed" else None)
        else:
            made = self._composed(base)
        with self.database.begin() as connection:
            begun, before = before, drafting.open_draft(connection, ref)
            if before is not None and (begun is None or before.id != begun.id):
                drafting.put(
                    connection, made.discard(made.created_at)
                )  # a person began another meanwhile: theirs stays
                return before
            asked = [a for a in asking.of_ticket(connection, ref) if a.state == "drafted"] if before else []
            if before is not None and before.state != "proposed":
                parts = merged(before.parts, before.text, made.parts)
                made = made.model_copy(update={"parts": parts, "text": text_of(parts), "state": "edited"})
            self._discard_open(connection, ref, made.created_at)
            for ask in asked:
                if ask.text in made.text:  # the ask that stood in it stands in it still
                    asking.put(connection, ask)
            drafting.put(connection, made)
            return made

    def _modelled(self, base: Basis, stop: threading.Event, tell: Callable[[str], None] | None) -> Draft:
        """The model's reply, or the composer's with a note that says why."""
        assert self.writer is not None
        plays = [play for match in base.guidance.matches for play in match.page.plays]
        text = ""
        try:
            prompt, redactor = self._told(base)
            for piece in self.writer.write(prompt, redactor, plays, stop):
                if isinstance(piece, Written):
                    return self._drawn(base, piece.parts, model=piece.model, prompt=piece.prompt, note=piece.note)
                text = piece.text
                if tell is not None:
                    tell(text)
        except (ModelFault, NotFound, PageError) as error:
            return self._composed(base, note=f"drafted offline: {error}")
        if not text:
            return self._composed(base, note="drafted offline: the model was stopped before its first word")
        parts = tuple(Part(text=piece, source="model") for piece in text.split("\n\n"))
        model = self.writer.client.models[0]
        return self._drawn(base, parts, model=model, prompt=prompt.name, note="stopped: this is what had come")

    def _told(self, base: Basis) -> tuple[Rendered, Redactor]:
        """What a model is told, and what turns its placeholders back."""
        if self.writer is None:
            raise NotFound("This desk has no prompts.", hint="Open a workspace.")
        guidance = base.guidance
        return self.writer.prompt(
            base.ticket, base.reading, guidance.matches, guidance.walk, base.dial, base.wish.length
        )

    def _composed(self, base: Basis, note: str = "") -> Draft:
        """The offline composer's reply."""
        parts = compose(
            base.ticket,
            base.reading,
            base.guidance.matches,
            base.dial,
            self.setting,
            base.guidance.walk,
            _first(base.guidance.escalations),
            base.wish.length,
            base.wish.variant,
        )
        return self._drawn(base, parts, note=note)

    def _drawn(
        self, base: Basis, parts: tuple[Part, ...], *, model: str = "", prompt: str = "", note: str = ""
    ) -> Draft:
        now = self.clock()
        return Draft(
            id="d-" + uuid4().hex[:12],
            ticket_ref=base.ticket.ref,
            based_on=base.ticket.version,
            text=text_of(parts),
            tone=base.dial,
            length=base.wish.length,
            variant=base.wish.variant,
            parts=parts,
            model=model,
            prompt=prompt,
            note=note,
            created_at=now,
            updated_at=now,
        )

    def _basis(self, ref: str, wish: Wish) -> Basis:
        """All that a reply is written from."""
        with self.database.read() as connection:
            ticket, reading = self._with_reading(connection, ref)
            if not self._stands(ticket, reading):
                reading = self._fresh(connection, ticket)
            return Basis(ticket, reading, self._guide(connection, ticket, reading), wish)

    def who(self) -> str:
        """Who sits at this desk.

        Raises:
            RefusedAction: Nobody is named.
        """
        if not self.setting.agent.strip():
            raise RefusedAction("Nobody is named at this desk.", hint="Set `agent` in delight.toml or DELIGHT_AGENT.")
        return self.setting.agent

    def _keep(self, connection: Connection, ticket: Ticket, reading: Reading, playbook: Playbook) -> Reading:
        """Store a reading with corrections applied, and when its soonest escalation is due."""
        reading = reading_store.corrected(reading, ticket, reading_store.corrections_of(connection, ticket.ref))
        reading_store.put(connection, ticket.ref, reading)
        now = self.clock()
        known = facts(ticket, reading, now)
        since = _since(ticket, now)
        found = (
            escalations(playbook.pages, known, since, guiding.told_of(connection, ticket.ref)) if ticket.target else []
        )
        due_at, due_to = _due(found)
        stored = (
            {**known.values, "text": str(known.values["text"])[:FACT_TEXT], "since": since.isoformat()}
            if ticket.target
            else {}
        )
        table = reading_store.readings
        connection.execute(
            table.update().where(table.c.ref == ticket.ref).values(due_at=due_at, due_to=due_to, facts=stored)
        )
        return reading

    def _stands(self, ticket: Ticket, reading: Reading | None) -> bool:
        """Whether a kept reading is of the ticket as it is, and by the reader as it is; a closed ticket is not read again for that."""
        if reading is None or reading.ticket_version != ticket.version:
            return False
        standing = self.brain.standing
        return ticket.status == "closed" or standing is None or reading.reader in standing

    def _with_reading(self, connection: Connection, ref: str) -> tuple[Ticket, Reading]:
        ticket = ticketing.get(connection, ref)
        reading = reading_store.get(connection, ref)
        if reading is None or reading.ticket_version != ticket.version:
            reading = self._fresh(connection, ticket)
        return ticket, reading

    def _fresh(self, connection: Connection, ticket: Ticket) -> Reading:
        """A reading made now, corrections applied; not kept."""
        reader, _ = self.brain.get()
        return reading_store.corrected(
            reader.read(ticket), ticket, reading_store.corrections_of(connection, ticket.ref)
        )

    def _guide(self, connection: Connection, ticket: Ticket, reading: Reading) -> Guidance:
        _, playbook = self.brain.get()
        now = self.clock()
        known = facts(ticket, reading, now)
        matches = tuple(playbook.match(ticket, reading)) if ticket.target else ()
        told = guiding.told_of(connection, ticket.ref)
        fired = escalations(playbook.pages, known, _since(ticket, now), told) if ticket.target else []
        quote = best_quote(ticket, reading)
        wanted, policy = self.telling.other_words(connection, ticket.ref), self.policy()
        if wanted is not None:
            quote = wanted.words
            verdict = judge_again(ticket, reading, policy, self._known(connection, ticket), self.clock())
        else:
            verdict = self._verdict(connection, ticket, reading)
        play = ask_play(reading, matches, *self._pages(), policy) if verdict.ok and wanted is None else None
        return Guidance(
            matches,
            tuple(fired),
            self._decision(connection, ticket, reading, matches),
            verdict,
            play,
            quote,
            again=wanted is not None,
            kinds=policy.kinds,
        )

    def _verdict(self, connection: Connection, ticket: Ticket, reading: Reading, purpose: str = "") -> Verdict:
        return judge(
            ticket,
            reading,
            self.policy(),
            self._known(connection, ticket),
            best_quote(ticket, reading),
            self.clock(),
            purpose,
        )

    def _known(self, connection: Connection, ticket: Ticket) -> Known:
        """What is known of the ticket's customer beside the ticket."""
        keys = self._keys(connection, ticket)
        return Known(
            history=asking.of_person(connection, ticketing.customer_key(ticket), ticket.customer.email),
            other_open=ticketing.other_open(connection, ticket),
            paused_by=ticketing.paused_by(connection, keys),
            gives=asking.gives_of(connection, keys),
        )

    def _pages(self) -> tuple[Sequence[Page], Mapping[str, SignalDefinition]]:
        _, playbook = self.brain.get()
        return playbook.pages, playbook.definitions

    def _decision(
        self, connection: Connection, ticket: Ticket, reading: Reading, matches: Sequence[Match]
    ) -> Walk | None:
        """The decision a person walks, else the first of the pages that answer this ticket."""
        kept = guiding.walk_of(connection, ticket.ref)
        _, playbook = self.brain.get()
        if kept is not None and playbook.play(kept[0]) is not None:
            return self._walked(ticket, reading, *kept)
        for match in matches[:3]:
            answers = any(label.name in match.page.risks for label in reading.risks)
            if not answers and (match.score <= GROUNDED or reading.mood in HAPPY):
                continue
            for play in match.page.of("decision"):
                return walk(play, facts(ticket, reading, self.clock()), {})
        return None

    def _walked(self, ticket: Ticket, reading: Reading, play_id: str, answers: dict[str, bool], by: str) -> Walk:
        _, playbook = self.brain.get()
        play = playbook.play(play_id)
        if play is None or play.decision is None:
            raise NotFound(f"The playbook has no decision {play_id} any more.", hint="Open the ticket again.")
        return walk(play, facts(ticket, reading, self.clock()), answers, by)

    def _context(self, connection: Connection, ticket: Ticket, reading: Reading, guidance: Guidance) -> CheckContext:
        asks = asking.of_ticket(connection, ticket.ref)
        drafted = next((a for a in reversed(asks) if a.state == "drafted"), None)
        entries = asking.entries(connection, ref=ticket.ref)
        draft = drafting.open_draft(connection, ticket.ref)
        return CheckContext(
            ticket=ticket,
            mood=reading.mood,
            gate_ok=guidance.verdict.ok
            or (drafted is not None and bool(drafted.override) and _overridable(guidance.verdict)),
            gate_reason=guidance.verdict.why_not,
            leaf=guidance.walk.leaf if guidance.walk else None,
            ask_words=drafted.words if drafted else "",
            approved_words=tuple(e.words for e in entries if e.answer in YES),
            guide=self.guide_of_tone(),
            written=tuple(p.text for p in draft.parts if p.source == "model") if draft else (),
            pages="\n".join(play.text for match in guidance.matches for play in match.page.plays),
            set_texts=self._set_texts(asks, draft, gate_ok=guidance.verdict.ok),
            times=tuple(duration_words(e.within.total_seconds()) for e in guidance.escalations),
        )

    def _set_texts(self, asks: Sequence[Ask], draft: Draft | None, *, gate_ok: bool) -> tuple[str, ...]:
        """The house's set texts of a draft that may be sent now."""
        found = [ask.text for ask in asks if ask.state == "drafted" and ask.before and gate_ok]
        texts = {"review": self.telling.review_invitation, "reminder": self.telling.reminder}
        if draft is not None:
            for source in {part.source for part in draft.parts} & texts.keys():
                with suppress(RefusedAction):
                    found.append(texts[source](draft.ticket_ref))
        return tuple(found)

    @staticmethod
    def _keys(connection: Connection, ticket: Ticket) -> list[str]:
        """Every key under which the ticket's customer is known."""
        return asking.keys_of_person(connection, ticketing.customer_key(ticket), ticket.customer.email)

    @staticmethod
    def _still_open(connection: Connection, draft: Draft) -> None:
        stored = drafting.open_draft(connection, draft.ticket_ref)
        if stored is None or stored.id != draft.id:
            raise Conflict("This draft was sent or replaced from another desk.", hint="Open the ticket again.")

    def _discard_open(self, connection: Connection, ref: str, now: datetime) -> None:
        """Throw the open draft of a ticket away, and the ask in it."""
        old = drafting.open_draft(connection, ref)
        if old is not None:
            drafting.put(connection, old.discard(now))
        self._drop_asks(connection, ref, "")

    def _edited(self, connection: Connection, draft: Draft, text: str, part: Part | None) -> Draft:
        self._still_open(connection, draft)
        edited = draft.edit(text, self.clock())
        if part is not None:
            edited = edited.model_copy(update={"parts": (*edited.parts, part)})
        drafting.put(connection, edited)
        return edited

    @staticmethod
    def _drop_asks(connection: Connection, ref: str, kept_in: str) -> None:
        """Drop asks that were drafted but whose words, or whose question, no longer stand in the text."""
        for ask in asking.of_ticket(connection, ref):
            stands = ask.words in kept_in and (ask.text in kept_in or bool(asks_in(kept_in)))
            if ask.state == "drafted" and not stands:
                asking.put(connection, ask.dropped())

    def _from_asked_moment(self, connection: Connection, story: Story, ticket: Ticket, playbook: Playbook) -> Story:
        """After an answer the last message is the answer: take signal and outcome from the message that was quoted."""
        if not story.quotes or ticket.target is None or story.quotes[0].message_id == ticket.target.id:
            return story
        place = next(i for i, m in enumerate(ticket.messages) if m.id == story.quotes[0].message_id)
        earlier = ticket.model_copy(update={"messages": ticket.messages[: place + 1]})
        return compose_story(
            earlier,
            self._fresh(connection, earlier),
            playbook.definitions,
            self.policy().disclosures,
            story.play_id,
            story.quotes[0].text,
            self.setting.agent,
            self.clock(),
        )


def _there(connection: Connection, ref: str) -> Ticket | None:
    """A ticket, or None where it was erased."""
    try:
        return ticketing.get(connection, ref)
    except NotFound:
        return None


def _overridable(verdict: Verdict) -> bool:
    """Whether a person may ask although the gate says no: nothing against it is law, or the customer's own wish."""
    return not any(reason.final or reason.rule == "quote" for reason in verdict.against)


def _rank(row: QueueRow, kept: bool, now: datetime) -> int:
    waiting = row.waiting_since is not None
    if row.due_at is not None and row.due_at <= now:
        return 0
    if waiting and row.mood in UNHAPPY:
        return 1
    if row.delight and row.mood in HAPPY and not row.risks and not kept and row.status != "closed":
        return 2
    return 3 if waiting else 4


def _order(row: QueueRow) -> tuple[int, float, str]:
    if row.rank == 0 and row.due_at is not None:
        return 0, row.due_at.timestamp(), row.ref
    if row.rank in (1, 3) and row.waiting_since is not None:
        return row.rank, row.waiting_since.timestamp(), row.ref
    return row.rank, -row.last_at.timestamp(), row.ref


def _in_view(row: QueueRow, view: View) -> bool:
    done = row.status in ("resolved", "closed")
    return {
        "needs": row.rank <= 3 and (not done or row.rank == 2),
        "moments": bool(row.delight) and row.mood in HAPPY,
        "all": not done,
        "done": done,
    }[view]


def _since(ticket: Ticket, now: datetime) -> datetime:
    last = ticket.target.at if ticket.target else None
    return ticket.waiting_since() or last or ticket.opened_at or now


def _times(waiting: datetime | None, opened: datetime, now: datetime) -> dict[str, float]:
    return {
        "waiting_hours": max((now - waiting).total_seconds() / 3600, 0.0) if waiting else 0.0,
        "age_hours": max((now - opened).total_seconds() / 3600, 0.0),
    }


def _due(found: Sequence[Escalation]) -> tuple[datetime | None, str]:
    first = next((e for e in found if not e.told), None)
    return (first.due, first.to) if first else (None, "")


def _first(found: Sequence[Escalation]) -> Escalation | None:
    return found[0] if found else None


def _before_signature(text: str, block: str, setting: Setting) -> str:
    """`text` with a paragraph put before the signature, or at the end where there is none."""
    paragraphs = text.rstrip().split("\n\n")
    last = paragraphs[-1].split("\n")
    signed = len(paragraphs) > 1 and len(last) <= 3 and (setting.agent in last or setting.team in last)
    place = len(paragraphs) - 1 if signed else len(paragraphs)
    return "\n\n".join([*paragraphs[:place], block, *paragraphs[place:]]).strip()


def _after(ticket: Ticket, target: Message, ask: Ask) -> bool:
    """Whether the customer's last message came after the ask."""
    ids = [m.id for m in ticket.messages]
    if ask.message_id in ids:
        return ids.index(target.id) > ids.index(ask.message_id)
    return target.at is None or ask.sent_at is None or target.at > ask.sent_at
