"""A yes can be asked about once more: other words of a quote, and the one reminder of an ask that nobody answered.

What is proved: the question goes out by an agent's key with a link of its own; until the customer agrees, and after a no,
what they agreed to before stands; after a yes the story carries the new words and waits for marketing; whatever they take
back, on whichever page, nothing may be used.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from copilot.asking.consent import load_texts
from copilot.asking.links import Links
from copilot.asking.models import Ask, Terms
from copilot.desk import Desk
from copilot.errors import RefusedAction
from copilot.telling import Choice, House, Shown, Telling
from copilot.tickets.models import Customer
from tests.conftest import PLAYBOOKS, MakeDesk, make_ticket
from tests.fakes import FakeClock, FakeSender
from tests.test_flow import DELIGHT

ADDRESS = "https://stories.example"
LINK = re.compile(rf"{ADDRESS}/p/(\S+)")
SHORTER = "You spotted the broken row before I even knew about it."
YES = Choice("yes", name_style="first", places=("website",), until="open")


def answered(desk: Desk, message: str, choice: Choice, words: str = "") -> Shown:
    """What the customer's page shows after they pressed, by the link in a message."""
    found = LINK.search(message)
    assert found is not None, message
    shown = desk.telling.page(found[1])
    assert shown is not None
    done = desk.telling.press(found[1], choice._replace(words=words or shown.ask.words))
    assert done is not None
    assert not done.problems
    return done


def sent_with_ask(desk: Desk, ref: str) -> tuple[Ask, str]:
    """An ask that went out, and the message it went in."""
    draft, ask = desk.add_ask(desk.draft(ref))
    text = re.sub(r"\[\[[^\]]*\]\]", "the repaired row", draft.text)
    sent, _ = desk.send(draft, text)
    return ask, sent.text


@pytest.fixture
def desk(make_desk: MakeDesk, clock: FakeClock) -> Desk:
    """A desk with links, on one delighted customer who agreed to their words; marketing approved the story `s`."""
    ticket = make_ticket(*DELIGHT)
    desk = make_desk(ticket)
    texts = {"texts": lambda: load_texts(PLAYBOOKS), "links": Links(b"k" * 32), "house": House("Fernway", ADDRESS)}
    desk.telling = Telling(desk.database, desk.policy, clock, **texts)  # type: ignore[arg-type]
    guide = desk.guide_of_tone()
    known = frozenset([*guide.links, "stories.example"])
    desk.guide_of_tone = lambda: guide.model_copy(update={"links": known})  # as the workspace does
    desk.correct(ticket.ref, "signal", "proactive_fix")
    return desk


@pytest.fixture
def agreed(desk: Desk, clock: FakeClock) -> str:
    """The id of a released story."""
    _, message = sent_with_ask(desk, "test/T-1")
    story = desk.new_story("test/T-1")
    desk.save_story(story)
    clock.forward(hours=2)
    answered(desk, message, YES)
    desk.approve_story(story.id, "Priya")
    return story.id


def test_a_customer_who_agrees_to_other_words_is_quoted_with_them(
    desk: Desk, agreed: str, sender: FakeSender, clock: FakeClock
) -> None:
    before = desk.story(agreed)
    desk.telling.want_other_words(agreed, f"  {SHORTER} ", "Priya")
    assert SHORTER in json.dumps(desk.telling.export_person("test/c-1")), "it is about them, so they may see it"
    assert desk.guide("test/T-1").again
    assert desk.guide("test/T-1").quote == SHORTER
    assert [(w.words, w.by) for w, _ in desk.telling.due().scheduled] == [(SHORTER, "Priya")]

    ask, message = sent_with_ask(desk, "test/T-1")
    assert ask.before == before.story.quotes[0].text
    assert ask.wording.endswith("/en/consent#again")
    assert SHORTER in message
    assert desk.telling.due().scheduled == ()
    assert desk.story(agreed).state == "ready", "nothing changes until they agree"
    assert desk.exports()[0].quote == before.story.quotes[0].text

    shown = answered(desk, message, YES._replace(name_style="initials"))
    assert shown.state == "agreed"
    now = desk.story(agreed)
    assert now.state == "awaiting_marketing"
    assert now.story.quotes[0].text == SHORTER
    assert now.story.quotes[0].original == before.story.quotes[0].text
    assert desk.exports() == []
    desk.approve_story(agreed, "Priya")
    (export,) = desk.exports()
    assert (export.quote, export.attribution) == (SHORTER, "A. B.")


@pytest.mark.parametrize("button", ["no", "never"])
def test_a_no_to_other_words_leaves_what_was_agreed(desk: Desk, agreed: str, button: str) -> None:
    before = desk.exports()
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    _, message = sent_with_ask(desk, "test/T-1")
    assert answered(desk, message, Choice(button)).state == "declined"  # type: ignore[arg-type]
    assert desk.exports() == before
    assert desk.telling.verify_ledger() == 2
    with pytest.raises(RefusedAction):
        desk.add_ask(desk.draft("test/T-1"))


def test_silence_about_other_words_leaves_what_was_agreed(desk: Desk, agreed: str, clock: FakeClock) -> None:
    before = desk.exports()
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    _, message = sent_with_ask(desk, "test/T-1")
    clock.forward(days=30)
    assert desk.telling.expire() == 1
    assert desk.exports() == before
    assert desk.telling.page(LINK.findall(message)[0]) is None


@pytest.mark.parametrize("which", [0, 1])
def test_taking_back_either_permission_takes_back_both(
    desk: Desk, agreed: str, which: int, sender: FakeSender, clock: FakeClock
) -> None:
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    clock.forward(hours=1)
    _, again = sent_with_ask(desk, "test/T-1")
    answered(desk, again, YES)
    messages = [text for _, text, *_ in sender.sent]
    answered(desk, messages[which], Choice("withdraw"))
    assert desk.story(agreed).state == "withdrawn"
    assert {ask.state for ask in desk.opened("test/T-1").asks} == {"withdrawn"}
    for message in messages:
        shown = desk.telling.page(LINK.findall(message)[0])
        assert shown is not None
        assert shown.state == "withdrawn"
    desk.telling.verify_ledger()


def test_words_the_customer_changes_once_more_are_the_ones_that_count(desk: Desk, agreed: str) -> None:
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    _, message = sent_with_ask(desk, "test/T-1")
    answered(desk, message, YES, "You spotted it before I knew.")
    assert desk.story(agreed).story.quotes[0].text == "You spotted it before I knew."
    desk.approve_story(agreed, "Priya")
    assert desk.exports()[0].quote == "You spotted it before I knew."


def test_a_draft_thrown_away_leaves_the_wish(desk: Desk, agreed: str) -> None:
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    draft, _ = desk.add_ask(desk.draft("test/T-1"))
    desk.discard(draft)
    assert len(desk.telling.due().scheduled) == 1
    assert desk.guide("test/T-1").again


def test_what_cannot_be_asked_about_is_refused(desk: Desk, agreed: str) -> None:
    words = desk.story(agreed).story.quotes[0].text
    for wrong in ("", " \n", words, "a" * 2_001):
        with pytest.raises(RefusedAction):
            desk.telling.want_other_words(agreed, wrong, "Priya")
    desk.telling.pause("test/c-1", "Mara", paused=True)
    with pytest.raises(RefusedAction, match="paused by Mara"):
        desk.telling.want_other_words(agreed, SHORTER, "Priya")
    assert desk.telling.due().scheduled == ()


def test_without_a_permission_there_is_nothing_to_change(desk: Desk) -> None:
    story = desk.new_story("test/T-1")
    desk.save_story(story)
    with pytest.raises(RefusedAction, match="no permission to change"):
        desk.telling.want_other_words(story.id, SHORTER, "Priya")


def test_nobody_is_asked_about_words_they_took_back_meanwhile(desk: Desk, agreed: str) -> None:
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    (ask,) = desk.opened("test/T-1").asks
    desk.record_answer(ask.id, "withdrawn", Terms(), "please take it down")
    assert desk.telling.due().scheduled == ()
    assert not desk.guide("test/T-1").again
    with pytest.raises(RefusedAction):
        desk.add_ask(desk.draft("test/T-1"))


@pytest.mark.parametrize("first", ["nothing", "no", "silence", "yes"])
def test_a_withdrawal_by_reply_reaches_what_was_agreed_whatever_was_asked_last(
    desk: Desk, agreed: str, clock: FakeClock, first: str
) -> None:
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    clock.forward(hours=1)
    again, message = sent_with_ask(desk, "test/T-1")
    if first == "no":
        answered(desk, message, Choice("no"))
    elif first == "yes":
        answered(desk, message, YES)
    elif first == "silence":
        clock.forward(days=30)
        desk.telling.expire()
    desk.record_answer(again.id, "withdrawn", Terms(), "Take my words off your site, all of them.")
    assert desk.story(agreed).state == "withdrawn"
    assert desk.exports() == []
    assert not {ask.state for ask in desk.opened("test/T-1").asks} & {"granted", "conditional", "sent"}
    desk.telling.verify_ledger()


def test_a_no_after_a_yes_to_other_words_ends_the_story(desk: Desk, agreed: str, clock: FakeClock) -> None:
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    clock.forward(hours=1)
    again, message = sent_with_ask(desk, "test/T-1")
    answered(desk, message, YES)
    desk.approve_story(agreed, "Priya")
    desk.record_answer(again.id, "declined", Terms(), "No, I changed my mind, please do not use it.")
    assert desk.exports() == []


@pytest.mark.parametrize("how", ["pause", "never", "withdraw"])
def test_a_question_in_a_draft_does_not_go_out_once_the_gate_is_shut(
    desk: Desk, agreed: str, clock: FakeClock, sender: FakeSender, how: str
) -> None:
    first = sender.sent[0][1]
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    draft, _ = desk.add_ask(desk.draft("test/T-1"))
    if how == "pause":
        desk.telling.pause("test/c-1", "Lea", paused=True)
    else:
        answered(desk, first, Choice(how))  # type: ignore[arg-type]
    with pytest.raises(RefusedAction):
        desk.send(draft, re.sub(r"\[\[[^\]]*\]\]", "the repaired row", draft.text))
    assert len(sender.sent) == 1


def test_words_that_marketing_changed_meanwhile_are_still_to_be_asked_about(desk: Desk, agreed: str) -> None:
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    draft, _ = desk.add_ask(desk.draft("test/T-1"))
    desk.telling.want_other_words(agreed, "You spotted it.", "Priya")
    desk.send(draft, re.sub(r"\[\[[^\]]*\]\]", "the repaired row", draft.text))
    assert [wanted.words for wanted, _ in desk.telling.due().scheduled] == ["You spotted it."]
    desk.telling.drop_other_words(agreed, "Priya")
    assert desk.telling.due().scheduled == ()


def test_whoever_is_unhappy_or_was_asked_of_late_is_not_asked_about_other_words(
    desk: Desk, agreed: str, clock: FakeClock
) -> None:
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    desk.correct("test/T-1", "mood", "angry")
    assert {reason.rule for reason in desk.guide("test/T-1").verdict.against} == {"mood"}
    desk.correct("test/T-1", "mood", "delighted")
    sent_with_ask(desk, "test/T-1")
    clock.forward(days=30)
    desk.telling.expire()
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    assert {reason.rule for reason in desk.guide("test/T-1").verdict.against} == {"cool-down"}
    with pytest.raises(RefusedAction, match="other words on"):
        desk.add_ask(desk.draft("test/T-1"))


def test_a_permission_that_ran_out_is_not_asked_to_be_changed(desk: Desk, clock: FakeClock) -> None:
    _, message = sent_with_ask(desk, "test/T-1")
    story = desk.new_story("test/T-1")
    desk.save_story(story)
    answered(desk, message, YES._replace(until="one"))
    desk.telling.want_other_words(story.id, SHORTER, "Priya")
    clock.forward(days=400)
    assert desk.telling.due().scheduled == ()
    with pytest.raises(RefusedAction, match="no permission to change"):
        desk.telling.want_other_words(story.id, SHORTER, "Priya")


# The reminder


def test_an_ask_is_reminded_of_once_by_an_agents_key(desk: Desk, clock: FakeClock, sender: FakeSender) -> None:
    ask, _ = sent_with_ask(desk, "test/T-1")
    with pytest.raises(RefusedAction, match="wait 7 days"):
        desk.remind(desk.blank_draft("test/T-1"))
    clock.forward(days=8)
    (due,) = desk.telling.due().reminders
    assert due.id == ask.id
    draft = desk.remind(desk.blank_draft("test/T-1"))
    assert ask.words in draft.text
    with pytest.raises(RefusedAction, match="already"):
        desk.remind(draft)
    assert desk.telling.due().reminders, "not until it is sent"
    sent, _ = desk.send(draft, draft.text)
    assert sent.state == "sent"
    assert desk.telling.due().reminders == ()
    assert desk.opened("test/T-1").asks[0].reminded_at == clock()
    clock.forward(days=2)
    with pytest.raises(RefusedAction, match="reminded once"):
        desk.remind(desk.blank_draft("test/T-1"))


def test_a_reminder_struck_from_the_draft_was_not_sent(desk: Desk, clock: FakeClock) -> None:
    sent_with_ask(desk, "test/T-1")
    clock.forward(days=8)
    draft = desk.remind(desk.blank_draft("test/T-1"))
    desk.send(draft, "Hello Anna, the import has run again. Mara")
    assert len(desk.telling.due().reminders) == 1


@pytest.mark.parametrize("why", ["paused", "answered", "late", "reminded elsewhere"])
def test_a_reminder_that_is_not_due_any_more_does_not_go_out(
    desk: Desk, clock: FakeClock, sender: FakeSender, why: str
) -> None:
    ask, message = sent_with_ask(desk, "test/T-1")
    clock.forward(days=8)
    draft = desk.remind(desk.blank_draft("test/T-1"))
    if why == "paused":
        desk.telling.pause("test/c-1", "Lea", paused=True)
    elif why == "answered":
        answered(desk, message, YES)
    elif why == "late":
        clock.forward(days=30)
    else:
        desk.telling.reminded(ask.id, "Priya")
    assert desk.telling.due().reminders == ()
    with pytest.raises(RefusedAction):
        desk.send(draft, draft.text)
    assert len(sender.sent) == 1


def test_a_reminder_tells_of_a_link_only_where_there_is_one(desk: Desk, clock: FakeClock) -> None:
    sent_with_ask(desk, "test/T-1")
    clock.forward(days=8)
    assert "link" in desk.telling.reminder("test/T-1")
    desk.telling.links = None
    with desk.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM ask_links")
    assert "link" not in desk.telling.reminder("test/T-1")


def test_a_reminder_of_other_words_does_not_call_them_the_customers(desk: Desk, agreed: str, clock: FakeClock) -> None:
    desk.telling.want_other_words(agreed, SHORTER, "Priya")
    sent_with_ask(desk, "test/T-1")
    clock.forward(days=8)
    said = desk.telling.reminder("test/T-1")
    assert "this version of your words" in said
    assert "what you wrote" not in said


def test_a_reminder_is_in_the_customers_language(make_desk: MakeDesk, clock: FakeClock) -> None:
    customer = Customer(id="c-1", name="Anna Berg", email="anna@example.org", locale="de")
    desk = make_desk(make_ticket(*DELIGHT, customer=customer))
    desk.telling = Telling(desk.database, desk.policy, clock, texts=lambda: load_texts(PLAYBOOKS))
    desk.correct("test/T-1", "signal", "proactive_fix")
    sent_with_ask(desk, "test/T-1")
    clock.forward(days=8)
    assert "Guten Tag Anna" in desk.telling.reminder("test/T-1")
    assert clock() - timedelta(days=7) > desk.opened("test/T-1").asks[0].created_at
