"""`delight report …`: how drafts fare, and phrases that could join a page."""

from __future__ import annotations

import typer

from copilot.cli.options import JsonOption, WorkspaceOption
from copilot.cli.output import data, json_lines, say, table

app = typer.Typer(help="See how drafts fare and what pages could learn.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def drafts(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """What of each play, prompt and model was kept, edited and thrown away; the least accepted first."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    found = space.desk.draft_scores()
    space.close()
    if as_json:
        json_lines(found)
        return
    table(
        ("play", "by", "drafted", "kept", "edited", "dropped", "edit distance", "to reply"),
        [
            (
                s.play_id or "(the model's own)",
                f"{s.model} {s.prompt}".strip() or "plays",
                str(s.drafted),
                f"{s.acceptance:.0%}",
                str(s.edited),
                str(s.dropped),
                f"{s.distance:.2f}",
                f"{s.seconds:.0f} s",
            )
            for s in found
        ],
    )
    say("No draft was sent or thrown away yet." if not found else f"{sum(s.drafted for s in found)} paragraphs drafted")


@app.command()
def phrases(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Sentences that agents add again and again, each as a diff of the page it could join; nothing is changed."""
    from copilot.bootstrap import open_workspace
    from copilot.drafting.learning import proposal

    space = open_workspace(workspace)
    found = space.desk.phrases()
    _, playbook = space.brain.get()
    if as_json:
        json_lines([phrase._asdict() for phrase in found])
    else:
        for phrase in found:
            say(f"in {phrase.conversations} conversations: {phrase.text}")
            play = playbook.play(phrase.play_id)
            page = space.playbooks.parent / play.path if play is not None else None
            if play is not None and page is not None and page.exists():
                data(proposal(phrase, play, page))
    space.close()
    say(f"{len(found)} phrases; `git apply` takes a diff, `delight playbook build` makes it live")
