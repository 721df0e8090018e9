"""Pages: every kind of play with its lines, every way of being wrong with its line, and no other error ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.errors import PageError
from copilot.playbook.frontmatter import read_page
from copilot.playbook.models import Leaf, Limit, Page, Question
from copilot.playbook.parse import parse_page
from copilot.playbook.signals import load_definitions, parse_definition
from copilot.reading.models import SignalDefinition
from tests.conftest import PLAYBOOKS
from tests.playbook.conftest import HEAD, OUTAGE, SIGNAL

WHOLE = """---
id: proactive-fix
title: Fixed first
signals: [proactive_fix]
risks: []
moods: [satisfied, delighted]
tone: celebratory
ask: quote
outcome: testimonial
owner: Priya
reviewed: 2026-10-01
locale: en
---
The customer is pleased that we
found it first.

## Opening
- calm: Thank you for
  telling us.
- We like `code` and *stress*.

## Empathy
- celebratory: Great!

## Recovery

One paragraph, no bullets.

## Pivot
- Your note matters, {customer.first_name}.

## Closing
- Write to us: [[say how]].

## Script: Password reset!
- Press the link.
- Use the link in the mail.

## Ask: quote
- You wrote "{customer.quote}". May we show it?

## Tone
Do not boast.

## Decision: credit for downtime

- Could they not work at all? `"outage" in risks`
  - yes: Longer than four hours?
    - yes: offer a credit; up to 10%; approval: team lead
    - no: offer an apology; up to nothing
  - no: offer a month; up to 1 month

## Escalate

| When | To | Within | Why |
|---|---|---|---|
| `mood == "angry" \\|\\| moment` | Shift lead | 30m | Anger grows |
| `moment` | Priya | 2d | |

## Examples
- You found it first.
- agent: we moved you
  customer: so that is why.
  Brilliant.

## Near misses
- Where is it?
"""


def parsed(folder: Path, text: str) -> Page:
    path = folder / "up.md"
    path.write_text(text, "utf-8")
    return parse_page(path, "playbooks/up.md")


def line_of(words: str, text: str = WHOLE) -> int:
    (line,) = [n for n, row in enumerate(text.split("\n"), start=1) if row.strip().startswith(words)]
    return line


def test_every_kind_of_play_is_parsed_with_its_lines(tmp_path: Path) -> None:
    page = parsed(tmp_path, WHOLE)
    assert [play.id for play in page.plays] == [
        "proactive-fix#opening",
        "proactive-fix#empathy",
        "proactive-fix#recovery",
        "proactive-fix#pivot",
        "proactive-fix#closing",
        "proactive-fix#script-password-reset",
        "proactive-fix#ask-quote",
        "proactive-fix#tone",
        "proactive-fix#decision-credit-for-downtime",
        "proactive-fix#escalation",
    ]
    heads = ["Opening", "Empathy", "Recovery", "Pivot", "Closing", "Script:", "Ask:", "Tone", "Decision:", "Escalate"]
    assert [play.line for play in page.plays] == [line_of("## " + head) for head in heads]
    next_heads = [*heads[1:], "Examples"]
    assert [play.last_line for play in page.plays] == [line_of("## " + head) - 2 for head in next_heads]
    assert page.plays[0].citation == f"playbooks/up.md:{line_of('## Opening')}-{line_of('- We like')}"


def test_front_matter_and_intent_are_read(tmp_path: Path) -> None:
    page = parsed(tmp_path, WHOLE)
    assert (page.title, page.signals, page.moods, page.tone) == (
        "Fixed first", ("proactive_fix",), ("satisfied", "delighted"), "celebratory",
    )  # fmt: skip
    assert (page.ask, page.outcome, page.owner, page.reviewed) == ("quote", "testimonial", "Priya", date(2026, 10, 1))
    assert page.intent == "The customer is pleased that we\nfound it first."


def test_a_bullet_is_one_phrasing_with_its_tone_and_line(tmp_path: Path) -> None:
    opening, empathy, recovery = parsed(tmp_path, WHOLE).plays[:3]
    assert [(p.text, p.tone, p.line) for p in opening.phrasings] == [
        ("Thank you for telling us.", "calm", line_of("- calm: Thank you")),
        ("We like `code` and stress.", None, line_of("- We like")),
    ]
    assert empathy.phrasings[0].tone == "celebratory"
    assert [(p.text, p.line) for p in recovery.phrasings] == [("One paragraph, no bullets.", line_of("One paragraph"))]


def test_a_decision_is_a_tree_of_questions_and_leaves(tmp_path: Path) -> None:
    (decision,) = parsed(tmp_path, WHOLE).of("decision")
    top = decision.decision
    assert top is not None
    assert (top.text, top.condition, top.line) == (
        "Could they not work at all?", '"outage" in risks', line_of("- Could they"),
    )  # fmt: skip
    assert isinstance(top.yes, Question)
    assert (top.yes.text, top.yes.condition) == ("Longer than four hours?", "")
    assert top.yes.yes == Leaf(
        offer="a credit", limit=Limit(amount=10, unit="%"), approval="team lead", line=line_of("- yes: offer a credit")
    )
    assert top.no == Leaf(offer="a month", limit=Limit(amount=1, unit="month"), line=line_of("- no: offer a month"))


def test_an_escalation_table_is_rules_with_their_lines(tmp_path: Path) -> None:
    (play,) = parsed(tmp_path, WHOLE).of("escalation")
    assert [(r.condition, r.to, r.within, r.why) for r in play.rules] == [
        ('mood == "angry" || moment', "Shift lead", timedelta(minutes=30), "Anger grows"),
        ("moment", "Priya", timedelta(days=2), ""),
    ]
    assert [r.line for r in play.rules] == [line_of('| `mood == "angry"'), line_of("| `moment`")]


def test_examples_are_threads_that_end_with_the_customer(tmp_path: Path) -> None:
    page = parsed(tmp_path, WHOLE)
    assert [example.turns for example in page.examples] == [
        (("customer", "You found it first."),),
        (("agent", "we moved you"), ("customer", "so that is why. Brilliant.")),
    ]
    assert [example.line for example in page.examples] == [line_of("- You found"), line_of("- agent:")]
    assert [example.turns[0][1] for example in page.near_misses] == ["Where is it?"]


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("nothing", 0, ""),
        ("10%", 10, "%"),
        ("7.5 %", 7.5, "%"),
        ("20 EUR", 20, "EUR"),
        ("€20", 20, "EUR"),
        ("$ 9.50", 9.5, "USD"),
        ("1 month", 1, "month"),
        ("5000 miles", 5000, "miles"),
    ],
)
def test_a_limit_is_an_amount_of_a_unit(tmp_path: Path, text: str, amount: float, unit: str) -> None:
    page = parsed(tmp_path, HEAD + f"## Decision: x\n- Sure?\n  - yes: offer it; up to {text}\n  - no: offer no\n")
    decision = page.plays[0].decision
    assert decision is not None
    assert isinstance(decision.yes, Leaf)
    assert decision.yes.limit == Limit(amount=amount, unit=unit)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    plain = parsed(tmp_path, WHOLE)
    path = tmp_path / "bom.md"
    path.write_bytes(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode())
    assert parse_page(path, "playbooks/up.md") == plain


OPENING = "## Opening\n- Hello.\n\n"
TABLE = "## Escalate\n\n| When | To | Within | Why |\n|---|---|---|---|\n"
WRONG: list[tuple[str, str, int, str]] = [
    ("no front matter", "# Title\n", 1, "front matter"),
    ("an empty file", "", 1, "front matter"),
    ("front matter not closed", "---\nid: up\ntitle: Up\n", 4, "close the front matter"),
    ("bad YAML", "---\nid: up\ntitle: [Up\n---\nx\n", 3, "YAML"),
    ("a list for front matter", "---\n- id\n---\nx\n", 2, "key: value"),
    ("a date that is none", HEAD.replace("id: up", "id: up\nreviewed: 2026-13-45") + OPENING, 2, "month"),
    ("front matter nested too deep", "---\nid: " + "[" * 3000 + "\n---\nx\n", 2, "front matter"),
    ("an unknown key", HEAD.replace("title: Up", "title: Up\nmodo: calm") + OPENING, 4, "modo"),
    ("no id", HEAD.replace("id: up\n", "") + OPENING, 1, "id"),
    ("no title, and one in the text", HEAD.replace("title: Up\n", "") + "title: Up\n\n" + OPENING, 1, "title"),
    ("an id with a space", HEAD.replace("id: up", "id: up and away") + OPENING, 2, "up and away"),
    ("an unknown mood", HEAD.replace("title: Up", "title: Up\nmoods: [cross]") + OPENING, 4, "moods"),
    ("an unknown tone", HEAD.replace("title: Up", "title: Up\ntone: jolly") + OPENING, 4, "jolly"),
    ("no intent", "---\nid: up\ntitle: Up\n---\n\n" + OPENING, 5, "intent"),
    ("no section", HEAD, 5, "no section"),
    ("an unknown heading", HEAD + OPENING + "## Opneing\n- Hello.\n", 10, "Opneing"),
    ("a name where none belongs", HEAD + "## Opening: x\n- Hello.\n", 7, "Opening: x"),
    ("a script without a name", HEAD + "## Script\n- Hello.\n", 7, "Script"),
    ("a heading of level 1", HEAD + OPENING + "# Empathy\n- Hello.\n", 10, "level 1"),
    ("a heading of level 3", HEAD + OPENING + "### Empathy\n- Hello.\n", 10, "level 3"),
    ("a section twice", HEAD + OPENING + OPENING, 10, "second"),
    ("examples twice", HEAD + OPENING + "## Examples\n- One.\n\n## Examples\n- Two.\n", 13, "second"),
    ("an empty section", HEAD + "## Opening\n\n## Empathy\n- x\n", 7, "nothing under"),
    ("an unknown slot", HEAD + "## Opening\n- Hi.\n- Hi {customer.frist_name}.\n", 9, "{customer.first_name}"),
    ("a slot with a space", HEAD + "## Opening\n- Hi { customer.name }.\n", 8, "{customer.name}"),
    ("a slot like no other", HEAD + "## Opening\n- Hi {zzz}.\n", 8, "one of"),
    ("an unclosed slot", HEAD + "## Opening\n- Hi {customer.name, hello.\n", 8, "not closed"),
    ("an unopened slot", HEAD + "## Opening\n- Hi customer.name}, hello.\n", 8, "not closed"),
    ("an unclosed blank", HEAD + "## Opening\n- Hi.\n- It is [[say what.\n", 9, "blank"),
    ("an unopened blank", HEAD + "## Opening\n- It is say what]].\n", 8, "blank"),
    ("an empty blank", HEAD + "## Opening\n- It is [[]].\n", 8, "blank"),
    ("a tone and nothing else", HEAD + "## Opening\n- Hi.\n-\n", 9, "empty bullet"),
    ("a numbered list", HEAD + "## Opening\n1. One.\n2. Two.\n", 8, "ordered list"),
    ("a bullet under a bullet", HEAD + "## Opening\n- One.\n  - Two.\n", 9, "inside a bullet"),
    ("a table of phrasings", HEAD + "## Opening\n\n| a | b |\n|---|---|\n| c | d |\n", 9, "table"),
    ("an unknown ask", HEAD + "## Ask: beg\n- x\n", 7, "beg"),
    ("an ask without quote", HEAD + '## Ask: quote\n- "{customer.quote}"?\n- May we?\n', 9, "customer's words"),
    ("no top question", HEAD + "## Decision: x\n\nSome words.\n", 7, "top question"),
    ("two top questions", HEAD + "## Decision: x\n- One?\n- Two?\n", 7, "top question"),
    ("no question mark", HEAD + "## Decision: x\n- One\n  - yes: offer a\n  - no: offer b\n", 8, "question"),
    ("no no", HEAD + "## Decision: x\n- One?\n  - yes: offer a\n", 8, "`yes:` and `no:`"),
    ("no yes", HEAD + "## Decision: x\n- One?\n  - no: offer a\n  - maybe: offer b\n", 8, "`yes:` and `no:`"),
    ("yes twice", HEAD + "## Decision: x\n- One?\n  - yes: offer a\n  - yes: offer b\n  - no: offer c\n", 8, "exactly"),
    ("yes without a colon", HEAD + "## Decision: x\n- One?\n  - yes\n  - no: offer b\n", 9, "colon"),
    ("no branches below", HEAD + "## Decision: x\n- One?\n  - yes: Two?\n  - no: offer b\n", 9, "missing"),
    ("a leaf that offers nothing", HEAD + "## Decision: x\n- One?\n  - yes: offer ; up to 5%\n  - no: offer b\n", 9, "empty"),
    ("a leaf with something else", HEAD + "## Decision: x\n- One?\n  - yes: offer a; perhaps\n  - no: offer b\n", 9, "perhaps"),
    ("a leaf with a list", HEAD + "## Decision: x\n- One?\n  - yes: offer a\n    - and b\n  - no: offer b\n", 9, "leaf"),
    ("a bad limit", HEAD + "## Decision: x\n- One?\n  - yes: offer a\n  - no: offer b; up to a lot\n", 10, "a lot"),
    ("an endless limit", HEAD + f"## Decision: x\n- O?\n  - yes: offer a; up to {'9' * 400}%\n  - no: offer b\n", 9, "up to"),
    ("no table", HEAD + "## Escalate\n- Tell somebody.\n", 7, "no table"),
    ("other columns", HEAD + "## Escalate\n\n| If | To | Within | Why |\n|---|---|---|---|\n| `moment` | A | 1h | b |\n", 9, "if"),
    ("a table without rows", HEAD + TABLE, 7, "without rows"),
    ("a row without a condition", HEAD + TABLE + "| `moment` | A | 1h | b |\n| always | A | 1h | b |\n", 12, "always"),
    ("a bad Within", HEAD + TABLE + "| `moment` | A | soon | b |\n", 11, "soon"),
    ("an endless Within", HEAD + TABLE + "| `moment` | A | 99999999999d | b |\n", 11, "Within"),
    ("nobody to tell", HEAD + TABLE + "| `moment` | | 1h | b |\n", 11, "nobody"),
    ("an example that is no bullet", HEAD + OPENING + "## Examples\n\nSome words.\n", 12, "no bullet"),
    ("an example of the agent's", HEAD + OPENING + "## Examples\n- x\n- customer: a\n  agent: b\n", 12, "customer"),
    ("an empty turn", HEAD + OPENING + "## Near misses\n- agent:\n  customer: b\n", 11, "customer"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "words"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_page_that_is_wrong_is_refused_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(PageError) as error:
        parsed(tmp_path, text)
    assert words in str(error.value)
    assert str(error.value).startswith(f"playbooks/up.md:{line}: ")
    assert error.value.expected


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "up.md").write_bytes(b"---\nid: \xff\xfe\n---\n")
    with pytest.raises(PageError, match="UTF-8"):
        read_page(tmp_path / "up.md")
    with pytest.raises(PageError, match="cannot be read"):
        read_page(tmp_path / "nowhere.md")


PIECES = st.sampled_from(
    [*HEAD.split("\n"), *OUTAGE.split("\n"), *WHOLE.split("\n"), "---", "## ", "- yes", "  - no", "```", "> ", "1. ", "===", "|", "|---|",
     "{", "[[", "- offer ", "  - yes:", "<b>", "![a](b)", "[a]: b", "&amp;", "\\", "- customer:", "agent: x"]
)  # fmt: skip


P = TypeVar("P", Page, SignalDefinition)


def outcome(parse: Callable[[Path, str], P], path: Path) -> P | PageError:
    try:
        return parse(path, "any.md")
    except PageError as error:
        return error


@given(lines=st.lists(PIECES | st.text(max_size=30), max_size=25), front=st.booleans())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_markdown_is_a_page_or_a_page_error(tmp_path: Path, lines: list[str], front: bool) -> None:
    path = tmp_path / "any.md"
    path.write_bytes(((HEAD if front else "") + "\n".join(lines)).encode("utf-8", "surrogatepass"))
    for found in (outcome(parse_page, path), outcome(parse_definition, path)):
        if isinstance(found, PageError):
            assert 1 <= found.line <= len(path.read_bytes().splitlines()) + 2
            assert found.expected
        else:
            assert found.path == "any.md"


@given(mutation=st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 30), st.text(max_size=12)))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_page_with_a_hole_or_a_slip_is_a_page_or_a_page_error(tmp_path: Path, mutation: tuple[int, int, str]) -> None:
    at, width, typed = mutation
    text = (WHOLE[:at] + typed + WHOLE[at + width :]).encode("utf-8", "replace").decode()
    (tmp_path / "any.md").write_text(text, "utf-8")
    found = outcome(parse_page, tmp_path / "any.md")
    assert isinstance(found, Page) or 1 <= found.line <= text.count("\n") + 2


SIGNAL_WRONG = [
    (SIGNAL.replace("kind: risk", "kind: mood"), 4, "mood"),
    (SIGNAL.replace("badge: down", "badge: much too long for the queue"), 5, "badge"),
    (SIGNAL.replace("id: outage", "id: moment"), 2, "a part of every reading"),
    (SIGNAL.replace("id: outage", "id: Out-Age"), 2, "Out-Age"),
    (SIGNAL.replace("The service cannot be used.\n", ""), 8, "what the signal is"),
    (SIGNAL + "\n## Opening\n- x\n", 17, "Opening"),
    (SIGNAL + "\n## Examples\n- x\n", 17, "second"),
    (SIGNAL + "- customer: a\n  agent: b\n", 16, "customer"),
    (SIGNAL.replace("severity: high\n", "severity: huge\n"), 6, "huge"),
]


@pytest.mark.parametrize(("text", "line", "words"), SIGNAL_WRONG)
def test_a_signal_page_that_is_wrong_is_refused_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "outage.md"
    path.write_text(text, "utf-8")
    with pytest.raises(PageError) as error:
        parse_definition(path, "playbooks/signals/outage.md")
    assert (error.value.line, words in str(error.value)) == (line, True)


def test_the_starter_signals_load_in_the_order_of_their_ids() -> None:
    definitions = load_definitions(PLAYBOOKS / "signals")
    ids = [definition.id for definition in definitions]
    assert ids == sorted(ids)
    assert {"outage", "proactive_fix", "resolved_thanks"} <= set(ids)
    assert all(len(d.examples) >= 20 and len(d.near_misses) >= 10 for d in definitions)
