"""The second half of the flow: the customer's page, the ledger, stories and where they stand, take-downs, people, what is due.

`Desk` hands on to it what belongs here; the web desk and the command line call it as they are. One method, one user action,
one transaction. What must not live here: rendering, rules (rooms own them), and anything that needs a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from sqlalchemy import Connection

from copilot.accounts import store as people
from copilot.accounts.models import AuditLine
from copilot.asking import ledger, review
from copilot.asking import store as asking
from copilot.asking.compose import compose_again
from copilot.asking.consent import Texts
from copilot.asking.links import Links
from copilot.asking.models import (
    BY_CUSTOMER,
    NAME_STYLES,
    YES,
    Answer,
    Ask,
    Entry,
    Give,
    NameStyle,
    Place,
    Policy,
    Terms,
    counting,
)
from copilot.asking.store import Scheduled
from copilot.db.engine import Database
from copilot.drafting import store as drafting
from copilot.errors import NotFound, RefusedAction
from copilot.playbook import store as guiding
from copilot.reading import store as reading_store
from copilot.scoring.funnel import By, Funnel, FunnelRow, Happened, Step, funnel, funnel_rows, happened
from copilot.stories import store as telling
from copilot.stories.models import Approval, Export, Publication, Quote, Standing, Story, Tombstone
from copilot.stories.release import approve, claims_of, export_of, name_as, prove_quotes
from copilot.stories.store import EVERY, Change, Filter
from copilot.stories.trim import turned
from copilot.text import clean
from copilot.tickets import store as ticketing
from copilot.tickets.models import Customer, Ticket

if TYPE_CHECKING:  # numpy loads with the encoder
    from copilot.stories.search import MeaningSearch

Clock = Callable[[], datetime]
Button = Literal["yes", "no", "never", "withdraw"]
Until = Literal["one", "two", "open"]
EXPORTED = "exported"
CONSENT = "consent"
REFER = "refer"
AWAITING = Filter(state="awaiting_marketing")
LOOKED_AT = 500
"""Stories that wait for marketing and are looked through for claims at once."""
OURS = ("hook", "moment", "catalyst", "disclosure", "proof")
"""Fields of a story that are in our own words."""
AT_ONCE = 500
"""Stories that are brought up to date in one transaction: nobody else can write for so long."""
MAX_WORDS = 2_000
AT_MOST = 5_000
"""Stories among which one is found by meaning."""
AFTERWARDS = timedelta(days=90)
"""How long a link still shows that a permission was taken back, or that no answer came."""
YEAR = timedelta(days=365)


class House(NamedTuple):
    """Who asks, and where customers reach the page; an empty address makes no links.

    Attributes:
        referred_to: Where a referral link leads; an empty address makes none.
    """

    company: str = "our company"
    address: str = ""
    referred_to: str = ""


NOBODY = House()


class Choice(NamedTuple):
    """What a customer filled in and pressed; whatever they left out is None."""

    button: Button
    words: str = ""
    name_style: NameStyle | None = None
    company: bool | None = None
    places: tuple[Place, ...] = ()
    until: Until | None = None


class Shown(NamedTuple):
    """What a customer's link shows.

    Attributes:
        state: `open` waits for an answer; the others are answers.
        names: How the name would read, by style.
        problems: Keys of the texts that say what is missing in what they pressed.
    """

    state: Literal["open", "agreed", "declined", "withdrawn"]
    ask: Ask
    customer: Customer
    agent: str
    texts: Texts
    entry: Entry | None
    disclosure: str
    names: Mapping[NameStyle, str]
    publications: tuple[Publication, ...]
    paused: bool
    post: str = ""
    referral: str = ""
    problems: tuple[str, ...] = ()


class Due(NamedTuple):
    """What waits for somebody of the team."""

    reminders: tuple[Ask, ...]
    scheduled: tuple[tuple[Scheduled, bool], ...]
    """What is to be asked, and whether it can be now."""
    take_downs: tuple[Publication, ...]
    rechecks: tuple[Story, ...]
    substantiations: tuple[tuple[Standing, tuple[str, ...]], ...]
    """Stories that claim what is not proved, of the newest that wait for marketing."""
    not_looked_at: int
    """How many more of them wait, and are looked at when these are done."""
    reviews: tuple[review.ReviewTurn, ...]


class Chain(NamedTuple):
    """A story with all it rests on: conversation, asks, ledger entries, what was done to it, and what is to be asked."""

    where: Standing
    ticket: Ticket
    asks: list[Ask]
    entries: list[Entry]
    log: list[AuditLine]
    other_words: Scheduled | None


class Person(NamedTuple):
    """One customer, of all queues: asks, what they were given, stories, pauses."""

    key: str
    customer: Customer
    keys: tuple[str, ...]
    paused_by: str
    asks: tuple[Ask, ...]
    entries: tuple[Entry, ...]
    gives: tuple[Give, ...]
    stories: tuple[Standing, ...]
    tickets: tuple[str, ...]
    visits: Mapping[str, int]
    """How often the referral link of an ask was opened, by the ask's id."""


class Outside(Protocol):
    """Where copies lie outside the database."""

    def forget(self, refs: Sequence[str], drafts: Sequence[str]) -> list[str]:
        """Remove what lies there of some tickets and drafts; return what could not be looked into."""
        ...


class Left(NamedTuple):
    """What erasing a customer could not reach, so that a person must.

    Attributes:
        places: Addresses where a story of theirs stands.
        files: Exports that hold one, or that could not be looked into, with why.
    """

    places: tuple[str, ...]
    files: tuple[str, ...]


class Telling:
    """The second half of the flow.

    Args:
        database: The store.
        policy: Reads the asking policy; called when it is needed, so that an edit counts at once.
        clock: Tells the time, aware.
        house: Who asks.
        links: Makes and checks customers' links; None makes none.
        texts: Reads the texts of the customer's page, likewise.
        reviews: Reads the page on public reviews, likewise; None where the team asks for none.
        search: Finds stories by meaning, where there is an encoder.
        outside: Where replies were written to, outside the database.
    """

    def __init__(
        self,
        database: Database,
        policy: Callable[[], Policy],
        clock: Clock = lambda: datetime.now(UTC),
        house: House = NOBODY,
        links: Links | None = None,
        texts: Callable[[], Mapping[str, Texts]] = dict,
        reviews: Callable[[], review.ReviewPage | None] = lambda: None,
        search: MeaningSearch | None = None,
        outside: Outside | None = None,
    ) -> None:
        self.database = database
        self.policy = policy
        self.clock = clock
        self.house = house
        self.links = links
        self.texts = texts
        self.reviews = reviews
        self.search = search
        self.outside = outside
        self._indexed = False

    # The customer's page

    def make_link(self, connection: Connection, ask: Ask) -> str:
        """The address of a fresh page for an ask; empty where customers reach none."""
        if self.links is None or not self.house.address:
            return ""
        token, link_id = self.links.make(CONSENT)
        ends = self.clock() + timedelta(days=self.policy().answer_within_days)
        asking.add_link(connection, link_id, ask.id, CONSENT, ends)
        return f"{self.house.address.rstrip('/')}/p/{token}"

    def page(self, token: str) -> Shown | None:
        """What a link shows; None for one that is wrong, old or was never made: nobody learns which."""
        with self.database.read() as connection:
            ask = self._asked(connection, token)
            return None if ask is None else self._shown(connection, ask)

    def press(self, token: str, choice: Choice) -> Shown | None:
        """What a customer pressed; recorded once, however often it is pressed. With `problems` nothing was recorded."""
        now = self.clock()
        with self.database.begin() as connection:
            ask = self._asked(connection, token)
            if ask is None:
                return None
            shown = self._shown(connection, ask)
            if choice.button == "withdraw":
                if shown.state == "agreed":
                    assert shown.entry is not None
                    self._record(connection, ask, "withdrawn", Terms(), shown.entry.words, choice.button, "page")
            elif shown.state == "open":
                if choice.button == "yes":
                    terms, words, problems = self._agreed(shown, choice)
                    if problems:
                        return shown._replace(problems=problems)
                    self._record(connection, ask, "granted", terms, words, choice.button, "page")
                    self._refer(connection, ask)
                else:
                    self._record(connection, ask, "declined", Terms(), ask.words, choice.button, "page")
            if choice.button == "never":
                for key in asking.keys_of_person(connection, ask.customer_key, shown.customer.email):
                    ticketing.set_do_not_ask(connection, key, BY_CUSTOMER, value=True)
            people.audit(connection, now, BY_CUSTOMER, f"pressed {choice.button}", ask.id)
            return self._shown(connection, asking.get(connection, ask.id))

    def follow(self, token: str) -> str | None:
        """Count a visit by a referral link, and say where it leads; None for one that was never made."""
        link_id = self.links.check(REFER, token) if self.links is not None else None
        if link_id is None:
            return None
        with self.database.begin() as connection:
            found = asking.linked(connection, link_id, REFER)
            if found is None or not self.house.referred_to:
                return None
            asking.count_visit(connection, link_id)
        return self.house.referred_to

    def _asked(self, connection: Connection, token: str) -> Ask | None:
        link_id = self.links.check(CONSENT, token) if self.links is not None else None
        found = asking.linked(connection, link_id, CONSENT) if link_id is not None else None
        if found is None:
            return None
        ask = asking.get(connection, found[0])
        now, ends = self.clock(), found[1]
        if ask.state in ("drafted", "dropped", "expired"):
            return None
        if ask.state in ("granted", "conditional"):
            return ask  # it can be taken back on any day
        if ask.state in ("sent", "unclear"):
            return ask if now < ends else None
        return ask if ask.answered_at is not None and now - ask.answered_at < AFTERWARDS else None

    def _shown(self, connection: Connection, ask: Ask) -> Shown:
        ticket = ticketing.get(connection, ask.ticket_ref)
        entries = asking.entries(connection, ask_id=ask.id)
        last = next((e for e in reversed(entries) if e.answer != "unclear"), None)
        agreed = last is not None and last.answer in YES
        ended = "withdrawn" if last is not None and last.answer in ("withdrawn", "expired") else "declined"
        story = telling.of_ticket(connection, ask.ticket_ref)
        texts = self._texts_for(ticket.customer)
        named = _named(ticket.customer, texts)
        sent = next((m for m in ticket.messages if m.id == ask.message_id), None)
        yes = next((e for e in reversed(entries) if e.answer in YES), None)
        places = telling.publications_of(connection, [story.id]).get(story.id, ()) if story is not None else ()
        return Shown(
            state="open" if last is None else "agreed" if agreed else ended,  # type: ignore[arg-type]
            ask=ask,
            customer=ticket.customer,
            agent=sent.author if sent is not None else "",
            texts=texts,
            entry=yes if last is not None and ended == "withdrawn" else last,
            disclosure=(story.disclosure if story is not None and story.gift else "")
            or (last.terms.disclosure if last is not None else ""),
            names=named,
            publications=places if yes is not None else (),
            paused=bool(ticketing.do_not_ask(connection, ask.customer_key)),
            post=f"“{yes.words}” — {self.house.company}" if ask.kind == "share" and agreed and yes is not None else "",
            referral=self._referral(ask) if agreed else "",
        )

    def _agreed(self, shown: Shown, choice: Choice) -> tuple[Terms, str, tuple[str, ...]]:
        """Terms and words of a yes, and what is missing in it."""
        words = clean(choice.words).strip()
        offers_company = bool(shown.customer.company)
        problems = [
            name
            for name, missing in (
                ("problem_words", not words),
                ("problem_long", len(words) > MAX_WORDS),
                ("problem_name", choice.name_style is None),
                ("problem_company", offers_company and choice.company is None),
                ("problem_places", not choice.places),
                ("problem_until", choice.until is None),
            )
            if missing
        ]
        if problems or choice.name_style is None:
            return Terms(), words, tuple(problems)
        company = offers_company and bool(choice.company)
        name = shown.names[choice.name_style]
        years = {"one": 1, "two": 2}.get(choice.until or "open")
        terms = Terms(
            places=choice.places,
            name_style=choice.name_style,
            company=company,
            until=(self.clock() + years * YEAR).date() if years else None,
            disclosure=shown.disclosure,
            shown_as=f"{name}, {shown.customer.company}" if company else name,
        )
        return terms, words, ()

    def _texts_for(self, customer: Customer) -> Texts:
        texts = self.texts()
        return texts.get(customer.locale[:2].lower(), texts["en"])

    def _refer(self, connection: Connection, ask: Ask) -> None:
        """A customer who agreed to recommend us gets a link of their own."""
        if ask.kind == "refer" and self.links is not None and self.house.address and self.house.referred_to:
            token, link_id = self.links.make(REFER)
            asking.add_link(connection, link_id, ask.id, REFER, self.clock() + 10 * YEAR)
            asking.put(connection, asking.get(connection, ask.id).model_copy(update={"referral": token}))

    def _referral(self, ask: Ask) -> str:
        return f"{self.house.address.rstrip('/')}/r/{ask.referral}" if ask.referral else ""

    # The ledger

    def record(
        self,
        connection: Connection,
        ask: Ask,
        answer: Answer,
        terms: Terms,
        *,
        answer_text: str,
        channel: str,
        message_id: str,
        by: str,
    ) -> Entry:
        """Append what a customer answered, as a person recorded it, and let it reach every story and place."""
        return self._record(connection, ask, answer, terms, ask.words, answer_text, channel, message_id, by)

    def _record(
        self,
        connection: Connection,
        ask: Ask,
        answer: Answer,
        terms: Terms,
        words: str,
        answer_text: str,
        channel: str,
        message_id: str = "",
        by: str = BY_CUSTOMER,
    ) -> Entry:
        now = self.clock()
        entry = Entry(
            seq=0,
            ask_id=ask.id,
            ticket_ref=ask.ticket_ref,
            customer_key=ask.customer_key,
            answer=answer,
            words=words,
            words_hash="",
            wording=ask.wording,
            terms=terms,
            answer_text=answer_text,
            channel=channel,
            message_id=message_id or ask.message_id,
            at=now,
            by=by,
        )
        asking.put(connection, ask.answered(answer, now))
        made = asking.add_entry(connection, entry)
        story = telling.of_ticket(connection, ask.ticket_ref)
        if story is not None and answer in YES and story.quotes and (words != ask.words or ask.before):
            original = (story.quotes[0].original or ask.before) if ask.before else ask.words
            changed = story.quotes[0].model_copy(update={"text": words, "original": original})
            telling.put(
                connection, story.model_copy(update={"quotes": (changed, *story.quotes[1:]), "updated_at": now})
            )
        if answer == "withdrawn":  # whichever of their links they pressed it on: nothing of it may be used
            self._end_all(connection, ask, answer_text, channel, by)
        self._settle(connection, ask.ticket_ref)
        return made

    def _end_all(self, connection: Connection, ended: Ask, answer_text: str, channel: str, by: str) -> None:
        """After a withdrawal: every other yes of the ticket is withdrawn too, and no question about other words is open.

        One that stands in a draft stays there: the gate, which is shut now, keeps it from going out.
        """
        asking.unschedule(connection, ended.ticket_ref)
        for ask in asking.of_ticket(connection, ended.ticket_ref):
            if ask.id == ended.id:
                continue
            if ask.state in ("granted", "conditional"):
                self._record(connection, ask, "withdrawn", Terms(), ask.words, answer_text, channel, by=by)
            elif ask.before and ask.state in ("sent", "unclear"):
                self._record(connection, ask, "expired", Terms(), ask.words, "", "", by=by)

    def _settle(self, connection: Connection, ref: str) -> None:
        """Let what changed about a ticket's story reach the index and every place where it stands."""
        story = telling.of_ticket(connection, ref)
        if story is not None:
            self._settle_story(connection, story.id)

    def _settle_story(self, connection: Connection, story_id: str) -> Standing | None:
        now = self.clock()
        where = telling.refresh(connection, story_id, now)
        if where is None or not where.released:
            reason = where.why if where is not None else "the customer was erased"
            telling.take_down(connection, story_id, now + timedelta(days=self.policy().take_down_days), reason)
        return where

    def ledger(self) -> list[Entry]:
        """Every entry of the ledger, oldest first."""
        with self.database.read() as connection:
            return asking.entries(connection)

    def verify_ledger(self) -> int:
        """Prove the ledger's chain; return how many entries it holds.

        Raises:
            FindingsError: It was tampered with; names the first entry that does not fit.
        """
        with self.database.read() as connection:
            return ledger.verify(asking.chain(connection), asking.last_ever(connection))

    def proof(self, seq: int) -> tuple[Entry, str, list[Entry]]:
        """(entry, its hash in the chain, every entry of the same ask) of a permission.

        Raises:
            NotFound: The ledger has no such entry.
        """
        with self.database.read() as connection:
            entry = asking.entry(connection, seq)
            return entry, asking.hash_of(connection, seq), asking.entries(connection, ask_id=entry.ask_id)

    # Stories

    def stories(self, wanted: Filter = EVERY) -> list[Standing]:
        """Stories with where they stand, the last changed first."""
        self.bring_up_to_date()
        with self.database.read() as connection:
            return list(telling.all_standing(connection, self.clock(), wanted))

    def stories_page(self, wanted: Filter, offset: int, limit: int) -> tuple[list[Standing], int]:
        """Some stories, and how many there are in all."""
        self.bring_up_to_date()
        now = self.clock()
        with self.database.read() as connection:
            ids = telling.list_ids(connection, wanted, offset=offset, limit=limit)
            found = telling.find_standing(connection, ids, now)
            return [found[i] for i in ids if i in found], telling.count(connection, wanted)

    def stories_like(self, words: str, count: int) -> list[Standing]:
        """The stories nearest in meaning to some words, the nearest first.

        Raises:
            RefusedAction: This desk has no encoder.
        """
        if self.search is None:
            raise RefusedAction(
                "Stories cannot be found by meaning here.", hint="`delight playbook build` makes it so."
            )
        self.bring_up_to_date()
        with self.database.read() as connection:
            ids = self.search.nearest(words, telling.texts(connection, AT_MOST), count)
            found = telling.find_standing(connection, ids, self.clock())
            return [found[i] for i in ids if i in found]

    def story(self, story_id: str) -> Standing:
        """One story with where it stands.

        Raises:
            NotFound: There is none.
        """
        with self.database.read() as connection:
            return telling.get_standing(connection, story_id, self.clock())

    def story_chain(self, story_id: str) -> Chain:
        """A story with all it rests on.

        Raises:
            NotFound: There is none.
        """
        with self.database.read() as connection:
            where = telling.get_standing(connection, story_id, self.clock())
            ref = where.story.ticket_ref
            return Chain(
                where,
                ticketing.get(connection, ref),
                asking.of_ticket(connection, ref),
                asking.entries(connection, ref=ref),
                people.audited(connection, story_id),
                self.other_words(connection, ref),
            )

    def save_story(self, story: Story, by: str) -> Standing:
        """Keep a story; every quote is proved to be the customer's own words first.

        Raises:
            RefusedAction: A quote is not the customer's, or there is no hook.
        """
        now = self.clock()
        ours = {name: clean(getattr(story, name)).strip() for name in OURS}
        story = story.model_copy(update=ours)
        with self.database.begin() as connection:
            approved = [e.words for e in asking.entries(connection, ref=story.ticket_ref) if e.answer in YES]
            prove_quotes(story, ticketing.get(connection, story.ticket_ref), approved)
            if not story.hook.strip():
                raise RefusedAction("A story needs a hook: one line that makes a reader stop.")
            telling.put(connection, story.model_copy(update={"updated_at": now, "by": by}))
            people.audit(connection, now, by, "edited", story.id)
            where = self._settle_story(connection, story.id)
            assert where is not None
            return where

    def edit_story(self, story_id: str, by: str, quote: str | None = None, **fields: str) -> Standing:
        """Change the words around a quote, or shorten it to a faithful part; any other words of it need the customer.

        Raises:
            RefusedAction: The quote would turn what the customer meant, with the reasons.
        """
        with self.database.read() as connection:
            where = telling.get_standing(connection, story_id, self.clock())
            entries = asking.entries(connection, ref=where.story.ticket_ref)
        story = where.story.model_copy(update={name: clean(value).strip() for name, value in fields.items()})
        if quote is not None and story.quotes and quote.strip() != story.quotes[0].text:
            words, first = quote.strip(), story.quotes[0]
            agreed = next((e.words for e in reversed(entries) if e.answer in YES), first.original or first.text)
            if reasons := turned(agreed, words):
                raise RefusedAction(
                    f"The quote cannot be shortened so: {'; '.join(reasons)}.",
                    hint="Leave it, choose whole sentences, or ask the customer about the new words.",
                )
            shortened = Quote(text=words, message_id=first.message_id, original=first.original or first.text)
            story = story.model_copy(update={"quotes": (shortened, *story.quotes[1:])})
        return self.save_story(story, by)

    def want_other_words(self, story_id: str, words: str, by: str) -> None:
        """Have the customer asked about other words of their quote; until they agree, the story stays as it is.

        Raises:
            NotFound: There is no such story.
            RefusedAction: Nothing was agreed yet, these words were, they are too many, or the customer must not be asked.
        """
        now, words = self.clock(), clean(words).strip()
        with self.database.begin() as connection:
            where = telling.get_standing(connection, story_id, now)
            ref = where.story.ticket_ref
            if where.permission is None or not _agreed_now(where):
                raise RefusedAction(f"There is no permission to change: {where.why}.", hint="Ask them first.")
            if not words or len(words) > MAX_WORDS:
                raise RefusedAction(f"Write the words to ask about, at most {MAX_WORDS:,} characters.")
            if words == asking.entry(connection, where.permission).words:
                raise RefusedAction("The customer agreed to these words already.")
            if paused := _paused_by(connection, where.story.customer_key):
                raise RefusedAction(f"Asks are paused by {paused}.")
            asking.schedule(connection, Scheduled(ref, by, now, words))
            people.audit(connection, now, by, "wants other words", story_id, words)

    def drop_other_words(self, story_id: str, by: str) -> None:
        """Take the wish back to have the customer asked about other words."""
        now = self.clock()
        with self.database.begin() as connection:
            where = telling.get_standing(connection, story_id, now)
            if asking.other_words(connection, where.story.ticket_ref) is not None:
                asking.unschedule(connection, where.story.ticket_ref)
                people.audit(connection, now, by, "wants no other words", story_id)

    def other_words(self, connection: Connection, ref: str) -> Scheduled | None:
        """What the customer of a ticket shall be asked about anew, while what they agreed to stands; else None."""
        wanted = asking.other_words(connection, ref)
        story = telling.of_ticket(connection, ref) if wanted is not None else None
        if story is None or not _agreed_now(telling.get_standing(connection, story.id, self.clock())):
            return None
        return wanted

    def ask_again(self, connection: Connection, ticket: Ticket, wanted: Scheduled, values: Mapping[str, str]) -> Ask:
        """The question about other words, with a link of its own; it stands in a draft and is not sent yet.

        Args:
            wanted: As `other_words` found it.
            values: What fills the slots of its text.
        """
        agreed = next(e for e in reversed(counting(asking.entries(connection, ref=ticket.ref))) if e.answer in YES)
        texts = self._texts_for(ticket.customer)
        ask = compose_again(ticket, wanted.words, agreed, texts, values, self.clock())
        asking.put(connection, ask)
        link = self.make_link(connection, ask)
        end = texts.say("again_link" if link else "again_reply", {**values, "link": link})
        ask = ask.model_copy(update={"text": f"{ask.text} {end}"})
        asking.put(connection, ask)
        return ask

    def approve_story(self, story_id: str, by: str) -> Standing:
        """Marketing's key.

        Raises:
            RefusedAction: The customer's key is not turned for exactly these words, or a claim is not proved.
        """
        now = self.clock()
        with self.database.begin() as connection:
            where = telling.get_standing(connection, story_id, now)
            entry = approve(where, by)
            kept = where.story.model_copy(update={"recheck_at": now + timedelta(days=self.policy().recheck_days)})
            telling.put(connection, kept)
            claims = tuple(claims_of(kept))
            approval = Approval(
                story_id=story_id, fingerprint=kept.fingerprint, entry=entry, by=by, at=now, claims=claims
            )
            telling.add_approval(connection, approval)
            people.audit(connection, now, by, "approved", story_id)
            done = self._settle_story(connection, story_id)
            assert done is not None
            return done

    def retract_story(self, story_id: str, by: str, reason: str) -> Standing:
        """Marketing takes its key back, with a reason: the story leaves every pull, and every place must be cleared.

        Raises:
            RefusedAction: It is not released, or no reason is given.
        """
        now = self.clock()
        if not reason.strip():
            raise RefusedAction("Say why: whoever wrote the story reads it.")
        with self.database.begin() as connection:
            where = telling.get_standing(connection, story_id, now)
            if where.state not in ("awaiting_marketing", "ready", "published"):
                raise RefusedAction(f"There is nothing to send back: {where.why}.")
            none = Approval(story_id=story_id, fingerprint="", entry=0, by=by, at=now)
            telling.add_approval(connection, none)
            people.audit(connection, now, by, "sent back", story_id, reason)
            done = self._settle_story(connection, story_id)
            assert done is not None
            return done

    def recheck_story(self, story_id: str, by: str) -> None:
        """Somebody looked at a story again and it still holds."""
        now = self.clock()
        with self.database.begin() as connection:
            story = telling.get_standing(connection, story_id, now).story
            ends = now + timedelta(days=self.policy().recheck_days)
            telling.put(connection, story.model_copy(update={"recheck_at": ends}))
            people.audit(connection, now, by, "checked again", story_id)

    def publish(self, story_id: str, place: Place, address: str, campaign: str, by: str) -> Standing:
        """Record where a story stands.

        Raises:
            RefusedAction: It is not released, the customer did not agree to this place, or no address is given.
        """
        now = self.clock()
        with self.database.begin() as connection:
            where = telling.get_standing(connection, story_id, now)
            if not where.released or where.terms is None:
                raise RefusedAction(f"It cannot be published: {where.why}.")
            if place not in where.terms.places:
                raise RefusedAction(
                    f"The customer did not agree to {place}.", hint=f"They agreed to {', '.join(where.terms.places)}."
                )
            if not address.strip():
                raise RefusedAction("Say where it stands, so that it can be found and taken down.")
            made = Publication(
                story_id=story_id,
                place=place,
                address=clean(address).strip(),
                campaign=clean(campaign).strip(),
                by=by,
                at=now,
            )
            telling.publish(connection, made)
            people.audit(connection, now, by, "published", story_id, f"{place}: {made.address}")
            done = self._settle_story(connection, story_id)
            assert done is not None
            return done

    def cleared(self, number: int, by: str, proof: str) -> Publication:
        """Record that a place was cleared, and how somebody knows.

        Raises:
            NotFound: There is no such place, or it is cleared already.
            RefusedAction: No proof is given.
        """
        if not proof.strip():
            raise RefusedAction("Say how you know that it is gone: an address that answers 404, a picture, a name.")
        now = self.clock()
        with self.database.begin() as connection:
            done = telling.removed(connection, number, by, clean(proof).strip(), now)
            people.audit(connection, now, by, "cleared", done.story_id, f"{done.place}: {done.address}")
            self._settle_story(connection, done.story_id)
            return done

    # Pull: every door calls one of these, and they call `export_of`

    def exports(self) -> Iterator[Export]:
        """What may leave the house, one at a time: however many there are, few are held."""
        self.bring_up_to_date()
        before: int | None = None
        while True:
            with self.database.read() as connection:
                part = telling.newest(connection, 500, before=before)
                found = self._released(connection, part)
            yield from found
            if len(part) < 500:
                return
            before = part[-1].change

    def newest(self, limit: int, place: str = "") -> list[tuple[Export, datetime]]:
        """The last released stories with when each was last changed; of a place only those agreed for it."""
        self.bring_up_to_date()
        with self.database.read() as connection:
            part = telling.newest(connection, limit, place)
            found = {export.id: export for export in self._released(connection, part)}
            return [
                (found[c.story_id], c.changed_at)
                for c in part
                if c.story_id in found and (not place or place in found[c.story_id].places)
            ]

    def changes(
        self, after: int, limit: int, wanted: Filter = EVERY, since: datetime | None = None
    ) -> list[tuple[Change, Export | Tombstone]]:
        """What was released, or is gone, since change number `after`; in the order of the changes."""
        self.bring_up_to_date()
        with self.database.read() as connection:
            part = telling.changes(connection, after, limit, wanted, since)
            found = {
                export.id: export for export in self._released(connection, part)
            }  # a filter has settled `released`
            return [
                (c, found.get(c.story_id) or Tombstone(id=c.story_id, gone_at=c.changed_at, change=c.change))
                for c in part
            ]

    def gone(self, limit: int) -> list[tuple[Tombstone, datetime]]:
        """The last stories that had left the house and are gone, the last gone first."""
        self.bring_up_to_date()
        with self.database.read() as connection:
            part = telling.gone(connection, limit)
            return [(Tombstone(id=c.story_id, gone_at=c.changed_at, change=c.change), c.changed_at) for c in part]

    def last_change(self) -> int:
        """Number of the last change: while it stands, whatever was pulled is still right."""
        self.bring_up_to_date()
        with self.database.read() as connection:
            return telling.last_change(connection)

    def released(self, story_id: str) -> Export:
        """One story as it may leave the house.

        Raises:
            NotFound: There is none, or it is not released: nobody outside learns which.
        """
        with self.database.read() as connection:
            where = telling.find_standing(connection, [story_id], self.clock()).get(story_id)
            if where is None or not where.released:
                raise NotFound(f"There is no released story {story_id}.")
            return export_of(where)

    def _released(self, connection: Connection, part: Sequence[Change]) -> list[Export]:
        found = telling.find_standing(connection, [c.story_id for c in part if c.released], self.clock())
        return [export_of(found[c.story_id]) for c in part if c.story_id in found and found[c.story_id].released]

    # Time

    def bring_up_to_date(self) -> None:
        """Let what time alone changes happen: agreed times that are over; stories of an older version of the program."""
        now = self.clock()
        done: set[str] = set()
        while True:
            with self.database.read() as connection:
                missing = [] if self._indexed else telling.missing_from_index(connection, AT_ONCE)
                late = {*missing, *telling.run_out(connection, now, AT_ONCE)} - done
            if not late:
                self._indexed = True  # whatever is kept from now on is indexed as it is kept
                return
            with self.database.begin() as connection:
                for story_id in late:
                    self._settle_story(connection, story_id)
            done |= late

    def expire(self) -> int:
        """Close asks that nobody answered in time; return how many. An entry of the ledger says so."""
        now = self.clock()
        ends = now - timedelta(days=self.policy().answer_within_days)
        with self.database.read() as connection:
            if not asking.unanswered(connection, ends):
                return 0  # as nearly always: nobody waits for the lock
        with self.database.begin() as connection:
            late = asking.unanswered(connection, ends)
            for ask in late:
                self._record(connection, ask, "expired", Terms(), ask.words, "", "", by="nobody answered in time")
        return len(late)

    def count_resolved(self) -> None:
        """Give conversations that were resolved of late their number in the row from which reviews are asked."""
        page = self.reviews()
        if page is None:
            return
        now = self.clock()
        since = now - timedelta(days=page.valid_days)
        with self.database.read() as connection:
            if not review.uncounted(connection, ticketing.resolved_since(connection, since)):
                return  # as nearly always: nobody waits for the lock
        with self.database.begin() as connection:
            review.count(connection, ticketing.resolved_since(connection, since), page.every, now)

    def review_invitation(self, ref: str) -> str:
        """The neutral text that invites to a public review, where it is this conversation's turn.

        Raises:
            RefusedAction: It is not, or the team asks for no reviews.
        """
        page = self.reviews()
        if page is None:
            raise RefusedAction("This team asks for no public reviews.", hint="playbooks/review.md says how.")
        with self.database.read() as connection:
            if ref not in {turn.ref for turn in review.due(connection, page.valid_days, self.clock())}:
                raise RefusedAction(f"{ref} is not invited: one in every {page.every} is, and nobody chooses which.")
            return page.invitation(ticketing.get(connection, ref).customer.first_name)

    def due(self) -> Due:
        """What waits for somebody."""
        self.bring_up_to_date()
        now, policy, page = self.clock(), self.policy(), self.reviews()
        with self.database.read() as connection:
            late = asking.unanswered(connection, now - timedelta(days=policy.remind_after_days))
            waiting = islice(telling.all_standing(connection, now, AWAITING), LOOKED_AT)
            claimed = ((where, tuple(claims_of(where.story))) for where in waiting)
            return Due(
                reminders=tuple(
                    ask for ask in late if ask.state == "sent" and not self._why_no_reminder(connection, ask)
                ),
                scheduled=tuple(
                    (
                        wanted,
                        bool(wanted.words) or ticketing.get(connection, wanted.ref).status in ("resolved", "closed"),
                    )
                    for wanted in asking.scheduled(connection)
                    if not wanted.words or self.other_words(connection, wanted.ref) is not None
                ),
                take_downs=tuple(telling.take_downs(connection)),
                rechecks=tuple(telling.to_recheck(connection, now)),
                substantiations=tuple(
                    (where, found) for where, found in claimed if found and not where.story.proof.strip()
                ),
                not_looked_at=max(0, telling.count(connection, AWAITING) - LOOKED_AT),
                reviews=tuple(review.due(connection, page.valid_days, now)) if page is not None else (),
            )

    def reminded(self, ask_id: str, by: str) -> Ask:
        """Record the one reminder of an ask.

        Raises:
            RefusedAction: It was answered, or reminded of already.
        """
        with self.database.begin() as connection:
            return self._note_reminder(connection, asking.get(connection, ask_id), by)

    def reminder(self, ref: str) -> str:
        """The one reminder of an ask in this conversation that nobody answered, in the customer's language.

        Raises:
            RefusedAction: None of its asks waits, or not for long enough, or it was reminded of, or they are not to be asked.
        """
        with self.database.read() as connection:
            ask = self.to_remind(connection, ref)
            customer = ticketing.get(connection, ref).customer
            linked = asking.has_link(connection, ask.id, CONSENT)
        values = {
            "customer.first_name": customer.first_name,
            "company.name": self.house.company,
            "words": ask.words,
        }
        texts = self._texts_for(customer)
        said = [texts.say("remind_again" if ask.before else "remind", values)]
        if linked:
            said.append(texts.say("remind_link", values))
        return " ".join([*said, texts.say("remind_end", values)])

    def note_reminder(self, connection: Connection, ref: str, by: str) -> None:
        """Note that the ask of this conversation was reminded of; that it was answered meanwhile changes nothing."""
        with suppress(RefusedAction):
            self._note_reminder(connection, self.to_remind(connection, ref), by)

    def to_remind(self, connection: Connection, ref: str) -> Ask:
        """The ask of a conversation that may be reminded of now.

        Raises:
            RefusedAction: There is none, with the reason.
        """
        waiting = [ask for ask in asking.of_ticket(connection, ref) if ask.state == "sent"]
        if not waiting:
            raise RefusedAction("No ask of this conversation waits for an answer.")
        if why := self._why_no_reminder(connection, waiting[-1]):
            raise RefusedAction(why)
        return waiting[-1]

    def _why_no_reminder(self, connection: Connection, ask: Ask) -> str:
        """Why an ask that waits is not reminded of now; empty where it may be."""
        policy, now = self.policy(), self.clock()
        assert ask.sent_at is not None
        since = now - ask.sent_at
        if ask.reminded_at is not None:
            return "The customer was reminded once; more would be pressing."
        if since < timedelta(days=policy.remind_after_days):
            return f"They were asked on {ask.sent_at:%Y-%m-%d}; wait {policy.remind_after_days} days before a reminder."
        if since >= timedelta(days=policy.answer_within_days):
            return f"They were asked on {ask.sent_at:%Y-%m-%d}; that nobody answered is an answer."
        if paused := _paused_by(connection, ask.customer_key):
            return f"Asks are paused by {paused}."
        email = ticketing.customer(connection, ask.customer_key).email
        others = asking.of_person(connection, ask.customer_key, email)
        if any(other.state in ("declined", "withdrawn") for other in others):
            return "The customer said no before."
        return ""

    def _note_reminder(self, connection: Connection, ask: Ask, by: str) -> Ask:
        now = self.clock()
        done = ask.reminded(now)
        asking.put(connection, done)
        people.audit(connection, now, by, "reminded", ask.id)
        return done

    def schedule(self, ref: str, by: str) -> None:
        """Ask in this conversation once the customer has confirmed that it is solved."""
        with self.database.begin() as connection:
            ticketing.get(connection, ref)
            asking.schedule(connection, Scheduled(ref, by, self.clock(), ""))

    # People

    def people(self, words: str = "", limit: int = 50) -> list[tuple[str, Customer]]:
        """Customers whose name, address or company holds some words."""
        with self.database.read() as connection:
            return ticketing.find_customers(connection, words, limit)

    def person(self, key: str) -> Person:
        """All that is held about asks, gives and stories of one customer.

        Raises:
            NotFound: There is none of that key.
        """
        now = self.clock()
        with self.database.read() as connection:
            return self._person(connection, key, now)

    def _person(self, connection: Connection, key: str, now: datetime) -> Person:
        customer = ticketing.customer(connection, key)
        keys = asking.keys_of_person(connection, key, customer.email)
        refs = ticketing.refs_of(connection, keys)
        ids = [story.id for ref in refs if (story := telling.of_ticket(connection, ref)) is not None]
        asks = asking.of_person(connection, key, customer.email)
        return Person(
            key=key,
            customer=customer,
            keys=tuple(keys),
            paused_by=ticketing.paused_by(connection, keys),
            asks=tuple(asks),
            visits={ask.id: asking.visits(connection, ask.id, REFER) for ask in asks if ask.referral},
            entries=tuple(asking.entries(connection, refs=refs)),
            gives=tuple(asking.gives_of(connection, keys)),
            stories=tuple(telling.find_standing(connection, ids, now).values()),
            tickets=tuple(refs),
        )

    def pause(self, key: str, by: str, *, paused: bool) -> None:
        """Never ask this customer again (or take that back); the customer's own wish only they can take back.

        Raises:
            NotFound: There is none of that key.
            RefusedAction: The customer themself asked for it.
        """
        now = self.clock()
        with self.database.begin() as connection:
            customer = ticketing.customer(connection, key)
            for k in asking.keys_of_person(connection, key, customer.email):
                if not paused and ticketing.do_not_ask(connection, k) == BY_CUSTOMER:
                    raise RefusedAction("The customer asked not to be asked again; only they can take that back.")
                ticketing.set_do_not_ask(connection, k, by, value=paused)
            people.audit(connection, now, by, "paused asks" if paused else "resumed asks", key)

    def give(self, key: str, what: str, by: str) -> None:
        """Record a thank-you or a favour that asked for nothing.

        Raises:
            NotFound: There is none of that key.
            RefusedAction: It does not say what was given.
        """
        if not what.strip():
            raise RefusedAction("Say what was given.")
        with self.database.begin() as connection:
            ticketing.customer(connection, key)
            asking.give(connection, key, clean(what).strip()[:300], by, self.clock())

    def export_person(self, key: str) -> dict[str, object]:
        """All that is held about a customer (GDPR 15), as data.

        Raises:
            NotFound: There is none of that key.
        """
        now = self.clock()
        with self.database.read() as connection:
            found = self._person(connection, key, now)
            tickets = [ticketing.get(connection, ref) for ref in found.tickets]
            readings = {ref: reading_store.get(connection, ref) for ref in found.tickets}
            drafts = [draft for ref in found.tickets for draft in drafting.of_ticket(connection, ref)]
            corrections = [c for ref in found.tickets for c in reading_store.corrections_of(connection, ref)]
            return {
                "customer": found.customer.model_dump(mode="json"),
                "known_as": list(found.keys),
                "do_not_ask": found.paused_by,
                "to_be_asked": [
                    {**wanted._asdict(), "at": wanted.at.isoformat()}
                    for ref in found.tickets
                    for wanted in asking.scheduled(connection, ref)
                ],
                "tickets": [ticket.model_dump(mode="json") for ticket in tickets],
                "readings": {ref: r.model_dump(mode="json") for ref, r in readings.items() if r is not None},
                "corrections": [c.model_dump(mode="json") for c in corrections],
                "drafts": [draft.model_dump(mode="json") for draft in drafts],
                "asks": [ask.model_dump(mode="json") for ask in found.asks],
                "permissions": [entry.model_dump(mode="json") for entry in found.entries],
                "gives": [given.model_dump(mode="json") for given in found.gives],
                "stories": [where.model_dump(mode="json") for where in found.stories],
            }

    def note_export(self, path: Path, count: int, by: str) -> None:
        """Note that stories were written to a file, so that it can be looked into when one of them must go."""
        self.audit(by, EXPORTED, str(path.resolve()), f"{count} stories")

    def _exports_with(self, stories: Sequence[str]) -> list[str]:
        """Files of earlier exports that hold one of some stories, or that nobody can say it of."""
        with self.database.read() as connection:
            paths = people.subjects_of(connection, EXPORTED)
        found = []
        for path in map(Path, paths):
            try:
                with path.open(encoding="utf-8", errors="replace") as file:
                    if any(story_id in line for line in file for story_id in stories):
                        found.append(f"{path}: export it again, and pass that on")
            except FileNotFoundError:
                found.append(f"{path}: it is not there any more; whoever holds it must be told")
            except OSError as error:
                found.append(f"{path}: it cannot be read ({error.strerror})")
        return found

    def forget(self, key: str, by: str) -> Left:
        """Erase a customer everywhere (GDPR 17); return where copies still are that only a person can reach.

        What stays: that something was asked and answered, when, under which wording and terms, chained in the ledger;
        places that must be cleared, by the story's number.

        Raises:
            NotFound: There is none of that key.
        """
        now = self.clock()
        with self.database.begin() as connection:
            found = self._person(connection, key, now)
            connection.exec_driver_sql("PRAGMA secure_delete=ON")  # what is deleted is written over
            stories = [where.story.id for where in found.stories]
            written = [draft.id for ref in found.tickets for draft in drafting.of_ticket(connection, ref)]
            # A ticket may have come to this customer after the ask; its words go, so its entry must say so.
            of_tickets = (ask for ref in found.tickets for ask in asking.of_ticket(connection, ref))
            asks = {ask.id: ask for ask in (*found.asks, *of_tickets)}
            named = [*found.keys, *asks]
            ticketing.may_erase(connection, [*found.tickets, *stories, *named], by, now)
            for ask in asks.values():
                if ask.state not in ("drafted", "dropped"):
                    asking.add_entry(connection, _erased(ask, now, by))
            asking.forget(connection, found.tickets, found.keys)
            telling.forget(connection, stories)
            drafting.forget(connection, found.tickets)
            guiding.forget(connection, found.tickets)
            reading_store.forget(connection, found.tickets)
            ticketing.forget(connection, found.tickets, found.keys)
            people.forget(connection, [*found.tickets, *stories, *named])
            ticketing.erased(connection, named)
            for story_id in stories:
                self._settle_story(connection, story_id)
            people.audit(connection, now, by, "erased a customer", f"{len(found.tickets)} tickets")
            stands = telling.publications_of(connection, stories)
            left = self.outside.forget(found.tickets, written) if self.outside is not None else []
        self.database.fold()
        files = [*(self._exports_with(stories) if stories else []), *left]
        places = (p.address for found_at in stands.values() for p in found_at if p.removed_at is None)
        return Left(tuple(places), tuple(files))

    def audit(self, who: str, action: str, subject: str, detail: str = "") -> None:
        """Note what somebody did."""
        with self.database.begin() as connection:
            people.audit(connection, self.clock(), who, action, subject, detail)

    def audited(self, limit: int = 200) -> list[AuditLine]:
        """What was done, the last first."""
        with self.database.read() as connection:
            return people.audited(connection, limit=limit)

    # Overview

    def funnel(self) -> Funnel:
        """Counts from moment to published story."""
        self.bring_up_to_date()
        with self.database.read() as connection:
            return funnel(connection)

    def counted(self, by: By, name: str, step: Step) -> list[Happened]:
        """What one number of the funnel's rows counts, the newest first."""
        self.bring_up_to_date()
        with self.database.read() as connection:
            found = [one for one in happened(connection, by) if (one.name, one.step) == (name, step)]
        return sorted(found, key=lambda one: one.at, reverse=True)

    def funnel_rows(self, by: By) -> list[FunnelRow]:
        """The funnel by week, signal or play."""
        self.bring_up_to_date()
        with self.database.read() as connection:
            return funnel_rows(connection, by)


def _agreed_now(where: Standing) -> bool:
    """Whether the customer's yes stands."""
    return where.terms is not None and where.state not in ("withdrawn", "expired")


def _paused_by(connection: Connection, key: str) -> str:
    """Who paused all asks of a person, in whatever queue; empty where nobody did."""
    keys = asking.keys_of_person(connection, key, ticketing.customer(connection, key).email)
    return ticketing.paused_by(connection, keys)


def _named(customer: Customer, texts: Texts) -> dict[NameStyle, str]:
    """How the customer's name would read, by style."""
    nobody = texts.texts["name_anonymous"].partition(":")[2].strip(' “”„«»\u00a0"') or "a customer"
    return {style: name_as(customer.name, style) or nobody for style in NAME_STYLES}


def _erased(ask: Ask, now: datetime, by: str) -> Entry:
    return Entry(
        seq=0, ask_id=ask.id, ticket_ref=ask.ticket_ref, customer_key="", answer="erased", words_hash="", wording=ask.wording,
        terms=Terms(), channel="", at=now, by=by,
    )  # fmt: skip
