"""The queues tickets come from, one module a kind. A source yields tickets, and says what it could not read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from copilot.errors import QueueFault
from copilot.tickets.models import SetAside, Ticket

Item = Ticket | SetAside


class Source(Protocol):
    """Reads one queue."""

    def items(self) -> Iterator[Item]:
        """Yield every ticket, and a `SetAside` for whatever could not be read; never raises for bad content.

        Raises:
            QueueFault: The queue itself cannot be reached.
        """
        ...


def open_source(queue: str, path: Path, kind: str = "auto", own_address: str = "") -> Source:
    """The source for a file or folder.

    Args:
        queue: Name of the queue; part of every ticket's ref.
        path: What to read.
        kind: `jsonl`, `csv`, `mbox`, `maildir`, `eml`, or `auto` to look.
        own_address: Mails from this address or its domain are the team's own.

    Raises:
        QueueFault: There is nothing at `path`, or nothing this program can read.
    """
    if not path.exists():
        raise QueueFault(
            f"{path} is not there.", hint="Give a .jsonl, .csv or .mbox file, a Maildir or a folder of .eml files."
        )
    kind = _kind(path) if kind == "auto" else kind
    if kind == "jsonl":
        from copilot.tickets.sources.jsonl import JsonLines

        return JsonLines(queue, path)
    if kind == "csv":
        from copilot.tickets.sources.table import CsvTable

        return CsvTable(queue, path)
    from copilot.tickets.sources.mail import MailQueue

    return MailQueue(queue, path, kind, own_address)


def _kind(path: Path) -> str:
    if path.is_dir():
        if (path / "cur").is_dir() and (path / "new").is_dir():
            return "maildir"
        if any(path.glob("*.eml")):
            return "eml"
        raise QueueFault(f"{path} holds neither a Maildir nor .eml files.")
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson", ".json"):
        return "jsonl"
    if suffix in (".csv", ".tsv"):
        return "csv"
    if suffix == ".eml":
        return "eml"
    with path.open("rb") as file:
        if suffix in (".mbox", ".mbx") or file.read(5) == b"From ":
            return "mbox"
    raise QueueFault(f"{path}: this kind of file is not known.", hint="Name it with `kind` in delight.toml or --kind.")
