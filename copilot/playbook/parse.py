"""Markdown → Page. Strict: a page either means exactly one thing, or is refused with file, line, found and expected."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, cast, get_args

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from pydantic import Field

from copilot.errors import PageError
from copilot.playbook.frontmatter import read_page, split, validate
from copilot.playbook.models import (
    CURRENCY,
    AskKind,
    EscalationRule,
    Leaf,
    Limit,
    Page,
    Phrasing,
    Play,
    PlayKind,
    Question,
    Tone,
)
from copilot.playbook.slots import check_slots
from copilot.reading.models import Example, Mood, Outcome
from copilot.text import digest
from copilot.tickets.models import Model

PLAIN_KINDS: dict[str, PlayKind] = {
    "opening": "opening",
    "empathy": "empathy",
    "recovery": "recovery",
    "pivot": "pivot",
    "closing": "closing",
    "tone": "tone",
    "escalate": "escalation",
}
NAMED_KINDS: dict[str, PlayKind] = {"script": "script", "ask": "ask", "decision": "decision"}
HEADINGS = "Opening, Empathy, Recovery, Pivot, Closing, Script: …, Ask: …, Decision: …, Escalate, Tone, Examples or Near misses"
TONE_PREFIX = re.compile(r"(calm|warm|celebratory):\s+")
CONDITION = re.compile(r"`([^`]+)`\s*$")
DURATION = re.compile(r"(\d{1,5})\s*(m|h|d)$")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
LIMIT = re.compile(
    r"(?:(?P<percent>\d{1,12}(?:\.\d+)?)\s*%|(?P<symbol>[€$£])\s*(?P<money>\d{1,12}(?:\.\d+)?)|(?P<count>\d{1,12}(?:\.\d+)?)\s+(?P<unit>[A-Za-z][A-Za-z -]*))$"
)
TURN = re.compile(r"(agent|customer):\s*(.*)", re.DOTALL)


class PageMatter(Model):
    """Front matter of a page; every key is explained in playbooks/README.md."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")
    title: str = Field(min_length=1)
    signals: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    moods: tuple[Mood, ...] = ()
    tone: Tone = "warm"
    ask: AskKind | None = None
    outcome: Outcome | None = None
    owner: str = ""
    reviewed: date | None = None
    locale: str = "en"


def parse_page(path: Path, shown: str) -> Page:
    """Read one page.

    Args:
        path: The file.
        shown: How citations name it (`playbooks/outage.md`).

    Raises:
        PageError: With file, line, what was found and what was expected.
    """
    text = read_page(path)
    values, body, first_line = split(shown, text)
    matter = validate(shown, text, PageMatter, values)
    intent, sections = _sections(shown, body, first_line)
    if not intent:
        raise PageError(
            shown, first_line, "no text before the first heading", "the intent of the page, in customers' words"
        )
    plays: list[Play] = []
    examples: dict[str, tuple[Example, ...]] = {}
    for section in sections:
        heading = section.heading.lower()
        if heading in ("examples", "near misses"):
            if heading in examples:
                raise PageError(shown, section.line, f"a second `## {section.heading}`", "each section once")
            examples[heading] = parse_examples(shown, section)
            continue
        play = _play(shown, matter.id, section)
        if any(other.id == play.id for other in plays):
            raise PageError(shown, section.line, f"a second `## {section.heading}`", "each section once")
        plays.append(play)
    if not plays:
        raise PageError(shown, first_line, "no section", f"at least one of {HEADINGS}")
    return Page(
        **matter.model_dump(),
        path=shown,
        intent=intent,
        plays=tuple(plays),
        examples=examples.get("examples", ()),
        near_misses=examples.get("near misses", ()),
        digest=digest(text),
    )


class Section:
    """A level-2 heading and the nodes under it; lines are those of the file."""

    def __init__(self, heading: str, line: int) -> None:
        self.heading = heading
        self.line = line
        self.last_line = line
        self.nodes: list[SyntaxTreeNode] = []
        self.offset = 0
        self.source: list[str] = []

    def line_of(self, node: SyntaxTreeNode) -> int:
        """1-based line of the file on which a node begins."""
        return (node.map[0] if node.map else 0) + self.offset


def sections_of(shown: str, body: str, first_line: int) -> tuple[str, list[Section]]:
    """Text before the first heading, and the sections; shared with the pages of `signals/`."""
    return _sections(shown, body, first_line)


def _sections(shown: str, body: str, first_line: int) -> tuple[str, list[Section]]:
    root = SyntaxTreeNode(MarkdownIt("commonmark", {"html": False}).enable("table").parse(body))
    source = body.split("\n")
    intent: list[str] = []
    sections: list[Section] = []
    for node in root.children:
        line = (node.map[0] if node.map else 0) + first_line
        if node.type == "heading":
            if node.tag != "h2":
                raise PageError(shown, line, f"a heading of level {node.tag[1]}", "`## ` headings only")
            sections.append(Section(_plain(node), line))
            sections[-1].offset = first_line
            sections[-1].source = source
            continue
        if not sections:
            intent.append(_plain(node))
            continue
        sections[-1].nodes.append(node)
        if node.map:
            last = node.map[1]
            while last > node.map[0] + 1 and not source[last - 1].strip():
                last -= 1
            sections[-1].last_line = last + first_line - 1
    return "\n\n".join(part for part in intent if part).strip(), sections


def _plain(node: SyntaxTreeNode) -> str:
    """The words of a node as they were written, inline code in its backticks, soft breaks as spaces."""
    if node.type == "inline":
        return "".join(_plain(child) for child in node.children).strip()
    if node.type in ("text", "text_special"):
        return node.content
    if node.type == "code_inline":
        return f"`{node.content}`"
    if node.type == "softbreak":
        return "\n"
    if node.type == "hardbreak":
        return "\n"
    if node.type == "link":
        label = "".join(_plain(child) for child in node.children)
        target = str(node.attrs.get("href", ""))
        return label if label == target else f"{label} ({target})"
    return "".join(_plain(child) for child in node.children) if node.children else node.content


def _play(shown: str, page: str, section: Section) -> Play:
    head, _, name = (part.strip() for part in section.heading.partition(":"))
    kind = NAMED_KINDS.get(head.lower()) if name else PLAIN_KINDS.get(head.lower())
    if kind is None:
        raise PageError(shown, section.line, f"`## {section.heading}`", HEADINGS)
    if not section.nodes:
        raise PageError(shown, section.line, f"nothing under `## {section.heading}`", "its text")
    if kind == "ask" and name not in get_args(AskKind):
        raise PageError(shown, section.line, f"`Ask: {name}`", "Ask: quote, share, refer or tag")
    slug = re.sub(r"[^a-z0-9]+", "-", (name or head).lower()).strip("-")
    text = "\n\n".join(_plain_block(node) for node in section.nodes)
    play = Play(
        id=f"{page}#{kind}" + (f"-{slug}" if name else ""),
        page=page,
        path=shown,
        kind=kind,
        name=name,
        line=section.line,
        last_line=section.last_line,
        text=text,
    )
    if kind == "decision":
        return play.model_copy(update={"decision": _decision(shown, section)})
    if kind == "escalation":
        return play.model_copy(update={"rules": _rules(shown, section)})
    if kind == "tone":
        return play
    phrasings = tuple(_phrasings(shown, section))
    if kind == "ask":
        for phrasing in phrasings:
            if "{customer.quote}" not in phrasing.text:
                raise PageError(shown, phrasing.line, "an ask without the customer's words", '"{customer.quote}" in it')
    return play.model_copy(update={"phrasings": phrasings})


def _plain_block(node: SyntaxTreeNode) -> str:
    if node.type in ("bullet_list", "ordered_list"):
        return "\n".join("- " + _plain(item).strip() for item in node.children)
    return _plain(node)


def _phrasings(shown: str, section: Section) -> list[Phrasing]:
    out: list[Phrasing] = []
    for node in section.nodes:
        if node.type not in ("bullet_list", "paragraph"):
            raise PageError(shown, section.line_of(node), _block_name(node), "bullets or a paragraph")
        items = node.children if node.type == "bullet_list" else [node]
        for item in items:
            if item.type == "list_item" and (odd := next((c for c in item.children if c.type != "paragraph"), None)):
                raise PageError(shown, section.line_of(odd), f"{_block_name(odd)} inside a bullet", "plain text")
            text, line = _item_text(item), section.line_of(item)
            tone: Tone | None = None
            if match := TONE_PREFIX.match(text):
                tone, text = cast("Tone", match.group(1)), text[match.end() :]
            if not text.strip():
                raise PageError(shown, line, "an empty bullet", "a sentence")
            check_slots(shown, line, text)
            out.append(Phrasing(text=text.strip(), tone=tone, line=line))
    return out


def _block_name(node: SyntaxTreeNode) -> str:
    return "`" + node.type.replace("_", " ") + "`"


def _item_text(node: SyntaxTreeNode) -> str:
    """A bullet's paragraphs; lines of one paragraph are joined."""
    blocks = [child for child in node.children if child.type != "bullet_list"] if node.type == "list_item" else [node]
    return "\n\n".join(" ".join(_plain(block).split("\n")) for block in blocks)


def parse_examples(shown: str, section: Section) -> tuple[Example, ...]:
    """The bullets of an `## Examples` or `## Near misses` section.

    Raises:
        PageError: There are no bullets, or a thread does not end with the customer.
    """
    out: list[Example] = []
    for node in section.nodes:
        if node.type != "bullet_list":
            raise PageError(shown, section.line_of(node), "text that is no bullet", "`- ` and a customer's message")
        for item in node.children:
            line = section.line_of(item)
            turns: list[tuple[Literal["customer", "agent"], str]] = []
            for row in _plain(item).strip().split("\n"):
                match = TURN.match(row.strip())
                if match:
                    turns.append((cast("Literal['customer', 'agent']", match.group(1)), match.group(2).strip()))
                elif turns:
                    role, said = turns[-1]
                    turns[-1] = (role, f"{said} {row.strip()}".strip())
                else:
                    turns.append(("customer", row.strip()))
            if turns[-1][0] != "customer" or not all(said for _, said in turns):
                raise PageError(
                    shown, line, "a thread that does not end with the customer's words", "`customer: …` last"
                )
            out.append(Example(turns=tuple(turns), line=line))
    return tuple(out)


def _decision(shown: str, section: Section) -> Question:
    lists = [node for node in section.nodes if node.type == "bullet_list"]
    if len(lists) != 1 or len(lists[0].children) != 1:
        raise PageError(
            shown, section.line, "not exactly one top question", "one bullet with `yes:` and `no:` under it"
        )
    return _question(shown, section, lists[0].children[0], "")


def _question(shown: str, section: Section, item: SyntaxTreeNode, strip: str) -> Question:
    line = section.line_of(item)
    text = _item_text(item)[len(strip) :].strip()
    condition = ""
    if match := CONDITION.search(text):
        condition, text = match.group(1), text[: match.start()].strip()
    if not text.endswith("?"):
        raise PageError(shown, line, f"`{text[:60]}`", "a question that ends in `?`, or a leaf `offer …; up to …`")
    lists = [child for child in item.children if child.type == "bullet_list"]
    branches = lists[0].children if len(lists) == 1 else []
    named = {_item_text(branch).partition(":")[0].strip().lower(): branch for branch in branches}
    if set(named) != {"yes", "no"} or len(branches) != 2:
        raise PageError(shown, line, f"branches {', '.join(sorted(named)) or 'missing'}", "exactly `yes:` and `no:`")
    return Question(
        text=text,
        condition=condition,
        line=line,
        yes=_branch(shown, section, named["yes"]),
        no=_branch(shown, section, named["no"]),
    )


def _branch(shown: str, section: Section, item: SyntaxTreeNode) -> Question | Leaf:
    text = _item_text(item)
    line = section.line_of(item)
    head, colon, rest = (part.strip() for part in text.partition(":"))
    if not colon:
        raise PageError(shown, line, f"`{head}` without a colon", "`yes: …` or `no: …`")
    if not rest.lower().startswith("offer "):
        return _question(shown, section, item, text[: text.index(":") + 1])
    if len(item.children) > 1:
        raise PageError(shown, line, "something under a leaf", "a question that ends in `?` to hold it")
    return parse_leaf(shown, line, rest)


def parse_leaf(shown: str, line: int, text: str) -> Leaf:
    """`offer …; up to …; approval: …` as a leaf."""
    parts = [part.strip() for part in text.split(";")]
    offer, limit, approval = parts[0][len("offer ") :].strip(), Limit(amount=0), ""
    for part in parts[1:]:
        if part.lower().startswith("up to "):
            limit = _limit(shown, line, part[len("up to ") :].strip())
        elif part.lower().startswith("approval:"):
            approval = part.partition(":")[2].strip()
        else:
            raise PageError(shown, line, f"`{part}`", "`up to …` or `approval: …`")
    if not offer:
        raise PageError(shown, line, "an empty offer", "`offer …`")
    return Leaf(offer=offer, limit=limit, approval=approval, line=line)


def _limit(shown: str, line: int, text: str) -> Limit:
    if text.lower() == "nothing":
        return Limit(amount=0)
    match = LIMIT.match(text)
    if match is None:
        raise PageError(shown, line, f"`up to {text}`", "`nothing`, `10%`, `20 EUR` or `1 month`")
    if match["percent"]:
        return Limit(amount=float(match["percent"]), unit="%")
    if match["symbol"]:
        return Limit(amount=float(match["money"]), unit=CURRENCY[match["symbol"]])
    return Limit(amount=float(match["count"]), unit=match["unit"].strip())


def _rules(shown: str, section: Section) -> tuple[EscalationRule, ...]:
    tables = [node for node in section.nodes if node.type == "table"]
    if len(tables) != 1:
        raise PageError(shown, section.line, "no table", "`| When | To | Within | Why |`")
    rows = [row for part in tables[0].children for row in part.children]
    header = [_plain(cell).strip().lower() for cell in rows[0].children]
    if header != ["when", "to", "within", "why"]:
        raise PageError(shown, section.line_of(rows[0]), f"columns {', '.join(header)}", "When, To, Within, Why")
    out = []
    for row in rows[1:]:
        line = section.line_of(row)
        when, to, within, why = (_plain(cell).strip() for cell in row.children)
        condition = CONDITION.search(when)
        if condition is None:
            raise PageError(shown, line, f"`{when}`", "a condition in backticks")
        duration = DURATION.match(within.lower())
        if duration is None:
            raise PageError(shown, line, f"Within `{within}`", "`30m`, `4h` or `2d`")
        if not to:
            raise PageError(shown, line, "nobody under To", "who must be told")
        out.append(
            EscalationRule(
                condition=condition.group(1).replace("\\|", "|"),
                to=to,
                within=timedelta(**{UNITS[duration.group(2)]: int(duration.group(1))}),
                why=why,
                line=line,
            )
        )
    if not out:
        raise PageError(shown, section.line, "a table without rows", "at least one rule")
    return tuple(out)
