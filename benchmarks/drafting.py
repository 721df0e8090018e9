"""`python -m benchmarks.drafting`: what the desk adds to a bare litellm call, how soon a word that came stands on the screen,
how fast it drafts offline, how long prompts are.

The model is a server of ours on this machine that speaks the OpenAI protocol and waits 5 ms between pieces, as a quick model
would; once it begins at once, once after 200 ms, which a quick model takes to read a prompt of 2,000 tokens. A bare litellm
call and the desk are run in turns against the same server.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.desk import painted
from copilot.bootstrap import Workspace
from copilot.desk import Desk, DraftDelta, DraftReady, Guidance
from copilot.llm.client import estimate
from copilot.settings import LlmSettings, Settings
from copilot.tickets.sample import SampleQueue
from copilot.tickets.sync import sync
from copilot.tui.app import DeskApp
from copilot.tui.screens.desk import DeskScreen
from copilot.tui.widgets.drafting import DraftView
from tests.fakes.provider import FakeProvider, Reply

ROOT = Path(__file__).parent.parent
ROUNDS = 20
SCREENS = 20
HEAD = '{"paragraphs": [{"text": "'
"""What an answer begins with before its first word."""
PARAGRAPHS = (
    "Hi there,",
    "Thank you for writing to us, and for explaining it so clearly. I have read your message with care.",
    "This is what I can tell you at present: [[give the answer, or say what you are checking]].",
    "If anything is still open, just write back, and I will look at it once more.",
    "Best wishes,\nBench",
)
ANSWER = json.dumps({"paragraphs": [{"text": text, "plays": []} for text in PARAGRAPHS], "blanks": [], "questions": []})


def main() -> None:
    provider = FakeProvider(partial(_say, 0.0))
    folder = Path(tempfile.mkdtemp(prefix="delight-bench-"))
    try:
        space = Workspace(
            Settings(
                workspace=folder,
                index=ROOT / "index",
                playbooks=ROOT / "playbooks",
                prompts=ROOT / "prompts",
                agent="Bench",
                llm=LlmSettings(model="openai/bench", api_base=provider.address, daily_tokens=10**9, timeout_s=10),
            )
        )
        sync(space.database, "sample", SampleQueue("sample", space.clock()), space.clock())
        desk = space.desk
        desk.read_all()
        refs = [row.ref for row in desk.queue("all")]
        _offline(desk, refs)
        _prompts(desk, refs)
        for before in (0.0, 0.2):
            provider.say = partial(_say, before)
            print(f"the server begins after {before * 1000:.0f} ms:")
            _overhead(desk, refs[0], provider)
        asyncio.run(_to_screen(desk, refs[:SCREENS], provider))
        space.close()
    finally:
        provider.close()
        shutil.rmtree(folder, ignore_errors=True)


def _say(before: float, _: dict[str, Any]) -> Reply:
    return Reply(ANSWER, piece=12, pause=0.005, before=before)


def _offline(desk: Desk, refs: list[str]) -> None:
    desk.preview(refs[0])
    took = []
    for ref in refs:
        began = time.perf_counter()
        desk.preview(ref)
        took.append((time.perf_counter() - began) * 1000)
    _line("offline draft, p95 of the sample queue", f"{_p95(took):.1f} ms", "under 80 ms")


def _prompts(desk: Desk, refs: list[str]) -> None:
    sizes = [estimate(desk.prompt(ref).messages) for ref in refs]
    stable = estimate(desk.prompt(refs[0]).messages[:1])
    _line(
        "prompt, tokens (median, largest; head that never changes)",
        f"{statistics.median(sizes):.0f}, {max(sizes)}; {stable}",
        "",
    )


def _overhead(desk: Desk, ref: str, provider: FakeProvider) -> None:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("OPENAI_API_KEY", "bench")
    import litellm

    messages = [{"role": m.role, "content": m.text} for m in desk.prompt(ref).messages]
    bare: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    guidance = desk.guide(ref)  # as at the desk, where it stands beside the ticket
    for number in range(ROUNDS + 2):
        pair = _bare(litellm, messages, provider), asyncio.run(_desk(desk, ref, guidance))
        if number >= 2:  # the first ones load and connect
            bare.append(pair[0])
            ours.append(pair[1])
    for name, place in (("first words", 0), ("whole", 1)):
        theirs, own = (statistics.median(run[place] for run in runs) * 1000 for runs in (bare, ours))
        _line(
            f"{name}: a bare litellm call, the desk",
            f"{theirs:.0f} ms, {own:.0f} ms",
            f"{own / theirs:.2f}x, aim under 1.15x",
        )


def _bare(litellm: Any, messages: list[dict[str, str]], provider: FakeProvider) -> tuple[float, float]:
    """Seconds to the piece that holds the first word of the reply, and to the end."""
    began, first, told = time.perf_counter(), 0.0, ""
    for chunk in litellm.completion(
        model="openai/bench", messages=messages, api_base=provider.address, api_key="bench", stream=True, max_tokens=800
    ):
        told += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        if not first and "Hi" in told:
            first = time.perf_counter() - began
    return first, time.perf_counter() - began


async def _desk(desk: Desk, ref: str, guidance: Guidance) -> tuple[float, float]:
    began, first = time.perf_counter(), 0.0
    async for event in desk.drafting(ref, guidance=guidance):
        if isinstance(event, DraftDelta) and not first:
            first = time.perf_counter() - began
        elif isinstance(event, DraftReady):
            assert event.draft.model, event.draft.note
    return first, time.perf_counter() - began


async def _to_screen(desk: Desk, refs: list[str], provider: FakeProvider) -> None:
    """From the moment the server sends the piece with the first word to the frame that shows it."""
    took = []
    app = DeskApp(desk)
    async with app.run_test(size=(150, 44)) as pilot:
        while not app.warmed:
            await asyncio.sleep(0.01)
        screen = app.screen
        assert isinstance(screen, DeskScreen)
        for ref in refs:
            screen.open_ticket(ref)
            while screen.guidance is None or list(app.workers):
                await asyncio.sleep(0.005)
            await pilot.pause()
            go_on = threading.Event()
            provider.say = lambda _, go_on=go_on: Reply(ANSWER, piece=len(HEAD), pause=0.005, hold=(1, go_on))
            asked = len(provider.requests)
            screen.action_draft()
            while len(provider.requests) == asked:
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.1)
            view = screen.query_one(DraftView)
            began = time.perf_counter()
            go_on.set()
            while "Hi" not in view.text:
                await asyncio.sleep(0.001)
            await painted(app)
            took.append((time.perf_counter() - began) * 1000)
            while list(app.workers):
                await asyncio.sleep(0.005)
            await pilot.pause()
    _line(
        "a first word from the server to the screen, p95", f"{_p95(took):.0f} ms", "under 50 ms, 5 of them the server's"
    )


def _line(what: str, value: str, aim: str) -> None:
    print(f"{what:<58} {value:>22}  {aim}")


def _p95(values: list[float]) -> float:
    return sorted(values)[min(int(len(values) * 0.95), len(values) - 1)]


if __name__ == "__main__":
    main()
