"""The asking policy: what its file may say, and how it complains."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot.asking.policy import load_policy
from copilot.errors import PageError
from tests.conftest import PLAYBOOKS


def written(folder: Path, *lines: str) -> Path:
    playbooks = folder / "playbooks"
    playbooks.mkdir()
    (playbooks / "asking.md").write_text("\n".join(["---", *lines, "---", "Text."]), "utf-8")
    return playbooks


def test_the_starter_policy_says_what_its_file_says() -> None:
    policy = load_policy(PLAYBOOKS)
    assert (policy.cool_down_days, policy.yearly_budget, policy.pause_after_decline_days) == (120, 2, 365)
    assert policy.regions["DE"] == "customer-began"
    assert [policy.kind_of(outcome) for outcome in ("testimonial", "social_share", "referral", "fame")] == [
        "quote", "share", "refer", None,
    ]  # fmt: skip
    assert all(kind.ease and kind.after for kind in policy.kinds.values())


def test_a_policy_without_kinds_proposes_as_it_always_did(tmp_path: Path) -> None:
    assert load_policy(written(tmp_path, 'wording: "1"')).kind_of("referral") == "refer"


@pytest.mark.parametrize(
    ("lines", "line", "found"),
    [
        (('wording: "1"', "pause_after_decline_days: 364"), 3, "364"),
        (('wording: "1"', "cool_down_days: 0"), 3, "cool_down_days: 0"),
        (('wording: "1"', "answer_within_days: 0"), 3, "answer_within_days: 0"),
        (('wording: "1"', "regions:", "  DE: sometimes"), 3, "regions"),
        (('wording: "1"', "mood: any"), 3, "`mood`"),
        (('wording: "1"', "yearly_budget: lots"), 3, "yearly_budget: lots"),
        (("cool_down_days: 9",), 1, "no `wording`"),
        (('wording: "1"', "disclosures:", '  surprise_gesture: "{customer.shoe_size} got a gift."'), 4, "shoe_size"),
        (('wording: "1"', "regions: [unclosed"), 3, "YAML"),
        (('wording: "1"', "kinds:", "  quote: {outcomes: [applause]}"), 3, "kinds"),
        (('wording: "1"', "kinds:", "  hug: {ease: none}"), 3, "kinds"),
        (('wording: "1"', "kinds:", "  quote: {}", "  share: {}", "  refer: {}"), 3, "no tag"),
        (
            (
                'wording: "1"',
                "kinds: {quote: {outcomes: [referral]}, share: {outcomes: [referral]}, refer: {}, tag: {}}",
            ),
            3,
            "two kinds for referral",
        ),
    ],
)
def test_an_error_names_file_and_line(tmp_path: Path, lines: tuple[str, ...], line: int, found: str) -> None:
    with pytest.raises(PageError) as caught:
        load_policy(written(tmp_path, *lines))
    assert caught.value.path == "playbooks/asking.md"
    assert caught.value.line == line
    assert found in caught.value.found


def test_a_no_is_remembered_for_at_least_a_year_whatever_the_file_says(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="at least 365"):
        load_policy(written(tmp_path, 'wording: "1"', "pause_after_decline_days: 30"))


def test_a_year_is_long_enough(tmp_path: Path) -> None:
    assert (
        load_policy(written(tmp_path, 'wording: "1"', "pause_after_decline_days: 365")).pause_after_decline_days == 365
    )


def test_a_missing_policy_is_an_error_and_not_an_open_gate(tmp_path: Path) -> None:
    with pytest.raises(PageError, match=r"asking\.md"):
        load_policy(tmp_path)
