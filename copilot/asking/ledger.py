"""The ledger's chain: each entry's hash covers the one before; what is personal stands in it only as a salted commitment.

So nothing can be changed, left out or put in between without breaking the chain, and yet a person's words can be erased:
without the salt the commitment tells nobody anything, and the chain still proves itself. What must not live here: tables.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from copilot.asking.models import Entry
from copilot.errors import FindingsError

START = "0" * 64
"""What the first entry follows."""


class Link(NamedTuple):
    """An entry as it stands in the chain.

    Attributes:
        salt: Of the commitment; empty where the words were erased.
        stray: What of the columns that queries use differs from the entry itself; empty where nothing does.
    """

    entry: Entry
    salt: str
    sealed: str
    prev: str
    hash: str
    stray: str = ""


def sealed(entry: Entry, salt: str = "") -> tuple[str, str]:
    """(salt, commitment) of what is personal in an entry; a fresh salt unless one is given."""
    salt = salt or secrets.token_hex(16)
    return salt, _sha256(salt, _canonical(entry.personal_part))


def chained(prev: str, entry: Entry, seal: str) -> str:
    """The hash of an entry that follows `prev`."""
    return _sha256(prev, _canonical(entry.public_part), seal)


def verify(chain: Iterable[Link], last: int | None = None) -> int:
    """Walk the whole chain; return how many entries it holds.

    Args:
        last: Number of the last entry that was ever made, as the database itself counts.

    Raises:
        FindingsError: An entry was changed, left out or put in; names the first that does not fit.
    """
    prev, count = START, 0
    without_words: dict[str, int] = {}
    for link in chain:
        entry = link.entry
        if entry.seq != count + 1:
            raise FindingsError(f"Ledger entry {count + 1} is missing.")
        if link.stray:
            raise FindingsError(f"Ledger entry {entry.seq}: its {link.stray} was changed after it was recorded.")
        if entry.answer == "erased":
            without_words.pop(entry.ask_id, None)
        elif entry.erased:
            without_words[entry.ask_id] = entry.seq
        if link.prev != prev:
            raise FindingsError(f"Ledger entry {entry.seq} does not follow the one before it: an entry is missing.")
        if not entry.erased and sealed(entry, link.salt)[1] != link.sealed:
            raise FindingsError(f"Ledger entry {entry.seq}: the words were changed after they were recorded.")
        if not entry.erased and entry.words_hash != entry.hashed().words_hash:
            raise FindingsError(f"Ledger entry {entry.seq}: the words are not those whose hash was recorded.")
        if chained(prev, entry, link.sealed) != link.hash:
            raise FindingsError(f"Ledger entry {entry.seq} was changed after it was recorded.")
        prev, count = link.hash, count + 1
    if without_words:
        seq = min(without_words.values())
        raise FindingsError(f"Ledger entry {seq}: its words are gone, and no entry says that they were erased.")
    if last is not None and count != last:
        raise FindingsError(f"The ledger had {last} entries, and {count} are left.")
    return count


def _canonical(part: Mapping[str, object]) -> str:
    return json.dumps(part, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _sha256(*parts: str) -> str:
    state = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        state.update(len(data).to_bytes(8, "big") + data)
    return state.hexdigest()
