"""What became of drafts is counted by paragraph; a phrase is proposed for a page, never put there."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from copilot.desk import Desk
from copilot.drafting.learning import Phrase, outcomes, phrases, proposal
from copilot.drafting.models import Draft, Part
from copilot.playbook.models import Play
from copilot.scoring.drafts import draft_scores
from tests.conftest import MakeDesk, make_ticket
from tests.fakes import NOW, FakeClock

PARTS = (
    Part(text="Hi Anna,", source="composer", slot="greeting"),
    Part(text="Thank you for writing to us about the export.", source="play", play_id="a#opening", slot="lead"),
    Part(text="This is what I did: I restarted the job by hand.", source="play", play_id="a#recovery"),
    Part(text="Have a calm evening, and a better week.", source="play", play_id="a#closing", slot="closing"),
    Part(text="Best wishes,\nMara", source="composer", slot="signature"),
)


def a_draft(text: str = "", ref: str = "test/T-1", parts: tuple[Part, ...] = PARTS) -> Draft:
    return Draft(
        id=f"d-{ref}", ticket_ref=ref, based_on="v", text=text, tone="calm", parts=parts, created_at=NOW, updated_at=NOW
    )


def test_each_paragraph_is_kept_edited_or_dropped() -> None:
    sent = (
        "Hi Anna,\n\nThank you for writing to us about the export.\n\n"
        "This is what I did: I restarted the whole job by hand, twice.\n\nBest wishes,\nMara"
    )
    found = outcomes(a_draft(), sent, 90)
    assert [(o.play_id, o.fate) for o in found] == [
        ("a#opening", "kept"),
        ("a#recovery", "edited"),
        ("a#closing", "dropped"),
    ]
    assert found[0].distance == 0
    assert 0 < found[1].distance < 0.5
    assert {o.seconds for o in found} == {90}


def test_a_draft_thrown_away_keeps_nothing() -> None:
    assert {o.fate for o in outcomes(a_draft(), "", 5)} == {"dropped"}


@given(st.text(max_size=200))
def test_whatever_is_sent_every_paragraph_has_one_fate(sent: str) -> None:
    found = outcomes(a_draft(), sent, 1)
    assert len(found) == 3
    assert all(0 <= o.distance <= 1 for o in found)


def test_the_least_accepted_play_stands_first() -> None:
    found = outcomes(a_draft(), PARTS[1].text, 10) + outcomes(a_draft(), f"{PARTS[1].text}\n\n{PARTS[2].text}", 30)
    scores = {s.play_id: s for s in draft_scores(found)}
    assert [s.play_id for s in draft_scores(found)] == ["a#closing", "a#recovery", "a#opening"]
    assert (scores["a#recovery"].kept, scores["a#recovery"].dropped) == (1, 1)
    assert scores["a#opening"].acceptance == 1
    assert scores["a#opening"].seconds == 20


def added(phrase: str, ref: str) -> Draft:
    return a_draft("\n\n".join([*(p.text for p in PARTS[:3]), phrase, PARTS[4].text]), ref)


def test_a_phrase_added_in_three_conversations_is_proposed_after_the_play_it_follows() -> None:
    drafts = [added("The night shift will keep an eye on it.", f"test/T-{n}") for n in range(3)]
    assert phrases(drafts, {}) == [Phrase("The night shift will keep an eye on it.", "a#recovery", 3)]
    assert phrases(drafts[:2], {}) == []


def test_what_is_about_one_person_is_never_proposed() -> None:
    drafts = [added("Give my regards to your daughter Lena.", f"test/T-{n}") for n in range(3)]
    assert phrases(drafts, {f"test/T-{n}": ["Lena"] for n in range(3)}) == []
    assert phrases([added("Your order 48213 is on its way now.", f"test/T-{n}") for n in range(3)], {}) == []


def test_a_proposal_is_a_diff_and_the_page_stays_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    text = "---\nid: a\n---\nintent\n\n## Recovery\n- calm: This is what I did.\n- warm: Here it is.\n\n## Closing\n- Bye.\n"
    page.write_text(text, "utf-8")
    play = Play(id="a#recovery", page="a", path="playbooks/a.md", kind="recovery", line=6, last_line=8, text="")
    diff = proposal(Phrase("We keep an eye on it.", "a#recovery", 3), play, page)
    assert page.read_text("utf-8") == text
    assert diff.split("\n")[:2] == ["--- playbooks/a.md", "+++ playbooks/a.md"]
    assert " - warm: Here it is.\n+- We keep an eye on it.\n" in diff


def test_sending_and_throwing_away_are_counted_through_the_desk(make_desk: MakeDesk, clock: FakeClock) -> None:
    ticket = make_ticket("customer: How do I change the billing address?")
    desk: Desk = make_desk(ticket)
    draft = desk.draft(ticket.ref)
    desk.discard(draft)
    first = desk.draft_scores()
    assert first
    assert all(score.dropped == score.drafted for score in first)
    draft = desk.draft(ticket.ref)
    clock.forward(seconds=42)
    text = draft.text
    while "[[" in text:
        start = text.index("[[")
        text = text[:start] + "it is in the settings" + text[text.index("]]", start) + 2 :]
    desk.send(draft, text)
    scores = desk.draft_scores()
    assert sum(score.kept + score.edited for score in scores) > 0
    assert max(score.seconds for score in scores) > 0
