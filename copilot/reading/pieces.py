"""What the reading model sees of a message: its sentences spelled plainly and cut into tokens, and the turn before it.

Handles, links, emoji and stretched words are spelled so that a network of 2020 knows them; nothing that a person wrote
is taken away. Training and reading share this module.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

from copilot.text import sentences
from copilot.tickets.models import Message

URL = re.compile(r"https?://\S+|www\.\S+")
HANDLE = re.compile(r"@\w+")
STRETCHED = re.compile(r"(\w)\1{3,}")
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
TARGET_TOKENS = 128
"""Of a longer message the first and the last half: people begin with what happened and end with how they feel."""
CONTEXT_TOKENS = 40
MAX_SENTENCES = 60
"""Sentences that are looked at for evidence; the last holds the rest of the message."""

Tokenise = Callable[[Sequence[str]], list[list[int]]]
"""Texts to token ids, without special tokens."""


class Turn(NamedTuple):
    """One message as the model sees it."""

    role: str
    text: str


class Pieces(NamedTuple):
    """A message ready for the model.

    Attributes:
        spans: (start, end) offsets of the message's sentences.
        bounds: For each sentence its first and its last-plus-one token in `ids`; equal where it was cut away.
        ids: Tokens of the message.
        context: Tokens of the turn before it, or of the ask that it answers.
    """

    spans: tuple[tuple[int, int], ...]
    bounds: tuple[tuple[int, int], ...]
    ids: list[int]
    context: list[int]


def thread_of(messages: Sequence[Message]) -> list[Turn]:
    """The turns of a thread that a customer and an agent wrote to each other."""
    return [Turn(m.role, m.text) for m in messages if m.public and not m.automatic and m.role != "system"]


def spell(text: str) -> str:
    """`text` in words that the tokeniser knows."""
    text = HANDLE.sub("@user", URL.sub("http", text))
    for entity, sign in ENTITIES.items():
        text = text.replace(entity, sign)
    text = STRETCHED.sub(r"\1\1\1", text)
    return text if text.isascii() else "".join(_spelled(c) for c in text)


def _spelled(character: str) -> str:
    if ord(character) < 0x2600 or unicodedata.category(character) != "So":
        return character
    return f" {unicodedata.name(character, '').lower()} "


def pieces_of(threads: Sequence[Sequence[Turn]], tokenise: Tokenise) -> list[Pieces]:
    """The last turn of each thread in the light of the turn before it."""
    contexts = [f"{turns[-2].role}: {turns[-2].text}" if len(turns) > 1 else "" for turns in threads]
    return cut([turns[-1].text for turns in threads], contexts, tokenise)


def answers_of(pairs: Sequence[tuple[str, str]], tokenise: Tokenise) -> list[Pieces]:
    """Replies in the light of the asks they answer; each pair is (ask, reply)."""
    return cut([reply for _, reply in pairs], [f"ask: {ask}" for ask, _ in pairs], tokenise)


def cut(texts: Sequence[str], contexts: Sequence[str], tokenise: Tokenise) -> list[Pieces]:
    """Tokens of texts and contexts, long ones shortened, in one call of the tokeniser."""
    spans = [_spans(text) for text in texts]
    parts = [spell(text[start:end]) for text, found in zip(texts, spans, strict=True) for start, end in found]
    tokens = tokenise([*parts, *(spell(context) for context in contexts)])
    out, at = [], 0
    for found, context in zip(spans, tokens[len(parts) :], strict=True):
        ids, bounds = _joined(tokens[at : at + len(found)])
        out.append(Pieces(found, bounds, ids, context[:CONTEXT_TOKENS]))
        at += len(found)
    return out


def _spans(text: str) -> tuple[tuple[int, int], ...]:
    found = list(sentences(text))
    if len(found) > MAX_SENTENCES:
        found[MAX_SENTENCES - 1 :] = [(found[MAX_SENTENCES - 1][0], found[-1][1])]
    return tuple(found)


def _joined(sentence_tokens: Sequence[list[int]]) -> tuple[list[int], tuple[tuple[int, int], ...]]:
    """The tokens of all sentences, the middle of a long message left out, and where each sentence stands in them."""
    ids: list[int] = []
    bounds = []
    for tokens in sentence_tokens:
        bounds.append((len(ids), len(ids) + len(tokens)))
        ids += tokens
    surplus = len(ids) - TARGET_TOKENS
    if surplus <= 0:
        return ids, tuple(bounds)
    half = TARGET_TOKENS // 2

    def moved(place: int) -> int:
        return place if place <= half else max(half, place - surplus)

    return ids[:half] + ids[-half:], tuple((moved(start), moved(end)) for start, end in bounds)
