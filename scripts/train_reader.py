#!/usr/bin/env python3
"""Train the shipped heads: copilot/reading/heads/heads.npz and its MODEL_CARD.md.

usage: python scripts/train_reader.py SHARED

SHARED holds bench/written and bench/reading-train.jsonl; the examples of playbooks/signals/ are added. Every threshold
comes from out-of-fold predictions on this training data; the development set is never read here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copilot.playbook.signals import load_definitions
from copilot.reading import fit
from copilot.reading.encoder import OnnxEncoder
from copilot.reading.features import Turn, hashed
from copilot.reading.heads import SHIPPED, Heads
from copilot.reading.models import MOODS
from copilot.text import clean, digest

ROOT = Path(__file__).parent.parent
STRENGTH = 1.0
REAL_WEIGHT = 1.5
"""How much a real conversation counts against a written one when fitting."""
PRECISION = {"signal": 0.65, "risk": 0.60, "flag:moment": 0.70, "flag:ask_ok": 0.85, "flag:sarcasm": 0.70}
"""Out-of-fold precision each threshold must reach on the training data."""


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    shared = Path(sys.argv[1])
    encoder = OnnxEncoder(ROOT / "index" / "encoder")
    written = _rows(shared / "bench" / "written" / "conversations.jsonl")
    real = _rows(shared / "bench" / "reading-train.jsonl")
    rows = written + real
    turns = [_turns(row) for row in rows]
    definitions = load_definitions(ROOT / "playbooks" / "signals")
    extra = [
        (f"{d.kind}:{d.id}", present, [Turn(role, text) for role, text in example.turns])
        for d in definitions
        for present, examples in ((True, d.examples), (False, d.near_misses))
        for example in examples
    ]
    every = turns + [item[2] for item in extra]
    vectors, words = encoder.encode([t[-1].text for t in every]), [hashed(t) for t in every]
    x = fit.design(vectors, words)
    n = len(rows)
    base = np.array([1.0] * len(written) + [REAL_WEIGHT] * len(real) + [1.0] * len(extra))
    report: list[tuple[str, int, float, float, float]] = []

    moods = np.array([MOODS.index(row["mood"]) for row in rows])
    share = np.bincount(moods) / n
    balance = base[:n] / np.sqrt(share[moods])
    balance /= balance.mean()
    mood = fit.logistic(x[:n], moods, balance, strength=STRENGTH)
    labels = [f"mood:{name}" for name in MOODS]
    coefficients, intercepts = [*mood.coef_], [*mood.intercept_]
    thresholds: dict[str, float] = {}
    groups = [str(i) for i in range(len(every))]
    predicted = fit.out_of_fold(x[:n], moods, balance, groups[:n], strength=STRENGTH).argmax(axis=1)
    agreement = float(np.mean(predicted == moods))

    for name in [f"{d.kind}:{d.id}" for d in definitions] + ["flag:moment", "flag:ask_ok", "flag:sarcasm"]:
        own = [i for i, item in enumerate(extra) if item[0] == name]
        use = np.array([*range(n), *(n + i for i in own)])
        truth = np.array([_has(row, name) for row in rows] + [extra[i][1] for i in own])
        weights = base[use] * np.where(truth, np.sqrt((~truth).sum() / truth.sum()), 1.0)
        weights /= weights.mean()
        head = fit.logistic(x[use], truth, weights, strength=STRENGTH * 4)
        scores = fit.out_of_fold(x[use], truth, weights, [groups[i] for i in use], strength=STRENGTH * 4)[:, 1]
        wanted = PRECISION.get(name, PRECISION.get(name.split(":")[0], 0.7))
        thresholds[name] = fit.threshold_for(scores, truth, base[use], precision=wanted)
        fired = scores >= thresholds[name]
        report.append(
            (name, int(truth.sum()), thresholds[name], _ratio(fired & truth, fired), _ratio(fired & truth, truth))
        )
        labels.append(name)
        coefficients.append(head.coef_[0])
        intercepts.append(head.intercept_[0])

    weights_matrix = np.array(coefficients, dtype=np.float32).T
    dimensions = encoder.dimensions
    heads = Heads(
        labels,
        weights_matrix[:dimensions] * fit.DENSE_WEIGHT,
        weights_matrix[dimensions:] * fit.SPARSE_WEIGHT,
        np.array(intercepts, dtype=np.float32),
        thresholds,
        encoder=encoder.name,
        version=digest(*(str(np.round(c, 4).tobytes()) for c in coefficients), json.dumps(thresholds)),
    )
    SHIPPED.parent.mkdir(parents=True, exist_ok=True)
    SHIPPED.write_bytes(heads.to_bytes())
    card = _card(heads, report, agreement, len(written), len(real), len(extra))
    (SHIPPED.parent / "MODEL_CARD.md").write_text(card, "utf-8")
    print(card)
    print(f"{SHIPPED}: {SHIPPED.stat().st_size:,} bytes")


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def _turns(row: dict[str, Any]) -> list[Turn]:
    turns = [Turn(turn["role"], clean(turn["text"])) for turn in row["turns"]]
    while turns[-1].role != "customer":
        turns.pop()
    return turns


def _has(row: dict[str, Any], name: str) -> bool:
    kind, _, label = name.partition(":")
    if kind == "flag":
        return bool(row[label])
    return label in row["signals" if kind == "signal" else "risks"]


def _ratio(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() else 0.0


def _card(
    heads: Heads,
    report: list[tuple[str, int, float, float, float]],
    agreement: float,
    written: int,
    real: int,
    extra: int,
) -> str:
    lines = [
        "# Model card: the shipped heads",
        "",
        "Written by `scripts/train_reader.py`; do not edit by hand.",
        "",
        f"- What: {len(heads.labels)} logistic-regression heads over one sentence embedding ({heads.encoder}) and hashed words.",
        f"- Version: `{heads.version}`",
        f"- Trained on: {written} conversations written for this project; {real} real ones labelled by the same codebook",
        "  (IBM customer-care Twitter, Apache-2.0, github.com/IBM/twitter-customer-care-document-prediction; Skytrax",
        f"  reviews, CC0); {extra} examples and near misses of `playbooks/signals/`.",
        "- Not trained or tuned on: any development or sealed set.",
        "- Language: English. Other languages are marked as not read.",
        "- Judges: the customer's words only, never an agent's.",
        f"- Mood, out of fold: {agreement:.2f} exactly right of five.",
        "- Confidence is the head's probability at the label rates of the training data, which are higher than in life.",
        "",
        "Out-of-fold on the training data, at the shipped threshold:",
        "",
        "| head | positives | threshold | precision | recall |",
        "|---|---|---|---|---|",
        *(f"| {name} | {count} | {threshold:.2f} | {p:.2f} | {r:.2f} |" for name, count, threshold, p, r in report),
        "",
        "Known limits: rare signals lean on few examples; sarcasm without marks is missed; praise named in passing can be",
        "read as a signal. A person's correction always wins.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
