"""Finds claims that somebody must be able to prove: numbers, comparisons, superlatives."""

from __future__ import annotations

import re

UNIT = r"(?:%|percent|per cent|times\b|x\b|×|(?:seconds?|hours?|minutes?|days?|weeks?|months?|years?)\b|€|\$|£|(?:euros?|dollars?|pounds?)\b)"
SMALL = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|fifty|a hundred)"
CLAIM = re.compile(
    rf"(?<![\w.,])\d(?:[\d.,]*\d)?\s?{UNIT}|\b{SMALL}\s{UNIT}"
    r"|[€$£]\s?\d(?:[\d.,]*\d)?"
    r"|\b(?:twice|double|doubled|halved?|tripled?|half the)\b"
    r"|\b(?:the )?(?:best|fastest|quickest|cheapest|safest|easiest|leading|number one|no\. ?1)\b|(?<!\w)#1\b"
    r"|\bmost (?:reliable|secure|trusted|accurate|popular|effective)\b"
    r"|\b(?:guarantee[sd]?|always works|never fails|cures?|proven)\b"
    r"|\b(?:\w+er|better|(?:more|less) \w+(?: \w+)?) than\b",
    re.IGNORECASE,
)


def claims_in(*texts: str) -> list[str]:
    """The claims in some texts, in their order, each once."""
    return list(dict.fromkeys(match.group().strip() for text in texts for match in CLAIM.finditer(text)))
