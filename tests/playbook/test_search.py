"""Search: the page for the trouble first, no celebration for the angry, the general page where nothing fits."""

from __future__ import annotations

import pytest

from copilot.desk import Brain
from copilot.playbook.models import Page
from copilot.reading.models import HAPPY, UNHAPPY, Mood
from copilot.tickets.models import Message
from tests.conftest import make_ticket


def pages_for(brain: Brain, words: str, mood: Mood | None = None) -> list[Page]:
    reader, playbook = brain.get()
    ticket = make_ticket("customer: " + words)
    reading = reader.read(ticket)
    if mood is not None:
        reading = reading.model_copy(update={"mood": mood})
    return [match.page for match in playbook.match(ticket, reading)]


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("Nothing works, the entire platform has been offline since six and my staff is idle.", "outage"),
        ("Please give me back what I paid, the mixer broke on day one.", "refund-and-credit"),
        ("You will hear from my solicitor if this is not settled by Friday.", "legal-and-press"),
        ("Somebody else is logged into my account and changed my address!", "security-incident"),
        ("Fourth mail from me and not one answer from any of you.", "waiting-too-long"),
        ("Wow, you repaired the sync before I had noticed anything. Thank you!", "proactive-fix"),
    ],
)
def test_a_message_brings_the_page_for_its_matter_first(brain: Brain, words: str, page: str) -> None:
    assert pages_for(brain, words)[0].id == page


@pytest.mark.parametrize(
    "words",
    [
        "The upgrade you gave me ruined the whole trip. I am furious.",
        "Great surprise: my account is gone. You people are a disgrace.",
        "You fixed it before I saw it? You broke it! Third time! I am done with you.",
        "Thanks for nothing. You missed the deadline and I lost the client.",
    ],
)
@pytest.mark.parametrize("mood", sorted(UNHAPPY))
def test_no_celebration_page_comes_on_top_for_an_unhappy_customer(brain: Brain, words: str, mood: Mood) -> None:
    top = pages_for(brain, words, mood)[0]
    assert top.tone != "celebratory"
    assert not (top.moods and set(top.moods) <= HAPPY)


def test_the_general_page_is_always_among_those_shown(brain: Brain) -> None:
    _, playbook = brain.get()
    for words in ("asdf qwer zxcv", "The whole site is down", "Thanks!", "hello?"):
        assert "general" in [page.id for page in pages_for(brain, words)]
        for count in (1, 2, 5):
            assert 1 <= len(playbook.search(words, count=count)) <= count


def test_a_question_brings_the_script_that_answers_it(brain: Brain) -> None:
    _, playbook = brain.get()
    (best, *_) = playbook.search("I forgot my password and need a new one")
    assert best.page.id == "how-to-answers"
    assert best.play.kind == "script"
    assert "password" in best.play.name.lower()
    assert playbook.play(best.play.id) == best.play


def test_a_match_says_why_and_its_scores_fall(brain: Brain) -> None:
    reader, playbook = brain.get()
    ticket = make_ticket("customer: The whole site is down and nobody here can work.")
    matches = playbook.match(ticket, reader.read(ticket))
    assert "answers outage" in matches[0].why
    scores = [match.score for match in matches]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert all(match.why for match in matches)


def test_a_german_message_brings_german_pages_only(brain: Brain) -> None:
    pages = pages_for(brain, "Jetzt klappt alles wieder, vielen Dank für die schnelle Hilfe!")
    assert pages
    assert {page.locale for page in pages} == {"de"}


def test_automatic_mail_alone_brings_no_page(brain: Brain) -> None:
    reader, playbook = brain.get()
    bounce = Message(id="1", role="customer", text="Out of office", automatic=True)
    ticket = make_ticket("customer: x").model_copy(update={"messages": (bounce,)})
    assert playbook.match(ticket, reader.read(ticket)) == []


def test_what_is_not_there_is_none(brain: Brain) -> None:
    _, playbook = brain.get()
    assert playbook.page("nowhere") is None
    assert playbook.play("nowhere#opening") is None
    assert playbook.play("outage#nothing") is None
