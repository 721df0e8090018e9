"""CEL conditions over a fixed set of facts. The only module that knows the CEL library."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from copilot.reading.models import MOODS, Reading
from copilot.tickets.models import Ticket

FactValue = str | float | int | bool | list[str]
SAMPLE: dict[str, FactValue] = {
    "mood": "neutral",
    "mood_confidence": 0.5,
    "sarcasm": False,
    "signals": ["resolved_thanks"],
    "risks": ["outage"],
    "moment": False,
    "ask_ok": False,
    "status": "open",
    "channel": "mail",
    "tags": ["billing"],
    "waiting_hours": 1.5,
    "age_hours": 10.0,
    "customer_messages": 2,
    "agent_messages": 1,
    "country": "DE",
    "locale": "en",
    "text": "where is my parcel?",
}
"""Every fact with a value of its type: what a condition is tried on when its page is checked."""
WORDS: dict[str, tuple[str, ...]] = {
    "mood": MOODS,
    "status": ("open", "pending", "resolved", "closed"),
    "channel": ("mail", "chat", "social", "file"),
}
LITERAL = r"('[^']*'|\"[^\"]*\"|-?\d+\.\d+|-?\d+|true|false)"
COMPARED = re.compile(rf"\b(\w+)\s*(==|!=|<=|>=|<|>)\s*{LITERAL}")
TURNED = re.compile(rf"(?<!\w){LITERAL}\s*(==|!=|<=|>=|<|>)\s*([a-z_]+)\b")
ONE_OF = re.compile(r"\b(\w+)\s+in\s+\[([^\]]*)\]")
MEMBER = re.compile(r"('[^']*'|\"[^\"]*\")\s+in\s+(\w+)")


class ConditionError(ValueError):
    """A condition that does not compile, names an unknown fact, or does not answer yes or no."""


@lru_cache(maxsize=1024)
def compiled(condition: str) -> Any:
    """The compiled program.

    Raises:
        ConditionError: With the library's reason on one line.
    """
    try:
        import cel  # its package pulls in a whole prompt toolkit: 0.15 s that the first screen does not need

        return cel.compile(condition)
    except ValueError as error:
        reason = next((line for line in str(error).splitlines() if "ERROR" in line), str(error).splitlines()[0])
        raise ConditionError(f"`{condition}` is not CEL: {reason.partition('ERROR: ')[2] or reason}") from error


def check(condition: str, signals: frozenset[str], risks: frozenset[str]) -> None:
    """Compile a condition, try it on sample facts, and check the words it compares with.

    Args:
        signals: Known signal ids.
        risks: Known risk ids.

    Raises:
        ConditionError: With what is wrong and what would be right.
    """
    program = compiled(condition)
    unknown = sorted(name for name in program.variables() if name not in SAMPLE)
    if unknown:
        raise ConditionError(f"`{unknown[0]}` is not a fact; known are {', '.join(SAMPLE)}")
    comparisons = [(fact, literal) for fact, _, literal in COMPARED.findall(condition)]
    comparisons += [(fact, literal) for literal, _, fact in TURNED.findall(condition)]
    comparisons += [
        (fact, literal) for fact, many in ONE_OF.findall(condition) for literal in re.findall(LITERAL, many)
    ]
    for fact, literal in comparisons:
        _check_comparison(fact, literal)
    for literal, fact in MEMBER.findall(condition):
        known = {"signals": signals, "risks": risks}.get(fact)
        if known is not None and literal[1:-1] not in known:
            raise ConditionError(f"{literal} is not a known {fact[:-1]}; known are {', '.join(sorted(known))}")
    for sample in _samples(condition):
        try:
            result = program.execute(sample)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ConditionError(f"`{condition}` cannot be evaluated: {str(error).splitlines()[0]}") from error
        if not isinstance(result, bool):
            raise ConditionError(f"`{condition}` gives {type(result).__name__}, not yes or no")


def _samples(condition: str) -> Iterator[dict[str, FactValue]]:
    """Facts that reach past `&&` and `||`: as they are, with every comparison met, and with every one missed."""
    yield SAMPLE
    met, missed = dict(SAMPLE), dict(SAMPLE)
    for name, value in SAMPLE.items():
        if isinstance(value, bool):
            met[name], missed[name] = True, False
        elif isinstance(value, list):
            met[name], missed[name] = [literal[1:-1] for literal, fact in MEMBER.findall(condition) if fact == name], []
    for name, operator, literal in COMPARED.findall(condition):
        known = SAMPLE.get(name)
        if isinstance(known, str):
            same, other = literal[1:-1], "another"
            met[name], missed[name] = (other, same) if operator == "!=" else (same, other)
        elif isinstance(known, (int, float)) and not isinstance(known, bool):
            number = type(known)(float(literal))
            met[name] = number + {">": 1, "<": -1, "!=": 1}.get(operator, 0)
            missed[name] = number + {">": 0, ">=": -1, "<": 0, "<=": 1, "!=": 0}.get(operator, 1)
    yield met
    yield missed


def _check_comparison(fact: str, literal: str) -> None:
    if fact not in SAMPLE:
        return
    value = SAMPLE[fact]
    quoted = literal[0] in "'\""
    if isinstance(value, str):
        if not quoted:
            raise ConditionError(f"`{fact}` is text; compare it with a word in quotes, not {literal}")
        if fact in WORDS and literal[1:-1] not in WORDS[fact]:
            raise ConditionError(f"{literal} is no {fact}; it is one of {', '.join(WORDS[fact])}")
    elif isinstance(value, bool) != (literal in ("true", "false")) or quoted:
        raise ConditionError(f"`{fact}` is {type(value).__name__}; {literal} is not")
    elif isinstance(value, float) and "." not in literal:
        raise ConditionError(f"`{fact}` is a double; write {literal}.0")


class Facts:
    """The facts of one ticket at one moment, ready for many conditions."""

    def __init__(self, values: Mapping[str, FactValue]) -> None:
        self.values = dict(values)
        import cel

        self._context = cel.Context(variables=self.values)

    def holds(self, condition: str) -> bool:
        """Whether a checked condition is true; one that fails on these facts is not."""
        try:
            return compiled(condition).execute(self._context) is True
        except (ConditionError, RuntimeError, TypeError, ValueError):
            return False


def facts(ticket: Ticket, reading: Reading, now: datetime) -> Facts:
    """What conditions may ask about a ticket."""
    waiting = ticket.waiting_since()
    opened = ticket.opened_at or now
    target = ticket.target
    return Facts(
        {
            "mood": reading.mood,
            "mood_confidence": reading.mood_confidence,
            "sarcasm": reading.sarcasm,
            "signals": [label.name for label in reading.signals],
            "risks": [label.name for label in reading.risks],
            "moment": reading.moment,
            "ask_ok": reading.ask_ok,
            "status": ticket.status,
            "channel": ticket.channel,
            "tags": list(ticket.tags),
            "waiting_hours": max((now - waiting).total_seconds() / 3600, 0.0) if waiting else 0.0,
            "age_hours": max((now - opened).total_seconds() / 3600, 0.0),
            "customer_messages": len(ticket.customer_messages),
            "agent_messages": len(ticket.agent_messages),
            "country": ticket.customer.country,
            "locale": ticket.customer.locale,
            "text": target.text.lower()[:20_000] if target else "",
        }
    )
