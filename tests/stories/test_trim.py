"""A quote may be shortened and never turned: what is cut off holds no “not”, no “but”, no number, and no half sentence."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from copilot.stories.trim import turned
from copilot.text import sentences

PRAISE = "You fixed it before I knew about it."
PLAIN = ["Thank you.", "My whole team read your answer!", "Mara was kind and quick.", "What a day that was…", "Wow!"]
TURNING = [
    "It is not perfect.", "It never worked before.", "No other firm helped.", "Nobody told me.", "Nothing else runs.",
    "I cannot log in from home.", "It doesn't print.", "It doesn’t print.", "I can't say that of the app.",
    "NOT ONE button works.", "Neither page loads.", "It hardly runs.", "It barely runs.", "I was without mail for a day.",
    "But the app is slow.", "However, the app is slow.", "Although it took a while.", "It still crashes.",
    "Only the export is slow.", "If it holds.", "It would have been nice earlier.", "I wish it had come sooner.",
    "It almost works.", "It used to be better.", "Everything except the export.", "Unless it breaks again.",
    "Until yesterday it crashed.", "Despite the wait.", "It is supposed to be fast.", "It nearly cost us a client.",
    "It took 3 weeks.", "I pay 40 € a month.", "That was the 2nd time.",
]  # fmt: skip


def test_the_whole_of_what_was_agreed_is_no_cut() -> None:
    for words in (PRAISE, *TURNING, f"{PRAISE} {TURNING[0]}"):
        assert turned(words, words) == []


@pytest.mark.parametrize("plain", PLAIN)
def test_a_plain_sentence_may_be_dropped_on_either_side(plain: str) -> None:
    assert turned(f"{PRAISE} {plain}", PRAISE) == []
    assert turned(f"{plain} {PRAISE}", PRAISE) == []
    assert turned(f"{plain}\n\n{PRAISE}\n{plain}", PRAISE) == []


@pytest.mark.parametrize("turning", TURNING)
def test_a_sentence_that_turns_the_rest_may_not_be_dropped(turning: str) -> None:
    assert turned(f"{PRAISE} {turning}", PRAISE)
    assert turned(f"{turning} {PRAISE}", PRAISE)
    assert turned(f"Thank you. {PRAISE} {turning} Thank you.", PRAISE)


@pytest.mark.parametrize("turning", TURNING)
def test_a_sentence_that_turns_the_rest_may_stand_alone(turning: str) -> None:
    assert turned(f"{turning} Thank you.", turning) == []


@pytest.mark.parametrize(
    ("agreed", "reason"),
    [
        (f"{PRAISE} It is not perfect.", "it leaves out a negation: “not”"),
        (f"{PRAISE} But it is slow.", "it leaves out a turn (but, only, if, because): “But”"),
        (f"{PRAISE} It took 3 weeks.", "it leaves out a number: “3”"),
    ],
)
def test_the_reason_names_what_was_left_out(agreed: str, reason: str) -> None:
    assert turned(agreed, PRAISE) == [reason]


def test_every_reason_is_named() -> None:
    reasons = turned("I did not see it. But you fixed it in 5 minutes before I knew.", "you fixed it")
    assert [reason.partition(":")[0] for reason in reasons] == [
        "it cuts a sentence in two",
        "it leaves out a negation",
        "it leaves out a turn (but, only, if, because)",
        "it leaves out a number",
    ]


@pytest.mark.parametrize(
    "span",
    [
        "You fixed it",
        "before I knew about it.",
        "You fixed it before I knew about it",
        "fixed it before I knew about it.",
    ],
)
def test_half_a_sentence_is_refused(span: str) -> None:
    assert "it cuts a sentence in two" in turned(f"{PRAISE} Thank you.", span)


@pytest.mark.parametrize(
    "agreed",
    [
        "It was far from\ngreat support.",
        "We were told to expect\ngreat support.",
        "I doubt that this is\ngreat support.",
        "My boss laughed at the idea of\r\ngreat support.",
    ],
)
def test_half_a_sentence_is_refused_where_the_mail_broke_its_line(agreed: str) -> None:
    assert turned(agreed, "great support.")


@pytest.mark.parametrize(
    "turning", ["It dont print.", "I cant log in.", "It doesnt work.", "My invoice wont load.", "It isnt fast."]
)
def test_a_negation_without_its_apostrophe_may_not_be_dropped(turning: str) -> None:
    assert turned(f"{PRAISE} {turning}", PRAISE)


@pytest.mark.parametrize("turning", ["It took three weeks.", "That was the third time.", "You lost ten invoices."])
def test_a_number_in_letters_may_not_be_dropped(turning: str) -> None:
    assert turned(f"{PRAISE} {turning}", PRAISE)


@pytest.mark.parametrize("turning", ["When it rains.", "Because my boss made me write this.", "Since you paid me."])
def test_a_condition_or_reason_may_not_be_dropped(turning: str) -> None:
    assert turned(f"{PRAISE} {turning}", PRAISE)


@pytest.mark.parametrize("turning", ["Das ist nicht wahr.", "Aber es dauerte.", "Mais c'est lent.", "Pero es lento."])
def test_a_turn_in_any_language_of_the_page_may_not_be_dropped(turning: str) -> None:
    assert turned(f"{PRAISE} {turning}", PRAISE)


@pytest.mark.parametrize("span", ["", " ", "\n", "\u00a0"])
@pytest.mark.parametrize("agreed", ["", " ", "\n", PRAISE])
def test_no_words_stand_for_nothing(agreed: str, span: str) -> None:
    assert turned(agreed, span)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
THREADS = st.lists(st.sampled_from([*PLAIN, *TURNING, PRAISE]), min_size=1, max_size=5)


@settings(deadline=None)
@given(TEXT, TEXT.map(lambda text: f"{text}x"))
def test_a_span_that_is_not_in_the_text_is_always_refused(agreed: str, span: str) -> None:
    assume(span not in agreed)
    assert turned(agreed, span) == ["it is not a verbatim part of what the customer agreed to"]


@settings(deadline=None)
@given(THREADS, st.data())
def test_words_that_were_changed_or_put_together_anew_are_refused(parts: list[str], data: st.DataObject) -> None:
    agreed = " ".join(parts)
    at = data.draw(st.integers(0, len(agreed)))
    span = agreed[:at] + data.draw(st.sampled_from(["☃", "​", "no ", "…"])) + agreed[at:]
    assume(span not in agreed)
    assert turned(agreed, span)


@settings(deadline=None)
@given(THREADS, st.data())
def test_any_span_that_is_let_through_is_made_of_whole_sentences_and_leaves_out_plain_ones(
    parts: list[str], data: st.DataObject
) -> None:
    agreed = " ".join(parts)
    start = data.draw(st.integers(0, len(agreed) - 1))
    span = agreed[start : data.draw(st.integers(start + 1, len(agreed)))]
    if turned(agreed, span):
        return
    at = agreed.find(span)
    whole = [agreed[s:e] for s, e in sentences(agreed)]
    kept = [agreed[s:e] for s, e in sentences(span)]
    assert any(whole[n : n + len(kept)] == kept for n in range(len(whole)))
    assert agreed[at : at + len(span)] == span
    left_out = f"{agreed[:at]} {agreed[at + len(span) :]}"
    assert not any(turning in left_out for turning in TURNING)


@settings(deadline=None)
@given(st.lists(st.sampled_from(PLAIN), max_size=3), st.lists(st.sampled_from(PLAIN), max_size=3))
def test_plain_sentences_around_a_span_can_all_go(before: list[str], after: list[str]) -> None:
    assert turned(" ".join([*before, PRAISE, *after]), PRAISE) == []


@settings(deadline=None)
@given(TEXT, TEXT)
def test_nothing_that_is_typed_raises_anything(agreed: str, span: str) -> None:
    turned(agreed, span)
    turned(agreed + span, span)
