"""Linear heads at run time: numpy only. A file of heads is an .npz without pickles, made by `fit.py`."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from copilot.errors import IndexFault
from copilot.reading.encoder import Vectors

FORMAT = 3
Scores = NDArray[np.float32]
SHIPPED = Path(__file__).parent / "heads" / "heads.npz"


class Scored(NamedTuple):
    """Probabilities of one message.

    Attributes:
        whole: Of the message, shape (labels,).
        sentences: Of each of its sentences in the light of the others, shape (sentences, labels).
    """

    whole: Scores
    sentences: Scores


class Heads:
    """A set of linear scorers, each of which looks at the words that matter to it.

    A head is `dense` and `bias` over the mean of a message's token vectors, weighed by how much `query` attends to each.
    Heads without a query (a team's own signals) score one vector a message.

    Attributes:
        labels: Name of each head: `mood:angry`, `signal:milestone`, `risk:outage`, `flag:moment`, `reply:granted`, …
        thresholds: Probability from which a label is claimed, by name.
        encoder: Name of the network the heads were fitted on.
        version: Changes whenever any weight does.
    """

    def __init__(
        self,
        labels: Sequence[str],
        dense: NDArray[np.float32],
        bias: NDArray[np.float32],
        thresholds: Mapping[str, float],
        *,
        encoder: str,
        version: str,
        query: NDArray[np.float32] | None = None,
        steps: NDArray[np.float32] | None = None,
    ) -> None:
        self.labels = tuple(labels)
        self.query = query  # (dimensions, labels)
        self.dense = dense  # (dimensions, labels)
        self.steps = (
            steps  # (dimensions, labels): what was learned from corrections, over what a head looks at at length 1
        )
        self.bias = bias  # (labels,)
        self.thresholds = dict(thresholds)
        self.encoder = encoder
        self.version = version
        kinds = ("mood:", "reply:")  # one of each is true; any other head stands for itself
        self.choices = [[i for i, name in enumerate(self.labels) if name.startswith(kind)] for kind in kinds]

    def scores(self, vectors: Vectors) -> Scores:
        """Probabilities for one vector a message, shape (len(vectors), labels)."""
        return self._probabilities(vectors @ self.dense + self.bias)

    def attend(self, tokens: Vectors, bounds: Sequence[tuple[int, int]]) -> Scored:
        """Probabilities for the token vectors of one message.

        Args:
            tokens: Shape (tokens, dimensions); the first and the last are the network's own marks.
            bounds: First and last-plus-one token of each sentence, not counting the first mark.
        """
        values: NDArray[np.float32] = tokens @ self.dense
        attention = self._attention(tokens)
        logits = np.empty((1 + len(bounds), len(self.labels)), dtype=np.float32)
        logits[0] = _weighed(values, attention)
        for row, (start, end) in enumerate(bounds, start=1):
            own = slice(1 + start, 1 + end)
            logits[row] = _weighed(values[own], attention[own]) if end > start else -30.0
        logits += self.bias
        if self.steps is not None:
            looks = self.looks(tokens).T
            logits[0] += (looks * self.steps).sum(axis=0) / np.maximum(np.linalg.norm(looks, axis=0), 1e-6)
        found = self._probabilities(logits)
        return Scored(found[0], found[1:])

    def looks(self, tokens: Vectors) -> Vectors:
        """What each head looks at in one message: the token vectors weighed by its attention, shape (labels, dimensions)."""
        attention = self._attention(tokens)
        weights = np.exp(attention - attention.max(axis=0))
        looks: Vectors = (weights / weights.sum(axis=0)).T @ tokens
        return looks

    def moved(self, steps: NDArray[np.float32], *, version: str) -> Heads:
        """These heads with what was learned from corrections."""
        return Heads(
            self.labels,
            self.dense,
            self.bias,
            self.thresholds,
            encoder=self.encoder,
            version=version,
            query=self.query,
            steps=steps,
        )

    def _attention(self, tokens: Vectors) -> NDArray[np.float32]:
        if self.query is None:
            return np.zeros((len(tokens), len(self.labels)), dtype=np.float32)
        attention: NDArray[np.float32] = tokens @ self.query
        return attention

    def _probabilities(self, logits: NDArray[np.float32]) -> Scores:
        """The moods share one softmax, as do the replies; every other head is a sigmoid."""
        out: Scores = np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), dtype=np.float32)
        for choice in filter(None, self.choices):
            odds = np.exp(logits[:, choice] - logits[:, choice].max(axis=1, keepdims=True))
            out[:, choice] = odds / odds.sum(axis=1, keepdims=True)
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
            query=_or_nothing(self.query),
            steps=_or_nothing(self.steps),
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
                dense, bias = data["dense"].astype(np.float32), data["bias"]
                query, steps = (
                    data[name].astype(np.float32) if data[name].size else None for name in ("query", "steps")
                )
                labels, thresholds = meta["labels"], meta["thresholds"]
                encoder, version = meta["encoder"], meta["version"]
        except (OSError, EOFError, KeyError, TypeError, ValueError, BadZipFile, zlib.error) as error:
            raise IndexFault(
                f"{path} cannot be read: {error}.", hint="Run `delight playbook build`, or reinstall."
            ) from error
        known = (len(labels),)
        if dense.shape[1:] != known or bias.shape != known or (query is not None and query.shape != dense.shape):
            raise IndexFault(f"{path} is damaged: shapes differ.", hint="Run `delight playbook build`, or reinstall.")
        return cls(labels, dense, bias, thresholds, encoder=encoder, version=version, query=query, steps=steps)


def _weighed(values: NDArray[np.float32], attention: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of `values` over tokens, shape (labels,), each column weighed by the softmax of its own attention."""
    weights = np.exp(attention - attention.max(axis=0))
    mean: NDArray[np.float32] = (weights * values).sum(axis=0) / weights.sum(axis=0)
    return mean


def _or_nothing(matrix: NDArray[np.float32] | None) -> NDArray[np.float16]:
    return np.zeros((0, 0), dtype=np.float16) if matrix is None else matrix.astype(np.float16)
