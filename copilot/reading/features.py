"""What the heads see of a message beside its sentence embedding: hashed words, marks of feeling, place in the thread.

Hashing is CRC-32 into a fixed number of buckets, so that training and reading agree on every machine.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BUCKETS = 1 << 15
MAX_WORDS = 400

URL = re.compile(r"https?://\S+|www\.\S+")
HANDLE = re.compile(r"@\w+")
TOKEN = re.compile(
    r"[:;=8][\-o*']?[)\]dDpP(\[/\\|@3<]|<3"  # emoticons
    r"|[^\W\d_]+(?:['’][^\W\d_]+)?|\d+|[!?]+|\.{2,}|…|[\U0001F300-\U0001FAFF\u2600-\u27BF]"
)
ELONGATED = re.compile(r"(\w)\1{2,}")
NEGATION = frozenset(
    [
        "not",
        "no",
        "never",
        "nothing",
        "nobody",
        "without",
        "cannot",
        "can't",
        "don't",
        "doesn't",
        "didn't",
        "won't",
        "isn't",
        "wasn't",
        "aren't",
        "couldn't",
        "wouldn't",
        "haven't",
        "hasn't",
        "ain't",
        "neither",
        "nor",
        "hardly",
    ]
)


class Turn(NamedTuple):
    """One message as the features see it."""

    role: str
    text: str


def hashed(turns: Sequence[Turn]) -> NDArray[np.int64]:
    """Bucket numbers (sorted, unique) of the target, which is the last turn, in the light of the turns before it."""
    target = turns[-1].text
    names = set(_words(target))
    earlier = turns[:-1]
    customers = sum(turn.role == "customer" for turn in earlier)
    names.add(f"place={min(customers, 3)}")
    if earlier and earlier[-1].role == "agent":
        names.update("agent:" + word for word in _words(earlier[-1].text) if " " not in word)
    elif customers:
        names.add("chased")
    return np.array(sorted({zlib.crc32(name.encode()) % BUCKETS for name in names}), dtype=np.int64)


def _words(text: str) -> list[str]:
    text = HANDLE.sub(" @user ", URL.sub(" urltoken ", text)).replace("&amp;", "&")
    tokens = TOKEN.findall(text)[:MAX_WORDS]
    out: list[str] = []
    shouted = sum(token.isupper() and len(token) > 2 for token in tokens)
    words: list[str] = []
    negated = 0
    for token in tokens:
        word = token.lower().replace("’", "'")
        if ELONGATED.search(word):
            word = ELONGATED.sub(r"\1\1", word)
            out.append("elongated")
        if word[0] in "!?":
            word = ("?!" if "!" in word else "?") if "?" in word else ("!!" if len(word) > 1 else "!")
            negated = 0
        elif word.isdigit():
            word = "<number>"
        words.append(word)
        if negated:
            out.append("not_" + word)
            negated -= 1
        if word in NEGATION:
            negated = 3
    out += words
    out += [f"{a} {b}" for a, b in pairwise(words)]
    out += [f"{a} {b} {c}" for a, b, c in zip(words, words[1:], words[2:], strict=False)]
    if shouted >= 2:
        out.append("shouted")
    length = len(words)
    out.append("length=" + ("0" if length < 4 else "1" if length < 12 else "2" if length < 40 else "3"))
    if text.rstrip().endswith("?"):
        out.append("ends?")
    out.append(f"bangs={min(text.count('!'), 3)}")
    return out


def densify(rows: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """(values, columns, row pointers) of the rows as one L2-normalised CSR matrix."""
    pointers = np.zeros(len(rows) + 1, dtype=np.int64)
    pointers[1:] = np.cumsum([len(row) for row in rows])
    columns = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    values = (
        np.concatenate([np.full(len(row), len(row) ** -0.5, dtype=np.float32) for row in rows])
        if rows
        else np.zeros(0, np.float32)
    )
    return values, columns, pointers
