"""Prompt templates: markdown files with front matter, rendered strictly. Sending them is not this module's business."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from copilot.drafting.composer import Setting
from copilot.errors import NotFound, PageError
from copilot.playbook.frontmatter import read_page, split, validate
from copilot.playbook.models import Match
from copilot.reading.models import Reading, SignalDefinition
from copilot.tickets.models import Model, Ticket

VARIABLE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
ANY_BRACES = re.compile(r"\{\{.*?\}\}")


class PromptMatter(Model):
    """Front matter of a template."""

    id: str = Field(min_length=1)
    version: str = Field(min_length=1)
    task: Literal["draft", "ask", "story", "read"]
    variables: tuple[str, ...]


class Prompt(PromptMatter):
    """One template; `body` still holds its `{{variables}}`."""

    path: str
    first_line: int
    body: str


def load_prompts(folder: Path) -> list[Prompt]:
    """Every template of a folder, checked.

    Raises:
        PageError: Front matter is wrong, or declared and used variables differ; names file and line.
    """
    out = []
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        shown = f"{folder.name}/{path.name}"
        text = read_page(path)
        values, body, first_line = split(shown, text)
        matter = validate(shown, text, PromptMatter, values)
        first_line += len(body) - len(body.lstrip("\n"))
        prompt = Prompt(**matter.model_dump(), path=shown, first_line=first_line, body=body.strip("\n") + "\n")
        _check_variables(prompt)
        out.append(prompt)
    return out


def prompt_of(folder: Path, task: str) -> Prompt:
    """The template of a task.

    Raises:
        NotFound: There is none.
        PageError: A template does not parse.
    """
    found = next((prompt for prompt in load_prompts(folder) if prompt.task == task), None)
    if found is None:
        raise NotFound(f"{folder} holds no prompt with `task: {task}`.", hint="`delight init` writes one.")
    return found


def _check_variables(prompt: Prompt) -> None:
    used: set[str] = set()
    for number, line in enumerate(prompt.body.split("\n"), start=prompt.first_line):
        for match in ANY_BRACES.finditer(line):
            name = VARIABLE.fullmatch(match.group())
            if name is None or name.group(1) not in prompt.variables:
                expected = "one of " + ", ".join(prompt.variables)
                raise PageError(prompt.path, number, f"`{match.group()}`", expected)
            used.add(name.group(1))
    if unused := [name for name in prompt.variables if name not in used]:
        raise PageError(
            prompt.path, 1, f"variable `{unused[0]}` that the text never uses", f"`{{{{{unused[0]}}}}}` in the text"
        )


def render(prompt: Prompt, values: Mapping[str, str]) -> str:
    """The template with its variables filled; a value is inserted as it is and never rendered again.

    Raises:
        PageError: A variable has no value, or a value no variable.
    """
    for name in prompt.variables:
        if name not in values:
            raise PageError(prompt.path, prompt.first_line, f"no value for `{name}`", "every declared variable filled")
    for name in values:
        if name not in prompt.variables:
            raise PageError(
                prompt.path, prompt.first_line, f"a value for `{name}`", "one of " + ", ".join(prompt.variables)
            )
    return VARIABLE.sub(lambda match: values[match.group(1)], prompt.body)


def draft_prompt(prompt: Prompt, ticket: Ticket, reading: Reading, matches: Sequence[Match], setting: Setting) -> str:
    """The drafting prompt of a ticket."""
    plays = [f"[{play.id}] {play.title}\n{play.text}" for match in matches[:2] for play in match.page.plays]
    labels = [f"{label.name}: “{label.evidence.text}”" for label in (*reading.signals, *reading.risks)]
    return render(
        prompt,
        {
            "company": setting.company,
            "team": setting.team,
            "agent": setting.agent,
            "plays": "\n\n".join(plays),
            "mood": reading.mood,
            "labels": "\n".join(labels) or "none",
            "subject": ticket.title,
            "thread": "\n\n".join(f"{message.role}: {message.text}" for message in ticket.messages if message.public),
        },
    )


def read_prompt(
    prompt: Prompt, definitions: Sequence[SignalDefinition], ticket: Ticket, hide: Callable[[str], str]
) -> str:
    """The reading prompt of a ticket.

    Args:
        hide: Replaces what is personal in the words of the thread.
    """
    labels = [f"- {d.kind} {d.id}: {' '.join(d.definition.split())}" for d in definitions]
    return render(
        prompt,
        {
            "labels": "\n".join(labels),
            "thread": "\n\n".join(f"{m.role}: {hide(m.text)}" for m in ticket.messages if m.public and not m.automatic),
        },
    )
