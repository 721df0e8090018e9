"""`python -m benchmarks.reading [FILE.jsonl]`: how fast conversations are read, beside a plain sentence-transformers encode.

Both sides see the same messages in the same run, in turn; the ratio is what counts. Without a file the sample queue is
read, repeated until it is long enough to measure.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from copilot.bootstrap import HOME, Workspace
from copilot.settings import Settings
from copilot.tickets.models import Ticket
from copilot.tickets.sample import SAMPLE
from copilot.tickets.sources.jsonl import parse_line

ROUNDS = 3
ENOUGH = 600
CHUNK = 256


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    while len(lines) < ENOUGH:
        lines += lines
    reader, _ = Workspace(Settings(workspace=HOME.parent)).brain.get()
    reader.encoder.encode(["ready"])

    import torch
    from sentence_transformers import SentenceTransformer

    from copilot.reading.compile import bundled_folder

    peer = SentenceTransformer(str(bundled_folder()), device="cpu")
    texts = [turn.text for line in lines for turn in parse_line(line).turns]
    print(f"{len(lines)} conversations, {len(texts)} messages of {path.name}; torch threads {torch.get_num_threads()}")
    ratios = []
    for number in range(1, ROUNDS + 1):
        began = time.perf_counter()
        peer.encode(texts, show_progress_bar=False)
        plain = time.perf_counter() - began
        began = time.perf_counter()
        for start in range(0, len(lines), CHUNK):
            tickets: list[Ticket] = [parse_line(line).ticket("bench") for line in lines[start : start + CHUNK]]
            reader.read_many(tickets)
        ours = time.perf_counter() - began
        ratios.append(plain / ours)
        print(
            f"round {number}: SentenceTransformer.encode {len(lines) / plain:7.1f} conversations/s, "
            f"delight reader {len(lines) / ours:7.1f} conversations/s, ratio {plain / ours:.2f}"
        )
    print(f"median ratio {statistics.median(ratios):.2f} (aim: 2)")


if __name__ == "__main__":
    main()
