"""Replies to an ask: plain ones are read, doubtful ones go to a person, and nothing that is no grant is read as one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.desk import Brain
from copilot.reading.models import MEANINGS
from copilot.reading.replies import (
    ANY,
    ASSENT,
    HELD_BACK,
    PLAIN,
    SAID,
    TURNED,
    ReplyReader,
    caution,
    own_words,
    says_named_word,
)

ASK = "Could we share your words on our website, with your first name?"


@pytest.fixture(scope="module")
def reader(brain: Brain) -> ReplyReader:
    return brain.replies


@pytest.mark.parametrize(
    "reply",
    [
        "No, please don't.",
        "I'd rather not, sorry.",
        "Yes, but only without my name.",
        "Sure, as long as I can see it first.",
        "Who would see it?",
        "Where would it appear, and for how long?",
        "Please take it down, I have changed my mind.",
        "I said yes last week, but please remove my quote.",
        "Thanks, the export works now.",
        "I'll have to ask my manager.",
        "",
        "🤔",
        "?",
        "Ja, gerne, ihr dürft das natürlich veröffentlichen.",
    ],
)
def test_nothing_that_is_no_grant_is_read_as_one(reader: ReplyReader, reply: str) -> None:
    assert reader.read_many([(ASK, reply)])[0].label != "granted"


@pytest.mark.parametrize(
    ("ask", "reply", "granted"),
    [
        ("May we share your photo? Reply #YesMarlow if that's OK.", "#yesmarlow 💛", True),
        ("May we quote you? Text Y or N.", "y", True),
        ("Text STOP to opt out. May we use your feedback? Reply YES or NO", "Yes!", True),
        ("Do you approve the move to the foundation? Reply +1 or -1.", "+1", True),
        ("May we quote you? Text Y or N.", "n", False),
        ("May we quote you? Text Y or N.", "y?? no", False),
        ("Do you approve the move? Reply +1 or -1.", "-1", False),
        ("Reply YES to keep it private.", "YES", False),
        ("Reply #DontShare and we won't.", "#dontshare", False),
        ("Reply YES and we'll take it down.", "YES", False),
        ("If you'd rather we didn't share it, reply YES.", "YES", False),
        ("Reply Y to opt in or N to opt out.", "Y", True),
        ("Reply Y to opt out.", "Y", False),
        ("May we share it? Text YES if you object.", "yes", False),
    ],
)
def test_the_very_word_that_an_ask_names_grants(reader: ReplyReader, ask: str, reply: str, granted: bool) -> None:
    assert says_named_word(ask, reply) == granted
    assert (reader.read_many([(ask, reply)])[0].label == "granted") == granted


@pytest.mark.parametrize(
    ("ask", "reply", "sure"),
    [
        (ASK, "We hereby grant the right requested. No further formalities are needed.", SAID),
        (ASK, "It was no bother. You have my full permission.", SAID),
        (ASK, "Permission has been given.", SAID),
        (ASK, "I don't think I give consent to that.", ANY),
        (ASK, "We grant it if we may see it first.", HELD_BACK),
        (ASK, "Yes of course, go ahead!", PLAIN),
        (ASK, "No problem at all.", PLAIN),
        (ASK, "Yes, and I have never said that of anybody.", PLAIN),
        (ASK, "Agreed.", ASSENT),
        (ASK, "Print it on the wall.", ASSENT),
        (ASK, "Yes, if Priya sees it first.", HELD_BACK),
        (ASK, "Sure, could you send me the link?", HELD_BACK),
        (ASK, "It made my week.", ANY),
        (ASK, "Just ship it. I don't want to be named.", ANY),
        (ASK, "Sure, whatever you say.", ANY),
        ("Would you mind if we shared it?", "Yes.", TURNED),
        ("Would you mind if we shared it?", "No problem!", PLAIN),
        ("Would you rather we kept it private?", "Yes, sure.", TURNED),
        ("A quote or a video. Would you be up for either?", "Yes sure", TURNED),
        ("Has it arrived, and may we share your note?", "Yes, it has.", TURNED),
    ],
)
def test_what_speaks_against_a_yes_asks_for_more_certainty(ask: str, reply: str, sure: float) -> None:
    found = caution(ask, reply)
    assert found.sure == sure
    assert bool(found.why) == (sure > PLAIN)


def test_a_plain_yes_needs_least() -> None:
    assert SAID < PLAIN < ASSENT < HELD_BACK < TURNED <= ANY


def test_plain_answers_are_read(reader: ReplyReader) -> None:
    found = reader.read_many(
        [
            (ASK, "Yes of course, go ahead!"),
            (ASK, "No, I would rather you did not."),
            (ASK, "Yes, but please leave my name out."),
        ]
    )
    assert [reading.label for reading in found] == ["granted", "declined", "conditional"]
    assert found[2].conditions
    assert not found[0].conditions


def test_what_is_doubtful_says_why(reader: ReplyReader) -> None:
    (empty, quoted, foreign) = reader.read_many(
        [(ASK, "  "), (ASK, "> Yes, go ahead!"), (ASK, "Non, je préfère que vous ne publiez pas cela, merci.")]
    )
    assert (empty.label, empty.why) == (quoted.label, quoted.why) == ("unclear", "nothing was written")
    assert foreign.label == "unclear"
    assert "not in English" in foreign.why


def test_the_quoted_ask_is_not_read_as_the_reply() -> None:
    assert own_words("> May we quote you?\n\nNo, thank you.") == "No, thank you."
    assert own_words("No.\n\nOn Monday, Mara wrote:\n> May we quote you?") == "No."
    assert own_words("> Yes, go ahead, use it anywhere") == ""


FRIENDLY = "The team has been a joy to work with from the first day on, and everybody here says the same of you. "


@pytest.mark.parametrize(
    "held_back", ["But please never print my name or my company.", "On second thought please do not use it at all."]
)
def test_a_reply_too_long_to_be_read_whole_is_never_a_grant(reader: ReplyReader, held_back: str) -> None:
    reply = f"Yes, please go ahead! {FRIENDLY * 4}{held_back} {FRIENDLY * 4}So yes, absolutely, use it, with pleasure!"
    (found,) = reader.read_many([(ASK, reply)])
    assert found.label != "granted"


def test_what_stands_in_another_language_beside_an_english_ask_is_no_grant(reader: ReplyReader) -> None:
    replies = ("Oui, allez-y", "Oui, bien sûr, allez-y", "Ja, gerne", "Claro que sí")
    assert all(found.label != "granted" for found in reader.read_many([(ASK, reply) for reply in replies]))
    (found,) = reader.read_many([("Darf man Ihre Worte zitieren?", "Yes!")])
    assert found.label != "granted"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.text(max_size=60), st.text(max_size=200)), max_size=4))
def test_any_text_gives_a_meaning_in_order(reader: ReplyReader, pairs: list[tuple[str, str]]) -> None:
    found = reader.read_many(pairs)
    assert len(found) == len(pairs)
    for reading in found:
        assert reading.label in MEANINGS
        assert 0 <= reading.confidence <= 1
        assert bool(reading.conditions) == (reading.label == "conditional")


def test_a_batch_agrees_with_one_at_a_time(reader: ReplyReader) -> None:
    pairs = [(ASK, reply) for reply in ("yes", "no", "Only with initials please.", "what for? " * 30, "k")]
    assert [r.label for r in reader.read_many(pairs)] == [reader.read_many([pair])[0].label for pair in pairs]
