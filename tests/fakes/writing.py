"""A desk whose replies a model writes: the provider is the real HTTP server of `provider.py`."""

from __future__ import annotations

import json
from collections.abc import Callable

from copilot.bootstrap import starter
from copilot.db.engine import Database
from copilot.desk import Desk
from copilot.drafting.composer import Setting
from copilot.drafting.prompts import prompt_of
from copilot.drafting.tone import ToneGuide, load_tone
from copilot.drafting.writer import ModelWriter
from copilot.llm.client import LlmClient, preload
from copilot.settings import LlmSettings
from copilot.stories.writer import StoryWriter
from tests.fakes.provider import FakeProvider

Wait = Callable[[float], None]


def reply_json(*paragraphs: str, plays: tuple[str, ...] = (), questions: tuple[str, ...] = ()) -> str:
    """An answer as the prompt asks for it."""
    made = [{"text": text, "plays": list(plays)} for text in paragraphs]
    return json.dumps({"paragraphs": made, "blanks": [], "questions": list(questions)}, ensure_ascii=False)


def tone_guide() -> ToneGuide:
    """The starter's guide, with the domain of the fake team."""
    guide = load_tone(starter("playbooks"))
    return guide.model_copy(update={"links": (*guide.links, "fernway.example")})


def writer_for(
    provider: FakeProvider, database: Database, sleep: Wait, *models: str, **settings: object
) -> ModelWriter:
    """What drafts with the provider's models."""
    llm = LlmSettings.model_validate({"api_base": provider.address, "timeout_s": 5, **settings})
    client = LlmClient(models or ("openai/tiny",), llm, database, sleep=sleep)
    setting = Setting(agent="Mara", team="Fernway Support", company="Fernway")
    return ModelWriter(client, lambda: prompt_of(starter("prompts"), "draft"), tone_guide, llm, setting)


def storyteller_for(provider: FakeProvider, database: Database) -> StoryWriter:
    """What words stories with the provider's model."""
    preload()
    llm = LlmSettings(model="openai/tiny", api_base=provider.address, timeout_s=5)
    client = LlmClient(("openai/tiny",), llm, database, sleep=lambda _: None)
    return StoryWriter(client, lambda: prompt_of(starter("prompts"), "story"), llm, "Fernway")


def give(desk: Desk, writer: ModelWriter) -> Desk:
    """Let the desk draft with a model. What calls it is loaded now: no thread goes on importing when a test is over."""
    preload()
    desk.writer = writer
    desk.guide_of_tone = tone_guide
    return desk
