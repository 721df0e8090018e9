"""`python -m benchmarks.quality SHARED`: how well moods are read, beside plain readers trained on the same conversations.

Trains logistic regression on TF-IDF, on MiniLM's vectors and on both, with bench/written and bench/reading-train.jsonl, reads
bench/reading-dev.jsonl with each and with the shipped reader, and prints what bench/score_reading.py says of them; then
the conversations and the replies that the shipped weights were not trained on. Nothing is tuned here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from copilot.bootstrap import HOME, Workspace
from copilot.cli.reading import as_row
from copilot.reading.reader import Reader
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

HELD_OUT, HELD_OUT_ASKS = 10, 5
"""Of so many conversations, and of so many asks, `scripts/train_reader.py` holds one out."""

Rows = list[dict[str, Any]]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    bench = Path(sys.argv[1]) / "bench"
    train = _rows(bench / "written" / "conversations.jsonl") + _rows(bench / "reading-train.jsonl")
    gold = bench / "reading-dev.jsonl"
    space = Workspace(Settings(workspace=HOME.parent))
    reader, playbook = space.brain.get()
    ours = _ours(reader, gold.read_bytes().splitlines())
    plain = {
        name: _score(bench, predicted) for name, predicted in _plainly(train, _rows(gold), playbook.encoder).items()
    }
    found = {**plain, "delight": _score(bench, ours)}
    print(f"{'':36}" + "".join(f"{name:>14}" for name in found))
    for title, key, part in FIGURES:
        values = [score[key] if part is None else score[key][part] for score in found.values()]
        shown = [
            ("" if k < len(plain) and not key.startswith("mood") else f"{value:.3g}") for k, value in enumerate(values)
        ]
        print(f"{title:36}" + "".join(f"{value:>14}" for value in shown))
    natural = [row for row in _rows(gold) if str(row.get("set", "")).startswith("natural")]
    if natural:
        alone = _score(bench, ours, natural)
        p = alone["delight_any"]
        print(
            f"\nany delight on the {len(natural)} drawn at their natural rate: P {p['precision']:.2f} R {p['recall']:.2f} (n={p['support']})"
        )
    _written(bench, reader)
    _replies(bench, space)


def _ours(reader: Reader, lines: Iterable[bytes]) -> Rows:
    conversations = [parse_line(line) for line in lines if line.strip()]
    readings = reader.read_many([c.ticket("bench") for c in conversations], path=1)
    return [as_row(c, reading) for c, reading in zip(conversations, readings, strict=True)]


def _written(bench: Path, reader: Reader) -> None:
    held = [
        row
        for row in _rows(bench / "written" / "conversations.jsonl")
        if zlib.crc32(_target(row).encode()) % HELD_OUT == 0
    ]
    score = _score(bench, _ours(reader, [json.dumps(row).encode() for row in held]), held)
    told = ", ".join(
        f"{name} {value:.3f}"
        for name, value in (
            ("mood of five", score["mood_macro_f1"]),
            ("signals", score["signals_micro"]["f1"]),
            ("risks", score["risks_micro"]["f1"]),
        )
    )
    print(f"\n{len(held)} written conversations that were held out: {told}")


def _replies(bench: Path, space: Workspace) -> None:
    held = [
        row
        for row in _rows(bench / "written" / "permission_replies.jsonl")
        if zlib.crc32(row["ask"].encode()) % HELD_OUT_ASKS == 0
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


def _plainly(train: Rows, dev: Rows, encoder: Any) -> dict[str, Rows]:
    """What plain readers make of the targets of `dev`."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    texts, dev_texts = [*map(_target, train)], [*map(_target, dev)]
    counted, dev_counted = words.fit_transform(texts), words.transform(dev_texts)
    vectors, dev_vectors = encoder.encode(texts), encoder.encode(dev_texts)
    return {
        "TF-IDF + LR": _regressed(counted, train, dev_counted, dev),
        "MiniLM + LR": _regressed(vectors, train, dev_vectors, dev),
        "both + LR": _regressed(hstack([counted, vectors]), train, hstack([dev_counted, dev_vectors]), dev),
    }


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
