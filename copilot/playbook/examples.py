"""Runs the examples of every page as the tests they are."""

from __future__ import annotations

from copilot.playbook.models import Finding
from copilot.playbook.search import Playbook
from copilot.reading.models import Example
from copilot.reading.reader import Reader
from copilot.tickets.models import Customer, Message, Model, Ticket

TOP = 3
"""How many pages the desk shows beside a ticket without scrolling."""


class ExampleReport(Model):
    """How the examples fared.

    Attributes:
        passed: Examples and near misses that did as they must, of `total`; each is in the index itself.
        unseen: Examples, of `examples`, that bring their page even when they are taken out of the index: what to
            expect of messages nobody wrote down.
    """

    passed: int
    total: int
    unseen: int
    examples: int
    findings: tuple[Finding, ...]


def run_examples(playbook: Playbook, reader: Reader) -> ExampleReport:
    """Match every example and near miss as if it were a ticket.

    An example must bring its page among the first three; a near miss must not bring it first.
    """
    findings: list[Finding] = []
    total = examples = unseen = 0
    for page in playbook.pages:
        wanted = [(example, True) for example in page.examples] + [(example, False) for example in page.near_misses]
        tickets = [ticket_of(example, page.locale) for example, _ in wanted]
        for (example, must), ticket, reading in zip(wanted, tickets, reader.read_many(tickets), strict=True):
            total += 1
            ids = [match.page.id for match in playbook.match(ticket, reading, count=TOP)]
            if must:
                alone = playbook.match(ticket, reading, count=TOP, left_out=example.turns[-1][1])
                examples += 1
                unseen += any(match.page.id == page.id for match in alone)
            if must and page.id not in ids:
                message = f"this example brings {', '.join(ids) or 'no page'}, not this page, among the first {TOP}"
            elif not must and ids and ids[0] == page.id:
                message = "this near miss brings the page first"
            else:
                continue
            findings.append(Finding(path=page.path, line=example.line, level="warning", message=message))
    return ExampleReport(
        passed=total - len(findings), total=total, unseen=unseen, examples=examples, findings=tuple(findings)
    )


def ticket_of(example: Example, locale: str = "en") -> Ticket:
    """An example as a ticket."""
    return Ticket(
        id=f"example-{example.line}",
        queue="examples",
        customer=Customer(id="example", locale=locale),
        messages=tuple(
            Message(id=str(n), role=role, text=text) for n, (role, text) in enumerate(example.turns, start=1)
        ),
    )
