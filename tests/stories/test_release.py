"""Two keys release a story: every combination of facts, every order of actions, and nothing that is not the customer's."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from copilot.asking.models import MET_BY_TERMS, Answer, Condition, Entry, Terms
from copilot.errors import RefusedAction
from copilot.stories.models import RELEASED, Approval, Publication, Quote, Standing, Story
from copilot.stories.release import approve, attribution, export_of, name_as, prove_quotes, standing
from tests.conftest import make_ticket
from tests.fakes import NOW

WORDS = ("You fixed it before I knew about it.", "I cannot thank you enough for that.")
CONDITIONS: tuple[Condition, ...] = ("name_style", "place", "edit_words", "legal_approval", "other")
YES = ("granted", "conditional")
TODAY: date = NOW.date()
AGREED = (*WORDS, f"{WORDS[0]} Thank you.", " ".join(WORDS))


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
        words_hash="",
        wording="1/p#ask",
        terms=Terms(**{"places": ("website",), **terms}),
        answer_text="",
        channel="mail",
        message_id="3",
        at=NOW,
        by="Mara",
    ).hashed()


def approval(of: Story, seq: int = 1) -> Approval:
    return Approval(story_id=of.id, fingerprint=of.fingerprint, entry=seq, by="Priya", at=NOW)


def place(**changes: Any) -> Publication:
    values: dict[str, Any] = {"story_id": "s-1", "place": "website", "address": "/stories", "by": "Priya", "at": NOW}
    return Publication(**{**values, **changes})


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
        ([entry("expired")], "expired", "did not answer in time"),
        ([entry(), entry("expired", seq=2)], "ready", "both keys"),
        ([entry(), entry("erased", seq=2)], "withdrawn", "erased"),
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
    assert approve(standing(told, [entry(name_style="first")], True, None), "Priya") == 1


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


@pytest.mark.parametrize(
    ("ledger", "turned"),
    [
        ([], False),
        ([entry()], False),
        ([entry("unclear")], True),
        ([entry("declined")], True),
        ([entry(), entry("withdrawn", seq=2)], True),
        ([entry("expired")], True),
        ([entry(), entry("erased", seq=2)], True),
        ([entry(until=TODAY - timedelta(days=1))], True),
    ],
)
def test_a_story_that_is_not_released_cannot_be_exported(ledger: list[Entry], turned: bool) -> None:
    kept = story()
    where = standing(kept, ledger, True, approval(kept) if turned else None, (place(),), TODAY)
    assert not where.released
    with pytest.raises(RefusedAction, match="not ready"):
        export_of(where)


@pytest.mark.parametrize("publications", [(), (place(),)])
def test_an_export_carries_what_both_keys_approved(publications: tuple[Publication, ...]) -> None:
    kept = story()
    ledger = [entry(name_style="first", until=TODAY)]
    made = export_of(standing(kept, ledger, True, approval(kept), publications, TODAY))
    assert (made.quote, made.attribution, made.places, made.permission) == (WORDS[0], "Anna", ("website",), 1)
    assert (made.approved_by, made.approved_at, made.until) == ("Priya", NOW, TODAY)


def test_a_disclosure_leaves_the_house_only_where_something_was_given() -> None:
    given_to = story(gift=True, disclosure="Anna had received a gift.")
    assert export_of(standing(given_to, [entry()], True, approval(given_to))).disclosure == "Anna had received a gift."
    not_given = story(disclosure="left over")
    assert export_of(standing(not_given, [entry()], True, approval(not_given))).disclosure == ""


def test_a_story_that_stands_somewhere_is_published_until_it_must_come_down() -> None:
    kept = story()

    def state(*places: Publication) -> str:
        return standing(kept, [entry()], True, approval(kept), places).state

    assert state(place()) == "published"
    assert state(place(removed_at=NOW)) == "ready"
    assert state(place(take_down_by=NOW)) == "ready"
    assert state(place(removed_at=NOW), place()) == "published"


def test_a_story_says_where_it_stands_each_place_once() -> None:
    kept = story()
    places = (place(), place(place="social"), place())
    assert standing(kept, [entry()], True, approval(kept), places).why == "it stands on website, social"


@pytest.mark.parametrize(("later", "state"), [(-1, "ready"), (0, "ready"), (1, "expired"), (400, "expired")])
def test_a_permission_runs_through_its_last_day(later: int, state: str) -> None:
    kept = story()
    where = standing(kept, [entry(until=TODAY)], True, approval(kept), (), TODAY + timedelta(days=later))
    assert where.state == state


def test_an_agreed_time_that_is_over_ends_a_published_story_too() -> None:
    kept = story()
    where = standing(kept, [entry(until=TODAY)], True, approval(kept), (place(),), TODAY + timedelta(days=1))
    assert (where.state, where.released) == ("expired", False)


def test_a_faithful_part_of_what_was_agreed_stands_and_an_unfaithful_one_does_not() -> None:
    part = story()
    assert standing(part, [entry(words=f"{WORDS[0]} Thank you.")], True, approval(part)).state == "ready"
    turned = standing(part, [entry(words=f"{WORDS[0]} But then it broke.")], True, approval(part))
    assert turned.state == "awaiting_customer"
    both = standing(part, [entry(words=" ".join(WORDS))], True, approval(part))
    assert both.state == "awaiting_customer", "“cannot” is left out"


def test_words_that_were_erased_permit_nothing() -> None:
    kept = story()
    gone = entry().model_copy(update={"words": "", "erased": True})
    assert not standing(kept, [gone], True, approval(kept)).released


def test_the_name_that_the_customer_saw_is_the_name_that_is_shown() -> None:
    assert attribution(story(), Terms(name_style="full", company=True, shown_as="eine Kundin")) == "eine Kundin"


@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_style_shows_an_address_or_more_than_was_chosen(name: str) -> None:
    assert name_as(name, "anonymous") == ""
    assert "@" not in name_as(name, "full")
    assert "@" not in name_as(name, "first")
    assert len(name_as(name, "first")) <= len(name)


@pytest.mark.parametrize("field", ["hook", "moment", "catalyst", "disclosure"])
def test_an_open_blank_is_not_approved(field: str) -> None:
    with pytest.raises(RefusedAction, match="blank"):
        approve(standing(story(**{field: "The [[number]] of rows"}), [entry()], True, None), "Priya")


@pytest.mark.parametrize("field", ["hook", "moment", "catalyst", "disclosure"])
def test_a_claim_is_not_approved_before_somebody_wrote_down_its_proof(field: str) -> None:
    kept = story(**{field: "It is twice the work in 5 minutes."})
    with pytest.raises(RefusedAction, match="twice, 5 minutes") as refused:
        approve(standing(kept, [entry()], True, None), "Priya")
    assert "proof" in refused.value.hint
    blank = kept.model_copy(update={"proof": "  "})
    with pytest.raises(RefusedAction, match="proved"):
        approve(standing(blank, [entry()], True, None), "Priya")
    proved = kept.model_copy(update={"proof": "Import log of 12 May"})
    assert approve(standing(proved, [entry()], True, None), "Priya") == 1


FIELDS = ("hook", "moment", "catalyst", "disclosure")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("text", "style", "company"),
    [
        ("Anna wrote to us", "anonymous", False),
        ("Anna's import", "initials", False),
        ("Mrs Berg, at noon", "first", False),
        ("(Anna) wrote", "anonymous", True),
        ("The people of Berg & Co", "first", False),
        ("ANNA WROTE TO US", "anonymous", False),
    ],
)
def test_our_words_name_nobody_who_chose_otherwise(field: str, text: str, style: str, company: bool) -> None:
    where = standing(story(**{field: text}), [entry(name_style=style, company=company)], True, None)
    with pytest.raises(RefusedAction, match="names the customer"):
        approve(where, "Priya")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("company", ["Acme Inc.", "Yahoo!", "(Acme)"])
def test_a_company_that_ends_in_a_mark_is_not_named_either(field: str, company: str) -> None:
    kept = story(customer_company=company, **{field: f"The people of {company} wrote."})
    with pytest.raises(RefusedAction, match="names the customer"):
        approve(standing(kept, [entry()], True, None), "Priya")


@pytest.mark.parametrize(
    ("text", "style", "company"),
    [
        ("Anna wrote to us", "first", False),
        ("Anna Berg wrote to us", "full", False),
        ("Anna of Berg & Co wrote", "full", True),
        ("The iceberg and Annapolis", "anonymous", False),
        ("A customer wrote to us", "anonymous", False),
    ],
)
def test_our_words_may_name_the_customer_as_they_chose(text: str, style: str, company: bool) -> None:
    where = standing(story(hook=text), [entry(name_style=style, company=company)], True, None)
    assert approve(where, "Priya") == 1


def test_the_customers_own_words_may_name_them_for_they_agreed_to_these_words() -> None:
    words = "Yours, Anna."
    kept = story(quotes=(Quote(text=words, message_id="1"),))
    assert approve(standing(kept, [entry(words=words)], True, None), "Priya") == 1


def test_a_claim_in_the_customers_own_words_must_be_proved_too() -> None:
    words = "Payroll ran twice as fast."
    kept = story(quotes=(Quote(text=words, message_id="1"),))
    where = standing(kept, [entry(words=words)], True, None)
    with pytest.raises(RefusedAction, match="twice"):
        approve(where, "Priya")


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


@settings(deadline=None)
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
    """Any order of actions on one story; released only ever with both keys turned for what stands there now."""

    @initialize()
    def begin(self) -> None:
        self.story = story()
        self.ledger: list[Entry] = []
        self.approval: Approval | None = None
        self.asked = False
        self.places: list[Publication] = []
        self.today = TODAY

    def where(self) -> Standing:
        return standing(self.story, self.ledger, self.asked, self.approval, self.places, self.today)

    @rule()
    def ask(self) -> None:
        self.asked = True

    @rule(
        answer=st.sampled_from(
            ["granted", "granted", "granted", "declined", "conditional", "unclear", "withdrawn", "expired", "erased"]
        ),
        words=st.sampled_from(AGREED),
        places=st.sampled_from([("website",), ("sales", "social"), ()]),
        conditions=st.lists(st.sampled_from(CONDITIONS), max_size=2),
        days=st.sampled_from([None, None, 0, 1, 5]),
    )
    def answer(
        self, answer: Answer, words: str, places: tuple[str, ...], conditions: list[Condition], days: int | None
    ) -> None:
        terms = {
            "places": places,
            "conditions": tuple(conditions) if answer == "conditional" else (),
            "until": None if days is None else self.today + timedelta(days=days),
        }
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

    @rule(days=st.integers(1, 3))
    def let_days_pass(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule()
    def publish(self) -> None:
        self.places.append(place(id=len(self.places) + 1))

    @rule(field=st.sampled_from(["removed_at", "take_down_by"]))
    def take_down(self, field: str) -> None:
        self.places = [made.model_copy(update={field: NOW}) for made in self.places]

    @rule()
    def approve(self) -> None:
        where = self.where()
        try:
            seq = approve(where, "Priya")
        except RefusedAction:
            return
        assert where.state == "awaiting_marketing"
        self.approval = approval(self.story, seq)
        assert self.where().released

    def answers(self) -> list[Entry]:
        """Clear answers; that nobody answered in time is one only where there is no other."""
        clear = [e for e in self.ledger if e.answer != "unclear"]
        return [e for e in clear if e.answer != "expired"] or clear

    @invariant()
    def released_means_both_keys(self) -> None:
        where = self.where()
        clear = self.answers()
        assert where.released is (where.state in RELEASED)
        if not where.released:
            assert where.approved_by == ""
            with pytest.raises(RefusedAction):
                export_of(where)
            return
        stands = [p for p in self.places if p.removed_at is None and p.take_down_by is None]
        assert where.state == ("published" if stands else "ready")
        last = clear[-1]
        assert last.answer in YES
        assert last.terms.places
        assert set(last.terms.conditions) <= MET_BY_TERMS
        assert last.terms.until is None or self.today <= last.terms.until
        assert all(q.text in last.words for q in self.story.quotes)
        assert self.story.quotes
        assert "cannot" not in last.words or all("cannot" in q.text for q in self.story.quotes)
        assert self.approval is not None
        assert self.approval.fingerprint == self.story.fingerprint
        assert self.approval.entry == last.seq == where.permission
        assert not self.story.gift or self.story.disclosure.strip()

    @invariant()
    def a_no_is_never_anything_else(self) -> None:
        clear = self.answers()
        ended = bool(clear and clear[-1].answer in ("declined", "withdrawn", "erased"))
        assert (self.where().state == "withdrawn") is ended


TwoKeys.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestNoOrderOfActionsReleasesAStoryWithoutBothKeys = TwoKeys.TestCase
