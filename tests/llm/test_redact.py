"""What is personal never leaves, and comes back letter for letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.llm.redact import PLACEHOLDER, Redactor

SECRETS = [
    "anna.lindqvist+shop@example.org",
    "+44 20 7946 0958",
    "020 7946 0958",
    "(415) 555-2671",
    "4111 1111 1111 1111",
    "5500-0000-0000-0004",
    "GB82 WEST 1234 5698 7654 32",
    "DE89370400440532013000",
    "https://shop.example/reset?token=8f3a9c",
    "www.example.com/orders/991",
    "12 Harbour Lane",
    "Lindenstraße 14",
    "12 rue des Lilas",
    "EC1A 1BB",
    "FW-48213",
    "#84213977",
    "ABC12345",
    "@annalind",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_each_kind_of_personal_data_is_hidden_and_comes_back(secret: str) -> None:
    redactor = Redactor(["Anna Lindqvist"])
    text = f"Hello, this is about {secret} please. Anna"
    hidden = redactor.hide(text)
    assert secret not in hidden
    assert "Anna" not in hidden
    assert redactor.show(hidden) == text


@pytest.mark.parametrize(
    "plain",
    [
        "It cost 49.90 and took 3 days.",
        "since 2019",
        "at 10:30",
        "two of 12",
        "version 11.2",
        "24/7",
        "iOS 17.1",
        "5 stars",
        "100%",
    ],
)
def test_ordinary_numbers_stay(plain: str) -> None:
    assert Redactor().hide(plain) == plain


@pytest.mark.parametrize("region", ["GB", "de", "Germany", "XX", ""])
def test_a_phone_number_is_hidden_wherever_the_customer_is_at_home(region: str) -> None:
    hidden = Redactor([], region).hide("ring 020 7946 0958, (0)30/1234567 or 555-867-5309")
    assert not [number for number in ("7946", "123456", "867") if number in hidden]


def test_names_are_hidden_whole_and_in_parts_and_keep_their_case() -> None:
    redactor = Redactor(["Anna Lindqvist", "Mara"])
    text = "ANNA here, anna.. Mrs Lindqvist. Mara knows; Maranello does not."
    hidden = redactor.hide(text)
    assert "nna" not in hidden.lower().replace("<name", "")
    assert "Maranello" in hidden
    assert redactor.show(hidden) == text


def test_the_same_words_get_the_same_placeholder() -> None:
    redactor = Redactor()
    assert redactor.hide("a@b.example or a@b.example, not c@b.example") == "<EMAIL_1> or <EMAIL_1>, not <EMAIL_2>"


def test_a_placeholder_that_a_customer_wrote_is_not_mistaken_for_ours() -> None:
    redactor = Redactor(["Anna"])
    text = "I am <NAME_1> and Anna is <EMAIL_7>"
    hidden = redactor.hide(text)
    assert redactor.show(hidden) == text
    assert redactor.show("<NAME_99>") == "<NAME_99>"


@given(st.text(max_size=200), st.lists(st.sampled_from(SECRETS), max_size=3), st.text("abc XYZ", max_size=20))
def test_any_text_comes_back_and_no_planted_secret_stays(text: str, secrets: list[str], name: str) -> None:
    redactor = Redactor([name])
    whole = text + "".join(f" {secret} ," for secret in secrets)
    hidden = redactor.hide(whole)
    assert redactor.show(hidden) == whole
    if not PLACEHOLDER.search(text) and text.isascii() and text.replace(" ", "").isalpha():
        assert not [secret for secret in secrets if secret in hidden]
