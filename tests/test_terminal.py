"""The real program in a real terminal: it starts, draws, answers a key and quits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PATIENCE_SECONDS = 40.0
pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="scripts/system-packages installs tmux"),
]


def tmux(socket: str, *words: str) -> str:
    done = subprocess.run(["tmux", "-L", socket, *words], capture_output=True, text=True, check=False)
    return done.stdout


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"never came to be: {what}"
        os.sched_yield()


@pytest.mark.parametrize("size", [(80, 24), (150, 44)], ids=["narrow", "wide"])
def test_the_program_starts_draws_answers_and_quits(workspace: Path, size: tuple[int, int]) -> None:
    row = {"id": "1", "customer": "Anna Berg", "turns": [{"role": "customer", "text": "where is my parcel?"}]}
    (workspace / "queue.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    command = [sys.executable, "-m", "copilot", "-w", str(workspace)]
    subprocess.run([*command, "sync", str(workspace / "queue.jsonl")], check=True, capture_output=True)
    socket = f"delight-{os.getpid()}-{size[0]}"
    try:
        width, height = (str(side) for side in size)
        tmux(
            socket,
            "new-session",
            "-d",
            "-s",
            "desk",
            "-x",
            width,
            "-y",
            height,
            " ".join(command) + "; echo left with $?; cat",
        )
        wait_for(lambda: "Anna Berg" in tmux(socket, "capture-pane", "-p", "-t", "desk"), "the queue")
        tmux(socket, "send-keys", "-t", "desk", "?")
        wait_for(
            lambda: (
                "Approve" in tmux(socket, "capture-pane", "-p", "-t", "desk")
                or "Keys" in tmux(socket, "capture-pane", "-p", "-t", "desk")
            ),
            "the help",
        )
        tmux(socket, "send-keys", "-t", "desk", "Escape")
        tmux(socket, "send-keys", "-t", "desk", "C-q")
        wait_for(lambda: "left with 0" in tmux(socket, "capture-pane", "-p", "-t", "desk"), "the end")
        assert "Traceback" not in tmux(socket, "capture-pane", "-p", "-t", "desk")
    finally:
        tmux(socket, "kill-server")
