"""Corrections teach the heads where held-out corrections say so, and nobody teaches alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from copilot.desk import Brain
from copilot.playbook.build import anchors_of
from copilot.playbook.signals import load_definitions
from copilot.reading import store
from copilot.reading.heads import SHIPPED, Heads
from copilot.reading.learn import FEWEST, MOST_OF_ONE, learn, weights_of
from copilot.reading.model import OnnxModel
from copilot.reading.models import Correction, Lesson
from copilot.reading.pieces import Turn
from copilot.reading.reader import Reader
from tests.conftest import PLAYBOOKS, MakeDesk, make_ticket
from tests.fakes import NOW

KIOSKS = [
    "The kiosk in hall two shows the snowman again.",
    "Snowman on the kiosk at gate nine.",
    "Kiosk four: snowman since seven.",
    "We have the snowman on both kiosks in the lobby.",
    "Hello, the snowman is back on our kiosk.",
    "Kiosk in Lyon shows a snowman.",
    "There is a snowman on the screen of kiosk eleven.",
    "Our second kiosk went to the snowman an hour ago.",
    "Snowman, kiosk three, Dover.",
    "The lobby kiosk shows nothing but the snowman.",
    "The kiosk by the lift has the snowman too.",
    "Both kiosks upstairs: snowman.",
]
"""What a team calls an outage, and nobody else could know."""


def lesson(number: int, text: str, name: str, *, by: str, present: bool = True) -> Lesson:
    correction = Correction(
        ticket_ref=f"q/{number}",
        ticket_version="v",
        target=str(number),
        field="risk",
        name=name,
        present=present,
        by=by,
        at=NOW + timedelta(minutes=number),
    )
    return Lesson(correction, (Turn("customer", text),))


@pytest.fixture(scope="module")
def model(index: Path) -> OnnxModel:
    return OnnxModel(index / "reader")


@pytest.fixture(scope="module")
def shipped() -> Heads:
    return Heads.load(SHIPPED)


@pytest.fixture(scope="module")
def anchors() -> list[list[Turn]]:
    return anchors_of(load_definitions(PLAYBOOKS / "signals")[::3])


def outages(model: OnnxModel, heads: Heads, texts: list[str]) -> int:
    readings = Reader(model, heads).read_many([make_ticket("customer: " + text) for text in texts])
    return sum(any(label.name == "outage" for label in reading.risks) for reading in readings)


def test_what_several_people_correct_alike_is_learned_and_survives_its_file(
    model: OnnxModel, shipped: Heads, anchors: list[list[Turn]], tmp_path: Path
) -> None:
    lessons = [lesson(n, text, "outage", by=("Ana", "Ben", "Cem")[n % 3]) for n, text in enumerate(KIOSKS)]
    better, told = learn(lessons, anchors, model, shipped)
    assert (told.corrections, told.people, told.kept) == (12, 3, True)
    assert told.after > told.before
    assert better is not None
    unseen = ["The kiosk at the north door has the snowman.", "Snowman on kiosk seven, please help."]
    assert outages(model, shipped, unseen) == 0
    assert outages(model, better, unseen) == 2
    assert outages(model, better, ["How do I change my address?", "Thanks, that worked!", "I want my money back."]) == 0
    path = tmp_path / "heads.npz"
    path.write_bytes(better.to_bytes())
    loaded = Heads.load(path)
    assert loaded.version == better.version != shipped.version
    assert outages(model, loaded, unseen) == 2


def test_corrections_that_contradict_each_other_teach_nothing(
    model: OnnxModel, shipped: Heads, anchors: list[list[Turn]]
) -> None:
    lessons = [
        lesson(n, text, "outage", by="Ana" if n % 2 else "Ben", present=bool(n // 2 % 2))
        for n, text in enumerate(KIOSKS)
    ]
    better, told = learn(lessons, anchors, model, shipped)
    assert better is None or told.after > told.before
    assert told.why


def test_few_corrections_teach_nothing(model: OnnxModel, shipped: Heads, anchors: list[list[Turn]]) -> None:
    lessons = [lesson(n, text, "outage", by="Ana") for n, text in enumerate(KIOSKS[: FEWEST - 1])]
    better, told = learn(lessons, anchors, model, shipped)
    assert better is None
    assert "nothing is learned yet" in told.why


@pytest.mark.parametrize(
    "people",
    [
        ["Ana"] * 90 + ["Ben"] * 10,
        ["Ana"] * 5 + ["Ben"] * 5,
        ["Ana"] * 100 + ["Ben"],
        ["Ana"] * 100 + ["Ben", "Cem"],
        ["Ana"] * 50 + ["Ben"] * 50 + ["Cem"] * 2,
        ["Ana"] * 7 + ["Ben"] * 6 + ["Cem"] * 5 + ["Dov"],
    ],
)
def test_nobody_outweighs_the_others(people: list[str]) -> None:
    weights = np.array(weights_of(people))
    assert (weights <= 1).all()
    everyone = set(people)
    shares = [weights[[who == one for who in people]].sum() / weights.sum() for one in everyone]
    assert max(shares) <= max(MOST_OF_ONE, 1 / len(everyone)) + 1e-6


def test_copies_of_one_message_teach_once(model: OnnxModel, shipped: Heads, anchors: list[list[Turn]]) -> None:
    texts = [KIOSKS[0], KIOSKS[0].upper(), *KIOSKS[: FEWEST - 2]] * 5
    lessons = [lesson(n, text, "outage", by="Eve") for n, text in enumerate(texts)]
    better, told = learn(lessons, anchors, model, shipped)
    assert (better, told.corrections) == (None, FEWEST - 2)


def test_a_person_alone_counts_for_a_few_corrections_only() -> None:
    assert sum(weights_of(["Ana"] * 500)) == pytest.approx(FEWEST)


def test_lessons_are_corrections_with_their_thread(make_desk: MakeDesk, brain: Brain) -> None:
    ticket = make_ticket("customer: hello", "agent: what is it?", "customer: " + KIOSKS[0])
    desk = make_desk(ticket)
    desk.correct(ticket.ref, "risk", "outage")
    with desk.database.read() as connection:
        (found,) = store.lessons(connection)
    assert found.correction.name == "outage"
    assert [turn.text for turn in found.turns] == ["hello", "what is it?", KIOSKS[0]]
