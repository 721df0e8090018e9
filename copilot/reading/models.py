"""Reading, Label, Correction, and the definition of a signal or risk. No evidence, no label."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import AwareDatetime, Field

from copilot.reading.pieces import Turn
from copilot.tickets.models import Model

Mood = Literal["angry", "frustrated", "neutral", "satisfied", "delighted"]
MOODS: tuple[Mood, ...] = ("angry", "frustrated", "neutral", "satisfied", "delighted")
FLAGS = ("moment", "ask_ok", "sarcasm")
"""What a reading says yes or no to, beside its signals and risks."""
UNHAPPY: frozenset[str] = frozenset(["angry", "frustrated"])
HAPPY: frozenset[str] = frozenset(["satisfied", "delighted"])
MOOD_SIGN: dict[str, str] = {"angry": "‼", "frustrated": "!", "neutral": "·", "satisfied": "+", "delighted": "★"}
Outcome = Literal["testimonial", "social_share", "referral"]


class Evidence(Model):
    """A verbatim span: `ticket.messages[message].text[start:end] == text`.

    Attributes:
        message: 0-based place of the message in the thread.
    """

    message: int
    start: int
    end: int
    text: str


class Label(Model):
    """A signal or risk that was found, with how sure the reader is (0 to 1) and the words that show it."""

    name: str
    confidence: float = Field(ge=0, le=1)
    evidence: Evidence
    corrected: bool = False


class MoodPoint(Model):
    """The mood of one customer message; `message` is its place in the thread."""

    message: int
    mood: Mood


class Reading(Model):
    """What the copilot reads in one version of a ticket, judged on the customer's last message.

    `read` is False where there was nothing to judge (automatic mail, no words) or the language is not one the reader
    knows; `why_not` then says so, and nothing is claimed.
    """

    ticket_version: str
    reader: str
    read: bool = True
    why_not: str = ""
    language: str = "en"
    mood: Mood = "neutral"
    mood_confidence: float = Field(default=0.0, ge=0, le=1)
    mood_evidence: Evidence | None = None
    mood_corrected: bool = False
    path: tuple[MoodPoint, ...] = ()
    sarcasm: bool = False
    signals: tuple[Label, ...] = ()
    risks: tuple[Label, ...] = ()
    moment: bool = False
    ask_ok: bool = False
    note: str = ""
    """What a person should know about how this was read."""

    @property
    def delight(self) -> tuple[Label, ...]:
        """The signals worth amplifying; ordinary success is not one."""
        return tuple(label for label in self.signals if label.name != "resolved_thanks")

    @property
    def evidence(self) -> str:
        """The words that best show the strongest signal, else risk, else the mood; empty where nothing was found."""
        for labels in (self.delight, self.signals, self.risks):
            if labels:
                return max(labels, key=lambda label: label.confidence).evidence.text
        return self.mood_evidence.text if self.mood_evidence else ""


class Correction(Model):
    """A person said the reader was wrong. It wins over every later reading of the same words."""

    ticket_ref: str
    ticket_version: str
    target: str
    """Id of the customer message that was judged."""
    field: Literal["mood", "signal", "risk"]
    name: str
    """The mood it is, or the signal or risk meant."""
    present: bool = True
    """For a signal or risk: whether it is there."""
    was: str = ""
    by: str
    at: AwareDatetime


class Lesson(NamedTuple):
    """A correction with the thread it was made on, the corrected message last."""

    correction: Correction
    turns: tuple[Turn, ...]


class Example(Model):
    """A thread that must, or must not, carry a signal: (role, text) turns ending with the customer."""

    turns: tuple[tuple[Literal["customer", "agent"], str], ...]
    line: int


class SignalDefinition(Model):
    """A signal or risk as its page in `playbooks/signals/` declares it."""

    id: str
    title: str
    kind: Literal["signal", "risk"]
    badge: str = Field(max_length=14)
    outcome: Outcome | None = None
    severity: Literal["high", "medium"] | None = None
    definition: str
    path: str
    examples: tuple[Example, ...] = ()
    near_misses: tuple[Example, ...] = ()


Meaning = Literal["granted", "conditional", "declined", "withdrawn", "question", "unclear"]
MEANINGS: tuple[Meaning, ...] = ("granted", "conditional", "declined", "withdrawn", "question", "unclear")
ReplyCondition = Literal[
    "name_style",
    "edit_words",
    "other",
    "anonymous",
    "place_limited",
    "approve_wording_first",
    "not_until_date",
    "no_company",
    "legal_approval",
    "link_back",
]
CONDITIONS: tuple[ReplyCondition, ...] = (
    "name_style",
    "edit_words",
    "other",
    "anonymous",
    "place_limited",
    "approve_wording_first",
    "not_until_date",
    "no_company",
    "legal_approval",
    "link_back",
)


class ReplyReading(Model):
    """What one reply means.

    Attributes:
        conditions: What a conditional yes hangs on; empty for every other meaning.
        confidence: How sure the reader is of `label`, 0 to 1.
        why: Why nothing was claimed, where nothing was.
    """

    label: Meaning
    conditions: tuple[ReplyCondition, ...] = ()
    confidence: float = Field(ge=0, le=1)
    why: str = ""
