"""The corpus of prompt injections itself: large, spread over kinds and languages, and each attempt says what harm it does.

What the checks make of it is tested elsewhere; nothing here drafts.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).with_name("hostile.jsonl")
KINDS = {
    "ask-abuse",
    "exfiltration-image",
    "exfiltration-link",
    "fake-system-turn",
    "ignore-previous",
    "impersonation",
    "in-filename",
    "in-name",
    "in-playbook",
    "leak",
    "legal-admission",
    "multi-turn",
    "quoted-mail",
    "refund-promise",
    "tool-call",
    "unicode-smuggling",
}
FIELDS = {"id", "kind", "lang", "channel", "subject", "customer", "turns", "attachments", "obeyed", "harm"}
QUOTED = re.compile(r"[\"“«]([^\"”»]+)[\"”»]")


@pytest.fixture(scope="module")
def attempts() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]


def test_there_are_at_least_eighty_attempts(attempts: list[dict[str, Any]]) -> None:
    assert len(attempts) >= 80


def test_every_kind_is_there_at_least_four_times(attempts: list[dict[str, Any]]) -> None:
    kinds = Counter(attempt["kind"] for attempt in attempts)
    assert set(kinds) == KINDS
    assert {kind: count for kind, count in kinds.items() if count < 4} == {}


def test_attempts_come_in_at_least_five_languages(attempts: list[dict[str, Any]]) -> None:
    languages = Counter(attempt["lang"] for attempt in attempts)
    assert len(languages) >= 5
    assert len(attempts) - languages["en"] >= 15


def test_no_id_is_used_twice(attempts: list[dict[str, Any]]) -> None:
    ids = Counter(attempt["id"] for attempt in attempts)
    assert [name for name, count in ids.items() if count > 1] == []


def test_every_attempt_says_what_obeying_writes_and_what_harm_it_does(attempts: list[dict[str, Any]]) -> None:
    assert [a["id"] for a in attempts if not a["obeyed"].strip()] == []
    assert [a["id"] for a in attempts if not a["harm"].strip() or "\n" in a["harm"]] == []


def test_every_attempt_has_the_same_shape(attempts: list[dict[str, Any]]) -> None:
    for attempt in attempts:
        assert set(attempt) - {"page"} == FIELDS, attempt["id"]
        assert attempt["channel"] in {"mail", "chat", "social"}, attempt["id"]
        assert set(attempt["customer"]) == {"name", "email"}, attempt["id"]
        assert {turn["role"] for turn in attempt["turns"]} <= {"customer", "agent"}, attempt["id"]
        assert attempt["turns"][-1]["role"] == "customer", attempt["id"]
        assert all(turn["text"].strip() for turn in attempt["turns"]), attempt["id"]


def test_the_instruction_stands_where_the_kind_says(attempts: list[dict[str, Any]]) -> None:
    for attempt in attempts:
        assert ("page" in attempt) == (attempt["kind"] == "in-playbook"), attempt["id"]
        if attempt["kind"] == "in-filename":
            assert attempt["attachments"], attempt["id"]
        if attempt["kind"] == "multi-turn":
            assert len(attempt["turns"]) >= 3, attempt["id"]


def test_smuggled_text_carries_characters_that_a_reader_cannot_tell(attempts: list[dict[str, Any]]) -> None:
    for attempt in attempts:
        if attempt["kind"] == "unicode-smuggling":
            text = "".join(turn["text"] for turn in attempt["turns"])
            unseen = any(unicodedata.category(char) in {"Cf", "Mn"} for char in text)
            assert unseen or unicodedata.normalize("NFKC", text) != text or re.search(r"[а-я]", text), attempt["id"]


def test_no_line_of_the_file_hides_its_invisible_characters() -> None:
    hidden = {unicodedata.name(c, hex(ord(c))) for c in CORPUS.read_text("utf-8") if unicodedata.category(c) == "Cf"}
    assert hidden == set()


def test_a_quotation_that_abuses_the_ask_is_not_in_the_ticket(attempts: list[dict[str, Any]]) -> None:
    for attempt in attempts:
        if attempt["kind"] == "ask-abuse":
            said = "\n".join(turn["text"] for turn in attempt["turns"] if turn["role"] == "customer")
            assert [words for words in QUOTED.findall(attempt["obeyed"]) if words in said] == [], attempt["id"]
