"""Ticket, Message, Customer: the models every other room reads. Immutable; a change is a new model."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from copilot.text import clean, clean_line, digest

Role = Literal["customer", "agent", "system"]
Status = Literal["open", "pending", "resolved", "closed"]
Channel = Literal["mail", "chat", "social", "file"]
CustomerKind = Literal["customer", "staff", "partner", "minor"]
MAX_TEXT = 200_000
"""Characters kept of one message; more than any mail a person writes."""


class Model(BaseModel):
    """Base of all models that cross a room's border."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # built at first use: 0.1 s of every start


def _line(text: str, width: int) -> str:
    """`text` clean, on one line, cut at `width`; cutting what was cut changes nothing."""
    return clean_line(text)[:width].rstrip()


class Customer(Model):
    """The person who wrote. `id` is stable within a queue: the help-desk's id, or the mail address."""

    id: str = Field(min_length=1)
    name: str = ""
    email: str = ""
    company: str = ""
    locale: str = ""
    country: str = ""
    kind: CustomerKind = "customer"

    @field_validator("id", "name", "email", "company", "locale", "country", mode="before")
    @classmethod
    def _one_clean_line(cls, value: object) -> object:
        return _line(value, 300) if isinstance(value, str) else value

    @property
    def first_name(self) -> str:
        """The first given name, or an empty string where the name is unknown or looks like an address or a handle."""
        words = self.name.replace(",", " ").split()
        if not words or any(mark in self.name for mark in "@<>[]{}/\\=|") or any(c.isdigit() for c in words[0]):
            return ""
        first = words[1] if "," in self.name and len(words) > 1 else words[0]
        return first if first[0].isalpha() and len(first) > 1 and not first.endswith(".") else ""

    @property
    def shown(self) -> str:
        """What a list shows: the name, else the address, else the id."""
        return self.name or self.email or self.id


class Message(Model):
    """One message. `text` is what its writer wrote; `quoted` is history and signature folded away from it.

    `automatic` marks bounces and auto-replies: never read, never asked, never counted as waiting.
    """

    id: str
    role: Role
    text: str
    at: AwareDatetime | None = None
    author: str = ""
    quoted: str = ""
    public: bool = True
    automatic: bool = False
    attachments: tuple[str, ...] = ()

    @field_validator("text", "quoted", mode="before")
    @classmethod
    def _clean_text(cls, value: object) -> object:
        return clean(value)[:MAX_TEXT].strip("\n") if isinstance(value, str) else value

    @field_validator("id", "author", mode="before")
    @classmethod
    def _clean_line(cls, value: object) -> object:
        return _line(value, 300) if isinstance(value, str) else value

    @field_validator("attachments", mode="before")
    @classmethod
    def _clean_names(cls, value: object) -> object:
        return tuple(_line(str(name), 200) for name in value) if isinstance(value, (list, tuple)) else value


class Ticket(Model):
    """One conversation of one queue.

    `opened_at` is the first message's time, or when sync first saw it. `version` changes whenever the conversation
    does; a write that was based on another version is stale.
    """

    id: str = Field(min_length=1)
    queue: str
    subject: str = ""
    status: Status = "open"
    channel: Channel = "file"
    customer: Customer
    messages: tuple[Message, ...] = Field(min_length=1)
    tags: tuple[str, ...] = ()
    opened_at: AwareDatetime | None = None

    @field_validator("id", "subject", mode="before")
    @classmethod
    def _one_clean_line(cls, value: object) -> object:
        return _line(value, 500) if isinstance(value, str) else value

    @field_validator("tags", mode="before")
    @classmethod
    def _clean_tags(cls, value: object) -> object:
        return tuple(_line(str(tag), 60) for tag in value) if isinstance(value, (list, tuple)) else value

    @property
    def ref(self) -> str:
        """The name of this ticket everywhere in the house: `queue/id`."""
        return f"{self.queue}/{self.id}"

    @property
    def version(self) -> str:
        """Content hash of the conversation: what a reading judged, and what a reply was written against.

        A customer's details are left out: they are shared by all their tickets, and change with any of them.
        """
        return digest(self.customer.id, self.model_dump_json(exclude={"opened_at", "customer"}))

    @property
    def source_version(self) -> str:
        """Content hash of everything the help-desk owns, customer included."""
        return digest(self.model_dump_json(exclude={"opened_at"}))

    @property
    def title(self) -> str:
        """The subject, or the customer's first words where there is none."""
        return self.subject or " ".join(self.messages[0].text.split())[:80] or "(no text)"

    @property
    def customer_messages(self) -> tuple[Message, ...]:
        """What the customer wrote themself, oldest first."""
        return tuple(m for m in self.messages if m.role == "customer" and m.public and not m.automatic)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the people in it: the customer's, their company's, and who wrote the messages."""
        people = (self.customer.name, self.customer.company, *(m.author for m in self.messages))
        return tuple(dict.fromkeys(name for name in people if name))

    @property
    def agent_messages(self) -> tuple[Message, ...]:
        return tuple(m for m in self.messages if m.role == "agent" and m.public and not m.automatic)

    @property
    def target(self) -> Message | None:
        """The customer's last message: the one a reading judges."""
        return next(iter(reversed(self.customer_messages)), None)

    @property
    def first_unanswered(self) -> Message | None:
        """The first customer message after the team's last answer; None when nobody waits."""
        waiting: Message | None = None
        for message in self.messages:
            if not message.public or message.automatic:
                continue
            if message.role == "agent":
                waiting = None
            elif message.role == "customer" and waiting is None:
                waiting = message
        return waiting

    def waiting_since(self) -> datetime | None:
        """When the customer began to wait, or None when answered, resolved or closed."""
        message = self.first_unanswered
        if message is None or self.status in ("resolved", "closed"):
            return None
        return message.at or self.opened_at


class SetAside(Model):
    """A line or a mail that could not be read: where it stands and why. The rest of the queue goes on."""

    file: str
    line: int
    reason: str

    @field_validator("file", "reason", mode="before")
    @classmethod
    def _one_clean_line(cls, value: object) -> object:
        return clean_line(value) if isinstance(value, str) else value
