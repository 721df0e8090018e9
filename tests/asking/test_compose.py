"""Asks are written in the page's words, and every wording of the starter playbook may go out as it stands."""

from __future__ import annotations

import pytest

from copilot.asking.compose import ask_play, compose_ask
from copilot.asking.models import Kind, Policy
from copilot.asking.policy import load_policy
from copilot.desk import Brain
from copilot.drafting.checks import check
from copilot.drafting.composer import fill
from copilot.drafting.context import CheckContext
from copilot.errors import RefusedAction
from tests.conftest import PLAYBOOKS, make_ticket
from tests.fakes import NOW

WORDS = "You found the broken row before I even knew about it!"
TICKET = make_ticket("customer: help", "agent: done", f"customer: {WORDS} Thank you.")
VALUES = {
    "customer.quote": WORDS, "customer.first_name": "Anna", "agent.name": "Mara", "company.name": "Fernway",
    "team.name": "Fernway Support",
}  # fmt: skip


def test_every_ask_of_the_starter_playbook_passes_the_checks(brain: Brain) -> None:
    _, playbook = brain.get()
    wordings = [
        (play.citation, phrasing.text)
        for page in playbook.pages
        for play in page.of("ask")
        for phrasing in play.phrasings
    ]
    assert len(wordings) >= 27
    context = CheckContext(ticket=TICKET, mood="delighted", gate_ok=True, ask_words=WORDS)
    found = {
        (citation, finding.rule)
        for citation, text in wordings
        for finding in check(fill(text, VALUES), context)
        if finding.blocking
    }
    assert found == set()


@pytest.mark.parametrize(
    ("signal", "kind"),
    [("proactive_fix", "quote"), ("unexpected_upgrade", "share"), ("quick_compassionate_reply", "refer")],
)
def test_the_kind_of_ask_follows_from_the_signals_outcome(brain: Brain, signal: str, kind: str) -> None:
    reader, playbook = brain.get()
    reading = reader.read(TICKET)
    label = {
        "name": signal,
        "confidence": 0.9,
        "evidence": {"message": 2, "start": 0, "end": len(WORDS), "text": WORDS},
    }
    reading = reading.model_validate({**reading.model_dump(), "signals": (label,)})
    play = ask_play(reading, (), playbook.pages, playbook.definitions, load_policy(PLAYBOOKS))
    assert play is not None
    assert play.name == kind
    swapped = Policy(wording="1", kinds={"tag": Kind(outcomes=("testimonial", "social_share", "referral"))})
    page = next(page for page in playbook.pages if page.id == "milestone-and-loyalty")
    tagged = ask_play(reading, (), [page.model_copy(update={"signals": (signal,)})], playbook.definitions, swapped)
    assert tagged is not None
    assert tagged.name == "tag", "a lead says which kind an outcome proposes"


def test_an_ask_quotes_the_customer_and_nothing_else(brain: Brain) -> None:
    _, playbook = brain.get()
    play = next(play for page in playbook.pages for play in page.of("ask"))
    ask = compose_ask(TICKET, play, VALUES, Policy(wording="w1"), NOW)
    assert f"“{WORDS}”" in ask.text
    assert ask.words == WORDS
    assert ask.wording.startswith("w1/")


def test_without_words_there_is_no_ask(brain: Brain) -> None:
    _, playbook = brain.get()
    play = next(play for page in playbook.pages for play in page.of("ask"))
    with pytest.raises(RefusedAction):
        compose_ask(TICKET, play, {}, Policy(wording="w1"), NOW)
