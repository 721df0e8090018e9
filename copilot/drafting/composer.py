"""The offline composer: plays in, a reply that stands out. The same ticket gives the same words; two tickets rarely do.

What must not live here: checks (`checks.py`), and any sentence that a team lead should own; those are plays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from copilot.drafting.models import Length, Part
from copilot.playbook.models import TONES, Escalation, Match, Page, Phrasing, Play, PlayKind, Tone, Walk
from copilot.playbook.slots import SLOT, SLOTS
from copilot.reading.models import HAPPY, UNHAPPY, Reading
from copilot.text import digest, sentences
from copilot.tickets.models import Model, Ticket

GREETINGS: dict[str, tuple[str, str]] = {
    "en": ("Hi {name},", "Hello,"),
    "de": ("Guten Tag {full},", "Guten Tag,"),
    "fr": ("Bonjour {name},", "Bonjour,"),
    "es": ("Hola, {name}:", "Hola:"),
    "it": ("Ciao {name},", "Buongiorno,"),
}
SIGN_OFFS = {"en": "Best wishes,", "de": "Viele Grüße", "fr": "Bien à vous,", "es": "Un saludo,", "it": "Un saluto,"}
MAX_QUOTE = 280
MIN_QUOTE_WORDS = 4
NEXT_STEP = "next step"
"""A `## Script: next step` holds no answer, but what happens next: it stands after one."""
NAMES_NEXT = re.compile(
    r"\b(?:within|next|tomorrow|today|by when|write again|nächste\w*|innerhalb|morgen|heute)\b|\{escalation\.",
    re.IGNORECASE,
)
"""Words of a paragraph that says already what happens next."""
LOOSE_END = " ,;:–—-"
"""Marks that may be left off the end of a quotation; what remains is verbatim still."""


class Setting(Model):
    """Who writes, for whom."""

    agent: str
    team: str
    company: str


def default_tone(reading: Reading, page: Page | None) -> Tone:
    """Where the dial starts: calm for the unhappy, the page's own tone for the happy, warm between."""
    if reading.mood in UNHAPPY or reading.risks:
        return "calm"
    if reading.mood in HAPPY and page is not None:
        return page.tone
    return "warm" if page is None or page.tone == "celebratory" else page.tone


def compose(
    ticket: Ticket,
    reading: Reading,
    matches: Sequence[Match],
    tone: Tone,
    setting: Setting,
    walk: Walk | None = None,
    escalation: Escalation | None = None,
    length: Length = "normal",
    variant: int = 0,
) -> tuple[Part, ...]:
    """A whole reply, paragraph by paragraph: greeting, opening and empathy, recovery or answer, outcome, next step, closing.

    Args:
        matches: Best first; sections that the best page lacks come from the general one.
        walk: The decision taken, if one was; its outcome becomes a paragraph with a blank for the amount.
        length: A short reply leaves out what only rounds it off; a long one shows understanding even where nobody is upset.
        variant: Another number takes other phrasings where there are any.
    """
    values = slot_values(ticket, reading, setting, walk, escalation)
    pages = [match.page for match in matches]
    best = matches[0] if matches else None
    chooser = _Chooser(ticket, tone, values, variant)
    language = reading.language if reading.language in GREETINGS else "en"
    parts = [Part(text=greeting(ticket, language), source="composer", slot="greeting")]
    signed = Part(text=signature(setting, language), source="composer", slot="signature")
    if pages and all(page.locale != reading.language for page in pages):
        # Two languages in one reply help nobody: leave the answer to a person.
        blank = f"[[write the reply in the customer's language ({reading.language}); no page of the playbook is in it]]"
        return (*parts, Part(text=blank, source="composer"), signed)
    opening = chooser.first(pages, "opening")
    felt = _needs_empathy(reading) or length == "long"
    empathy = chooser.first(pages, "empathy") if felt or opening is None else None
    lead = [part for part in (opening, empathy) if part is not None]
    if lead:
        parts.append(_joined(lead).model_copy(update={"slot": "lead"}))
    body = None
    if best is not None and best.play.kind == "script" and best.play.name != NEXT_STEP:
        body = chooser.of_play(best.play)
    body = body or chooser.first(pages, "recovery") or chooser.first(pages, "script")
    if body is not None:
        parts.append(body)
    if walk is not None and walk.leaf is not None and not any("{decision." in play_text for play_text in chooser.used):
        parts.append(_outcome(walk))
    if _waits_unhappy(ticket, reading) and not any(NAMES_NEXT.search(part.text) for part in parts):
        parts += chooser.next_step(pages)
    rounded = length != "short"
    if rounded and reading.mood in HAPPY and not reading.risks and (pivot := chooser.first(pages[:1], "pivot")):
        parts.append(pivot.model_copy(update={"slot": "pivot"}))
    if rounded and (closing := chooser.first(pages, "closing")):
        parts.append(closing.model_copy(update={"slot": "closing"}))
    return (*parts, signed)


def text_of(parts: Iterable[Part]) -> str:
    """The parts as one reply."""
    return "\n\n".join(part.text for part in parts)


def insert_play(
    text: str, play: Play, ticket: Ticket, tone: Tone, values: Mapping[str, str], language: str = "en"
) -> tuple[str, Part | None]:
    """`text` with a play put before the signature (or at the end), and the part that was added."""
    part = _Chooser(ticket, tone, values).of_play(play)
    if part is None:
        return text, None
    sign_off = SIGN_OFFS.get(language, SIGN_OFFS["en"])
    head, found, tail = text.rpartition("\n\n" + sign_off)
    if not found:
        return f"{text.rstrip()}\n\n{part.text}".strip(), part
    return f"{head.rstrip()}\n\n{part.text}{found}{tail}", part


def greeting(ticket: Ticket, language: str) -> str:
    """The greeting of a language, by name where the name can be trusted."""
    named, plain = GREETINGS.get(language, GREETINGS["en"])
    first = ticket.customer.first_name
    full = ticket.customer.name
    return named.format(name=first, full=full) if first else plain


def signature(setting: Setting, language: str) -> str:
    """Sign-off, name and team."""
    lines = [SIGN_OFFS.get(language, SIGN_OFFS["en"]), setting.agent, setting.team]
    return "\n".join(line for line in lines if line)


def slot_values(
    ticket: Ticket, reading: Reading, setting: Setting, walk: Walk | None, escalation: Escalation | None
) -> dict[str, str]:
    """What each slot is filled with; a name that is missing here becomes a blank."""
    values = {
        "customer.first_name": ticket.customer.first_name,
        "customer.name": ticket.customer.name,
        "customer.quote": best_quote(ticket, reading),
        "ticket.id": ticket.id,
        "ticket.subject": ticket.title,
        "agent.name": setting.agent,
        "team.name": setting.team,
        "company.name": setting.company,
    }
    if walk is not None and walk.leaf is not None:
        values["decision.offer"] = walk.leaf.offer
        values["decision.limit"] = str(walk.leaf.limit)
    if escalation is not None:
        values["escalation.to"] = escalation.to
        values["escalation.within"] = duration_words(escalation.within.total_seconds())
    return {name: value for name, value in values.items() if value}


def quotable(ticket: Ticket) -> list[str]:
    """Sentences of the customer's last message that can stand in quotation marks: verbatim, one line, not too short."""
    target = ticket.target
    if target is None:
        return []
    found = (target.text[start:end].rstrip(LOOSE_END) for start, end in sentences(target.text))
    return [
        text
        for text in found
        if len(text.split()) >= MIN_QUOTE_WORDS
        and len(text) <= MAX_QUOTE
        and "\n" not in text
        and not text.endswith("?")
        and not any(mark in text for mark in "“”„«»[]{}")
    ]


def best_quote(ticket: Ticket, reading: Reading) -> str:
    """The sentence worth sharing: the evidence of the strongest signal, else the longest quotable one; may be empty."""
    candidates = quotable(ticket)
    labels = sorted(reading.delight or reading.signals, key=lambda label: -label.confidence)
    for label in labels:
        if (text := label.evidence.text.rstrip(LOOSE_END)) in candidates:
            return text
    if reading.mood_evidence and reading.mood in HAPPY:
        text = reading.mood_evidence.text.rstrip(LOOSE_END)
        if text in candidates:
            return text
    return max(candidates, key=len, default="") if reading.mood in HAPPY else ""


def duration_words(seconds: float) -> str:
    """`3600` → `1 hour`."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return "a minute"


def fill(text: str, values: Mapping[str, str]) -> str:
    """Slots replaced by their values; one that cannot be filled becomes a blank saying what is missing."""
    text = re.sub(r"[\"“]\{customer\.quote\}[\"”]", "“{customer.quote}”", text)
    return SLOT.sub(lambda m: values.get(m.group(1)) or f"[[{SLOTS.get(m.group(1), m.group(1))}]]", text)


class _Chooser:
    """Picks one phrasing of a play: fitting the dial, fillable, not used in this thread, varied by ticket."""

    def __init__(self, ticket: Ticket, tone: Tone, values: Mapping[str, str], variant: int = 0) -> None:
        self.ticket = ticket
        self.variant = variant
        self.tone = tone
        self.values = values
        self.used: list[str] = []
        self._said = "\n".join(_normal(m.text) for m in ticket.agent_messages)

    def first(self, pages: Sequence[Page], kind: PlayKind) -> Part | None:
        """A part from the first page that has a fitting play of that kind."""
        for page in pages:
            for play in page.of(kind):
                if play.name != NEXT_STEP and (part := self.of_play(play)):
                    return part
        return None

    def next_step(self, pages: Sequence[Page]) -> list[Part]:
        """What happens next and by when, from the first page that has words for it."""
        plays = (play for page in pages for play in page.of("script") if play.name == NEXT_STEP)
        part = next(filter(None, map(self.of_play, plays)), None)
        return [part.model_copy(update={"slot": "next"})] if part else []

    def of_play(self, play: Play) -> Part | None:
        """A part from one play, or None where no phrasing fits the dial."""
        fitting = [p for p in play.phrasings if p.tone in (None, self.tone)]
        if not fitting:
            near = [
                p
                for p in play.phrasings
                if p.tone is not None and abs(TONES.index(p.tone) - TONES.index(self.tone)) == 1
            ]
            fitting = [p for p in near if not (self.tone == "calm" and p.tone == "celebratory")]
        if not fitting:
            return None
        start = (int(digest(self.ticket.ref, play.id), 16) + self.variant) % len(fitting)
        turned = fitting[start:] + fitting[:start]
        chosen = min(turned, key=self._cost)
        self.used.append(chosen.text)
        return Part(
            text=fill(chosen.text, self.values), source="play", play_id=play.id, citation=f"{play.path}:{chosen.line}"
        )

    def _cost(self, phrasing: Phrasing) -> tuple[bool, int, bool]:
        missing = sum(name not in self.values for name in SLOT.findall(phrasing.text))
        filled = _normal(fill(phrasing.text, self.values))
        return any(piece in self._said for piece in _pieces(filled)), missing, phrasing.tone is None


def _pieces(text: str) -> list[str]:
    return [piece for start, end in sentences(text) if len(piece := text[start:end]) > 20]


def _normal(text: str) -> str:
    return " ".join(text.lower().split())


def _waits_unhappy(ticket: Ticket, reading: Reading) -> bool:
    return _needs_empathy(reading) and ticket.first_unanswered is not None


def _needs_empathy(reading: Reading) -> bool:
    return reading.mood in UNHAPPY or bool(reading.risks)


def _joined(parts: Sequence[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    return Part(
        text=" ".join(part.text for part in parts),
        source="play",
        play_id=parts[0].play_id,
        citation="; ".join(part.citation for part in parts),
    )


def _outcome(walk: Walk) -> Part:
    leaf = walk.leaf
    assert leaf is not None
    if leaf.limit.amount:
        needs = f", approved by: {leaf.approval}" if leaf.approval else ""
        text = f"What I can offer is {leaf.offer}: [[how much, at most {leaf.limit}{needs}]]."
    else:
        text = f"What I can offer now is {leaf.offer}."
    return Part(text=text, source="play", play_id=walk.play_id, citation=walk.citation, slot="outcome")
