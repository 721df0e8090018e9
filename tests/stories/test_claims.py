"""Numbers, comparisons and superlatives are found, so that somebody proves them; plain praise is not held up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.stories.claims import claims_in


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("It cut our costs by 50%.", ["50%"]),
        ("It cut our costs by 50 %.", ["50 %"]),
        ("12.5 percent fewer tickets", ["12.5 percent"]),
        ("12,5 per cent fewer", ["12,5 per cent"]),
        ("ten of us, 3 times a day", ["3 times"]),
        ("5x the speed, 3× the fun", ["5x", "3×"]),
        ("solved in 5 minutes", ["5 minutes"]),
        ("solved within 1 hour", ["1 hour"]),
        ("after 24 hours, 3 days, 2 weeks, 6 months, 1 year", ["24 hours", "3 days", "2 weeks", "6 months", "1 year"]),
        ("saved us €5", ["€5"]),
        ("saved us $ 5", ["$ 5"]),
        ("saved us 500 €", ["500 €"]),
        ("saved us 500 euros", ["500 euros"]),
        ("twice the work", ["twice"]),
        ("double the work, halved the cost", ["double", "halved"]),
        ("it tripled", ["tripled"]),
        ("half the price", ["half the"]),
        ("The best support", ["The best"]),
        ("the fastest answer", ["the fastest"]),
        ("cheapest and safest", ["cheapest", "safest"]),
        ("the leading shop", ["the leading"]),
        ("number one in town", ["number one"]),
        ("No. 1 in town", ["No. 1"]),
        ("guaranteed to work", ["guaranteed"]),
        ("It never fails and always works.", ["never fails", "always works"]),
        ("It cures headaches, proven.", ["cures", "proven"]),
        ("faster than any other", ["faster than"]),
        ("BETTER THAN before", ["BETTER THAN"]),
    ],
)
def test_a_claim_is_found_as_it_stands_there(text: str, claims: list[str]) -> None:
    assert claims_in(text) == claims


@pytest.mark.parametrize(
    "text",
    ["We are #1 in town.", "#1", "the quickest answer", "the most reliable shop", "less downtime than before",
     "more reliable than the others", "cheaper, and quicker than theirs", "ten times the speed", "in five minutes"],
)  # fmt: skip
def test_a_claim_in_other_words_is_found_too(text: str) -> None:
    assert claims_in(text)


@pytest.mark.parametrize("claim", ["1,000,000 dollars", "€500", "$ 1,250.50"])
def test_a_long_number_is_named_whole(claim: str) -> None:
    assert claims_in(f"It saved us {claim}.") == [claim]


@pytest.mark.parametrize(
    "text",
    [
        "", "Thank you so much!", "You fixed it before I knew about it.", "Mara was kind.", "Room 5 is ready.",
        "Order 4711 arrived.", "An import of 4,300 rows failed.", "I feel better.", "a faster reply would be nice",
        "doubles tennis", "bestow", "leadingly", "mindouble", "the 2nd ticket", "5 xylophones",
    ],
)  # fmt: skip
def test_what_claims_nothing_is_not_held_up(text: str) -> None:
    assert claims_in(text) == []


def test_each_claim_is_named_once_in_the_order_of_the_texts() -> None:
    assert claims_in("twice, 5 days", "", "5 days and the best", "twice") == ["twice", "5 days", "the best"]


@settings(deadline=None)
@given(st.lists(st.text(max_size=80), max_size=4))
def test_every_claim_stands_verbatim_in_a_text(texts: list[str]) -> None:
    found = claims_in(*texts)
    assert len(found) == len(set(found))
    assert all(any(claim in text for text in texts) for claim in found)


@settings(deadline=None)
@given(
    st.text(max_size=40),
    st.sampled_from(["50%", "twice", "the best", "faster than", "5 minutes"]),
    st.text(max_size=40),
)
def test_no_words_around_it_hide_a_claim(before: str, claim: str, after: str) -> None:
    assert claims_in(f"{before} {claim} {after}")
