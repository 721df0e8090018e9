"""Templates into pages. Everything that comes from outside is escaped by Jinja; nothing is ever marked as safe."""

from __future__ import annotations

import base64
import re
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

HERE = Path(__file__).parent
STATIC = HERE / "static"
LINK = re.compile(r"(/[pr]/)[\w.-]{20,}")
"""A customer's own link: whoever has it can answer for them, so that no page of the desk shows it."""


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["day"] = day
    made.filters["sentence"] = lambda text: (
        f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"
    )
    made.filters["plainly"] = lambda text: str(text).replace("`", "")
    made.filters["handle"] = as_handle
    made.filters["masked"] = lambda text: LINK.sub(r"\1…", str(text))
    made.filters["words"] = lambda text: str(text).replace("_", " ")
    return made


def page(template: str, status: int = 200, headers: dict[str, str] | None = None, **values: Any) -> HTMLResponse:
    """A page as an answer."""
    return HTMLResponse(text(template, **values), status_code=status, headers=headers)


def text(template: str, **values: Any) -> str:
    """A page as text."""
    return _environment().get_template(template).render(**values)


def as_handle(key: str) -> str:
    """A customer's key as a piece of an address: whatever characters it has, it leads to nobody else."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def day(value: datetime | date | None, locale: str = "en") -> str:
    """A date as people of a language write it."""
    from babel.dates import format_date

    return format_date(value, "long", locale=locale) if value is not None else ""
