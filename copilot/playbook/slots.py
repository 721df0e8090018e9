"""The fixed list of slots that a page may use, and the blanks that only a person fills."""

from __future__ import annotations

import re
from pathlib import Path

from copilot.errors import PageError

SLOTS: dict[str, str] = {
    "customer.first_name": "the customer's given name",
    "customer.name": "the customer's full name",
    "customer.quote": "a verbatim sentence of the customer's",
    "ticket.id": "the ticket's number",
    "ticket.subject": "the ticket's subject",
    "agent.name": "who signs",
    "team.name": "the team",
    "company.name": "the company",
    "decision.offer": "what the decision offers",
    "decision.limit": "up to how much",
    "escalation.to": "who has been told",
    "escalation.within": "by when they act",
}
SLOT = re.compile(r"\{([a-z_]+\.[a-z_]+)\}")
ANY_BRACE = re.compile(r"\{[^{}\n]{0,60}\}")
BLANK = re.compile(r"\[\[([^\[\]\n]{1,200})\]\]")


def check_slots(path: Path | str, line: int, text: str) -> None:
    """Refuse a slot that is not on the list, and a blank that is not closed.

    Raises:
        PageError: With the nearest known name.
    """
    from difflib import get_close_matches

    for match in ANY_BRACE.finditer(text):
        name = match.group()[1:-1].strip()
        if match.group() != f"{{{name}}}" or name not in SLOTS:
            near = get_close_matches(name, SLOTS, n=1)
            raise PageError(
                path, line, f"slot `{match.group()}`", f"`{{{near[0]}}}`" if near else "one of " + ", ".join(SLOTS)
            )
    if "{" in (rest := ANY_BRACE.sub("", text)) or "}" in rest:
        raise PageError(path, line, "a slot that is not closed", "`{customer.first_name}`, or no brace")
    if text.count("[[") != len(BLANK.findall(text)) or text.count("]]") != text.count("[["):
        raise PageError(path, line, "a blank that is not closed", "`[[what the person must say]]` on one line")
