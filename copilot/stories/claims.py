"""Finds claims that somebody must be able to prove: numbers, comparisons, superlatives."""

from __future__ import annotations

import re

CLAIM = re.compile(
    r"\d+(?:[.,]\d+)?\s?(?:%|percent|per cent|times\b|x\b|×|hours?\b|minutes?\b|days?\b|weeks?\b|months?\b|years?\b|€|\$|£|euros?\b|dollars?\b)"
    r"|[€$£]\s?\d"
    r"|\b(?:twice|double|doubled|halved?|tripled?|half the)\b"
    r"|\b(?:the )?(?:best|fastest|cheapest|safest|leading|number one|no\. ?1|#1)\b"
    r"|\b(?:guarantee[sd]?|always works|never fails|cures?|proven)\b"
    r"|\b(?:faster|cheaper|safer|better) than\b",
    re.IGNORECASE,
)


def claims_in(*texts: str) -> list[str]:
    """The claims in some texts, in their order, each once."""
    return list(dict.fromkeys(match.group().strip() for text in texts for match in CLAIM.finditer(text)))
