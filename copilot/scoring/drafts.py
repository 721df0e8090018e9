"""How drafts fare: what of each play, prompt and model is kept, edited and thrown away. Counts of words, never of people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from copilot.drafting.learning import Outcome
from copilot.tickets.models import Model


class DraftScore(Model):
    """How the paragraphs of one play, prompt and model fared.

    Attributes:
        distance: Mean edit distance of what was not thrown away, 0 (kept letter for letter) to 1.
        seconds: Median time from the draft to the reply.
    """

    play_id: str
    model: str
    prompt: str
    drafted: int
    kept: int
    edited: int
    dropped: int
    distance: float
    seconds: float

    @property
    def acceptance(self) -> float:
        """Share that was sent letter for letter."""
        return self.kept / self.drafted


def draft_scores(found: Sequence[Outcome]) -> list[DraftScore]:
    """One score for each play, prompt and model, the least accepted first: which page to mend."""
    groups: dict[tuple[str, str, str], list[Outcome]] = defaultdict(list)
    for outcome in found:
        groups[outcome.play_id, outcome.model, outcome.prompt].append(outcome)
    made = []
    for (play_id, model, prompt), rows in groups.items():
        stayed = [row.distance for row in rows if row.fate != "dropped"]
        made.append(
            DraftScore(
                play_id=play_id,
                model=model,
                prompt=prompt,
                drafted=len(rows),
                kept=sum(row.fate == "kept" for row in rows),
                edited=sum(row.fate == "edited" for row in rows),
                dropped=sum(row.fate == "dropped" for row in rows),
                distance=round(sum(stayed) / len(stayed), 3) if stayed else 1.0,
                seconds=median(row.seconds for row in rows),
            )
        )
    return sorted(made, key=lambda score: (score.acceptance, -score.drafted, score.play_id))
