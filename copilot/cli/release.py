"""`delight permissions …`, `customers …`, `due`, `users …`, `tokens …`, `webhooks …`, `serve`: the second half of the flow."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from copilot.cli.options import JsonOption, WorkspaceOption
from copilot.cli.output import data, json_lines, say, table

top = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
permissions = typer.Typer(help="Prove and show the permission ledger.", no_args_is_help=True, rich_markup_mode=None)
customers = typer.Typer(help="Find, export and erase customers.", no_args_is_help=True, rich_markup_mode=None)
users = typer.Typer(help="Accounts of the web desk.", no_args_is_help=True, rich_markup_mode=None)
tokens = typer.Typer(help="API tokens.", no_args_is_help=True, rich_markup_mode=None)
webhooks = typer.Typer(help="Webhooks.", no_args_is_help=True, rich_markup_mode=None)
Key = Annotated[str, typer.Argument(help="queue/id of the customer, as `delight customers list` shows it.")]


@permissions.command("list")
def list_permissions(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the ledger's entries."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    found = space.telling.ledger()
    if as_json:
        json_lines(found)
    else:
        rows = [
            (str(e.seq), f"{e.at:%Y-%m-%d %H:%M}", e.answer, e.ticket_ref or "erased", e.by, e.words) for e in found
        ]
        table(("entry", "when", "answer", "ticket", "by", "words"), [(*r[:-1], " ".join(r[-1].split())) for r in rows])
    space.close()


@permissions.command()
def verify(workspace: WorkspaceOption = None) -> None:
    """Prove that no entry was changed, left out or put in. Exit 1 where one was."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    count = space.telling.verify_ledger()
    say(f"{count} entries, every one as it was recorded")
    space.close()


@permissions.command()
def proof(
    entry: Annotated[int, typer.Argument(help="The entry's number.")],
    html: Annotated[bool, typer.Option("--html", help="A page to print, or to save as PDF.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Print one page that shows what was agreed, when and how."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    found, digest, history = space.telling.proof(entry)
    space.telling.verify_ledger()
    if html:
        from copilot.web.render import text

        data(text("proof.html", entry=found, hash=digest, history=history, company=space.settings.company))
    else:
        terms = found.terms
        rows = [
            ("entry", f"{found.seq} of the permission ledger of {space.settings.company}"),
            ("answer", found.answer),
            ("when", f"{found.at:%Y-%m-%d %H:%M:%S} UTC"),
            ("words shown", f"“{' '.join(found.words.split())}”" if found.words else "erased at the customer's wish"),
            ("SHA-256", found.words_hash),
            ("places", ", ".join(terms.places) or "none"),
            ("name", terms.shown_as or terms.name_style),
            ("until", str(terms.until or "taken back")),
            ("disclosure", terms.disclosure or "nothing was given"),
            ("conditions", ", ".join(terms.conditions) or "none"),
            ("wording", found.wording),
            ("channel", f"{found.channel} {found.message_id}".strip()),
            ("answered", " ".join(found.answer_text.split()) or "-"),
            ("recorded by", found.by),
            ("hash in chain", digest),
            *(("history", f"{e.at:%Y-%m-%d %H:%M} {e.answer} (entry {e.seq})") for e in history),
        ]
        table(("", ""), rows)
    say("the chain is whole: this entry stands as it was recorded")
    space.close()


@customers.command("list")
def list_customers(
    words: Annotated[str, typer.Argument(help="Name, address or company; left out, the first fifty.")] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find customers."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    found = space.telling.people(words)
    if as_json:
        json_lines([{"key": key, **customer.model_dump(mode="json")} for key, customer in found])
    else:
        table(("customer", "name", "address", "company"), [(k, c.name, c.email, c.company) for k, c in found])
    space.close()


@customers.command("export")
def export_customer(key: Key, workspace: WorkspaceOption = None) -> None:
    """Print all that is held about a customer, as JSON (GDPR 15)."""
    import json

    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    data(json.dumps(space.telling.export_person(key), ensure_ascii=False, indent=2))
    space.close()


@customers.command()
def forget(
    key: Key,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask once more.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Erase a customer everywhere (GDPR 17); the ledger keeps that something was asked and answered, without words or name."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    person = space.telling.person(key)
    if not yes:
        typer.confirm(f"Erase {person.customer.shown} and {len(person.tickets)} conversations for good?", abort=True)
    left = space.telling.forget(key, space.desk.who())
    say(f"erased: {len(person.tickets)} conversations, {len(person.asks)} asks, {len(person.stories)} stories")
    for address in left.places:
        say(f"still stands, and must be cleared: {address}")
    for file in left.files:
        say(f"a copy: {file}")
    say("Mail that was sent, and copies that others made, are out of reach: tell whoever holds them.")
    space.close()


@top.command()
def due(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Close asks that ran out, and list what waits for somebody: reminders, take-downs, re-checks, proofs, reviews."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    space.telling.count_resolved()
    expired = space.telling.expire()
    found = space.telling.due()
    rows = [
        *(
            ("take down", f"{p.take_down_by:%Y-%m-%d}", f"place {p.id}", f"{p.place}: {p.address}")
            for p in found.take_downs
        ),
        *(("remind", f"{a.sent_at:%Y-%m-%d}", a.id, a.ticket_ref) for a in found.reminders),
        *(
            ("ask", f"{w.at:%Y-%m-%d}", w.ref, w.words or ("confirmed" if now else "waits"))
            for w, now in found.scheduled
        ),
        *(("check again", f"{s.recheck_at:%Y-%m-%d}", s.id, s.hook) for s in found.rechecks),
        *(("prove", "", w.story.id, ", ".join(claims)) for w, claims in found.substantiations),
        *(("review", f"{turn.at:%Y-%m-%d}", turn.ref, f"number {turn.number}") for turn in found.reviews),
    ]
    if as_json:
        json_lines([dict(zip(("what", "when", "which", "detail"), row, strict=True)) for row in rows])
    else:
        table(("what", "when", "which", "detail"), rows)
    say(f"{len(rows)} due; {expired} asks ran out now")
    space.close()


@top.command()
def campaign(
    ticket: Annotated[str, typer.Argument(help="queue/id, or the id alone.")],
    department: Annotated[str, typer.Option(help="Who wants to ask.")],
    purpose: Annotated[str, typer.Option(help="What for; one of `purposes` in playbooks/asking.md.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put another department's campaign through the ask gate; its answer is logged. Exit 1 where it says no."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    verdict = space.desk.judge_campaign(space.desk.find(ticket), department, purpose)
    if as_json:
        json_lines([verdict])
    else:
        table(("", "rule", "why"), [("yes" if r.ok else "no", r.rule, r.text) for r in verdict.reasons])
    space.close()
    if not verdict.ok:
        raise typer.Exit(1)


@users.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="As it stands in the log.")],
    role: Annotated[Literal["agent", "lead", "marketing", "admin"], typer.Option(help="What they may do.")] = "agent",
    subject: Annotated[str, typer.Option(help="Who they are to the OpenID provider.")] = "",
    workspace: WorkspaceOption = None,
) -> None:
    """Make an account or change it; asks for the password on the terminal, or takes DELIGHT_PASSWORD."""
    import os

    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    password = os.environ.get("DELIGHT_PASSWORD", "")
    if not password and not subject:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    made = space.team.put_account(name, role, password, space.settings.agent or "the command line", subject)
    say(f"{made.name} may sign in as {made.role}")
    space.close()


@users.command("list")
def list_users(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List accounts."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    found = space.team.accounts()
    if as_json:
        json_lines(found)
    else:
        table(("name", "role", "OpenID subject"), [(a.name, a.role, a.subject) for a in found])
    space.close()


@users.command("remove")
def remove_user(name: str, workspace: WorkspaceOption = None) -> None:
    """Remove an account and end its sessions."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    space.team.remove_account(name, space.settings.agent or "the command line")
    say(f"{name} is removed")
    space.close()


@tokens.command("add")
def add_token(name: str, workspace: WorkspaceOption = None) -> None:
    """Make a token that pulls stories; it is printed this once."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    data(space.team.make_token(name, space.settings.agent or "the command line"))
    space.close()


@tokens.command("list")
def list_tokens(workspace: WorkspaceOption = None) -> None:
    """List tokens by name."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    rows = [(t.name, " ".join(t.scopes), f"{t.made_at:%Y-%m-%d}", t.made_by) for t in space.team.tokens()]
    table(("name", "scopes", "made", "by"), rows)
    space.close()


@tokens.command("revoke")
def revoke_token(name: str, workspace: WorkspaceOption = None) -> None:
    """A token opens nothing any more."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    space.team.revoke_token(name, space.settings.agent or "the command line")
    say(f"{name} is revoked")
    space.close()


@webhooks.command("add")
def add_webhook(url: str, workspace: WorkspaceOption = None) -> None:
    """Tell an address of every story that is released or gone; prints the secret this once."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    data(space.team.add_webhook(url, space.settings.agent or "the command line"))
    space.close()


@webhooks.command("list")
def list_webhooks(workspace: WorkspaceOption = None) -> None:
    """List webhooks, and what never arrived."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    table(("number", "address", "by"), [(str(w.id), w.url, w.made_by) for w in space.team.webhooks()])
    for letter in space.team.dead_letters():
        say(f"never arrived: {letter.id} at {letter.url}: {letter.said}")
    space.close()


@webhooks.command("remove")
def remove_webhook(number: int, workspace: WorkspaceOption = None) -> None:
    """Tell an address no more."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    space.team.remove_webhook(number, space.settings.agent or "the command line")
    say(f"webhook {number} is removed")
    space.close()


@webhooks.command()
def deliver(workspace: WorkspaceOption = None) -> None:
    """Tell what is due now; `delight serve` does this by itself."""
    from copilot.bootstrap import open_workspace

    space = open_workspace(workspace)
    say(f"{space.team.deliver()} tries")
    space.close()


@top.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen; else [web] in delight.toml.")] = None,
    port: Annotated[int | None, typer.Option(help="Its port.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve the customer's page, the web desk, the API and the feeds."""
    from copilot.bootstrap import open_workspace
    from copilot.web.serve import run

    space = open_workspace(workspace)
    web = space.settings.web
    web = web.model_copy(update={"host": host or web.host, "port": web.port if port is None else port})
    if not space.team.accounts():
        say("Nobody can sign in yet: `delight users add NAME --role admin`.")
    try:
        run(space.telling, space.team, web)
    finally:
        space.close()
