"""A quote may be shortened to a verbatim span of what the customer agreed to, and only where that does not turn its meaning."""

from __future__ import annotations

import re

from copilot.text import sentences

NEGATION = re.compile(
    r"\b(no|not|never|none|nobody|nothing|neither|nor|hardly|barely|without|cannot)\b|n['’]t\b", re.IGNORECASE
)
TURN = re.compile(
    r"\b(but|however|although|though|except|unless|until|despite|yet|still|only|if|once|almost|nearly|wish|would have"
    r"|could have|should have|used to|supposed to)\b",
    re.IGNORECASE,
)
NUMBER = re.compile(r"\d")
CONDITION_AHEAD = re.compile(r"\b(if|unless|until|once|before|after|when|because|since)\b[^.!?]*$", re.IGNORECASE)


def turned(agreed: str, span: str) -> list[str]:
    """Why `span` must not stand for `agreed` without the customer; empty where it may.

    A span is verbatim and made of whole sentences; what is left out must hold no negation, no turn of thought ("but") and
    no number, each of which might be what the rest meant. Sources: the rules of quoting out of context in the FTC's
    endorsement guides (16 CFR 255.1(b)).
    """
    if span == agreed:
        return []
    start = agreed.find(span)
    if not span.strip() or start < 0:
        return ["it is not a verbatim part of what the customer agreed to"]
    end = start + len(span)
    found = []
    bounds = list(sentences(agreed))
    if start not in {s for s, _ in bounds} or end not in {e for _, e in bounds}:
        found.append("it cuts a sentence in two")
    rest = agreed[:start], agreed[end:]
    for what, pattern in (("a negation", NEGATION), ("a turn (but, only, if)", TURN), ("a number", NUMBER)):
        hit = next((match for part in rest if (match := pattern.search(part))), None)
        if hit is not None:
            found.append(f"it leaves out {what}: “{hit.group()}”")
    return found
