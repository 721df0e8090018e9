"""The composer: same ticket, same words; no brace, no cheer for the unhappy, nothing twice, one language a reply."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from copilot.desk import Brain, Desk
from copilot.drafting.checks import check
from copilot.drafting.composer import (
    Setting,
    best_quote,
    compose,
    default_tone,
    duration_words,
    fill,
    greeting,
    insert_play,
    quotable,
    slot_values,
    text_of,
)
from copilot.drafting.context import CheckContext
from copilot.drafting.models import Part
from copilot.playbook.models import TONES, Leaf, Limit, Match, Page, Phrasing, Play, PlayKind, Tone, Walk
from copilot.playbook.slots import ANY_BRACE, SLOTS
from copilot.reading.models import UNHAPPY, Mood, Reading
from copilot.tickets.models import Customer, Message, Ticket
from tests.conftest import make_ticket
from tests.fakes import NOW

SETTING = Setting(agent="Mara", team="Fernway Support", company="Fernway")
OUTAGE = "Your whole site is down and none of our thirty people can log in. This is a disgrace!"
HAPPY = "You spotted the broken row before I even knew about it and fixed it for us. Thank you so much!"
CHEER = re.compile(r"!|\b(?:awesome|amazing|fantastic|thrilled|delighted)\b", re.IGNORECASE)


def drafted(
    brain: Brain, ticket: Ticket, mood: Mood | None = None, tone: Tone | None = None, walk: Walk | None = None
) -> tuple[str, tuple[Part, ...], Reading]:
    reader, playbook = brain.get()
    reading = reader.read(ticket)
    if mood is not None:
        reading = reading.model_copy(update={"mood": mood})
    matches = playbook.match(ticket, reading)
    tone = tone or default_tone(reading, matches[0].page if matches else None)
    parts = compose(ticket, reading, matches, tone, SETTING, walk)
    return text_of(parts), parts, reading


def a_play(*texts: str, kind: PlayKind = "opening", page: str = "x") -> Play:
    phrasings = tuple(Phrasing(text=text, line=n) for n, text in enumerate(texts, start=2))
    return Play(
        id=f"{page}#{kind}", page=page, path=f"playbooks/{page}.md", kind=kind, line=1, last_line=9, text="",
        phrasings=phrasings,
    )  # fmt: skip


def a_match(*plays: Play, locale: str = "en") -> Match:
    page = Page(id="x", title="X", path="playbooks/x.md", intent="x", plays=plays, digest="0", locale=locale)
    return Match(page=page, play=plays[0], score=1.0, why="")


def a_reading(ticket: Ticket, mood: Mood = "neutral", **fields: object) -> Reading:
    return Reading.model_validate({"ticket_version": ticket.version, "reader": "r", "mood": mood, **fields})


@pytest.mark.parametrize("words", [OUTAGE, HAPPY, "How do I change the billing address?", "hello?"])
def test_the_same_ticket_gives_the_same_words(brain: Brain, words: str) -> None:
    ticket = make_ticket("customer: " + words)
    assert drafted(brain, ticket)[0] == drafted(brain, ticket)[0]


def test_tickets_with_the_same_question_get_different_words(brain: Brain) -> None:
    texts = {drafted(brain, make_ticket("customer: " + OUTAGE, id=f"T-{n}"))[0] for n in range(12)}
    assert len(texts) >= 6


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("words", [OUTAGE, HAPPY, "I want my money back.", "Wo ist mein Paket? Ich habe noch nichts."])
def test_no_slot_is_left_in_braces(brain: Brain, words: str, tone: Tone) -> None:
    for name in ("Anna Berg", "", "a@b.example"):
        customer = Customer(id="c", name=name)
        text = drafted(brain, make_ticket("customer: " + words, customer=customer), tone=tone)[0]
        assert [m.group() for m in ANY_BRACE.finditer(text) if m.group()[1:-1] in SLOTS] == []
        assert "None" not in text


@pytest.mark.parametrize("mood", sorted(UNHAPPY))
def test_nobody_who_is_unhappy_is_met_with_cheer(brain: Brain, mood: Mood) -> None:
    _, playbook = brain.get()
    ticket = make_ticket("customer: " + OUTAGE)
    reading = a_reading(ticket, mood)
    for page in playbook.pages:
        if page.locale != "en":
            continue
        matches = [Match(page=page, play=page.plays[0], score=1.0, why="")]
        assert default_tone(reading, page) == "calm"
        for number in range(4):
            other = ticket.model_copy(update={"id": f"T-{number}"})
            text = text_of(compose(other, reading, matches, "calm", SETTING))
            assert not CHEER.search(text), f"{page.path}: {text}"


def test_a_slot_that_nothing_fills_becomes_a_blank_that_says_what_is_missing() -> None:
    ticket = make_ticket("customer: hello", customer=Customer(id="c"))
    play = a_play("Dear {customer.first_name}, you get {decision.offer}.")
    text = text_of(compose(ticket, a_reading(ticket), [a_match(play)], "warm", SETTING))
    assert "[[the customer's given name]]" in text
    assert "[[what the decision offers]]" in text
    context = CheckContext(ticket=ticket, mood="neutral", gate_ok=False)
    assert [f.rule for f in check(text, context)] == ["blank.open", "blank.open"]


def test_a_phrasing_that_can_be_filled_is_taken_before_one_that_cannot() -> None:
    ticket = make_ticket("customer: hello")
    play = a_play("You get {decision.offer}.", "Nothing is needed for this.", "Up to {decision.limit} is yours.")
    for number in range(6):
        other = ticket.model_copy(update={"id": f"T-{number}"})
        assert "Nothing is needed" in text_of(compose(other, a_reading(other), [a_match(play)], "warm", SETTING))


def test_no_phrase_comes_twice_in_one_thread(brain: Brain) -> None:
    ticket = make_ticket("customer: " + OUTAGE)
    said: set[str] = set()
    for number in range(3):
        _, parts, _ = drafted(brain, ticket)
        play_texts = {part.text for part in parts if part.source == "play" and not part.play_id.endswith("#recovery")}
        assert play_texts
        assert not said & play_texts
        said |= play_texts
        at = NOW + timedelta(minutes=number)
        answer = Message(id=f"a{number}", role="agent", text=text_of(parts), at=at)
        again = Message(id=f"c{number}", role="customer", text=OUTAGE, at=at)
        ticket = ticket.model_copy(update={"messages": (*ticket.messages, answer, again)})
        ticket = Ticket.model_validate(ticket.model_dump())


def test_a_german_ticket_is_answered_from_a_german_page(brain: Brain) -> None:
    ticket = make_ticket("customer: Wo ist mein Paket? Ich habe noch nichts bekommen und warte schon lange.")
    text, parts, reading = drafted(brain, ticket)
    assert reading.language == "de"
    assert text.startswith("Guten Tag Anna Berg,")
    assert "Viele Grüße" in text
    cited = [part.citation for part in parts if part.source == "play"]
    assert cited
    assert all("/de/" in citation for citation in cited)


@pytest.mark.parametrize(
    ("words", "language", "hello"),
    [
        ("¿Dónde está mi pedido? Todavía no ha llegado y tengo que salir.", "es", "Hola, Anna:"),
        ("Bonjour, je n'ai pas reçu mon colis et vous ne répondez pas.", "fr", "Bonjour Anna,"),
        ("荷物がまだ届きません。どうなっていますか。", "ja", "Hi Anna,"),
    ],
)
def test_a_language_that_no_page_covers_leaves_the_answer_to_a_person(
    brain: Brain, words: str, language: str, hello: str
) -> None:
    text, parts, reading = drafted(brain, make_ticket("customer: " + words))
    assert reading.language == language
    assert text.startswith(hello)
    assert f"({language})" in text
    assert [part.source for part in parts] == ["composer"] * 3
    context = CheckContext(ticket=make_ticket("customer: x"), mood="neutral", gate_ok=False)
    assert "blank.open" in [finding.rule for finding in check(text, context)]


def test_every_paragraph_from_a_play_cites_the_line_it_stands_on(brain: Brain) -> None:
    _, playbook = brain.get()
    _, parts, _ = drafted(brain, make_ticket("customer: " + HAPPY))
    lines = {f"{page.path}:{p.line}": p.text for page in playbook.pages for play in page.plays for p in play.phrasings}
    cited = [c for part in parts if part.source == "play" for c in part.citation.split("; ")]
    assert cited
    assert all(citation in lines for citation in cited)


def test_the_outcome_of_a_decision_becomes_a_paragraph_with_a_blank_for_the_amount() -> None:
    ticket = make_ticket("customer: I want my money back.")
    leaf = Leaf(offer="a credit on the account", limit=Limit(amount=20, unit="EUR"), approval="team lead", line=50)
    walk = Walk(play_id="x#decision-refund", title="refund", citation="playbooks/x.md:50", leaf=leaf)
    match = a_match(a_play("Thank you for writing."))
    parts = compose(ticket, a_reading(ticket), [match], "calm", SETTING, walk)
    (outcome,) = [part for part in parts if part.play_id == "x#decision-refund"]
    assert outcome.text == (
        "What I can offer is a credit on the account: [[how much, at most 20 EUR, approved by: team lead]]."
    )
    assert outcome.citation == "playbooks/x.md:50"
    free = walk.model_copy(update={"leaf": leaf.model_copy(update={"limit": Limit(amount=0)})})
    assert "[[" not in text_of(compose(ticket, a_reading(ticket), [match], "calm", SETTING, free))


def test_an_offer_that_a_phrasing_already_says_is_not_said_again() -> None:
    ticket = make_ticket("customer: I want my money back.")
    leaf = Leaf(offer="a credit on the account", limit=Limit(amount=0), line=50)
    walk = Walk(play_id="x#decision-refund", title="refund", citation="playbooks/x.md:50", leaf=leaf)
    match = a_match(a_play("What I can do is {decision.offer}.", kind="recovery"))
    text = text_of(compose(ticket, a_reading(ticket), [match], "calm", SETTING, walk))
    assert text.count("a credit on the account") == 1


@pytest.mark.parametrize(
    ("name", "language", "expected"),
    [
        ("Anna Berg", "en", "Hi Anna,"),
        ("Berg, Anna", "en", "Hi Anna,"),
        ("anna@example.org", "en", "Hello,"),
        ("", "de", "Guten Tag,"),
        ("J. Berg", "en", "Hello,"),
        ("user4711", "en", "Hello,"),
        ("Anna Berg", "fr", "Bonjour Anna,"),
        ("Anna Berg", "xx", "Hi Anna,"),
    ],
)
def test_the_greeting_uses_a_name_only_where_it_can_be_trusted(name: str, language: str, expected: str) -> None:
    assert greeting(make_ticket("customer: x", customer=Customer(id="c", name=name)), language) == expected


def test_a_play_is_inserted_before_the_signature() -> None:
    ticket = make_ticket("customer: x")
    values = slot_values(ticket, a_reading(ticket), SETTING, None, None)
    text = "Hi Anna,\n\nthat is done.\n\nBest wishes,\nMara"
    after, part = insert_play(text, a_play("Your number is {ticket.id}."), ticket, "warm", values)
    assert after == "Hi Anna,\n\nthat is done.\n\nYour number is T-1.\n\nBest wishes,\nMara"
    assert part is not None
    assert part.citation == "playbooks/x.md:2"
    assert insert_play("just this", a_play("More."), ticket, "warm", values)[0] == "just this\n\nMore."


def test_a_value_with_braces_is_not_filled_again() -> None:
    assert fill("{customer.name}", {"customer.name": "{agent.name}", "agent.name": "Mara"}) == "{agent.name}"


def test_a_quote_is_a_verbatim_sentence_of_the_last_message() -> None:
    words = "It is so good. Why was it hidden from us for so long? Our whole team works faster with it now."
    ticket = make_ticket("customer: old words that are long enough to quote", "agent: hm", "customer: " + words)
    assert quotable(ticket) == ["It is so good.", "Our whole team works faster with it now."]
    assert best_quote(ticket, a_reading(ticket, "delighted")) == "Our whole team works faster with it now."
    assert best_quote(ticket, a_reading(ticket, "angry")) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(30, "a minute"), (60, "1 minute"), (1800, "30 minutes"), (3600, "1 hour"), (172_800, "2 days")],
)
def test_a_duration_is_said_in_words(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


def test_the_drafts_for_the_sample_queue_have_no_blocking_finding_but_open_blanks(sample_desk: Desk) -> None:
    rows = sample_desk.queue("all")
    assert len(rows) > 10
    wrong = []
    for row in rows:
        guidance = sample_desk.guide(row.ref)
        opened = sample_desk.opened(row.ref)
        assert opened.reading is not None
        context = sample_desk.context(row.ref, guidance)
        for tone in TONES:
            parts = compose(opened.ticket, opened.reading, guidance.matches, tone, SETTING, guidance.walk)
            found = check(text_of(parts), context)
            wrong += [(row.ref, tone, f) for f in found if f.blocking and f.rule != "blank.open"]
            wrong += [(row.ref, tone, f) for f in found if f.rule == "name.wrong"]
    assert wrong == []
