"""Text that can be trusted on a terminal, and small text helpers that every room shares.

Everything that enters the house (mail, tickets, pages, model output) passes through `clean` once, at ingest.
What must not live here: anything that knows what a ticket or a page is.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator

ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b\x9c\n]{0,2048}(?:\x07|\x1b\\|\x9c)?"  # OSC: titles, hyperlinks, clipboard; one without an end takes one line
    r"|\x1b[PX^_][^\x1b\x9c\n]{0,2048}(?:\x1b\\|\x9c)?"  # DCS, SOS, PM, APC
    r"|[\x1b]\[[0-?]*[ -/]*[@-~]?|\x9b[0-?]*[ -/]*[@-~]?"  # CSI, 7 and 8 bit
    r"|\x1b[ -/]*[0-~]?",  # any other escape
)
# Format characters that hide, reorder or smuggle text. ZWJ and the variation selectors stay: emoji need them.
HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")  # the last two end any XML
SURROGATES = re.compile(r"[\ud800-\udfff]")
BLANK_LINES = re.compile(r"\n{4,}")

SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*\s+|\n{2,}|\n(?=\s*[-*•>])|(?<=[^\s,;:])\n")
ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|no|nr|vs|etc|e\.g|i\.e|approx|ca|bzw|z\.b|usw)|\b[A-Z])\.$", re.IGNORECASE
)


def clean(text: str) -> str:
    """Return `text` with all that could act on a terminal or deceive a reader removed.

    Terminal escapes, control and bidirectional characters, zero-width and tag characters and lone surrogates go;
    line ends become `\\n`; tabs become spaces; runs of more than two empty lines shrink; the rest, emoji included,
    stays as the customer wrote it (NFC). Cleaning is idempotent and never raises.
    """
    text = SURROGATES.sub("\ufffd", text)
    text = (
        text.replace("\r\n", "\n")
        .replace("\r", "\n")
        .replace("\x85", "\n")
        .replace("\u2028", "\n")
        .replace("\u2029", "\n")
    )
    # Removing one sequence can join the halves of another, or a letter and its accent: repeat until nothing changes.
    while (settled := unicodedata.normalize("NFC", CONTROLS.sub("", HIDDEN.sub("", ESCAPES.sub("", text))))) != text:
        text = settled
    return BLANK_LINES.sub("\n\n\n", text.replace("\t", "    "))


def clean_line(text: str) -> str:
    """`clean`, folded to one line: for names, subjects and tags."""
    return " ".join(clean(text).split())


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) offsets of the sentences of `text`; `text[start:end]` is verbatim and stripped."""
    start = 0
    for match in SENTENCE_END.finditer(text):
        if ABBREVIATION.search(text[start : match.start()]):
            continue
        yield from _stripped(text, start, match.start() + len(match.group().rstrip()))
        start = match.end()
    yield from _stripped(text, start, len(text))


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if end > start:
        yield start, end


def shorten(text: str, width: int) -> str:
    """`text` on one line and at most `width` characters, ending in … where it was cut."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: max(width - 1, 0)].rstrip() + "…"


def digest(*parts: str) -> str:
    """A short stable content hash (16 hex digits of BLAKE2b) of the parts, order and borders included."""
    state = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        state.update(len(data).to_bytes(8, "big") + data)
    return state.hexdigest()
