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
    (found,) = second(offline, opinion(mood="angry", mood_evidence="How do I change")).compare([plain])
    assert found is not None
    assert found.differ == ("mood",)
    assert (found.offline.mood, found.model.mood) == ("neutral", "angry")
    agreeing = json.dumps({"mood": "neutral"})
    assert second(offline, agreeing).compare([plain]) == [None]


def test_each_of_two_conversations_of_one_id_is_compared_with_itself(offline: Reader) -> None:
    def answer(ticket: Ticket) -> str:
        angry = "open" in ticket.messages[0].text
        return opinion(mood="angry", mood_evidence="shop") if angry else json.dumps({"mood": "neutral"})

    texts = ("customer: Where is the shop?", "customer: When does the shop open?")
    one, other = second(offline, answer).compare([make_ticket(text) for text in texts])
    assert one is None
    assert other is not None
    assert other.model.mood == "angry"


def test_a_mood_without_the_customers_words_leaves_the_offline_one(offline: Reader) -> None:
    plain = make_ticket("customer: When does the shop open on Sunday please?")
    answer = opinion(mood="delighted", mood_evidence="never written", ask_ok=True)
    (reading,) = second(offline, answer).read_many([plain])
    assert (reading.mood, reading.ask_ok) == ("neutral", False)
    assert "the model's mood (delighted) had no words" in reading.note


def test_a_piece_of_a_word_is_no_evidence(offline: Reader) -> None:
    claim = {"name": "shout_out", "evidence": "e"}
    (reading,) = second(offline, opinion(mood="satisfied", mood_evidence="lovely", signals=[claim])).read_many(
        [make_ticket("customer: " + WORDS)]
    )
    assert reading.signals == ()


def test_a_label_named_twice_is_kept_once_and_nothing_is_said_of_it(offline: Reader) -> None:
    risk = {"name": "repeat_contact", "evidence": "still in Oslo"}
    (reading,) = second(offline, opinion(risks=[risk, risk])).read_many([make_ticket("customer: " + WORDS)])
    assert [x.name for x in reading.risks] == ["repeat_contact"]
    assert reading.note == ""


def test_a_grave_risk_of_the_offline_reader_stays_whatever_the_model_says(offline: Reader) -> None:
    burned = make_ticket("customer: The charger caught fire and burned my daughter's hand. I am calling my lawyer.")
    cautious = SecondReader(
        offline, lambda _: json.dumps({"mood": "neutral"}), "tiny", FakeOpinions(), LABELS, frozenset({"safety"})
    )
    (reading,) = cautious.read_many([burned])
    assert [x.name for x in reading.risks] == ["safety"]
    assert "only the offline reader found safety" in reading.note


def test_a_new_label_is_asked_about_anew(offline: Reader) -> None:
    cache, asked = FakeOpinions(), []

    def ask(ticket: Ticket) -> str:
        asked.append(ticket.ref)
        return opinion()

    for labels in (LABELS, LABELS | {"signal:parrot"}):
        SecondReader(offline, ask, "tiny", cache, labels).read_many([make_ticket("customer: " + WORDS)])
    assert len(asked) == 2


def test_a_fenced_answer_is_read() -> None:
    assert parse_opinion('Here you are:\n```json\n{"mood": "neutral"}\n```').mood == "neutral"
