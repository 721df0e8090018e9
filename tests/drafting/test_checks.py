"""Every rule of the checks on sentences as agents write them: ten and more that must fire, ten and more that must not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.drafting.checks import RULES, check
from copilot.drafting.context import CheckContext
from copilot.drafting.models import DraftFinding
from copilot.playbook.models import Leaf, Limit
from tests.conftest import make_ticket

SAID = (
    "The new dashboard saved my whole Friday. I don't know how you did it, but it works! "
    "My colleague said we should have switched years ago"
)
NOTHING = Leaf(offer="an apology", limit=Limit(amount=0), line=1)
TEN_PERCENT = Leaf(offer="a credit", limit=Limit(amount=10, unit="%"), line=1)
TWENTY_EUROS = Leaf(offer="a credit on the account", limit=Limit(amount=20, unit="EUR"), line=1)
ONE_MONTH = Leaf(offer="a free month", limit=Limit(amount=1, unit="month"), line=1)


def found(text: str, rule: str, **fields: Any) -> list[DraftFinding]:
    """Findings of one rule on a text; the offsets of each must lie inside it."""
    values: dict[str, Any] = {"mood": "neutral", "gate_ok": False, **fields}
    ticket = values.pop("ticket", None) or make_ticket("customer: " + SAID)
    findings = check(text, CheckContext(ticket=ticket, **values))
    assert all(0 <= finding.start <= finding.end <= len(text) for finding in findings)
    return [finding for finding in findings if finding.rule == rule]


@pytest.mark.parametrize("text", ["", " ", "\n", "\n\n\n", "\t", "   \n  ", "\u00a0", "\u2003\n", " \t \n ", "\r\n"])
def test_a_draft_without_words_is_empty(text: str) -> None:
    assert [finding.blocking for finding in found(text, "draft.empty")] == [True]


@pytest.mark.parametrize(
    "text", [".", "ok", "Hi", "👍", "Yes.", "[[x]]", "Best wishes,\nMara", "1", "¿Sí?", "  done  ", "—"]
)
def test_a_draft_with_something_in_it_is_not_empty(text: str) -> None:
    assert found(text, "draft.empty") == []


@pytest.mark.parametrize(
    "text",
    [
        "We moved you to the new server: [[say what you changed]].",
        "[[write the reply]]",
        "Hi Anna,\n\nI changed [[what]] and [[where]].",
        "I will write again [[say when]], even if there is nothing new.",
        "You can use {ticket.id} for this.",
        "Hi {customer.first_name},\n\nthat is done.",
        "What I can offer is {decision.offer}.",
        "The fault is known: [[say what is known",
        "I'll call you [[say when\nand how]] tomorrow.",
        "The engineers say when you will write next]]. Sorry again.",
        "The plan is [[" + "very long " * 30 + "]].",
        "[[one]] [[two",
    ],
)
def test_a_blank_or_slot_that_nobody_filled_stops_the_draft(text: str) -> None:
    findings = found(text, "blank.open")
    assert findings
    assert all(finding.blocking for finding in findings)


@pytest.mark.parametrize(
    "text",
    [
        "We moved you to the new server.",
        "See [1] and [2] below.",
        "Set it to {value} in the file.",
        'The body is {"name": "Anna"}.',
        "Use [square] brackets around the name.",
        "The list is a[0] and a[1].",
        "Write {} where you want nothing.",
        "function f() { return 1 }",
        "[link](https://example.org)",
        "It costs 5 [EUR].",
        "Your template has {first_name} in it, which is right.",
    ],
)
def test_brackets_of_other_kinds_are_no_blank(text: str) -> None:
    assert found(text, "blank.open") == []


ASKS = [
    "May we share your words on our website?",
    "Could we quote what you wrote in our next newsletter? We post one on our blog as well.",
    "Would you be happy for us to use your feedback on our website?",
    "Would you mind if we featured your story on our customer page?",
    "We'd love to put your words on our homepage.",
    "I would love to share this message on social media, with your name or without.",
    "Would you write us a short review?",
    "If you have a minute, please leave a review for us.",
    "Could you give us a 5-star rating?",
    "Do recommend us to your friends!",
    "May I have your permission to quote you?",
    "Is it okay if we publish your feedback as a testimonial?",
    "Are you fine with us posting your words publicly?",
    "Dürfen wir Ihre Worte auf unserer Website zeigen?",
    "Would it be alright to feature your quote in our marketing?",
    "Please leave us a review on Trustpilot.",
    "We would be thrilled to share your story in a case study, if you agree.",
    "Would you be open to being quoted on our website with that sentence?",
    "Can we use your comment on our website?",
    "It would mean a lot if you posted a review on Google.",
    "Would you consider leaving a review?",
    "Please rate us, it takes a minute.",
    "Feel free to spread the word.",
]
NOT_ASKS = [
    "May we share your screen for a moment?",
    "Could you share the message that you see?",
    "I have shared your feedback with the engineers.",
    "You can find the setting on our website, under Account.",
    "We'd love to hear how it goes.",
    "Would you like us to post the parcel again?",
    "Please review the attached invoice.",
    "Could you use the other form on our website? It accepts larger files.",
    "I'd be glad to show you how the export works.",
    "Your kind words made it to the whole team.",
    "Would you mind sending us a photo of the label?",
    "We will publish an update on our website at noon.",
    "Could you tell me which line of the file fails?",
    "May I put you through to a colleague?",
    "Can I ask you to write your order number in the reply?",
    "Your review has reached us, and I am sorry about what happened.",
    "Is it okay if we call you tomorrow about the message?",
    "Would you mind sending us the message that you see on our website?",
    "Thank you for leaving a review on our website.",
    "I saw that you left a review, thank you.",
    "News like this deserves to be told, and I'll spread the word on our side!",
]


@pytest.mark.parametrize("text", ASKS)
def test_an_ask_while_the_gate_is_shut_stops_the_draft(text: str) -> None:
    findings = found(f"Hi Anna,\n\nThat is done. {text}", "ask.gate", gate_reason="a risk is open")
    assert findings
    assert findings[0].blocking
    assert "a risk is open" in findings[0].message


@pytest.mark.parametrize("text", NOT_ASKS)
def test_ordinary_sentences_are_no_ask(text: str) -> None:
    assert found(text, "ask.gate") == []


@pytest.mark.parametrize("text", ASKS)
def test_an_ask_typed_by_hand_is_not_on_record(text: str) -> None:
    assert [finding.blocking for finding in found(text, "ask.unrecorded", gate_ok=True)][:1] == [True]
    assert found(text, "ask.gate", gate_ok=True) == []


@pytest.mark.parametrize("text", ASKS)
def test_an_ask_that_quotes_the_words_on_record_is_recorded(text: str) -> None:
    words = "The new dashboard saved my whole Friday."
    assert found(f"You wrote: “{words}” {text}", "ask.unrecorded", gate_ok=True, ask_words=words) == []
    assert found(text, "ask.unrecorded", gate_ok=True, ask_words=words) != []


@pytest.mark.parametrize("text", NOT_ASKS)
def test_a_sentence_that_asks_for_nothing_needs_no_record_and_no_way_out(text: str) -> None:
    assert found(text, "ask.unrecorded", gate_ok=True) == []
    assert found(text, "ask.no-way-out", gate_ok=True) == []


@pytest.mark.parametrize("text", ASKS)
def test_an_ask_without_a_way_out_stops_the_draft(text: str) -> None:
    assert [finding.blocking for finding in found(text, "ask.no-way-out", gate_ok=True)] == [True]


@pytest.mark.parametrize(
    "way_out",
    [
        "If you would rather not, just say so.",
        "A simple no is fine.",
        "No pressure at all.",
        "If not, that is the end of it.",
        "Just ignore this if you like.",
        "You can decline without a reason.",
        "Nothing changes for you either way.",
        "If you prefer not to, I understand.",
        "You can change your mind on any day.",
        "No hard feelings whatever you say.",
        "Wenn Sie das lieber nicht möchten, genügt ein Wort.",
    ],
)
def test_an_ask_with_a_way_out_after_it_may_go(way_out: str) -> None:
    ask = "May we share your words on our website?"
    assert found(f"{ask} {way_out}", "ask.no-way-out", gate_ok=True) == []
    assert found(f"{way_out} {ask}", "ask.no-way-out", gate_ok=True) != []


PROMISES = [
    "I have issued a refund of 30 EUR.",
    "We will refund the full amount within five days.",
    "I'll credit your account with 15 EUR.",
    "You will receive a 20% discount on your next order.",
    "I can offer you a voucher for your next stay.",
    "We'll compensate you for the trouble.",
    "I've waived the fee for this month.",
    "The next month is for free, I have set that up for you.",
    "As a gesture of goodwill, we give you two months free of charge.",
    "We are going to reimburse the shipping costs.",
    "Here is a voucher code: SORRY10.",
    "You'll get a full refund.",
    "Wir geben Ihnen einen Gutschein, genauer eine Gutschrift über 10 EUR.",
    "I will refund you 500 EUR, that is not a problem.",
    "We'll check your balance today and refund 50 EUR.",
    "We cannot thank you enough for your patience, so we've added a credit of 50 EUR.",
    "I've applied a discount to your account.",
    "Your refund has been processed.",
    "I am crediting your account today.",
    "Let me offer you a discount of 15%.",
    "The voucher is on its way to you.",
    "Please accept a credit of 25 EUR.",
    "We've refunded you.",
    "We'll give you your money back.",
    "I can offer you a free month.",
    "You get the next night on the house.",
    "Yes, we pay your lawyer.",
    "We'll also cover your taxi.",
    "We are happy to cover the repair.",
    "I can pay for a cab.",
    "We will gladly pay the return postage.",
]
NO_PROMISES = [
    "We cannot refund this order.",
    "I am sorry, but we are unable to offer a discount.",
    "I have asked our billing team whether a refund is possible.",
    "Unfortunately, I can't give you a credit for this.",
    "Did you receive the refund?",
    "Please give me the last four digits of the credit card.",
    "I have received your request for a refund and will look into it.",
    "I will check whether you can get compensation.",
    "If you would like a refund, please reply here.",
    "Our refund policy is on the website.",
    "I've read your message about the refund you requested.",
    "We do not issue vouchers for digital goods.",
    "Your request for a refund is with billing.",
    "To their credit, the engineers found it in an hour.",
    "I can see the discount you asked about on the price page.",
    "Wir können Ihnen leider keine Erstattung anbieten.",
    "The plan includes ten seats, and I have added Tom.",
    "Unfortunately, we cannot offer a refund, a credit or a voucher.",
    "I'm sorry, that refund isn't possible.",
    "Your refund has been declined by the bank.",
    "We cannot pay your lawyer.",
    "We pay the drivers by the hour.",
    "I will cover the new reports in our call.",
    "I'll cover your three questions one by one.",
    "I will pay you a visit.",
    "We will pay close attention to your repair.",
]


@pytest.mark.parametrize("text", PROMISES)
@pytest.mark.parametrize("leaf", [None, NOTHING], ids=["no decision", "nothing allowed"])
def test_a_promise_that_no_decision_allows_stops_the_draft(text: str, leaf: Leaf | None) -> None:
    findings = found(f"Hi Anna,\n\n{text}\n\nBest wishes,\nMara", "promise.limit", leaf=leaf)
    assert findings
    assert all(finding.blocking for finding in findings)


@pytest.mark.parametrize("text", NO_PROMISES)
def test_a_refusal_a_question_or_a_report_is_no_promise(text: str) -> None:
    assert found(f"Hi Anna,\n\n{text}\n\nBest wishes,\nMara", "promise.limit") == []


@pytest.mark.parametrize(
    ("text", "leaf"),
    [
        ("I have added a credit of 15% to your account.", TEN_PERCENT),
        ("We will refund 10.5 per cent.", TEN_PERCENT),
        ("You will receive a credit of 20 EUR.", TEN_PERCENT),
        ("I've issued a credit of €25.", TWENTY_EUROS),
        ("I have credited 20,50 EUR.", TWENTY_EUROS),
        ("We'll credit 1.200 EUR to your account.", TWENTY_EUROS),
        ("We'll credit 1,200.00 EUR to your account.", TWENTY_EUROS),
        ("I can offer a credit of 20 dollars.", TWENTY_EUROS),
        ("You will get a credit of 20 EUR and another 30 EUR later.", TWENTY_EUROS),
        ("You'll get two months for free.", ONE_MONTH),
        ("We give you 3 months free of charge.", ONE_MONTH),
        ("I'll credit one month, and a discount of 5% after that.", ONE_MONTH),
        ("I have added a credit of $20.", TWENTY_EUROS),
        ("I'll give you a full refund.", TEN_PERCENT),
    ],
)
def test_a_promise_above_or_outside_the_decision_stops_the_draft(text: str, leaf: Leaf) -> None:
    findings = found(text, "promise.limit", leaf=leaf)
    assert findings
    assert findings[0].blocking


@pytest.mark.parametrize(
    ("text", "leaf"),
    [
        ("I have added a credit of 10% to your account.", TEN_PERCENT),
        ("We will refund 7.5 per cent.", TEN_PERCENT),
        ("I've issued a credit of €20.", TWENTY_EUROS),
        ("I have credited 19,99 EUR.", TWENTY_EUROS),
        ("You will receive a credit of 20 euros.", TWENTY_EUROS),
        ("You'll get one month for free.", ONE_MONTH),
        ("We give you a month free of charge.", ONE_MONTH),
        ("I can offer a credit of 5%.", TEN_PERCENT),
        ("I have added a credit of 20.00 EUR.", TWENTY_EUROS),
        ("We'll credit € 12.50 to your account.", TWENTY_EUROS),
        ("You get a credit on the account, as agreed.", TWENTY_EUROS),
    ],
)
def test_a_promise_within_the_decision_may_go(text: str, leaf: Leaf) -> None:
    assert found(text, "promise.limit", leaf=leaf) == []


@pytest.mark.parametrize(
    "text",
    [
        "You wrote: “This changed our lives.”",
        'You said "I have never been happier".',
        "As you put it: „Das ist wirklich großartig.“",
        "Your «service beyond all praise» made us proud.",
        "“The new dashboard saved my whole Thursday.” What a sentence!",
        'Thank you for "The dashboard saved my whole Friday".',
        "“I know how you did it, but it works!”",
        "You told us: “It works! The new dashboard saved my Friday.”",
        '"We should have switched years ago, all of us", you wrote.',
        "And “five stars for the team” is what we read between the lines.",
        "You wrote: “The new dashboard saved my whole Friday and our company.”",
    ],
)
def test_words_in_quotation_marks_that_the_customer_never_wrote_stop_the_draft(text: str) -> None:
    assert [finding.blocking for finding in found(text, "quote.invented")] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "You wrote: “The new dashboard saved my whole Friday.”",
        'You wrote: "The new dashboard saved my whole Friday".',
        "“I don’t know how you did it”",
        "“it works!”",
        "„we should have switched years ago“",
        "«saved my whole Friday»",
        "You don't need it, and I won't ask.",
        'The 27" screen and the 24" one are both fine.',
        "Empty marks “” are nobody's words.",
        "“My colleague said we should have switched years ago.”",
        "We said it before: “You approved this on the page.”",
        "“IT WORKS!”",
        "That's the customers' choice, it's Anna's.",
    ],
)
def test_the_customers_own_words_may_stand_in_quotation_marks(text: str) -> None:
    assert found(text, "quote.invented", approved_words=("You approved this on the page.",)) == []


def test_one_or_two_quoted_words_are_only_pointed_out() -> None:
    assert [finding.blocking for finding in found("Press “Save changes” at the top.", "quote.invented")] == [False]


@pytest.mark.parametrize(
    "greeting",
    [
        "Hi Bernd,",
        "Hello Peter!",
        "Dear Ms Schmidt,",
        "Dear Mr. Miller,",
        "Good morning Tom,",
        "Hey Carla:",
        "Guten Tag Frau Weber,",
        "Liebe Sabine,",
        "Bonjour Luc,",
        "Hola, Pedro:",
        "Ciao Marco,",
        "Hi Bernd\n",
        "Dear Annabel,",
    ],
)
def test_a_greeting_for_somebody_else_is_pointed_out(greeting: str) -> None:
    findings = found(f"{greeting}\n\nthat is done.", "name.wrong")
    assert [finding.blocking for finding in findings] == [False]
    assert "Anna Berg" in findings[0].message


@pytest.mark.parametrize(
    "opening",
    [
        "Hi Anna,",
        "Dear Ms Berg,",
        "Dear Mrs. Berg,",
        "Hello Dr. Berg,",
        "Hi there,",
        "Hello everyone,",
        "Hello,",
        "Guten Tag Anna Berg,",
        "Guten Tag Frau Berg,",
        "Hola, Anna:",
        "Hi, thanks for reaching out.",
        "Hello, I am sorry about this.",
        "Hello again, Anna!",
        "Hi ANNA!",
        "Hi Anna\n",
        "Thank you, Bernd has looked at it.",
        "Dear Sir or Madam,",
        "Dear customer,",
        "Hi Anna and team,",
        "Good morning, here is the news.",
        "Hi Mara here with the answer.",
        "Hello and thank you for your message.",
        "Hello from Fernway!",
    ],
)
def test_a_greeting_for_the_customer_or_for_nobody_is_right(opening: str) -> None:
    assert found(f"{opening}\n\nthat is done.", "name.wrong") == []


def test_no_name_is_wrong_where_the_customers_name_is_unknown() -> None:
    ticket = make_ticket("customer: hello").model_copy(
        update={"customer": make_ticket("customer: x").customer.model_copy(update={"name": ""})}
    )
    assert found("Hi Bernd,\n\nthat is done.", "name.wrong", ticket=ticket) == []


@pytest.mark.parametrize("mood", ["angry", "frustrated"])
@pytest.mark.parametrize(
    "text",
    [
        "Great news!! It works again.",
        "That is awesome to hear.",
        "We are thrilled to help.",
        "Yay, it is fixed.",
        "You made our day.",
        "I'm delighted to tell you that it is fixed. 🎉",
        "This is fantastic feedback.",
        "Let's celebrate the new version.",
        "Have a great day 😊",
        "Woohoo, the parcel is there.",
        "Hooray, found it.",
        "Amazing, thanks for the screenshot.",
        "Done 🥳",
        "Have an awesome weekend.",
    ],
)
def test_cheer_for_somebody_who_is_unhappy_is_pointed_out(text: str, mood: str) -> None:
    findings = found(text, "tone.mood", mood=mood)
    assert findings
    assert not any(finding.blocking for finding in findings)
    assert found(text, "tone.mood", mood="satisfied") == []


@pytest.mark.parametrize(
    "text",
    [
        "I am sorry that this took so long.",
        "I understand, and I am on it.",
        "Thank you for your patience.",
        "The amazingly long queue is gone, and so is the fault.".replace("amazingly", "very"),
        "We have found the fault.",
        "I will call you at noon.",
        "Please reply here if it happens again.",
        "You are right to be annoyed.",
        "It works again now.",
        "That should not have happened, and I regret it.",
        "Stay on the line!",
        "The day before yesterday we made a mistake.",
    ],
)
def test_plain_words_for_somebody_who_is_unhappy_are_right(text: str) -> None:
    assert found(text, "tone.mood", mood="angry") == []


@given(text=st.text(max_size=400), gate=st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_text_gives_the_same_findings_twice_and_never_an_error(text: str, gate: bool) -> None:
    context = CheckContext(ticket=make_ticket("customer: " + SAID), mood="angry", gate_ok=gate, leaf=TWENTY_EUROS)
    findings = check(text, context)
    assert findings == check(text, context)
    assert [finding.start for finding in findings] == sorted(finding.start for finding in findings)
    assert all(0 <= finding.start <= finding.end <= max(len(text), 2) for finding in findings)


def test_no_rule_takes_long_on_a_very_long_draft() -> None:
    import time

    text = ("We would like to " * 300 + '"' + "“" * 50 + " 1.1.1.1.1.1" * 300 + " share [[" * 50 + "{" * 300) * 3
    started = time.process_time()
    found(text, "ask.gate")
    assert time.process_time() - started < 5
    assert len(RULES) == 26
