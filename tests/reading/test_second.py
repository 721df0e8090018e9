"""A model as a second reader: believed only where its evidence is verbatim, paid for once, and never needed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from copilot.desk import Brain
from copilot.errors import ModelFault
from copilot.reading.reader import Reader
from copilot.reading.second import SecondReader, parse_opinion
from copilot.tickets.models import Ticket
from tests.conftest import make_ticket

WORDS = "The crew on 214 were lovely, thank you. My bag is still in Oslo though."


class FakeOpinions(dict[str, str]):
    """Keeps answers in memory."""

    def put(self, key: str, answer: str) -> None:
        self[key] = answer


def opinion(**parts: object) -> str:
    return json.dumps({"mood": "frustrated", "mood_evidence": "still in Oslo", **parts})


@pytest.fixture(scope="module")
def offline(brain: Brain) -> Reader:
    return brain.get()[0]


LABELS = frozenset(["signal:shout_out", "risk:repeat_contact", "risk:refund_request"])


def second(offline: Reader, answer: str | Callable[[Ticket], str], cache: FakeOpinions | None = None) -> SecondReader:
    def ask(ticket: Ticket) -> str:
        return answer(ticket) if callable(answer) else answer

    return SecondReader(offline, ask, "tiny read/1", cache if cache is not None else FakeOpinions(), LABELS)


def test_the_models_reading_is_taken_with_its_words(offline: Reader) -> None:
    risk = {"name": "repeat_contact", "evidence": "My bag is still in Oslo"}
    (reading,) = second(offline, opinion(risks=[risk])).read_many([make_ticket("customer: " + WORDS)])
    assert reading.mood == "frustrated"
    assert [(x.name, x.evidence.text) for x in reading.risks] == [("repeat_contact", "My bag is still in Oslo")]
    assert reading.mood_evidence is not None
    assert reading.path[-1].mood == "frustrated"


def test_words_the_customer_never_wrote_are_no_evidence(offline: Reader) -> None:
    claims = [{"name": "refund_request", "evidence": "I want my money back"}, {"name": "made_up", "evidence": "My bag"}]
    (reading,) = second(offline, opinion(risks=claims)).read_many([make_ticket("customer: " + WORDS)])
    assert reading.risks == ()
    assert reading.note.startswith("2 of the model's labels")


def test_an_unhappy_customer_carries_no_signal_and_is_not_asked(offline: Reader) -> None:
    claim = {"name": "shout_out", "evidence": "The crew on 214 were lovely"}
    answer = opinion(signals=[claim], ask_ok=True, moment=True)
    (reading,) = second(offline, answer).read_many([make_ticket("customer: " + WORDS)])
    assert (reading.signals, reading.ask_ok, reading.moment) == ((), False, False)


@pytest.mark.parametrize(
    "answer", ["", "I cannot do that.", "{", '{"mood": "furious"}', "[1]", '{"mood": "neutral", "signals": 3}']
)
def test_an_answer_that_is_no_reading_leaves_the_offline_one_and_says_so(offline: Reader, answer: str) -> None:
    ticket = make_ticket("customer: " + WORDS)
    (reading,) = second(offline, answer).read_many([ticket])
    assert reading.note.startswith("read offline")
    first = offline.read(ticket)
    assert (reading.mood, reading.signals, reading.risks) == (first.mood, first.signals, first.risks)


def test_a_model_that_is_not_there_leaves_the_offline_reading(offline: Reader) -> None:
    def gone(_: Ticket) -> str:
        raise ModelFault("tiny cannot be reached")

    (reading,) = second(offline, gone).read_many([make_ticket("customer: " + WORDS)])
    assert reading.note == "read offline: tiny cannot be reached"


def test_the_same_words_are_asked_about_once(offline: Reader) -> None:
    asked: list[str] = []
    cache = FakeOpinions()

    def ask(ticket: Ticket) -> str:
        asked.append(ticket.ref)
        return opinion()

    for _ in range(3):
        second(offline, ask, cache).read_many([make_ticket("customer: " + WORDS)])
    assert len(asked) == 1


def test_where_the_two_differ_is_listed(offline: Reader) -> None:
    plain = make_ticket("customer: How do I change my address?")
    (found,) = second(offline, opinion(mood="angry", mood_evidence="")).compare([plain])
    assert found.differ == ("mood",)
    assert (found.offline.mood, found.model.mood) == ("neutral", "angry")
    agreeing = json.dumps({"mood": "neutral"})
    assert second(offline, agreeing).compare([plain]) == []


def test_a_fenced_answer_is_read() -> None:
    assert parse_opinion('Here you are:\n```json\n{"mood": "neutral"}\n```').mood == "neutral"
