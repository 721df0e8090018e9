"""The contract of `Encoder`, held against the fake and the compiled encoder alike."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from copilot.reading.encoder import Encoder, OnnxEncoder
from tests.fakes import FakeEncoder

TEXTS = [
    "Thanks, that worked!",
    "I have been waiting for nine days and nobody answers.",
    "",
    "👍",
    "Danke schön",
    "ok " * 40,
    "Where is my parcel?",
] + [f"message number {number} about the import" for number in range(30)]


@pytest.fixture(params=["fake", "onnx"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    if request.param == "fake":
        return FakeEncoder()
    return OnnxEncoder(cast("Path", request.getfixturevalue("index")) / "encoder")


def test_a_batch_is_one_row_of_float32_a_text_each_of_length_one(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dimensions)


def test_a_batch_agrees_with_one_at_a_time_and_keeps_the_order(encoder: Encoder) -> None:
    batch = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.abs(batch - alone).max() < 1e-4


def test_a_reversed_batch_is_the_batch_reversed(encoder: Encoder) -> None:
    assert np.abs(encoder.encode(TEXTS[::-1])[::-1] - encoder.encode(TEXTS)).max() < 1e-4


def test_texts_that_say_the_same_are_nearer_than_texts_that_do_not(encoder: Encoder) -> None:
    one, same, other = encoder.encode(["my parcel is late", "my parcel is very late", "great colour scheme"])
    assert one @ same > one @ other + 0.2


def test_a_very_long_text_is_one_vector_like_any_other(encoder: Encoder) -> None:
    (vector,) = encoder.encode(["the import failed and nobody knows why " * 5000])
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


def test_the_names_of_the_fake_and_of_the_real_encoder_agree(index: Path) -> None:
    real, fake = OnnxEncoder(index / "encoder"), FakeEncoder()
    assert (real.name, real.dimensions) == (fake.name, fake.dimensions)
