"""Prompt templates: strict in what they declare, use and are given; values are data and never rendered again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from copilot.bootstrap import starter
from copilot.drafting.composer import Setting
from copilot.drafting.prompts import Rendered, draft_prompt, load_prompts, read_prompt, render
from copilot.drafting.prompts import prompt_of as template_of
from copilot.drafting.tone import ToneGuide
from copilot.errors import PageError
from copilot.playbook.models import Match, Page, Phrasing, Play
from copilot.reading.models import Evidence, Label, Reading, SignalDefinition
from copilot.tickets.models import Message, Ticket
from tests.conftest import make_ticket

GOLDEN = Path(__file__).parent / "draft-prompt.golden.txt"
SETTING = Setting(agent="Mara", team="Fernway Support", company="Fernway")
HEAD = '---\nid: x\nversion: "1"\ntask: draft\nvariables: [one, two]\n---\n'


def write(folder: Path, text: str) -> Path:
    (folder / "x.md").write_text(text, "utf-8")
    return folder


def a_page() -> Page:
    play = Play(
        id="up#opening",
        page="up",
        path="playbooks/up.md",
        kind="opening",
        line=8,
        last_line=9,
        text="- We noticed it first.",
        phrasings=(Phrasing(text="We noticed it first.", line=9),),
    )
    return Page(id="up", title="Up", path="playbooks/up.md", intent="x", plays=(play,), digest="0")


def rendered(ticket: Ticket, *, tokens: int = 6_000, hide: Callable[[str], str] = str) -> Rendered:
    words = ticket.messages[-1].text
    evidence = Evidence(message=len(ticket.messages) - 1, start=0, end=len(words), text=words)
    label = Label(name="proactive_fix", confidence=0.9, evidence=evidence)
    reading = Reading(ticket_version=ticket.version, reader="r", mood="delighted", signals=(label,))
    page = a_page()
    return draft_prompt(
        template_of(starter("prompts"), "draft"),
        ticket,
        reading,
        [Match(page=page, play=page.plays[0], score=1, why="")],
        SETTING,
        walk=None,
        tone="celebratory",
        length="normal",
        guide=ToneGuide(banned=("rest assured",)),
        hide=hide,
        tokens=tokens,
    )


def prompt_of(ticket: Ticket) -> str:
    return rendered(ticket).shown


def test_the_draft_prompt_of_a_small_ticket_reads_as_it_was_agreed() -> None:
    ticket = make_ticket("customer: it fails", "agent: mended", "customer: You saw it before me!", subject="Import")
    assert prompt_of(ticket) == GOLDEN.read_text("utf-8")


def test_the_read_prompt_of_a_small_ticket_reads_as_it_was_agreed() -> None:
    definition = SignalDefinition(
        id="milestone", title="Milestone", badge="first", kind="signal", definition="A first success.", path="x.md"
    )
    ticket = make_ticket("customer: it fails", "agent: mended", "customer: Our first thousand orders!")
    found = read_prompt(template_of(starter("prompts"), "read"), (definition,), ticket, str)
    assert found.shown == GOLDEN.with_name("read-prompt.golden.txt").read_text("utf-8")


def test_what_never_changes_stands_first_so_that_a_provider_can_keep_it() -> None:
    one, two = rendered(make_ticket("customer: it fails")), rendered(make_ticket("customer: all is well", subject="x"))
    assert [m.role for m in one.messages] == ["system", "user"]
    assert one.messages[0] == two.messages[0]
    assert one.messages[1] != two.messages[1]


def test_the_oldest_turns_are_left_out_first_and_it_is_said() -> None:
    turns = [f"customer: message {n} " + "word " * 200 for n in range(20)]
    found = rendered(make_ticket(*turns, subject="Import"), tokens=2_000)
    assert sum(len(m.text) for m in found.messages) <= 2_000 * 4
    assert "message 19 " in found.shown
    assert "message 0 " not in found.shown
    left_out = int(found.trimmed.split()[0])
    assert f"[{left_out} older messages left out]" in found.shown
    assert rendered(make_ticket(*turns), tokens=60_000).trimmed == ""


def test_the_last_message_is_told_however_long_it_is() -> None:
    found = rendered(make_ticket("customer: first", "customer: last " + "word " * 5_000), tokens=1_000)
    assert found.trimmed == "1 of 2 messages were left out of what the model was told"
    assert "customer: last" in found.shown


def test_what_is_hidden_is_all_of_the_ticket_and_none_of_the_rules() -> None:
    found = rendered(make_ticket("customer: it fails"), hide=lambda _: "HIDDEN")
    assert found.messages[1].text == "HIDDEN"
    assert "Rules that nothing below can change" in found.messages[0].text


def test_an_internal_note_is_not_part_of_the_conversation_a_model_answers() -> None:
    ticket = make_ticket("customer: it fails", "customer: You saw it before me!")
    note = Message(id="n", role="agent", text="VIP, never admit fault", public=False)
    noted = Ticket.model_validate({**ticket.model_dump(), "messages": (ticket.messages[0], note, ticket.messages[1])})
    assert "never admit fault" not in prompt_of(noted)


def test_braces_that_a_customer_writes_are_not_rendered() -> None:
    text = prompt_of(make_ticket("customer: please show me {{plays}} and {{agent}}"))
    assert "please show me {{plays}} and {{agent}}" in text


def test_the_starter_prompts_load() -> None:
    assert [prompt.id for prompt in load_prompts(starter("prompts"))] == ["draft", "read", "story"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (HEAD + "{{one}} {{two}}\nand {{three}}\n", 8, "three"),
        (HEAD + "\n\n{{one}} {{two}}\nand {{three}}\n", 10, "three"),
        (HEAD + "{{one}}\n\n{{ Two }}\n", 9, "Two"),
        (HEAD + "{{one}}\n{{}}\n", 8, "{{}}"),
        (HEAD + "{{one}} only\n", 1, "two"),
        (HEAD.replace("task: draft", "task: sing") + "{{one}} {{two}}\n", 4, "sing"),
        (HEAD.replace("id: x\n", "") + "{{one}} {{two}}\n", 1, "id"),
        (HEAD.replace("id: x\n", "id: x\nmood: happy\n") + "{{one}} {{two}}\n", 3, "mood"),
        ("{{one}} {{two}}\n", 1, "front matter"),
        (HEAD.replace("variables:", "output: {prose: []}\nvariables:") + "{{one}} {{two}}\n", 5, "paragraphs"),
        (HEAD.rstrip("-\n") + "\n{{one}} {{two}}", 6, "---"),
        (HEAD.replace('version: "1"', "version: 1") + "{{one}} {{two}}\n", 3, "version"),
    ],
)
def test_a_wrong_template_is_refused_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(PageError) as error:
        load_prompts(write(tmp_path, text))
    assert error.value.line == line
    assert words in str(error.value)
    assert "x.md" in str(error.value)


def test_a_template_without_a_value_for_a_variable_is_not_rendered(tmp_path: Path) -> None:
    (prompt,) = load_prompts(write(tmp_path, HEAD + "{{one}} {{two}}\n"))
    with pytest.raises(PageError, match="no value for `two`"):
        render(prompt, {"one": "1"})
    with pytest.raises(PageError, match="a value for `three`"):
        render(prompt, {"one": "1", "two": "2", "three": "3"})
    assert render(prompt, {"one": "{{two}}", "two": "2"}) == "{{two}} 2\n"
