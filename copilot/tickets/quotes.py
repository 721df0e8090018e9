"""Folds quoted history and signatures away from what the writer of a mail wrote themself.

The recognising of reply headers in thirteen languages is mail-parser-reply's; this module keeps the result verbatim.
"""

from __future__ import annotations

import re

LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pl", "sv", "da", "cs", "ja", "ko", "zh"]
LONGEST = 4_000
"""Characters the vendor's expressions see, from the top: they take quadratic time, a second or two for these."""
# What the vendor's expressions miss, and all that is tried beyond the top of long mails.
HISTORY = re.compile(
    r"^(?:(?:On .{6,120}\bwrote:|Am .{6,120}\bschrieb\b.{0,80}:|Le .{6,120}\ba écrit ?:|El .{6,120}\bescribió:"
    r"|Il .{6,120}\bha scritto:|-{2,} ?(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Mensaje original"
    r"|Forwarded message) ?-{2,})[ \t]*$|_{20,}\s*\nFrom: )",
    re.MULTILINE | re.IGNORECASE,
)
SIGNATURE = re.compile(r"^-- ?$", re.MULTILINE)
QUOTED_LINE = re.compile(r"^ ?>", re.MULTILINE)
ANSWERED = re.compile(r"^ ?>[^\n]*\n\s*\n(?! ?>)\S[^\n]*\n(?:[^\n]*\n)*? ?>", re.MULTILINE)
"""Quoted lines, then an unquoted line set apart from them, then quoted lines again."""
SENT_FROM = re.compile(
    r"\n+(?:Sent from my|Von meinem .{2,20} gesendet|Envoyé de mon|Enviado desde mi|Get Outlook for)[^\n]{0,60}\s*$"
)


def fold(text: str) -> tuple[str, str]:
    """Split a mail body into (own words, folded rest); joined they are the body, white space at the seam apart.

    A mail that is nothing but quotation or signature is not folded: its writer meant it to be read. Quoted lines with
    answers between them (inline replies) stay where they are.
    """
    cut = min(_plain_cut(text), _vendor_cut(text))
    own, rest = text[:cut].rstrip(), text[cut:].strip("\n")
    if not own.strip() or any(not HISTORY.search(between.group()) for between in ANSWERED.finditer(rest)):
        return text, ""
    return own, rest


def _plain_cut(text: str) -> int:
    found = (pattern.search(text) for pattern in (HISTORY, SIGNATURE, SENT_FROM))
    cuts = [match.start() for match in found if match and text[: match.start()].strip()]
    return min([*cuts, _trailing_quote(text)])


def _trailing_quote(text: str) -> int:
    """Where a block of `>` lines begins that runs to the end of the mail; the length of the text where none does."""
    match = QUOTED_LINE.search(text)
    if match is None:
        return len(text)
    tail = text[match.start() :].splitlines()
    return match.start() if all(not line.strip() or line.lstrip().startswith(">") for line in tail) else len(text)


def _vendor_cut(text: str) -> int:
    from mailparser_reply import EmailReplyParser

    replies = EmailReplyParser(languages=LANGUAGES).read(text[:LONGEST]).replies
    if len(replies) < 2:
        return len(text)
    first = replies[0].content.rstrip()
    # The vendor normalises some headers: only a verbatim prefix is a cut.
    if first and text.lstrip().startswith(first):
        return text.index(first) + len(first)
    return len(text)
