"""Splits a markdown file into checked front matter and body, keeping line numbers for every complaint."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from copilot.errors import PageError
from copilot.text import clean

FENCE = "---"
M = TypeVar("M", bound=BaseModel)


Stamp = tuple[int, int]


def stamp(path: Path) -> Stamp:
    """What changes when a file does: what was read of it once need not be read again while this stays."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def read_page(path: Path) -> str:
    """The cleaned text of a markdown file.

    Raises:
        PageError: It cannot be read or is not UTF-8.
    """
    try:
        return clean(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise PageError(path, 1, f"a file that cannot be read ({error.strerror})", "a markdown file") from error
    except UnicodeDecodeError as error:
        raise PageError(path, 1, f"a byte that is not UTF-8 at {error.start}", "text in UTF-8") from error


def split(path: Path | str, text: str) -> tuple[dict[str, Any], str, int]:
    """(front matter, body, 1-based line on which the body begins).

    Raises:
        PageError: The front matter is missing, not closed, or not a YAML mapping.
    """
    lines = text.split("\n")
    if not lines or lines[0].strip() != FENCE:
        raise PageError(
            path, 1, repr(lines[0][:40]) if lines else "an empty file", "front matter that begins with `---`"
        )
    end = next((i for i, line in enumerate(lines[1:], start=1) if line.strip() == FENCE), None)
    if end is None:
        raise PageError(path, len(lines), "the end of the file", "`---` to close the front matter")
    try:
        values = yaml.safe_load("\n".join(lines[1:end])) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = (mark.line if mark else 0) + 2
        raise PageError(
            path, line, f"YAML that does not parse ({getattr(error, 'problem', error)})", "`key: value`"
        ) from error
    except (ValueError, RecursionError) as error:  # a date or number that YAML recognises and Python has none for
        raise PageError(path, 2, f"front matter that means nothing ({error})", "`key: value`") from error
    if not isinstance(values, dict):
        raise PageError(path, 2, type(values).__name__, "`key: value` lines")
    return values, "\n".join(lines[end + 1 :]), end + 2


def validate(path: Path | str, text: str, model: type[M], values: dict[str, Any]) -> M:
    """Front matter as `model`.

    Raises:
        PageError: A key is missing, unknown or wrong; names the line of the key.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        matter = text.split("\n")[: split(path, text)[2] - 1]
        line = next((i for i, t in enumerate(matter, start=1) if re.match(rf"\s*{re.escape(key)}\s*:", t)), 1)
        if first["type"] == "missing":
            found, expected = f"no `{key}`", f"`{key}: …` in the front matter"
        elif first["type"] == "extra_forbidden":
            found, expected = f"`{key}`", "one of " + ", ".join(model.model_fields)
        else:
            found, expected = f"`{key}: {str(first['input'])[:60]}`", first["msg"]
        raise PageError(path, line, found, expected) from error
