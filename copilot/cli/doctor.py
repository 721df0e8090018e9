"""`delight doctor`: looks at every part of a workspace and says what works and what leaves the machine."""

from __future__ import annotations

from functools import partial

from sqlalchemy import func, select

from copilot.bootstrap import Workspace
from copilot.errors import DelightError

Row = tuple[str, str, str]


def examine(space: Workspace) -> list[Row]:
    """(part, state, detail) rows; states are `ok`, `missing` (with the way out) and `broken`."""
    s = space.settings
    rows: list[Row] = [
        ("workspace", "ok", str(s.workspace)),
        (
            "agent",
            "ok" if s.agent else "missing",
            s.agent or "set `agent` in delight.toml: drafts are signed, actions recorded",
        ),
        ("encoder", "ok", s.encoder),
    ]
    rows.append(_try("database", lambda: _database(space)))
    rows.append(_try("playbook", lambda: _playbook(space)))
    rows.append(_try("index", lambda: _index(space)))
    rows.append(_try("asking policy", lambda: _policy(space)))
    rows.append(_try("prompts", lambda: _prompts(space)))
    models = {
        "drafting model": s.llm.models(s.llm.model),
        "story model": s.llm.models(s.llm.story_model or s.llm.model),
        "reading model": s.llm.models(s.reading.model),
    }
    for part, names in models.items():
        rows += [_try(part, partial(_model, space, name)) for name in names] or [
            (part, "ok", "none: everything works without one")
        ]
    rows.append(_try("customer's page", lambda: _page(space)))
    rows.append(_try("permission ledger", lambda: _ledger(space)))
    if not s.queues:
        rows.append(("queues", "missing", "none in delight.toml; `delight sync PATH` reads any file"))
    for name, queue in s.queues.items():
        path = s.resolve(queue.path)
        rows.append(
            (
                f"queue {name}",
                "ok" if path.exists() else "broken",
                str(path) if path.exists() else f"{path} is not there",
            )
        )
    rows.append(("outbox", "ok", f"{s.resolve(s.outbox)} (replies are written here as .eml; nothing is mailed)"))
    rows.append(_try("leaves the machine", lambda: ("ok", _leaves(space))))
    return rows


def _try(part: str, look: object) -> Row:
    try:
        state, detail = look()  # type: ignore[operator]
    except DelightError as error:
        return part, "broken", str(error)
    return part, state, detail


def _database(space: Workspace) -> tuple[str, str]:
    from copilot.tickets.store import set_aside, tickets

    with space.database.read() as connection:
        count = connection.execute(select(func.count()).select_from(tickets)).scalar_one()
        aside = connection.execute(select(func.count()).select_from(set_aside)).scalar_one()
    return "ok", f"{space.database.path}: {count} tickets, {aside} set aside"


def _page(space: Workspace) -> tuple[str, str]:
    """Its texts, and where customers reach it."""
    from copilot.asking.consent import load_texts

    where = space.settings.web.public_url
    if not where:
        return "ok", "none: no `public_url` under [web], so asks carry no link and are answered by reply"
    languages = ", ".join(sorted(load_texts(space.playbooks)))
    accounts = len(space.team.accounts())
    told = f"{languages}; at {where} while `delight serve` runs; {accounts} accounts of the web desk"
    if not space.settings.web.proxies and where.startswith("https:"):
        told += (
            "; `proxies` under [web] names none: behind one, all customers share its address and its limit of requests"
        )
    return "ok", told


def _ledger(space: Workspace) -> tuple[str, str]:
    return "ok", f"{space.telling.verify_ledger()} entries, every one as it was recorded"


def _leaves(space: Workspace) -> str:
    """What is sent where."""
    s = space.settings
    used = [(s.reading.model, "that are opened", "read"), (s.llm.model, "that are drafted for", "draft")]
    used.append((s.llm.story_model or s.llm.model, "whose story is worded", "story"))
    what = "as they are (trusted)" if s.llm.trusted else "with placeholders for what is personal"
    told = [
        f"conversations {which}, to {' or '.join(s.llm.models(model))} at {s.llm.api_base or 'the provider'}, {what} "
        f"(`delight prompts show TICKET --task {task}` shows one)"
        for model, which, task in used
        if model
    ]
    if space.settings.web.public_url:
        told.append("to whoever opens an ask's link: the words it quotes and what was agreed")
    if hooks := space.team.webhooks():
        told.append(f"released stories, to {', '.join(hook.url for hook in hooks)}")
    return "; ".join(told) or "nothing: no model, no telemetry, no server; everything runs here"


def _model(space: Workspace, model: str) -> tuple[str, str]:
    """One tiny call."""
    from time import perf_counter

    from copilot.llm.client import LlmClient, Said, preload

    client = LlmClient((model,), space.settings.llm, space.database, space.clock)
    ask = (Said("user", 'Answer with this JSON object and nothing else: {"ready": true}'),)
    preload()  # seconds that no draft waits for
    began = perf_counter()
    answer = client.complete(ask, task="doctor", prompt_version="doctor/1")
    cost = f"{answer.usd:.4f} USD" if answer.usd else "no price known"
    return "ok", f"{answer.model} answered in {perf_counter() - began:.1f} s, {answer.tokens} tokens, {cost}"


def _playbook(space: Workspace) -> tuple[str, str]:
    from copilot.playbook.lint import lint

    linted = lint(space.playbooks, space.clock().date())
    if linted.errors:
        return "broken", f"{linted.errors[0]} (`delight playbook check` shows all {len(linted.errors)})"
    return "ok", f"{space.playbooks}: {len(linted.pages)} pages, {len(linted.definitions)} signals and risks"


def _index(space: Workspace) -> tuple[str, str]:
    from copilot.playbook.search import current

    if current(space.index) is None:
        return "missing", f"{space.index}: run `delight playbook build`"
    reader, playbook = space.brain.get()
    space.brain.warm()
    return "ok", f"{space.index}: build {playbook.name}, encoder {playbook.encoder.name}, reader {reader.version}"


def _policy(space: Workspace) -> tuple[str, str]:
    from copilot.asking.policy import load_policy

    policy = load_policy(space.playbooks)
    return "ok", f"wording {policy.wording}, cool-down {policy.cool_down_days} days, {policy.yearly_budget} asks a year"


def _prompts(space: Workspace) -> tuple[str, str]:
    from copilot.drafting.prompts import load_prompts

    found = load_prompts(space.prompts)
    return "ok", ", ".join(f"{prompt.id} {prompt.version}" for prompt in found) or "none"
