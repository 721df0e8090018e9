"""JSON lines: one conversation a line, as `delight read` takes it too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, ValidationError, field_validator, model_validator

from copilot.errors import QueueFault
from copilot.text import clean, clean_line
from copilot.tickets.models import Channel, Customer, Message, Model, Role, SetAside, Status, Ticket
from copilot.tickets.sources import Item

MAX_LINE = 8_000_000


CHANNELS: dict[str, Channel] = {
    "mail": "mail", "email": "mail", "e-mail": "mail",
    "chat": "chat", "dm": "chat", "sms": "chat", "whatsapp": "chat", "messenger": "chat",
    "social": "social", "twitter": "social", "tweet": "social", "x": "social", "facebook": "social", "instagram": "social",
    "forum": "social",
}  # fmt: skip
"""What exports call a channel; anything else is `file`."""
STATUSES: dict[str, Status] = {
    "new": "open", "open": "open", "reopened": "open",
    "pending": "pending", "hold": "pending", "on-hold": "pending", "waiting": "pending",
    "resolved": "resolved", "solved": "resolved", "closed": "closed",
}  # fmt: skip
"""What exports call a status; anything else is an error that names it."""


def _number_is_fine(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


LineId = Annotated[str, BeforeValidator(_number_is_fine), Field(min_length=1)]
"""The id of a line: text, or a number, which is as good."""


class Turn(Model):
    """One message of a line. Unknown keys are ignored: exports carry more than we need."""

    model_config = {"extra": "ignore"}

    role: Role
    text: str
    at: AwareDatetime | None = None
    author: str = ""

    @field_validator("role", mode="before")
    @classmethod
    def _bystander(cls, value: object) -> object:
        """`other` is somebody else in a public thread: shown, never judged, like a system line."""
        return "system" if value == "other" else value

    @field_validator("at", mode="before")
    @classmethod
    def _naive_is_utc(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            return value
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)

    @field_validator("at")
    @classmethod
    def _has_a_place_in_utc(cls, value: datetime | None) -> datetime | None:
        try:
            return None if value is None else value.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("lies outside the years 1 to 9999 in UTC") from error


class Conversation(Model):
    """One line: `{"id","turns":[{"role","text","at"?}],"subject"?,"customer"?,…}`."""

    model_config = {"extra": "ignore"}

    id: LineId
    turns: tuple[Turn, ...] = Field(min_length=1)
    subject: str = ""
    status: Status = "open"
    channel: Channel = "file"
    tags: tuple[str, ...] = ()
    customer: Customer | str | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_exports_write_it(cls, value: object) -> object:
        """Nulls are as good as left out; channels have as many names as there are exports."""
        if not isinstance(value, dict):
            return value
        made = {key: part for key, part in value.items() if part is not None}
        if isinstance(channel := made.get("channel"), str):
            made["channel"] = CHANNELS.get(channel.strip().lower(), "file")
        if isinstance(status := made.get("status"), str):
            made["status"] = STATUSES.get(status.strip().lower(), status)
        if isinstance(person := made.get("customer"), dict):
            known = {key: part for key, part in person.items() if key in Customer.model_fields and part is not None}
            key = known.get("id") or known.get("email") or known.get("name") or made.get("id")
            made["customer"] = {**known, "id": str(key)}
        return made

    @field_validator("id")
    @classmethod
    def _names_something(cls, value: str) -> str:
        if not clean_line(value):
            raise ValueError("holds no character that can be seen")
        return value

    def ticket(self, queue: str) -> Ticket:
        """The conversation as a ticket of `queue`."""
        if isinstance(self.customer, Customer):
            person = self.customer
        else:
            theirs = (t.author for t in self.turns if t.role == "customer" and t.author)
            name = clean_line(self.customer or next(theirs, ""))
            person = Customer(id=name or self.id, name=name, email=name if "@" in name and " " not in name else "")
        automatic = bool({"auto-reply", "bounce"} & set(self.tags))
        return Ticket(
            id=self.id,
            queue=queue,
            subject=self.subject,
            status=self.status,
            channel=self.channel,
            customer=person,
            tags=self.tags,
            messages=tuple(
                _message(number, turn, self.channel, automatic=automatic and turn.role == "customer")
                for number, turn in enumerate(self.turns, start=1)
            ),
        )


def _message(number: int, turn: Turn, channel: Channel, *, automatic: bool) -> Message:
    text, quoted = turn.text, ""
    if channel == "mail":
        from copilot.tickets.quotes import fold

        text, quoted = fold(clean(turn.text))
    return Message(
        id=str(number), role=turn.role, text=text, quoted=quoted, at=turn.at, author=turn.author, automatic=automatic
    )


def parse_line(line: bytes) -> Conversation:
    """Read one line.

    Raises:
        ValueError: With a sentence that names what is wrong and, where it can, the field.
    """
    return parse_json(line, Conversation)


M = TypeVar("M", bound=BaseModel)


def parse_json(line: bytes, model: type[M]) -> M:
    """Read one line of JSON into `model`.

    Raises:
        ValueError: With a sentence that names what is wrong and, where it can, the field.
    """
    if len(line) > MAX_LINE:
        raise ValueError(f"the line is longer than {MAX_LINE:,} bytes")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from error
    try:
        value: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("not JSON that can be read: nested too deep") from error
    if not isinstance(value, dict):
        raise ValueError("a JSON object is expected on each line")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"`{field}`: {first['msg']}") from error


class JsonLines:
    """A queue in one file of JSON lines."""

    def __init__(self, queue: str, path: Path) -> None:
        self.queue = queue
        self.path = path

    def items(self) -> Iterator[Item]:
        """Yield the tickets; of two lines with one id the first wins and the second is set aside."""
        try:
            with self.path.open("rb") as lines:
                yield from tickets_of(self.queue, str(self.path), lines)
        except OSError as error:
            raise QueueFault(f"{self.path} cannot be read: {error.strerror}.") from error


def tickets_of(queue: str, name: str, lines: Iterable[bytes]) -> Iterator[Item]:
    """The tickets of numbered lines; blank lines are passed over, bad ones and repeated ids are set aside."""
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            ticket = parse_line(line).ticket(queue)
            if (first := seen.setdefault(ticket.id, number)) != number:
                raise ValueError(f"id {ticket.id!r} stands on line {first} already")
        except ValueError as error:
            yield SetAside(file=name, line=number, reason=_sentence(error))
        else:
            yield ticket


def _sentence(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"`{'.'.join(str(part) for part in first['loc'])}`: {first['msg']}"
    return str(error)
