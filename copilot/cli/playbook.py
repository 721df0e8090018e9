"""`delight playbook …`: what a team lead runs after saving a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from copilot.cli.options import JsonOption, WorkspaceOption
from copilot.cli.output import data, json_lines, progress, say, table

if TYPE_CHECKING:
    from copilot.playbook.models import Finding

app = typer.Typer(help="Build, check and search the playbook.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def build(
    workspace: WorkspaceOption = None,
    force: Annotated[bool, typer.Option("--force", help="Compile and encode everything again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the pages live: compile the encoder once, encode what changed, swap the index in. Pages with errors change nothing."""
    from copilot.bootstrap import open_workspace
    from copilot.playbook.build import build as run

    space = open_workspace(workspace)
    with progress() as bar:
        report = run(
            space.playbooks,
            space.index,
            space.settings.encoder,
            space.clock().date(),
            lessons=space.lessons(),
            force=force,
            progress=bar,
        )
    if as_json:
        json_lines([report.model_dump(mode="json", exclude={"linted"})])
        return
    for finding in report.linted.findings:
        say(str(finding))
    what = "nothing changed" if report.unchanged else f"{report.encoded} texts encoded"
    own = f", own signals: {', '.join(report.own_signals)}" if report.own_signals else ""
    say(f"{report.pages} pages, {report.entries} entries, {what}{own}; build {report.build} serves.")
    if (learned := report.learned) is not None:
        held = (
            f", held-out right: {learned.before} before, {learned.after} after"
            if learned.after or learned.before
            else ""
        )
        say(f"{learned.corrections} corrections by {learned.people}{held}: {learned.why}.")


@app.command()
def check(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Parse every page, try every condition, run every example. Exit 1 where something is wrong."""
    from copilot.bootstrap import open_workspace
    from copilot.playbook.examples import run_examples
    from copilot.playbook.lint import lint
    from copilot.playbook.search import current

    space = open_workspace(workspace)
    linted = lint(space.playbooks, space.clock().date())
    findings = [*linted.findings, *_other_files(space.playbooks)]
    summary = ""
    if not linted.errors:
        if current(space.index) is None:
            say("no index yet: the examples are not run; `delight playbook build` makes one")
        else:
            reader, playbook = space.brain.get()
            if {p.digest for p in playbook.pages} != {p.digest for p in linted.pages}:
                say(
                    "the index is older than the pages: examples run against what serves; `delight playbook build` makes the pages live"
                )
            report = run_examples(playbook, reader)
            findings += report.findings
            summary = f", {report.passed} of {report.total} examples right ({report.unseen} of {report.examples} even when left out)"
    if as_json:
        json_lines(findings)
    else:
        for finding in findings:
            data(str(finding))
        say(
            f"{len(linted.pages)} pages, {len(linted.definitions)} signals and risks{summary}, {len(findings)} findings"
        )
    space.close()
    if findings:
        raise typer.Exit(1)


@app.command()
def search(
    words: Annotated[str, typer.Argument(help="A customer's message, or any words.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=20, help="How many pages.")] = 5,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which pages a message brings up, how near they are, and why."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    matches = space.brain.get()[1].search(words, count)
    if as_json:
        json_lines(
            [
                {"page": m.page.id, "score": m.score, "why": m.why, "play": m.play.id, "citation": m.play.citation}
                for m in matches
            ]
        )
    else:
        table(("score", "page", "play", "why"), [(f"{m.score:.2f}", m.page.path, m.play.title, m.why) for m in matches])
    space.close()


def _other_files(playbooks: Path) -> list[Finding]:
    """What is wrong in the files of the folder that are no pages: policy, tone, reviews, the customer's page."""
    from copilot.asking.consent import load_texts
    from copilot.asking.policy import load_policy
    from copilot.asking.review import load_review
    from copilot.drafting.tone import load_tone
    from copilot.errors import PageError
    from copilot.playbook.models import Finding

    looks = (("asking.md", load_policy), ("tone.md", load_tone), ("review.md", load_review), ("consent", load_texts))
    found = []
    for name, look in looks:
        try:
            if (playbooks / name).exists():
                look(playbooks)
        except PageError as error:
            said = f"found {error.found}; expected {error.expected}"
            found.append(Finding(path=error.path, line=error.line, level="error", message=said))
    return found
