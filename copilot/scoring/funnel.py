"""The funnel from a moment to a published story, counted from what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import Connection, Select, func, select

from copilot.asking.models import YES
from copilot.asking.store import asks, permissions
from copilot.reading.store import readings
from copilot.stories.models import RELEASED
from copilot.stories.store import stories, story_index
from copilot.tickets.models import Model
from copilot.tickets.store import tickets

By = Literal["week", "signal", "play"]
Step = Literal["moments", "asked", "granted", "stories", "ready", "published", "withdrawn"]


class Funnel(Model):
    """How many got how far.

    Attributes:
        moments: Conversations read as worth keeping.
        asked: Asks sent.
        granted: Asks whose latest answer is a yes, with or without conditions.
        stories: Stories noticed.
        ready: Stories released by both keys.
        published: Of those, stories that stand somewhere.
        withdrawn: Stories whose permission was refused or taken back.
    """

    moments: int = 0
    asked: int = 0
    granted: int = 0
    stories: int = 0
    ready: int = 0
    published: int = 0
    withdrawn: int = 0


class FunnelRow(Model):
    """The funnel of one week (its Monday), signal or play."""

    name: str
    counts: Funnel


def funnel(connection: Connection) -> Funnel:
    """The funnel of the whole workspace."""
    kept = story_index.c.words != ""  # an erased story is none any more
    counted = select(story_index.c.state, func.count()).where(kept).group_by(story_index.c.state)
    states: dict[str, int] = dict(connection.execute(counted).all())
    return Funnel(
        moments=connection.execute(select(func.count()).select_from(readings).where(readings.c.moment)).scalar_one(),
        asked=connection.execute(
            select(func.count()).select_from(asks).where(asks.c.sent_at.is_not(None))
        ).scalar_one(),
        granted=connection.execute(
            select(func.count())
            .select_from(permissions)
            .where(permissions.c.seq.in_(_latest()), permissions.c.answer.in_(YES))
        ).scalar_one(),
        stories=connection.execute(select(func.count()).select_from(stories)).scalar_one(),
        ready=sum(states.get(state, 0) for state in RELEASED),
        published=states.get("published", 0),
        withdrawn=states.get("withdrawn", 0),
    )


class Happened(NamedTuple):
    """One thing that a step counts.

    Attributes:
        name: The row it belongs to: a week, a signal or a play.
        what: The conversation, or the story.
        told: What is known of it: the mood, the ask's state, the story's.
    """

    step: Step
    name: str
    what: str
    customer_key: str
    at: datetime
    told: str


def funnel_rows(connection: Connection, by: By) -> list[FunnelRow]:
    """The funnel by the week in which each thing happened, by the signal, or by the play that was used."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(Funnel.model_fields, 0))
    for one in happened(connection, by):
        found[one.name][one.step] += 1
    rows = [FunnelRow(name=name, counts=Funnel(**counts)) for name, counts in found.items()]
    if by == "week":
        return sorted(rows, key=lambda row: row.name)
    return sorted(rows, key=lambda row: (-row.counts.stories - row.counts.asked - row.counts.moments, row.name))


def happened(connection: Connection, by: By) -> Iterator[Happened]:
    """All that the rows of the funnel count, one thing at a time."""
    t, r = tickets.c, readings.c
    kept = select(r.ref, r.signals, r.mood, t.last_at, t.customer_key).join(tickets, t.ref == r.ref).where(r.moment)
    signals: dict[str, str] = {}
    for ref, names, mood, at, key in connection.execute(kept):
        signals[ref] = next((name for name in names if name != "resolved_thanks"), "none")
        if by != "play":  # a play is known once an answer was sent
            yield Happened("moments", _week(at) if by == "week" else signals[ref], ref, key, at, mood)
    answers = select(permissions.c.ask_id, permissions.c.answer).where(permissions.c.seq.in_(_latest()))
    latest: dict[str, str] = dict(connection.execute(answers).all())
    a = asks.c
    sent = select(a.id, a.ticket_ref, a.customer_key, a.sent_at, a.body).where(a.sent_at.is_not(None))
    for ask_id, ref, key, at, body in connection.execute(sent):
        name = {"week": _week(at), "signal": signals.get(ref, "none"), "play": body.get("play_id") or "none"}[by]
        yield Happened("asked", name, ref, key, at, str(body["state"]))
        if latest.get(ask_id) in YES:
            yield Happened("granted", name, ref, key, at, latest[ask_id])
    i = story_index.c
    told = select(i.story_id, i.state, i.signal, i.play_id, i.created_at).where(i.words != "")
    for story_id, state, signal, play, at in connection.execute(told):
        name = {"week": _week(at), "signal": signal or "none", "play": play or "none"}[by]
        yield Happened("stories", name, story_id, "", at, state)
        reached: dict[Step, bool] = {
            "ready": state in RELEASED,
            "published": state == "published",
            "withdrawn": state == "withdrawn",
        }
        for step in (step for step, there in reached.items() if there):
            yield Happened(step, name, story_id, "", at, state)


def _latest() -> Select[tuple[int]]:
    return select(func.max(permissions.c.seq)).group_by(permissions.c.ask_id)


def _week(at: datetime) -> str:
    return (at.date() - timedelta(days=at.weekday())).isoformat()
