"""Learns from corrections at `playbook build`: the shipped heads, moved a little, where held-out corrections say it helps.

Each corrected head may move its weights; how far is a penalty, so that few corrections move little. Nobody's corrections
count for more than `MOST_OF_ONE`, and what makes held-out corrections or the team's own examples worse is not kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copilot.reading.encoder import Vectors
from copilot.reading.heads import Heads
from copilot.reading.model import OnnxModel
from copilot.reading.models import MOODS, Lesson
from copilot.reading.pieces import Turn, pieces_of
from copilot.text import digest
from copilot.tickets.models import Model

FEWEST = 8
"""Corrections below which nothing is learned: luck would decide."""
FOLDS = 4
MOST_OF_ONE = 0.4
"""Share of all weight that one person's corrections may have; of two people each has half at most."""
STIFFNESS = 0.002
"""Penalty on moving a head; vectors have length 1 here."""
ANCHOR_WEIGHT = 0.2
"""Weight of an example that holds a head where it is, beside 1 of a correction."""
MOST_CHANGED = 0.02
"""Share of the examples on which a moved head may come to say something else."""


class Learned(Model):
    """What learning came to.

    Attributes:
        corrections: How many there were.
        people: How many people made them.
        before: Held-out corrections that the shipped heads read as the person did.
        after: The same for heads that learned from the others.
        kept: Whether the learned heads are used.
        why: A sentence that says why, or why not.
    """

    corrections: int
    people: int
    before: int = 0
    after: int = 0
    kept: bool = False
    why: str


class _Seen(NamedTuple):
    """One lesson as the heads see it."""

    columns: list[int]
    """The heads it is about: one, or all moods."""
    truth: int
    """1 or 0 for one head; the place of the right mood among all."""
    target: NDArray[np.float32]
    """Chances to learn towards: of the truth, or of what the heads say already."""
    looks: Vectors
    """What each of these heads looks at, length 1, shape (columns, dimensions)."""
    logits: NDArray[np.float32]
    weight: float
    text: str
    """What the message says: what says the same is held out together."""


def learn(
    lessons: Sequence[Lesson], anchors: Sequence[Sequence[Turn]], model: OnnxModel, heads: Heads
) -> tuple[Heads | None, Learned]:
    """Heads that learned from `lessons`, or None where nothing is kept, and what it came to.

    Args:
        anchors: Threads on which the heads shall go on saying what they say.
    """
    lessons = _latest(lessons)
    people = len({lesson.correction.by for lesson in lessons})
    told = Learned(
        corrections=len(lessons), people=people, why=f"fewer than {FEWEST} corrections: nothing is learned yet"
    )
    if len(lessons) < FEWEST:
        return None, told
    seen = _seen(lessons, model, heads)
    held_fast = _anchored(anchors, {tuple(item.columns) for item in seen}, model, heads)
    texts = sorted({item.text for item in seen})
    fold = {text: place % FOLDS for place, text in enumerate(texts)}
    before: list[float] = []
    after: list[float] = []
    for number in range(FOLDS):
        moved = _moved([*(item for item in seen if fold[item.text] != number), *held_fast])
        held = [item for item in seen if fold[item.text] == number]
        before += [item.weight for item in held if _right(item, heads, {})]
        after += [item.weight for item in held if _right(item, heads, moved)]
    told = told.model_copy(update={"before": len(before), "after": len(after)})
    if sum(after) <= sum(before):
        return None, told.model_copy(
            update={"why": "held-out corrections were not read better: the shipped heads stay"}
        )
    moved = _moved([*seen, *held_fast])
    changed = sum(not _right(item, heads, moved) for item in held_fast)
    if changed > MOST_CHANGED * len(held_fast):
        why = f"{changed} of the pages' examples would be read otherwise: the shipped heads stay"
        return None, told.model_copy(update={"why": why})
    return _applied(moved, heads), told.model_copy(update={"kept": True, "why": "held-out corrections are read better"})


def _latest(lessons: Sequence[Lesson]) -> list[Lesson]:
    """Of several corrections of one label on one message the last; of one person's on messages that say the same, too."""
    last: dict[tuple[str, ...], Lesson] = {}
    for lesson in lessons:
        c = lesson.correction
        last[c.ticket_ref, c.target, _label(lesson)] = lesson
    once = {(lesson.correction.by, _text(lesson), _label(lesson)): lesson for lesson in last.values()}
    return list(once.values())


def _label(lesson: Lesson) -> str:
    c = lesson.correction
    return "mood" if c.field == "mood" else f"{c.field}:{c.name}"


def _text(lesson: Lesson) -> str:
    return " ".join(lesson.turns[-1].text.lower().split())


def weights_of(people: Sequence[str]) -> list[float]:
    """The weight of each correction by who made it: nobody has more than `MOST_OF_ONE` of all while others correct too."""
    counts = Counter(people)
    most = _most(sorted(counts.values(), reverse=True)) if len(counts) > 1 else float(FEWEST)
    return [min(1.0, most / counts[who]) for who in people]


def _most(counts: Sequence[int]) -> float:
    """What each person's corrections may weigh together, so that nobody has more than their share; `counts` falling."""
    share = max(MOST_OF_ONE, 1 / len(counts))
    limits = (share * sum(counts[over:]) / (1 - share * over) for over in range(len(counts)))
    return next(limit for limit, largest in zip(limits, counts, strict=True) if largest <= limit)


def _looks(threads: Sequence[Sequence[Turn]], model: OnnxModel, heads: Heads) -> list[Vectors]:
    """What every head looks at in each thread's last message, shape (labels, dimensions)."""
    messages = pieces_of(threads, model.tokenise)
    looks: dict[int, Vectors] = {}

    def take(i: int, tokens: Vectors) -> None:
        looks[i] = heads.looks(tokens)

    model.vectors(messages, take)
    return [looks[i] for i in range(len(threads))]


def _item(columns: list[int], look: Vectors, heads: Heads) -> tuple[Vectors, NDArray[np.float32]]:
    """(looks of length 1, logits) of some heads on one message."""
    logits = (look[columns] * heads.dense.T[columns]).sum(axis=1) + heads.bias[columns]
    return look[columns] / np.maximum(np.linalg.norm(look[columns], axis=1, keepdims=True), 1e-6), logits


def _seen(lessons: Sequence[Lesson], model: OnnxModel, heads: Heads) -> list[_Seen]:
    found = _looks([lesson.turns for lesson in lessons], model, heads)
    weights = weights_of([lesson.correction.by for lesson in lessons])
    out = []
    for lesson, look, weight in zip(lessons, found, weights, strict=True):
        c = lesson.correction
        name = f"{c.field}:{c.name}"
        if name not in heads.labels:
            continue  # a team's own signal is learned from its page
        columns = heads.choices[0] if c.field == "mood" else [heads.labels.index(name)]
        truth = MOODS.index(c.name) if c.field == "mood" else int(c.present)
        unit, logits = _item(columns, look, heads)
        target = np.eye(max(len(columns), 2), dtype=np.float32)[truth]
        out.append(_Seen(columns, truth, target, unit, logits, weight, _text(lesson)))
    return out


def _anchored(
    threads: Sequence[Sequence[Turn]], corrected: set[tuple[int, ...]], model: OnnxModel, heads: Heads
) -> list[_Seen]:
    """What the corrected heads say of the anchors now."""
    out = []
    for look in _looks(threads, model, heads):
        for columns in map(list, sorted(corrected)):
            unit, logits = _item(columns, look, heads)
            target = _chances(logits[None])[0]
            truth = int(np.argmax(target))
            if len(columns) == 1:
                truth = int(target[1] >= heads.thresholds[heads.labels[columns[0]]])
            out.append(_Seen(columns, truth, target, unit, logits, ANCHOR_WEIGHT, ""))
    return out


def _chances(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax over the heads of a choice; one head alone is a choice against nothing."""
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances: NDArray[np.float32] = odds / odds.sum(axis=1, keepdims=True)
    return chances


def _moved(seen: Sequence[_Seen]) -> dict[int, Vectors]:
    """How far each corrected head moves, by its column; shape (dimensions,)."""
    from scipy.optimize import minimize

    by_head: dict[tuple[int, ...], list[_Seen]] = defaultdict(list)
    for item in seen:
        by_head[tuple(item.columns)].append(item)
    out: dict[int, Vectors] = {}
    for columns, items in by_head.items():
        looks = np.array([item.looks for item in items])  # (items, columns, dimensions)
        logits = np.array([item.logits for item in items])
        target = np.array([item.target for item in items])
        weights = np.array([item.weight for item in items])[:, None]
        shape = looks.shape[1:]

        def cost(
            flat: NDArray[np.float64],
            looks: Vectors = looks,
            logits: Vectors = logits,
            target: Vectors = target,
            weights: NDArray[np.float64] = weights,
            shape: tuple[int, ...] = shape,
        ) -> tuple[float, NDArray[np.float64]]:
            step = flat.reshape(shape)
            chances = _chances(logits + (looks * step).sum(axis=2))
            loss = -(weights * target * np.log(chances + 1e-9)).sum()
            slope = (weights * (chances - target))[:, -shape[0] :]
            gradient = (slope[:, :, None] * looks).sum(axis=0) + 2 * STIFFNESS * step
            return float(loss + STIFFNESS * (step**2).sum()), gradient.ravel()

        found = minimize(cost, np.zeros(looks[0].size), jac=True, method="L-BFGS-B").x.reshape(shape)
        out |= {column: found[k].astype(np.float32) for k, column in enumerate(columns)}
    return out


def _right(item: _Seen, heads: Heads, moved: dict[int, Vectors]) -> bool:
    """Whether the heads, moved so, read the corrected message as the person did."""
    steps = np.array([moved.get(column, np.zeros(item.looks.shape[1])) for column in item.columns])
    z = item.logits + (item.looks * steps).sum(axis=1)
    if len(z) > 1:
        return int(np.argmax(z)) == item.truth
    threshold = heads.thresholds[heads.labels[item.columns[0]]]
    return bool(1 / (1 + np.exp(-z[0])) >= threshold) == bool(item.truth)


def _applied(moved: dict[int, Vectors], heads: Heads) -> Heads:
    """The heads with their moves; a move is kept beside the weights, since it looks at vectors of length 1."""
    steps = np.zeros_like(heads.dense)
    for column, step in moved.items():
        steps[:, column] = step
    return heads.moved(steps, version=digest(heads.version, str(np.round(steps, 4).tobytes())))
