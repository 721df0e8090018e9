"""Calls of language models through litellm: their answers as they come, their errors as ours, and what they cost.

litellm takes seconds to import: it is imported at the first call, which is made in a thread.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Column, Float, Integer, String, Table, func, select

from copilot.db.engine import Database, UtcDateTime, metadata
from copilot.errors import ModelFault
from copilot.settings import LlmSettings

calls = Table(
    "model_calls",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("task", String, nullable=False),
    Column("model", String, nullable=False),
    Column("prompt", String, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("usd", Float, nullable=False),
)
WAITS = (1.0, 4.0)
"""Seconds before a call that may succeed later is made again, where the provider names no time."""
LONGEST_WAIT = 20.0
CHARACTERS_A_TOKEN = 4
"""English prose; a budget needs no tokeniser of its own."""


class Said(NamedTuple):
    """One message of a prompt: `role` is system or user (or assistant, when an answer is to be repaired)."""

    role: str
    text: str


class Delta(NamedTuple):
    """The next piece of an answer."""

    text: str


class Again(NamedTuple):
    """What came so far is void: the answer broke off, and another is on its way."""

    why: str


class Answer(NamedTuple):
    """What the model wrote and what it took. `asked` is the model that was asked, `model` the one that says it answered."""

    text: str
    model: str
    tokens: int
    usd: float
    asked: str = ""

    @property
    def from_another(self) -> bool:
        """Whether the provider put another model in the place of the one asked (a dated name is the same model)."""
        asked, model = (name.rpartition("/")[2].partition(":")[0].lower() for name in (self.asked, self.model))
        return bool(asked and model) and not (model.startswith(asked) or asked.startswith(model))


@dataclass
class Allowance:
    """What is left of one draft's budget."""

    tokens: int
    usd: float

    def check(self, tokens: int, usd: float) -> None:
        """Refuse a call that would take more.

        Raises:
            ModelFault: Naming the setting.
        """
        if tokens > self.tokens:
            raise ModelFault(
                f"This draft would take about {tokens:,} tokens, and {self.tokens:,} are left for it.",
                hint="Raise draft_tokens under [llm].",
            )
        if usd > self.usd:
            raise ModelFault(
                f"This draft would cost about {usd:.2f} USD, and {self.usd:.2f} are left for it.",
                hint="Raise draft_usd under [llm].",
            )

    def take(self, answer: Answer) -> None:
        """Count a call."""
        self.tokens -= answer.tokens
        self.usd -= answer.usd


class LlmClient:
    """Calls a model, and those that stand in for it.

    Args:
        models: As litellm names them, `ollama/llama3.1`; the next is asked where one gives no answer.
        settings: The `[llm]` table.
        database: Where what was spent is kept.
        sleep: Waits so many seconds, or less where the caller gave up; None waits for real.
    """

    def __init__(
        self,
        models: Sequence[str],
        settings: LlmSettings,
        database: Database,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.models = tuple(models)
        self.settings = settings
        self.database = database
        self.clock = clock
        self.sleep = sleep

    def complete(self, messages: Sequence[Said], *, task: str, prompt_version: str) -> Answer:
        """The whole answer to one prompt, as JSON text.

        Raises:
            ModelFault: There is none; the message says why, `retryable` whether later may help.
        """
        found = list(self.stream(messages, task=task, prompt_version=prompt_version))
        answer = found[-1]
        assert isinstance(answer, Answer)  # a stream that nobody stopped ends in one
        return answer

    def stream(
        self,
        messages: Sequence[Said],
        *,
        task: str,
        prompt_version: str,
        allowance: Allowance | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Delta | Again | Answer]:
        """The answer as it comes: deltas, then the answer. `Again` between them voids the deltas before it.

        Args:
            allowance: What this call may take.
            stop: Ends the stream early, and without an answer, once it is set.

        Raises:
            ModelFault: No model answered; says why the last one did not.
        """
        stop = stop or threading.Event()
        fault: ModelFault | None = None
        for model in self.models:
            for wait in (*WAITS, None):
                self._within_budget()
                if allowance is not None:
                    tokens = estimate(messages) + self.settings.max_tokens
                    allowance.check(tokens, _price(model, estimate(messages), self.settings.max_tokens))
                begun = False
                try:
                    for piece in self._call(model, messages, stop):
                        begun = True
                        if isinstance(piece, Answer):
                            self._keep(piece, task, prompt_version)
                            if allowance is not None:
                                allowance.take(piece)
                        yield piece
                    return
                except ModelFault as error:
                    fault = error
                    if begun:
                        yield Again(error.message)
                    if wait is None or not error.retryable:
                        break
                    self._wait(min(error.after or wait, LONGEST_WAIT), stop)
                    if stop.is_set():
                        return
        raise fault or ModelFault("No model is set.", hint="Set `model` under [llm].")

    def _wait(self, seconds: float, stop: threading.Event) -> None:
        if self.sleep is not None:
            self.sleep(seconds)
        else:
            stop.wait(seconds)

    def _keep(self, answer: Answer, task: str, prompt_version: str) -> None:
        with self.database.begin(durable=False) as connection:
            connection.execute(
                calls.insert().values(
                    at=self.clock(),
                    task=task,
                    model=answer.model,
                    prompt=prompt_version,
                    tokens=answer.tokens,
                    usd=answer.usd,
                )
            )

    def _within_budget(self) -> None:
        today = self.clock().replace(hour=0, minute=0, second=0, microsecond=0)
        with self.database.read() as connection:
            spent = select(func.coalesce(func.sum(calls.c.tokens), 0), func.coalesce(func.sum(calls.c.usd), 0.0))
            tokens, usd = connection.execute(spent.where(calls.c.at >= today)).one()
        if tokens >= self.settings.daily_tokens or usd >= self.settings.daily_usd:
            raise ModelFault(
                f"The day's budget for models is spent ({tokens:,} tokens, {usd:.2f} USD).",
                hint="Raise daily_tokens or daily_usd under [llm], or wait for tomorrow (UTC).",
            )

    def _call(self, model: str, messages: Sequence[Said], stop: threading.Event) -> Iterator[Delta | Answer]:
        """One call of one model. Raises ModelFault."""
        litellm = _litellm()
        text, finish, usage = "", "", None
        try:
            found: Any = litellm.completion(
                model=model,
                messages=[{"role": m.role, "content": m.text} for m in messages],
                api_base=self.settings.api_base or None,
                temperature=self.settings.temperature,
                timeout=self.settings.timeout_s,
                max_tokens=self.settings.max_tokens,
                response_format={"type": "json_object"},
                stream=True,
                stream_options={"include_usage": True},
                drop_params=True,
                num_retries=0,
                max_retries=0,
            )
            names: list[str] = []
            found.completion_stream = _noting_models(found.completion_stream, names)
            for chunk in found:
                if stop.is_set():
                    return
                usage = getattr(chunk, "usage", None) or usage
                if not chunk.choices:
                    continue
                finish = str(chunk.choices[0].finish_reason or finish)
                delta = chunk.choices[0].delta
                if getattr(delta, "refusal", None):
                    finish = "refusal"
                if piece := str(getattr(delta, "content", "") or ""):
                    text += piece
                    yield Delta(piece)
            if found.received_finish_reason is None and text:  # litellm makes an end where the provider sent none
                finish = ""
        except Exception as error:  # litellm raises the vendors' own errors beside its tree
            raise _translated(error, model) from error
        if finish in ("refusal", "content_filter"):
            raise ModelFault(f"{model} refused to answer.", hint="Another model may do better.")
        if not text.strip():
            raise ModelFault(f"{model} answered nothing.", hint="Another model may do better.")
        if finish == "length":
            raise ModelFault(f"{model} was cut off in its answer.", hint="Raise max_tokens under [llm].")
        if not finish:
            raise ModelFault(f"{model} broke off in its answer.", hint="Try again.", retryable=True)
        prompt = int(getattr(usage, "prompt_tokens", 0) or estimate(messages))
        written = int(getattr(usage, "completion_tokens", 0) or -(-len(text) // CHARACTERS_A_TOKEN))
        name = names[-1] if names else model
        yield Answer(text, name, prompt + written, _price(model, prompt, written), model)


def _noting_models(chunks: Any, names: list[str]) -> Iterator[Any]:
    """The provider's own chunks; who it says answers goes into `names`, since litellm puts the name asked in its place."""
    for chunk in chunks:
        if name := getattr(chunk, "model", None):
            names.append(str(name))
        yield chunk


def estimate(messages: Sequence[Said]) -> int:
    """About how many tokens a prompt takes."""
    return sum(-(-len(m.text) // CHARACTERS_A_TOKEN) for m in messages)


def _litellm() -> Any:
    """litellm, kept from fetching its price list and from printing."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).handlers.clear()
    return litellm


def preload() -> None:
    """Import litellm now: in a thread, before anybody waits for it."""
    _litellm()


def _price(model: str, prompt: int, written: int) -> float:
    """US dollars, or 0 where the price is not known."""
    try:
        return float(sum(_litellm().cost_per_token(model=model, prompt_tokens=prompt, completion_tokens=written)))
    except Exception:  # noqa: BLE001 - whatever it raises, it means that no price is known
        return 0.0


def _translated(error: Exception, model: str) -> ModelFault:
    """The vendor's error as one of ours."""
    name, status = type(error).__name__, getattr(error, "status_code", None)
    if name == "MidStreamFallbackError" and re.search("time(d )?out", str(error), re.IGNORECASE):
        name = "Timeout"
    if name == "AuthenticationError" or status in (401, 403):
        return ModelFault(
            f"{model}: the provider refused the key.", hint="Set its key in the environment, as litellm documents it."
        )
    if name == "RateLimitError" or status == 429:
        return ModelFault(
            f"{model}: too many calls for now.", hint="Wait a little.", retryable=True, after=_after(error)
        )
    if name == "ContextWindowExceededError":
        return ModelFault(
            f"{model}: the conversation is too long for it.",
            hint="Lower prompt_tokens under [llm], or choose a model with a larger context.",
        )
    if name == "ContentPolicyViolationError":
        return ModelFault(f"{model} refused to answer.", hint="Another model may do better.")
    if "Timeout" in name or status == 408:
        return ModelFault(f"{model} did not answer in time.", hint="Raise timeout_s under [llm].", retryable=True)
    if name == "NotFoundError" or status == 404:
        return ModelFault(f"{model}: the provider has no such model.", hint="Check the name, and api_base under [llm].")
    if name == "MidStreamFallbackError" or "RemoteProtocol" in name:
        return ModelFault(f"{model} broke off in its answer.", hint="Try again.", retryable=True)
    if status is not None and int(status) >= 500:
        return ModelFault(
            f"{model}: the provider has a fault of its own ({name}).", hint="Try again later.", retryable=True
        )
    return ModelFault(
        f"{model} cannot be reached or refused the call ({name}).", hint="`delight doctor` says what is set."
    )


def _after(error: Exception) -> float | None:
    """The provider's Retry-After in seconds."""
    headers = getattr(error, "litellm_response_headers", None) or getattr(
        getattr(error, "response", None), "headers", {}
    )
    try:
        return float((headers or {}).get("retry-after", ""))
    except ValueError:
        return None
