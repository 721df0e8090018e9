"""How the command line speaks: data on stdout, narration and progress bars on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from copilot.text import clean

if TYPE_CHECKING:
    from pydantic import BaseModel  # half of the time of `delight --help`

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, how many are done, of how many)."""


def say(text: str) -> None:
    """Narrate on stderr."""
    print(clean(text), file=sys.stderr)  # noqa: T201


class ReaderGone(Exception):
    """Whoever read stdout closed it. No OSError, which Typer would turn into exit code 1."""


def data(text: str, end: str = "\n") -> None:
    """Data on stdout, ending in `end`.

    Raises:
        ReaderGone: Nobody reads it any more.
    """
    try:
        sys.stdout.write(text if text.endswith(end) else text + end)
    except BrokenPipeError as error:
        raise ReaderGone from error


def flush() -> None:
    """Hand on what is buffered.

    Raises:
        ReaderGone: Nobody reads it any more.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def json_lines(rows: Sequence[BaseModel] | Sequence[Mapping[str, object]]) -> None:
    """One JSON object a line."""
    for row in rows:
        body = row if isinstance(row, Mapping) else row.model_dump(mode="json")
        data(json.dumps(body, ensure_ascii=False))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table whose columns line up; the last column is not padded."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        data(clean("  ".join([*padded, row[-1]]).rstrip()))


@contextmanager
def progress() -> Iterator[Progress]:
    """Progress bars on stderr, on a terminal only: call the yielded function with (what, done, of how many)."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield report
