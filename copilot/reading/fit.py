"""Fits linear heads: the shipped ones (scripts/train_reader.py) and, at `playbook build`, a team's own signals.

A head is logistic regression over [sentence embedding, hashed words]. scikit-learn is imported inside the functions:
no front door pays for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copilot.reading.encoder import Vectors
from copilot.reading.features import BUCKETS, densify

DENSE_WEIGHT = 2.0
SPARSE_WEIGHT = 3.0
FOLDS = 5
MIN_RECALL = 0.15
"""A precision reached on a handful of rows is luck."""


def design(vectors: Vectors, rows: Sequence[NDArray[np.int64]]) -> Any:
    """The sparse design matrix, shape (n, dimensions + BUCKETS)."""
    from scipy.sparse import csr_matrix, hstack

    values, columns, pointers = densify(rows)
    words = csr_matrix((values * SPARSE_WEIGHT, columns, pointers), shape=(len(rows), BUCKETS))
    return hstack([csr_matrix(vectors * DENSE_WEIGHT), words]).tocsr()


def logistic(x: Any, y: NDArray[Any], weights: NDArray[np.float64], *, strength: float) -> Any:
    """One fitted LogisticRegression."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=2000).fit(x, y, sample_weight=weights)


def out_of_fold(
    x: Any, y: NDArray[Any], weights: NDArray[np.float64], groups: Sequence[str], *, strength: float
) -> NDArray[np.float64]:
    """Class probabilities, shape (n, classes), each predicted by a head that saw nothing of the row's group."""
    from sklearn.model_selection import StratifiedGroupKFold

    out: NDArray[np.float64] | None = None
    for train, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(x, y, groups):
        predicted = logistic(x[train], y[train], weights[train], strength=strength).predict_proba(x[test])
        if out is None:
            out = np.zeros((len(y), predicted.shape[1]))
        out[test] = predicted
    assert out is not None
    return out


def threshold_for(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], weights: NDArray[np.float64], *, precision: float
) -> float:
    """The lowest score from which the weighted precision is at least `precision`; where none is, the best F0.5.

    Args:
        weights: How much each row counts.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(weights[order] * truth[order])
    fired = np.cumsum(weights[order])
    recall = hits / (weights * truth).sum()
    precise = hits / fired
    good = np.flatnonzero((precise >= precision) & (recall >= MIN_RECALL))
    best = good[-1] if len(good) else np.argmax(1.25 * precise * recall / np.maximum(0.25 * precise + recall, 1e-9))
    return float(np.clip(scores[order[best]], 0.05, 0.95))
