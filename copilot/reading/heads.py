"""Linear heads at run time: numpy only. A file of heads is an .npz without pickles, made by `fit.py`."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from copilot.errors import IndexFault
from copilot.reading.encoder import Vectors
from copilot.reading.features import BUCKETS

FORMAT = 1
SHIPPED = Path(__file__).parent / "heads" / "heads.npz"


class Heads:
    """A set of linear scorers over [vector, hashed words].

    Attributes:
        labels: Name of each head: `mood:angry`, `signal:milestone`, `risk:outage`, `flag:moment`, …
        thresholds: Probability from which a label is claimed, by name.
        encoder: Name of the encoder the heads were fitted on.
        version: Changes whenever any weight does.
    """

    def __init__(
        self,
        labels: Sequence[str],
        dense: NDArray[np.float32],
        sparse: NDArray[np.float32],
        bias: NDArray[np.float32],
        thresholds: Mapping[str, float],
        *,
        encoder: str,
        version: str,
    ) -> None:
        self.labels = tuple(labels)
        self.dense = dense  # (dimensions, labels)
        self.sparse = sparse  # (BUCKETS, labels), or (0, labels) for heads on the vector alone
        self.bias = bias  # (labels,)
        self.thresholds = dict(thresholds)
        self.encoder = encoder
        self.version = version
        self.moods = [i for i, name in enumerate(self.labels) if name.startswith("mood:")]

    def scores(self, vectors: Vectors, rows: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        """Probabilities, shape (len(vectors), labels): moods share one softmax, every other head is a sigmoid."""
        logits = vectors @ self.dense + self.bias
        if len(self.sparse):
            for i, row in enumerate(rows):
                if len(row):
                    logits[i] += self.sparse[row].sum(axis=0) * np.float32(len(row) ** -0.5)
        out: NDArray[np.float32] = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        if self.moods:
            mood = logits[:, self.moods]
            mood = np.exp(mood - mood.max(axis=1, keepdims=True))
            out[:, self.moods] = mood / mood.sum(axis=1, keepdims=True)
        return out

    def to_bytes(self) -> bytes:
        """The .npz; weights as half floats."""
        meta = {
            "format": FORMAT,
            "labels": self.labels,
            "thresholds": self.thresholds,
            "encoder": self.encoder,
            "version": self.version,
        }
        buffer = BytesIO()
        np.savez_compressed(
            buffer,
            meta=np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8),
            dense=self.dense.astype(np.float16),
            sparse=self.sparse.astype(np.float16),
            bias=self.bias.astype(np.float32),
        )
        return buffer.getvalue()

    @classmethod
    def load(cls, path: Path) -> Heads:
        """Read a file of heads.

        Raises:
            IndexFault: It is missing, damaged or of another format.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                meta = json.loads(data["meta"].tobytes())
                if meta["format"] != FORMAT:
                    raise IndexFault(f"{path} was made by another version.", hint="Run `delight playbook build`.")
                dense, sparse = data["dense"].astype(np.float32), data["sparse"].astype(np.float32)
                bias = data["bias"]
                labels, thresholds = meta["labels"], meta["thresholds"]
                encoder, version = meta["encoder"], meta["version"]
        except (OSError, EOFError, KeyError, TypeError, ValueError, BadZipFile, zlib.error) as error:
            raise IndexFault(
                f"{path} cannot be read: {error}.", hint="Run `delight playbook build`, or reinstall."
            ) from error
        if sparse.shape[0] not in (0, BUCKETS):
            raise IndexFault(f"{path} was made by another version.", hint="Run `delight playbook build`.")
        return cls(labels, dense, sparse, bias, thresholds, encoder=encoder, version=version)
