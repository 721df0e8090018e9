"""Fits a team's own signals from the examples on their pages, at `playbook build`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from copilot.reading.encoder import Encoder
from copilot.reading.heads import Heads
from copilot.reading.models import SignalDefinition
from copilot.text import digest

MIN_EXAMPLES = 4
"""Below this, or with nothing to tell it from, a head would learn nothing; the page is listed by `playbook check` and claims nothing."""
STRENGTH = 20.0
THRESHOLD = 0.6
"""A team's own signal has no held-out set to tune on: it fires only when clearly on its examples' side."""


def fit_own(definitions: Sequence[SignalDefinition], encoder: Encoder, shipped: Heads) -> Heads | None:
    """Heads for the signals that the shipped heads do not know; None where there are none.

    Each is fitted on its examples against its near misses and the examples of all other signals.
    """
    total = sum(len(d.examples) for d in definitions)
    new = [
        d
        for d in definitions
        if f"{d.kind}:{d.id}" not in shipped.labels
        and len(d.examples) >= MIN_EXAMPLES
        and (d.near_misses or total > len(d.examples))
    ]
    if not new:
        return None
    from sklearn.linear_model import LogisticRegression

    weights, biases = [], []
    elsewhere = {d.id: encoder.encode([e.turns[-1][1] for e in d.examples]) for d in definitions}
    for definition in new:
        positive = elsewhere[definition.id]
        near = encoder.encode([e.turns[-1][1] for e in definition.near_misses])
        others = np.concatenate([vectors for key, vectors in elsewhere.items() if key != definition.id] or [near])
        x = np.concatenate([positive, near, others])
        y = np.array([1] * len(positive) + [0] * (len(near) + len(others)))
        head = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000).fit(x, y)
        weights.append(head.coef_[0])
        biases.append(head.intercept_[0])
    labels = [f"{d.kind}:{d.id}" for d in new]
    dense = np.array(weights, dtype=np.float32).T
    return Heads(
        labels,
        dense,
        np.array(biases, dtype=np.float32),
        dict.fromkeys(labels, THRESHOLD),
        encoder=encoder.name,
        version=digest(*labels, str(np.round(dense, 3).tobytes())),
    )
