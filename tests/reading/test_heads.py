"""Files of heads: what is saved is loaded, and what is damaged is refused with the way out."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from copilot.errors import IndexFault
from copilot.reading.heads import SHIPPED, Heads
from copilot.reading.models import MOODS


def small() -> Heads:
    rng = np.random.default_rng(0)
    labels = ["signal:a", "risk:b"]
    return Heads(
        labels,
        rng.normal(size=(4, 2)).astype(np.float32),
        np.array([0.5, -0.5], dtype=np.float32),
        {"signal:a": 0.6, "risk:b": 0.4},
        encoder="tiny",
        version="v",
    )


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "heads.npz"
    path.write_bytes(data)
    return path


def npz(**arrays: object) -> bytes:
    buffer = BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def meta(text: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(text, dtype=np.uint8)


def test_heads_survive_a_round_trip(tmp_path: Path) -> None:
    made = small()
    loaded = Heads.load(saved(tmp_path, made.to_bytes()))
    assert (loaded.labels, loaded.thresholds, loaded.encoder, loaded.version) == (
        made.labels, made.thresholds, "tiny", "v",
    )  # fmt: skip
    vectors = np.eye(4, dtype=np.float32)
    assert np.abs(loaded.scores(vectors) - made.scores(vectors)).max() < 1e-3


def test_the_shipped_heads_know_every_mood_and_give_probabilities() -> None:
    heads = Heads.load(SHIPPED)
    assert heads.labels[: len(MOODS)] == tuple(f"mood:{mood}" for mood in MOODS)
    scores = heads.scores(np.zeros((2, len(heads.dense)), dtype=np.float32))
    assert scores[:, : len(MOODS)].sum(axis=1) == pytest.approx([1, 1], abs=1e-4)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert {name for name in heads.labels if not name.startswith("mood:")} <= set(heads.thresholds)


WHOLE = SHIPPED.read_bytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no heads at all",
        WHOLE[: len(WHOLE) // 2],
        WHOLE[: len(WHOLE) // 2] + bytes(100) + WHOLE[len(WHOLE) // 2 + 100 :],
        npz(dense=np.zeros(3)),
        npz(meta=meta(b"{")),
        npz(meta=meta(b"[]")),
        npz(meta=meta(b'{"format": 99}')),
        npz(meta=meta(b'{"format": 2}'), dense=np.zeros((3, 1)), bias=np.zeros(1)),
        npz(
            meta=meta(b'{"format": 2, "labels": ["a", "b"], "thresholds": {}, "encoder": "x", "version": "v"}'),
            dense=np.zeros((3, 1)), bias=np.zeros(1),
        ),
    ],
    ids=["empty", "text", "half", "a hole", "no meta", "bad json", "list", "old format", "no labels", "other shape"],
)  # fmt: skip
def test_a_damaged_file_of_heads_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(IndexFault) as fault:
        Heads.load(saved(tmp_path, data))
    assert "delight playbook build" in fault.value.hint


def test_an_array_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    buffer = BytesIO()
    np.save(buffer, np.zeros(3))
    with pytest.raises(IndexFault):
        Heads.load(saved(tmp_path, buffer.getvalue()))


def test_a_missing_file_of_heads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IndexFault):
        Heads.load(tmp_path / "nowhere.npz")
