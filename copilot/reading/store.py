"""Keeps readings and corrections. A correction wins over every reading of the same words, now and later."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import JSON, Boolean, Column, Connection, ForeignKey, Integer, String, Table, select
from sqlalchemy.dialects.sqlite import insert

from copilot.db.engine import Database, UtcDateTime, metadata
from copilot.reading.models import HAPPY, UNHAPPY, Correction, Evidence, Label, Lesson, Mood, Reading
from copilot.reading.pieces import thread_of
from copilot.tickets import store as tickets
from copilot.tickets.models import Ticket

readings = Table(
    "readings",
    metadata,
    Column("ref", ForeignKey("tickets.ref"), primary_key=True),
    Column("ticket_version", String, nullable=False),
    Column("reader", String, nullable=False),
    Column("mood", String, nullable=False),
    Column("signals", JSON, nullable=False),
    Column("risks", JSON, nullable=False),
    Column("moment", Boolean, nullable=False),
    Column("read", Boolean, nullable=False),
    Column("body", JSON, nullable=False),
    Column("facts", JSON, nullable=False, default=dict),  # what conditions may ask, for the time-based rules
    Column("due_at", UtcDateTime),  # soonest escalation not yet passed on; kept by the desk
    Column("due_to", String, nullable=False, default=""),
)
corrections = Table(
    "corrections",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("ref", ForeignKey("tickets.ref"), nullable=False, index=True),
    Column("target", String, nullable=False),
    Column("body", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)
opinions = Table(
    "model_readings",
    metadata,
    Column("key", String, primary_key=True),
    Column("answer", String, nullable=False),
)


class StoredOpinions:
    """A model's answers, kept so that the same words are never paid for twice."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, key: str) -> str | None:
        """The answer of that key."""
        with self.database.read() as connection:
            return connection.execute(select(opinions.c.answer).where(opinions.c.key == key)).scalar_one_or_none()

    def put(self, key: str, answer: str) -> None:
        """Keep an answer."""
        with self.database.begin(durable=False) as connection:
            connection.execute(insert(opinions).values(key=key, answer=answer).on_conflict_do_nothing())


def put(connection: Connection, ref: str, reading: Reading) -> None:
    """Store a reading, corrections already applied."""
    values = {
        "ticket_version": reading.ticket_version,
        "reader": reading.reader,
        "mood": reading.mood if reading.read else "",
        "signals": [label.name for label in reading.signals],
        "risks": [label.name for label in reading.risks],
        "moment": reading.moment,
        "read": reading.read,
        "body": reading.model_dump(mode="json"),
    }
    connection.execute(
        insert(readings).values(ref=ref, due_to="", **values).on_conflict_do_update(index_elements=["ref"], set_=values)
    )


def get(connection: Connection, ref: str) -> Reading | None:
    """The stored reading of a ticket, of whatever version."""
    body = connection.execute(select(readings.c.body).where(readings.c.ref == ref)).scalar_one_or_none()
    return None if body is None else Reading.model_validate(body)


def add_correction(connection: Connection, correction: Correction) -> None:
    """Keep what a person said; nothing is overwritten."""
    connection.execute(
        corrections.insert().values(
            ref=correction.ticket_ref,
            target=correction.target,
            body=correction.model_dump(mode="json"),
            at=correction.at,
        )
    )


def corrections_of(connection: Connection, ref: str) -> list[Correction]:
    """All corrections of a ticket, oldest first."""
    query = select(corrections.c.body).where(corrections.c.ref == ref).order_by(corrections.c.seq)
    return [Correction.model_validate(body) for body in connection.execute(query).scalars()]


def lessons(connection: Connection) -> list[Lesson]:
    """Every correction whose message is still there, with the thread up to it, oldest first."""
    out = []
    for body in connection.execute(select(corrections.c.body).order_by(corrections.c.seq)).scalars():
        correction = Correction.model_validate(body)
        messages = tickets.get(connection, correction.ticket_ref).messages
        place = next((k for k, message in enumerate(messages) if message.id == correction.target), None)
        if place is not None and messages[place].text.strip():
            out.append(Lesson(correction, tuple(thread_of(messages[: place + 1]))))
    return out


def corrected(reading: Reading, ticket: Ticket, found: list[Correction]) -> Reading:
    """A reading with a person's corrections applied, the latest winning.

    Only corrections of the message that is judged now count: a new customer message is read afresh.
    """
    target = ticket.target
    if target is None:
        return reading
    mine = [c for c in found if c.target == target.id]
    if not mine:
        return reading
    place = ticket.messages.index(target)
    whole = Evidence(message=place, start=0, end=len(target.text), text=target.text)
    mood, mood_corrected = reading.mood, reading.mood_corrected
    labels = {"signal": {x.name: x for x in reading.signals}, "risk": {x.name: x for x in reading.risks}}
    for c in mine:
        if c.field == "mood":
            mood, mood_corrected = _mood(c.name), True
        elif c.present:
            labels[c.field][c.name] = Label(name=c.name, confidence=1.0, evidence=whole, corrected=True)
        else:
            labels[c.field].pop(c.name, None)
    signals, risks = tuple(labels["signal"].values()), tuple(labels["risk"].values())
    if mood in UNHAPPY:  # a signal needs a customer who credits the company; one a person set stays
        signals = tuple(label for label in signals if label.corrected)
    delight = [label for label in signals if label.name != "resolved_thanks"]
    person_says_so = any(label.corrected for label in delight)
    return reading.model_copy(
        update={
            "read": True,
            "why_not": "",
            "mood": mood,
            "mood_confidence": 1.0 if mood_corrected else reading.mood_confidence,
            "mood_evidence": None if mood_corrected else reading.mood_evidence,
            "mood_corrected": mood_corrected,
            "sarcasm": reading.sarcasm and mood not in HAPPY,
            "path": tuple(p.model_copy(update={"mood": mood}) if p.message == place else p for p in reading.path),
            "signals": signals,
            "risks": risks,
            "moment": mood in HAPPY and not risks and bool(delight) and (reading.moment or person_says_so),
            "ask_ok": mood in HAPPY and not risks and (reading.ask_ok or person_says_so),
        }
    )


def _mood(name: str) -> Mood:
    from typing import cast

    return cast("Mood", name)


def forget(connection: Connection, refs: Sequence[str]) -> None:
    """Erase the readings of some tickets, the corrections of them, and every model's opinion (they are kept by no ticket)."""
    connection.execute(readings.delete().where(readings.c.ref.in_(refs)))
    connection.execute(corrections.delete().where(corrections.c.ref.in_(refs)))
    connection.execute(opinions.delete())
