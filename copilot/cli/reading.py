"""`delight read`: from conversations (or replies) to readings, in order, in flat memory, as a filter or file to file."""

from __future__ import annotations

import fcntl
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple, Protocol

from pydantic import model_validator

from copilot.bootstrap import HOME, Workspace, open_workspace
from copilot.cli.output import data, progress, say
from copilot.errors import SettingsError, UsageError
from copilot.reading.models import Label, Reading
from copilot.settings import FILE_NAME
from copilot.text import SURROGATES, clean, sentences
from copilot.tickets.models import Model
from copilot.tickets.sources.jsonl import MAX_LINE, Conversation, LineId, parse_json, parse_line

if TYPE_CHECKING:
    from copilot.reading.reader import Reader
    from copilot.reading.replies import ReplyReader
    from copilot.reading.second import SecondReader

CHUNK, CHUNK_BYTES = 256, 8_000_000
"""Lines, and bytes of them, that are read at once."""
BEGINNING = b'{"id": '
ROW_BEGINS = re.compile(rb'\{"id": (null|"([^"\\]|\\.)*("|$)),? ?("(mood|label|differ|line|$)|$)')
"""How a row of this command begins, wherever it was cut off."""
What = Literal["offline", "model", "compare", "replies"]


def read_lines(
    source: Path | None,
    out: Path | None,
    folder: Path | None,
    *,
    what: What,
) -> int:
    """Read every line of `source` and write one line for each; return how many could not be read.

    Args:
        source: A file of JSON lines; None is stdin.
        out: A file to write. What it holds already is taken for done, a half-written last line excepted: a run that was
            killed is taken up again where it stopped. None is stdout.
        folder: The workspace.
        what: Read conversations offline, with the model too, only where the two differ; or replies to permission asks.

    Raises:
        UsageError: A file cannot be opened, or `out` holds the readings of another file.
    """
    space = _workspace(folder)
    work: Work
    if what == "replies":
        work = Replies(space.brain.replies)
    elif what == "offline":
        work = Conversations(space.brain.get()[0])
    else:
        work = WithModel(_second(space), differing=what == "compare")
    with _input(source) as lines:
        if out is None:
            return sum(_write(rows_of(work, chunk), data) for chunk in _chunks(lines))
        return _archive(work, lines, source, out)


def _archive(work: Work, lines: BinaryIO, source: Path | None, out: Path) -> int:
    """Write to a file, with a bar; take up what was begun. Lines that could not be read are counted over all runs."""
    if source is not None and out.exists() and out.samefile(source):
        raise UsageError(f"{out} is the file that is read.", hint="Name another --out.")
    total = _count(lines) if lines.seekable() else 0
    try:
        with out.open("ab+") as file, _alone(file, out), progress() as bar:
            begun = _begun(file, out)
            done, bad, seen = begun.rows, begun.bad, 0
            for chunk in _chunks(lines):
                left = chunk[max(done - seen, 0) :]
                if seen < done <= seen + len(chunk):
                    _same_file(out, done, begun.last, chunk[done - seen - 1][1])
                if left and seen <= done:
                    file.truncate(begun.end)  # a row that a kill cut off
                seen += len(chunk)
                if left:
                    bad += _write(rows_of(work, left), lambda row: file.write(row.encode() + b"\n"))
                    file.flush()
                bar("reading", seen, max(total, seen))
            if (held := done + begun.cut) > seen:
                raise _other_file(out, f"it has {held:,} lines and the input {seen:,}")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.") from error
    return bad


@contextmanager
def _alone(file: BinaryIO, out: Path) -> Iterator[None]:
    """No other run may write the same file; the lock goes with the process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(f"Another run is writing {out}.", hint="Wait for it, or name another --out.") from error
    yield


class Begun(NamedTuple):
    """What an earlier run left in a file.

    Attributes:
        rows: Whole rows.
        last: The last of them.
        bad: How many of them stand for a line that could not be read.
        end: Where they end, in bytes.
        cut: Whether a row follows that a kill cut off.
    """

    rows: int
    last: Row
    bad: int
    end: int
    cut: bool


def _begun(file: BinaryIO, out: Path) -> Begun:
    """What `file` holds already.

    Raises:
        UsageError: It is anything but rows of this command; nothing of it is changed.
    """
    rows, end, bad, last, cut = 0, 0, 0, Row.model_construct(), False
    file.seek(0)
    for line in file:
        if not line.endswith(b"\n"):
            cut = bool(rows or BEGINNING.startswith(line) or ROW_BEGINS.match(line))
            if not cut:
                raise _other_file(out, f"line {rows + 1} is none")
            break
        try:
            last = parse_json(line, Row)
        except ValueError as error:
            raise _other_file(out, f"line {rows + 1} is none") from error
        rows, end, bad = rows + 1, end + len(line), bad + (last.error is not None)
    return Begun(rows, last, bad, end, cut)


def _same_file(out: Path, number: int, row: Row, line: bytes) -> None:
    """Refuse to go on in readings of other conversations: the last that was written must be of the line it stands for."""
    try:
        wanted = str(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        wanted = None  # a line that could not be read was written with no id
    if row.id not in (wanted, None):
        raise _other_file(out, f"line {number}")


def _other_file(out: Path, why: str) -> UsageError:
    return UsageError(
        f"{out} does not hold the readings of this input ({why}).", hint="Name another --out, or move that file away."
    )


def _count(lines: BinaryIO) -> int:
    count = sum(1 for _ in _numbered(lines))
    lines.seek(0)
    return count


@contextmanager
def _input(source: Path | None) -> Iterator[BinaryIO]:
    if source is None:
        yield sys.stdin.buffer
        return
    try:
        with source.open("rb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from error


class Row(Model):
    """What a line must hold to be taken for one that this command wrote."""

    model_config = {"extra": "ignore"}

    id: str | None = None
    error: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _says_what_was_read(cls, value: object) -> object:
        if isinstance(value, dict) and "turns" not in value and value.keys() & {"mood", "label", "differ", "error"}:
            return value
        raise ValueError("is no reading")


class Reply(Model):
    """One line of `--replies`: `{"id","ask","reply"}`."""

    model_config = {"extra": "ignore"}

    id: LineId
    ask: str
    reply: str


_Parsed = Conversation | Reply | str
"""What a line holds, or what is wrong with it."""


class Work(Protocol):
    """What is done with lines of one kind."""

    def parse(self, line: bytes) -> Conversation | Reply:
        """What a line holds; ValueError says what is wrong with it."""
        ...

    def rows(self, items: Sequence[Any]) -> list[dict[str, object]]:
        """One output row for each item."""
        ...


class Conversations:
    """Lines that are conversations."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    parse = staticmethod(parse_line)

    def rows(self, items: Sequence[Conversation]) -> list[dict[str, object]]:
        """See `Work.rows`."""
        readings = self.reader.read_many([item.ticket("stdin") for item in items], path=1)
        return [as_row(item, reading) for item, reading in zip(items, readings, strict=True)]


class Replies:
    """Lines that are replies to asks."""

    def __init__(self, reader: ReplyReader) -> None:
        self.reader = reader

    def parse(self, line: bytes) -> Reply:
        """See `Work.parse`."""
        return parse_json(line, Reply)

    def rows(self, items: Sequence[Reply]) -> list[dict[str, object]]:
        """See `Work.rows`."""
        found = self.reader.read_many([(item.ask, item.reply) for item in items])
        return [{"id": item.id, **reading.model_dump(mode="json")} for item, reading in zip(items, found, strict=True)]


class WithModel:
    """Lines that are conversations, read by a model too.

    Args:
        differing: Write where the two readings differ, with both of them.
    """

    def __init__(self, second: SecondReader, *, differing: bool) -> None:
        self.second = second
        self.differing = differing

    parse = staticmethod(parse_line)

    def rows(self, items: Sequence[Conversation]) -> list[dict[str, object]]:
        """See `Work.rows`."""
        tickets = [item.ticket("stdin") for item in items]
        if not self.differing:
            return [*map(as_row, items, self.second.read_many(tickets))]
        return [
            {
                "id": item.id,
                "differ": found.differ,
                "offline": as_row(item, found.offline),
                "model": as_row(item, found.model),
            }
            if found is not None
            else {"id": item.id, "differ": []}
            for item, found in zip(items, self.second.compare(tickets), strict=True)
        ]


def rows_of(work: Work, chunk: Sequence[tuple[int, bytes]]) -> Iterator[tuple[str, bool]]:
    """Output lines of a chunk, each with whether it could be read."""
    parsed: list[tuple[int, _Parsed]] = []
    for number, line in chunk:
        try:
            parsed.append((number, work.parse(line)))
        except ValueError as error:
            parsed.append((number, str(error)))
    rows = iter(work.rows([item for _, item in parsed if not isinstance(item, str)]))
    for number, item in parsed:
        if isinstance(item, str):
            say(f"line {number}: {item}")
            yield _line({"id": None, "line": number, "error": item}), False
        else:
            yield _line(next(rows)), True


def _line(row: dict[str, object]) -> str:
    """`row` as JSON; half a surrogate pair, which no file can hold as text, is escaped as it came."""
    line = json.dumps(row, ensure_ascii=False)
    return SURROGATES.sub(lambda half: f"\\u{ord(half.group()):04x}", line)


def _write(rows: Iterator[tuple[str, bool]], write: Callable[[str], object]) -> int:
    bad = 0
    for row, good in rows:
        write(row)
        bad += not good
    return bad


def as_row(conversation: Conversation, reading: Reading) -> dict[str, object]:
    """A reading as one output line; evidence is verbatim in the message as it came in."""
    raw = [turn.text for turn in conversation.turns]

    def labels(found: tuple[Label, ...]) -> list[dict[str, object]]:
        return [
            {
                "name": x.name,
                "confidence": x.confidence,
                "evidence": _verbatim(x.evidence.text, raw[x.evidence.message]),
            }
            for x in found
        ]

    place = next((x.evidence.message for x in (*reading.signals, *reading.risks)), None)
    if place is None and reading.mood_evidence is not None:
        place = reading.mood_evidence.message
    return {
        "id": conversation.id,
        "mood": reading.mood,
        "mood_confidence": reading.mood_confidence,
        "sarcasm": reading.sarcasm,
        "signals": labels(reading.signals),
        "risks": labels(reading.risks),
        "moment": reading.moment,
        "ask_ok": reading.ask_ok,
        "evidence": "" if place is None else _verbatim(reading.evidence, raw[place]),
        **({} if reading.read else {"read": False, "why_not": reading.why_not}),
        **({"note": reading.note} if reading.note else {}),
    }


def _verbatim(evidence: str, raw: str) -> str:
    """Evidence as it stands in the uncleaned message: its own sentence there, else the whole message."""
    if evidence in raw:
        return evidence
    return next((raw[a:b] for a, b in sentences(raw) if clean(raw[a:b]).strip() == evidence), raw)


def _chunks(lines: BinaryIO) -> Iterator[list[tuple[int, bytes]]]:
    """(line number, line) of the lines that are not blank, in chunks."""
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for number, line in _numbered(lines):
        chunk.append((number, line))
        size += len(line)
        if len(chunk) == CHUNK or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _numbered(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(line number, line) of the lines that are not blank; of one that is too long so much that it is refused.

    Raises:
        UsageError: They cannot be read on.
    """
    number = 0
    try:
        while line := lines.readline(MAX_LINE + 1):
            number += 1
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = lines.readline(MAX_LINE)
            if line.strip():
                yield number, line
    except OSError as error:
        raise UsageError(f"The input cannot be read after line {number}: {error.strerror}.") from error


def _second(space: Workspace) -> SecondReader:
    """The reader that asks a model too."""
    if (second := space.brain.second) is None:
        raise SettingsError("No model reads here.", hint='Name one in delight.toml: [reading] model = "…".')
    return second


def _workspace(folder: Path | None) -> Workspace:
    """The workspace; outside any, the checkout's own. Its index is built now where it is missing."""
    from copilot.playbook.build import build
    from copilot.playbook.search import current

    space = open_workspace(folder)
    nowhere = folder is None and not (space.settings.workspace / FILE_NAME).exists()
    if nowhere and current(space.index) is None and (HOME.parent / "pyproject.toml").exists():
        space = Workspace(space.settings.model_copy(update={"workspace": HOME.parent}))
    if current(space.index) is None:
        say(f"building the index in {space.index} (once)")
        with progress() as bar:
            build(space.playbooks, space.index, space.settings.encoder, space.clock().date(), progress=bar)
    return space
