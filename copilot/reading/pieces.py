"""What the reading model sees of a message: its sentences spelled plainly and cut into tokens, and two turns before it.

Handles, links, emoji and stretched words are spelled so that a network of 2020 knows them; nothing that a person wrote
is taken away. Training and reading share this module.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from copilot.text import sentences
from copilot.tickets.models import Message

URL = re.compile(r"https?://\S+|www\.\S+")
HANDLE = re.compile(r"@\w+")
STRETCHED = re.compile(r"(\w)\1{3,}")
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
TARGET_TOKENS = 128
"""Of a longer message the first and the last half: people begin with what happened and end with how they feel."""
LAST_TURN, EARLIER_TURN = (12, 28), (8, 16)
"""Tokens that are kept of the turn before the message, and of the one before that: of its beginning and of its end, where
agents and those who ask for something put their question."""
MAX_SENTENCES = 60
"""Sentences that are looked at for evidence, the first and the last ones of a longer message."""
WINDOW_TOKENS, PART = 48, 160
"""Tokens of a window in which a part of a long message is read, few enough that one grave sentence among calm ones is heard;
and characters after which a sentence without an end is parted for it."""

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
        context: Tokens of the two turns before it, or of the ask that it answers.
        left_out: Start and end of the sentences in the middle of which something was left out.
    """

    spans: tuple[tuple[int, int], ...]
    bounds: tuple[tuple[int, int], ...]
    ids: list[int]
    context: list[int]
    left_out: tuple[int, int] | None = None


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
    """The last turn of each thread in the light of the two turns before it."""
    before = [[f"{turn.role}: {turn.text}" for turn in turns[-3:-1]] for turns in threads]
    contexts = [(said[0] if len(said) > 1 else "", said[-1] if said else "") for said in before]
    return cut([turns[-1].text for turns in threads], contexts, tokenise)


def answers_of(pairs: Sequence[tuple[str, str]], tokenise: Tokenise) -> list[Pieces]:
    """Replies in the light of the asks they answer; each pair is (ask, reply)."""
    return cut([reply for _, reply in pairs], [("", f"ask: {ask}") for ask, _ in pairs], tokenise)


def cut(texts: Sequence[str], contexts: Sequence[tuple[str, str]], tokenise: Tokenise) -> list[Pieces]:
    """Tokens of texts and contexts, long ones shortened, in one call of the tokeniser.

    Args:
        contexts: Of each text the turn before it, second, and the one before that, first; "" where there is none.
    """
    spans = [_spans(text) for text in texts]
    parts = [spell(text[start:end]) for text, found in zip(texts, spans, strict=True) for start, end in found]
    tokens = tokenise([*parts, *(spell(turn) for context in contexts for turn in context)])
    out, at, behind = [], 0, len(parts)
    for found, earlier, last in zip(spans, tokens[behind::2], tokens[behind + 1 :: 2], strict=True):
        ids, bounds, lost = _joined(tokens[at : at + len(found)])
        context = _shortened(earlier, *EARLIER_TURN) + _shortened(last, *LAST_TURN)
        left_out = (found[lost[0]][0], found[lost[-1]][1]) if lost else None
        out.append(Pieces(found, bounds, ids, context, left_out))
        at += len(found)
    return out


def windows_of(text: str, within: tuple[int, int], tokenise: Tokenise) -> list[Pieces]:
    """A part of a message as windows that the model can read whole, each of whole sentences where they fit."""
    first, last = within
    inside = text[first:last]
    spans = [(first + start, first + end) for sentence in sentences(inside) for start, end in _parts(inside, *sentence)]
    tokens = tokenise([spell(text[start:end]) for start, end in spans])
    windows: list[Pieces] = []
    at = 0
    while at < len(spans):
        ids, bounds, begin = tokens[at][:WINDOW_TOKENS], [(0, min(len(tokens[at]), WINDOW_TOKENS))], at
        at += 1
        while at < len(spans) and len(ids) + len(tokens[at]) <= WINDOW_TOKENS:
            bounds.append((len(ids), len(ids) + len(tokens[at])))
            ids = ids + tokens[at]
            at += 1
        windows.append(Pieces(tuple(spans[begin:at]), tuple(bounds), ids, []))
    return windows


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence, parted between words where it is very long."""
    while end - start > PART and (place := text.find(" ", start + PART, end)) > 0:
        yield start, place
        start = place + 1
    yield start, end


def _spans(text: str) -> tuple[tuple[int, int], ...]:
    """The sentences of `text`; of very many the first and the last, with what is between them as one."""
    found = list(sentences(text))
    half = MAX_SENTENCES // 2
    if len(found) > MAX_SENTENCES:
        found[half : 1 - half] = [(found[half][0], found[-half][1])]
    return tuple(found)


def _shortened(tokens: list[int], first: int, last: int) -> list[int]:
    return tokens if len(tokens) <= first + last else tokens[:first] + tokens[-last:]


def _joined(sentence_tokens: Sequence[list[int]]) -> tuple[list[int], tuple[tuple[int, int], ...], list[int]]:
    """The tokens of all sentences, the middle of a long message left out, where each stands in them, and which lost some."""
    ids: list[int] = []
    bounds = []
    for tokens in sentence_tokens:
        bounds.append((len(ids), len(ids) + len(tokens)))
        ids += tokens
    half, surplus = TARGET_TOKENS // 2, max(len(ids) - TARGET_TOKENS, 0)
    lost = [k for k, (start, end) in enumerate(bounds) if surplus and start < half + surplus and end > half]
    if len(bounds) == MAX_SENTENCES:  # the one in the middle may be many: it is no evidence
        bounds[MAX_SENTENCES // 2] = (bounds[MAX_SENTENCES // 2][0],) * 2
    if not surplus:
        return ids, tuple(bounds), lost

    def moved(place: int) -> int:
        return place if place <= half else max(half, place - surplus)

    return ids[:half] + ids[-half:], tuple((moved(start), moved(end)) for start, end in bounds), lost
