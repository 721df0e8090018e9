"""`delight stories …`: what marketing runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from copilot.cli.options import JsonOption, WorkspaceOption
from copilot.cli.output import data, json_lines, say, table

app = typer.Typer(help="List, show, approve and export stories.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_stories(
    state: Annotated[
        str,
        typer.Option(help="noticed, awaiting_customer, awaiting_marketing, ready, published, withdrawn or expired."),
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List stories with where they stand."""
    from copilot.bootstrap import open_workspace
    from copilot.errors import UsageError
    from copilot.stories.models import STATES

    if state and state not in STATES:
        raise UsageError(f"There is no state {state}.", hint=f"Choose {', '.join(STATES)}.")
    space = open_workspace(workspace)
    found = [where for where in space.desk.stories() if not state or where.state == state]
    if as_json:
        json_lines(found)
        return
    table(
        ("story", "state", "customer", "hook", "why"),
        [(w.story.id, w.state.replace("_", " "), w.story.customer_name, w.story.hook, w.why) for w in found],
    )
    funnel = space.desk.funnel()
    say(
        f"{funnel.moments} moments, {funnel.asked} asked, {funnel.granted} yes, {funnel.stories} stories, {funnel.ready} ready"
    )
    space.close()


@app.command()
def show(
    story: Annotated[str, typer.Argument(help="The story's id.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one story: words, permission, terms, and what it waits for."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    where = space.desk.story(story)
    if as_json:
        json_lines([where])
        return
    s = where.story
    rows = [
        ("state", f"{where.state.replace('_', ' ')}: {where.why}"),
        ("ticket", s.ticket_ref),
        ("hook", s.hook),
        ("moment", s.moment),
        ("catalyst", s.catalyst + (f" ({s.play_id})" if s.play_id else "")),
        ("signal", s.signal or "none"),
        ("outcome", s.outcome.replace("_", " ")),
        *(("quote", f"“{quote.text}”") for quote in s.quotes),
        ("attribution", where.attribution or "not agreed yet"),
        ("places", ", ".join(where.terms.places) if where.terms else "not agreed yet"),
        ("permission", f"ledger entry {where.permission}" if where.permission else "none"),
        ("disclosure", s.disclosure if s.gift else "nothing was given"),
        ("approved by", where.approved_by or "nobody yet"),
        *((f"on {p.place}", f"{p.address}" + (" (cleared)" if p.removed_at else "")) for p in where.publications),
    ]
    table(("", ""), [(name, " ".join(value.split())) for name, value in rows])
    space.close()


@app.command()
def approve(
    story: Annotated[str, typer.Argument(help="The story's id.")],
    by: Annotated[str, typer.Option("--by", help="Who approves for marketing; else `agent` of the settings.")] = "",
    workspace: WorkspaceOption = None,
) -> None:
    """Turn marketing's key. Possible only once the customer agreed to exactly these words."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    where = space.desk.approve_story(story, by)
    say(
        f"{where.story.id} is {where.state}: approved by {where.approved_by}, {where.attribution}, {', '.join(where.terms.places if where.terms else ())}"
    )
    space.close()


@app.command()
def export(
    fmt: Annotated[
        Literal["markdown", "csv", "json", "html"], typer.Option("--format", "-f", help="What to write.")
    ] = "markdown",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file; else stdout.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the ready stories, and only those, with attribution and disclosure."""
    from copilot.bootstrap import open_workspace
    from copilot.errors import UsageError
    from copilot.stories.export import lines_of
    from copilot.tickets.outbox import write_atomically

    space = open_workspace(workspace)
    pieces = lines_of(fmt, space.telling.exports())
    if out is None:
        for piece in pieces:
            data(piece, end="")
    else:
        try:
            write_atomically(out, "".join(pieces).encode())
            space.telling.note_export(out, space.desk.funnel().ready, space.settings.agent or "delight stories export")
        except OSError as error:
            raise UsageError(f"{out} cannot be written: {error.strerror}.") from error
    found = space.desk.funnel()
    say(
        f"{found.ready} ready; {found.stories - found.ready} not, and so not exported (`delight stories list` says why)"
    )
    space.close()


@app.command()
def publish(
    story: Annotated[str, typer.Argument(help="The story's id.")],
    place: Annotated[Literal["website", "social", "sales", "internal"], typer.Argument(help="Where it stands.")],
    address: Annotated[str, typer.Argument(help="The page, post or deck, so that it can be found again.")],
    campaign: Annotated[str, typer.Option(help="What it is part of.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who published; else `agent` of the settings.")] = "",
    workspace: WorkspaceOption = None,
) -> None:
    """Record where a released story stands."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    where = space.telling.publish(story, place, address, campaign, by or space.desk.who())
    say(f"{where.story.id} is {where.state}: {where.why}")
    space.close()


@app.command()
def cleared(
    number: Annotated[int, typer.Argument(help="The place's number, as `delight due` shows it.")],
    proof: Annotated[str, typer.Argument(help="How you know that it is gone.")],
    by: Annotated[str, typer.Option("--by", help="Who cleared it; else `agent` of the settings.")] = "",
    workspace: WorkspaceOption = None,
) -> None:
    """Record that a place was cleared after a permission was gone."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    done = space.telling.cleared(number, by or space.desk.who(), proof)
    say(f"{done.place} {done.address} is cleared")
    space.close()


@app.command()
def wall(
    out: Annotated[Path, typer.Argument(help="The folder to write; it is made.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Write the wall of selected stories as a page that stands alone, for a site of your own."""
    from copilot.bootstrap import open_workspace
    from copilot.errors import UsageError
    from copilot.tickets.outbox import write_atomically
    from copilot.web.render import STATIC, text

    space = open_workspace(workspace)
    found = [story for story, _ in space.telling.newest(500, "website")]
    made = text("wall.html", stories=found, company=space.settings.company, css="page.css")
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(out / "index.html", made.encode())
        write_atomically(out / "page.css", (STATIC / "page.css").read_bytes())
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.") from error
    say(f"{len(found)} stories on {out / 'index.html'}")
    space.close()
