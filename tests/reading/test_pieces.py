"""What the model sees: spelled plainly, cut into sentences whose tokens can be found again, long messages shortened in the middle."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.reading.pieces import (
    EARLIER_TURN,
    LAST_TURN,
    MAX_SENTENCES,
    TARGET_TOKENS,
    WINDOW_TOKENS,
    Turn,
    answers_of,
    pieces_of,
    spell,
    windows_of,
)


def tokenise(texts: Sequence[str]) -> list[list[int]]:
    """A token a word, numbered by its length."""
    return [[len(word) for word in text.split()] for text in texts]


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("@NorwellAir thanks", "@user thanks"),
        ("see https://t.co/x7Ks and www.example.com/a?b", "see http and http"),
        ("fish &amp; chips &lt;3", "fish & chips <3"),
        ("soooooo good", "sooo good"),
        ("good book", "good book"),
        ("love it 😍", "love it  smiling face with heart-shaped eyes "),
        ("Grüße", "Grüße"),
    ],
)
def test_a_message_is_spelled_in_words_that_the_tokeniser_knows(written: str, seen: str) -> None:
    assert spell(written) == seen


def test_the_two_turns_before_are_the_context_and_say_whose_they_are() -> None:
    (alone,) = pieces_of([[Turn("customer", "it broke")]], tokenise)
    assert alone.context == []
    (after,) = pieces_of(
        [[Turn("customer", "it broke"), Turn("agent", "try this"), Turn("customer", "works")]], tokenise
    )
    assert after.context == [*map(len, ("customer:", "it", "broke")), *map(len, ("agent:", "try", "this"))]
    assert after.ids == [len("works")]


def test_an_ask_is_the_context_of_its_reply() -> None:
    (pieces,) = answers_of([("May we?", "sure thing")], tokenise)
    assert (pieces.context, pieces.ids) == ([4, 3, 3], [4, 5])


def test_long_turns_and_a_long_message_keep_their_beginning_and_their_end() -> None:
    long = " ".join("abcdefghi"[: n % 9 + 1] for n in range(500))
    (pieces,) = pieces_of([[Turn("customer", long), Turn("agent", long), Turn("customer", long)]], tokenise)
    whole = [n % 9 + 1 for n in range(500)]
    half = TARGET_TOKENS // 2
    assert pieces.ids == whole[:half] + whole[-half:]
    assert pieces.left_out == (0, len(long))
    (first, last), (early, late) = LAST_TURN, EARLIER_TURN
    earlier = [len("customer:"), *whole[: early - 1], *whole[-late:]]
    assert pieces.context == [*earlier, len("agent:"), *whole[: first - 1], *whole[-last:]]


def test_of_a_long_ask_the_question_at_its_end_is_seen() -> None:
    (pieces,) = answers_of([(f"{'Hello there. ' * 40}May we share it?", "no")], tokenise)
    assert pieces.context[-4:] == [3, 2, 5, 3]


@given(st.lists(st.text("ab .!?\n", max_size=300), max_size=4))
def test_every_sentence_finds_its_own_tokens_again(texts: list[str]) -> None:
    for text, pieces in zip(texts, pieces_of([[Turn("customer", t)] for t in texts], tokenise), strict=True):
        assert len(pieces.spans) == len(pieces.bounds) <= MAX_SENTENCES
        assert len(pieces.ids) <= TARGET_TOKENS
        for (start, end), (first, last) in zip(pieces.spans, pieces.bounds, strict=True):
            assert 0 <= first <= last <= len(pieces.ids)
            if pieces.left_out is None and last > first:
                assert pieces.ids[first:last] == tokenise([spell(text[start:end])])[0]


@given(st.text("ab .!?\n", max_size=3000))
def test_windows_hold_every_sentence_once_and_fit(text: str) -> None:
    windows = windows_of(text, (0, len(text)), tokenise)
    spans = [span for window in windows for span in window.spans]
    assert spans == sorted(spans)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    for window in windows:
        assert len(window.ids) <= WINDOW_TOKENS
        for (start, end), (first, last) in zip(window.spans, window.bounds, strict=True):
            assert window.ids[first:last] == tokenise([spell(text[start:end])])[0][:WINDOW_TOKENS]
