"""`delight prompts …`: what a model is told."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from copilot.cli.options import WorkspaceOption
from copilot.cli.output import data, json_lines, say

app = typer.Typer(help="Check and show the prompt templates.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def check(
    workspace: WorkspaceOption = None, as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False
) -> None:
    """Parse every template and check its variables."""
    from copilot.bootstrap import open_workspace
    from copilot.drafting.prompts import load_prompts

    found = load_prompts(open_workspace(workspace).prompts)
    if as_json:
        json_lines([prompt.model_dump(mode="json", exclude={"body"}) for prompt in found])
        return
    for prompt in found:
        data(f"{prompt.path}: {prompt.id} {prompt.version}, {prompt.task}, variables {', '.join(prompt.variables)}")
    say(f"{len(found)} prompts")


@app.command()
def show(
    ticket: Annotated[str, typer.Argument(help="queue/id, or the id alone.")],
    task: Annotated[Literal["draft", "read", "story"], typer.Option(help="draft, read or story.")] = "draft",
    workspace: WorkspaceOption = None,
) -> None:
    """Print the prompt of a ticket, letter for letter what would leave this machine."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    ref = space.desk.find(ticket)
    told = {
        "draft": lambda: space.desk.prompt(ref),
        "read": lambda: space.reading_prompt(space.desk.ticket(ref))[0],
        "story": lambda: space.desk.story_prompt(ref),
    }[task]()
    data(told.shown)
    if told.trimmed:
        say(told.trimmed)
    space.close()
