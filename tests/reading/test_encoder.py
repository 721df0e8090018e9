"""The compiled encoder: the original's vectors, from files that are refused when they are damaged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from copilot.errors import IndexFault
from copilot.reading.compile import bundled_folder
from copilot.reading.encoder import OnnxEncoder

TEXTS = [
    "Thanks, that worked!",
    "I want my money back.",
    "ok",
    "Grüße aus Köln 🙏 und vielen Dank",
    "I have been waiting for nine days and nobody answers. " * 40,
    "@support is it down???",
]
ORIGINAL = """
import json, logging, sys, warnings
warnings.simplefilter("ignore")
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
vectors = model.encode(json.load(sys.stdin), normalize_embeddings=True, show_progress_bar=False)
print(json.dumps(vectors.tolist()))
"""


def test_compiled_vectors_are_those_of_sentence_transformers(index: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", ORIGINAL, str(bundled_folder())],
        input=json.dumps(TEXTS), capture_output=True, text=True, check=True, timeout=120,
        env={"HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    original = np.array(json.loads(run.stdout.splitlines()[-1]))
    assert (np.sum(original * OnnxEncoder(index / "encoder").encode(TEXTS), axis=1) > 0.9999).all()


@pytest.mark.parametrize(
    "manifest", ["", "{", "[]", "null", "{}", '{"format": 0}', '{"format": 1}', '{"format": 1, "name": "x"}']
)
def test_a_damaged_manifest_is_refused_with_the_way_out(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "encoder.json").write_text(manifest, "utf-8")
    with pytest.raises(IndexFault) as fault:
        OnnxEncoder(tmp_path)
    assert "delight playbook build" in fault.value.hint


def test_a_damaged_model_is_refused_at_its_first_use(tmp_path: Path, index: Path) -> None:
    for name in ("encoder.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((index / "encoder" / name).read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"this is no model")
    with pytest.raises(IndexFault, match="damaged"):
        OnnxEncoder(tmp_path).encode(["hello"])


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IndexFault, match="no compiled encoder"):
        OnnxEncoder(tmp_path / "nowhere")
