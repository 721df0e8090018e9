"""A draft only moves along its path: every transition from every state, and any sequence of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from copilot.drafting.models import Draft, DraftFinding, DraftState
from copilot.errors import RefusedAction
from tests.fakes import NOW

STATES: tuple[DraftState, ...] = ("proposed", "edited", "approved", "sent", "discarded")
ALLOWED = {
    "edit": {"proposed", "edited", "approved"},
    "approve": {"proposed", "edited", "approved"},
    "sent": {"approved"},
    "discard": {"proposed", "edited", "approved"},
}
BLOCKING = DraftFinding(rule="blank.open", blocking=True, message="fill in “the date”", start=0, end=1)
POINTED_OUT = DraftFinding(rule="tone.mood", blocking=False, message="keep it calm", start=0, end=1)


def a_draft(state: DraftState = "proposed") -> Draft:
    return Draft(
        id="d-1", ticket_ref="test/T-1", based_on="v1", text="Hi Anna", tone="warm", state=state,
        created_at=NOW, updated_at=NOW, approved_by="Mara" if state in ("approved", "sent") else "",
    )  # fmt: skip


def moved(draft: Draft, step: str) -> Draft:
    later = NOW + timedelta(minutes=1)
    if step == "edit":
        return draft.edit("Hello Anna", later)
    if step == "approve":
        return draft.approve("Mara", later, (POINTED_OUT,))
    if step == "sent":
        return draft.sent("<1@x>", later)
    return draft.discard(later)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", sorted(ALLOWED))
def test_every_step_is_taken_or_refused_as_the_path_says(state: DraftState, step: str) -> None:
    draft = a_draft(state)
    if state not in ALLOWED[step]:
        with pytest.raises(RefusedAction) as refused:
            moved(draft, step)
        assert refused.value.hint
        return
    after = moved(draft, step)
    assert after.state == {"edit": "edited", "approve": "approved", "sent": "sent", "discard": "discarded"}[step]
    assert after.updated_at == NOW + timedelta(minutes=1)
    assert draft.state == state


def test_an_approval_does_not_survive_an_edit() -> None:
    edited = a_draft().approve("Mara", NOW, ()).edit("other words", NOW)
    assert (edited.state, edited.approved_by, edited.text) == ("edited", "", "other words")
    with pytest.raises(RefusedAction):
        edited.sent("<1@x>", NOW)


def test_a_blocking_finding_stops_the_approval_and_says_which() -> None:
    with pytest.raises(RefusedAction, match="the date"):
        a_draft().approve("Mara", NOW, (POINTED_OUT, BLOCKING))


@pytest.mark.parametrize("name", ["", " ", "\n"])
def test_nobody_cannot_approve(name: str) -> None:
    with pytest.raises(RefusedAction, match="person"):
        a_draft().approve(name, NOW, ())


class Path(RuleBasedStateMachine):
    """Any sequence of steps, those refused included."""

    def __init__(self) -> None:
        super().__init__()
        self.draft = a_draft()
        self.approved: str | None = None
        self.was_sent = False

    def step(self, name: str) -> None:
        before = self.draft
        try:
            self.draft = moved(before, name)
        except RefusedAction:
            assert self.draft is before
            return
        if name == "approve":
            self.approved = self.draft.text
        if name == "edit":
            self.approved = None
        self.was_sent = self.was_sent or name == "sent"

    @rule()
    def edit(self) -> None:
        self.step("edit")

    @rule()
    def approve(self) -> None:
        self.step("approve")

    @rule()
    def send(self) -> None:
        self.step("sent")

    @rule()
    def discard(self) -> None:
        self.step("discard")

    @invariant()
    def what_was_sent_is_what_a_person_approved(self) -> None:
        if self.draft.state == "sent":
            assert self.approved == self.draft.text
            assert self.draft.approved_by == "Mara"

    @invariant()
    def sent_is_for_ever(self) -> None:
        assert not self.was_sent or self.draft.state == "sent"


TestPath = Path.TestCase
TestPath.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)
