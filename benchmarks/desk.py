"""`python -m benchmarks.desk`: start-up, memory and latency of the desk, each beside its aim.

Runs the real program: `delight --help` as a process, the desk headless in processes of its own on workspaces with 1,000
and 10,000 stored tickets, with the real index.
"""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from textual.app import App
from textual.events import Key

from copilot.bootstrap import HOME, Workspace
from copilot.settings import Settings
from copilot.tickets import store
from copilot.tickets.sample import SAMPLE
from copilot.tickets.sync import sync
from copilot.tui.app import DeskApp
from copilot.tui.screens.desk import DeskScreen
from copilot.tui.widgets.queue import QueueList

ROOT = HOME.parent
FORBIDDEN = ("torch", "transformers", "litellm")


def main() -> None:
    if len(sys.argv) > 2:
        asyncio.run(_in_process(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))
        return
    help_times = [_wall([sys.executable, "-m", "copilot", "--help"]) for _ in range(7)]
    bare = statistics.median(_wall([sys.executable, "-c", "import typer"]) for _ in range(7))
    _line(
        "delight --help",
        statistics.median(help_times),
        "s",
        "under 0.3 s",
        f"{statistics.median(help_times) / bare:.1f}x `import typer`",
    )
    folder = Path(tempfile.mkdtemp(prefix="delight-bench-"))
    try:
        for count in (1_000, 10_000):
            _fill(folder / str(count), count)
            first = statistics.median(_run("paint", folder / str(count))["paint"] for _ in range(5))
            _line(f"desk to first paint, {count:,} tickets", first, "s", "under 1 s" if count == 1_000 else "")
        found = _run("work", folder / "1000")
        _line("memory, encoder and index loaded", found["memory"], "MB", "under 450 MB")
        _line("ticket not read before, warm, p95", found["open"], "ms", "under 150 ms")
        _line("key to screen while models load, p95", found["keys"], "ms", "under 50 ms")
        _line("scrolling 10,000 tickets, one page, p95", _run("scroll", folder / "10000")["scroll"], "ms", "")
        print(f"in the desk's process: {found['heavy'] or 'no torch, transformers or litellm'}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _line(what: str, value: float, unit: str, aim: str, beside: str = "") -> None:
    print(f"{what:<44} {value:8.2f} {unit:<3} {aim:<14} {beside}")


def _wall(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def _run(what: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.desk", what, str(folder), str(time.time())]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _space(folder: Path) -> Workspace:
    return Workspace(Settings(workspace=folder, index=ROOT / "index", playbooks=ROOT / "playbooks", agent="Bench"))


def _fill(folder: Path, count: int) -> None:
    """A workspace with `count` tickets, all but a hundred of them read."""
    folder.mkdir(parents=True)
    rows = [json.loads(line) for line in SAMPLE.read_text("utf-8").split("\n") if line.strip()]
    with (folder / "queue.jsonl").open("w", encoding="utf-8") as file:
        for number in range(count):
            row = {**rows[number % len(rows)], "id": f"B-{number}"}
            file.write(json.dumps(row) + "\n")
    from copilot.reading.models import Reading
    from copilot.tickets.sources.jsonl import JsonLines

    space = _space(folder)
    sync(space.database, "bench", JsonLines("bench", folder / "queue.jsonl"), space.clock())
    reader, playbook = space.brain.get()
    known: dict[int, Reading] = {}
    with space.database.begin() as connection:
        for number in range(count - 100):  # a reading is the same for every copy of a sample conversation
            ticket = store.get(connection, f"bench/B-{number}")
            if number % len(rows) not in known:
                known[number % len(rows)] = reader.read(ticket)
            reading = known[number % len(rows)].model_copy(update={"ticket_version": ticket.version})
            space.desk._keep(connection, ticket, reading, playbook)
    space.close()


async def _in_process(what: str, folder: Path, began: float) -> None:
    space = _space(folder)
    app = DeskApp(space.desk)
    out: dict[str, object] = {}
    async with app.run_test(size=(150, 44)) as pilot:
        while not (isinstance(app.screen, DeskScreen) and app.screen.query_one(QueueList).rows):
            await asyncio.sleep(0.001)
        await painted(app)
        out["paint"] = time.time() - began
        screen = app.screen
        assert isinstance(screen, DeskScreen)
        if what == "work":
            keys = []
            while not app.warmed:
                keys.append(await _key(app, "down"))
            keys += [await _key(app, "down") for _ in range(max(20 - len(keys), 0))]
            out["keys"] = _p95(keys) * 1000
            opened = []
            for ref in space.desk.unread()[:60]:
                start = time.perf_counter()
                screen.open_ticket(ref)
                while screen.guidance is None:
                    await asyncio.sleep(0.001)
                await painted(app)
                opened.append(time.perf_counter() - start)
                while list(app.workers):  # a person looks at it before the next
                    await asyncio.sleep(0.005)
                await pilot.pause()
            out["open"] = _p95(opened[5:]) * 1000
            out["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            out["heavy"] = ", ".join(name for name in FORBIDDEN if name in sys.modules)
        if what == "scroll":
            out["scroll"] = _p95([await _key(app, "pagedown") for _ in range(40)]) * 1000
    print(json.dumps(out))
    space.close()


async def _key(app: App[None], key: str) -> float:
    """Seconds from a key to the frame that answers it."""
    queue = app.screen.query_one(QueueList)
    before = queue.cursor
    start = time.perf_counter()
    app.post_message(Key(key, None))
    while queue.cursor == before:
        await asyncio.sleep(0)
    await painted(app)
    return time.perf_counter() - start


async def painted(app: App[None]) -> None:
    """Wait until the next frame is drawn."""
    drawn = asyncio.Event()
    app.screen.call_after_refresh(drawn.set)
    await drawn.wait()


def _p95(values: list[float]) -> float:
    return sorted(values)[min(int(len(values) * 0.95), len(values) - 1)]


if __name__ == "__main__":
    main()
