"""Keeps stories, marketing's approvals, the places where stories stand, and an index of where each stands now.

The index only proposes: whoever reads a story from here gets the `Standing` that `release.standing` finds in the facts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    case,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from copilot.asking import store as asking
from copilot.asking.models import Entry
from copilot.db.engine import UtcDateTime, metadata
from copilot.errors import NotFound
from copilot.stories.models import RELEASED, Approval, Publication, Standing, Story
from copilot.stories.release import standing
from copilot.text import digest

stories = Table(
    "stories",
    metadata,
    Column("id", String, primary_key=True),
    Column("ticket_ref", ForeignKey("tickets.ref"), nullable=False, unique=True),
    Column("body", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
approvals = Table(
    "approvals",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("story_id", ForeignKey("stories.id"), nullable=False, index=True),
    Column("body", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)


publications = Table(
    "publications",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("story_id", String, nullable=False, index=True),  # outlives an erased story: its copies must still come down
    Column("place", String, nullable=False),
    Column("address", String, nullable=False),
    Column("campaign", String, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("take_down_by", UtcDateTime),
    Column("reason", String, nullable=False),
    Column("removed_at", UtcDateTime),
    Column("removed_by", String, nullable=False),
    Column("proof", String, nullable=False),
    sqlite_autoincrement=True,
)
story_index = Table(
    "story_index",
    metadata,
    Column("story_id", String, primary_key=True),
    Column("change", Integer, nullable=False, unique=True),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("state", String, nullable=False),
    Column("released", Boolean, nullable=False),
    Column("ever_released", Boolean, nullable=False),
    Column("until", UtcDateTime, index=False),
    Column("signal", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("play_id", String, nullable=False),
    Column("places", String, nullable=False),
    Column("products", String, nullable=False, server_default=""),
    Column("words", Text, nullable=False),
    Column("fingerprint", String, nullable=False),  # of all that a pull shows: another one is a change
)
Index("story_index_released", story_index.c.ever_released, story_index.c.change)
Index("story_index_state", story_index.c.state, story_index.c.change)
Index("story_index_until", story_index.c.until)
IN_ONE_QUERY = 200
SHOWN = ("state", "terms", "attribution", "permission", "approved_by", "approved_at")
"""What of a standing a pull shows beside the story."""


class Filter(NamedTuple):
    """Which stories; empty fields ask for nothing."""

    state: str = ""
    signal: str = ""
    outcome: str = ""
    place: str = ""
    play: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None
    product: str = ""


EVERY = Filter()


class Change(NamedTuple):
    """One row of the index: a story, and the number of its last change."""

    story_id: str
    change: int
    changed_at: datetime
    released: bool


def put(connection: Connection, story: Story) -> None:
    """Store a story as it stands now."""
    values = {"ticket_ref": story.ticket_ref, "body": story.model_dump(mode="json"), "updated_at": story.updated_at}
    connection.execute(
        insert(stories).values(id=story.id, **values).on_conflict_do_update(index_elements=["id"], set_=values)
    )


def add_approval(connection: Connection, approval: Approval) -> None:
    """Record marketing's key; earlier ones are kept."""
    connection.execute(
        approvals.insert().values(story_id=approval.story_id, body=approval.model_dump(mode="json"), at=approval.at)
    )


def of_ticket(connection: Connection, ref: str) -> Story | None:
    """The story of a ticket, if one was noticed."""
    body = connection.execute(select(stories.c.body).where(stories.c.ticket_ref == ref)).scalar_one_or_none()
    return None if body is None else Story.model_validate(body)


def find_standing(connection: Connection, ids: Sequence[str], now: datetime) -> dict[str, Standing]:
    """Where some stories stand, found from the facts."""
    out: dict[str, Standing] = {}
    for part in _parts(ids):
        bodies = connection.execute(select(stories.c.body).where(stories.c.id.in_(part))).scalars()
        found = [Story.model_validate(body) for body in bodies]
        refs = [story.ticket_ref for story in found]
        ledger: dict[str, list[Entry]] = defaultdict(list)
        for entry in asking.entries(connection, refs=refs):
            ledger[entry.ticket_ref].append(entry)
        a = asking.asks.c
        sent = set(
            connection.execute(select(a.ticket_ref).where(a.ticket_ref.in_(refs), a.sent_at.is_not(None))).scalars()
        )
        last: dict[str, Approval] = {}
        query = select(approvals.c.body).where(approvals.c.story_id.in_(part)).order_by(approvals.c.seq)
        for body in connection.execute(query).scalars():
            approval = Approval.model_validate(body)
            last[approval.story_id] = approval
        places = publications_of(connection, part)
        for s in found:
            out[s.id] = standing(
                s, ledger[s.ticket_ref], s.ticket_ref in sent, last.get(s.id), places.get(s.id, ()), now.date()
            )
    return out


def get_standing(connection: Connection, story_id: str, now: datetime) -> Standing:
    """One story with where it stands.

    Raises:
        NotFound: There is none of that id.
    """
    found = find_standing(connection, [story_id], now).get(story_id)
    if found is None:
        raise NotFound(f"There is no story {story_id}.", hint="`delight stories list` shows them.")
    return found


def all_standing(connection: Connection, now: datetime, wanted: Filter = EVERY) -> Iterator[Standing]:
    """Every story with where it stands, the last changed first, a few hundred at a time."""
    for ids in _parts(list_ids(connection, wanted)):
        found = find_standing(connection, ids, now)
        yield from (found[i] for i in ids if i in found and (not wanted.state or found[i].state == wanted.state))


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), IN_ONE_QUERY):
        yield ids[start : start + IN_ONE_QUERY]


def list_ids(connection: Connection, wanted: Filter, *, offset: int = 0, limit: int | None = None) -> list[str]:
    """Ids of stories that the index says fit, the last changed first."""
    query = select(story_index.c.story_id).where(*_conditions(wanted)).order_by(story_index.c.change.desc())
    return list(connection.execute(query.offset(offset).limit(limit)).scalars())


def texts(connection: Connection, limit: int) -> list[tuple[str, int, str]]:
    """(id, number of its last change, text) of stories, the last changed first."""
    c = story_index.c
    query = select(c.story_id, c.change, c.words).where(c.words != "").order_by(c.change.desc()).limit(limit)
    return [(row.story_id, row.change, row.words) for row in connection.execute(query)]


def count(connection: Connection, wanted: Filter) -> int:
    """How many stories the index says fit."""
    query = select(func.count()).select_from(story_index).where(*_conditions(wanted))
    return int(connection.execute(query).scalar_one())


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    c = story_index.c
    found: list[ColumnElement[bool]] = [c.words != ""]  # an erased story is none any more
    for value, column in ((wanted.state, c.state), (wanted.signal, c.signal), (wanted.outcome, c.outcome)):
        if value:
            found.append(column == value)
    if wanted.place:
        found.append(c.places.contains(f" {wanted.place} ", autoescape=True))
    if wanted.product:
        found.append(c.products.contains(f"\n{wanted.product.casefold()}\n", autoescape=True))
    if wanted.play:
        found.append(c.play_id == wanted.play)
    found += [c.words.contains(word, autoescape=True) for word in wanted.words.casefold().split()[:8]]
    if wanted.since is not None:
        found.append(c.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(c.created_at < wanted.until)
    return found


# The index


def refresh(connection: Connection, story_id: str, now: datetime) -> Standing | None:
    """Put a story's place in the index right, under a new number where it changed; None where the story is gone."""
    known = connection.execute(select(story_index).where(story_index.c.story_id == story_id)).one_or_none()
    where = find_standing(connection, [story_id], now).get(story_id)
    if where is None:
        if known is not None and (known.released or known.words):
            gone = {
                "state": "withdrawn",
                "released": False,
                "words": "",
                "products": "",
                "until": None,
                "fingerprint": "",
            }
            _write(connection, story_id, {**_kept(known), **gone}, now)
        return None
    story, terms = where.story, where.terms
    released = where.state in RELEASED
    until = terms.until if terms is not None and released else None
    words = " ".join((story.hook, story.moment, story.catalyst, *(quote.text for quote in story.quotes)))
    row = {
        "created_at": story.created_at,
        "state": where.state,
        "released": released,
        "ever_released": released or bool(known is not None and known.ever_released),
        "until": datetime.combine(until, time.max, UTC) if until else None,
        "signal": story.signal,
        "outcome": story.outcome,
        "play_id": story.play_id,
        "places": f" {' '.join(terms.places)} " if terms is not None else " ",
        "products": "\n".join(("", *story.products, "")).casefold() if story.products else "",
        "words": f"{words} {story.customer_name} {story.customer_company}".casefold(),
        "fingerprint": digest(story.fingerprint, where.model_dump_json(include=set(SHOWN))),
    }
    if known is None or any(getattr(known, name) != value for name, value in row.items()):
        _write(connection, story_id, row, now)
    return where


def refresh_ticket(connection: Connection, ref: str, now: datetime) -> None:
    """`refresh` the story of a ticket, where it has one."""
    story = of_ticket(connection, ref)
    if story is not None:
        refresh(connection, story.id, now)


def run_out(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Stories of the index whose agreed time is over."""
    query = select(story_index.c.story_id).where(story_index.c.until < now).limit(limit)
    return list(connection.execute(query).scalars())


def missing_from_index(connection: Connection, limit: int) -> list[str]:
    """Stories that an older version of the program kept, and the index does not know."""
    query = select(stories.c.id).where(stories.c.id.not_in(select(story_index.c.story_id))).limit(limit)
    return list(connection.execute(query).scalars())


def changes(
    connection: Connection, after: int, limit: int, wanted: Filter = EVERY, since: datetime | None = None
) -> list[Change]:
    """What was ever released and changed after number `after`, in the order of the changes."""
    c = story_index.c
    # One that no longer fits a filter is told of as gone: whoever pulled it when it did must learn that.
    fits = and_(c.released, *_conditions(wanted))
    query = select(c.story_id, c.change, c.changed_at, case((fits, True), else_=False))
    query = query.where(c.ever_released, c.change > after)
    if since is not None:
        query = query.where(c.changed_at >= since)
    return [Change(*row) for row in connection.execute(query.order_by(c.change).limit(limit))]


def newest(connection: Connection, limit: int, place: str = "", before: int | None = None) -> list[Change]:
    """What is released, the last changed first."""
    c = story_index.c
    query = select(c.story_id, c.change, c.changed_at, c.released).where(c.released)
    if place:
        query = query.where(c.places.contains(f" {place} ", autoescape=True))
    if before is not None:
        query = query.where(c.change < before)
    return [Change(*row) for row in connection.execute(query.order_by(c.change.desc()).limit(limit))]


def gone(connection: Connection, limit: int) -> list[Change]:
    """What was released once and is not now, the last gone first."""
    c = story_index.c
    query = select(c.story_id, c.change, c.changed_at, c.released).where(c.ever_released, ~c.released)
    return [Change(*row) for row in connection.execute(query.order_by(c.change.desc()).limit(limit))]


def last_change(connection: Connection) -> int:
    """Number of the last change of all."""
    return int(connection.execute(select(func.coalesce(func.max(story_index.c.change), 0))).scalar_one())


def _kept(row: Any) -> dict[str, Any]:
    fields = [column.name for column in story_index.columns if column.name not in ("story_id", "change", "changed_at")]
    return {name: getattr(row, name) for name in fields}


def _write(connection: Connection, story_id: str, row: dict[str, Any], now: datetime) -> None:
    values = {**row, "change": last_change(connection) + 1, "changed_at": now}
    connection.execute(
        insert(story_index)
        .values(story_id=story_id, **values)
        .on_conflict_do_update(index_elements=["story_id"], set_=values)
    )


# Places


def publish(connection: Connection, made: Publication) -> Publication:
    """Record that a story stands somewhere; return it with its number."""
    result = connection.execute(publications.insert().values(made.model_dump(exclude={"id"})))
    assert result.inserted_primary_key is not None
    return made.model_copy(update={"id": int(result.inserted_primary_key[0])})


def publications_of(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Publication, ...]]:
    """Where some stories stand or stood, by story."""
    out: dict[str, tuple[Publication, ...]] = {}
    query = select(publications).where(publications.c.story_id.in_(ids)).order_by(publications.c.id)
    for row in connection.execute(query).mappings():
        made = Publication.model_validate(dict(row))
        out[made.story_id] = (*out.get(made.story_id, ()), made)
    return out


def take_down(connection: Connection, story_id: str, by: datetime, reason: str) -> None:
    """Every place of a story must be cleared by a time."""
    p = publications.c
    connection.execute(
        publications.update()
        .where(p.story_id == story_id, p.removed_at.is_(None), p.take_down_by.is_(None))
        .values(take_down_by=by, reason=reason)
    )


def take_downs(connection: Connection) -> list[Publication]:
    """Places that must be cleared and are not, the most urgent first."""
    p = publications.c
    query = select(publications).where(p.take_down_by.is_not(None), p.removed_at.is_(None)).order_by(p.take_down_by)
    return [Publication.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def removed(connection: Connection, number: int, by: str, proof: str, now: datetime) -> Publication:
    """Record that a place was cleared.

    Raises:
        NotFound: There is no such place, or it is cleared already.
    """
    p = publications.c
    values = {"removed_at": now, "removed_by": by, "proof": proof}
    changed = publications.update().where(p.id == number, p.removed_at.is_(None)).values(**values)
    done = connection.execute(changed)
    row = connection.execute(select(publications).where(p.id == number)).mappings().one_or_none()
    if row is None or not done.rowcount:
        raise NotFound(f"Place {number} is not there, or cleared already.")
    return Publication.model_validate(dict(row))


def to_recheck(connection: Connection, now: datetime) -> list[Story]:
    """Released stories whose day to be looked at again has come."""
    c = story_index.c
    query = select(stories.c.body).where(stories.c.id.in_(select(c.story_id).where(c.released)))
    due = stories.c.body["recheck_at"].as_string()
    found = connection.execute(query.where(due < f"{now:%Y-%m-%dT%H:%M:%S}~")).scalars()  # "~" sorts after any fraction
    return [story for body in found if (story := Story.model_validate(body)).recheck_at and story.recheck_at <= now]


# Erasing


def forget(connection: Connection, ids: Sequence[str]) -> None:
    """Erase stories; the places where they stand stay on record until they are cleared."""
    connection.execute(delete(approvals).where(approvals.c.story_id.in_(ids)))
    connection.execute(delete(stories).where(stories.c.id.in_(ids)))
