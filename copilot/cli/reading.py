"""`delight read`: a filter from conversations to readings, in order, in flat memory."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from copilot.bootstrap import HOME, Workspace, open_workspace
from copilot.cli.output import data, progress, say
from copilot.reading.models import Label, Reading
from copilot.text import clean, sentences
from copilot.tickets.sources.jsonl import Conversation, parse_line

if TYPE_CHECKING:
    from copilot.reading.reader import Reader

CHUNK = 256


def read_lines(folder: Path | None) -> int:
    """Read stdin to its end; return how many lines could not be read."""
    reader = _reader(folder)
    bad = 0
    for chunk in _chunks():
        good = [(n, c) for n, c in chunk if isinstance(c, Conversation)]
        readings = reader.read_many([conversation.ticket("stdin") for _, conversation in good])
        done = {number: reading for (number, _), reading in zip(good, readings, strict=True)}
        for number, item in chunk:
            if isinstance(item, Conversation):
                data(json.dumps(as_row(item, done[number]), ensure_ascii=False))
            else:
                bad += 1
                say(f"line {number}: {item}")
                data(json.dumps({"id": None, "line": number, "error": item}, ensure_ascii=False))
    return bad


def as_row(conversation: Conversation, reading: Reading) -> dict[str, object]:
    """A reading as one output line; evidence is verbatim in the message as it came in."""
    raw = [turn.text for turn in conversation.turns]

    def labels(found: tuple[Label, ...]) -> list[dict[str, object]]:
        return [
            {
                "name": x.name,
                "confidence": x.confidence,
                "evidence": _verbatim(x.evidence.text, raw[x.evidence.message]),
            }
            for x in found
        ]

    place = next((x.evidence.message for x in (*reading.signals, *reading.risks)), None)
    if place is None and reading.mood_evidence is not None:
        place = reading.mood_evidence.message
    return {
        "id": conversation.id,
        "mood": reading.mood,
        "mood_confidence": reading.mood_confidence,
        "sarcasm": reading.sarcasm,
        "signals": labels(reading.signals),
        "risks": labels(reading.risks),
        "moment": reading.moment,
        "ask_ok": reading.ask_ok,
        "evidence": "" if place is None else _verbatim(reading.evidence, raw[place]),
        **({} if reading.read else {"read": False, "why_not": reading.why_not}),
    }


def _verbatim(evidence: str, raw: str) -> str:
    """Evidence as it stands in the uncleaned message: its own sentence there, else the whole message."""
    if evidence in raw:
        return evidence
    return next((raw[a:b] for a, b in sentences(raw) if clean(raw[a:b]).strip() == evidence), raw)


def _chunks() -> Iterator[list[tuple[int, Conversation | str]]]:
    chunk: list[tuple[int, Conversation | str]] = []
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        try:
            chunk.append((number, parse_line(line)))
        except ValueError as error:
            chunk.append((number, str(error)))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _reader(folder: Path | None) -> Reader:
    """The workspace's reader; outside any workspace the checkout's own, built now where it is missing."""
    from copilot.playbook.build import build
    from copilot.playbook.search import current

    space = open_workspace(folder)
    if folder is None and current(space.index) is None and (HOME.parent / "pyproject.toml").exists():
        space = Workspace(space.settings.model_copy(update={"workspace": HOME.parent}))
    if current(space.index) is None:
        say(f"building the index in {space.index} (once)")
        with progress() as bar:
            build(space.playbooks, space.index, space.settings.encoder, space.clock().date(), progress=bar)
    return space.brain.get()[0]
