"""CSV: one message a row, grouped by `id`; or one conversation a row where ids do not repeat."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from copilot.errors import QueueFault
from copilot.text import clean_line
from copilot.tickets.models import SetAside
from copilot.tickets.sources import Item
from copilot.tickets.sources.jsonl import MAX_LINE, Conversation

REQUIRED = ("id", "text")
OPTIONAL = ("role", "at", "author", "subject", "customer", "email", "status", "channel", "tags", "locale", "country")


class CsvTable:
    """A queue in one CSV file with a header row.

    Columns: `id` and `text`; optional `role` (customer when left out), `at`, `author`, `subject`, `customer`, `email`,
    `status`, `channel`, `tags` (separated by `;`), `locale`, `country`. Other columns are ignored.
    """

    def __init__(self, queue: str, path: Path) -> None:
        self.queue = queue
        self.path = path

    def items(self) -> Iterator[Item]:
        """Yield the tickets in the order of their first rows."""
        try:
            text = self.path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise QueueFault(f"{self.path} is not UTF-8 (byte {error.start}).", hint="Save it as UTF-8.") from error
        except OSError as error:
            raise QueueFault(f"{self.path} cannot be read: {error.strerror}.") from error
        first = text.split("\n", 1)[0]
        delimiter = max(",;\t", key=first.count)
        csv.field_size_limit(MAX_LINE)  # the vendor's 128 kB would end the file at the first long message
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="", restval="")
        columns = [name.strip().lower() for name in reader.fieldnames or []]
        missing = [name for name in REQUIRED if name not in columns]
        if missing:
            raise QueueFault(
                f"{self.path}:1: column {missing[0]!r} is missing; found {', '.join(columns) or 'no header'}.",
                hint=f"Needed: {', '.join(REQUIRED)}; optional: {', '.join(OPTIONAL)}.",
            )
        reader.fieldnames = columns
        yield from self._grouped(reader)

    def _grouped(self, reader: csv.DictReader[str]) -> Iterator[Item]:
        groups: dict[str, list[tuple[int, dict[str, str]]]] = {}
        try:
            for row in reader:
                line = reader.line_num
                key = clean_line(row["id"])
                if not key:
                    yield SetAside(file=str(self.path), line=line, reason="`id` is empty")
                    continue
                groups.setdefault(key, []).append((line, row))
        except csv.Error as error:
            yield SetAside(file=str(self.path), line=reader.line_num, reason=f"not CSV: {error}")
        for key, rows in groups.items():
            try:
                yield _conversation(key, [row for _, row in rows]).ticket(self.queue)
            except ValidationError as error:
                fault = error.errors()[0]
                place = next((part for part in fault["loc"] if isinstance(part, int)), 0)
                line = rows[min(place, len(rows) - 1)][0]
                yield SetAside(file=str(self.path), line=line, reason=f"`{fault['loc'][-1]}`: {fault['msg']}")


def _conversation(key: str, rows: list[dict[str, str]]) -> Conversation:
    head = {name: next((r[name].strip() for r in rows if r.get(name, "").strip()), "") for name in OPTIONAL}
    name, email = head["customer"], head["email"]
    return Conversation.model_validate(
        {
            "id": key,
            "subject": head["subject"],
            "customer": {
                "id": email or name or key,
                "name": name,
                "email": email,
                "locale": head["locale"],
                "country": head["country"],
            },
            "tags": [tag.strip() for tag in head["tags"].split(";") if tag.strip()],
            **({"status": head["status"].lower()} if head["status"] else {}),
            **({"channel": head["channel"].lower()} if head["channel"] else {}),
            "turns": [
                {
                    "role": (row.get("role") or "customer").strip().lower(),
                    "text": row["text"],
                    "author": row.get("author", ""),
                    "at": row.get("at", "").strip() or None,
                }
                for row in rows
            ],
        }
    )
