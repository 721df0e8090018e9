"""Decisions are walked as far as conditions and people answer; escalations fire with the right person and time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from copilot.playbook.conditions import SAMPLE, Facts
from copilot.playbook.decide import escalations, walk
from copilot.playbook.models import Page, Play
from copilot.playbook.parse import parse_page
from tests.fakes import NOW
from tests.playbook.conftest import GENERAL, HEAD

DECISION = HEAD + (
    "## Decision: credit\n"
    '- Down? `"outage" in risks`\n'
    "  - yes: Is it a paid plan?\n"
    "    - yes: offer a credit; up to 10%; approval: team lead\n"
    "    - no: offer an apology; up to nothing\n"
    "  - no: offer a walk-through\n"
)
ESCALATE = HEAD + (
    "## Opening\n- x\n\n## Escalate\n\n| When | To | Within | Why |\n|---|---|---|---|\n"
    '| `mood == "angry" && waiting_hours > 4.0` | Head of support | 5h | Silence |\n'
    '| `"outage" in risks` | Incident lead | 30m | Every report counts |\n'
)
PAID = "Is it a paid plan?"


def page_of(folder: Path, text: str, name: str = "up") -> Page:
    path = folder / f"{name}.md"
    path.write_text(text, "utf-8")
    return parse_page(path, f"playbooks/{name}.md")


def with_facts(**values: str | float | bool | list[str]) -> Facts:
    return Facts({**SAMPLE, "risks": [], **values})


@pytest.fixture
def decision(tmp_path: Path) -> Play:
    return page_of(tmp_path, DECISION).plays[0]


def test_a_condition_answers_its_question_and_a_person_the_next(decision: Play) -> None:
    found = walk(decision, with_facts(risks=["outage"]), {})
    assert [(s.question, s.answer, s.by) for s in found.steps] == [("Down?", True, "")]
    assert (found.open_question, found.leaf) == (PAID, None)
    assert found.citation == decision.citation


@pytest.mark.parametrize(("paid", "offer", "line"), [(True, "a credit", 10), (False, "an apology", 11)])
def test_a_persons_answer_leads_to_the_leaf_and_its_line(decision: Play, paid: bool, offer: str, line: int) -> None:
    found = walk(decision, with_facts(risks=["outage"]), {PAID: paid}, "Mara")
    assert found.leaf is not None
    assert (found.leaf.offer, found.open_question) == (offer, "")
    assert found.citation == f"playbooks/up.md:{line}"
    assert [(s.answer, s.by) for s in found.steps] == [(True, ""), (paid, "Mara")]


def test_a_persons_answer_wins_over_a_condition(decision: Play) -> None:
    found = walk(decision, with_facts(risks=["outage"]), {"Down?": False}, "Mara")
    assert found.leaf is not None
    assert found.leaf.offer == "a walk-through"
    assert found.steps[0].by == "Mara"


def test_what_is_no_decision_cannot_be_walked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no decision"):
        walk(page_of(tmp_path, GENERAL).plays[0], with_facts(), {})


def test_the_first_matching_row_of_a_page_fires_with_its_due_time(tmp_path: Path) -> None:
    page = page_of(tmp_path, ESCALATE)
    since = NOW - timedelta(hours=6)
    (angry,) = escalations([page], with_facts(mood="angry", waiting_hours=6.0, risks=["outage"]), since)
    assert (angry.to, angry.due, angry.citation, angry.told) == (
        "Head of support", since + timedelta(hours=5), "playbooks/up.md:14", False,
    )  # fmt: skip
    (calm,) = escalations([page], with_facts(risks=["outage"]), since)
    assert (calm.to, calm.due) == ("Incident lead", since + timedelta(minutes=30))
    assert escalations([page], with_facts(), since) == []


@pytest.mark.parametrize("status", ["resolved", "closed"])
def test_nothing_escalates_once_it_is_resolved(tmp_path: Path, status: str) -> None:
    assert escalations([page_of(tmp_path, ESCALATE)], with_facts(risks=["outage"], status=status), NOW) == []


def test_each_person_is_told_once_by_the_soonest_rule_and_the_told_come_last(tmp_path: Path) -> None:
    first = page_of(tmp_path, ESCALATE)
    sooner = page_of(tmp_path, ESCALATE.replace("30m", "10m"), "sooner")
    other = page_of(tmp_path, ESCALATE.replace("Incident lead", "Shift lead").replace("30m", "2h"), "other")
    found = escalations([first, sooner, other], with_facts(risks=["outage"]), NOW)
    assert [(e.to, e.due - NOW) for e in found] == [
        ("Incident lead", timedelta(minutes=10)),
        ("Shift lead", timedelta(hours=2)),
    ]
    told = escalations([first, sooner, other], with_facts(risks=["outage"]), NOW, frozenset(["playbooks/sooner.md:15"]))
    assert [(e.to, e.told) for e in told] == [("Shift lead", False), ("Incident lead", True)]
