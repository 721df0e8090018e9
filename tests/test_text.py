"""Cleaning is the wall between hostile text and a terminal; sentences are the spans that quotes are cut from."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.text import clean, clean_line, digest, sentences, shorten

NASTY = st.sampled_from(
    [
        "\x1b", "\x1b[", "\x1b]8;;", "\x1b\\", "\x07", "\x9b", "\x9c", "\x9d", "\x1bP", "31m", "\r", "\n", "\t", "\x85",
        "\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "\u3164", "\U000e0041", "\u0301", "e", "\u1100", "\u1161",
        "\ud83d", "\udc00", "👩‍👩‍👧", "Mr.", "z.B.", "! ", "。", "? ", '." ', "\n- ", "\n\n\n\n\n", "[/x]", "\u2028",
    ]
)  # fmt: skip
hostile = st.lists(st.one_of(NASTY, st.text(st.characters(), max_size=8)), max_size=30).map("".join)
KEPT_FORMAT = {"\u200d"}
"""Zero-width joiner: emoji are made of it."""
INVISIBLE = "\u00ad\u034f\u115f\u1160\u180e\u200b\u200c\u2060\u3164\ufeff\uffa0"


@given(hostile)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert clean_line(clean_line(text)) == clean_line(text)


@given(hostile)
def test_nothing_that_acts_on_a_terminal_or_hides_survives(text: str) -> None:
    for char in clean(text):
        assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cs"), hex(ord(char))
        assert unicodedata.bidirectional(char) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        assert char not in INVISIBLE, hex(ord(char))
        assert not 0xE0000 <= ord(char) <= 0xE0FFF, hex(ord(char))
    assert "\n" not in clean_line(text)


@given(hostile)
def test_cleaned_text_can_be_written_and_is_normal(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert "\n\n\n\n" not in cleaned


@given(st.text(st.sampled_from("abc äß 你好 .!?,'\"<>[]{}=@#%&*()")))
def test_ordinary_text_passes_unchanged(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("\x1b[2J\x1b[Hhello", "hello"),
        ("\x1b]0;evil title\x07hello", "hello"),
        ("\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1b]52;c;ZXZpbA==\x07hello", "hello"),
        ("\x1bPq#0\x1b\\hello", "hello"),
        ("\x9b31mred\x9b0m", "red"),
        ("\x1b\x1b[31m[31mhello", "[31mhello"),
        ("e\u200b\u0301t\u00e9", "\u00e9t\u00e9"),
        ("pay \u202e001\u202c now", "pay 001 now"),
        ("re\u200bfund", "refund"),
        ("a\r\nb\rc\x85d\u2028e\u2029f", "a\nb\nc\nd\ne\nf"),
        ("a\x00b\x7fc", "abc"),
        ("cut \ud83d here", "cut \ufffd here"),
        ("family 👩\u200d👩\u200d👧 ❤\ufe0f", "family 👩\u200d👩\u200d👧 ❤\ufe0f"),
        ("a\tb", "a    b"),
        ("a\n\n\n\n\n\nb", "a\n\n\nb"),
        ("", ""),
    ],
)
def test_text_is_cleaned_as_a_reader_expects(written: str, read: str) -> None:
    assert clean(written) == read


def test_a_clean_line_is_one_line() -> None:
    assert clean_line("  Anna\r\nBcc: evil@example.com\t \x1b[1mBerg ") == "Anna Bcc: evil@example.com Berg"


@given(st.one_of(hostile, hostile.map(clean)))
def test_sentences_are_verbatim_ordered_and_do_not_overlap(text: str) -> None:
    last = 0
    for start, end in sentences(text):
        assert last <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        last = end


@given(st.one_of(hostile, hostile.map(clean)))
def test_sentences_leave_no_word_out(text: str) -> None:
    covered = "".join(text[start:end] for start, end in sentences(text))
    assert "".join(covered.split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Thanks! It works. Bye", ["Thanks!", "It works.", "Bye"]),
        ('She said "great." Then left.', ['She said "great."', "Then left."]),
        ("Dr. Berg and Mr. Lind agree. Yes.", ["Dr. Berg and Mr. Lind agree.", "Yes."]),
        ("That was J. Smith. Fine.", ["That was J. Smith.", "Fine."]),
        ("one,\ntwo", ["one,\ntwo"]),
        ("one\ntwo", ["one", "two"]),
        ("list:\n- a\n- b", ["list:", "- a", "- b"]),
        ("head\n\nbody", ["head", "body"]),
        ("3.5 stars", ["3.5 stars"]),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == parts


@given(st.text(), st.integers(1, 40))
def test_shortened_text_fits_its_width(text: str, width: int) -> None:
    short = shorten(text, width)
    assert len(short) <= width
    assert short == " ".join(text.split()) or short.endswith("…")


@given(st.lists(st.text(st.characters()), max_size=4), st.lists(st.text(st.characters()), max_size=4))
def test_digests_tell_texts_and_their_borders_apart(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


def test_a_digest_does_not_change_between_versions() -> None:
    assert digest("a", "b") == digest("a", "b") != digest("ab")
    assert digest("") == "ca08ea5bca49cc18"
