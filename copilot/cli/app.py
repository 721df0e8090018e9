"""`delight` and its plain commands. Each imports what it needs when it runs: `delight --help` must stay instant."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from copilot.cli import playbook, prompts, release, report, stories
from copilot.cli.options import JsonOption, WorkspaceOption
from copilot.cli.output import Progress, data, json_lines, progress, say, table

if TYPE_CHECKING:
    from copilot.bootstrap import Workspace

app = typer.Typer(
    name="delight",
    help="A copilot for support agents that turns moments of delight into stories. Without a command: the desk.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(playbook.app, name="playbook")
app.add_typer(stories.app, name="stories")
app.add_typer(prompts.app, name="prompts")
app.add_typer(report.app, name="report")
app.add_typer(release.permissions, name="permissions")
app.add_typer(release.customers, name="customers")
app.add_typer(release.users, name="users")
app.add_typer(release.tokens, name="tokens")
app.add_typer(release.webhooks, name="webhooks")
app.add_typer(release.top)


def _version(asked: bool) -> None:
    if asked:
        from copilot import __version__

        data(f"delight {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def desk(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Open the desk on the workspace's queue."""
    if workspace is not None:
        os.environ["DELIGHT_WORKSPACE"] = str(workspace)  # `delight -w DIR draft …`: the commands below look here
    if context.invoked_subcommand is None:
        _open_desk(workspace)


def _open_desk(folder: Path | None) -> None:
    from copilot.bootstrap import open_workspace
    from copilot.tui.app import DeskApp

    space = open_workspace(folder)
    try:
        DeskApp(space.desk, keymap=space.settings.keys).run()
    finally:
        space.close()


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--in", help="Where the demo keeps its workspace.")] = Path(".demo"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Start again: forget what was done in the demo.")] = False,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Make everything ready, but do not open the desk.")
    ] = False,
) -> None:
    """Open the desk on the sample queue. No key, no server, no network."""
    import json
    import shutil
    from datetime import UTC, datetime

    from copilot.bootstrap import DEMO_QUEUE, demo_workspace
    from copilot.playbook.build import build
    from copilot.tickets.sample import SampleQueue
    from copilot.tickets.sync import sync

    if fresh and (folder / "delight.toml").exists():
        shutil.rmtree(folder)
    space = demo_workspace(folder)
    with progress() as bar:
        now = datetime.now(UTC)
        build(space.playbooks, space.index, space.settings.encoder, now.date(), progress=bar)
        began = folder / "began.json"
        if not began.exists():
            began.write_text(json.dumps(now.isoformat()), "utf-8")
        start = datetime.fromisoformat(json.loads(began.read_text("utf-8")))
        sync(space.database, DEMO_QUEUE, SampleQueue(DEMO_QUEUE, start), now)
        space.desk.read_all(lambda done, total: bar("reading the queue", done, total))
        space.desk.refresh_due()
    if prepare:
        say(f"The demo is ready: delight demo --in {folder}")
        return
    from copilot.tui.app import DeskApp

    try:
        DeskApp(space.desk, keymap=space.settings.keys).run()
    finally:
        space.close()


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    agent: Annotated[str, typer.Option(help="Your name, as customers see it.")] = "",
    company: Annotated[str, typer.Option(help="The company's name.")] = "",
) -> None:
    """Make a workspace: settings, the starter playbook, prompts."""
    from copilot.bootstrap import make_workspace

    values = {name: value for name, value in (("agent", agent), ("company", company)) if value}
    for path in make_workspace(folder, **values):
        say(f"wrote {path}")
    say(
        f"Next: edit {folder / 'delight.toml'}, then `cd {folder}`, `delight playbook build`, `delight sync FILE`, `delight`."
    )


@app.command()
def sync(
    path: Annotated[
        Path | None, typer.Argument(help="A .jsonl, .csv or .mbox file, a Maildir, a folder of .eml files.")
    ] = None,
    queue: Annotated[str, typer.Option("--queue", "-q", help="Name of the queue; else the name of the file.")] = "",
    kind: Annotated[
        Literal["auto", "jsonl", "csv", "mbox", "maildir", "eml"], typer.Option(help="What the path holds.")
    ] = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a queue of files into the workspace, or with no path every queue in delight.toml. Running it twice changes nothing, unless the reader changed."""
    import re

    from copilot.bootstrap import open_workspace
    from copilot.errors import UsageError
    from copilot.settings import QueueSettings
    from copilot.tickets.sources import open_source
    from copilot.tickets.sync import sync as bring_in

    space = open_workspace(workspace)
    if path is not None:
        name = queue or re.sub(r"[^\w.-]+", "-", path.resolve().stem)
        queues = {name: QueueSettings(path=path.resolve(), kind=kind)}
    else:
        queues = {n: q for n, q in space.settings.queues.items() if not queue or n == queue}
    if not queues:
        raise UsageError("No queue to read.", hint="Give a path, or a [queues.NAME] table in delight.toml.")
    aside = 0
    with progress() as bar:
        reports = []
        for name, q in queues.items():
            source = open_source(name, space.settings.resolve(q.path), q.kind, space.settings.team_address)
            reports.append(
                bring_in(
                    space.database,
                    name,
                    source,
                    space.clock(),
                    progress=partial(_report_sync, bar, name),
                )
            )
        _ensure_index(space, bar)
        space.desk.read_all(lambda done, total: bar("reading moods and signals", done, total))
        space.desk.refresh_due()
    for synced in reports:
        aside += len(synced.set_aside)
        if as_json:
            json_lines([synced])
            continue
        say(
            f"{synced.queue}: {synced.seen} conversations, {len(synced.changed)} new or changed, {len(synced.set_aside)} set aside"
        )
        for item in synced.set_aside:
            say(f"  {item.file}:{item.line}: {item.reason}")
    space.close()
    if aside:
        raise typer.Exit(1)


def _report_sync(bar: Progress, name: str, seen: int) -> None:
    bar(f"reading {name}", seen, seen)


def _ensure_index(space: Workspace, bar: Progress) -> None:
    """Build the index where there is none yet."""
    from copilot.playbook.build import build
    from copilot.playbook.search import current

    if current(space.index) is None:
        build(space.playbooks, space.index, space.settings.encoder, space.clock().date(), progress=bar)


@app.command()
def read(
    file: Annotated[Path | None, typer.Argument(help="JSON lines; left out, stdin.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write here, with a bar; a run that was killed is taken up.")] = None,
    replies: Annotated[bool, typer.Option("--replies", help="Read replies to permission asks.")] = False,
    model: Annotated[bool, typer.Option("--model", help="Ask the model of [reading] too.")] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Say where the model and the offline reader differ.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Conversations as JSON lines in, one reading a line out, in the same order.

    In: {"id", "turns": [{"role", "text"}]}. Out: {"id", "mood", "mood_confidence", "sarcasm", "signals", "risks",
    "moment", "ask_ok", "evidence"}, with "read": false and "why_not" where nothing may be judged (another language), and
    "note" where a person should know how it was read; a line that cannot be read gives {"id", "line", "error"} and exit
    code 1. With --replies, in: {"id", "ask", "reply"}; out: {"id", "label", "conditions", "confidence", "why"}. With
    --compare, out: {"id", "differ", "offline", "model"}.
    """
    from copilot.cli.reading import What, read_lines
    from copilot.errors import UsageError

    if replies + model + compare > 1:
        raise UsageError("--replies, --model and --compare are three different things.", hint="Give one of them.")
    what: What = "replies" if replies else "model" if model else "compare" if compare else "offline"
    if read_lines(file, out, workspace, what=what):
        raise typer.Exit(1)


@app.command()
def draft(
    ticket: Annotated[str, typer.Argument(help="queue/id, or the id alone.")],
    tone: Annotated[str, typer.Option(help="calm, warm or celebratory; else what fits the mood.")] = "",
    model: Annotated[bool, typer.Option("--model", help="Let the model of [llm] write it; else the plays do.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a reply and what the checks say about it. Nothing is kept or sent; exit 1 where something blocks."""

    from copilot.bootstrap import open_workspace
    from copilot.drafting.checks import check
    from copilot.errors import UsageError
    from copilot.playbook.models import TONES

    if tone and tone not in TONES:
        raise UsageError(f"There is no tone {tone}.", hint=f"Choose {', '.join(TONES)}.")
    space = open_workspace(workspace)
    ref = space.desk.find(ticket)
    if model and not space.desk.has_model:
        raise UsageError("There is no model.", hint="Name one under [llm] in delight.toml.")
    made = space.desk.preview(ref, tone or None, model=model)
    if made.note:
        say(made.note)
    written = tuple(part.text for part in made.parts if part.source == "model")
    findings = check(made.text, space.desk.context(ref).model_copy(update={"written": written}))
    if as_json:
        json_lines([{"draft": made.model_dump(mode="json"), "findings": [f.model_dump(mode="json") for f in findings]}])
    else:
        data(made.text)
        for finding in findings:
            say(f"{'blocks' if finding.blocking else 'note'}: {finding.rule}: {finding.message}")
    space.close()
    if any(finding.blocking for finding in findings):
        raise typer.Exit(1)


@app.command()
def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Say what is configured, what works, and what leaves the machine. Exit 3 where something does not work."""
    from copilot.bootstrap import open_workspace
    from copilot.cli.doctor import examine

    space = open_workspace(workspace)
    rows = examine(space)
    if as_json:
        json_lines([{"part": part, "state": state, "detail": detail} for part, state, detail in rows])
    else:
        table(("part", "state", "detail"), rows)
    space.close()
    if any(state == "broken" for _, state, _ in rows):
        raise typer.Exit(3)


@app.command()
def actions(as_json: JsonOption = False) -> None:
    """List every action of the desk with its key: what `[keys]` in delight.toml can change."""
    from copilot.tui.actions import ACTIONS

    if as_json:
        json_lines([{"action": a.id, "key": a.key, "where": a.where, "what": a.title} for a in ACTIONS])
    else:
        table(("action", "key", "where", "what"), [(a.id, a.key, a.where, a.title) for a in ACTIONS])
