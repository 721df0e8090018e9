"""A team's own signal: a page added to the folder, fitted at build, claimed on what says the same and on nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from copilot.bootstrap import Workspace
from copilot.playbook.build import BuildReport, build
from copilot.playbook.signals import parse_definition
from copilot.reading.heads import SHIPPED, Heads
from copilot.reading.own import MIN_EXAMPLES, fit_own
from copilot.reading.reader import Reader
from copilot.settings import Settings
from tests.conftest import PLAYBOOKS, make_ticket
from tests.fakes import FakeClock, FakeEncoder

PAGE = """---
id: pet_on_board
title: Pet on board
kind: risk
badge: pet
severity: medium
---
The customer travels with an animal and asks what is allowed.

## Examples
- Can I take my dog on the train with me?
- We are flying with our cat next week, what kind of box do we need?
- Is my puppy allowed in the cabin?
- My parrot travels with me, does he need a ticket?
- I want to bring my guinea pig on the ferry.
- Do you carry large dogs, and what does it cost?
- How do I book a place for my cat?
- Our rabbit has to come along, is that possible?

## Near misses
- Can I take my bicycle on the train with me?
- We are flying with our baby next week, what kind of seat do we need?
- Is my guitar allowed in the cabin?
- How do I book a place for my car?
"""


KEPT = [
    "general.md",
    "outage.md",
    "refund-and-credit.md",
    *(f"signals/{name}.md" for name in ("outage", "refund-request", "legal-threat", "resolved-thanks", "distress")),
]
"""Enough of the starter playbook: every definition more is examples to encode."""


@pytest.fixture(scope="module")
def built(index: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BuildReport]:
    folder = tmp_path_factory.mktemp("own")
    for name in KEPT:
        (folder / "playbooks" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PLAYBOOKS / name, folder / "playbooks" / name)
    (folder / "playbooks" / "signals" / "pet-on-board.md").write_text(PAGE, "utf-8")
    shutil.copytree(index, folder / "index", ignore=shutil.ignore_patterns("encoder", ".build-*"))
    (folder / "index" / "encoder").symlink_to(index / "encoder", target_is_directory=True)
    return folder, build(folder / "playbooks", folder / "index", "bundled", date(2026, 11, 23))


@pytest.fixture(scope="module")
def reader(built: tuple[Path, BuildReport]) -> Iterator[Reader]:
    space = Workspace(Settings(workspace=built[0]), FakeClock())
    yield space.brain.get()[0]
    space.brain.close()


def risks(reader: Reader, words: str) -> list[str]:
    return [label.name for label in reader.read(make_ticket("customer: " + words)).risks]


def test_the_build_fits_the_new_signal_and_encodes_no_page_again(built: tuple[Path, BuildReport]) -> None:
    assert built[1].own_signals == ("pet_on_board",)
    assert built[1].encoded == 0


@pytest.mark.parametrize(
    "words",
    ["May I bring my little dog along on the train?", "I am travelling with two cats, what do I need for them?"],
)
def test_an_own_signal_is_claimed_on_a_paraphrase(reader: Reader, words: str) -> None:
    assert "pet_on_board" in risks(reader, words)


def test_the_evidence_of_an_own_signal_is_the_sentence_that_shows_it(reader: Reader) -> None:
    words = "I am travelling with two cats, what do I need for them?"
    reading = reader.read(make_ticket(f"customer: Good morning to you all. {words} My name is Anna."))
    (label,) = [label for label in reading.risks if label.name == "pet_on_board"]
    assert label.evidence.text == words
    assert label.confidence >= 0.6


@pytest.mark.parametrize(
    "words",
    [
        "The whole site is down and nobody can log in.",
        "Thanks, that worked!",
        "Where do I find my invoice?",
        "Can I take my skis on the train?",
        "I want my money back.",
    ],
)
def test_an_own_signal_is_not_claimed_on_something_else(reader: Reader, words: str) -> None:
    assert "pet_on_board" not in risks(reader, words)


def test_the_shipped_signals_are_read_as_before(reader: Reader, index: Path) -> None:
    assert "outage" in risks(reader, "The whole site is down and nobody can log in.")
    plain = Reader(reader.model, reader.heads)
    assert plain.version != reader.version


def definition_of(folder: Path, text: str) -> Path:
    path = folder / "own.md"
    path.write_text(text, "utf-8")
    return path


def test_a_page_with_too_few_examples_is_not_fitted(tmp_path: Path) -> None:
    few = "\n".join(
        line for line in PAGE.split("\n") if not line.startswith("- ") or "dog" in line or "bicycle" in line
    )
    definition = parse_definition(definition_of(tmp_path, few), "own.md")
    assert len(definition.examples) < MIN_EXAMPLES
    assert fit_own([definition], FakeEncoder(), Heads.load(SHIPPED)) is None


def test_a_signal_with_nothing_to_tell_it_from_is_not_fitted(tmp_path: Path) -> None:
    alone = PAGE.partition("## Near misses")[0]
    definition = parse_definition(definition_of(tmp_path, alone), "own.md")
    assert fit_own([definition], FakeEncoder(), Heads.load(SHIPPED)) is None


def test_own_heads_survive_the_file_they_are_kept_in(tmp_path: Path) -> None:
    definition = parse_definition(definition_of(tmp_path, PAGE), "own.md")
    own = fit_own([definition], FakeEncoder(), Heads.load(SHIPPED))
    assert own is not None
    path = tmp_path / "own-heads.npz"
    path.write_bytes(own.to_bytes())
    loaded = Heads.load(path)
    assert (loaded.labels, loaded.version, loaded.thresholds) == (own.labels, own.version, own.thresholds)
