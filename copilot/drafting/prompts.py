"""Prompt templates: markdown files with front matter, rendered strictly. Sending them is not this module's business."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from copilot.drafting.composer import Setting
from copilot.drafting.models import Length, ModelReply
from copilot.drafting.tone import ToneGuide
from copilot.errors import NotFound, PageError
from copilot.llm.client import CHARACTERS_A_TOKEN, Said
from copilot.playbook.frontmatter import Stamp, read_page, split, stamp, validate
from copilot.playbook.models import Match, Tone, Walk
from copilot.playbook.slots import BLANK
from copilot.reading.models import Reading, SignalDefinition
from copilot.tickets.models import Message, Model, Ticket

VARIABLE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
ANY_BRACES = re.compile(r"\{\{.*?\}\}")
TURN = "====="
"""The line between what never changes from ticket to ticket, which a provider can keep, and the ticket."""
PAGES = 2
"""Pages whose plays a model is given."""
Task = Literal["draft", "read", "story"]
OUTPUTS: dict[Task, type[Model]] = {"draft": ModelReply}
"""What an answer of a task must hold; the front matter says the same, so that a reader of the file knows."""


class PromptMatter(Model):
    """Front matter of a template."""

    id: str = Field(min_length=1)
    version: str = Field(min_length=1)
    task: Task
    variables: tuple[str, ...]
    output: dict[str, tuple[str, ...]] = {}


class Prompt(PromptMatter):
    """One template; `body` still holds its `{{variables}}`."""

    path: str
    first_line: int
    body: str

    @property
    def name(self) -> str:
        """`draft/2`: kept with whatever it brought about."""
        return f"{self.id}/{self.version}"


class Rendered(NamedTuple):
    """A prompt as it is sent, letter for letter; `trimmed` says what was left out to keep within the budget."""

    messages: tuple[Said, ...]
    name: str
    trimmed: str = ""

    @property
    def shown(self) -> str:
        """For a person to read before it leaves: every letter of every message, under its role."""
        return "\n".join(f"── {m.role} ──\n{m.text}" for m in self.messages)


def load_prompts(folder: Path) -> list[Prompt]:
    """Every template of a folder, checked.

    Raises:
        PageError: Front matter is wrong, or declared and used variables differ; names file and line.
    """
    paths = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    return [_load(path, stamp(path)) for path in paths]


@cache
def _load(path: Path, _stamp: Stamp) -> Prompt:
    shown = f"{path.parent.name}/{path.name}"
    text = read_page(path)
    values, body, first_line = split(shown, text)
    matter = validate(shown, text, PromptMatter, values)
    first_line += len(body) - len(body.lstrip("\n"))
    prompt = Prompt(**matter.model_dump(), path=shown, first_line=first_line, body=body.strip("\n") + "\n")
    _check_variables(prompt)
    _check_output(prompt, text)
    return prompt


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


def _check_output(prompt: Prompt, text: str) -> None:
    """The front matter must promise what the program takes."""
    wanted = OUTPUTS.get(prompt.task)
    if wanted is None or not prompt.output or set(prompt.output) == set(wanted.model_fields):
        return
    line = next((i for i, row in enumerate(text.split("\n"), start=1) if row.startswith("output")), 1)
    raise PageError(prompt.path, line, ", ".join(prompt.output), ", ".join(wanted.model_fields))


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


def draft_prompt(
    prompt: Prompt,
    ticket: Ticket,
    reading: Reading,
    matches: Sequence[Match],
    setting: Setting,
    *,
    walk: Walk | None,
    tone: Tone,
    length: Length,
    guide: ToneGuide,
    hide: Callable[[str], str],
    tokens: int,
) -> Rendered:
    """The drafting prompt of a ticket, within its budget.

    Args:
        walk: The decision taken, if one was.
        hide: Replaces what is personal.
        tokens: The budget; the oldest turns are left out until it is kept, but never the last message.

    Raises:
        PageError: The template and its values do not fit together.
    """
    plays = [play for match in matches[:PAGES] for play in match.page.plays if play.kind not in ("ask", "escalation")]
    blanks = dict.fromkeys(blank for play in plays for blank in BLANK.findall(play.text))
    labels = [f"{label.name}: “{label.evidence.text}”" for label in (*reading.signals, *reading.risks)]
    values = {
        "company": setting.company,
        "team": setting.team,
        "banned": "; ".join(guide.banned) or "none",
        "plays": "\n\n".join(f"[{play.id}] {play.title}\n{play.text}" for play in plays) or "none",
        "decision": _decided(walk),
        "mood": reading.mood,
        "labels": "\n".join(labels) or "none",
        "tone": tone,
        "length": LENGTH_WORDS[length],
        "blanks": "; ".join(blanks) or "none",
        "agent": setting.agent or "[[your name]]",
        "subject": ticket.title,
    }
    return _within(prompt, values, ticket, hide, tokens)


def story_prompt(
    prompt: Prompt,
    ticket: Ticket,
    company: str,
    signal: str,
    quote: str,
    *,
    hide: Callable[[str], str],
    tokens: int,
) -> Rendered:
    """The prompt that words the frame of a ticket's story, within its budget.

    Args:
        signal: What delighted the customer.
        quote: The words that were chosen.
        hide: Replaces what is personal.
        tokens: The budget, as of a drafting prompt.

    Raises:
        PageError: The template and its values do not fit together.
    """
    values = {"company": company, "signal": signal, "quote": quote, "subject": ticket.title}
    return _within(prompt, values, ticket, hide, tokens)


def _within(
    prompt: Prompt, values: Mapping[str, str], ticket: Ticket, hide: Callable[[str], str], tokens: int
) -> Rendered:
    """A prompt with as much of the thread as the budget holds; the last message always stays."""
    turns = [_turn(m) for m in ticket.messages if m.public and not m.automatic]
    for left_out in range(len(turns)):
        note = f"[{left_out} older message{'s' * (left_out > 1)} left out]\n\n" if left_out else ""
        thread = note + "\n\n".join(turns[left_out:])
        stable, _, own = render(prompt, {**values, "thread": thread}).partition(f"{TURN}\n")
        messages = (Said("system", stable), Said("user", hide(own))) if own else (Said("user", hide(stable)),)
        if sum(len(m.text) for m in messages) <= tokens * CHARACTERS_A_TOKEN:
            break
    trimmed = f"{left_out} of {len(turns)} messages were left out of what the model was told" if left_out else ""
    return Rendered(messages, prompt.name, trimmed)


LENGTH_WORDS: dict[Length, str] = {
    "short": "as short as it can be and still be kind",
    "normal": "as long as a careful colleague would",
    "long": "with every step explained",
}


def _turn(message: Message) -> str:
    return f"{message.role}: {message.text}"


def _decided(walk: Walk | None) -> str:
    if walk is None or walk.leaf is None:
        return "none. Offer nothing."
    approval = f", which {walk.leaf.approval} must approve" if walk.leaf.approval else ""
    return f"{walk.title}: {walk.leaf.offer}, up to {walk.leaf.limit}{approval}. Offer nothing beyond it."


def read_prompt(
    prompt: Prompt, definitions: Sequence[SignalDefinition], ticket: Ticket, hide: Callable[[str], str]
) -> Rendered:
    """The reading prompt of a ticket.

    Args:
        hide: Replaces what is personal in the words of the thread.
    """
    labels = [f"- {d.kind} {d.id}: {' '.join(d.definition.split())}" for d in definitions]
    thread = "\n\n".join(f"{m.role}: {hide(m.text)}" for m in ticket.messages if m.public and not m.automatic)
    text = render(prompt, {"labels": "\n".join(labels), "thread": thread})
    return Rendered((Said("user", text),), prompt.name)
