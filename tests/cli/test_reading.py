"""`delight read` from file to file, killed and taken up again, and for replies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from copilot.cli.reading import CHUNK_BYTES, _chunks
from copilot.tickets.sources.jsonl import MAX_LINE
from tests.cli.conftest import delight, make_workspace
from tests.conftest import ROOT

TEXTS = [
    "Your whole site is down, nothing loads!",
    "Thanks so much, that worked!",
    "How do I change my address?",
    "I want my money back. This is the third time I write.",
]


@pytest.fixture
def space(index: Path, tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "w", index)


def archive(path: Path, count: int) -> Path:
    rows = (
        {"id": f"A-{n}", "turns": [{"role": "customer", "text": f"{TEXTS[n % len(TEXTS)]} Number {n}."}]}
        for n in range(count)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_a_file_is_read_into_a_file_as_the_filter_would(space: Path, tmp_path: Path) -> None:
    source, out = archive(tmp_path / "in.jsonl", 30), tmp_path / "out.jsonl"
    ran = delight("read", source, "--out", out, workspace=space)
    assert (ran.code, ran.out) == (0, "")
    assert out.read_text("utf-8") == delight("read", workspace=space, stdin=source.read_text("utf-8")).out


def test_a_run_that_was_cut_off_anywhere_is_taken_up_with_each_line_once(space: Path, tmp_path: Path) -> None:
    source, out = archive(tmp_path / "in.jsonl", 20), tmp_path / "out.jsonl"
    delight("read", source, "--out", out, workspace=space)
    whole = out.read_bytes()
    cuts = random.Random(7).sample(range(len(whole)), 2)
    for cut in (0, *cuts, len(whole)):
        out.write_bytes(whole[:cut])
        assert delight("read", source, "--out", out, workspace=space).code == 0
        assert out.read_bytes() == whole


def test_a_killed_run_is_taken_up(space: Path, tmp_path: Path) -> None:
    source, out = archive(tmp_path / "in.jsonl", 3000), tmp_path / "out.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "copilot", "read", str(source), "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, "DELIGHT_WORKSPACE": str(space)},
        stderr=subprocess.DEVNULL,
    )
    for _ in range(600):
        if out.exists() and out.stat().st_size:
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed_at = out.read_bytes().count(b"\n")
    assert 0 < killed_at < 3000
    assert delight("read", source, "--out", out, workspace=space).code == 0
    assert [json.loads(row)["id"] for row in out.read_text("utf-8").splitlines()] == [f"A-{n}" for n in range(3000)]


def test_the_readings_of_another_file_are_not_gone_on_with(space: Path, tmp_path: Path) -> None:
    source, out = archive(tmp_path / "in.jsonl", 4), tmp_path / "out.jsonl"
    other = '{"id": "B-1", "mood": "neutral"}\n'
    out.write_text(other, "utf-8")
    ran = delight("read", source, "--out", out, workspace=space)
    assert ran.code == 2
    assert "does not hold the readings of this input" in ran.err
    assert out.read_text("utf-8") == other


def test_a_file_that_is_not_there_is_named(space: Path, tmp_path: Path) -> None:
    ran = delight("read", tmp_path / "nowhere.jsonl", workspace=space)
    assert ran.code == 2
    assert "nowhere.jsonl cannot be read" in ran.err


def test_replies_are_read_in_order_and_a_bad_line_keeps_its_place(space: Path) -> None:
    ask = "May we share your words?"
    rows = [
        {"id": "1", "ask": ask, "reply": "Yes of course, go ahead!"},
        {"id": "2", "ask": ask},
        {"id": 3, "ask": ask, "reply": "No, please don't."},
    ]
    ran = delight("read", "--replies", workspace=space, stdin="\n".join(map(json.dumps, rows)))
    assert ran.code == 1
    found = [json.loads(row) for row in ran.out.splitlines()]
    assert [row["id"] for row in found] == ["1", None, "3"]
    assert found[0]["label"] == "granted"
    assert "`reply`" in found[1]["error"]
    assert found[2]["label"] != "granted"
    assert {"id", "label", "conditions", "confidence"} <= set(found[0])


def test_half_a_surrogate_pair_comes_out_as_it_came_and_the_stream_goes_on(space: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    broken = (
        '{"id": "b", "turns": [{"role": "customer", "text": "half \\ud800 of it, you saved my wedding, thank you!"}]}'
    )
    source.write_text("".join(f"{line}\n" for line in (broken, broken.replace('"b"', '"c"'))), "utf-8")
    assert delight("read", source, "--out", out, workspace=space).code == 0
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["b", "c"]
    assert all(row["evidence"] in json.loads(broken)["turns"][0]["text"] for row in rows)


@pytest.mark.parametrize(
    "held",
    [
        "my precious notes",
        "my precious notes\nof two lines\n",
        "[" * 10_000 + "\n",
        '{"id": "A-0", "turns": [{"role": "customer", "text": "Hello"}]}\n',
        '{"id": "A-0", "turns": [{"role": "customer", "text": "Hello"}]}',
    ],
)
def test_what_is_no_reading_is_neither_gone_on_with_nor_touched(space: Path, tmp_path: Path, held: str) -> None:
    source, out = archive(tmp_path / "in.jsonl", 2), tmp_path / "out.jsonl"
    out.write_text(held, "utf-8")
    ran = delight("read", source, "--out", out, workspace=space)
    assert ran.code == 2
    assert f"{out} does not hold the readings of this input" in ran.err
    assert out.read_text("utf-8") == held


def test_the_file_that_is_read_is_not_written(space: Path, tmp_path: Path) -> None:
    source = archive(tmp_path / "in.jsonl", 2)
    before = source.read_bytes()
    ran = delight("read", source, "--out", source, workspace=space)
    assert (ran.code, source.read_bytes()) == (2, before)
    assert "is the file that is read" in ran.err


def test_more_readings_than_the_input_has_lines_are_those_of_another(space: Path, tmp_path: Path) -> None:
    source, out = archive(tmp_path / "in.jsonl", 3), tmp_path / "out.jsonl"
    delight("read", source, "--out", out, workspace=space)
    ran = delight("read", archive(source, 2), "--out", out, workspace=space)
    assert ran.code == 2
    assert "it has 3 lines and the input 2" in ran.err
    whole = out.read_bytes()
    out.write_bytes(whole[: whole.rindex(b"{") + 9])  # two rows and half of a third
    ran = delight("read", source, "--out", out, workspace=space)
    assert (ran.code, out.read_bytes()[-9:]) == (2, b'{"id": "A')


def test_a_bad_line_is_told_by_the_exit_code_of_every_run(space: Path, tmp_path: Path) -> None:
    source, out = archive(tmp_path / "in.jsonl", 2), tmp_path / "out.jsonl"
    with source.open("a") as file:
        file.write("no JSON\n")
    assert [delight("read", source, "--out", out, workspace=space).code for _ in range(2)] == [1, 1]


def test_a_second_run_on_the_same_file_waits_its_turn(space: Path, tmp_path: Path) -> None:
    source, out = archive(tmp_path / "in.jsonl", 2), tmp_path / "out.jsonl"
    with out.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        ran = delight("read", source, "--out", out, workspace=space)
    assert ran.code == 2
    assert f"Another run is writing {out}" in ran.err


def test_a_pipe_is_read_into_a_file(space: Path, tmp_path: Path) -> None:
    text = archive(tmp_path / "in.jsonl", 3).read_text("utf-8")
    out = tmp_path / "out.jsonl"
    assert delight("read", "/dev/stdin", "--out", out, workspace=space, stdin=text).code == 0
    assert len(out.read_text("utf-8").splitlines()) == 3


def test_a_line_that_is_too_long_is_refused_by_number_and_the_next_is_read(space: Path) -> None:
    long = json.dumps({"id": "1", "turns": [{"role": "customer", "text": "a" * MAX_LINE}]})
    lines = [long, "", "no JSON"]
    ran = delight("read", workspace=space, stdin="\n".join(lines))
    found = [json.loads(row) for row in ran.out.splitlines()]
    assert (ran.code, [row["line"] for row in found]) == (1, [1, 3])
    assert "longer than" in found[0]["error"]


def test_no_more_is_held_at_once_than_a_few_megabytes() -> None:
    line = b"a" * (CHUNK_BYTES // 4) + b"\n"
    assert [len(chunk) for chunk in _chunks(BytesIO(line * 10))] == [4, 4, 2]


def test_a_workspace_of_ones_own_without_an_index_gets_one(index: Path, tmp_path: Path) -> None:
    own = make_workspace(tmp_path / "own", tmp_path / "own" / "index")
    for compiled in ("encoder", "reader", "replies"):
        shutil.copytree(index / compiled, tmp_path / "own" / "index" / compiled)
    ran = delight("read", workspace=own, stdin='{"id": "1", "turns": [{"role": "customer", "text": "Hello"}]}')
    assert ran.code == 0
    assert f"building the index in {own / 'index'}" in ran.err
    assert (own / "index" / "current.json").exists()
