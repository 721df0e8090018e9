"""Public review asks: every n-th resolved conversation, whatever the mood. Apart from every other ask, on purpose.

16 CFR 465 and the review sites' own rules forbid choosing who is asked. So nothing here sees a reading, a verdict or a
person, and nothing that chooses whom to ask for a story may be imported here; a test holds both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import Field
from sqlalchemy import Boolean, Column, Connection, Integer, String, Table, select
from sqlalchemy.dialects.sqlite import insert

from copilot.db.engine import UtcDateTime, metadata
from copilot.errors import PageError, RefusedAction
from copilot.playbook.frontmatter import read_page, split, validate
from copilot.tickets.models import Model

FILE_NAME = "review.md"
SLOT = re.compile(r"\{([a-z_.]+)\}")
SLOTS = frozenset(["customer.first_name", "site"])
LEADING = re.compile(
    r"\b(5|five)[- ]stars?|★|⭐|\bpositive\b|\bhappy with\b|\bif you (liked|enjoyed|loved)\b|\bdiscount|\bvoucher|\bcoupon|\bgift"
    r"|\breward|\bprize|\brefund|\bfree (month|week|year|item|gift)|\d\s?% off|[€$£]\s?\d|\d\s?(€|euros?|dollars?)",
    re.IGNORECASE,
)
"""Words that make an ask for a review leading, or pay for it."""

NEUTRAL = "a neutral text: it neither leads nor pays"
review_turns = Table(
    "review_turns",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("ref", String, nullable=False, unique=True),
    Column("chosen", Boolean, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    sqlite_autoincrement=True,
)


class Site(Model):
    """Where a review may be written."""

    name: str
    address: str = ""


class ReviewPage(Model):
    """`playbooks/review.md`: how often, where, and the one neutral text.

    Attributes:
        every: One in so many resolved conversations; 0 asks nobody.
        valid_days: After this an invitation that was not sent is not sent any more.
    """

    version: str = Field(min_length=1)
    every: int = Field(ge=0)
    valid_days: int = Field(default=14, ge=1)
    sites: tuple[Site, ...] = ()
    text: str = ""

    def invitation(self, first_name: str) -> str:
        """The text, the same for everybody but for the name."""
        places = [f"{site.name} ({site.address})" if site.address else site.name for site in self.sites]
        values = {"customer.first_name": first_name or "Hello", "site": " or ".join(places)}
        return SLOT.sub(lambda match: values[match.group(1)], self.text)


class ReviewTurn(Model):
    """A resolved conversation whose turn it is."""

    number: int
    ref: str
    at: datetime


def load_review(playbooks: Path) -> ReviewPage | None:
    """The page of a playbook folder; None where the team asks for no reviews.

    Raises:
        PageError: A line is wrong, a slot unknown, or the text leads or pays.
    """
    path = playbooks / FILE_NAME
    if not path.exists():
        return None
    shown = f"{playbooks.name}/{FILE_NAME}"
    raw = read_page(path)
    values, body, first_line = split(shown, raw)
    page = validate(shown, raw, ReviewPage, values)
    for number, line in enumerate(body.split("\n"), start=first_line):
        for slot in SLOT.findall(line):
            if slot not in SLOTS:
                raise PageError(shown, number, f"{{{slot}}}", "one of " + ", ".join(sorted(SLOTS)))
    text = " ".join(body.split())
    if page.every and "{site}" not in text:
        raise PageError(shown, first_line, "no text with {site} in it", "the neutral text that invites")
    if page.every and not page.sites:
        raise PageError(shown, 1, "no site", "`sites`: at least one, with its name")
    for words, where in ((text, first_line), *((f"{s.name} {s.address}", 1) for s in page.sites)):
        if (found := LEADING.search(words)) is not None:
            raise PageError(shown, _line_of(body, found.group(), where), f"“{found.group()}”", NEUTRAL)
    return page.model_copy(update={"text": text})


def _line_of(body: str, words: str, first_line: int) -> int:
    """Where some words begin; the first line where they run over a line's end."""
    return next((n for n, line in enumerate(body.split("\n"), start=first_line) if words in line), first_line)


def uncounted(connection: Connection, refs: Sequence[str]) -> list[str]:
    """Those conversations that have no number yet, in the order in which they are given one."""
    known = set(connection.execute(select(review_turns.c.ref).where(review_turns.c.ref.in_(refs))).scalars())
    return sorted(set(refs) - known)


def count(connection: Connection, refs: Sequence[str], every: int, now: datetime) -> None:
    """Give every conversation that was resolved its number, once; each `every`-th is invited."""
    for ref in uncounted(connection, refs):
        made = connection.execute(insert(review_turns).values(ref=ref, chosen=False, at=now).on_conflict_do_nothing())
        number = int(made.inserted_primary_key[0]) if made.inserted_primary_key else 0
        if every and number and number % every == 0:
            connection.execute(review_turns.update().where(review_turns.c.number == number).values(chosen=True))


def due(connection: Connection, valid_days: int, now: datetime) -> list[ReviewTurn]:
    """Invitations that wait to be sent, the oldest first."""
    t = review_turns.c
    query = select(review_turns).where(t.chosen, t.sent_at.is_(None), t.at >= now - timedelta(days=valid_days))
    return [
        ReviewTurn(number=row.number, ref=row.ref, at=row.at) for row in connection.execute(query.order_by(t.number))
    ]


def mark_sent(connection: Connection, ref: str, now: datetime) -> None:
    """Record that an invitation went out.

    Raises:
        RefusedAction: It is not this conversation's turn, or it was invited already.
    """
    t = review_turns.c
    done = connection.execute(
        review_turns.update().where(t.ref == ref, t.chosen, t.sent_at.is_(None)).values(sent_at=now)
    )
    if not done.rowcount:
        raise RefusedAction(f"{ref} is not invited to review: one in every so many is, and nobody chooses which.")
