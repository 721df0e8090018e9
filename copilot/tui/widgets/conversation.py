"""The conversation: the thread as a person reads mail, history folded, evidence marked in the customer's own words."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from copilot.reading.models import Evidence, Reading
from copilot.tickets.models import Message, Ticket
from copilot.tui.show import MUTED, age, mood_mark, words
from copilot.tui.widgets.safe import Piece, Prose

LONGEST_THREAD = 80
"""Messages shown; of a longer thread the last ones, with a line that says so."""
LONGEST_MESSAGE = 20_000


class ConversationView(Prose):
    """Shows one ticket, as one block of text: a thread of 500 turns is one widget, not 500."""

    def __init__(self, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__("Pick a conversation on the left.", id=id)
        self.border_title = "Conversation"
        self.unfolded = False
        self._shown: tuple[Ticket, Reading | None, datetime] | None = None

    def show_ticket(self, ticket: Ticket, reading: Reading | None, now: datetime) -> None:
        """Show a ticket, its evidence marked once it was read."""
        fresh = self._shown is None or self._shown[0].ref != ticket.ref
        if fresh:
            self.unfolded = False
        self._shown = (ticket, reading, now)
        self._draw()
        if fresh:
            self.scroll_end(animate=False, immediate=True)

    def toggle_folded(self) -> None:
        """Unfold quoted history and signatures, or fold them again."""
        self.unfolded = not self.unfolded
        self._draw()

    def _draw(self) -> None:
        if self._shown is None:
            return
        ticket, reading, now = self._shown
        marks = evidence_of(reading)
        pieces: list[Piece] = [(ticket.title, "bold"), "\n", (_facts(ticket), MUTED), "\n"]
        hidden = max(len(ticket.messages) - LONGEST_THREAD, 0)
        if hidden:
            pieces += ["\n", (f"… {hidden} older messages not shown", f"{MUTED} italic"), "\n"]
        path = {p.message: p.mood for p in reading.path} if reading and reading.read else {}
        for place, message in enumerate(ticket.messages):
            if place < hidden:
                continue
            pieces += ["\n", *_head(message, path.get(place, ""), now), "\n"]
            pieces += list(marked(message.text[:LONGEST_MESSAGE], marks.get(place, []))) or [
                ("(no text)", f"{MUTED} italic")
            ]
            if len(message.text) > LONGEST_MESSAGE:
                pieces.append((f"\n… {len(message.text) - LONGEST_MESSAGE:,} more characters", f"{MUTED} italic"))
            pieces.append("\n")
            if message.attachments:
                pieces.append((f"📎 {', '.join(message.attachments[:5])}\n", MUTED))
            if message.quoted:
                lines = message.quoted.count("\n") + 1
                if self.unfolded:
                    pieces.append((message.quoted + "\n", MUTED))
                else:
                    pieces.append((f"▸ {lines} quoted line{'s' * (lines > 1)} folded (o unfolds)\n", f"{MUTED} italic"))
        self.show(*pieces)


def evidence_of(reading: Reading | None) -> dict[int, list[tuple[Evidence, str, str]]]:
    """(evidence, name, style) of every label, by message."""
    found: dict[int, list[tuple[Evidence, str, str]]] = defaultdict(list)
    if reading is None:
        return found
    for labels, style in ((reading.risks, "underline $text-error"), (reading.signals, "underline $text-success")):
        for label in labels:
            if not label.corrected:
                found[label.evidence.message].append((label.evidence, words(label.name), style))
    if reading.mood_evidence is not None and not found.get(reading.mood_evidence.message):
        found[reading.mood_evidence.message].append((reading.mood_evidence, reading.mood, "underline"))
    return found


def marked(text: str, marks: list[tuple[Evidence, str, str]]) -> list[Piece]:
    """`text` with evidence underlined and named after the words, so that the mark is never colour alone."""
    spans: dict[tuple[int, int], tuple[list[str], str]] = {}
    for evidence, name, style in marks:
        spans.setdefault((evidence.start, evidence.end), ([], style))[0].append(name)
    out: list[Piece] = []
    at = 0
    for (start, end), (names, style) in sorted(spans.items()):
        if start < at or end > len(text):
            continue
        out += [text[at:start], (text[start:end], style), (f" ‹{', '.join(names)}›", f"{MUTED} italic")]
        at = end
    if text[at:]:
        out.append(text[at:])
    return out


def _facts(ticket: Ticket) -> str:
    who = ticket.customer
    parts = [
        who.shown,
        who.email if who.email != who.shown else "",
        who.company,
        who.country,
        ticket.channel,
        ticket.status,
    ]
    parts += [who.kind] if who.kind != "customer" else []
    return " · ".join([*(part for part in parts if part), *(f"#{tag}" for tag in ticket.tags), ticket.id])


def _head(message: Message, mood: str, now: datetime) -> list[Piece]:
    style = (
        "bold $text-accent"
        if message.role == "customer"
        else "bold $text-primary"
        if message.role == "agent"
        else f"bold {MUTED}"
    )
    sign = {"customer": "●", "agent": "○", "system": "·"}[message.role]
    pieces: list[Piece] = [(f"{sign} {message.author or message.role}", style)]
    pieces.append((f"  {message.role}, {age(message.at, now)} ago" if message.at else f"  {message.role}", MUTED))
    if mood:
        pieces.append((f"  {mood_mark(mood)}", MUTED))
    if message.automatic:
        pieces.append(("  automatic mail", f"{MUTED} italic"))
    if not message.public:
        pieces.append(("  internal note", "$text-warning"))
    return pieces
