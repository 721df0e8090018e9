"""A person's correction wins, survives the next reading, and stops counting when the customer writes again."""

from __future__ import annotations

from copilot.desk import Desk
from copilot.reading import store
from copilot.reading.models import Correction, Reading
from copilot.tickets import store as ticketing
from copilot.tickets.models import Message, Ticket
from tests.conftest import MakeDesk, make_ticket
from tests.fakes import NOW

ANGRY = "This is the third time I write. Nobody answers. You are a disgrace!"
PLAIN = "The import is there now."


def read_again(desk: Desk, ticket: Ticket) -> Reading:
    with desk.database.begin() as connection:
        ticketing.put(connection, ticket, NOW)
    return desk.read(ticket.ref)


def names(reading: Reading) -> tuple[list[str], list[str]]:
    return [x.name for x in reading.signals], [x.name for x in reading.risks]


def test_a_correction_wins_at_once_and_survives_the_next_reading(make_desk: MakeDesk) -> None:
    ticket = make_ticket("customer: " + ANGRY)
    desk = make_desk(ticket)
    assert "repeat_contact" in names(desk.read(ticket.ref))[1]
    desk.correct(ticket.ref, "risk", "repeat_contact", present=False)
    desk.correct(ticket.ref, "risk", "outage")
    reading = desk.correct(ticket.ref, "mood", "frustrated")
    for found in (reading, desk.read(ticket.ref)):
        assert (found.mood, found.mood_confidence, found.mood_corrected) == ("frustrated", 1.0, True)
        assert found.path[-1].mood == "frustrated"
        assert "repeat_contact" not in names(found)[1]
        (outage,) = [label for label in found.risks if label.name == "outage"]
        assert (outage.corrected, outage.confidence, outage.evidence.text) == (True, 1.0, ANGRY)


def test_a_correction_stops_counting_when_the_customer_writes_again(make_desk: MakeDesk) -> None:
    ticket = make_ticket("customer: " + PLAIN)
    desk = make_desk(ticket)
    assert desk.correct(ticket.ref, "risk", "legal_threat").risks[0].name == "legal_threat"
    agent = Message(id="8", role="agent", text="Good to hear.", at=NOW)
    answered = Ticket.model_validate({**ticket.model_dump(), "messages": (*ticket.messages, agent)})
    assert names(read_again(desk, answered))[1] == ["legal_threat"]
    again = Message(id="9", role="customer", text=PLAIN, at=NOW)
    asked = Ticket.model_validate({**answered.model_dump(), "messages": (*answered.messages, again)})
    assert names(read_again(desk, asked))[1] == []


def test_the_latest_of_two_corrections_wins(make_desk: MakeDesk) -> None:
    ticket = make_ticket("customer: " + PLAIN)
    desk = make_desk(ticket)
    desk.correct(ticket.ref, "mood", "angry")
    assert desk.correct(ticket.ref, "mood", "delighted").mood == "delighted"
    desk.correct(ticket.ref, "signal", "milestone")
    assert "milestone" not in names(desk.correct(ticket.ref, "signal", "milestone", present=False))[0]
    with desk.database.read() as connection:
        assert len(store.corrections_of(connection, ticket.ref)) == 4


def correction(ticket: Ticket, field: str, name: str) -> Correction:
    return Correction.model_validate(
        {"ticket_ref": ticket.ref, "ticket_version": "v", "target": ticket.messages[-1].id, "field": field, "name": name,
         "by": "Mara", "at": NOW}
    )  # fmt: skip


def test_a_signal_that_a_person_sees_makes_a_moment_only_in_a_happy_mood() -> None:
    ticket = make_ticket("customer: " + PLAIN)
    happy = Reading(ticket_version=ticket.version, reader="r", mood="satisfied")
    signal = correction(ticket, "signal", "milestone")
    assert store.corrected(happy, ticket, [signal]).moment
    angry = store.corrected(happy, ticket, [signal, correction(ticket, "mood", "angry")])
    assert [x.name for x in angry.signals] == ["milestone"]
    assert (angry.moment, angry.ask_ok) == (False, False)
    at_risk = store.corrected(happy, ticket, [signal, correction(ticket, "risk", "outage")])
    assert (at_risk.moment, at_risk.ask_ok) == (False, False)


def test_a_person_may_judge_what_the_reader_could_not_read() -> None:
    ticket = make_ticket("customer: Vielen Dank, das war sehr gut!")
    unread = Reading(ticket_version=ticket.version, reader="r", read=False, why_not="not read", language="de")
    reading = store.corrected(unread, ticket, [correction(ticket, "mood", "delighted")])
    assert (reading.read, reading.why_not, reading.mood, reading.language) == (True, "", "delighted", "de")
    assert store.corrected(unread, ticket, []) == unread
