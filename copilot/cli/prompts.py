"""`delight prompts …`: what a model would be told. Nothing is sent: no model is connected in this version."""

from __future__ import annotations

from typing import Annotated

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
    ticket: Annotated[str, typer.Argument(help="queue/id, or the id alone.")], workspace: WorkspaceOption = None
) -> None:
    """Print the drafting prompt of a ticket. Personal data is NOT replaced yet: look at it, do not paste it elsewhere."""
    from copilot.bootstrap import open_workspace
    from copilot.drafting.prompts import draft_prompt, load_prompts
    from copilot.errors import NotFound

    space = open_workspace(workspace)
    ref = space.desk.find(ticket)
    opened = space.desk.opened(ref)
    reading = opened.reading or space.desk.read(ref)
    prompt = next((p for p in load_prompts(space.prompts) if p.task == "draft"), None)
    if prompt is None:
        raise NotFound(f"{space.prompts} holds no prompt with `task: draft`.", hint="`delight init` writes one.")
    data(draft_prompt(prompt, opened.ticket, reading, space.desk.guide(ref).matches, space.desk.setting))
    space.close()
