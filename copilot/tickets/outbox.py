"""Sends on a queue of files: one well-formed .eml a reply, written whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from copilot.errors import QueueFault, RefusedAction
from copilot.text import clean, clean_line, digest
from copilot.tickets.models import Message, Ticket
from copilot.tickets.sources.mail import MESSAGE_ID, REPLY_PREFIX, refs_for_reply

SPECIAL = re.compile(r'[()<>\[\]:;@\\,"]+')


class Outbox:
    """Writes replies to a folder.

    Args:
        folder: Where the .eml files go; made when missing.
        sender: The team's address.
        team: The name shown beside it.
    """

    def __init__(self, folder: Path, sender: str, team: str) -> None:
        self.folder = folder
        self.sender = sender
        self.team = team

    def forget(self, refs: Sequence[str], keys: Sequence[str] = ()) -> list[str]:
        """Remove the replies of some tickets that still lie here; return the files that could not be looked into.

        A file that is no mail of ours is left alone.

        Args:
            keys: What they were sent by; found even where a header did not survive.
        """
        wanted, named, left = {_literal(ref) for ref in refs}, {f"{digest(key)}.eml" for key in keys}, []
        for path in sorted(self.folder.glob("*.eml")):
            try:
                with path.open("rb") as file:
                    mail = BytesHeaderParser(policy=SMTP).parse(file)
                if path.name in named or str(mail["X-Delight-Ticket"] or "") in wanted:
                    path.unlink()
            except OSError as error:
                left.append(f"{path} ({error.strerror})")
        return left

    def send(self, ticket: Ticket, text: str, author: str, key: str, at: datetime) -> Message:
        """Write the reply and return it as a message of the thread.

        The file's name and Message-ID come from `key`, so that a second try after a crash overwrites the first
        instead of sending twice.

        Raises:
            RefusedAction: The customer has no address to write to.
            QueueFault: The folder cannot be written; nothing was.
        """
        mail_id = f"<{digest(key)}.{digest(ticket.ref)}@{self.sender.partition('@')[2] or 'localhost'}>"
        mail = EmailMessage(policy=SMTP)
        try:
            mail["From"] = _address(author or self.team, self.sender)
        except (ValueError, IndexError, MessageError) as error:
            raise RefusedAction(
                f"{self.sender!r} is not an address mail can be sent from.", hint="Mend `team_address` in delight.toml."
            ) from error
        try:
            # An empty group: a chat or social queue has no address, the text still goes out.
            person = ticket.customer
            mail["To"] = _address(person.name, person.email) if person.email else Group(_name(person.shown))
        except (ValueError, IndexError, MessageError) as error:
            raise RefusedAction(
                f"{ticket.customer.email!r} is not an address mail can be sent to.", hint="Mend it in the source queue."
            ) from error
        mail["Subject"] = _literal(f"Re: {REPLY_PREFIX.sub('', ticket.title)}")
        mail["Date"] = format_datetime(at)
        mail["Message-ID"] = mail_id
        if refs := refs_for_reply(ticket.messages):
            mail["In-Reply-To"] = refs[-1]
            mail["References"] = " ".join(refs[-20:])
        elif ticket.messages:
            mail["In-Reply-To"] = f"<{digest(ticket.ref, ticket.messages[-1].id)}@{ticket.queue}.queue>"
        mail["X-Delight-Ticket"] = _literal(ticket.ref)
        mail.set_content(clean(text))
        name = f"{digest(key)}.eml"
        try:
            write_atomically(self.folder / name, mail.as_bytes())
        except OSError as error:
            raise QueueFault(f"The reply could not be written to {self.folder}: {error.strerror}.") from error
        assert MESSAGE_ID.fullmatch(mail_id)
        return Message(id=mail_id, role="agent", text=text, at=at, author=author)


def _address(name: str, address: str) -> Address:
    address.encode("ascii")  # a UnicodeEncodeError is a ValueError: the library would write an address nobody has
    return Address(_name(name), addr_spec=address)


def _name(name: str) -> str:
    """A display name without the marks of address syntax: the library loses its quotes where it folds long headers."""
    return _literal(SPECIAL.sub(" ", name))


def _literal(text: str) -> str:
    """`text` on one line, its encoded words broken: the library would decode them, line ends and all."""
    return clean_line(text).replace("=?", "= ?")


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader or a crash sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
