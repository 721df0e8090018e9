"""Walks decisions and fires escalation rules: pure functions of pages, facts and answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from copilot.playbook.conditions import Facts
from copilot.playbook.models import Escalation, Leaf, Page, Play, Step, Walk


def walk(play: Play, facts: Facts, answers: Mapping[str, bool], by: str = "") -> Walk:
    """Follow a decision as far as conditions and given answers lead.

    Args:
        play: A play of kind decision.
        facts: Answer the questions that carry a condition.
        answers: A person's answers by the question's text; they win over conditions.
        by: Who gave them.
    """
    if play.decision is None:
        raise ValueError(f"{play.id} is no decision")
    steps: list[Step] = []
    node = play.decision
    while True:
        if node.text in answers:
            answer, who = answers[node.text], by
        elif node.condition:
            answer, who = facts.holds(node.condition), ""
        else:
            return _walk(play, steps, open_question=node.text)
        steps.append(Step(question=node.text, answer=answer, by=who))
        branch = node.yes if answer else node.no
        if isinstance(branch, Leaf):
            return _walk(play, steps, leaf=branch)
        node = branch


def _walk(play: Play, steps: list[Step], *, open_question: str = "", leaf: Leaf | None = None) -> Walk:
    return Walk(
        play_id=play.id,
        title=play.name,
        citation=f"{play.path}:{leaf.line}" if leaf else play.citation,
        steps=tuple(steps),
        open_question=open_question,
        leaf=leaf,
    )


def escalations(
    pages: Iterable[Page], facts: Facts, since: datetime, told: frozenset[str] = frozenset()
) -> list[Escalation]:
    """The rules that fire on a ticket, soonest due first; of each page the first matching row, of each person one.

    Args:
        since: When the customer began to wait; `Within` counts from here.
        told: Citations of rules that somebody has already passed on.
    """
    if facts.values["status"] in ("resolved", "closed"):
        return []
    fired: dict[str, Escalation] = {}
    for page in pages:
        for play in page.of("escalation"):
            rule = next((rule for rule in play.rules if facts.holds(rule.condition)), None)
            if rule is None:
                continue
            citation = f"{page.path}:{rule.line}"
            escalation = Escalation(
                to=rule.to,
                why=rule.why,
                within=rule.within,
                due=since + rule.within,
                citation=citation,
                told=citation in told,
            )
            if rule.to not in fired or escalation.due < fired[rule.to].due:
                fired[rule.to] = escalation
    return sorted(fired.values(), key=lambda e: (e.told, e.due, e.to))
