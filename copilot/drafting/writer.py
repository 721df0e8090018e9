"""A model drafts: its structured answer shown as it grows, repaired once where it does not parse, turned into parts.

What must not live here: how a model is called (`copilot/llm`), what it is told (`prompts.py`), and what becomes of a draft
that no model could write (the desk falls back on the composer).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json

from copilot.drafting.composer import Setting
from copilot.drafting.models import Length, ModelReply, Part
from copilot.drafting.prompts import Prompt, Rendered, draft_prompt
from copilot.drafting.tone import ToneGuide
from copilot.errors import ModelFault
from copilot.llm.client import Again, Allowance, Answer, Delta, LlmClient, Said
from copilot.llm.redact import Redactor
from copilot.playbook.models import Match, Play, Tone, Walk
from copilot.reading.models import Reading
from copilot.settings import LlmSettings
from copilot.text import clean
from copilot.tickets.models import Ticket

HALF_PLACEHOLDER = re.compile(r"<[A-Z]{0,10}(?:_\d{0,4})?\Z")
HALF_BLANK = re.compile(r"\[\[?[^\[\]]*\]?\Z")
REPAIR = "That was no JSON object as it was asked for ({why}). Answer again with the JSON object alone."


class Growing(NamedTuple):
    """The reply as far as it has come; `text` is all of it. An empty one voids what came before."""

    text: str


class Written(NamedTuple):
    """The reply whole."""

    parts: tuple[Part, ...]
    model: str
    prompt: str
    note: str


class ModelWriter:
    """Writes replies with a model.

    Args:
        client: Calls it.
        template: Reads the drafting prompt; called for each draft, so that an edit counts at once.
        guide: Reads the tone guide, likewise.
        settings: The `[llm]` table: budgets, and whether the model is trusted with what is personal.
        setting: Who writes, for whom.
    """

    def __init__(
        self,
        client: LlmClient,
        template: Callable[[], Prompt],
        guide: Callable[[], ToneGuide],
        settings: LlmSettings,
        setting: Setting,
    ) -> None:
        self.client = client
        self.template = template
        self.guide = guide
        self.settings = settings
        self.setting = setting

    def prompt(
        self, ticket: Ticket, reading: Reading, matches: Sequence[Match], walk: Walk | None, tone: Tone, length: Length
    ) -> tuple[Rendered, Redactor]:
        """What the model will be told, letter for letter, and what turns its placeholders back.

        Raises:
            NotFound: There is no drafting prompt.
            PageError: It does not parse, or the tone guide does not.
        """
        redactor = Redactor((*ticket.names, self.setting.agent), ticket.customer.country)
        rendered = draft_prompt(
            self.template(),
            ticket,
            reading,
            matches,
            self.setting,
            walk=walk,
            tone=tone,
            length=length,
            guide=self.guide(),
            hide=str if self.settings.trusted else redactor.hide,
            tokens=self.settings.prompt_tokens,
        )
        return rendered, redactor

    def write(
        self, prompt: Rendered, redactor: Redactor, plays: Sequence[Play], stop: threading.Event
    ) -> Iterator[Growing | Written]:
        """The reply as it grows, then whole; ends early and without the whole where `stop` is set.

        Args:
            redactor: Turns the placeholders of the prompt back.
            plays: Those the model was given; a paragraph may rest on no other.

        Raises:
            ModelFault: No model gave a reply that can be used.
        """
        allowance = Allowance(self.settings.draft_tokens, self.settings.draft_usd)
        messages = prompt.messages
        for repaired in (False, True):
            answer: Answer | None = None
            told = ""
            for piece in self.client.stream(
                messages, task="draft", prompt_version=prompt.name, allowance=allowance, stop=stop
            ):
                if isinstance(piece, Delta):
                    told += piece.text
                    if text := growing(told, redactor):
                        yield Growing(text)
                elif isinstance(piece, Again):
                    told = ""
                    yield Growing("")
                else:
                    answer = piece
            if answer is None:
                return
            try:
                reply = parse(answer.text)
            except ModelFault as fault:
                if repaired:
                    raise
                messages = (*messages, Said("assistant", answer.text), Said("user", REPAIR.format(why=fault.message)))
                yield Growing("")
                continue
            note = _note(prompt, answer, reply, redactor, repaired=repaired)
            yield Written(parts_of(reply, redactor, plays), answer.model, prompt.name, note)
            return


def parse(answer: str) -> ModelReply:
    """The reply in a model's answer, whatever stands around its JSON object.

    Raises:
        ModelFault: There is no such object, it does not hold a reply, or the reply says nothing.
    """
    start, end = answer.find("{"), answer.rfind("}")
    try:
        reply = ModelReply.model_validate(json.loads(answer[start : end + 1]))
    except (ValueError, RecursionError, ValidationError) as error:
        raise ModelFault("the model's answer was no reply", hint="Another model may do better.") from error
    if not any(p.text.strip() for p in reply.paragraphs):
        raise ModelFault("the model's reply says nothing", hint="Another model may do better.")
    return reply


def growing(told: str, redactor: Redactor) -> str:
    """The text of the reply in the beginning of an answer; half a placeholder or blank at its end waits for its other half."""
    start = told.find("{")
    if start < 0:
        return ""
    try:
        found = from_json(told[start:], allow_partial="trailing-strings")
    except ValueError:
        return ""
    paragraphs = found.get("paragraphs") if isinstance(found, dict) else None
    texts = [str(p.get("text", "")) for p in paragraphs if isinstance(p, dict)] if isinstance(paragraphs, list) else []
    text = clean("\n\n".join(filter(None, texts)))
    while (shorter := HALF_BLANK.sub("", HALF_PLACEHOLDER.sub("", text.rstrip()))) != text:
        text = shorter  # and may end in half of another
    return clean(redactor.show(text)).rstrip()


def parts_of(reply: ModelReply, redactor: Redactor, plays: Sequence[Play]) -> tuple[Part, ...]:
    """The paragraphs as parts, each citing the plays it rests on; ids that were never given are left out."""
    known = {play.id: play for play in plays}
    found = [
        (clean(redactor.show(p.text)).strip(), [known[i] for i in p.plays if i in known]) for p in reply.paragraphs
    ]
    found = [(text, rests) for text, rests in found if text]
    last = len(found) - 1
    return tuple(
        Part(
            text=text,
            source="model",
            play_id=rests[0].id if rests else "",
            citation="; ".join(play.citation for play in rests),
            slot="greeting" if number == 0 else "signature" if number == last else "body",
        )
        for number, (text, rests) in enumerate(found)
    )


def _note(prompt: Rendered, answer: Answer, reply: ModelReply, redactor: Redactor, *, repaired: bool) -> str:
    told = [prompt.trimmed]
    if answer.from_another:
        told.append(f"the provider answered with {answer.model} instead of {answer.asked}")
    if repaired:
        told.append("the model had to be asked twice")
    told += [f"find out: {clean(redactor.show(question))}" for question in reply.questions[:3]]
    return "; ".join(filter(None, told))
