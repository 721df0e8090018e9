"""How models become words on the screen: ages, moods, badges. Pure functions; the CLI's tables may use them too."""

from __future__ import annotations

from datetime import datetime

from copilot.reading.models import MOOD_SIGN

MUTED = "$foreground 60%"
"""Ink of what is said beside; Textual's own `$text-muted` comes out white in a block of text."""
MOOD_STYLE = {
    "angry": "bold $text-error",
    "frustrated": "$text-error",
    "neutral": MUTED,
    "satisfied": "$text-success",
    "delighted": "bold $text-success",
}


def age(then: datetime | None, now: datetime) -> str:
    """`4m`, `3h`, `2d`: how long ago, to one unit; `?` where no time is known."""
    if then is None:
        return "?"
    seconds = max((now - then).total_seconds(), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "now"


def until(then: datetime, now: datetime) -> str:
    """`due 2h ago` or `due in 40m`."""
    return f"due {age(then, now)} ago" if then <= now else f"due in {age(now, then)}"


def mood_mark(mood: str) -> str:
    """Sign and word, never colour alone; a ticket not read says so."""
    return f"{MOOD_SIGN[mood]} {mood}" if mood else "– not read"


def words(name: str) -> str:
    """`quick_compassionate_reply` → `quick compassionate reply`."""
    return name.replace("_", " ")


def percent(confidence: float) -> str:
    """`0.83` → `83%`."""
    return f"{round(confidence * 100)}%"
