"""The sample queue drafted both ways: by the composer, and by a model that answers from the plays it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from copilot.desk import Desk
from copilot.drafting.checks import check
from tests.fakes.provider import FakeProvider, Reply
from tests.fakes.writing import give, reply_json, writer_for

PLAY = re.compile(r"^\[([\w#:. -]+)\] (opening|recovery|closing)\n- (?:\w+: )?(.+)$", re.MULTILINE)


def from_the_plays(body: dict[str, Any]) -> Reply:
    """What a careful model would answer: one opening, one recovery, one closing, slots as blanks."""
    told = body["messages"][1]["content"]
    found = PLAY.findall(told)
    first: dict[str, str] = {}
    for _, kind, text in found:
        first.setdefault(kind, re.sub(r"\{[\w.]+\}", "[[fill in]]", text))
    signed = told.split("Sign as ", 1)[1].split(". The conversation", 1)[0]
    return Reply(
        reply_json("Hello,", *first.values(), f"Best wishes,\n{signed}", plays=tuple(play for play, _, _ in found[:1]))
    )


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    made = FakeProvider(from_the_plays)
    yield made
    made.close()


def refs(desk: Desk) -> list[str]:
    return sorted(row.ref for view in ("all", "done") for row in desk.queue(view))


def test_the_composer_drafts_the_sample_queue(sample_desk: Desk, snapshot: SnapshotAssertion) -> None:
    assert {ref: sample_desk.preview(ref).text for ref in refs(sample_desk)} == snapshot


def test_no_draft_of_the_composer_is_stopped_but_by_its_blanks(sample_desk: Desk) -> None:
    for ref in refs(sample_desk):
        draft = sample_desk.preview(ref)
        stops = {f.rule for f in check(draft.text, sample_desk.context(ref)) if f.blocking}
        assert stops <= {"blank.open"}, (ref, stops)


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_model_drafts_the_sample_queue(
    sample_desk: Desk, provider: FakeProvider, snapshot: SnapshotAssertion
) -> None:
    desk = give(sample_desk, writer_for(provider, sample_desk.database, lambda _: None, daily_tokens=10**9))
    drafts = {ref: desk.draft(ref) for ref in refs(desk)[::4]}
    assert {draft.model for draft in drafts.values()} == {"tiny"}
    assert {ref: draft.text for ref, draft in drafts.items()} == snapshot
