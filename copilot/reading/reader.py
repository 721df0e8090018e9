"""The reader: tickets in, readings out. One batch function serves the desk, the command line and the archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copilot.reading.encoder import Encoder
from copilot.reading.heads import Heads, Scored, Scores
from copilot.reading.language import language_of
from copilot.reading.model import Model
from copilot.reading.models import HAPPY, MOODS, Evidence, Label, Mood, MoodPoint, Reading
from copilot.reading.pieces import Pieces, Turn, pieces_of, thread_of, windows_of
from copilot.text import digest
from copilot.tickets.models import Ticket

PATH_LENGTH = 4
"""Customer messages whose mood is read; of a longer thread, the last ones."""
SURELY_HAPPY = 0.8
"""How sure satisfied and delighted together must be for an ask: asking an unhappy customer costs more than any quote is worth."""
MOST_WINDOWS = 64
"""Windows in which a message too long to be read at once is searched for risks: some 12,000 characters."""
WITH_MOMENT = 0.6
"""Share of its threshold from which a signal is claimed where a moment is sure and no signal is: a moment is a moment of something."""
MIN_QUOTE_WORDS = 4
"""An ask needs words worth quoting."""


class _Work(NamedTuple):
    """One ticket on its way through a batch."""

    ticket: Ticket
    places: list[int]
    """Places of the customer's messages in the thread, oldest first; the last is the target."""
    first: int
    """Row of the first of them in the batch."""

    @property
    def target(self) -> int:
        """Row of the target."""
        return self.first + len(self.places) - 1


class _Inside(NamedTuple):
    """The inside of a long message.

    Attributes:
        windows: Parts of it that the model can read whole.
        note: What a person should know of it.
    """

    windows: list[Pieces]
    note: str


class Reader:
    """Reads mood, signals and risks.

    Args:
        model: What the heads were trained with.
        heads: The shipped heads.
        own: Heads of a team's own signals, fitted at `playbook build` on `encoder`.
        encoder: The playbook's encoder; used for a team's own signals only.
        enabled: Ids of signals and risks that have a page; None means all that the heads know.
    """

    def __init__(
        self,
        model: Model,
        heads: Heads,
        own: Heads | None = None,
        encoder: Encoder | None = None,
        enabled: frozenset[str] | None = None,
    ) -> None:
        self.model = model
        self.heads = heads
        self.own = own if encoder is not None else None
        self.encoder = encoder
        self.enabled = enabled
        known = "all" if enabled is None else ",".join(sorted(enabled))
        self.version = digest(model.name, heads.version, own.version if own else "", known)

    def read(self, ticket: Ticket) -> Reading:
        """The reading of one ticket."""
        return self.read_many([ticket])[0]

    def read_many(self, tickets: Sequence[Ticket], *, path: int = PATH_LENGTH) -> list[Reading]:
        """Readings of `tickets`, in their order; never raises for anything a customer wrote.

        Args:
            path: Customer messages whose mood is read, the target among them; 1 reads the target only.
        """
        out: list[Reading | None] = [self._unread(ticket) for ticket in tickets]
        works: dict[int, _Work] = {}
        threads: list[list[Turn]] = []
        for i, ticket in enumerate(tickets):
            if out[i] is None:
                places = _customer_places(ticket)[-path:]
                works[i] = _Work(ticket, places, len(threads))
                threads += [thread_of(ticket.messages[: place + 1]) for place in places]
        messages = pieces_of(threads, self.model.tokenise)
        inside = {i: self._inside(work, messages[work.target].left_out) for i, work in works.items()}
        windows = [window for part in inside.values() for window in part.windows]
        scored = self.model.read([*messages, *windows], self.heads)
        of_windows = iter(scored[len(messages) :])
        for i, work in works.items():
            row = work.target
            claims = self._claims(scored[row].whole)
            found = _evidence(work, messages[row], claims, self.heads, scored[row].sentences)
            for window in inside[i].windows:
                self._add_risks(work, window, next(of_windows), claims, found)
            out[i] = self._reading(work, scored, claims, found, inside[i].note)
        self._add_own(works, messages, out)
        return [reading for reading in out if reading is not None]

    def _unread(self, ticket: Ticket) -> Reading | None:
        """A reading that claims nothing, where there is nothing this reader may judge."""
        target = ticket.target
        language = "en"
        if target is None:
            automatic = any(m.automatic for m in ticket.messages)
            why = "automatic mail" if automatic else "the customer has not written"
        elif not any(c.isalnum() for c in target.text) and not _has_emoji(target.text):
            why = "no words"
        elif (language := language_of(target.text, ticket.customer.locale)) != "en":
            why = f"not read: the message is not in English ({language})"
        else:
            return None
        return Reading(ticket_version=ticket.version, reader=self.version, read=False, why_not=why, language=language)

    def _claims(self, scores: Scores) -> dict[str, float]:
        """Heads that fire on the target, with their confidence; rules of the codebook applied."""
        fired = {
            name: float(score)
            for name, score in zip(self.heads.labels, scores, strict=True)
            if score >= self.heads.thresholds.get(name, 2.0) and self._is_on(name)
        }
        mood, confidence = _mood(scores)
        if mood not in HAPPY:  # a signal needs a customer who credits the company
            fired = {name: value for name, value in fired.items() if not name.startswith("signal:")}
            fired.pop("flag:ask_ok", None)
            fired.pop("flag:moment", None)
        else:
            fired.pop("flag:sarcasm", None)
            if "flag:moment" in fired and not any(is_delight(name) or name.startswith("risk:") for name in fired):
                fired |= self._behind_moment(scores)
            if sum(float(scores[MOODS.index(mood)]) for mood in HAPPY) < SURELY_HAPPY:
                fired.pop("flag:ask_ok", None)
        fired[f"mood:{mood}"] = confidence
        return fired

    def _behind_moment(self, scores: Scores) -> dict[str, float]:
        """The signal of delight that comes nearest to its threshold, if it comes near."""
        own = [i for i, name in enumerate(self.heads.labels) if is_delight(name) and self._is_on(name)]
        cuts = np.array([self.heads.thresholds.get(self.heads.labels[i], 2.0) for i in own])
        best = nearest(scores[own], cuts) if own else None
        return {} if best is None else {self.heads.labels[own[best]]: float(scores[own[best]])}

    def _inside(self, work: _Work, left_out: tuple[int, int] | None) -> _Inside:
        """What was left out of a message too long to be read at once, as windows to be searched for risks."""
        if left_out is None:
            return _Inside([], "")
        text = work.ticket.messages[work.places[-1]].text
        windows = windows_of(text, left_out, self.model.tokenise)
        if len(windows) <= MOST_WINDOWS:
            return _Inside(windows, "")
        half = MOST_WINDOWS // 2
        return _Inside(windows[:half] + windows[-half:], "the middle of this very long message was not read")

    def _add_risks(
        self, work: _Work, window: Pieces, scored: Scored, claims: dict[str, float], found: dict[str, Evidence]
    ) -> None:
        """Add the risks of one window that are not claimed yet."""
        inside = self._claims(scored.whole)
        risks = {name: score for name, score in inside.items() if name.startswith("risk:") and name not in claims}
        claims |= risks
        found |= _evidence(work, window, risks, self.heads, scored.sentences)

    def _is_on(self, name: str) -> bool:
        kind, _, label = name.partition(":")
        return kind == "flag" or self.enabled is None or label in self.enabled

    def _add_own(self, works: Mapping[int, _Work], messages: Sequence[Pieces], out: list[Reading | None]) -> None:
        """Claim the team's own signals and risks too."""
        if self.own is None or self.encoder is None or not works:
            return
        texts = [work.ticket.messages[work.places[-1]].text for work in works.values()]
        scores = self.own.scores(self.encoder.encode(texts))
        for (i, work), text, row in zip(works.items(), texts, scores, strict=True):
            reading = out[i]
            claims = {
                name: float(score)
                for name, score in zip(self.own.labels, row, strict=True)
                if score >= self.own.thresholds[name] and self._is_on(name)
            }
            if reading is None or not claims:
                continue
            if reading.mood not in HAPPY:
                claims = {name: value for name, value in claims.items() if not name.startswith("signal:")}
            spans = messages[work.target].spans
            parts = self.own.scores(self.encoder.encode([text[a:b] for a, b in spans]))
            found = _evidence(work, messages[work.target], claims, self.own, parts)
            risks = _sorted((*reading.risks, *_labels("risk:", claims, found)))
            out[i] = reading.model_copy(
                update={
                    "signals": _sorted((*reading.signals, *_labels("signal:", claims, found))),
                    "risks": risks,
                    "moment": reading.moment and not risks,
                    "ask_ok": reading.ask_ok and not risks,
                }
            )

    def _reading(
        self, work: _Work, scored: Sequence[Scored], claims: dict[str, float], found: dict[str, Evidence], note: str
    ) -> Reading:
        ticket, places, first = work
        path = tuple(MoodPoint(message=place, mood=_mood(scored[first + k].whole)[0]) for k, place in enumerate(places))
        mood, confidence = _mood(scored[work.target].whole)
        signals = _sorted(_labels("signal:", claims, found))
        risks = _sorted(_labels("risk:", claims, found))
        quotable = len(ticket.messages[places[-1]].text.split()) >= MIN_QUOTE_WORDS
        return Reading(
            ticket_version=ticket.version,
            reader=self.version,
            mood=mood,
            mood_confidence=round(confidence, 4),
            mood_evidence=found.get(f"mood:{mood}"),
            path=path,
            sarcasm="flag:sarcasm" in claims,
            signals=signals,
            risks=risks,
            moment="flag:moment" in claims and any(label.name != "resolved_thanks" for label in signals) and not risks,
            ask_ok="flag:ask_ok" in claims and not risks and quotable,
            note=note,
        )


def is_delight(name: str) -> bool:
    """Whether a head stands for delight: any signal but ordinary success."""
    return name.startswith("signal:") and name != "signal:resolved_thanks"


def nearest(chances: Scores, thresholds: NDArray[np.float64]) -> int | None:
    """Place of the signal that is claimed with a sure moment: the one nearest to its threshold, from `WITH_MOMENT` of it on."""
    shares = chances / thresholds
    best = int(np.argmax(shares))
    return best if shares[best] >= WITH_MOMENT else None


def _evidence(
    work: _Work, message: Pieces, claims: Mapping[str, float], heads: Heads, parts: Scores
) -> dict[str, Evidence]:
    """For every claim, the sentence of the target on which its own head fires most.

    Args:
        parts: Scores of each sentence.
    """
    place = work.places[-1]
    text = work.ticket.messages[place].text
    whole = [k for k, (start, end) in enumerate(message.bounds) if end > start] or list(range(len(message.spans)))
    out: dict[str, Evidence] = {}
    for name in claims:
        if name == "mood:neutral" or name.startswith("flag:") or not whole:
            continue
        best = whole[int(np.argmax(parts[whole, heads.labels.index(name)]))]
        start, end = message.spans[best]
        out[name] = Evidence(message=place, start=start, end=end, text=text[start:end])
    return out


def _labels(prefix: str, claims: Mapping[str, float], found: Mapping[str, Evidence]) -> list[Label]:
    return [
        Label(name=name.partition(":")[2], confidence=round(confidence, 4), evidence=found[name])
        for name, confidence in claims.items()
        if name.startswith(prefix) and name in found
    ]


def _sorted(labels: Sequence[Label]) -> tuple[Label, ...]:
    return tuple(sorted(labels, key=lambda label: (-label.confidence, label.name)))


def _customer_places(ticket: Ticket) -> list[int]:
    return [
        place
        for place, m in enumerate(ticket.messages)
        if m.role == "customer" and m.public and not m.automatic and m.text.strip()
    ]


def _mood(row: Scores) -> tuple[Mood, float]:
    best = int(np.argmax(row[: len(MOODS)]))
    return MOODS[best], float(row[best])


def _has_emoji(text: str) -> bool:
    return any(ord(c) >= 0x2600 for c in text)
