"""A model words the frame of a story through a real server; what does not hold against the thread is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot.db.engine import Database
from copilot.errors import ModelFault
from copilot.stories.models import Story
from copilot.stories.writer import StoryWords, check_words
from tests.conftest import MakeDesk, make_ticket
from tests.fakes.provider import FakeProvider, Reply
from tests.fakes.writing import storyteller_for

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
THREAD = (
    "customer: The import of 4,300 rows failed and payroll is due at noon.",
    "agent: I split the file in two and ran both halves by hand.",
    "customer: Payroll went out on time. You saved our day, Mara!",
)
WORDS = {
    "hook": "Payroll at noon, and the import failed",
    "moment": "An import of 4,300 rows failed hours before payroll was due.",
    "catalyst": "The agent split the file and ran both halves by hand.",
}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    made = FakeProvider(lambda _: Reply(json.dumps(WORDS)))
    yield made
    made.close()


def test_the_frame_is_worded_and_the_quote_stays(
    provider: FakeProvider, database: Database, make_desk: MakeDesk
) -> None:
    desk = make_desk(make_ticket(*THREAD))
    desk.storyteller = storyteller_for(provider, database)
    before = desk.new_story("test/T-1")
    told = desk.word_story(before)
    assert (told.hook, told.moment, told.catalyst) == tuple(WORDS.values())
    assert told.quotes == before.quotes
    assert told.id == before.id


def test_no_name_reaches_the_model(provider: FakeProvider, database: Database, make_desk: MakeDesk) -> None:
    desk = make_desk(make_ticket(*THREAD, "agent: Glad to, Anna Berg!"))
    desk.storyteller = storyteller_for(provider, database)
    desk.word_story(desk.new_story("test/T-1"))
    sent = json.dumps(provider.requests)
    assert "Anna" not in sent
    assert "Berg" not in sent
    assert "Mara" not in sent


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("hook", "“Best support ever”", "quotation marks"),
        ("moment", 'They said "you saved our day" to us.', "quotation marks"),
        ("moment", "They said 'you saved our day' to us.", "quotation marks"),
        ("moment", "It took 12 minutes.", "12"),
        ("catalyst", "See https://evil.example/x.", "a link"),
        ("catalyst", "We wrote to <NAME_3> at once.", "a placeholder"),
        ("hook", "How Anna got paid", "named the customer"),
    ],
)
def test_words_that_do_not_hold_against_the_thread_are_refused(field: str, text: str, said: str) -> None:
    with pytest.raises(ModelFault, match=said):
        check_words(StoryWords.model_validate({**WORDS, field: text}), make_ticket(*THREAD))


@pytest.mark.parametrize("text", ["The agent's own idea.", "It wasn't their fault.", "The customers' file was split."])
def test_an_apostrophe_is_no_quotation(text: str) -> None:
    check_words(StoryWords.model_validate({**WORDS, "catalyst": text}), make_ticket(*THREAD))


@pytest.mark.parametrize("answer", ["", "no", "{}", '{"hook": ""}', '{"hook": 1, "moment": "x"}', "{" * 3000])
def test_an_answer_that_is_no_story_leaves_the_words_as_they_were(
    provider: FakeProvider, database: Database, make_desk: MakeDesk, answer: str
) -> None:
    provider.say = lambda _: Reply(answer)
    desk = make_desk(make_ticket(*THREAD))
    desk.storyteller = storyteller_for(provider, database)
    with pytest.raises(ModelFault):
        desk.word_story(desk.new_story("test/T-1"))


def test_the_shipped_prompt_is_stable_until_the_ticket(database: Database, provider: FakeProvider) -> None:
    ticket = make_ticket(*THREAD)
    golden = Path(__file__).parent / "story-prompt.golden.txt"
    story = Story(
        id="s-1", ticket_ref=ticket.ref, customer_key="test/c-1", customer_name="Anna Berg", hook="h", moment="m",
        catalyst="", signal="saved_deadline", created_at=ticket.messages[0].at, updated_at=ticket.messages[0].at, by="Mara",
    )  # fmt: skip
    told, _ = storyteller_for(provider, database).prompt(ticket, story)
    assert told.shown + "\n" == golden.read_text("utf-8")
