"""Reads `playbooks/asking.md`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import get_args

from copilot.asking.models import Policy
from copilot.errors import PageError
from copilot.playbook.frontmatter import Stamp, read_page, split, stamp, validate
from copilot.playbook.models import AskKind
from copilot.playbook.slots import check_slots

SHORTEST_PAUSE = 365


def load_policy(playbooks: Path) -> Policy:
    """The policy of a playbook folder.

    Raises:
        PageError: The file is missing, a line is wrong, or a pause is shorter than a customer's no deserves.
    """
    path = playbooks / "asking.md"
    return _read(path, stamp(path)) if path.exists() else _parsed(path)


@cache
def _read(path: Path, _stamp: Stamp) -> Policy:
    return _parsed(path)


def _parsed(path: Path) -> Policy:
    shown = f"{path.parent.name}/{path.name}"
    text = read_page(path)
    values, _, _ = split(shown, text)
    policy = validate(shown, text, Policy, values)
    lines = text.split("\n")

    def line_of(key: str) -> int:
        return next((n for n, row in enumerate(lines, start=1) if row.startswith(key)), 1)

    for key, least in (("pause_after_decline_days", SHORTEST_PAUSE), ("cool_down_days", 1), ("answer_within_days", 1)):
        if getattr(policy, key) < least:
            raise PageError(shown, line_of(key), f"{key}: {getattr(policy, key)}", f"at least {least}")
    for key in ("gives_between_asks", "yearly_budget", "remind_after_days", "take_down_days", "recheck_days"):
        if getattr(policy, key) < 0:
            raise PageError(shown, line_of(key), f"{key}: {getattr(policy, key)}", "at least 0")
    if missing := [name for name in get_args(AskKind) if name not in policy.kinds]:
        raise PageError(
            shown, line_of("kinds"), f"no {missing[0]} under kinds", f"each of {', '.join(get_args(AskKind))}"
        )
    claimed = [outcome for kind in policy.kinds.values() for outcome in kind.outcomes]
    if double := next((outcome for outcome in claimed if claimed.count(outcome) > 1), ""):
        raise PageError(shown, line_of("kinds"), f"two kinds for {double}", "each outcome under one kind")
    if "{link}" not in policy.link_line:
        raise PageError(
            shown, line_of("link_line"), "a link_line without {link}", "where the page's address goes: {link}"
        )
    for sentence in policy.disclosures.values():
        line = next((n for n, row in enumerate(lines, start=1) if sentence[:20] in row), 1)
        check_slots(shown, line, sentence)
    return policy
