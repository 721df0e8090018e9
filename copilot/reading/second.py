"""A language model as a second reader: asked where the operator has one, believed only where its evidence is verbatim.

What it answers is cached by message, model and prompt. An answer that cannot be used leaves the offline reading, with a
note that says so. What must not live here: how a model is called, and what is hidden before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Protocol

from pydantic import ValidationError

from copilot.errors import ModelFault
from copilot.reading.models import HAPPY, Evidence, Label, Mood, Reading
from copilot.reading.reader import MIN_QUOTE_WORDS, Reader
from copilot.text import clean, digest
from copilot.tickets.models import Model, Ticket

AGREED = 0.95
"""Confidence of a label that both readers find."""
ALONE = 0.75
"""Confidence of a label that only the model finds."""


class Claim(Model):
    """A label as the model names it, with the words that show it."""

    name: str
    evidence: str


class Opinion(Model):
    """What the model answered."""

    model_config = {"extra": "ignore"}

    mood: Mood
    mood_evidence: str = ""
    sarcasm: bool = False
    signals: tuple[Claim, ...] = ()
    risks: tuple[Claim, ...] = ()
    moment: bool = False
    ask_ok: bool = False


class Disagreement(Model):
    """Two readings of one conversation that differ, for a lead to look at."""

    differ: tuple[str, ...]
    offline: Reading
    model: Reading


class OpinionCache(Protocol):
    """Keeps answers by key."""

    def get(self, key: str) -> str | None:
        """The answer of that key."""
        ...

    def put(self, key: str, answer: str) -> None:
        """Keep an answer."""
        ...


class SecondReader:
    """The offline reader, and a model beside it.

    Args:
        offline: Reads first; its reading stands where the model gives none that can be used.
        ask: Asks the model about one ticket; returns its answer as text. May raise ModelFault.
        name: Model and prompt version; answers of another name are not reused.
        cache: Keeps answers.
        labels: `signal:…` and `risk:…` names that have a page; a claim of any other is dropped.
        grave: Names of the risks of high severity. What the offline reader claims of them stays, whatever the model says.
    """

    def __init__(
        self,
        offline: Reader,
        ask: Callable[[Ticket], str],
        name: str,
        cache: OpinionCache,
        labels: frozenset[str],
        grave: frozenset[str] = frozenset(),
    ) -> None:
        self.offline = offline
        self.ask = ask
        self.name = name
        self.cache = cache
        self.labels = labels
        self.grave = grave
        self.version = digest(offline.version, name)

    def read_many(self, tickets: Sequence[Ticket]) -> list[Reading]:
        """Readings of `tickets`, in their order; never raises for anything the model does."""
        return [
            self.second(ticket, first) for ticket, first in zip(tickets, self.offline.read_many(tickets), strict=True)
        ]

    def second(self, ticket: Ticket, first: Reading) -> Reading:
        """The model's reading, or `first` with a note that says why there is none."""
        if not first.read or ticket.target is None:
            return first
        try:
            opinion = self._opinion(ticket)
        except ModelFault as fault:
            return first.model_copy(update={"reader": self.version, "note": f"read offline: {fault.message}"})
        return self._reading(ticket, first, opinion)

    def recall(self, ticket: Ticket, first: Reading) -> Reading:
        """The model's reading where it answered about these very words before, else `first`; nothing is asked."""
        answer = self.cache.get(self._key(ticket)) if first.read else None
        if answer is None:
            return first
        try:
            return self._reading(ticket, first, parse_opinion(answer))
        except ModelFault:  # an answer kept by another version of this program
            return first

    def compare(self, tickets: Sequence[Ticket]) -> list[Disagreement | None]:
        """Where the two readers differ, for each of `tickets`; None where they do not."""
        out: list[Disagreement | None] = []
        for ticket, first in zip(tickets, self.offline.read_many(tickets), strict=True):
            second = self.second(ticket, first)
            differ = tuple(part for part, read in DIFFERENCES.items() if read(first) != read(second))
            out.append(Disagreement(differ=differ, offline=first, model=second) if differ else None)
        return out

    def _key(self, ticket: Ticket) -> str:
        """Under what its answer about a ticket is kept."""
        return digest(self.name, *sorted(self.labels), *(f"{m.role}: {m.text}" for m in ticket.messages if m.public))

    def _opinion(self, ticket: Ticket) -> Opinion:
        key = self._key(ticket)
        answer = self.cache.get(key)
        if answer is not None:
            return parse_opinion(answer)
        answer = self.ask(ticket)
        opinion = parse_opinion(answer)
        self.cache.put(key, answer)
        return opinion

    def _reading(self, ticket: Ticket, first: Reading, opinion: Opinion) -> Reading:
        target = ticket.target
        assert target is not None
        place = ticket.messages.index(target)

        notes: list[str] = []
        dropped = 0

        def evidence(words: str) -> Evidence | None:
            words = words.strip()
            found = re.search(rf"(?<!\w){re.escape(words)}(?!\w)", target.text) if words else None
            return None if found is None else Evidence(message=place, start=found.start(), end=found.end(), text=words)

        def labels(kind: str, claims: Sequence[Claim], found: Sequence[Label]) -> dict[str, Label]:
            nonlocal dropped
            before = {label.name for label in found}
            made: dict[str, Label] = {}
            for claim in claims:
                shown = evidence(claim.evidence)
                if shown is None or f"{kind}:{claim.name}" not in self.labels:
                    dropped += 1
                else:
                    sure = AGREED if claim.name in before else ALONE
                    made.setdefault(claim.name, Label(name=claim.name, confidence=sure, evidence=shown))
            return made

        risks = labels("risk", opinion.risks, first.risks)
        kept = [label for label in first.risks if label.name in self.grave and label.name not in risks]
        risks |= {label.name: label for label in kept}
        notes += [f"only the offline reader found {label.name}" for label in kept]
        mood, shown = opinion.mood, evidence(opinion.mood_evidence)
        if shown is None and mood not in ("neutral", first.mood):
            mood = first.mood
            notes.append(f"the model's mood ({opinion.mood}) had no words of the customer's: the offline one stands")
        happy = mood in HAPPY
        signals = labels("signal", opinion.signals, first.signals) if happy else {}
        if dropped:
            notes.insert(0, f"{dropped} of the model's labels had no words of the customer's and were dropped")
        return first.model_copy(
            update={
                "reader": self.version,
                "mood": mood,
                "mood_confidence": AGREED if mood == first.mood else ALONE,
                "mood_evidence": shown or (first.mood_evidence if mood == first.mood else None),
                "path": tuple(p.model_copy(update={"mood": mood}) if p.message == place else p for p in first.path),
                "sarcasm": opinion.sarcasm and not happy,
                "signals": tuple(signals.values()),
                "risks": tuple(risks.values()),
                "moment": opinion.moment and bool(signals.keys() - {"resolved_thanks"}) and not risks,
                "ask_ok": opinion.ask_ok and happy and not risks and len(target.text.split()) >= MIN_QUOTE_WORDS,
                "note": "; ".join(notes),
            }
        )


DIFFERENCES: dict[str, Callable[[Reading], object]] = {
    "mood": lambda reading: reading.mood,
    "signals": lambda reading: {label.name for label in reading.signals},
    "risks": lambda reading: {label.name for label in reading.risks},
    "moment": lambda reading: reading.moment,
    "ask_ok": lambda reading: reading.ask_ok,
    "note": lambda reading: reading.note,
}
"""What is compared, in the order in which it is named."""


def parse_opinion(answer: str) -> Opinion:
    """The model's answer, whatever stands around its JSON object.

    Raises:
        ModelFault: There is no such object, or it does not hold a reading.
    """
    start, end = answer.find("{"), answer.rfind("}")
    try:
        return Opinion.model_validate(json.loads(clean(answer[start : end + 1])))
    except (ValueError, RecursionError, ValidationError) as error:
        raise ModelFault("the model's answer was no reading", hint="Another model may do better.") from error
