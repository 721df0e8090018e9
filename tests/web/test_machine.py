"""Customers, agents, marketing and time do what they like, in any order; what is released follows from two keys alone."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from copilot.asking import store as asking
from copilot.asking.models import PLACES, Answer, Ask, Condition, NameStyle, Place, Terms
from copilot.db.engine import Database
from copilot.errors import NotFound, RefusedAction
from copilot.settings import WebSettings
from copilot.stories import store
from copilot.stories.models import Export, Publication, Quote, Tombstone
from copilot.telling import AFTERWARDS, Button, Until
from tests.fakes import FakeClock
from tests.web.fixtures_http import ADDRESS, PRAISE, Kept, Room, memory_folder, yes_of

ANSWER_WITHIN = timedelta(days=21)
EDITED = ("You fixed it before I knew.", f"{PRAISE} All of it.", "Completely other words.")
SPANS = ("You fixed it before I knew.", "I told the whole team about it.", "You fixed it", "Thank you so much.", PRAISE)
STARTS = ("noticed", "asked", "agreed", "ready", "published")
HOOKS = ("Fixed before they asked", "Nobody had to ask", "A row, repaired")
which = st.sampled_from([1, 2])
places = st.lists(st.sampled_from(PLACES), unique=True, max_size=3).map(tuple)
some = st.lists(st.sampled_from(PLACES), unique=True, min_size=1, max_size=3).map(tuple)


class CustomersKey(NamedTuple):
    """What the customer allows now."""

    entry: int
    words: str
    places: tuple[Place, ...]
    until: date | None
    open_condition: bool


class MarketingsKey(NamedTuple):
    """What marketing approved: exactly this, under exactly this entry."""

    entry: int
    hook: str
    quotes: tuple[Quote, ...]


@dataclass
class Asked:
    """An ask, and what became of it."""

    id: str
    token: str
    sent_at: datetime
    state: str = "sent"
    answered_at: datetime | None = None


@dataclass
class Believed:
    """What must be so of one story."""

    kept: Kept
    asks: list[Asked] = field(default_factory=list)
    customer: CustomersKey | None = None
    marketing: MarketingsKey | None = None
    left: bool = False
    erased: bool = False


@cache
def empty_database() -> Path:
    """A database of the newest form; every run copies it."""
    folder = Path(tempfile.mkdtemp(dir=memory_folder()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Database(folder / "empty.db").close()
    return folder / "empty.db"


class Machine(RuleBasedStateMachine):
    """Two customers, each with a story, on a real database."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=memory_folder()))
        shutil.copy(empty_database(), self.folder / "web.db")
        self.clock = FakeClock()
        self.room = Room(Database(self.folder / "web.db"), self.clock, WebSettings(public_url=ADDRESS))
        self.telling = self.room.telling
        self.entries = 0
        self.stories: dict[int, Believed] = {}

    def teardown(self) -> None:
        """Leave nothing."""
        self.room.database.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @initialize(
        one=st.sampled_from(STARTS),
        two=st.sampled_from(STARTS[3:]),
        words=st.sampled_from([PRAISE, EDITED[1]]),
        until=st.sampled_from(["one", "open"]),
    )
    def two_stories(self, one: str, two: str, words: str, until: Until) -> None:
        """Each somewhere on its way."""
        self.stories = {number: Believed(self.room.noticed(number)) for number in (1, 2)}
        for number, start in ((1, one), (2, two)):
            way = STARTS.index(start)
            if way > 0:
                self.is_asked(number)
            if way > 1:
                self.says_yes(number, words, ("website", "social"), until)
            if way > 2:
                self.marketing_approves(number)
            if way > 3:
                self.marketing_publishes(number, "website")

    # What must be so

    def agreed(self, story: Believed) -> bool:
        """Whether the customer's key is turned, now, for the words as they stand."""
        key = story.customer
        if key is None or story.erased or key.open_condition or not key.places:
            return False
        if key.until is not None and self.clock().date() > key.until:
            return False
        return all(quote.text in key.words for quote in self.telling.story(story.kept.id).story.quotes)

    def released(self, story: Believed) -> bool:
        """Whether both keys are turned for what stands there."""
        if not self.agreed(story) or story.marketing is None or story.customer is None:
            return False
        now = self.telling.story(story.kept.id).story
        return story.marketing == MarketingsKey(story.customer.entry, now.hook, now.quotes)

    def answered(self, story: Believed, asked: Asked, state: str, key: CustomersKey | None) -> None:
        """A clear answer is the last word about a story, by whichever ask it came."""
        asked.state, asked.answered_at = state, self.clock()
        story.customer = key

    def places_of(self, story: Believed) -> list[Publication]:
        """Where a story stands or stood, erased or not."""
        with self.room.database.read() as connection:
            return list(store.publications_of(connection, [story.kept.id]).get(story.kept.id, ()))

    # The customer

    @rule(number=which)
    def is_asked(self, number: int) -> None:
        """Once, and again only after the last ask has ended."""
        story = self.stories[number]
        if story.erased or any(asked.state not in ("declined", "withdrawn", "expired") for asked in story.asks):
            return
        words = story.kept.ticket.customer_messages[-1].text
        ask = Ask(
            id=f"a-{number}-{len(story.asks)}",
            ticket_ref=story.kept.ticket.ref,
            customer_key=story.kept.key,
            kind="quote",
            play_id="",
            wording="2026-11",
            words=words,
            text=words,
            created_at=self.clock(),
        ).sent("2", self.clock())
        with self.room.database.begin() as connection:
            asking.put(connection, ask)
            token = self.telling.make_link(connection, ask).rpartition("/")[2]
        story.asks.append(Asked(ask.id, token, self.clock()))

    @rule(number=which, words=st.sampled_from([PRAISE, *EDITED]), chosen=some, until=st.sampled_from(["one", "open"]))
    def says_yes(self, number: int, words: str, chosen: tuple[Place, ...], until: Until) -> None:
        """On the page that they got last, with all filled in."""
        self.presses(number, True, "yes", words, chosen, until, "full")

    @rule(number=which, chosen=some)
    def agrees_to_other_places(self, number: int, chosen: tuple[Place, ...]) -> None:
        """By mail, after a yes: new terms, which need a new approval."""
        if (story := self.stories[number]).customer is not None and story.asks[-1].state == "granted":
            self.answers_by_mail(number, True, "granted", chosen, "name_style")

    @rule(number=which)
    def takes_it_back(self, number: int) -> None:
        """On the page that they got last."""
        self.presses(number, True, "withdraw", "", (), None, "full")

    @rule(
        number=which,
        last=st.booleans(),
        button=st.sampled_from(["yes", "no", "never", "withdraw"]),
        words=st.sampled_from([PRAISE, PRAISE, *EDITED, ""]),
        chosen=places,
        until=st.sampled_from(["one", "two", "open", None]),
        style=st.sampled_from(["full", "first", "anonymous"]),
    )
    def presses(
        self,
        number: int,
        last: bool,
        button: Button,
        words: str,
        chosen: tuple[Place, ...],
        until: Until | None,
        style: NameStyle,
    ) -> None:
        """Any button of any link that was ever sent, on any day."""
        story = self.stories[number]
        if not story.asks:
            return
        asked = story.asks[-1 if last else 0]
        now = self.clock()
        form = yes_of(
            self.telling, story.kept, button=button, words=words, places=chosen, until=until, name_style=style
        )
        before = len(self.telling.ledger())
        shown = self.telling.press(asked.token, form)
        waits = asked.state in ("sent", "unclear") and now < asked.sent_at + ANSWER_WITHIN and not story.erased
        whole = bool(words.strip() and chosen and until)
        counts = {
            "yes": waits and whole,
            "withdraw": asked.state in ("granted", "conditional") and not story.erased,
        }.get(button, waits)
        added = self.telling.ledger()[before:]
        assert len(added) == int(counts)
        if (
            asked.answered_at is not None
            and asked.state in ("declined", "withdrawn")
            and now - asked.answered_at >= AFTERWARDS
        ):
            assert shown is None
        if not counts:
            return
        assert shown is not None
        if button == "yes":
            years = {"one": 1, "two": 2}.get(str(until))
            ends = (now + years * timedelta(days=365)).date() if years else None
            self.answered(story, asked, "granted", CustomersKey(added[0].seq, words.strip(), chosen, ends, False))
        else:
            self.answered(story, asked, "withdrawn" if button == "withdraw" else "declined", None)

    @rule(
        number=which,
        last=st.booleans(),
        answer=st.sampled_from(["granted", "conditional", "declined", "unclear", "withdrawn"]),
        chosen=places,
        condition=st.sampled_from(["name_style", "legal_approval"]),
    )
    def answers_by_mail(
        self, number: int, last: bool, answer: Answer, chosen: tuple[Place, ...], condition: Condition
    ) -> None:
        """An agent records what somebody wrote; what does not follow from the ask's state is refused whole."""
        story = self.stories[number]
        if story.erased or not story.asks:
            return
        asked = story.asks[-1 if last else 0]
        conditions: tuple[Condition, ...] = (condition,) if answer == "conditional" else ()
        yes = answer in ("granted", "conditional")
        terms = Terms(places=chosen, name_style="first", conditions=conditions) if yes else Terms()
        before = len(self.telling.ledger())
        try:
            with self.room.database.begin() as connection:
                ask = asking.get(connection, asked.id)
                entry = self.telling.record(
                    connection, ask, answer, terms, answer_text="so it was", channel="mail", message_id="3", by="Mara"
                )
        except RefusedAction:
            assert len(self.telling.ledger()) == before
            return
        if answer == "unclear":
            asked.state = "unclear"
        elif yes:
            key = CustomersKey(
                entry.seq, ask.words, chosen, None, condition == "legal_approval" and answer == "conditional"
            )
            self.answered(story, asked, answer, key)
        else:
            assert answer != "withdrawn" or asked.state in ("granted", "conditional")
            self.answered(story, asked, answer, None)

    @rule(number=which, sure=st.sampled_from([False, False, True]))
    def is_erased(self, number: int, sure: bool) -> None:
        """Nothing of them is left but what must come down."""
        story = self.stories[number]
        if story.erased or not sure:
            return
        stands = [place.address for place in self.places_of(story) if place.removed_at is None]
        assert list(self.telling.forget(story.kept.key, "Lea").places) == stands
        story.erased, story.customer = True, None

    # Marketing

    @rule(number=which)
    def marketing_approves(self, number: int) -> None:
        """Possible exactly where the customer's key is turned, and marketing's is not."""
        story = self.stories[number]
        if story.erased:
            return
        possible = self.agreed(story) and not self.released(story)
        try:
            where = self.telling.approve_story(story.kept.id, "Priya")
        except RefusedAction:
            assert not possible
            return
        assert possible
        assert story.customer is not None
        story.marketing = MarketingsKey(story.customer.entry, where.story.hook, where.story.quotes)

    @rule(number=which)
    def marketing_sends_back(self, number: int) -> None:
        """Possible wherever marketing has a say."""
        story = self.stories[number]
        if story.erased:
            return
        possible = self.agreed(story)
        try:
            self.telling.retract_story(story.kept.id, "Priya", "no longer so")
        except RefusedAction:
            assert not possible
            return
        assert possible
        story.marketing = None

    @rule(number=which, hook=st.sampled_from(HOOKS))
    def somebody_edits_the_hook(self, number: int, hook: str) -> None:
        """An edit never keeps an approval of other words."""
        story = self.stories[number]
        if not story.erased:
            self.telling.edit_story(story.kept.id, "Mara", hook=hook)

    @rule(number=which, span=st.sampled_from(SPANS))
    def somebody_trims_the_quote(self, number: int, span: str) -> None:
        """Only to words that the customer agreed to, or wrote."""
        story = self.stories[number]
        if story.erased:
            return
        before = self.telling.story(story.kept.id).story
        try:
            self.telling.edit_story(story.kept.id, "Mara", span)
        except RefusedAction:
            assert self.telling.story(story.kept.id).story == before
            return
        assert self.telling.story(story.kept.id).story.quotes[0].text == span

    @rule(number=which)
    def marketing_publishes_where_it_may(self, number: int) -> None:
        """The first place that was agreed."""
        key = self.stories[number].customer
        if key is not None and key.places:
            self.marketing_publishes(number, key.places[0])

    @rule(number=which, place=st.sampled_from(PLACES))
    def marketing_publishes(self, number: int, place: Place) -> None:
        """Only what is released, and only where it may stand."""
        story = self.stories[number]
        if story.erased:
            return
        possible = self.released(story) and story.customer is not None and place in story.customer.places
        try:
            self.telling.publish(story.kept.id, place, f"https://fernway.example/{place}", "", "Priya")
        except RefusedAction:
            assert not possible
            return
        assert possible

    @rule(number=which)
    def marketing_clears_a_place(self, number: int) -> None:
        """Once, and of erased customers too."""
        standing = [place for place in self.places_of(self.stories[number]) if place.removed_at is None]
        if not standing:
            return
        self.telling.cleared(standing[0].id, "Priya", "it answers 404")
        self.clock.forward(seconds=1)
        try:
            self.telling.cleared(standing[0].id, "Priya", "it answers 404")
        except NotFound:
            return
        raise AssertionError("cleared twice")

    # Time

    @rule(days=st.sampled_from([1, 20, 22, 91, 366, 366]))
    def time_passes(self, days: int) -> None:
        """Nothing else."""
        self.clock.forward(days=days)

    @rule()
    def the_server_ticks(self) -> None:
        """Asks that nobody answered in time are closed."""
        late = [
            (story, asked)
            for story in self.stories.values()
            for asked in story.asks
            if asked.state in ("sent", "unclear") and self.clock() - asked.sent_at > ANSWER_WITHIN and not story.erased
        ]
        assert self.telling.expire() == len(late)
        for story, asked in late:
            self.answered(story, asked, "expired", None)

    # Always

    @invariant()
    def what_leaves_the_house_is_what_both_keys_release(self) -> None:
        """By every door, and with exactly the words and terms of the keys."""
        expected = {story.kept.id: story for story in self.stories.values() if self.released(story)}
        exports = list(self.telling.exports())
        assert {export.id for export in exports} == set(expected)
        assert {export.id for export, _ in self.telling.newest(50)} == set(expected)
        for story in expected.values():
            story.left = True
        told = [told for _, told in self.telling.changes(0, 50)]
        assert {export.id for export in told if isinstance(export, Export)} == set(expected)
        gone = {story.kept.id for story in self.stories.values() if story.left} - set(expected)
        assert {stone.id for stone in told if isinstance(stone, Tombstone)} == gone
        for export in exports:
            key, marketing = expected[export.id].customer, expected[export.id].marketing
            assert key is not None
            assert marketing is not None
            assert (export.places, export.until, export.permission) == (key.places, key.until, key.entry)
            assert (export.hook, export.quote, export.approved_by) == (
                marketing.hook,
                marketing.quotes[0].text,
                "Priya",
            )
            assert export.quote in key.words
        for place in PLACES:
            fits = {story.kept.id for story in expected.values() if story.customer and place in story.customer.places}
            assert {export.id for export, _ in self.telling.newest(50, place)} == fits

    @invariant()
    def what_is_not_released_comes_down(self) -> None:
        """No place is forgotten, whatever ended the permission."""
        self.telling.bring_up_to_date()
        asked_for = {place.id for place in self.telling.due().take_downs}
        for story in self.stories.values():
            for place in self.places_of(story):
                if place.removed_at is None and not self.released(story):
                    assert place.take_down_by is not None
                    assert place.id in asked_for

    @invariant()
    def the_ledger_proves_itself_and_only_grows(self) -> None:
        """Erasing takes words, and no entry."""
        count = self.telling.verify_ledger()
        assert count >= self.entries
        self.entries = count

    @invariant()
    def one_story_read_alone_says_the_same(self) -> None:
        """The list and the single page cannot disagree."""
        for story in self.stories.values():
            try:
                self.telling.released(story.kept.id)
            except NotFound:
                assert not self.released(story)
            else:
                assert self.released(story)


Step = Callable[[Machine], object]
WAYS: Mapping[str, tuple[Step, ...]] = {
    "the agreed time runs out while it stands": (
        lambda m: m.two_stories("noticed", "published", PRAISE, "one"),
        lambda m: m.time_passes(364),
        lambda m: m.time_passes(1),
        lambda m: m.time_passes(1),
        lambda m: m.marketing_approves(2),
        lambda m: m.marketing_clears_a_place(2),
    ),
    "new terms, and a new approval": (
        lambda m: m.two_stories("noticed", "published", PRAISE, "open"),
        lambda m: m.agrees_to_other_places(2, ("sales",)),
        lambda m: m.marketing_publishes(2, "website"),
        lambda m: m.marketing_approves(2),
        lambda m: m.marketing_publishes(2, "website"),
        lambda m: m.marketing_publishes(2, "sales"),
    ),
    "other words than those they left": (
        lambda m: m.two_stories("noticed", "ready", EDITED[1], "open"),
        lambda m: m.agrees_to_other_places(2, ("website",)),
        lambda m: m.marketing_approves(2),
        lambda m: m.somebody_trims_the_quote(2, "You fixed it"),
        lambda m: m.somebody_trims_the_quote(2, "You fixed it before I knew."),
        lambda m: m.marketing_approves(2),
    ),
    "edited after the approval, and back": (
        lambda m: m.two_stories("noticed", "published", PRAISE, "open"),
        lambda m: m.somebody_edits_the_hook(2, HOOKS[1]),
        lambda m: m.marketing_approves(2),
        lambda m: m.somebody_trims_the_quote(2, "Thank you so much."),
        lambda m: m.marketing_approves(2),
        lambda m: m.somebody_trims_the_quote(2, PRAISE),
        lambda m: m.marketing_approves(2),
    ),
    "erased while it stands": (
        lambda m: m.two_stories("ready", "published", PRAISE, "open"),
        lambda m: m.is_erased(2, True),
        lambda m: m.presses(2, True, "withdraw", "", (), None, "full"),
        lambda m: m.marketing_clears_a_place(2),
        lambda m: m.is_erased(1, True),
    ),
    "taken back, asked again, agreed again": (
        lambda m: m.two_stories("noticed", "published", PRAISE, "open"),
        lambda m: m.takes_it_back(2),
        lambda m: m.is_asked(2),
        lambda m: m.presses(2, False, "yes", PRAISE, ("website",), "open", "full"),
        lambda m: m.says_yes(2, EDITED[2], ("social",), "open"),
        lambda m: m.marketing_approves(2),
        lambda m: m.marketing_publishes(2, "social"),
        lambda m: m.takes_it_back(2),
    ),
    "sent back, approved again": (
        lambda m: m.two_stories("noticed", "published", PRAISE, "open"),
        lambda m: m.marketing_sends_back(2),
        lambda m: m.marketing_approves(2),
        lambda m: m.marketing_publishes(2, "website"),
    ),
    "nobody answers, and then somebody does by mail": (
        lambda m: m.two_stories("asked", "ready", PRAISE, "open"),
        lambda m: m.time_passes(22),
        lambda m: m.presses(1, True, "yes", PRAISE, ("website",), "open", "full"),
        lambda m: m.the_server_ticks(),
        lambda m: m.presses(1, True, "yes", PRAISE, ("website",), "open", "full"),
        lambda m: m.answers_by_mail(1, True, "granted", ("website",), "name_style"),
        lambda m: m.marketing_approves(1),
    ),
}
"""Ways that must be walked whatever chance chooses."""


@pytest.mark.parametrize("way", WAYS)
def test_a_way_that_must_be_walked(way: str) -> None:
    machine = Machine()
    try:
        for step in WAYS[way]:
            step(machine)
            machine.what_leaves_the_house_is_what_both_keys_release()
            machine.what_is_not_released_comes_down()
            machine.the_ledger_proves_itself_and_only_grows()
            machine.one_story_read_alone_says_the_same()
    finally:
        machine.teardown()


TestAnyOrder = Machine.TestCase
TestAnyOrder.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # finding the shortest way takes minutes: add Phase.shrink for that
    suppress_health_check=list(HealthCheck),
)
