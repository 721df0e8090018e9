"""One call of a model, against a real HTTP server: its errors become ours, its cost is kept, the budget holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from copilot.db.engine import Database
from copilot.errors import ModelFault
from copilot.llm.client import LlmClient
from copilot.settings import LlmSettings
from tests.fakes import FakeClock
from tests.fakes.provider import FakeProvider, Reply

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    made = FakeProvider(lambda _: Reply('{"mood": "neutral"}'))
    yield made
    made.close()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(
    provider: FakeProvider, database: Database, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> LlmClient:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    settings = LlmSettings(api_base=provider.address, timeout_s=2, daily_tokens=1000)
    return LlmClient("openai/tiny", settings, database, FakeClock(), waits.append)


def ask(client: LlmClient) -> str:
    return client.complete("hello", task="read", prompt_version="read/1").text


def test_an_answer_comes_back_and_what_it_took_is_kept(client: LlmClient, provider: FakeProvider) -> None:
    answer = client.complete("hello", task="read", prompt_version="read/1")
    assert (answer.text, answer.tokens) == ('{"mood": "neutral"}', 120)
    assert provider.prompts == ["hello"]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(status=401), "refused the key"),
        (Reply(status=404), "no such model"),
        (Reply(text=""), "answered nothing"),
        (Reply(text="half of", finish="length"), "cut off"),
        (Reply(text="This model's maximum context length is 8192 tokens.", status=400), "too long"),
    ],
)
def test_a_failure_is_a_sentence_and_is_not_tried_again(
    client: LlmClient, provider: FakeProvider, waits: list[float], reply: Reply, says: str
) -> None:
    provider.say = lambda _: reply
    with pytest.raises(ModelFault, match=says) as fault:
        ask(client)
    assert fault.value.message
    assert len(provider.requests) == 1
    assert waits == []


def test_a_fault_that_passes_is_tried_again_after_the_time_the_provider_names(
    client: LlmClient, provider: FakeProvider, waits: list[float]
) -> None:
    replies = iter([Reply(status=429, headers=(("retry-after", "7"),)), Reply(status=503), Reply("{}")])
    provider.say = lambda _: next(replies)
    assert ask(client) == "{}"
    assert waits == [7.0, 4.0]


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(raw=b"<html>")])
def test_a_server_that_stays_down_is_given_up(client: LlmClient, provider: FakeProvider, reply: Reply) -> None:
    provider.say = lambda _: reply
    with pytest.raises(ModelFault, match="fault of its own"):
        ask(client)
    assert len(provider.requests) == 3


def test_nobody_listening_is_a_sentence(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    settings = LlmSettings(api_base="http://127.0.0.1:9/v1", timeout_s=2)
    with pytest.raises(ModelFault):
        LlmClient("openai/tiny", settings, database, FakeClock(), lambda _: None).complete(
            "x", task="read", prompt_version="1"
        )


def test_the_days_budget_holds_and_begins_anew_tomorrow(client: LlmClient, provider: FakeProvider) -> None:
    for _ in range(9):
        ask(client)
    with pytest.raises(ModelFault, match="budget"):
        ask(client)
    assert len(provider.requests) == 9
    clock: Any = client.clock
    clock.now += timedelta(days=1)
    assert ask(client)
