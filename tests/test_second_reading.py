"""A model beside the offline reader, from the desk to a real HTTP server: what leaves, what comes back, and when it is down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot.bootstrap import Workspace
from copilot.desk import Desk, Guided, Read
from copilot.reading import store as reading_store
from copilot.settings import LlmSettings, ReadingSettings, Settings
from copilot.tickets import store
from copilot.tickets.models import Customer, Message, Ticket
from tests.conftest import PLAYBOOKS, ROOT
from tests.fakes import NOW, FakeClock
from tests.fakes.provider import FakeProvider, Reply

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

PERSONAL = [
    "Anna",
    "Lindqvist",
    "anna@example.org",
    "+44 20 7946 0958",
    "FW-48213",
    "12 Harbour Lane",
    "4111 1111 1111 1111",
]
WORDS = (
    "Anna here again, order FW-48213. Still nothing! Ring +44 20 7946 0958 or write to anna@example.org, "
    "I live at 12 Harbour Lane and paid with 4111 1111 1111 1111."
)


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    claim = {"name": "repeat_contact", "evidence": "<NAME_2> here again, order <NUMBER_1>."}
    answer = {"mood": "angry", "mood_evidence": "Still nothing!", "risks": [claim]}
    made = FakeProvider(lambda _: Reply(json.dumps(answer)))
    yield made
    made.close()


@pytest.fixture
def desk(provider: FakeProvider, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    settings = Settings(
        workspace=tmp_path,
        playbooks=PLAYBOOKS,
        prompts=ROOT / "prompts",
        index=index,
        agent="Mara",
        reading=ReadingSettings(model="openai/tiny"),
        llm=LlmSettings(api_base=provider.address, timeout_s=5),
    )
    space = Workspace(settings, FakeClock())
    customer = Customer(id="anna", name="Anna Lindqvist", email="anna@example.org")
    first = Message(id="1", role="customer", text="Hello, this is Anna Lindqvist.", at=NOW, author="Anna Lindqvist")
    last = Message(id="2", role="customer", text=WORDS, at=NOW, author="Anna Lindqvist")
    ticket = Ticket(id="1", queue="q", subject="order", customer=customer, messages=(first, last))
    with space.database.begin() as connection:
        store.put(connection, ticket, NOW)
    yield space.desk
    space.close()


async def opened(desk: Desk) -> tuple[list[Read], list[Guided]]:
    events = [event async for event in desk.open("q/1")]
    return [e for e in events if isinstance(e, Read)], [e for e in events if isinstance(e, Guided)]


async def test_the_offline_reading_comes_first_and_the_models_after_it(desk: Desk, provider: FakeProvider) -> None:
    reads, guided = await opened(desk)
    assert (len(reads), len(guided)) == (3, 2)  # the last message, the whole thread, the model
    second = reads[-1].reading
    assert second.mood == "angry"
    (risk,) = [label for label in second.risks if label.name == "repeat_contact"]
    assert risk.evidence.text == "Anna here again, order FW-48213."
    await opened(desk)
    assert len(provider.requests) == 1


async def test_after_another_build_the_models_answer_still_counts_and_is_not_paid_for_twice(
    desk: Desk, provider: FakeProvider
) -> None:
    reads, _ = await opened(desk)
    stale = reads[-1].reading.model_copy(update={"reader": "of before", "mood": "neutral"})
    with desk.database.begin() as connection:
        reading_store.put(connection, "q/1", stale)
    assert desk.read_all() == 1
    assert desk.opened("q/1").reading == reads[-1].reading
    assert desk.unread() == []
    assert len(provider.requests) == 1


async def test_a_kept_answer_that_is_none_any_more_leaves_the_offline_reading(
    desk: Desk, provider: FakeProvider
) -> None:
    reads, _ = await opened(desk)
    with desk.database.begin() as connection:
        reading_store.put(connection, "q/1", reads[-1].reading.model_copy(update={"reader": "of before"}))
        connection.execute(reading_store.opinions.update().values(answer="of an earlier form"))
    assert desk.read_all() == 1
    kept = desk.opened("q/1").reading
    assert kept is not None
    assert kept.reader == desk.brain.get()[0].version
    assert len(provider.requests) == 1


async def test_nothing_personal_reaches_the_provider(desk: Desk, provider: FakeProvider) -> None:
    await opened(desk)
    sent = json.dumps(provider.requests)
    assert "Still nothing!" in sent
    assert [secret for secret in PERSONAL if secret in sent] == []


async def test_a_provider_that_is_down_leaves_the_offline_reading_with_a_note(
    desk: Desk, provider: FakeProvider
) -> None:
    provider.say = lambda _: Reply(status=401)
    reads, _ = await opened(desk)
    assert "refused the key" in reads[-1].reading.note
    assert reads[-1].reading.mood == reads[0].reading.mood


async def test_a_prompt_that_is_missing_takes_no_guidance_away(
    desk: Desk, provider: FakeProvider, tmp_path: Path
) -> None:
    (tmp_path / "prompts").mkdir()
    settings = Settings(
        workspace=tmp_path, playbooks=PLAYBOOKS, prompts=tmp_path / "prompts", index=ROOT / "index", agent="Mara",
        reading=ReadingSettings(model="openai/tiny"),
    )  # fmt: skip
    space = Workspace(settings, FakeClock())
    reads, guided = await opened(space.desk)
    space_standing = space.brain.standing
    space.close()
    assert "no prompt" in reads[-1].reading.note
    assert space_standing is None  # nothing that the model read before is read again
    assert len(guided) == 2
    assert provider.requests == []
