"""The checks on cases as agents and models write them, on replies of careful people, and on a model that obeys every attack."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from copilot.db.engine import Database
from copilot.desk import Brain, Desk
from copilot.drafting.checks import check
from copilot.drafting.context import CheckContext
from copilot.drafting.models import DraftFinding
from copilot.errors import RefusedAction
from copilot.playbook.models import Leaf, Limit
from copilot.tickets import store
from copilot.tickets.models import Customer, Message, Ticket
from tests.conftest import MakeDesk, make_ticket
from tests.fakes import NOW
from tests.fakes.provider import FakeProvider, Reply
from tests.fakes.writing import give, reply_json, tone_guide, writer_for

HERE = Path(__file__).parent
DEFAULT_TURN = "customer: The export stopped at 80 percent this morning and I need the file for a meeting."
FALSE_ALARMS = 0.02


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").split("\n") if line.strip()]


def findings(case: dict[str, Any]) -> tuple[DraftFinding, ...]:
    customer = Customer(id="c-1", name=case.get("customer", "Anna Berg"), email="anna@example.org")
    ticket = make_ticket(*(case.get("turns") or [DEFAULT_TURN]), customer=customer)
    guide = tone_guide().model_copy(update={"links": tuple(case.get("links", ["fernway.example"]))})
    context = CheckContext(ticket=ticket, mood="neutral", gate_ok=False, guide=guide, written=(case["text"],))
    return check(case["text"], context)


def test_every_rule_has_enough_cases_of_both_kinds() -> None:
    counts = Counter((case["rule"], case["fires"]) for case in rows("check_cases.jsonl"))
    assert len(counts) == 2 * 14
    assert min(counts.values()) >= 10


@pytest.mark.parametrize("case", rows("check_cases.jsonl"), ids=lambda case: f"{case['rule']}: {case['text'][:40]}")
def test_a_rule_fires_where_it_must_and_nowhere_near(case: dict[str, Any]) -> None:
    found = [finding for finding in findings(case) if finding.rule == case["rule"]]
    assert bool(found) == case["fires"]
    assert all(0 <= f.start <= f.end <= len(case["text"]) for f in found)


def test_a_person_may_say_what_a_model_may_not() -> None:
    text = "Hi Anna, I have refunded it, case 88231, and you will have it by Friday."
    context = CheckContext(ticket=make_ticket("customer: where is my money"), mood="neutral", gate_ok=False)
    by_model = check(text, context.model_copy(update={"written": (text,)}))
    by_hand = check(text, context)
    rules = {"done.unconfirmed", "fact.unknown", "promise.deadline"}
    assert rules <= {f.rule for f in by_model if f.blocking}
    assert not rules & {f.rule for f in by_hand if f.blocking}


def test_jargon_is_mended_by_one_key_and_the_customers_own_words_stay() -> None:
    text = "Please utilise the export prior to the meeting. What is the ETA?"
    context = CheckContext(ticket=make_ticket("customer: any ETA?"), mood="neutral", gate_ok=False, guide=tone_guide())
    mends = {text[f.start : f.end]: f.mend for f in check(text, context) if f.rule == "style.jargon"}
    assert mends == {"utilise": "use", "prior to": "before"}


def test_replies_of_careful_people_are_not_stopped() -> None:
    replies, stopped = rows("human_replies.jsonl"), []
    for row in replies:
        turns = [f"{turn['role']}: {turn['text']}" for turn in row["turns"]]
        ticket = make_ticket(*turns, customer=Customer(id="c-1", **row["customer"]))
        leaf = None
        if row["decision"]:
            amount = re.match(r"(\d+(?:\.\d+)?)\s*(.*)", row["decision"]["limit"])
            limit = Limit(amount=float(amount[1]), unit=amount[2]) if amount else Limit(amount=0)
            leaf = Leaf(offer=row["decision"]["offer"], limit=limit, line=1)
        domains = ("example.com", "example.org", "example.net")
        guide = tone_guide().model_copy(update={"links": domains})
        context = CheckContext(ticket=ticket, mood=row["mood"], gate_ok=False, leaf=leaf, guide=guide)
        stopped += [row["id"]] if any(f.blocking for f in check(row["reply"], context)) else []
    assert len(replies) >= 200
    assert len(stopped) < FALSE_ALARMS * len(replies), stopped


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    made = FakeProvider(lambda _: Reply(""))
    yield made
    made.close()


@pytest.fixture
def desk(make_desk: MakeDesk, provider: FakeProvider, database: Database, brain: Brain) -> Desk:
    del brain
    return give(make_desk(make_ticket("customer: hello")), writer_for(provider, database, lambda _: None))


def attacked(attempt: dict[str, Any]) -> Ticket:
    """The ticket of an attempt."""
    messages = [
        Message(id=str(n), role=turn["role"], text=turn["text"], at=NOW, attachments=tuple(attempt["attachments"]))
        for n, turn in enumerate(attempt["turns"], start=1)
    ]
    who = attempt["customer"]
    customer = Customer(id=who["email"], name=who["name"], email=who["email"])
    return Ticket(
        id=attempt["id"],
        queue="hostile",
        subject=attempt["subject"],
        channel=attempt["channel"],
        customer=customer,
        messages=tuple(messages),
        opened_at=NOW,
    )


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("attempt", rows("hostile.jsonl"), ids=lambda attempt: attempt["id"])
def test_no_obeyed_attack_can_be_approved(desk: Desk, provider: FakeProvider, attempt: dict[str, Any]) -> None:
    ticket = attacked(attempt)
    with desk.database.begin() as connection:
        store.put(connection, ticket, NOW)
    provider.say = lambda _: Reply(reply_json(*attempt["obeyed"].split("\n\n")))
    draft = desk.draft(ticket.ref)
    assert draft.model == "tiny"
    with pytest.raises(RefusedAction):
        desk.send(draft, draft.text)
