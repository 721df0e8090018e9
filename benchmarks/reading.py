"""`python -m benchmarks.reading [FILE.jsonl]`: how fast conversations are read, beside a plain sentence-transformers encode.

Both sides see the same messages in the same run, in turn; the ratio is what counts. Without a file the sample queue is
read, repeated until it is long enough to measure. Then: does a batch read as one at a time does, how long does one
conversation take with its evidence, how long does a cold process take to its first reading, and does memory stay flat.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from copilot.bootstrap import HOME, Workspace
from copilot.reading.models import Reading
from copilot.reading.reader import Reader
from copilot.settings import Settings
from copilot.tickets.models import Ticket
from copilot.tickets.sample import SAMPLE
from copilot.tickets.sources.jsonl import parse_line

ROUNDS = 3
ENOUGH = 600
CHUNK = 256
ALONE = 200
"""Conversations that are read one at a time."""
ARCHIVE = 20_000


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    if not path.is_file():
        raise SystemExit(f"There is no file {path}. {__doc__.partition(':')[0]}")
    lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    cold = min(_cold(lines[0]) for _ in range(3))
    reader, _ = Workspace(Settings(workspace=HOME.parent)).brain.get()
    reader.model.warm()
    _alone(reader, lines[:ALONE])
    print(f"cold process to its first reading          {cold:7.2f} s   under 1.5 s")
    _archive(lines)
    while len(lines) < ENOUGH:
        lines += lines
    _against_peer(reader, lines, path.name)


def _against_peer(reader: Reader, lines: list[bytes], name: str) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    from copilot.reading.compile import bundled_folder

    peer = SentenceTransformer(str(bundled_folder()), device="cpu")
    texts = [turn.text for line in lines for turn in parse_line(line).turns]
    print(f"{len(lines)} conversations, {len(texts)} messages of {name}; torch threads {torch.get_num_threads()}")
    ratios = []
    for number in range(1, ROUNDS + 1):
        began = time.perf_counter()
        peer.encode(texts, show_progress_bar=False)
        plain = time.perf_counter() - began
        began = time.perf_counter()
        for start in range(0, len(lines), CHUNK):
            reader.read_many(_tickets(lines[start : start + CHUNK]), path=1)
        ours = time.perf_counter() - began
        ratios.append(plain / ours)
        print(
            f"round {number}: SentenceTransformer.encode {len(lines) / plain:7.1f} conversations/s, "
            f"delight reader {len(lines) / ours:7.1f} conversations/s, ratio {plain / ours:.2f}"
        )
    print(f"median ratio {statistics.median(ratios):.2f} (aim: 3)")


def _alone(reader: Reader, lines: list[bytes]) -> None:
    """One at a time: how long each takes, and whether it says what the batch says."""
    tickets = _tickets(lines)
    times, alone = [], []
    for ticket in tickets:
        began = time.perf_counter()
        alone.append(reader.read_many([ticket], path=1)[0])
        times.append(time.perf_counter() - began)
    same = statistics.mean(_said(a) == _said(b) for a, b in zip(alone, reader.read_many(tickets, path=1), strict=True))
    p95 = sorted(times)[int(len(times) * 0.95)] * 1000
    print(
        f"one conversation, warm, with evidence, p95 {p95:7.1f} ms  under 40 ms (median {statistics.median(times) * 1000:.1f})"
    )
    print(f"a batch says what one at a time says       {same:7.1%}     at least 99.5%")


def _said(reading: Reading) -> tuple[object, ...]:
    return (
        reading.mood,
        frozenset(label.name for label in (*reading.signals, *reading.risks)),
        reading.moment,
        reading.ask_ok,
    )


def _cold(line: bytes) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "copilot", "read"], input=line, check=True, capture_output=True, cwd=HOME.parent
    )
    return time.perf_counter() - began


def _archive(lines: list[bytes]) -> None:
    """`delight read` of 20,000 conversations as a process, and of a tenth of them: memory must not grow with the archive."""
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for count in (ARCHIVE // 10, ARCHIVE):
            source = Path(folder) / f"{count}.jsonl"
            with source.open("wb") as file:
                for number in range(count):
                    row = json.loads(lines[number % len(lines)])
                    file.write(json.dumps({**row, "id": str(number)}).encode() + b"\n")
            code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=False); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
            command = [sys.executable, "-m", "copilot", "read", str(source), "--out", str(source) + ".out"]
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", code, *command], check=True, capture_output=True, cwd=HOME.parent
            )
            took = time.perf_counter() - began
            peaks.append(int(done.stdout.split()[-1]) / 1024)
            print(
                f"delight read --out, {count:>6,} conversations   {count / took:7.1f} a second, {peaks[-1]:.0f} MB at its peak"
            )
    print(f"memory of ten times the archive            {peaks[1] / peaks[0]:7.2f} times")


def _tickets(lines: list[bytes]) -> list[Ticket]:
    return [parse_line(line).ticket("bench") for line in lines]


if __name__ == "__main__":
    main()
