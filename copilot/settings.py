"""What an operator can set: `delight.toml` in the workspace, `DELIGHT_*` in the environment, flags on top.

Every setting is documented here, where it is declared; `delight init` and `delight doctor` print these texts.
What must not live here: secrets. Keys come from the environment of the vendor's own library and are never stored.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as VendorError

from copilot.errors import SettingsError

FILE_NAME = "delight.toml"
ActionKeys = dict[str, str]


class QueueSettings(BaseModel):
    """One queue that `delight sync` reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(
        description="File or folder, relative to the workspace: .jsonl, .csv, .mbox, a Maildir, .eml files."
    )
    kind: Literal["auto", "jsonl", "csv", "mbox", "maildir", "eml"] = Field(
        default="auto", description="What the path holds; `auto` looks at it."
    )


class LlmSettings(BaseModel):
    """Language models: which one drafts, which ones stand in for it, how they are called, and what they may cost."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        default="",
        description='The model that drafts, as litellm names it: "ollama/llama3.1", "anthropic/…", "openai/…"; empty drafts '
        "offline. Its key comes from the environment.",
    )
    story_model: str = Field(
        default="",
        description="The model that words the frame of a story (hook, moment, what we did); empty is `model`. Its quote, "
        "and the words of an ask, never come from a model.",
    )
    fallbacks: tuple[str, ...] = Field(
        default=(), description="Models that are asked in this order when the one before gives no answer."
    )
    api_base: str = Field(
        default="", description="Address of an OpenAI-compatible server; empty is the provider's own."
    )
    temperature: float = Field(default=0.0, ge=0, le=2, description="0 is the steadiest.")
    max_tokens: int = Field(default=800, gt=0, description="Longest answer.")
    prompt_tokens: int = Field(
        default=6_000,
        ge=500,
        description="Longest prompt, about four characters a token; the oldest turns are left out first.",
    )
    timeout_s: float = Field(
        default=30.0, gt=0, description="Seconds to wait for an answer, and amid one for its next piece."
    )
    draft_tokens: int = Field(default=20_000, ge=0, description="Tokens that one draft may take, repairs included.")
    draft_usd: float = Field(default=0.25, ge=0, description="Cost of one draft in US dollars, where it is known.")
    daily_tokens: int = Field(default=500_000, ge=0, description="Tokens of all calls in a day (UTC).")
    daily_usd: float = Field(
        default=5.0, ge=0, description="Cost of all calls in a day (UTC), in US dollars, where it is known."
    )
    trusted: bool = Field(
        default=False, description="The model runs on your own machines: personal data is not replaced by placeholders."
    )

    def models(self, first: str) -> tuple[str, ...]:
        """`first` and what stands in for it; empty where there is none."""
        return tuple(dict.fromkeys((first, *self.fallbacks))) if first else ()


class ReadingSettings(BaseModel):
    """How conversations are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        default="",
        description="A language model, as litellm names it, that reads beside the offline reader; empty reads offline. "
        "Its key comes from the environment.",
    )


class WebSettings(BaseModel):
    """The web desk and the customer's page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Where `delight serve` listens; this machine alone by default.")
    port: int = Field(default=8765, ge=0, le=65535, description="Its port.")
    public_url: str = Field(
        default="",
        description="Address under which customers reach this server, https://…; without it an ask has no link and is "
        "answered by reply.",
    )
    referred_to: str = Field(default="", description="Where a customer's referral link leads; empty makes none.")
    wall: bool = Field(default=True, description="Whether /wall shows released stories to everybody.")
    private_webhooks: bool = Field(
        default=False, description="Whether webhooks may be on this machine and in private networks."
    )
    proxies: str = Field(
        default="", description="Addresses of proxies whose X-Forwarded headers are believed, comma separated."
    )
    oidc_issuer: str = Field(
        default="", description="OpenID provider that people of the team sign in by; empty: passwords only."
    )
    oidc_client_id: str = Field(
        default="", description="Our id there; its secret comes from DELIGHT_OIDC_SECRET in the environment."
    )


class Settings(BaseSettings):
    """All settings of one workspace. Paths are relative to the workspace unless absolute."""

    model_config = SettingsConfigDict(env_prefix="DELIGHT_", env_nested_delimiter="__", extra="forbid", frozen=True)

    workspace: Path = Field(default=Path(), description="The folder that holds delight.toml and all that is written.")
    agent: str = Field(default="", description="Your name: signs drafts and is recorded with every action.")
    company: str = Field(default="our company", description="Fills {company.name}.")
    team: str = Field(default="the support team", description="Fills {team.name}.")
    team_address: str = Field(
        default="support@localhost",
        description="From address of replies written to the outbox, and how own mail is known.",
    )
    playbooks: Path = Field(default=Path("playbooks"), description="Folder of markdown pages.")
    prompts: Path = Field(default=Path("prompts"), description="Folder of prompt templates.")
    index: Path = Field(
        default=Path("index"), description="Folder of what is built from the playbooks; can be deleted."
    )
    database: Path = Field(default=Path("delight.db"), description="The SQLite file.")
    outbox: Path = Field(
        default=Path("outbox"), description="Where replies to queues of files are written, one .eml each."
    )
    encoder: str = Field(
        default="bundled",
        description="Sentence encoder: `bundled`, or the folder of any sentence-transformers model. "
        "The shipped heads fit the bundled one only; another encoder serves the search of the playbook.",
    )
    llm: LlmSettings = Field(default_factory=LlmSettings, description="How language models are called.")
    reading: ReadingSettings = Field(default_factory=ReadingSettings, description="How conversations are read.")
    web: WebSettings = Field(default_factory=WebSettings, description="The web desk and the customer's page.")
    queues: dict[str, QueueSettings] = Field(default_factory=dict, description="Queues by name.")
    keys: ActionKeys = Field(default_factory=dict, description="Keys by action, as `delight actions` lists them.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags and environment only: `load` passes the file's values beneath them."""
        del settings_cls, dotenv_settings, file_secret_settings  # pydantic fixes the parameters
        return init_settings, env_settings

    def resolve(self, path: Path) -> Path:
        """`path` made absolute against the workspace."""
        return path if path.is_absolute() else (self.workspace / path).resolve()


def load(workspace: Path, **flags: Any) -> Settings:
    """Read the settings of a workspace.

    Args:
        workspace: The folder; it need not hold a `delight.toml`.
        flags: Values from the command line; None means not given.

    Raises:
        SettingsError: The file does not parse, or a value is unknown or wrong; file, line or field is named.
    """
    path = workspace / FILE_NAME
    stored: dict[str, Any] = {}
    if path.exists():
        try:
            stored = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{path} is not valid TOML: {error}.", hint="Mend the line, or move the file away."
            ) from error
        except OSError as error:
            raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    given = {name: value for name, value in flags.items() if value is not None}
    stored = {name: value for name, value in stored.items() if name not in _from_environment()}
    try:
        return Settings(**{**stored, **given, "workspace": workspace.resolve()})
    except VendorError as error:
        raise SettingsError(f"The environment: {error}.", hint="A table is written as JSON.") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        where = path if str(first["loc"][0]) in stored else f"DELIGHT_{field.upper().replace('.', '__')}"
        raise SettingsError(
            f"{where}: `{field}`: {first['msg']}.",
            hint=f"Known settings: {', '.join(name for name in Settings.model_fields if name != 'workspace')}.",
        ) from error


def _from_environment() -> set[str]:
    import os

    prefix = "DELIGHT_"
    return {name[len(prefix) :].split("__")[0].lower() for name in os.environ if name.upper().startswith(prefix)}


TABLES: dict[str, type[BaseModel]] = {"llm": LlmSettings, "reading": ReadingSettings, "web": WebSettings}
"""Settings that are tables of their own."""


def template(**values: str) -> str:
    """A `delight.toml` with every setting explained; `values` are written, the rest stands commented out."""
    lines = ["# Settings of this workspace. DELIGHT_<NAME> in the environment wins over this file.", ""]
    for name, field in Settings.model_fields.items():
        if name in ("workspace", "queues", "keys", *TABLES):
            continue
        lines.append(f"# {field.description}")
        value = values.get(name, str(field.default))
        # A TOML string is written as a JSON one, but for DEL.
        quoted = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        lines += [f"{'' if name in values else '# '}{name} = {quoted}", ""]
    for name, table in TABLES.items():
        lines += [f"# {Settings.model_fields[name].description}", f"# [{name}]"]
        for key, inner in table.model_fields.items():
            lines += [f"# {inner.description}", f"# {key} = {json.dumps(inner.default)}"]
        lines.append("")
    lines += ["# One table a queue; `delight sync` reads them all.", "# [queues.support]", '# path = "mail/"', ""]
    lines += ["# Keys by action; `delight actions` lists the actions.", "# [keys]", '# draft = "f4"', ""]
    return "\n".join(lines)
