"""Mail: an mbox, a Maildir or a folder of .eml files, threaded by References.

Parsing is the standard library's lenient `compat32`, which never refuses a mail; decoding falls back from the declared
charset to what the bytes allow. HTML becomes text by inscriptis. What must not live here: folding (`tickets/quotes.py`).
"""

from __future__ import annotations

import mailbox
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header
from email.message import Message as Mail
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

from copilot.errors import QueueFault
from copilot.text import clean, clean_line, digest
from copilot.tickets.models import Customer, Message, SetAside, Ticket
from copilot.tickets.quotes import fold
from copilot.tickets.sources import Item

MESSAGE_ID = re.compile(r"<[^<>\s]+>")
REPLY_PREFIX = re.compile(r"^(?:\s*(?:re|aw|sv|antw|rv|tr|fwd?|wg)\s*(?:\[\d+\])?\s*:)+\s*", re.IGNORECASE)
AUTOMATIC_SUBJECT = re.compile(
    r"^\s*(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office|abwesenheits?notiz|abwesend"
    r"|réponse automatique|respuesta automática|risposta automatica|undeliverable|undelivered mail"
    r"|delivery status notification|mail delivery (?:failed|failure)|returned mail)\b",
    re.IGNORECASE,
)
TRACE = frozenset(["received", "delivered-to", "return-path", "x-received", "status", "x-status", "x-keywords"])
ESCAPED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
"""How an mbox writes a line that begins with "From ": left so, it would be folded away as a quotation."""
FREE_MAIL = frozenset(
    [
        "gmail",
        "googlemail",
        "outlook",
        "hotmail",
        "live",
        "yahoo",
        "icloud",
        "me",
        "gmx",
        "web",
        "aol",
        "proton",
        "protonmail",
        "fastmail",
        "mail",
        "yandex",
        "qq",
    ]
)
MAX_MAIL = 40_000_000


class Parsed(NamedTuple):
    """One mail, before threading."""

    file: str
    line: int
    mail_id: str
    refs: tuple[str, ...]
    subject: str
    sender: tuple[str, str]
    """(name, address) of whoever wrote."""
    recipient: tuple[str, str]
    message: Message


class MailQueue:
    """A queue of mail in files.

    Args:
        queue: Name of the queue.
        path: An mbox file, a Maildir, a folder of .eml files or one .eml.
        kind: `mbox`, `maildir` or `eml`.
        own_address: The team's address; mail from it or its domain is the team's own.
    """

    def __init__(self, queue: str, path: Path, kind: str, own_address: str) -> None:
        self.queue = queue
        self.path = path
        self.kind = kind
        self.own_address = own_address.lower()

    def items(self) -> Iterator[Item]:
        """Yield one ticket a thread, oldest thread first; a mail that cannot be read is set aside."""
        mails: list[Parsed] = []
        contents: dict[str, str] = {}
        for file, line, raw in self._raw():
            try:
                parsed = self._parse(file, line, raw)
            except Exception as error:  # noqa: BLE001 - hostile mail: whatever the parser trips over, the queue goes on
                yield SetAside(file=file, line=line, reason=f"the mail cannot be parsed: {error!r:.200}")
                continue
            content = _content(raw)
            if contents.get(parsed.mail_id) == content:
                continue  # the same mail twice (a copy in another folder)
            if parsed.mail_id in contents:  # one id, two mails: keep both
                new = f"{parsed.mail_id}#{content}"
                if new in contents:
                    continue
                parsed = parsed._replace(mail_id=new, message=parsed.message.model_copy(update={"id": new}))
            contents[parsed.mail_id] = content
            mails.append(parsed)
        for thread in _threads(mails):
            yield self._ticket(thread)

    def _raw(self) -> Iterator[tuple[str, int, bytes]]:
        try:
            if self.kind == "mbox":
                yield from _mbox(self.path)
                return
            if self.kind == "maildir":
                files = sorted(p for sub in ("cur", "new") for p in (self.path / sub).iterdir() if p.is_file())
            else:
                files = sorted(self.path.rglob("*.eml")) if self.path.is_dir() else [self.path]
            for file in files:
                yield str(file), 1, file.read_bytes()
        except OSError as error:
            raise QueueFault(f"{self.path} cannot be read: {error.strerror}.") from error
        except mailbox.NoSuchMailboxError as error:
            raise QueueFault(f"{self.path} is not there.") from error

    def _parse(self, file: str, line: int, raw: bytes) -> Parsed:
        if len(raw) > MAX_MAIL:
            raise ValueError(f"larger than {MAX_MAIL:,} bytes")
        if not raw.strip():
            raise ValueError("the file is empty")
        mail = message_from_bytes(raw, policy=policy.compat32)
        found = MESSAGE_ID.search(_raw_header(mail, "Message-ID"))
        mail_id = found.group() if found else f"<{_content(raw)}@no-message-id>"
        refs = tuple(MESSAGE_ID.findall(_raw_header(mail, "References") + " " + _raw_header(mail, "In-Reply-To")))
        name, address = self._sender(mail)
        subject = _header(mail, "Subject")
        text, attachments = _body(mail)
        automatic = _automatic(mail, address, subject)
        own, quoted = (text, "") if automatic else fold(clean(text).strip())
        message = Message(
            id=mail_id,
            role="agent" if self._is_own(address) and not automatic else "customer",
            text=own,
            quoted=quoted,
            at=_date(mail),
            author=name or address,
            automatic=automatic,
            attachments=tuple(attachments),
        )
        to = _addresses(mail, "To") or _addresses(mail, "Delivered-To")
        return Parsed(file, line, mail_id, refs, subject, (name, address), to[0] if to else ("", ""), message)

    def _sender(self, mail: Mail) -> tuple[str, str]:
        senders = _addresses(mail, "From") or _addresses(mail, "Sender")
        name, address = senders[0] if senders else ("", "")
        for header in ("X-Original-From", "X-Original-Sender", "Reply-To"):
            others = _addresses(mail, header)
            # A group or forwarder writes "Anna via Support <support@…>": the person stands in these headers.
            if others and (self._is_own(address) or " via " in name) and not self._is_own(others[0][1]):
                return others[0][0] or name.split(" via ")[0].strip("'\" "), others[0][1]
        return name, address

    def _is_own(self, address: str) -> bool:
        domain = self.own_address.partition("@")[2]
        shared = not domain or domain.split(".")[0] in FREE_MAIL  # a team at gmail.com does not employ all of Gmail
        return bool(address) and (address == self.own_address or (not shared and address.endswith("@" + domain)))

    def _ticket(self, thread: list[Parsed]) -> Ticket:
        root = thread[0]
        asker = next((p for p in thread if p.message.role == "customer" and not p.message.automatic), None)
        name, address = (asker or root).sender if (asker or root).message.role == "customer" else root.recipient
        return Ticket(
            id="m-" + digest(root.refs[0] if root.refs else root.mail_id)[:10],
            queue=self.queue,
            subject=REPLY_PREFIX.sub("", root.subject),
            channel="mail",
            customer=Customer(id=address or name or root.mail_id, name=name, email=address),
            messages=tuple(parsed.message for parsed in thread),
        )


def _threads(mails: list[Parsed]) -> list[list[Parsed]]:
    """Group mails that share any reference; threads and their mails are sorted by time, undated ones as they came."""
    parent: dict[str, str] = {}

    def find(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for mail in mails:
        for ref in mail.refs:
            parent[find(ref)] = find(mail.mail_id)
    groups: dict[str, list[Parsed]] = {}
    for mail in mails:
        groups.setdefault(find(mail.mail_id), []).append(mail)
    far = datetime.max.replace(tzinfo=UTC)
    for group in groups.values():
        group.sort(key=lambda parsed: (parsed.message.at or far, len(parsed.refs)))
    return sorted(groups.values(), key=lambda group: (group[0].message.at or far, group[0].mail_id))


def _mbox(path: Path) -> Iterator[tuple[str, int, bytes]]:
    box = mailbox.mbox(str(path), create=False)
    try:
        line, at = 1, 0
        with path.open("rb") as file:
            for key in box.iterkeys():
                start, _ = box._lookup(key)  # type: ignore[attr-defined]  # the only way to name the line of a mail
                while at < start and (read := file.readline()):
                    at += len(read)
                    line += 1
                yield str(path), line, ESCAPED_FROM.sub(rb"\1", box.get_bytes(key))
    finally:
        box.close()


def _content(raw: bytes) -> str:
    """A hash of a mail without the trace of its delivery: equal for two copies of one mail."""
    mail = message_from_bytes(raw, policy=policy.compat32)
    kept = [f"{name}:{value}" for name, value in mail.items() if name.lower() not in TRACE]
    return digest(*kept, raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2].decode("latin-1"))


def _raw_header(mail: Mail, name: str) -> str:
    return " ".join(str(value) for value in mail.get_all(name, []))


def _header(mail: Mail, name: str) -> str:
    """A header decoded, whatever it claims to be encoded in."""
    return clean_line(" ".join(_decoded(value) for value in mail.get_all(name, [])))


def _decoded(value: Any) -> str:
    """A header value as text. `value` is a `Header` where it holds raw bytes: `str` of it would lose them."""
    return "".join(v if isinstance(v, str) else _decode(v, charset) for v, charset in decode_header(value))


def _addresses(mail: Mail, name: str) -> list[tuple[str, str]]:
    pairs = getaddresses([_header_keeping_commas(value) for value in mail.get_all(name, [])])
    return [(clean_line(shown).strip("'\""), address.lower()) for shown, address in pairs if "@" in address]


def _header_keeping_commas(value: Any) -> str:
    """Decode encoded words inside an address header without letting a decoded comma split it."""
    out = []
    for text, charset in decode_header(value):
        if isinstance(text, str):
            out.append(text)
        elif charset in (None, "unknown-8bit"):
            out.append(_decode(text, None))
        else:
            out.append('"' + clean_line(_decode(text, charset)).replace('"', "'").replace("\\", "") + '"')
    return " ".join(out)


def _decode(data: bytes, charset: str | None) -> str:
    for name in (charset, "utf-8", "cp1252"):
        try:
            if name:
                return data.decode(name)
        except (LookupError, UnicodeDecodeError):
            continue
    return data.decode("latin-1")


def _date(mail: Mail) -> datetime | None:
    try:
        at = parsedate_to_datetime(_raw_header(mail, "Date"))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _body(mail: Mail) -> tuple[str, list[str]]:
    """(text, attachment names): the plain parts, or the HTML ones where there is no plain text."""
    plain: list[str] = []
    html: list[str] = []
    names: list[str] = []
    for part in _leaves(mail):
        name = part.get_filename()
        # A multipart without parts has lost its boundary: what it holds is read as plain text.
        kind = "text/plain" if part.get_content_maintype() == "multipart" else part.get_content_type()
        if name or part.get_content_disposition() == "attachment" or kind not in ("text/plain", "text/html"):
            if kind not in ("message/delivery-status", "text/rfc822-headers"):
                names.append(_decoded(name) if name else f"unnamed {kind}")
            continue
        payload = part.get_payload(decode=True)
        text = _decode(payload, part.get_content_charset()) if isinstance(payload, bytes) else str(payload or "")
        (html if kind == "text/html" else plain).append(text)
    if any(text.strip() for text in plain):
        return "\n\n".join(text for text in plain if text.strip()), names
    return "\n\n".join(_html_to_text(text) for text in html), names


def _leaves(mail: Mail) -> Iterator[Mail]:
    """The parts of a mail; a mail inside it (`message/rfc822`) is one of them: its words are somebody else's."""
    if mail.get_content_maintype() == "multipart" and mail.is_multipart():
        for part in mail.get_payload():
            yield from _leaves(cast("Mail", part))
    else:
        yield mail


def _html_to_text(html: str) -> str:
    from inscriptis import get_text
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.model.config import ParserConfig

    html = re.sub(r"^\s*<\?xml[^>]*\?>", "", html.replace("\x00", ""))
    return str(get_text(html, ParserConfig(css=CSS_PROFILES["strict"], display_links=False))) if html.strip() else ""


def _automatic(mail: Mail, address: str, subject: str) -> bool:
    submitted = _raw_header(mail, "Auto-Submitted").split(";")[0].strip().lower()
    return (
        (submitted not in ("", "no"))
        or mail.get_content_type() == "multipart/report"
        or _raw_header(mail, "Return-Path").strip() == "<>"
        or address.partition("@")[0] in ("mailer-daemon", "postmaster")
        or _raw_header(mail, "X-Autoreply").strip().lower() in ("yes", "true", "1")
        or bool(_raw_header(mail, "X-Autorespond").strip())
        or _raw_header(mail, "Precedence").strip().lower() == "auto_reply"
        or bool(AUTOMATIC_SUBJECT.match(subject))
    )


def refs_for_reply(messages: Iterable[Message]) -> list[str]:
    """The References header of a reply to a thread of mails: their ids, oldest first."""
    return [m.id for m in messages if MESSAGE_ID.fullmatch(m.id) and m.id.isascii() and "=?" not in m.id]
