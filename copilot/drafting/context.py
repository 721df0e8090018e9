"""What every check knows beside the text, and how a finding is made."""

from __future__ import annotations

from functools import cached_property

from copilot.drafting.models import DraftFinding
from copilot.drafting.tone import ToneGuide
from copilot.playbook.models import Leaf
from copilot.reading.models import Mood
from copilot.tickets.models import Model, Ticket


class CheckContext(Model):
    """What the checks know beside the text.

    Attributes:
        gate_ok: Whether the ask gate allows an ask now.
        gate_reason: Why not, in the gate's words.
        leaf: The decision taken, or None.
        ask_words: The customer's words that the ask of this draft quotes; empty where no ask was added.
        approved_words: Words the customer approved on an earlier ask.
        guide: The team's tone guide.
        written: What a model wrote into this draft; a sentence of it that still stands letter for letter is the model's.
        pages: The words of the pages that were brought to this ticket.
        set_texts: The house's set texts that may stand here now: an invitation to review, a reminder, a question about other words.
        times: Times that the desk itself put in: by when an escalation is answered.
    """

    ticket: Ticket
    mood: Mood
    gate_ok: bool
    gate_reason: str = ""
    leaf: Leaf | None = None
    ask_words: str = ""
    approved_words: tuple[str, ...] = ()
    guide: ToneGuide = ToneGuide()
    written: tuple[str, ...] = ()
    pages: str = ""
    times: tuple[str, ...] = ()
    set_texts: tuple[str, ...] = ()

    def by_model(self, sentence: str) -> bool:
        """Whether a model wrote this sentence and nobody has touched it since."""
        return any(sentence in text for text in self.written)

    @cached_property
    def team_said(self) -> str:
        """What the team wrote in this thread, and its pages: what a reply may rest on."""
        return "\n".join([*(m.text for m in self.ticket.agent_messages), self.pages])

    @cached_property
    def all_said(self) -> str:
        """Everything in the ticket and the pages."""
        t = self.ticket
        people = [t.customer.name, t.customer.email, t.customer.company]
        return "\n".join([t.subject, t.id, *people, *t.tags, *(m.text for m in t.messages), self.pages, *self.times])


def finding(
    rule: str, message: str, start: int, end: int, *, blocking: bool = True, mend: str | None = None
) -> DraftFinding:
    """A finding on `text[start:end]`."""
    return DraftFinding(rule=rule, blocking=blocking, message=message, start=start, end=end, mend=mend)


def normal(text: str) -> str:
    """Lower case, plain apostrophes, single spaces."""
    return " ".join(text.lower().replace("’", "'").replace("‘", "'").split())
