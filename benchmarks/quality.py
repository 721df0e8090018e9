"""`python -m benchmarks.quality SHARED`: how well moods are read, beside plain readers trained on the same conversations.

Trains TF-IDF + logistic regression and MiniLM + logistic regression on bench/written and bench/reading-train.jsonl, reads
bench/reading-dev.jsonl with both and with the shipped reader, and prints what bench/score_reading.py says of each; then
the replies that the shipped weights were not trained on. Nothing is tuned here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from copilot.bootstrap import HOME, Workspace
from copilot.cli.reading import as_row
from copilot.settings import Settings
from copilot.tickets.sources.jsonl import parse_line

FIGURES = (
    ("mood, macro-F1 of five", "mood_macro_f1", None),
    ("mood, three-way macro-F1", "mood3_macro_f1", None),
    ("mood, quadratic kappa", "mood_qwk", None),
    ("any delight: F1", "delight_any", "f1"),
    ("any delight: precision", "delight_any", "precision"),
    ("signals, micro-F1", "signals_micro", "f1"),
    ("risks, micro-F1", "risks_micro", "f1"),
    ("moment: precision", "moment", "precision"),
    ("moment: recall", "moment", "recall"),
    ("ask_ok: precision", "ask_ok", "precision"),
    ("ask_ok: recall", "ask_ok", "recall"),
    ("asks offered to unhappy customers", "asks_offered_to_unhappy_customers", None),
    ("evidence verbatim", "evidence_verbatim", None),
)
"""What is printed: title, key of the scorer's result, and the part of it."""

Rows = list[dict[str, Any]]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    bench = Path(sys.argv[1]) / "bench"
    train = _rows(bench / "written" / "conversations.jsonl") + _rows(bench / "reading-train.jsonl")
    gold = bench / "reading-dev.jsonl"
    space = Workspace(Settings(workspace=HOME.parent))
    reader, playbook = space.brain.get()
    conversations = [parse_line(line) for line in gold.read_bytes().splitlines() if line.strip()]
    readings = reader.read_many([c.ticket("bench") for c in conversations], path=1)
    ours = [as_row(c, reading) for c, reading in zip(conversations, readings, strict=True)]
    found = {
        "TF-IDF + LR": _score(bench, _tfidf(train, _rows(gold))),
        "MiniLM + LR": _score(bench, _embedded(train, _rows(gold), playbook.encoder)),
        "delight": _score(bench, ours),
    }
    print(f"{'':36}" + "".join(f"{name:>14}" for name in found))
    for title, key, part in FIGURES:
        values = [score[key] if part is None else score[key][part] for score in found.values()]
        shown = [("" if k < 2 and not key.startswith("mood") else f"{value:.3g}") for k, value in enumerate(values)]
        print(f"{title:36}" + "".join(f"{value:>14}" for value in shown))
    natural = [row for row in _rows(gold) if str(row.get("set", "")).startswith("natural")]
    if natural:
        alone = _score(bench, ours, natural)
        p = alone["delight_any"]
        print(
            f"\nany delight on the {len(natural)} drawn at their natural rate: P {p['precision']:.2f} R {p['recall']:.2f} (n={p['support']})"
        )
    _replies(bench, space)


def _replies(bench: Path, space: Workspace) -> None:
    held = [
        row for row in _rows(bench / "written" / "permission_replies.jsonl") if zlib.crc32(row["ask"].encode()) % 5 == 0
    ]
    found = space.brain.replies.read_many([(row["ask"], row["reply"]) for row in held])
    granted = [(row["label"], f.label) for row, f in zip(held, found, strict=True)]
    claimed = [g for g, p in granted if p == "granted"]
    there = sum(g == "granted" for g, _ in granted)
    print(f"\n{len(held)} replies whose asks were held out: {sum(g == p for g, p in granted)} read as labelled")
    print(
        f"granted: claimed {len(claimed)}, wrongly {sum(g != 'granted' for g in claimed)}; recall {claimed.count('granted') / there:.2f}"
    )
    print("wrong:", dict(Counter(f"{g} as {p}" for g, p in granted if g != p and p != "unclear")))


def _score(bench: Path, predicted: Rows, gold: Rows | None = None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path, truth = Path(folder) / "p.jsonl", bench / "reading-dev.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in predicted), "utf-8")
        if gold is not None:
            truth = Path(folder) / "g.jsonl"
            truth.write_text("".join(json.dumps(row) + "\n" for row in gold), "utf-8")
        command = [sys.executable, str(bench / "score_reading.py"), str(truth), str(path), "--json"]
        result: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return result


def _tfidf(train: Rows, dev: Rows) -> Rows:
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    return _regressed(words.fit_transform(map(_target, train)), train, words.transform(map(_target, dev)), dev)


def _embedded(train: Rows, dev: Rows, encoder: Any) -> Rows:
    return _regressed(encoder.encode([*map(_target, train)]), train, encoder.encode([*map(_target, dev)]), dev)


def _regressed(x: Any, train: Rows, x_dev: Any, dev: Rows) -> Rows:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=10, max_iter=2000, class_weight="balanced").fit(x, [row["mood"] for row in train])
    nothing: dict[str, Any] = {"signals": [], "risks": [], "moment": False, "ask_ok": False}
    return [{"id": row["id"], "mood": mood, **nothing} for row, mood in zip(dev, fitted.predict(x_dev), strict=True)]


def _target(row: dict[str, Any]) -> str:
    return str(row["turns"][-1]["text"])


def _rows(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]


if __name__ == "__main__":
    main()
