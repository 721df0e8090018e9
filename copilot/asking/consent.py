"""Reads the texts of the customer's page, and of what is written to them beside it: `playbooks/consent/<language>.md`, one
heading a text, all of them there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from copilot.errors import PageError
from copilot.playbook.frontmatter import Stamp, read_page, split, stamp, validate
from copilot.tickets.models import Model

FOLDER = "consent"
HEADING = re.compile(r"^##\s+(\S+)\s*$")
SLOT = re.compile(r"\{([a-z_.]+)\}")
SLOTS = frozenset(
    [
        "company.name",
        "agent.name",
        "customer.first_name",
        "customer.company",
        "disclosure",
        "date",
        "place",
        "words",
        "link",
    ]
)
KEYS = (
    "title", "greeting", "intro", "words", "words_help", "original", "name", "name_full", "name_first", "name_initials",
    "name_anonymous", "company", "company_yes", "company_no", "places", "places_help", "place_website", "place_social",
    "place_sales", "place_internal", "until", "until_one", "until_two", "until_open", "disclosure", "free", "yes", "no",
    "never", "problem", "problem_words", "problem_long", "problem_name", "problem_company", "problem_places",
    "problem_until", "done_yes_title", "done_yes", "done_no_title", "done_no", "done_never_title", "done_never", "agreed",
    "agreed_on", "appears", "runs_until", "shown_as", "published", "not_published", "copy", "copy_help", "post", "post_help", "referral",
    "referral_help", "take_back", "take_back_help", "withdraw",
    "withdrawn_title", "withdrawn", "removed", "being_removed", "gone_title", "gone", "privacy", "remind", "remind_again", "remind_link", "remind_end", "again",
    "again_link", "again_reply", "again_title", "again_intro", "again_before", "again_no", "again_never",
)  # fmt: skip


class Matter(Model):
    """Front matter of a file of texts."""

    locale: str = Field(pattern="^[a-z]{2}$")
    language: str
    version: str = Field(min_length=1)


class Texts(NamedTuple):
    """The page's texts in one language."""

    locale: str
    language: str
    version: str
    texts: Mapping[str, str]

    def say(self, key: str, values: Mapping[str, str]) -> str:
        """One text, its slots filled; a slot without a value says nothing."""
        return SLOT.sub(lambda match: values.get(match.group(1), ""), self.texts[key])


def load_texts(playbooks: Path) -> dict[str, Texts]:
    """Every language of the page, by its two letters.

    Raises:
        PageError: A text is missing or doubled, a slot unknown, or there is no English.
    """
    folder = playbooks / FOLDER
    found: dict[str, Texts] = {}
    for path in sorted(path for path in folder.glob("*.md") if path.name != "README.md"):
        texts = _read(path, stamp(path))
        if texts.locale in found:
            shown = f"{playbooks.name}/{FOLDER}/{path.name}"
            raise PageError(shown, 2, f"locale `{texts.locale}`, which another file has", "one file a language")
        found[texts.locale] = texts
    if "en" not in found:
        raise PageError(
            f"{playbooks.name}/{FOLDER}/en.md", 1, "no such file", "the English texts of the customer's page"
        )
    return found


@cache
def _read(path: Path, _stamp: Stamp) -> Texts:
    shown = f"{path.parent.parent.name}/{FOLDER}/{path.name}"
    text = read_page(path)
    values, body, first_line = split(shown, text)
    matter = validate(shown, text, Matter, values)
    texts: dict[str, list[str]] = {}
    key = ""
    for number, line in enumerate(body.split("\n"), start=first_line):
        if (heading := HEADING.match(line)) is not None:
            key = heading.group(1)
            if key not in KEYS or key in texts:
                known = "one heading for each of " + ", ".join(KEYS)
                raise PageError(shown, number, f"`## {key}`", known)
            texts[key] = []
        elif line.lstrip().startswith("#"):
            raise PageError(shown, number, f"`{line.strip()}`", "`## ` and the name of one text")
        elif key:
            strange = [slot for slot in SLOT.findall(line) if slot not in SLOTS]
            if strange or any(brace in SLOT.sub("", line) for brace in "{}"):
                found = f"{{{strange[0]}}}" if strange else f"a brace in `{line.strip()}`"
                raise PageError(shown, number, found, "one of " + ", ".join(f"{{{slot}}}" for slot in sorted(SLOTS)))
            texts[key].append(line)
    made = {name: "\n".join(lines).strip() for name, lines in texts.items()}
    if missing := [name for name in KEYS if not made.get(name)]:
        raise PageError(shown, 1, f"no text under `## {missing[0]}`", "a text for every heading of the page")
    return Texts(matter.locale, matter.language, matter.version, made)
