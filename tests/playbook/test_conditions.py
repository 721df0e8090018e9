"""Conditions: checked when the page is, so that a typing error never becomes a rule that silently never fires."""

from __future__ import annotations

from datetime import timedelta

import pytest

from copilot.playbook.conditions import SAMPLE, ConditionError, Facts, check, facts
from copilot.reading.models import Evidence, Label, Reading
from tests.conftest import make_ticket
from tests.fakes import NOW

SIGNALS, RISKS = frozenset(["proactive_fix"]), frozenset(["outage", "refund_request"])


@pytest.mark.parametrize(
    "condition",
    [
        '"outage" in risks',
        '!("outage" in risks)',
        'mood == "angry" && waiting_hours > 4.0',
        'mood in ["angry", "frustrated"]',
        "moment && !sarcasm",
        "customer_messages >= 3 || agent_messages == 0",
        'text.contains("lawyer")',
        'status != "closed" && channel == "social"',
        '"vip" in tags',
        'locale.startsWith("de")',
        "size(risks) > 0",
        "mood_confidence >= 0.8",
        "4.0 < waiting_hours",
        "true",
        'country == "DE" ? waiting_hours > 2.0 : waiting_hours > 8.0',
    ],
)
def test_a_right_condition_is_accepted(condition: str) -> None:
    check(condition, SIGNALS, RISKS)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("weather == 1", "`weather` is not a fact"),
        ('mood == "angry" && Mood == "angry"', "`Mood` is not a fact"),
        ('"outgae" in risks', "not a known risk"),
        ('"outage" in signals', "not a known signal"),
        ('mood == "angy"', "is no mood"),
        ('"angy" == mood', "is no mood"),
        ('mood in ["angry", "cross"]', "is no mood"),
        ('status == "done"', "is no status"),
        ('channel != "phone"', "is no channel"),
        ("waiting_hours > 4", "write 4.0"),
        ("4 < waiting_hours", "write 4.0"),
        ('waiting_hours > "4"', "is float"),
        ("mood == 1", "is text"),
        ("moment == 1", "is bool"),
        ('moment == "true"', "is bool"),
        ("customer_messages == true", "is int"),
        ("mood", "not yes or no"),
        ("1 + 1", "not yes or no"),
        ("risks", "not yes or no"),
        ("", "is not CEL"),
        ('mood = "angry"', "is not CEL"),
        ('mood == "angry', "is not CEL"),
        ("mood == angry", "not a fact"),
        ("(moment", "is not CEL"),
        ("import os", "is not CEL"),
        ("nosuch(mood)", "cannot be evaluated"),
        ("mood.name == 1", "cannot be evaluated"),
        ('mood == "angry" && text.nosuch()', "cannot be evaluated"),
        ('mood == "angry" && waiting_hours + "x" == "y"', "cannot be evaluated"),
        ("moment && nosuch(1)", "cannot be evaluated"),
        ("waiting_hours > 20.0 && nosuch(1)", "cannot be evaluated"),
        ('"refund_request" in risks && nosuch(1)', "cannot be evaluated"),
        ('"outage" in risks || nosuch(1)', "cannot be evaluated"),
        ('text.matches("(")', "cannot be evaluated"),
        ("moment ? 1 : 2", "not yes or no"),
    ],
)
def test_a_wrong_condition_is_refused_with_the_reason(condition: str, words: str) -> None:
    with pytest.raises(ConditionError) as error:
        check(condition, SIGNALS, RISKS)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_condition_that_fails_on_these_facts_does_not_hold() -> None:
    assert not Facts(SAMPLE).holds("waiting_hours + text == 1")
    assert not Facts(SAMPLE).holds("not CEL at all (")
    assert not Facts(SAMPLE).holds("1")
    assert Facts(SAMPLE).holds('mood == "neutral"')


def test_the_facts_of_a_ticket_are_those_the_readme_lists() -> None:
    ticket = make_ticket(
        "customer: Hello", "agent: hi", "customer: It is DOWN", minutes=90, tags=("vip",), status="pending"
    )
    words = ticket.messages[-1].text
    evidence = Evidence(message=2, start=0, end=len(words), text=words)
    risk = Label(name="outage", confidence=0.9, evidence=evidence)
    reading = Reading(ticket_version=ticket.version, reader="r", mood="angry", mood_confidence=0.7, risks=(risk,))
    values = facts(ticket, reading, NOW).values
    assert set(values) == set(SAMPLE)
    assert all(type(values[name]) is type(SAMPLE[name]) for name in SAMPLE)
    assert (values["mood"], values["risks"], values["signals"]) == ("angry", ["outage"], [])
    assert (values["waiting_hours"], values["age_hours"]) == (1.5, 3.5)
    assert (values["customer_messages"], values["agent_messages"]) == (2, 1)
    assert (values["text"], values["tags"], values["status"]) == ("it is down", ["vip"], "pending")


def test_nobody_waits_on_an_answered_or_resolved_ticket() -> None:
    answered = make_ticket("customer: Hello", "agent: hi")
    resolved = make_ticket("customer: Hello", status="resolved")
    for ticket in (answered, resolved):
        reading = Reading(ticket_version=ticket.version, reader="r")
        assert facts(ticket, reading, NOW + timedelta(days=3)).values["waiting_hours"] == 0.0
