"""A model words the frame of a story: hook, moment, catalyst. Never the quote, and nothing that the thread does not hold.

What must not live here: how a model is called (`copilot/llm`) and what becomes of a story that no model could word (the
composer's words stand).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from pydantic import Field, ValidationError

from copilot.drafting.prompts import Prompt, Rendered, story_prompt
from copilot.errors import ModelFault
from copilot.llm.client import LlmClient
from copilot.llm.redact import Redactor
from copilot.settings import LlmSettings
from copilot.stories.models import Story
from copilot.text import clean, clean_line
from copilot.tickets.models import Model, Ticket

QUOTED = re.compile(r"[\"“”„«»‟]|(?<!\w)['‘‚‹]\w[^'’‘›]*['’‘›](?!\w)")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
LINK = re.compile(r"https?:|www\.|\b[\w.+-]+@[\w-]+\.\w", re.IGNORECASE)
PLACEHOLDER = re.compile(r"<[A-Z]+_\d+>")


class StoryWords(Model):
    """What a model may write of a story."""

    hook: str = Field(min_length=1, max_length=120)
    moment: str = Field(min_length=1, max_length=600)
    catalyst: str = Field(default="", max_length=400)


class StoryWriter:
    """Words stories with a model.

    Args:
        client: Calls it.
        template: Reads the prompt; called for each story, so that an edit counts at once.
        settings: The `[llm]` table.
        company: Whose stories they are.
    """

    def __init__(self, client: LlmClient, template: Callable[[], Prompt], settings: LlmSettings, company: str) -> None:
        self.client = client
        self.template = template
        self.settings = settings
        self.company = company

    def prompt(self, ticket: Ticket, story: Story) -> tuple[Rendered, Redactor]:
        """What the model will be told, letter for letter, and what turns its placeholders back.

        Raises:
            NotFound: There is no prompt for stories.
            PageError: It does not parse.
        """
        redactor = Redactor(ticket.names, ticket.customer.country)
        hide = str if self.settings.trusted else redactor.hide
        quote = story.quotes[0].text if story.quotes else "none yet"
        signal = story.signal.replace("_", " ") or "nothing in particular"
        tokens = self.settings.prompt_tokens
        return story_prompt(self.template(), ticket, self.company, signal, quote, hide=hide, tokens=tokens), redactor

    def write(self, ticket: Ticket, story: Story) -> Story:
        """The story with the model's hook, moment and catalyst.

        Raises:
            ModelFault: No model gave words that hold against the thread; the message says what was wrong with them.
            NotFound: There is no prompt for stories.
            PageError: It does not parse.
        """
        told, redactor = self.prompt(ticket, story)
        answer = self.client.complete(told.messages, task="story", prompt_version=told.name)
        words = _parse(answer.text)
        shown = StoryWords(
            hook=clean_line(redactor.show(words.hook)),
            moment=clean(redactor.show(words.moment)).strip(),
            catalyst=clean(redactor.show(words.catalyst)).strip(),
        )
        check_words(shown, ticket)
        return story.model_copy(update=shown.model_dump())


def check_words(words: StoryWords, ticket: Ticket) -> None:
    """Hold a model's words against the thread.

    Raises:
        ModelFault: They quote, link, name the customer, or hold a number that nobody wrote.
    """
    thread = " ".join([ticket.title, *(m.text for m in ticket.messages if m.public)])
    known = set(NUMBER.findall(thread))
    named = [part for part in ticket.customer.name.split() if len(part) > 2]
    for field, text in words.model_dump().items():
        if QUOTED.search(text):
            raise ModelFault(f"the model put words in quotation marks in the {field}")
        if LINK.search(text) or PLACEHOLDER.search(text):
            raise ModelFault(f"the model put a link or a placeholder into the {field}")
        if foreign := [n for n in NUMBER.findall(text) if n not in known]:
            raise ModelFault(f"the model put {foreign[0]} into the {field}, which nobody wrote")
        if name := next((n for n in named if re.search(rf"\b{re.escape(n)}\b", text)), ""):
            raise ModelFault(
                f"the model named the customer ({name}) in the {field}; how they are named they choose later"
            )


def _parse(answer: str) -> StoryWords:
    start, end = answer.find("{"), answer.rfind("}")
    try:
        return StoryWords.model_validate(json.loads(answer[start : end + 1]))
    except (ValueError, RecursionError, ValidationError) as error:
        raise ModelFault("the model's answer was no story", hint="Another model may do better.") from error
