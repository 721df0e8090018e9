"""The gate: from a base case in which everything speaks for an ask, each rule alone turns the verdict and says why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.asking.gate import Known, judge
from copilot.asking.models import Ask, AskState, Give, Policy, Terms, Verdict
from copilot.desk import Desk
from copilot.reading.models import HAPPY, MOODS, UNHAPPY, Evidence, Label, Reading
from copilot.tickets.models import Customer, CustomerKind, Message, Status
from tests.conftest import MakeDesk, make_ticket
from tests.fakes import NOW, FakeClock

WORDS = "You fixed it before I knew about it."
POLICY = Policy(
    wording="1",
    regions={"DE": "customer-began", "XX": "never", "FR": "allowed"},
    prior_notice="Our first reply says that we may ask.",
    purposes=("stories", "newsletter"),
)
THANKED = (Give(what="a thank-you", by="Mara", at=NOW - timedelta(seconds=1)),)
YEAR = timedelta(days=365)


def label(name: str) -> Label:
    return Label(name=name, confidence=0.9, evidence=Evidence(message=0, start=0, end=len(WORDS), text=WORDS))


def read_as(**changes: Any) -> Reading:
    values: dict[str, Any] = {"ticket_version": "v", "reader": "r", "mood": "delighted", "ask_ok": True, **changes}
    return Reading(**{"signals": (label("proactive_fix"),), **values})


def ask(state: AskState, sent_at: datetime | None, answered_at: datetime | None = None) -> Ask:
    return Ask(
        id="a",
        ticket_ref="test/T-0",
        customer_key="test/c-1",
        kind="quote",
        play_id="p#ask",
        wording="1/p#ask",
        words=WORDS,
        text=WORDS,
        state=state,
        created_at=NOW - 3 * YEAR,
        sent_at=sent_at,
        answered_at=answered_at,
    )


class Case(NamedTuple):
    """All that the gate is told, with everything in favour."""

    status: Status = "open"
    text: str = WORDS
    customer: Customer = Customer(id="c-1", name="Anna Berg", email="anna@example.org")
    reading: Reading = read_as()
    policy: Policy = POLICY
    history: tuple[Ask, ...] = ()
    other_open: tuple[str, ...] = ()
    paused_by: str = ""
    quote: str = WORDS
    first: str = "customer: my import failed"
    gives: tuple[Give, ...] = THANKED
    purpose: str = ""

    def verdict(self) -> Verdict:
        ticket = make_ticket(
            self.first, "agent: I repaired it.", f"customer: {self.text}", status=self.status, customer=self.customer
        )
        return judge(
            ticket,
            self.reading,
            self.policy,
            Known(self.history, self.other_open, self.paused_by, self.gives),
            self.quote,
            NOW,
            self.purpose,
        )


def customer(**fields: Any) -> Customer:
    return Customer(**{"id": "c-1", "name": "Anna Berg", **fields})


def test_an_ask_is_right_when_everything_speaks_for_it() -> None:
    verdict = Case().verdict()
    assert verdict.ok
    assert verdict.against == ()
    assert verdict.why_not == ""


def thanked(**ago: float) -> Give:
    return Give(what="a thank-you", by="Mara", at=NOW - timedelta(**ago))


TWO_GIVES = {"gives_between_asks": 2}


def sent_ago(state: AskState, **ago: float) -> tuple[Ask, ...]:
    return (ask(state, NOW - timedelta(**ago)),)


ALONE: list[tuple[str, Case, str, str]] = [
    ("not confirmed", Case(reading=read_as(signals=())), "resolved", "not resolved or confirmed yet"),
    ("ends in a question", Case(text=WORDS + " But how?"), "resolved", "question"),
    ("resolved but asking on", Case(status="resolved", text="And now?"), "resolved", "question"),
    ("neutral", Case(reading=read_as(mood="neutral")), "mood", "the customer is neutral"),
    ("frustrated", Case(reading=read_as(mood="frustrated")), "mood", "the customer is frustrated"),
    ("angry", Case(reading=read_as(mood="angry")), "mood", "the customer is angry"),
    ("sarcastic", Case(reading=read_as(sarcasm=True)), "mood", "sarcastic"),
    ("unread", Case(reading=read_as(read=False, why_not="not in English (pl)")), "mood", "not in English (pl)"),
    ("open risk", Case(reading=read_as(risks=(label("churn_threat"),))), "risk", "open risk: churn threat"),
    ("other ticket", Case(other_open=("mail/7",)), "other-tickets", "1 other open ticket (mail/7)"),
    ("other tickets", Case(other_open=("b/1", "b/2")), "other-tickets", "2 other open tickets (b/1, b/2)"),
    ("plain thanks", Case(reading=read_as(ask_ok=False, signals=(label("resolved_thanks"),))), "tact", "plain thanks"),
    ("nothing to quote", Case(quote=""), "quote", "nothing quotable"),
    ("declined", Case(history=sent_ago("declined", days=200)), "declined", "said no before"),
    ("withdrawn", Case(history=sent_ago("withdrawn", days=200)), "declined", "said no before"),
    ("cool-down", Case(history=sent_ago("granted", days=119)), "cool-down", "asked 119 days ago; 120 must pass"),
    (
        "budget",
        Case(history=(*sent_ago("granted", days=200), *sent_ago("granted", days=364))),
        "budget",
        "2 of 2 asks this year",
    ),
    ("do not ask", Case(paused_by="Priya"), "do-not-ask", "asks are paused by Priya"),
    ("staff", Case(customer=customer(kind="staff")), "person", "Anna works for us"),
    ("partner", Case(customer=customer(kind="partner")), "person", "Anna works with us"),
    ("minor", Case(customer=customer(kind="minor")), "person", "Anna is a minor"),
    ("nameless minor", Case(customer=customer(name="", kind="minor")), "person", "this person is a minor"),
    ("forbidden region", Case(customer=customer(country="XX")), "region", "XX: asks are not allowed"),
    (
        "we wrote first in Germany",
        Case(customer=customer(country="DE"), first="agent: how do you like it?"),
        "region",
        "DE: only where the customer began",
    ),
    (
        "Germany without prior notice",
        Case(customer=customer(country="DE"), policy=POLICY.model_copy(update={"prior_notice": " "})),
        "region",
        "DE: only after prior notice",
    ),
    (
        "nothing given since the last ask",
        Case(history=sent_ago("granted", days=200), gives=(thanked(days=201),)),
        "balance",
        "0 given since the last ask; thank them first",
    ),
    (
        "a give at the very moment of the ask",
        Case(history=sent_ago("granted", days=200), gives=(thanked(days=200),)),
        "balance",
        "0 given since the last ask",
    ),
    (
        "too little given",
        Case(
            history=sent_ago("granted", days=200), gives=(thanked(days=9),), policy=POLICY.model_copy(update=TWO_GIVES)
        ),
        "balance",
        "1 given since the last ask",
    ),
    (
        "another purpose",
        Case(purpose="fundraising"),
        "purpose",
        "none of the purposes that asks are for (stories, newsl",
    ),
    (
        "a purpose where none is allowed",
        Case(purpose="stories", policy=POLICY.model_copy(update={"purposes": ()})),
        "purpose",
        "(none)",
    ),
    (
        "lower case country",
        Case(customer=customer(country="de"), first="agent: how do you like it?"),
        "region",
        "DE: only where the customer began",
    ),
]


@pytest.mark.parametrize(("case", "rule", "words"), [row[1:] for row in ALONE], ids=[row[0] for row in ALONE])
def test_each_rule_alone_turns_the_verdict_and_says_why(case: Case, rule: str, words: str) -> None:
    verdict = case.verdict()
    assert not verdict.ok
    assert [reason.rule for reason in verdict.against] == [rule]
    assert words in verdict.why_not


def test_an_ask_that_waits_for_its_answer_is_a_reason_of_its_own() -> None:
    policy = Policy(wording="1", cool_down_days=1)
    verdict = Case(policy=policy, history=sent_ago("sent", days=20)).verdict()
    assert [reason.rule for reason in verdict.against] == ["unanswered"]
    assert Case(policy=policy, history=sent_ago("sent", days=21)).verdict().ok


@pytest.mark.parametrize("status", ["resolved", "closed"])
def test_a_resolved_ticket_needs_no_confirming_signal_but_still_needs_tact(status: Status) -> None:
    assert Case(status=status, reading=read_as(signals=(), ask_ok=True)).verdict().ok
    against = Case(status=status, reading=read_as(signals=(), ask_ok=False)).verdict().against
    assert [reason.rule for reason in against] == ["tact"]


def test_germany_allows_an_ask_where_the_customer_began() -> None:
    assert Case(customer=customer(country="DE")).verdict().ok


def test_a_conversation_that_an_automatic_mail_began_was_not_begun_by_the_customer() -> None:
    ticket = make_ticket(f"customer: {WORDS}", customer=customer(country="DE"))
    bounce = Message(id="0", role="customer", text="out of office", automatic=True)
    begun = ticket.model_copy(update={"messages": (bounce, *ticket.messages)})
    assert judge(ticket, read_as(), POLICY, Known(), WORDS, NOW).ok
    assert judge(begun, read_as(), POLICY, Known(), WORDS, NOW).against[0].rule == "region"


@pytest.mark.parametrize(("ago", "ok"), [(timedelta(days=120), True), (timedelta(days=120, seconds=-1), False)])
def test_the_cool_down_ends_to_the_second(ago: timedelta, ok: bool) -> None:
    assert Case(history=(ask("unclear", NOW - ago),)).verdict().ok is ok


@pytest.mark.parametrize(("ago", "ok"), [(YEAR, True), (YEAR - timedelta(seconds=1), False)])
def test_the_yearly_budget_counts_365_days_to_the_second(ago: timedelta, ok: bool) -> None:
    history = (ask("granted", NOW - ago), ask("granted", NOW - timedelta(days=130)))
    assert Case(history=history).verdict().ok is ok


@pytest.mark.parametrize("state", ["declined", "withdrawn"])
@pytest.mark.parametrize(("ago", "ok"), [(YEAR, True), (YEAR - timedelta(seconds=1), False)])
def test_a_no_is_remembered_from_the_day_it_was_said(state: AskState, ago: timedelta, ok: bool) -> None:
    history = (ask(state, NOW - 2 * YEAR, answered_at=NOW - ago),)
    assert Case(history=history).verdict().ok is ok


def test_asks_that_never_went_out_count_for_nothing() -> None:
    assert Case(history=(ask("drafted", None), ask("dropped", None)), gives=()).verdict().ok


def test_who_was_never_asked_need_not_have_been_given_anything() -> None:
    verdict = Case(gives=()).verdict()
    assert verdict.ok
    assert next(r.text for r in verdict.reasons if r.rule == "balance") == "never asked before"


def test_only_what_was_given_since_the_latest_ask_counts() -> None:
    policy = POLICY.model_copy(update={"yearly_budget": 9})
    history = (*sent_ago("granted", days=300), *sent_ago("granted", days=200))
    between = Case(history=history, policy=policy, gives=(thanked(days=250),)).verdict()
    assert [reason.rule for reason in between.against] == ["balance"]
    assert Case(history=history, policy=policy, gives=(thanked(days=250), thanked(days=150))).verdict().ok


@settings(deadline=None)
@given(needed=st.integers(0, 4), given_days=st.lists(st.integers(0, 400), max_size=6))
def test_the_balance_is_right_when_enough_was_given_since(needed: int, given_days: list[int]) -> None:
    policy = POLICY.model_copy(update={"gives_between_asks": needed})
    gives = tuple(thanked(days=days) for days in given_days)
    verdict = Case(history=sent_ago("granted", days=200), gives=gives, policy=policy).verdict()
    assert verdict.ok is (sum(days < 200 for days in given_days) >= needed)


def test_a_balance_that_is_not_right_can_be_overridden_and_a_wrong_purpose_cannot() -> None:
    verdict = Case(history=sent_ago("granted", days=200), gives=(), purpose="fundraising").verdict()
    assert {reason.rule: reason.final for reason in verdict.against} == {"balance": False, "purpose": True}


def test_a_campaign_may_ask_for_what_asks_are_for() -> None:
    assert Case(purpose="newsletter").verdict().ok
    assert not Case(purpose="Newsletter").verdict().ok
    assert not Case(purpose="news").verdict().ok


def test_the_desks_own_asks_are_judged_by_no_purpose() -> None:
    assert "purpose" not in {reason.rule for reason in Case().verdict().reasons}


def test_no_purpose_makes_up_for_any_other_rule() -> None:
    for _, case, rule, _ in ALONE:
        if rule != "purpose":
            assert rule in {reason.rule for reason in case._replace(purpose="stories").verdict().against}


@pytest.mark.parametrize("country", ["", "FR", "US"])
def test_prior_notice_is_asked_for_only_where_a_region_asks_for_it(country: str) -> None:
    quiet = POLICY.model_copy(update={"prior_notice": ""})
    assert Case(customer=customer(country=country), policy=quiet).verdict().ok


def test_prior_notice_alone_does_not_open_a_conversation_that_we_began() -> None:
    case = Case(customer=customer(country="DE"), first="agent: how do you like it?")
    assert [reason.final for reason in case.verdict().against] == [True]


FINAL = {"declined", "do-not-ask", "person", "region"}


@settings(deadline=None)
@given(
    mood=st.sampled_from(MOODS),
    sarcasm=st.booleans(),
    read=st.booleans(),
    risk=st.booleans(),
    kind=st.sampled_from(["customer", "staff", "partner", "minor"]),
    others=st.booleans(),
    paused=st.booleans(),
    states=st.lists(st.sampled_from(["sent", "granted", "declined", "withdrawn", "unclear"]), max_size=3),
)
def test_no_combination_lets_through_whom_the_design_protects(
    mood: Any,
    sarcasm: bool,
    read: bool,
    risk: bool,
    kind: CustomerKind,
    others: bool,
    paused: bool,
    states: list[AskState],
) -> None:
    verdict = Case(
        reading=read_as(mood=mood, sarcasm=sarcasm, read=read, risks=(label("outage"),) if risk else ()),
        customer=customer(kind=kind),
        other_open=("q/1",) if others else (),
        paused_by="Mara" if paused else "",
        history=tuple(ask(state, NOW - timedelta(days=200 + n)) for n, state in enumerate(states)),
    ).verdict()
    no = {"declined", "withdrawn"} & set(states)
    protected = mood not in HAPPY or sarcasm or not read or risk or kind != "customer" or others or paused or no
    assert verdict.ok is not bool(protected or len(states) >= 2)
    assert {reason.rule for reason in verdict.reasons if reason.final} == FINAL


def test_nobody_unhappy_in_the_sample_queue_is_ever_offered_an_ask(sample_desk: Desk) -> None:
    offered = 0
    for view in ("all", "done"):
        for row in sample_desk.queue(view):
            guidance = sample_desk.guide(row.ref)
            found = sample_desk.opened(row.ref).reading
            assert found is not None
            if guidance.verdict.ok:
                offered += 1
                assert found.read, row.ref
                assert found.mood in HAPPY, row.ref
                assert not found.risks, row.ref
                assert not found.sarcasm, row.ref
                assert guidance.quote in (sample_desk.ticket(row.ref).target or pytest.fail("no message")).text
            if found.mood in UNHAPPY or found.risks:
                assert guidance.ask_play is None, row.ref
    assert offered >= 5


THANKS = "customer: You spotted the broken row before I even knew about it and fixed it for us. Amazing, thank you!"


def test_an_open_ticket_of_the_same_mail_address_in_another_queue_shuts_the_gate(make_desk: MakeDesk) -> None:
    other = make_ticket(
        "customer: where is my parcel", id="9", queue="chat", customer=Customer(id="x", email="ANNA@Example.org")
    )
    desk = make_desk(make_ticket(THANKS), other)
    assert [reason.text for reason in desk.guide("test/T-1").verdict.against] == ["1 other open ticket (chat/9)"]


def test_a_no_of_the_same_mail_address_in_another_queue_is_remembered(make_desk: MakeDesk, clock: FakeClock) -> None:
    other = make_ticket(
        THANKS,
        "agent: May we quote you?",
        id="9",
        queue="chat",
        status="closed",
        customer=customer(id="x", email="anna@example.org"),
    )
    desk = make_desk(make_ticket(THANKS), other)
    assert desk.guide("test/T-1").verdict.ok
    asked = desk.adopt_ask("chat/9", desk.quotes("chat/9")[0])
    clock.forward(days=300)
    desk.record_answer(asked.id, "declined", Terms(), "rather not")
    clock.forward(days=364)
    assert "said no before" in desk.guide("test/T-1").verdict.why_not
    clock.forward(days=1)
    assert "said no before" not in desk.guide("test/T-1").verdict.why_not


def test_a_pause_holds_for_the_person_in_every_queue(make_desk: MakeDesk) -> None:
    other = make_ticket(
        THANKS, id="9", queue="chat", status="closed", customer=customer(id="x", email="anna@example.org")
    )
    desk = make_desk(make_ticket(THANKS, status="closed"), other)
    assert desk.guide("chat/9").verdict.ok
    desk.pause_asks("test/T-1", paused=True)
    assert desk.guide("test/T-1").verdict.why_not == "asks are paused by Mara"
    assert desk.guide("chat/9").verdict.why_not == "asks are paused by Mara"
    desk.pause_asks("chat/9", paused=False)
    assert desk.guide("test/T-1").verdict.ok
    assert desk.guide("chat/9").verdict.ok


def test_a_message_in_a_language_that_is_not_read_is_never_followed_by_an_ask(make_desk: MakeDesk) -> None:
    words = "customer: Vielen herzlichen Dank, Sie haben den Fehler gefunden, bevor ich ihn bemerkt habe. Das war großartig!"
    verdict = make_desk(make_ticket(words, status="resolved")).guide("test/T-1").verdict
    assert not verdict.ok
    assert "not in English (de)" in verdict.why_not
