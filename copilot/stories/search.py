"""Finds stories by meaning: the nearest to some words, by the encoder that also searches the playbook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy loads with the encoder
    from copilot.reading.encoder import Vectors


class MeaningSearch:
    """Remembers the vectors of stories: 1.5 KB each, made once for each change of a story.

    Args:
        encode: Turns texts into vectors of length 1, one row a text.
    """

    def __init__(self, encode: Callable[[Sequence[str]], Vectors]) -> None:
        self.encode = encode
        self._known: dict[str, tuple[int, Vectors]] = {}

    def nearest(self, words: str, stories: Sequence[tuple[str, int, str]], count: int) -> list[str]:
        """Ids of the stories nearest in meaning to `words`, the nearest first.

        Args:
            stories: (id, number of its last change, text) of each.
        """
        import numpy as np

        if not stories:
            return []
        known = {i for i, _, _ in stories}
        self._known = {i: kept for i, kept in self._known.items() if i in known}  # of an erased story nothing stays
        fresh = [(i, change, text) for i, change, text in stories if self._known.get(i, (0, None))[0] != change]
        if fresh:
            made = self.encode([text for _, _, text in fresh])
            self._known |= {i: (change, made[row]) for row, (i, change, _) in enumerate(fresh)}
        wanted = self.encode([words])[0]
        close = np.array([self._known[i][1] for i, _, _ in stories]) @ wanted
        return [stories[place][0] for place in np.argsort(-close, kind="stable")[:count]]
