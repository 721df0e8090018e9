"""The reader: evidence is verbatim, nothing is claimed of what cannot be read, and nothing a customer writes breaks it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.desk import Brain
from copilot.playbook.examples import ticket_of
from copilot.reading.models import UNHAPPY, Evidence, Reading
from copilot.reading.reader import PATH_LENGTH, WITH_MOMENT, Reader
from copilot.tickets.models import Message, Ticket
from tests.conftest import make_ticket

MESSAGES = [
    "You spotted the broken row before I even knew about it and fixed it for us. I cannot thank you enough!",
    "Your whole site is down and none of our thirty people can log in.",
    "This is the third time I write. Nobody answers. You are a disgrace! My lawyer will be in touch.",
    "Thanks, that worked!",
    "I want my money back. The blender burned out on the second day.",
    "Where can I change the billing address?",
    "👍",
    "First line\n\n- one thing is broken\n- another thing is broken too\n\nPlease help, it has been a week!",
    "Great, another outage. Fantastic job as always. I LOVE losing a day of work.",
    "Dear Dr. Smith, e.g. the export etc. fails. No. 4 is worst! Why? Nobody knows…",
    "   padded   \n\n\n   with  spaces.   So happy with it, you saved our launch!   ",
]


def evidence_of(reading: Reading) -> Iterator[Evidence]:
    yield from (label.evidence for label in (*reading.signals, *reading.risks))
    if reading.mood_evidence:
        yield reading.mood_evidence


def hold(ticket: Ticket, reading: Reading) -> None:
    """What is true of every reading."""
    for evidence in evidence_of(reading):
        message = ticket.messages[evidence.message]
        assert message is ticket.target
        assert message.text[evidence.start : evidence.end] == evidence.text
        assert evidence.text.strip() == evidence.text != ""
    if reading.mood in UNHAPPY:
        assert reading.signals == ()
        assert not reading.moment
        assert not reading.ask_ok
    if reading.risks:
        assert not reading.moment
        assert not reading.ask_ok
    if not reading.read:
        assert reading.why_not
        assert (reading.signals, reading.risks, reading.path, reading.mood) == ((), (), (), "neutral")
        assert [reading.moment, reading.ask_ok, reading.sarcasm, reading.mood_evidence] == [False, False, False, None]


@pytest.fixture(scope="module")
def reader(brain: Brain) -> Reader:
    return brain.get()[0]


@pytest.mark.parametrize("words", MESSAGES)
def test_evidence_is_a_verbatim_span_of_the_last_message(reader: Reader, words: str) -> None:
    ticket = make_ticket("customer: hello", "agent: how can I help?", "customer: " + words)
    reading = reader.read(ticket)
    assert reading.read
    hold(ticket, reading)
    if reading.mood != "neutral":
        assert reading.mood_evidence is not None


def test_the_evidence_of_a_risk_is_the_sentence_that_shows_it(reader: Reader) -> None:
    ticket = make_ticket(
        "customer: Hello and good morning. I want my money back for the broken blender. My name is Anna."
    )
    (label,) = [label for label in reader.read(ticket).risks if label.name == "refund_request"]
    assert label.evidence.text == "I want my money back for the broken blender."


@pytest.mark.parametrize(
    ("words", "mood_is", "signal", "risk"),
    [
        (MESSAGES[0], {"satisfied", "delighted"}, "proactive_fix", None),
        (MESSAGES[1], UNHAPPY, None, "outage"),
        (MESSAGES[2], UNHAPPY, None, "repeat_contact"),
        (MESSAGES[3], {"satisfied", "delighted"}, "resolved_thanks", None),
        (MESSAGES[5], {"neutral"}, None, None),
    ],
)
def test_plain_messages_are_read_as_anybody_would(
    reader: Reader, words: str, mood_is: frozenset[str], signal: str | None, risk: str | None
) -> None:
    reading = reader.read(make_ticket("customer: " + words))
    assert reading.mood in mood_is
    assert signal is None or signal in [label.name for label in reading.signals]
    assert risk is None or risk in [label.name for label in reading.risks]


def test_no_example_of_the_pages_carries_a_signal_in_an_unhappy_mood(brain: Brain) -> None:
    reader, playbook = brain.get()
    tickets = [
        ticket_of(example, page.locale)
        for page in playbook.pages[::2]
        for example in (*page.examples, *page.near_misses)
    ]
    readings = reader.read_many(tickets)
    assert sum(reading.mood in UNHAPPY for reading in readings) > 20
    assert sum(bool(reading.signals) for reading in readings) > 20
    for ticket, reading in zip(tickets, readings, strict=True):
        hold(ticket, reading)


def test_automatic_mail_is_not_read(reader: Reader) -> None:
    bounce = Message(id="1", role="customer", text="Out of office: your site is down, great job!", automatic=True)
    ticket = make_ticket("customer: x").model_copy(update={"messages": (bounce,)})
    reading = reader.read(ticket)
    assert (reading.read, reading.why_not) == (False, "automatic mail")
    hold(ticket, reading)


def test_automatic_mail_after_a_real_message_does_not_change_the_reading(reader: Reader) -> None:
    ticket = make_ticket("customer: " + MESSAGES[1])
    bounce = Message(id="9", role="customer", text="I am out of office, thank you so much!", automatic=True)
    with_bounce = Ticket.model_validate({**ticket.model_dump(), "messages": (*ticket.messages, bounce)})
    assert reader.read(with_bounce).model_copy(update={"ticket_version": ticket.version}) == reader.read(ticket)


@pytest.mark.parametrize("words", ["...", "?!", "—", "***", ". . .", "!!!", "(…)", "-", "$ %", "“”"])
def test_a_message_without_words_is_not_read(reader: Reader, words: str) -> None:
    ticket = make_ticket("customer: " + words)
    reading = reader.read(ticket)
    assert (reading.read, reading.why_not) == (False, "no words")
    hold(ticket, reading)


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("Ich bin sehr enttäuscht, der Server ist seit heute früh nicht erreichbar!", "de"),
        ("Je suis très déçu, le site est en panne et vous ne répondez pas.", "fr"),
        ("荷物がまだ届きません。返金してください。", "ja"),
    ],
)
def test_a_language_that_the_reader_does_not_know_is_named_and_not_guessed_at(
    reader: Reader, words: str, language: str
) -> None:
    ticket = make_ticket("customer: " + words)
    reading = reader.read(ticket)
    assert (reading.read, reading.language) == (False, language)
    assert f"({language})" in reading.why_not
    hold(ticket, reading)


def test_a_ticket_in_which_only_the_team_wrote_is_not_read(reader: Reader) -> None:
    reading = reader.read(make_ticket("agent: hello, this is a note"))
    assert (reading.read, reading.why_not) == (False, "the customer has not written")


def test_the_mood_path_covers_the_last_messages_of_the_customer_in_their_order(reader: Reader) -> None:
    turns = [f"customer: message {n}: it is broken AGAIN and I am really disappointed" for n in range(PATH_LENGTH + 3)]
    ticket = make_ticket(*turns, "agent: mended", "customer: Thanks, that worked!")
    reading = reader.read(ticket)
    assert [point.message for point in reading.path] == [*range(4, PATH_LENGTH + 3), PATH_LENGTH + 4]
    assert reading.path[-1].mood == reading.mood
    assert reading.path[0].mood in UNHAPPY


def test_a_batch_agrees_with_one_at_a_time(reader: Reader) -> None:
    tickets = [
        make_ticket("customer: hm", "agent: hello", "customer: " + words, id=f"T-{n}")
        for n, words in enumerate(MESSAGES)
    ]
    tickets.insert(3, make_ticket("customer: ...", id="nothing"))
    tickets.append(make_ticket("agent: only us", id="us"))
    for together, ticket in zip(reader.read_many(tickets), tickets, strict=True):
        alone = reader.read(ticket)
        assert together.ticket_version == ticket.version
        assert together.mood_confidence == pytest.approx(alone.mood_confidence, abs=1e-3)
        assert [(x.name, x.evidence) for x in (*together.signals, *together.risks)] == [
            (x.name, x.evidence) for x in (*alone.signals, *alone.risks)
        ]
        assert (together.mood, together.path, together.sarcasm, together.moment, together.ask_ok) == (
            alone.mood, alone.path, alone.sarcasm, alone.moment, alone.ask_ok,
        )  # fmt: skip


def test_a_long_message_reads_the_same_beside_short_ones_as_alone(reader: Reader) -> None:
    texts = ["ok", " ".join(MESSAGES), MESSAGES[0], "thanks, that worked"]
    tickets = [make_ticket(f"customer: {text}", id=f"T-{n}") for n, text in enumerate(texts)]
    assert reader.read_many(tickets) == [reader.read(ticket) for ticket in tickets]


def test_no_tickets_give_no_readings(reader: Reader) -> None:
    assert reader.read_many([]) == []


def test_a_label_without_a_page_is_not_claimed(reader: Reader) -> None:
    ticket = make_ticket("customer: " + MESSAGES[1])
    without = Reader(reader.model, reader.heads, reader.own, reader.encoder, frozenset(["refund_request"]))
    assert "outage" in [label.name for label in reader.read(ticket).risks]
    assert "outage" not in [label.name for label in without.read(ticket).risks]
    assert without.version != reader.version


TEXT = st.text(max_size=250) | st.lists(st.sampled_from([*MESSAGES, "\u200b", "\x1b[31m", "\n", "\ud800", "["])).map(
    " ".join
)
ROLE = st.sampled_from(["customer", "agent", "system"])


@given(
    turns=st.lists(st.tuples(ROLE, TEXT, st.booleans(), st.booleans()), min_size=1, max_size=5),
    locale=st.text(max_size=5),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_written_is_read_without_an_error(
    reader: Reader, turns: list[tuple[str, str, bool, bool]], locale: str
) -> None:
    messages = [
        {"id": str(n), "role": role, "text": text, "public": public, "automatic": automatic}
        for n, (role, text, public, automatic) in enumerate(turns)
    ]
    ticket = Ticket.model_validate(
        {"id": "T", "queue": "q", "customer": {"id": "c", "locale": locale}, "messages": messages}
    )
    reading = reader.read(ticket)
    hold(ticket, reading)
    assert np.isfinite(reading.mood_confidence)


def test_a_very_long_message_is_read(reader: Reader) -> None:
    ticket = make_ticket("customer: " + "The import failed again and nobody can tell me why. " * 4000)
    reading = reader.read(ticket)
    assert reading.mood in UNHAPPY
    hold(ticket, reading)


@pytest.mark.parametrize(("happy", "asks"), [(0.95, True), (0.6, False)])
def test_an_ask_needs_a_mood_that_is_sure(brain: Brain, happy: float, asks: bool) -> None:
    reader = brain.get()[0]
    scores = np.zeros(len(reader.heads.labels), dtype=np.float32)
    scores[reader.heads.labels.index("mood:satisfied")] = happy
    scores[reader.heads.labels.index("mood:neutral")] = 1 - happy
    scores[reader.heads.labels.index("flag:ask_ok")] = 1.0
    assert ("flag:ask_ok" in reader._claims(scores)) == asks


@pytest.mark.parametrize(
    ("share", "risk", "claimed"),
    [(WITH_MOMENT + 0.01, 0.0, True), (WITH_MOMENT - 0.01, 0.0, False), (WITH_MOMENT + 0.01, 1.0, False)],
)
def test_a_sure_moment_claims_the_signal_that_is_nearly_sure(
    brain: Brain, share: float, risk: float, claimed: bool
) -> None:
    heads = brain.get()[0].heads
    scores = np.zeros(len(heads.labels), dtype=np.float32)
    gift = "signal:surprise_gesture"
    of = {"mood:delighted": 1.0, "flag:moment": 1.0, "risk:safety": risk, gift: share * heads.thresholds[gift]}
    for name, score in of.items():
        scores[heads.labels.index(name)] = score
    assert (gift in brain.get()[0]._claims(scores)) == claimed


CALM = "We moved house in the spring and the dog came with us. "


def test_a_risk_in_the_middle_of_a_long_message_is_found_with_its_sentence(reader: Reader) -> None:
    burned = "The heater exploded and burned my son, he is in hospital."
    reading = reader.read(make_ticket(f"customer: {CALM * 14}{burned} {CALM * 14}"))
    (safety,) = [label for label in reading.risks if label.name == "safety"]
    assert safety.evidence.text == burned
    assert not reading.ask_ok
    assert reading.note == ""


def test_of_an_endless_message_it_is_said_that_the_middle_was_not_read(reader: Reader) -> None:
    reading = reader.read(make_ticket("customer: " + CALM * 400))
    assert reading.note == "the middle of this very long message was not read"


def test_evidence_in_a_message_of_many_sentences_is_one_of_them(reader: Reader) -> None:
    ticket = make_ticket("customer: " + CALM * 100 + "I want my money back. Refund it now.")
    (refund,) = [label for label in reader.read(ticket).risks if label.name == "refund_request"]
    assert len(refund.evidence.text) < 60
