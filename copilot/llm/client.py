"""One call of a language model through litellm: its errors are translated here, and what it cost is counted here.

litellm takes seconds to import: it is imported at the first call, which is made in a thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
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


class Answer(NamedTuple):
    """What the model wrote and what it took."""

    text: str
    model: str
    tokens: int
    usd: float


class LlmClient:
    """Calls one model.

    Args:
        model: As litellm names it, `ollama/llama3.1`.
        settings: The `[llm]` table.
        database: Where what was spent is kept.
    """

    def __init__(
        self,
        model: str,
        settings: LlmSettings,
        database: Database,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.model = model
        self.settings = settings
        self.database = database
        self.clock = clock
        self.sleep = sleep

    def complete(self, prompt: str, *, task: str, prompt_version: str) -> Answer:
        """The model's answer to one prompt, as JSON text.

        Raises:
            ModelFault: There is none; the message says why, `retryable` whether later may help.
        """
        self._within_budget()
        for wait in (*WAITS, None):
            try:
                answer = self._call(prompt)
                break
            except ModelFault as error:
                if wait is None or not error.retryable:
                    raise
                self.sleep(min(error.after or wait, LONGEST_WAIT))
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
        return answer

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

    def _call(self, prompt: str) -> Answer:
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        import litellm

        litellm.suppress_debug_info = True
        try:
            found: Any = litellm.completion(
                model=self.model,
                messages=[{"role": "user", "content": prompt}],
                api_base=self.settings.api_base or None,
                temperature=self.settings.temperature,
                timeout=self.settings.timeout_s,
                max_tokens=self.settings.max_tokens,
                num_retries=0,
                max_retries=0,
            )
        except Exception as error:  # litellm raises the vendors' own errors beside its tree
            raise _translated(error, self.model) from error
        choice = found.choices[0]
        text = str(choice.message.content or "")
        if not text.strip():
            raise ModelFault(f"{self.model} answered nothing.", hint="Another model may do better.")
        if choice.finish_reason == "length":
            raise ModelFault(f"{self.model} was cut off in its answer.", hint="Raise max_tokens under [llm].")
        usage = getattr(found, "usage", None)
        cost = float(getattr(found, "_hidden_params", {}).get("response_cost") or 0.0)
        return Answer(text, str(found.model or self.model), int(getattr(usage, "total_tokens", 0) or 0), cost)


def _translated(error: Exception, model: str) -> ModelFault:
    """The vendor's error as one of ours."""
    name, status = type(error).__name__, getattr(error, "status_code", None)
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
            f"{model}: the conversation is too long for it.", hint="Choose a model with a larger context."
        )
    if "Timeout" in name or status == 408:
        return ModelFault(f"{model} did not answer in time.", hint="Raise timeout_s under [llm].", retryable=True)
    if name == "NotFoundError" or status == 404:
        return ModelFault(f"{model}: the provider has no such model.", hint="Check the name, and api_base under [llm].")
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
