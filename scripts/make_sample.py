#!/usr/bin/env python3
"""Turn the sample queue as it was written (minutes ago) into the queue that is shipped (times), once.

usage: python scripts/make_sample.py RAW.jsonl
"""

from __future__ import annotations

import json
import sys
import unicodedata
from datetime import timedelta
from pathlib import Path

from copilot.tickets.sample import EPOCH, SAMPLE


def _visible(character: str) -> str:
    """Control and format characters as escapes, so that nobody reviews a file that hides something."""
    hidden = unicodedata.category(character) in ("Cc", "Cf") and character != "\u200d"
    return f"\\u{ord(character):04x}" if hidden else character


def main() -> None:
    lines = []
    for line in Path(sys.argv[1]).read_text("utf-8").split("\n"):
        if not line.strip():
            continue
        row = json.loads(line)
        for turn in row["turns"]:
            turn["at"] = (EPOCH - timedelta(minutes=turn.pop("minutes_ago"))).isoformat()
        lines.append("".join(_visible(c) for c in json.dumps(row, ensure_ascii=False)))
    SAMPLE.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{SAMPLE}: {len(lines)} conversations")


if __name__ == "__main__":
    main()
