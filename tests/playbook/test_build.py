"""Builds: only what changed is encoded, errors and killed builds leave the last good one serving, damage is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from copilot.errors import FindingsError, IndexFault
from copilot.playbook.build import ABANDONED
from copilot.playbook.search import Playbook, current
from copilot.reading.encoder import OnnxEncoder
from tests.conftest import ROOT
from tests.playbook.conftest import HEAD, Small

KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from copilot.playbook.build import build

where, pages, index = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def progress(what, done, of):
    if where == "encoding" and what == "reading the playbook" and done == of:
        die()

def audit(event, args):
    if event == "os.rename" and str(args[1]).startswith(str(index)):
        if where == "swapping" and "current.json" not in str(args[1]) or where == "naming" and "current.json" in str(args[1]):
            die()

sys.addaudithook(audit)
build(pages, index, "bundled", date(2026, 11, 23), progress=progress)
"""


def found(small: Small, text: str) -> str:
    """The first page that a freshly opened playbook brings for a text, and the words that it opens with."""
    playbook = Playbook(small.index, OnnxEncoder(small.index / "encoder"))
    try:
        page = playbook.search(text)[0].page
        return f"{page.id}: {page.plays[0].phrasings[0].text}"
    finally:
        playbook.close()


def test_a_second_build_of_the_same_pages_encodes_nothing(small: Small) -> None:
    first = small.build()
    second = small.build()
    assert (first.unchanged, first.encoded, first.entries) == (False, first.entries, 5)
    assert (second.unchanged, second.encoded, second.build) == (True, 0, first.build)


def test_one_edited_example_is_one_text_to_encode(small: Small) -> None:
    first = small.build()
    small.edit("outage.md", "- Nothing loads since this morning.", "- Nothing loads since last night.")
    second = small.build()
    assert (second.encoded, second.entries, second.unchanged) == (1, first.entries, False)
    assert second.build != first.build
    assert current(small.index) == second.build


def test_an_edited_opening_is_served_and_nothing_is_encoded(small: Small) -> None:
    small.build()
    small.edit("outage.md", "- Thank you for telling us.", "- We have your report.")
    assert small.build().encoded == 0
    assert found(small, "the whole site is down") == "outage: We have your report."


def test_a_build_that_lost_a_file_is_made_again_in_its_place(small: Small) -> None:
    first = small.build()
    (small.index / "builds" / first.build / "playbook.json").unlink()
    again = small.build()
    assert (again.build, again.unchanged) == (first.build, False)
    assert found(small, "the whole site is down").startswith("outage")
    assert [path.name for path in (small.index / "builds").iterdir()] == [first.build]


@pytest.mark.parametrize("page", [HEAD + "## Nonsense\n- x\n", HEAD + "## Opening\n- {customer.nmae}\n", "no page"])
def test_a_page_with_an_error_leaves_the_last_good_build_serving(small: Small, page: str) -> None:
    good = small.build().build
    (small.pages / "up.md").write_text(page, "utf-8")
    with pytest.raises(FindingsError) as error:
        small.build()
    assert "playbooks/up.md:" in str(error.value)
    assert current(small.index) == good
    assert found(small, "the whole site is down").startswith("outage")


@pytest.mark.parametrize("where", ["encoding", "swapping", "naming"])
def test_a_build_that_is_killed_leaves_the_old_one_serving(small: Small, where: str) -> None:
    good = small.build().build
    small.edit("outage.md", "- Thank you for telling us.", "- We have your report.")
    small.edit("outage.md", "- The whole site is down.", "- The whole site is dead.")
    arguments = [sys.executable, "-c", KILLED, where, str(small.pages), str(small.index)]
    run = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == -signal.SIGKILL, run.stderr
    assert current(small.index) == good
    assert found(small, "the whole site is down") == "outage: Thank you for telling us."
    assert small.build().build != good
    assert found(small, "the whole site is down") == "outage: We have your report."


def test_the_build_before_is_kept_for_an_open_desk_and_older_ones_go(small: Small) -> None:
    names = []
    for number in range(3):
        (small.pages / "general.md").write_text(
            (small.pages / "general.md").read_text("utf-8") + f"- Opening {number}.\n", "utf-8"
        )
        names.append(small.build().build)
        os.utime(small.index / "builds" / names[-1], (1000 + number, 1000 + number))
    kept = {path.name for path in (small.index / "builds").iterdir()}
    assert kept == set(names[1:])


def test_what_a_killed_build_left_does_not_push_out_the_build_before(small: Small) -> None:
    first = small.build().build
    builds = small.index / "builds"
    (builds / ".build-killed").mkdir()
    (builds / ".build-old").mkdir()
    os.utime(builds / ".build-old", (1000 - ABANDONED, 1000 - ABANDONED))
    small.edit("outage.md", "- Thank you for telling us.", "- We have your report.")
    second = small.build().build
    assert {path.name for path in builds.iterdir()} == {first, second, ".build-killed"}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "3"])
def test_a_damaged_pointer_is_no_build_and_is_built_again(small: Small, text: str) -> None:
    small.build()
    (small.index / "current.json").write_text(text, "utf-8")
    assert current(small.index) is None
    with pytest.raises(IndexFault, match="no playbook index"):
        found(small, "x")
    small.build()
    assert found(small, "the whole site is down").startswith("outage")


def test_a_damaged_build_is_refused_with_the_way_out(small: Small) -> None:
    build = small.build().build
    path = small.index / "builds" / build / "playbook.json"
    body = json.loads(path.read_text("utf-8"))
    for text in ("", "{}", json.dumps({**body, "pages": [{"id": 1}]}), json.dumps({**body, "encoder": "another"})):
        path.write_text(text, "utf-8")
        with pytest.raises(IndexFault) as fault:
            found(small, "x")
        assert "delight playbook build" in fault.value.hint


def test_a_build_without_its_vectors_is_refused_when_it_is_searched(small: Small, tmp_path: Path) -> None:
    build = small.build().build
    (small.index / "builds" / build / "chroma").rename(tmp_path / "gone")
    with pytest.raises(IndexFault, match="is not there"):
        found(small, "x")


def test_an_index_that_cannot_be_written_is_refused(small: Small) -> None:
    (small.index / "builds").write_text("a file, not a folder", "utf-8")
    with pytest.raises(IndexFault, match="cannot be written"):
        small.build()
