"""Checks of what a model wrote: each sentence rests on a page, the team's own words or a courtesy, or a person makes it theirs.

An attack in a ticket can make a model say anything; whatever it says then stands on nothing that is ours. So the words of a
model are not searched for harm alone: a sentence that no page and no message of the team supports stops the draft until a
person has put their hand to it. Secrets asked for or given away stop anybody's draft.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from copilot.drafting.context import CheckContext, finding
from copilot.drafting.models import DraftFinding
from copilot.playbook.slots import BLANK
from copilot.text import sentences

WORD = re.compile(r"[^\W\d_]{3,}")
STEM = 5
"""Letters by which two words count as the same: promise, promised, promises."""
SUPPORTED = 0.6
"""Share of a sentence's words that must stand in our pages or messages."""
LONGEST_GREETING = 6
COMMON = frozenset(
    """the and for you your yours our ours with this that these those have has had are was were will would can could shall should may might
    not but all any its from about what when where which who how why there here they them their then than been being into over just also very
    more most some such only once again please thank thanks hello dear best regards wishes kind team help let know get got one two now see out
    off too his her him she does did done because""".split()  # noqa: SIM905 - a list of words reads best as words
)
"""Words that carry no claim."""
COURTESY = re.compile(
    r"\A\W*(?:thank(?:s| you)\b|i(?:['’]m| am) (?:so |very |really |truly )?sorry\b|we(?:['’]re| are) (?:so |very |really |truly )?sorry\b|sorry\b|apolog\w+|(?:i|we) (?:can |do )?(?:understand|see|hear|appreciate|know|realise|realize)\b(?! to)"
    r"|i have read\b|i(?:['’]ve| have) (?:looked|noted)\b|it (?:is|was|must|sounds|makes)\b|that (?:is|was|must|sounds)\b|(?:you|your) (?:wrote|mention|message|note|say|said|describe)\w*\b"
    r"|(?:vielen |herzlichen )?dank\w*\b|es tut (?:mir|uns)\b|ich (?:verstehe|kann verstehen)\b|merci\b|(?:je suis|nous sommes) (?:vraiment )?désol|gracias\b|(?:lo siento|lamento|lamentamos)\b|grazie\b|mi dispiace\b)",
    re.IGNORECASE,
)
"""A sentence that begins so thanks, is sorry, or repeats what the customer said: it claims nothing for the house."""
GREETS = re.compile(
    r"\A\W*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|hallo|guten (?:tag|morgen|abend)|liebe\w?|sehr geehrte\w*|bonjour|bonsoir|hola|buenos|buenas|ciao|buongiorno|gentile|caro|cara|dag|beste|madame|monsieur|estimad\w+|chère?)\b",
    re.IGNORECASE,
)
SIGNS = re.compile(
    r"\A\W*(?:best|kind|warm|with|many|all the|yours|sincerely|regards|cheers|take care|thanks|thank you|viele|mit|herzliche|freundliche|liebe|bien|cordialement|un saludo|saludos|cordiali|un saluto|[A-Z][\w.]*(?:\n| ?[A-Z][\w.]*)*\Z)",
    re.IGNORECASE,
)
HOUSE = re.compile(
    r"\b(?:we|our|us|i['’]ll|i will|wir|unser\w*|nous|notre|nos|nosotros|nuestr\w+|noi|nostr\w+)\b", re.IGNORECASE
)
MARKUP = re.compile(
    r"<\|[^|>]*\|?>|\{\s*\"\w+\"\s*:|```|^\s*(?:SYSTEM|ASSISTANT|USER|TOOL)\s*:|\[/?INST\]|</?(?:system|tool|function|instructions?)\b|tool_calls?\b",
    re.IGNORECASE | re.MULTILINE,
)
SECRET = (
    r"(?:passwords?|passcodes?|passwort|kennwort|mot de passe|contraseña|password|pins?\b|cvv|cvc|security code|card (?:number|details|data)|(?:full |credit |debit |bank )*card numbers?|"
    r"three digits|login code|one[- ]time code|verification code|(?:override |access |api )?tokens?|kartennummer\w*|numéro de carte|numero di carta|número de (?:la )?tarjeta|银行卡号|密码|код входа|пароль)"
)
ASKS_SECRET = re.compile(
    rf"\b(?:send|tell|give|share|provide|mail|email|reply with|enter|type|confirm|need|invii|envíe|envoyez|senden sie|schicken sie|发)\b[^.!?\n]{{0,80}}{SECRET}|{SECRET}[^.!?\n]{{0,30}}\b(?:to me|to us|here in|in (?:the|this) chat|an uns)\b",
    re.IGNORECASE,
)
GIVES_SECRET = re.compile(
    rf"{SECRET}(?:[^.!?\n]{{0,40}})(?:\bis\b|:|=|\blautet\b|\best\b|\bes\b|为|是)\s*\S*\d", re.IGNORECASE
)
NEVER_SECRET = re.compile(
    r"\b(?:never|not|\w+n['’]t|without|nobody|no one|nie|niemals|nicht|kein\w*|jamais|nunca|reset|forgot|change|new password|choose|link|vergessen|oublié)\b",
    re.IGNORECASE,
)


def unsupported(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """A model's sentence that rests on no page and no message of the team."""
    if not context.written:
        return
    leaf = f"{context.leaf.offer} {context.leaf.limit}" if context.leaf else ""
    lines = _known_lines(f"{context.team_said}\n{leaf}")
    name = _stems(context.ticket.customer.name)
    for start, end in sentences(text):
        sentence = text[start:end]
        if not context.by_model(sentence) or _is_greeting(sentence, start) or _is_courtesy(sentence):
            continue
        words = _stems(BLANK.sub(" ", sentence)) - name
        if not words and BLANK.search(sentence):
            continue
        if not any(len(words & line) >= SUPPORTED * max(len(words), 1) for line in lines if words):
            yield finding(
                "model.unsupported",
                "no page and no message of ours says this: make it your own words, or take it out",
                start,
                end,
            )


@lru_cache
def _known_lines(text: str) -> tuple[frozenset[str], ...]:
    """The words of each sentence of a text that stays the same from key to key."""
    return tuple(_stems(text[start:end]) for start, end in sentences(text))


def _is_greeting(sentence: str, start: int) -> bool:
    short = len(sentence.split()) <= LONGEST_GREETING and len(sentence) <= 10 * LONGEST_GREETING
    plain = not any(c.isdigit() for c in sentence) and not HOUSE.search(sentence)
    return short and plain and (GREETS.match(sentence) is not None if start == 0 else SIGNS.match(sentence) is not None)


def _is_courtesy(sentence: str) -> bool:
    """Thanks, is sorry, repeats what the customer said, or asks them something: nothing is claimed for the house."""
    promises = HOUSE.search(sentence) and re.search(r"\b(?:will|['’]ll|agree|confirm|grant|give|pay)\b", sentence)
    asks = sentence.rstrip().endswith("?") and not HOUSE.search(sentence)
    return asks or (COURTESY.match(sentence) is not None and not promises)


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:STEM] for word in map(str.lower, WORD.findall(text)) if word not in COMMON)


def markup(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """What belongs to a machine: tool calls, roles of a chat, JSON."""
    for match in MARKUP.finditer(text):
        yield finding("model.markup", "this is for machines, not for a customer", *match.span())


def secrets(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """A password, code or card number asked for, or given away."""
    for start, end in sentences(text):
        if NEVER_SECRET.search(text, start, end) and not GIVES_SECRET.search(text, start, end):
            continue
        for pattern in (ASKS_SECRET, GIVES_SECRET):
            if match := pattern.search(text, start, end):
                yield finding("data.secret", "no reply asks for a secret, or gives one away", *match.span())
                break


GROUND_RULES: tuple[Callable[[str, CheckContext], Iterator[DraftFinding]], ...] = (unsupported, markup, secrets)
