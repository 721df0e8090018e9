"""Whatever a line holds, it gives one reading or one named refusal, in its place; the stream goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.cli.reading import Conversations, rows_of
from copilot.desk import Brain

Row = dict[str, object]


@pytest.fixture(scope="module")
def work(brain: Brain) -> Conversations:
    return Conversations(brain.get()[0])


def read(work: Conversations, *lines: bytes) -> list[Row]:
    return [json.loads(row) for row, _ in rows_of(work, list(enumerate(lines, start=1)))]


def said(*texts: str, role: str = "customer") -> bytes:
    turns = [{"role": role, "text": text} for text in texts]
    return json.dumps({"id": "x", "turns": turns}).encode()


ODD = {
    "empty": said(""),
    "white space": said(" \n\t "),
    "emoji only": said("😡😡😡"),
    "100 kB": said("I have been waiting for nine days and nobody answers. " * 1900),
    "one word of 100 kB": said("a" * 100_000),
    "500 turns": said(*(f"message {n}" for n in range(500))),
    "only agents": said("Hello?", "Are you there?", role="agent"),
    "lone surrogate": b'{"id": "x", "turns": [{"role": "customer", "text": "broken \\ud800 text, please help"}]}',
    "right to left": said("\u202eedoc ym nekorb sti\u202c please fix it"),
    "zero width": said("re\u200bfund\u200d my\ufeff money"),
    "NUL": said("my\x00 site is down"),
    "HTML": said("<script>alert(1)</script><b>Thanks</b> &lt;3 so much!"),
    "terminal escapes": said("\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07"),
    "markup": said("order [/x] failed [@click=app.quit]x[/]"),
    "10,000 sentences": said("No. " * 10_000),
}


@pytest.mark.parametrize("line", ODD.values(), ids=ODD.keys())
def test_an_odd_conversation_gives_a_reading(work: Conversations, line: bytes) -> None:
    (row,) = read(work, line)
    assert row["id"] == "x"
    assert row["mood"] in {"angry", "frustrated", "neutral", "satisfied", "delighted"}
    text = json.loads(line)["turns"][-1]["text"]
    assert str(row["evidence"]) in text


BAD = [
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"id": 1}',
    b'{"id": "x", "turns": []}',
    b'"text"',
    b"1e999",
    b"[" * 100_000,
]


def test_a_bad_line_is_refused_by_name_in_its_place(work: Conversations) -> None:
    good = said("Thanks, that worked!")
    rows = read(work, good, *BAD, good)
    assert [row["id"] for row in rows] == ["x", *([None] * len(BAD)), "x"]
    for number, row in enumerate(rows[1:-1], start=2):
        assert row["line"] == number
        assert row["error"]


def lines() -> Iterator[st.SearchStrategy[bytes]]:
    text = st.text(max_size=80)
    yield st.binary(max_size=60)
    yield st.text(max_size=60).map(str.encode)
    turn = st.fixed_dictionaries({"role": st.sampled_from(["customer", "agent", "system", "boss"]), "text": text})
    conversation = st.fixed_dictionaries({"id": st.text(max_size=5), "turns": st.lists(turn, max_size=4)})
    yield conversation.map(lambda value: json.dumps(value).encode())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(*lines()), max_size=5))
def test_any_lines_give_one_row_each(work: Conversations, some: list[bytes]) -> None:
    rows = read(work, *some)
    assert len(rows) == len(some)
    for number, row in enumerate(rows, start=1):
        assert ("error" in row and row["line"] == number) or "mood" in row
