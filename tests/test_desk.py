"""The one flow: the queue's order, and what every action keeps, refuses and survives."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from copilot.asking.models import Ask, Terms
from copilot.bootstrap import Workspace
from copilot.db.engine import Database
from copilot.desk import VIEWS, Brain, Desk, Failed, Guided, Opened, QueueRow, Read
from copilot.drafting import store as drafting
from copilot.drafting.composer import Setting
from copilot.drafting.models import Draft
from copilot.errors import Conflict, NotFound, QueueFault, RefusedAction
from copilot.reading import store as reading_store
from copilot.reading.models import Mood, Reading
from copilot.settings import Settings
from copilot.stories.models import Quote
from copilot.tickets import store
from copilot.tickets.models import Customer, Message, Ticket
from tests.conftest import PLAYBOOKS, ROOT, MakeDesk, make_ticket
from tests.fakes import NOW, FakeClock, FakeSender

THANKS = "customer: You spotted the broken row before I even knew about it and fixed it for us. Amazing, thank you!"
OUTAGE = "customer: Your whole site is down and none of our thirty people can log in. Nothing has loaded since eight."
ANGRY = "customer: This is the third time I write. I am furious that my refund is still missing!"
QUESTION = "customer: How do I change the invoice address?"
YES = Terms(places=("website",), name_style="first")
REF = "test/T-1"


def person(name: str) -> Customer:
    return Customer(id=name, name=f"{name} Lund", email=f"{name.lower()}@example.org")


def filled(draft: Draft) -> str:
    text = draft.text
    while "[[" in text:
        text = text[: text.index("[[")] + "the repaired row" + text[text.index("]]") + 2 :]
    return text


def change(desk: Desk, ticket: Ticket) -> None:
    with desk.database.begin() as connection:
        store.put(connection, ticket, desk.clock())


def asked(desk: Desk) -> tuple[Draft, Ask]:
    draft, ask = desk.add_ask(desk.draft(REF))
    return desk.send(draft, filled(draft))[0], ask


# The queue


@pytest.fixture
def busy(make_desk: MakeDesk) -> Desk:
    return make_desk(
        make_ticket(QUESTION, "agent: In the settings.", id="answered", customer=person("Eve")),
        make_ticket(QUESTION, id="question", customer=person("Cy")),
        make_ticket(THANKS, id="moment", customer=person("Bea"), status="resolved"),
        make_ticket(ANGRY, id="angry", customer=person("Dan"), minutes=5),
        make_ticket(OUTAGE, id="outage", customer=person("Ann"), minutes=45),
    )


def test_the_queue_stands_in_the_order_in_which_people_are_needed(busy: Desk) -> None:
    rows = {row.ref: row.rank for view in ("all", "done") for row in busy.queue(view)}
    assert rows == {"test/outage": 0, "test/angry": 1, "test/moment": 2, "test/question": 3, "test/answered": 4}
    ranks = [row.rank for row in busy.queue("needs")]
    assert ranks == [0, 1, 2, 3]


def test_each_view_shows_its_own(busy: Desk) -> None:
    shown = {view: {row.ref.partition("/")[2] for row in busy.queue(view)} for view in VIEWS}
    assert shown == {
        "needs": {"outage", "angry", "moment", "question"},
        "moments": {"moment"},
        "all": {"outage", "angry", "question", "answered"},
        "done": {"moment"},
    }


def test_of_those_who_wait_alike_the_longest_waiting_comes_first(make_desk: MakeDesk) -> None:
    desk = make_desk(
        *(
            make_ticket(QUESTION, id=f"{minutes}", minutes=minutes, customer=person(f"P{minutes}x"))
            for minutes in (5, 50, 20)
        )
    )
    assert [row.ref for row in desk.queue()] == ["test/50", "test/20", "test/5"]


def test_a_moment_that_was_kept_no_longer_asks_for_attention(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket("customer: my import failed", THANKS, status="resolved"))
    assert desk.queue("done")[0].rank == 2
    desk.save_story(desk.new_story(REF))
    assert desk.queue("done")[0].rank == 4
    assert [row.ref for row in desk.queue("moments")] == [REF]


def row(desk: Desk) -> QueueRow:
    return next(row for row in desk.queue() if row.ref == REF)


def test_time_alone_makes_an_escalation_due(make_desk: MakeDesk, clock: FakeClock) -> None:
    desk = make_desk(make_ticket(OUTAGE, minutes=10))
    assert (row(desk).due_at, row(desk).rank) == (NOW + timedelta(minutes=20), 1)
    clock.forward(minutes=20)
    assert row(desk).rank == 0
    assert row(desk).due_to == "Incident lead"


def test_a_rule_about_waiting_fires_after_the_wait_without_a_new_message(make_desk: MakeDesk, clock: FakeClock) -> None:
    desk = make_desk(make_ticket(OUTAGE, minutes=10))
    clock.forward(hours=2)
    desk.refresh_due()
    assert row(desk).due_to == "Shift lead"
    assert row(desk).due_to == desk.guide(REF).escalations[0].to
    assert row(desk).due_at == desk.guide(REF).escalations[0].due


def test_an_escalation_that_was_passed_on_is_no_longer_due(make_desk: MakeDesk, clock: FakeClock) -> None:
    desk = make_desk(make_ticket(OUTAGE, minutes=45))
    (escalation,) = desk.guide(REF).escalations
    desk.told(REF, escalation)
    assert row(desk).due_at is None
    assert [e.told for e in desk.guide(REF).escalations] == [True]
    desk.refresh_due()
    assert row(desk).due_at is None


def test_queue_and_guidance_agree_on_what_is_due_after_a_reply(make_desk: MakeDesk, clock: FakeClock) -> None:
    desk = make_desk(make_ticket(OUTAGE, "agent: We are on it.", minutes=30))
    desk.refresh_due()
    assert row(desk).due_at == desk.guide(REF).escalations[0].due


# Finding and reading


def test_a_ticket_is_found_by_its_id_alone(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    assert desk.find("T-1") == desk.find(REF) == REF
    with pytest.raises(NotFound, match="no ticket T-9"):
        desk.find("T-9")


def test_an_id_of_two_queues_must_be_named_in_full(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION, queue="a"), make_ticket(QUESTION, queue="b"))
    with pytest.raises(NotFound) as caught:
        desk.find("T-1")
    assert "a/T-1 or b/T-1" in caught.value.hint
    assert desk.find("b/T-1") == "b/T-1"


def test_a_full_name_wins_over_an_id_that_looks_like_it(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION, queue="a"), make_ticket(QUESTION, queue="b", id="a/T-1"))
    assert desk.find("a/T-1") == "a/T-1"


def test_a_correction_wins_and_survives_the_next_reading(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    assert desk.correct(REF, "mood", "angry").mood == "angry"
    assert row(desk).mood == "angry"
    assert desk.read(REF).mood == "angry"
    found = desk.correct(REF, "risk", "outage")
    assert [label.evidence.text for label in found.risks] == [QUESTION.partition(": ")[2]]
    assert row(desk).risks == ("outage",)
    assert desk.correct(REF, "risk", "outage", present=False).risks == ()


def test_where_the_customer_wrote_nothing_nothing_can_be_corrected(make_desk: MakeDesk) -> None:
    with pytest.raises(RefusedAction, match="has not written"):
        make_desk(make_ticket("agent: Hello?")).correct(REF, "mood", "angry")


def test_answers_to_a_decision_are_kept_until_it_is_started_over(make_desk: MakeDesk) -> None:
    ticket = make_ticket(OUTAGE, minutes=6 * 60)
    desk = make_desk(ticket)
    walk = desk.guide(REF).walk
    assert walk is not None
    assert walk.open_question == "Is the customer on a paid plan?"
    answered = desk.answer_decision(REF, walk.play_id, walk.open_question, answer=True)
    assert answered.leaf is not None
    assert answered.leaf.limit.amount == 10
    assert answered.steps[-1].by == "Mara"
    assert desk.guide(REF).walk == answered
    assert desk.reset_decision(REF, walk.play_id).open_question == walk.open_question


def test_a_decision_that_is_not_there_is_not_kept(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(OUTAGE))
    before = desk.guide(REF).walk
    with pytest.raises(NotFound):
        desk.answer_decision(REF, "outage#decision-none", "Why?", answer=True)
    assert desk.guide(REF).walk == before


# Drafting


def states(desk: Desk) -> list[str]:
    with desk.database.read() as connection:
        return sorted(connection.execute(drafting.drafts.select()).columns("state").scalars())


def test_a_new_draft_replaces_the_open_one_which_is_kept_as_discarded(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    desk.draft(REF)
    second = desk.draft(REF)
    third = desk.blank_draft(REF)
    assert desk.opened(REF).draft == third
    assert third.text == ""
    assert states(desk) == ["discarded", "discarded", "proposed"]
    assert second.id != third.id


def test_a_draft_that_was_replaced_or_sent_elsewhere_cannot_be_brought_back(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    old = desk.draft(REF)
    new = desk.draft(REF)
    for act in (
        lambda: desk.save(old, "other"),
        lambda: desk.discard(old),
        lambda: desk.send(old, "Hello, it is done."),
    ):
        with pytest.raises(Conflict, match="another desk"):
            act()
    desk.send(new, "Hello, it is under Settings.")
    with pytest.raises(Conflict):
        desk.save(new, "other")
    assert states(desk) == ["discarded", "sent"]


def test_a_discarded_draft_takes_its_ask_along(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(THANKS))
    draft, _ = desk.add_ask(desk.draft(REF))
    desk.discard(draft)
    assert desk.opened(REF).draft is None
    assert desk.opened(REF).asks == ()


def test_a_play_is_inserted_before_the_signature_and_cited(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    draft = desk.draft(REF)
    play = next(match.play for match in desk.guide(REF).matches)
    added = desk.insert(draft, play)
    part = added.parts[-1]
    assert part.citation.startswith("playbooks/")
    assert added.text.index(part.text) < added.text.index("Best wishes,")
    assert added.text.endswith("Mara\nFernway Support")
    assert desk.opened(REF).draft == added


def test_no_celebration_for_the_unhappy(make_desk: MakeDesk) -> None:
    assert make_desk(make_ticket(ANGRY)).draft(REF, "celebratory").tone == "calm"


# Asking


def test_an_ask_is_added_with_the_customers_words_and_taken_out_without_a_trace(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(THANKS))
    plain = desk.draft(REF)
    draft, ask = desk.add_ask(plain)
    assert ask.words in THANKS
    assert f"“{ask.words}”" in draft.text
    assert draft.text.endswith("Mara\nFernway Support")
    with pytest.raises(RefusedAction, match="asks already"):
        desk.add_ask(draft)
    assert desk.remove_ask(draft, ask).text == plain.text
    assert desk.opened(REF).asks == ()


def test_an_ask_that_is_refused_says_every_reason(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(ANGRY))
    with pytest.raises(RefusedAction) as caught:
        desk.add_ask(desk.draft(REF))
    for words in ("the customer is", "open risk", "not resolved"):
        assert words in caught.value.message


def test_an_ask_that_went_out_cannot_be_dropped_by_a_stale_screen(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(THANKS))
    draft, ask = desk.add_ask(desk.draft(REF))
    desk.send(draft, filled(draft))
    with pytest.raises(RefusedAction):
        desk.remove_ask(draft, ask)
    assert [a.state for a in desk.opened(REF).asks] == ["sent"]


def test_an_ask_whose_words_were_edited_out_is_dropped_when_the_reply_goes(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(THANKS))
    draft, ask = desk.add_ask(desk.draft(REF))
    desk.send(draft, "Hi Anna,\n\nthank you, that is kind.\n\nMara")
    assert desk.opened(REF).asks == ()
    with pytest.raises(RefusedAction, match="not been asked"):
        desk.record_answer(ask.id, "granted", YES, "yes")


def test_an_answer_needs_an_answer(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(THANKS))
    _, ask = asked(desk)
    with pytest.raises(RefusedAction, match="not answered"):
        desk.record_answer(ask.id, "granted", YES)
    with pytest.raises(RefusedAction, match="at least one place"):
        desk.record_answer(ask.id, "granted", Terms(), "yes")
    with pytest.raises(RefusedAction, match="is conditional"):
        desk.record_answer(ask.id, "granted", Terms(places=("website",), conditions=("other",)), "yes")
    with pytest.raises(RefusedAction, match="at least one"):
        desk.record_answer(ask.id, "conditional", YES, "yes, but")
    assert desk.opened(REF).entries == ()
    entry = desk.record_answer(ask.id, "granted", YES, "yes")
    assert (entry.words, entry.by, entry.answer_text) == (ask.words, "Mara", "yes")
    assert desk.opened(REF).entries == (entry,)


def test_a_yes_is_taken_back_even_after_a_muddled_message(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(THANKS))
    _, ask = asked(desk)
    desk.record_answer(ask.id, "granted", YES, "yes")
    with pytest.raises(RefusedAction, match="stands"):
        desk.record_answer(ask.id, "unclear", Terms(), "hm")
    story = desk.save_story(desk.new_story(REF)).story
    assert desk.approve_story(story.id).state == "ready"
    desk.record_answer(ask.id, "withdrawn", Terms(), "no longer")
    assert desk.story(story.id).state == "withdrawn"
    assert desk.exports() == []


def test_an_ask_made_elsewhere_is_adopted_once(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(THANKS, "agent: May we quote you?", "customer: Rather not."))
    words = desk.quotes(REF)[-1]
    ask = desk.adopt_ask(REF, words)
    assert (ask.state, ask.words, ask.message_id) == ("sent", words.text, "2")
    desk.record_answer(ask.id, "declined", Terms())
    assert desk.adopt_ask(REF, words).state == "declined"
    with pytest.raises(RefusedAction, match="said no"):
        desk.record_answer(ask.id, "granted", YES)


@pytest.mark.parametrize(
    ("turns", "words"),
    [
        ((THANKS,), "Amazing, thank you!"),
        (("customer: help", "agent: done", THANKS), "Amazing, thank you!"),
        ((THANKS, "agent: May we?"), "May we?"),
        ((THANKS, "agent: May we?"), "amazing, thank you!"),
        ((THANKS, "agent: May we?"), ""),
    ],
    ids=["nobody asked", "written before", "our words", "not verbatim", "no words"],
)
def test_an_ask_that_cannot_have_been_made_is_not_adopted(
    make_desk: MakeDesk, turns: tuple[str, ...], words: str
) -> None:
    desk = make_desk(make_ticket(*turns))
    with pytest.raises(RefusedAction):
        desk.adopt_ask(REF, Quote(text=words, message_id="1"))
    assert desk.opened(REF).asks == ()


def test_a_story_quotes_only_the_customer(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(THANKS, "agent: I fixed it."))
    story = desk.new_story(REF)
    for text in ("I fixed it.", "You spotted it."):
        forged = story.model_copy(update={"quotes": (Quote(text=text, message_id="1"),)})
        with pytest.raises(RefusedAction, match="not verbatim"):
            desk.save_story(forged)
    with pytest.raises(RefusedAction, match="hook"):
        desk.save_story(story.model_copy(update={"hook": " "}))
    assert desk.stories() == []


# Sending


def test_a_reply_is_sent_once_and_stands_in_the_thread(make_desk: MakeDesk, sender: FakeSender) -> None:
    desk = make_desk(make_ticket(QUESTION))
    draft = desk.draft(REF)
    done, ticket = desk.send(draft, "Hello, it is under Settings.")
    assert (done.state, done.approved_by) == ("sent", "Mara")
    assert ticket.messages[-1].text == "Hello, it is under Settings."
    assert (desk.ticket(REF).status, desk.unread()) == ("pending", [])
    with pytest.raises(Conflict):
        desk.send(draft, "Hello, it is under Settings.")
    assert len(sender.sent) == 1


def test_a_blocking_finding_stops_the_reply(make_desk: MakeDesk, sender: FakeSender) -> None:
    desk = make_desk(make_ticket(QUESTION))
    draft = desk.draft(REF)
    for text in ("Hello, [[what to say]]", "Hello, we will refund you 50%.", " "):
        with pytest.raises(RefusedAction, match="cannot go out"):
            desk.send(draft, text)
    assert sender.sent == []
    assert desk.opened(REF).draft == draft


def test_nobody_sends_without_a_name(make_desk: MakeDesk, sender: FakeSender) -> None:
    desk = make_desk(make_ticket(QUESTION), agent=" ")
    with pytest.raises(RefusedAction, match="Nobody is named"):
        desk.send(desk.draft(REF), "Hello, it is under Settings.")
    assert sender.sent == []


def later(ticket: Ticket, text: str, clock: FakeClock) -> Ticket:
    new = Message(id="late", role="customer", text=text, at=clock() + timedelta(seconds=1))
    return ticket.model_copy(update={"messages": (*ticket.messages, new)})


def test_a_reply_to_a_conversation_that_went_on_is_a_conflict(
    make_desk: MakeDesk, sender: FakeSender, clock: FakeClock
) -> None:
    ticket = make_ticket(QUESTION)
    desk = make_desk(ticket)
    draft = desk.draft(REF)
    change(desk, later(ticket, "Never mind, found it.", clock))
    with pytest.raises(Conflict, match="changed"):
        desk.send(draft, "Hello, it is under Settings.")
    assert sender.sent == []
    assert desk.send(desk.draft(REF), "Glad to hear it.")[0].state == "sent"


def test_a_failing_sender_leaves_the_draft_approved_and_the_next_try_sends_once(
    make_desk: MakeDesk, sender: FakeSender
) -> None:
    desk = make_desk(make_ticket(THANKS))
    draft, ask = desk.add_ask(desk.draft(REF))
    text = filled(draft)
    sender.error = QueueFault("down")
    with pytest.raises(QueueFault):
        desk.send(draft, text)
    kept = desk.opened(REF).draft
    assert kept is not None
    assert (kept.state, kept.text, kept.approved_by) == ("approved", text, "Mara")
    assert desk.opened(REF).asks == (ask,)
    assert len(desk.ticket(REF).messages) == 1
    sender.error = None
    assert desk.send(kept, kept.text)[0].state == "sent"
    assert [key for _, _, key in sender.sent] == [draft.id]
    assert [a.state for a in desk.opened(REF).asks] == ["sent"]


def test_an_approval_does_not_outlive_the_gate(make_desk: MakeDesk, sender: FakeSender) -> None:
    desk = make_desk(make_ticket(THANKS))
    draft, _ = desk.add_ask(desk.draft(REF))
    sender.error = QueueFault("down")
    with pytest.raises(QueueFault):
        desk.send(draft, filled(draft))
    sender.error = None
    desk.pause_asks(REF, paused=True)
    kept = desk.opened(REF).draft
    assert kept is not None
    with pytest.raises(RefusedAction, match="paused by Mara"):
        desk.send(kept, kept.text)
    assert sender.sent == []


class SlowSender(FakeSender):
    """While it sends, a sync brings a new message of the customer's."""

    desk: Desk

    def send(self, ticket: Ticket, text: str, author: str, key: str, at: object) -> Message:
        change(self.desk, later(ticket, "One more thing, it is urgent.", FakeClock()))
        return super().send(ticket, text, author, key, NOW)


def test_a_message_that_comes_while_a_reply_goes_out_is_not_lost(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    slow = SlowSender()
    slow.desk = desk
    desk.sender = slow
    desk.send(desk.draft(REF), "Hello, it is under Settings.")
    texts = {message.text for message in desk.ticket(REF).messages}
    assert {"One more thing, it is urgent.", "Hello, it is under Settings."} < texts
    assert desk.unread() == [REF]


KILLED = """
import os, signal, sys
from pathlib import Path
from copilot.bootstrap import Workspace
from copilot.settings import load
from copilot.tickets.outbox import Outbox

space = Workspace(load(Path(sys.argv[1])))
class Dying(Outbox):
    def send(self, *args):
        super().send(*args)
        os.kill(os.getpid(), signal.SIGKILL)
desk = space.desk
desk.sender = Dying(desk.sender.folder, desk.sender.sender, desk.sender.team)
draft = desk.opened("test/T-1").draft
desk.send(draft, "Hello, it is under Settings.")
"""


def test_a_process_killed_between_mail_and_record_sends_the_same_file_again(workspace: Path) -> None:
    from copilot.settings import load

    space = Workspace(load(workspace), FakeClock())
    with space.database.begin() as connection:
        store.put(connection, make_ticket(QUESTION), NOW)
    draft = space.desk.draft(REF)
    space.close()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(workspace)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (mail,) = (workspace / "outbox").glob("*.eml")
    again = Workspace(load(workspace), FakeClock())
    kept = again.desk.opened(REF).draft
    assert kept is not None
    assert (kept.id, kept.state) == (draft.id, "approved")
    assert len(again.desk.ticket(REF).messages) == 1
    sent, ticket = again.desk.send(kept, kept.text)
    again.close()
    assert sent.state == "sent"
    assert [m.role for m in ticket.messages] == ["customer", "agent"]
    assert [path.name for path in (workspace / "outbox").iterdir()] == [mail.name]


# Another reader


def by_another(desk: Desk, mood: Mood = "frustrated") -> None:
    """Keep a reading as the reader of an earlier build would have left it."""
    kept = desk.opened(REF).reading
    assert kept is not None
    with desk.database.begin() as connection:
        reading_store.put(connection, REF, kept.model_copy(update={"reader": "of before", "mood": mood}))


def test_what_another_reader_read_is_read_again(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    by_another(desk)
    assert row(desk).mood == "frustrated"  # the queue is shown from the store, before any model is loaded
    assert desk.unread() == [REF]
    assert desk.read_all() == 1
    assert (row(desk).mood, desk.unread()) == ("neutral", [])


def test_what_went_on_while_it_was_read_is_not_overwritten(make_desk: MakeDesk, clock: FakeClock) -> None:
    ticket = make_ticket(QUESTION)
    desk = make_desk(ticket)
    by_another(desk)
    steps = desk.reading()
    assert next(steps) == (0, 1)
    real = desk.brain.get()[0]

    class Slow:
        """While it reads, the customer writes again."""

        def read_many(self, tickets: list[Ticket]) -> list[Reading]:
            change(desk, later(ticket, "One more thing.", clock))
            return real.read_many(tickets)

    playbook = desk.brain.get()[1]
    desk.brain = Brain(lambda: (Slow(), playbook), lambda: desk.brain.replies)  # type: ignore[arg-type,return-value]
    desk.brain.standing = frozenset({real.version})
    assert next(steps) == (1, 1)
    assert row(desk).mood == "frustrated"
    assert desk.unread() == [REF]


def test_what_was_erased_meanwhile_is_left_out(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    by_another(desk)
    steps = desk.reading()
    assert next(steps) == (0, 1)
    with desk.database.begin() as connection:
        reading_store.forget(connection, [REF])
        store.forget(connection, [REF], [])
    assert next(steps) == (1, 1)
    assert desk.queue() == []


def test_a_closed_ticket_keeps_what_it_was_read_as(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION).model_copy(update={"status": "closed"}))
    by_another(desk)
    assert desk.unread() == []


def test_a_correction_survives_another_reader(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    desk.correct(REF, "mood", "delighted")
    by_another(desk)
    desk.read_all()
    assert row(desk).mood == "delighted"


async def test_opening_what_another_reader_read_shows_it_and_reads_it_again(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    by_another(desk)
    opened, read, guided = [event async for event in desk.open(REF)]
    assert isinstance(opened, Opened)
    assert opened.reading is not None
    assert isinstance(read, Read)
    assert isinstance(guided, Guided)
    assert (opened.reading.mood, read.reading.mood, row(desk).mood) == ("frustrated", "neutral", "neutral")


def test_a_draft_rests_on_no_other_readers_reading(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    before = desk.preview(REF).text
    by_another(desk, "angry")
    assert desk.preview(REF).text == before


# Opening


async def test_opening_a_ticket_that_was_read_shows_it_then_guides(make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(QUESTION))
    events = [event async for event in desk.open(REF)]
    assert [type(event) for event in events] == [Opened, Guided]


async def test_opening_a_ticket_that_changed_reads_it_first(make_desk: MakeDesk, clock: FakeClock) -> None:
    ticket = make_ticket(QUESTION)
    desk = make_desk(ticket)
    change(desk, later(ticket, ANGRY.partition(": ")[2], clock))
    events = [event async for event in desk.open(REF)]
    assert [type(event) for event in events] == [Opened, Read, Guided, Read]  # the last message, then the whole thread
    assert isinstance(events[0], Opened)
    assert events[0].reading is None
    assert desk.unread() == []


async def test_opening_a_ticket_that_is_not_there_is_an_event(make_desk: MakeDesk) -> None:
    (event,) = [event async for event in make_desk().open("test/none")]
    assert isinstance(event, Failed)
    assert isinstance(event.error, NotFound)


async def test_without_an_index_the_ticket_is_shown_and_the_way_out_said(
    database: Database, tmp_path: Path, clock: FakeClock
) -> None:
    from copilot.asking.policy import load_policy

    empty = Workspace(Settings(workspace=tmp_path, playbooks=PLAYBOOKS))
    brain: Brain = empty.brain
    setting = Setting(agent="Mara", team="Team", company="Fernway")
    desk = Desk(database, brain, lambda: load_policy(PLAYBOOKS), FakeSender(), setting, clock)
    change(desk, make_ticket(QUESTION))
    events = [event async for event in desk.open(REF)]
    assert [type(event) for event in events] == [Opened, Failed]
    assert isinstance(events[1], Failed)
    assert "playbook build" in events[1].error.hint
