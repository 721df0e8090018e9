"""Tells which sentences of a reply ask the customer for something of value to us: their words, a review, a recommendation."""

from __future__ import annotations

import re

from copilot.text import sentences

WISH = re.compile(
    r"\b(?:may|could|can|might) (?:we|i)\b|\bwould you (?:be (?:happy|willing|comfortable|open|okay|ok|fine)|mind|allow|let|like|agree)\b"
    r"|\bwould it be (?:all right|alright|ok|okay|fine)\b|\b(?:we|i)(?: would|'d|’d) (?:like|love|be (?:glad|happy|thrilled|delighted|honou?red|grateful))\b"
    r"|\b(?:is it|are you) (?:ok|okay|fine|happy) (?:if|with|for)\b|\bpermission\b"
    r"|\bdürfen wir\b|\bwäre es ihnen recht\b|\bwir würden\b",
    re.IGNORECASE,
)
USE = re.compile(
    r"\b(?:(?:shar|quot|publish|featur|post|repost|show|print|plac|tagg?|celebrat|put)(?:e|es|ed|ing)?|us(?:e|es|ed|ing))\b"
    r"|\bzeigen\b|\bzitieren\b",
    re.IGNORECASE,
)
WORDS = re.compile(
    r"\b(?:words?|line|sentence|quot\w+|story|stories|testimonial|feedback|review|comments?|what you (?:wrote|said)|them|those|message|it|that|"
    r"worte?|zeile)\b",
    re.IGNORECASE,
)
WHERE = re.compile(
    r"\b(?:web ?site|home ?page|social media|our (?:next |own |monthly |weekly )?(?:social|page|channel|newsletter|blog|site)\w*|testimonials?|customer stor\w+|customer page|"
    r"publicly|introduction|invitation|marketing|case study|anonym\w*)\b",
    re.IGNORECASE,
)
REVIEW = re.compile(
    r"\b(?:write|leave|post|give|if you (?:wrote|left|posted|gave)|(?:mind|consider) (?:writing|leaving|posting|giving)) (?:us )?(?:a|your) (?:public |short |quick |5-star |five-star )*(?:review|testimonial|rating)\b"
    r"|\b(?:recommend|refer) us to\b|\b(?:review|rate) us\b|\b(?:please|feel free to|help(?: us)?(?: to)?) spread the word\b|\bpermission to (?:share|quote|use|publish)\b",
    re.IGNORECASE,
)


def asks_in(text: str) -> list[tuple[int, int]]:
    """Sentences that ask to share the customer's words, or for a review or a recommendation."""
    return [
        (start, end)
        for start, end in sentences(text)
        if REVIEW.search(text, start, end) or all(mark.search(text, start, end) for mark in (WISH, USE, WORDS, WHERE))
    ]
