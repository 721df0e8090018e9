"""One call of a model, against a real HTTP server: its errors become ours, its cost is kept, the budget holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from copilot.db.engine import Database
from copilot.errors import ModelFault
from copilot.llm.client import Again, Allowance, Answer, Delta, LlmClient, Said
from copilot.settings import LlmSettings
from tests.fakes import FakeClock
from tests.fakes.provider import FakeProvider, Reply

HELLO = (Said("user", "hello"),)
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
    return LlmClient(("openai/tiny",), settings, database, FakeClock(), waits.append)


def ask(client: LlmClient) -> str:
    return client.complete(HELLO, task="read", prompt_version="read/1").text


def test_an_answer_comes_back_and_what_it_took_is_kept(client: LlmClient, provider: FakeProvider) -> None:
    answer = client.complete(HELLO, task="read", prompt_version="read/1")
    assert (answer.text, answer.tokens) == ('{"mood": "neutral"}', 120)
    assert provider.prompts == ["hello"]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(status=401), "refused the key"),
        (Reply(status=404), "no such model"),
        (Reply(text=""), "answered nothing"),
        (Reply(raw=b"<html>"), "answered nothing"),
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


def test_a_server_that_stays_down_is_given_up(client: LlmClient, provider: FakeProvider) -> None:
    provider.say = lambda _: Reply(status=500)
    with pytest.raises(ModelFault, match="fault of its own"):
        ask(client)
    assert len(provider.requests) == 3


def test_nobody_listening_is_a_sentence(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    settings = LlmSettings(api_base="http://127.0.0.1:9/v1", timeout_s=2)
    with pytest.raises(ModelFault):
        LlmClient(("openai/tiny",), settings, database, FakeClock(), lambda _: None).complete(
            HELLO, task="read", prompt_version="1"
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


def pieces(client: LlmClient, **more: Any) -> list[Delta | Again | Answer]:
    return list(client.stream(HELLO, task="draft", prompt_version="draft/1", **more))


def words(found: list[Delta | Again | Answer]) -> str:
    return "".join(piece.text for piece in found if isinstance(piece, Delta))


def test_an_answer_comes_in_pieces_that_make_the_whole(client: LlmClient, provider: FakeProvider) -> None:
    provider.say = lambda _: Reply('{"mood": "neutral", "why": "nothing is said of it"}', piece=5)
    found = pieces(client)
    answer = found[-1]
    assert isinstance(answer, Answer)
    assert words(found) == answer.text == '{"mood": "neutral", "why": "nothing is said of it"}'
    assert len(found) > 5


def test_a_stream_that_breaks_off_is_begun_again_and_says_so(
    client: LlmClient, provider: FakeProvider, waits: list[float]
) -> None:
    replies = iter([Reply("half of an answer that never came", cut_after=1), Reply("a whole one")])
    provider.say = lambda _: next(replies)
    found = pieces(client)
    assert [type(piece) for piece in found][:2] == [Delta, Again]
    place = next(i for i, piece in enumerate(found) if isinstance(piece, Again))
    assert words(found[place:]) == "a whole one"
    assert waits == [1.0]


def test_a_server_that_falls_silent_amid_the_stream_is_not_waited_for(
    client: LlmClient, provider: FakeProvider
) -> None:
    never = threading.Event()
    client.settings = client.settings.model_copy(update={"timeout_s": 0.3})
    replies = iter([Reply("one, two, three, four, five, six", hold=(1, never)), Reply("whole")])
    provider.say = lambda _: next(replies)
    found = pieces(client)
    never.set()
    assert any(isinstance(piece, Again) for piece in found)
    assert words(found).endswith("whole")


def test_the_next_model_is_asked_where_the_first_gives_no_answer(client: LlmClient, provider: FakeProvider) -> None:
    client.models = ("openai/first", "openai/second")
    provider.say = lambda body: Reply(status=401) if body["model"] == "first" else Reply("from the second")
    answer = client.complete(HELLO, task="draft", prompt_version="draft/1")
    assert (answer.text, answer.asked) == ("from the second", "openai/second")


def test_a_model_put_in_the_place_of_another_is_known(client: LlmClient, provider: FakeProvider) -> None:
    provider.say = lambda _: Reply("yes", model="tiny-2026-11-01")
    assert not client.complete(HELLO, task="draft", prompt_version="1").from_another
    provider.say = lambda _: Reply("yes", model="something-cheaper")
    assert client.complete(HELLO, task="draft", prompt_version="1").from_another


def test_a_refusal_is_no_answer(client: LlmClient, provider: FakeProvider) -> None:
    provider.say = lambda _: Reply("I cannot", finish="content_filter")
    with pytest.raises(ModelFault, match="refused to answer"):
        pieces(client)


def test_a_draft_takes_no_more_than_its_allowance(client: LlmClient, provider: FakeProvider) -> None:
    allowance = Allowance(tokens=900, usd=1.0)
    pieces(client, allowance=allowance)
    assert allowance.tokens == 780
    with pytest.raises(ModelFault, match="draft_tokens"):
        pieces(client, allowance=allowance)
    assert len(provider.requests) == 1


def test_a_stream_can_be_stopped(client: LlmClient, provider: FakeProvider) -> None:
    stop = threading.Event()
    provider.say = lambda _: Reply("one, two, three, four, five, six", piece=4)
    found = []
    for piece in client.stream(HELLO, task="draft", prompt_version="1", stop=stop):
        found.append(piece)
        stop.set()
    assert len(found) == 1
