"""The whole chain, once: message → signal → play → reply → ask → answer → permission → story → export."""

from __future__ import annotations

import pytest

from copilot.asking.models import Terms
from copilot.errors import RefusedAction
from tests.conftest import MakeDesk, make_ticket
from tests.fakes import FakeClock, FakeSender

DELIGHT = (
    "customer: my import failed again and the launch is at noon",
    "agent: I found a bad row in your file before it could break the launch, and repaired it.",
    "customer: You spotted the broken row before I even knew about it and fixed it for us. "
    "That was amazing, I cannot thank you enough!",
)


def test_a_conversation_goes_all_the_way_to_an_exported_story(
    make_desk: MakeDesk, sender: FakeSender, clock: FakeClock
) -> None:
    ticket = make_ticket(*DELIGHT)
    desk = make_desk(ticket)
    desk.correct(ticket.ref, "signal", "proactive_fix")
    guidance = desk.guide(ticket.ref)
    assert guidance.verdict.ok, guidance.verdict.why_not

    draft, ask = desk.add_ask(desk.draft(ticket.ref))
    assert ask.words in draft.text
    while "[[" in draft.text:
        start, end = draft.text.index("[["), draft.text.index("]]") + 2
        draft = desk.save(draft, draft.text[:start] + "the repaired row" + draft.text[end:])
    sent, _ = desk.send(draft, draft.text)
    assert sent.state == "sent"
    assert sender.sent[0][0] == ticket.ref

    story = desk.new_story(ticket.ref)
    path = desk.opened(ticket.ref).reading
    assert path is not None
    assert story.turn[-1] == path.mood
    assert story.products == ticket.tags
    assert desk.save_story(story).state == "awaiting_customer"
    with pytest.raises(RefusedAction):
        desk.approve_story(story.id)

    clock.forward(hours=2)
    desk.record_answer(ask.id, "granted", Terms(places=("website",), name_style="first"), "yes, of course")
    assert desk.story(story.id).state == "awaiting_marketing"
    assert desk.exports() == []
    assert desk.approve_story(story.id, "Priya").state == "ready"
    (exported,) = desk.exports()
    assert exported.quote == ask.words
    assert exported.attribution == "Anna"

    desk.record_answer(ask.id, "withdrawn", Terms(), "please take it down")
    assert desk.story(story.id).state == "withdrawn"
    assert desk.exports() == []
