"""Page, Play, Match, decisions and escalation rules: what a team's markdown means."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from copilot.reading.models import Example, Mood, Outcome
from copilot.tickets.models import Model

PlayKind = Literal[
    "opening", "empathy", "recovery", "pivot", "closing", "script", "ask", "decision", "escalation", "tone"
]
Tone = Literal["calm", "warm", "celebratory"]
TONES: tuple[Tone, ...] = ("calm", "warm", "celebratory")
CURRENCY = {"€": "EUR", "$": "USD", "£": "GBP"}
AskKind = Literal["quote", "share", "refer", "tag"]


GROUNDED = 0.50
"""Below this a page may be inserted by hand, but the general page stands above it: a reply composed from a page that only
resembles the message would claim things that nobody did."""


class Phrasing(Model):
    """One way of saying a play. Without a tone it fits every setting of the dial."""

    text: str
    tone: Tone | None = None
    line: int


class Limit(Model):
    """The most a decision allows: `amount` of `unit` (`%`, a currency code, or a counted thing); 0 is nothing."""

    amount: float = Field(ge=0)
    unit: str = ""

    def __str__(self) -> str:
        if not self.amount:
            return "nothing"
        amount = f"{self.amount:g}"
        return f"{amount}%" if self.unit == "%" else f"{amount} {self.unit}"


class Leaf(Model):
    """Where a decision ends: what may be offered, up to how much, and whose approval it needs."""

    offer: str
    limit: Limit
    approval: str = ""
    line: int


class Question(Model):
    """A step of a decision. With a condition the desk answers it; without, a person does."""

    text: str
    condition: str = ""
    line: int
    yes: Question | Leaf
    no: Question | Leaf


class EscalationRule(Model):
    """A row of an `## Escalate` table."""

    condition: str
    to: str
    within: timedelta
    why: str
    line: int


class Play(Model):
    """One section of a page. `id` is `page#section`; `line` and `last_line` are 1-based, for the citation."""

    id: str
    page: str
    path: str
    kind: PlayKind
    name: str = ""
    line: int
    last_line: int
    text: str
    phrasings: tuple[Phrasing, ...] = ()
    decision: Question | None = None
    rules: tuple[EscalationRule, ...] = ()

    @property
    def citation(self) -> str:
        """`playbooks/proactive-fix.md:12-18`."""
        return f"{self.path}:{self.line}-{self.last_line}"

    @property
    def title(self) -> str:
        return f"{self.kind}: {self.name}" if self.name else self.kind


class Page(Model):
    """One markdown file of the playbook."""

    id: str
    title: str
    path: str
    signals: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    moods: tuple[Mood, ...] = ()
    tone: Tone = "warm"
    ask: AskKind | None = None
    outcome: Outcome | None = None
    owner: str = ""
    reviewed: date | None = None
    locale: str = "en"
    intent: str
    plays: tuple[Play, ...]
    examples: tuple[Example, ...] = ()
    near_misses: tuple[Example, ...] = ()
    digest: str

    def of(self, kind: PlayKind) -> tuple[Play, ...]:
        """The page's plays of one kind."""
        return tuple(play for play in self.plays if play.kind == kind)


class Match(Model):
    """A page that fits a ticket: how well (0 to 1), and why in words; `play` is the script or recovery it would insert."""

    page: Page
    play: Play
    score: float
    why: str


class Finding(Model):
    """Something wrong in a file of the playbook. Errors stop a build of that page; warnings do not."""

    path: str
    line: int
    level: Literal["error", "warning"]
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.level}: {self.message}"


class Escalation(Model):
    """A rule that fired on a ticket."""

    to: str
    why: str
    within: timedelta
    due: AwareDatetime
    citation: str
    told: bool = False


class Step(Model):
    """A walked question of a decision, answered by a condition (`by` is empty) or a person."""

    question: str
    answer: bool
    by: str = ""


class Walk(Model):
    """How far a decision has been walked: the steps taken, then an open question or the leaf."""

    play_id: str
    title: str
    citation: str
    steps: tuple[Step, ...] = ()
    open_question: str = ""
    leaf: Leaf | None = None
