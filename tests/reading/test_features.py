"""Hashed words: stable over machines and runs, marking what turns a sentence around."""

from __future__ import annotations

import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.reading.features import BUCKETS, Turn, densify, hashed


def bucket(name: str) -> int:
    return zlib.crc32(name.encode()) % BUCKETS


def of(text: str, *earlier: Turn) -> set[int]:
    return set(hashed([*earlier, Turn("customer", text)]).tolist())


def test_the_buckets_of_a_sentence_are_the_same_in_every_process() -> None:
    text = "Thanks, that did NOT work!!"
    code = f"from copilot.reading.features import *; print(hashed([Turn('customer', {text!r})]).tolist())"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        for seed in ("1", "2")
    ]
    assert {run.stdout.strip() for run in runs} == {str(hashed([Turn("customer", text)]).tolist())}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("that did not work", "not_work"),
        ("that didn’t work", "not_work"),
        ("sooooo slow", "elongated"),
        ("FIX THIS NOW please", "shouted"),
        ("is it down?", "ends?"),
        ("what?!", "?!"),
        ("order 4711 is late", "<number>"),
        ("see https://x.example/y", "urltoken"),
        ("@support hello", "user"),
        ("ok", "length=0"),
        ("great 👍", "👍"),
    ],
)
def test_a_mark_of_feeling_has_its_bucket(text: str, name: str) -> None:
    assert bucket(name) in of(text)


def test_a_negation_ends_with_the_sentence() -> None:
    assert bucket("not_great") not in of("It did not work! great")


def test_what_the_agent_said_before_counts_and_a_chase_is_marked() -> None:
    agent, customer = Turn("agent", "I repaired the file"), Turn("customer", "hello")
    assert bucket("agent:repaired") in of("thanks", agent)
    assert bucket("agent:repaired") not in of("thanks")
    assert bucket("chased") in of("thanks", customer)
    assert bucket("place=1") in of("thanks", customer)


@given(text=st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_gives_sorted_unique_buckets(text: str) -> None:
    row = hashed([Turn("customer", text)])
    assert (np.diff(row) > 0).all()
    assert len(row) > 0
    assert 0 <= row[0] <= row[-1] < BUCKETS


def test_rows_become_one_matrix_whose_rows_have_length_one() -> None:
    rows = [hashed([Turn("customer", text)]) for text in ("thanks a lot", "no")]
    values, columns, pointers = densify(rows)
    assert pointers.tolist() == [0, len(rows[0]), len(rows[0]) + len(rows[1])]
    assert columns.tolist() == [*rows[0], *rows[1]]
    assert float(np.sum(values[: pointers[1]] ** 2)) == pytest.approx(1)
    assert [len(part) for part in densify([])] == [0, 0, 1]
