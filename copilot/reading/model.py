"""Runs the compiled reading model: messages in their light in, what the heads make of them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from copilot.reading.encoder import Compiled, Vectors
from copilot.reading.heads import Heads, Scored
from copilot.reading.pieces import Pieces

FIRST, BETWEEN = 101, 102
"""[CLS] and [SEP] of the BERT vocabulary."""


class Model(Protocol):
    """Reads messages.

    Attributes:
        name: Identifies the weights; heads of one name never score vectors of another.
        dimensions: Length of a vector.
    """

    name: str
    dimensions: int

    def warm(self) -> None:
        """Load now, and run once."""
        ...

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of `texts`, without special tokens."""
        ...

    def read(self, messages: Sequence[Pieces], heads: Heads) -> list[Scored]:
        """What `heads` make of `messages`, in their order."""
        ...


class OnnxModel(Compiled):
    """The compiled reading model (made by `compile.compile_model`).

    Each message is run by itself, many beside each other on a core each, one that is longer than its share on all cores:
    the scale of its eight-bit numbers is that of what runs together, so that in a batch a message would be read in the light
    of its neighbours. Nothing is padded, and it is as fast.
    """

    def warm(self) -> None:
        """Load now, and run once."""
        self.vectors([Pieces(((0, 5),), ((0, 1),), self.tokenise(["ready"])[0], [])], lambda *_: None)

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """See `Model.tokenise`."""
        return self.tokens(texts, special=False) if texts else []

    def read(self, messages: Sequence[Pieces], heads: Heads) -> list[Scored]:
        """See `Model.read`."""
        out: list[Scored | None] = [None] * len(messages)

        def take(i: int, tokens: Vectors) -> None:
            out[i] = heads.attend(tokens, messages[i].bounds)

        self.vectors(messages, take)
        return [scored for scored in out if scored is not None]

    def vectors(self, messages: Sequence[Pieces], take: Callable[[int, Vectors], None]) -> None:
        """Call `take` with (place, token vectors) of each message, its two marks included and its context left out."""
        sequences = [sequence(message) for message in messages]

        def run(i: int, *, alone: bool = False) -> None:
            ids = sequences[i]
            own = len(messages[i].ids) + 2
            tokens = np.array([ids], dtype=np.int64)
            types = np.array([[0] * own + [1] * (len(ids) - own)], dtype=np.int64)
            take(i, self.outputs({"input_ids": tokens, "token_type_ids": types}, alone=alone)[0, :own])

        order = sorted(range(len(messages)), key=lambda i: -len(sequences[i]))
        left = sum(len(ids) for ids in sequences)
        while order and len(sequences[order[0]]) * self.threads > left:  # the others would be done long before it
            left -= len(sequences[order[0]])
            run(order.pop(0), alone=True)
        self.each(len(order), lambda k: run(order[k]))


def sequence(message: Pieces) -> list[int]:
    """[CLS] message [SEP], and where there is a context: context [SEP]."""
    return [FIRST, *message.ids, BETWEEN, *([*message.context, BETWEEN] if message.context else [])]
