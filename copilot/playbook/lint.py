"""Reads every page of a folder and says what is wrong, with file and line. Nothing is guessed, nothing is skipped."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from copilot.errors import PageError
from copilot.playbook.conditions import ConditionError, check
from copilot.playbook.models import Finding, Page, Question
from copilot.playbook.parse import parse_page
from copilot.playbook.signals import ENOUGH_EXAMPLES, ENOUGH_NEAR_MISSES, parse_definition
from copilot.reading.models import SignalDefinition
from copilot.tickets.models import Model

STALE = timedelta(days=365)
NOT_PAGES = ("README.md", "asking.md", "review.md", "tone.md")
NO_PAGES_IN = ("signals", "consent")


class Linted(Model):
    """What a playbook folder holds: the pages and definitions that are right, and all findings."""

    pages: tuple[Page, ...]
    definitions: tuple[SignalDefinition, ...]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that stop a build."""
        return tuple(finding for finding in self.findings if finding.level == "error")


def lint(folder: Path, today: date) -> Linted:
    """Check a playbook folder; never raises for what a page says."""
    findings: list[Finding] = []
    if not folder.is_dir():
        findings.append(_finding(str(folder), 1, "error", "the playbook folder is not there; `delight init` makes one"))
    definitions: list[SignalDefinition] = []
    for path in sorted((folder / "signals").glob("*.md")):
        shown = f"{folder.name}/signals/{path.name}"
        try:
            definition = parse_definition(path, shown)
        except PageError as error:
            findings.append(_error(error))
            continue
        if twin := next((d for d in definitions if d.id == definition.id), None):
            findings.append(_finding(shown, 2, "error", f"id `{definition.id}` is taken by {twin.path}"))
            continue
        definitions.append(definition)
        for what, have, enough in (
            ("examples", len(definition.examples), ENOUGH_EXAMPLES),
            ("near misses", len(definition.near_misses), ENOUGH_NEAR_MISSES),
        ):
            if have < enough:
                findings.append(
                    _finding(shown, 1, "warning", f"{have} {what}; {enough} make a signal that can be trusted")
                )
    signals = frozenset(d.id for d in definitions if d.kind == "signal")
    risks = frozenset(d.id for d in definitions if d.kind == "risk")
    pages: list[Page] = []
    for path in sorted(folder.rglob("*.md")):
        inside = path.relative_to(folder)
        if inside.name in NOT_PAGES or inside.parts[0] in NO_PAGES_IN:
            continue
        shown = f"{folder.name}/{inside.as_posix()}"
        try:
            page = parse_page(path, shown)
        except PageError as error:
            findings.append(_error(error))
            continue
        if other := next((p for p in pages if p.id == page.id), None):
            findings.append(_finding(shown, 2, "error", f"id `{page.id}` is taken by {other.path}"))
            continue
        findings += _page_findings(page, signals, risks, today)
        pages.append(page)
    if folder.is_dir() and not pages:
        findings.append(_finding(str(folder), 1, "error", "no page; `delight init` copies the starter playbook"))
    return Linted(pages=tuple(pages), definitions=tuple(definitions), findings=tuple(findings))


def _page_findings(page: Page, signals: frozenset[str], risks: frozenset[str], today: date) -> list[Finding]:
    found = [
        _finding(page.path, 2, "error", f"`{name}` has no page in signals/; known are {', '.join(sorted(known))}")
        for names, known in ((page.signals, signals), (page.risks, risks))
        for name in names
        if name not in known
    ]
    for play in page.plays:
        conditions = [(rule.condition, rule.line) for rule in play.rules]
        if play.decision:
            conditions += _conditions(play.decision)
        for condition, line in conditions:
            try:
                check(condition, signals, risks)
            except ConditionError as error:
                found.append(_finding(page.path, line, "error", str(error)))
    asks = page.of("ask")
    if asks and page.ask not in {play.name for play in asks}:
        said = f"front matter says ask: {page.ask}, the section is Ask: {asks[0].name}"
        found.append(_finding(page.path, asks[0].line, "warning", said))
    if page.reviewed and today - page.reviewed > STALE:
        found.append(_finding(page.path, 1, "warning", f"last reviewed on {page.reviewed}, more than a year ago"))
    if not page.examples:
        found.append(_finding(page.path, 1, "warning", "no `## Examples`: nothing tests what brings this page up"))
    return found


def _conditions(question: Question) -> list[tuple[str, int]]:
    out = [(question.condition, question.line)] if question.condition else []
    for branch in (question.yes, question.no):
        if isinstance(branch, Question):
            out += _conditions(branch)
    return out


def _error(error: PageError) -> Finding:
    return _finding(error.path, error.line, "error", f"found {error.found}; expected {error.expected}")


def _finding(path: str, line: int, level: Literal["error", "warning"], message: str) -> Finding:
    return Finding(path=path, line=line, level=level, message=message)
