"""Two keys release a story: every combination of facts, every order of actions, and nothing that is not the customer's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from copilot.asking.models import MET_BY_TERMS, Answer, Condition, Entry, Terms
from copilot.errors import RefusedAction
from copilot.stories.models import Approval, Quote, Standing, Story
from copilot.stories.release import approve, attribution, export_of, prove_quotes, standing
from copilot.text import digest
from tests.conftest import make_ticket
from tests.fakes import NOW

WORDS = ("You fixed it before I knew about it.", "I cannot thank you enough for that.")
CONDITIONS: tuple[Condition, ...] = ("name_style", "place", "edit_words", "legal_approval", "other")
YES = ("granted", "conditional")


def story(**changes: Any) -> Story:
    values: dict[str, Any] = {
        "id": "s-1",
        "ticket_ref": "test/T-1",
        "customer_key": "test/c-1",
        "customer_name": "Anna Berg",
        "customer_company": "Berg & Co",
        "hook": "Fixed before they asked",
        "moment": "An import failed.",
        "catalyst": "Mara repaired a row.",
        "quotes": (Quote(text=WORDS[0], message_id="1"),),
        "created_at": NOW,
        "updated_at": NOW,
        "by": "Mara",
    }
    return Story(**{**values, **changes})


def entry(answer: Answer = "granted", words: str = WORDS[0], seq: int = 1, **terms: Any) -> Entry:
    return Entry(
        seq=seq,
        ask_id="a-1",
        ticket_ref="test/T-1",
        customer_key="test/c-1",
        answer=answer,
        words=words,
        words_hash=digest(words),
        wording="1/p#ask",
        terms=Terms(**{"places": ("website",), **terms}),
        answer_text="",
        channel="mail",
        message_id="3",
        at=NOW,
        by="Mara",
    )


def approval(of: Story, seq: int = 1) -> Approval:
    return Approval(story_id=of.id, fingerprint=of.fingerprint, entry=seq, by="Priya", at=NOW)


def test_both_keys_make_a_story_ready_and_either_alone_does_not() -> None:
    kept = story()
    assert standing(kept, [entry()], True, approval(kept)).state == "ready"
    assert standing(kept, [entry()], True, None).state == "awaiting_marketing"
    assert standing(kept, [], True, approval(kept)).state == "awaiting_customer"
    assert standing(kept, [], False, approval(kept)).state == "noticed"


@pytest.mark.parametrize(
    ("ledger", "state", "why"),
    [
        ([entry("unclear")], "awaiting_customer", "no clear answer"),
        ([entry("declined")], "withdrawn", "said no"),
        ([entry(), entry("withdrawn", seq=2)], "withdrawn", "took the permission back"),
        ([entry(), entry("unclear", seq=2)], "ready", "both keys"),
        ([entry(words=WORDS[1])], "awaiting_customer", "needs a new ask"),
        ([entry(words=WORDS[0].rstrip("."))], "awaiting_customer", "needs a new ask"),
        ([entry(places=())], "awaiting_customer", "no place"),
        ([entry("conditional", conditions=("edit_words",))], "awaiting_customer", "condition is open: edit words"),
        ([entry("conditional", conditions=("name_style", "other"))], "awaiting_customer", "open: other"),
        ([entry("conditional", conditions=("name_style",))], "ready", "both keys"),
        ([entry("conditional", conditions=("place", "name_style"))], "ready", "both keys"),
        ([entry("withdrawn", seq=1), entry(seq=2)], "awaiting_marketing", "terms changed"),
    ],
)
def test_what_the_ledger_says_last_decides(ledger: list[Entry], state: str, why: str) -> None:
    kept = story()
    where = standing(kept, ledger, True, approval(kept))
    assert where.state == state
    assert why in where.why


@pytest.mark.parametrize(
    "edit",
    [
        {"hook": "Other"},
        {"moment": "Other"},
        {"catalyst": "Other"},
        {"outcome": "referral"},
        {"disclosure": "Other"},
        {"gift": True, "disclosure": "A gift."},
        {"customer_name": "Somebody Else"},
        {"customer_company": "Other Ltd"},
        {"signal": "promoter"},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_an_edit_of_anything_that_is_released_goes_back(edit: dict[str, Any]) -> None:
    kept = story()
    where = standing(kept.model_copy(update=edit), [entry()], True, approval(kept))
    assert where.state == "awaiting_marketing"
    assert "edited" in where.why


def test_an_edit_of_the_quote_goes_back_to_the_customer() -> None:
    kept = story()
    other = kept.model_copy(update={"quotes": (Quote(text=WORDS[1], message_id="1"),)})
    assert standing(other, [entry()], True, approval(other)).state == "awaiting_customer"
    both = kept.model_copy(update={"quotes": (*kept.quotes, *other.quotes)})
    assert standing(both, [entry()], True, approval(both)).state == "awaiting_customer"
    none = kept.model_copy(update={"quotes": ()})
    assert standing(none, [entry()], True, approval(none)).why == "it has no quote"


def test_saving_again_without_an_edit_keeps_the_approval() -> None:
    kept = story()
    saved = kept.model_copy(update={"updated_at": NOW + timedelta(days=1), "by": "Priya"})
    assert standing(saved, [entry()], True, approval(kept)).state == "ready"


def test_new_terms_need_a_new_approval() -> None:
    kept = story()
    again = [entry(), entry(seq=2, places=("internal",))]
    assert standing(kept, again, True, approval(kept, 1)).state == "awaiting_marketing"
    where = standing(kept, again, True, approval(kept, 2))
    assert (where.state, where.permission) == ("ready", 2)
    assert where.terms is not None
    assert where.terms.places == ("internal",)


def test_a_gift_without_its_disclosure_cannot_be_approved() -> None:
    kept = story(gift=True, disclosure="  ")
    where = standing(kept, [entry()], True, approval(kept))
    assert (where.state, where.why) == ("awaiting_marketing", "something was given, and the disclosure is missing")
    with pytest.raises(RefusedAction, match="disclosure"):
        approve(where, "Priya")
    told = kept.model_copy(update={"disclosure": "Anna had received a gift."})
    assert approve(standing(told, [entry()], True, None), "Priya") == 1


@pytest.mark.parametrize("by", ["", "  "])
def test_marketing_approves_by_name(by: str) -> None:
    with pytest.raises(RefusedAction, match="name"):
        approve(standing(story(), [entry()], True, None), by)


def test_nothing_but_a_story_that_waits_for_marketing_is_approved() -> None:
    kept = story()
    refused: list[tuple[list[Entry], Approval | None, str]] = [
        ([], None, "customer's key"),
        ([entry("declined")], None, "said no"),
        ([entry("withdrawn")], None, "took the permission back"),
        ([entry()], approval(kept), "approved already"),
    ]
    for ledger, turned, words in refused:
        with pytest.raises(RefusedAction, match=words):
            approve(standing(kept, ledger, True, turned), "Priya")


def test_only_a_ready_story_can_be_exported() -> None:
    kept = story()
    with pytest.raises(RefusedAction, match="not ready"):
        export_of(standing(kept, [entry()], True, None), approval(kept))
    made = export_of(standing(kept, [entry(name_style="first")], True, approval(kept)), approval(kept))
    assert (made.quote, made.attribution, made.places, made.permission) == (WORDS[0], "Anna", ("website",), 1)
    assert made.approved_by == "Priya"


@pytest.mark.parametrize(
    ("name", "style", "shown"),
    [
        ("Anna Berg", "full", "Anna Berg"),
        ("Anna Berg", "first", "Anna"),
        ("Anna Berg", "initials", "A. B."),
        ("Anna Berg", "anonymous", "a customer"),
        ("Berg, Anna", "first", "Anna"),
        ("Anna van der Berg", "first", "Anna"),
        ("", "full", "a customer"),
        ("", "first", "a customer"),
        ("", "initials", "a customer"),
        ("anna@example.org", "full", "a customer"),
        ("anna@example.org", "first", "a customer"),
        ("(Anna) Berg", "initials", "B."),
    ],
)
def test_the_name_is_shown_as_the_customer_chose_it(name: str, style: Any, shown: str) -> None:
    kept = story(customer_name=name)
    assert attribution(kept, Terms(name_style=style)) == shown
    assert attribution(kept, Terms(name_style=style, company=True)) == f"{shown}, Berg & Co"


def test_a_company_that_is_not_known_is_not_named() -> None:
    assert attribution(story(customer_company=""), Terms(name_style="first", company=True)) == "Anna"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("You fixed it", "9"),
        ("you fixed it", "1"),
        ("You  fixed it", "1"),
        ("", "1"),
        (" ", "1"),
        ("I repaired it", "2"),
        ("Great service!", "1"),
    ],
)
def test_a_quote_that_is_not_verbatim_the_customers_is_refused(text: str, message: str) -> None:
    ticket = make_ticket(f"customer: {WORDS[0]}", "agent: I repaired it")
    with pytest.raises(RefusedAction, match="not verbatim"):
        prove_quotes(story(quotes=(Quote(text=text, message_id=message),)), ticket)


@given(st.data())
def test_any_span_of_the_customers_message_is_proved(data: st.DataObject) -> None:
    ticket = make_ticket(f"customer: {WORDS[0]} {WORDS[1]}", "agent: I repaired it")
    whole = ticket.messages[0].text
    start = data.draw(st.integers(0, len(whole) - 1))
    span = whole[start : data.draw(st.integers(start + 1, len(whole)))]
    kept = story(quotes=(Quote(text=span, message_id="1"),))
    if span.strip():
        prove_quotes(kept, ticket)
    with pytest.raises(RefusedAction):
        prove_quotes(story(quotes=(Quote(text=span + "☃", message_id="1"),)), ticket)


class TwoKeys(RuleBasedStateMachine):
    """Any order of actions on one story; `ready` only ever with both keys turned for what stands there now."""

    @initialize()
    def begin(self) -> None:
        self.story = story()
        self.ledger: list[Entry] = []
        self.approval: Approval | None = None
        self.asked = False
        self.ready_once = False

    def where(self) -> Standing:
        return standing(self.story, self.ledger, self.asked, self.approval)

    @rule()
    def ask(self) -> None:
        self.asked = True

    @rule(
        answer=st.sampled_from(["granted", "granted", "declined", "conditional", "unclear", "withdrawn"]),
        words=st.sampled_from(WORDS),
        places=st.sampled_from([("website",), ("sales", "social"), ()]),
        conditions=st.lists(st.sampled_from(CONDITIONS), max_size=2),
    )
    def answer(self, answer: Answer, words: str, places: tuple[str, ...], conditions: list[Condition]) -> None:
        terms = {"places": places, "conditions": tuple(conditions) if answer == "conditional" else ()}
        self.asked = True
        self.ledger.append(entry(answer, words, len(self.ledger) + 1, **terms))

    @rule(
        field=st.sampled_from(["hook", "moment", "catalyst", "disclosure", "customer_name", "signal"]),
        value=st.sampled_from(["", "one", "two"]),
    )
    def edit(self, field: str, value: str) -> None:
        self.story = self.story.model_copy(update={field: value})

    @rule(words=st.lists(st.sampled_from(WORDS), max_size=2, unique=True))
    def quote(self, words: list[str]) -> None:
        self.story = self.story.model_copy(update={"quotes": tuple(Quote(text=w, message_id="1") for w in words)})

    @rule(gift=st.booleans())
    def give(self, gift: bool) -> None:
        self.story = self.story.model_copy(update={"gift": gift})

    @rule()
    def approve(self) -> None:
        where = self.where()
        try:
            seq = approve(where, "Priya")
        except RefusedAction:
            return
        assert where.state == "awaiting_marketing"
        self.approval = approval(self.story, seq)
        assert self.where().state == "ready"

    @invariant()
    def ready_means_both_keys(self) -> None:
        where = self.where()
        clear = [e for e in self.ledger if e.answer != "unclear"]
        if where.state != "ready":
            assert where.approved_by == ""
            return
        last = clear[-1]
        assert last.answer in YES
        assert last.terms.places
        assert set(last.terms.conditions) <= MET_BY_TERMS
        assert [q.text for q in self.story.quotes] == [last.words]
        assert self.approval is not None
        assert self.approval.fingerprint == self.story.fingerprint
        assert self.approval.entry == last.seq == where.permission
        assert not self.story.gift or self.story.disclosure.strip()

    @invariant()
    def a_no_is_never_anything_else(self) -> None:
        clear = [e.answer for e in self.ledger if e.answer != "unclear"]
        assert (self.where().state == "withdrawn") is bool(clear and clear[-1] in ("declined", "withdrawn"))


TwoKeys.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestNoOrderOfActionsReleasesAStoryWithoutBothKeys = TwoKeys.TestCase
