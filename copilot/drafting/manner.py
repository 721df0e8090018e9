"""Checks of manner: language, blame, jargon, length, emoji, and an ask that comes before the answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from copilot.drafting.asks import asks_in
from copilot.drafting.context import CheckContext, finding
from copilot.drafting.models import DraftFinding
from copilot.reading.language import language_of
from copilot.text import sentences

QUOTED_WORDS = re.compile(r"[\"“„«][^\"“”„«»\n]*[\"“”»]")
LONGEST_PARAGRAPH = 110
"""Words of a paragraph that are read to the end."""
SHORTEST_READ = 8
"""Words from which a language is told apart."""
SUBSTANCE = 10
"""Words from which a paragraph says something."""
BLAME = re.compile(
    r"\byou (?:really )?(?:should(?:n['’]t| not)?|ought to|could) have(?! received| got| had| seen| an?\b| it\b| the\b| your\b)\b|\bas (?:i|we)(?:['’]ve| have)? (?:already|repeatedly|previously|clearly) (?:told|said|explained|mentioned|written|wrote)\b"
    r"|\bas (?:already|previously|clearly) (?:stated|explained|mentioned|communicated)\b|\b(?:i|we)(?:['’]ve| have)? (?:already|clearly) (?:told|explained|said)(?: to)? (?:you|this)\b|\byou (?:failed|neglected|forgot|omitted) to\b|\byou (?:did not|didn['’]t) (?:read|follow|listen|bother|pay|check)\b"
    r"|\bhad you (?:\w+ )?(?:read|followed|checked|told|listened|looked|contacted|used)\b|\bif you had (?:only |just |simply |actually )?(?:read|followed|checked|told|listened|looked|contacted)\b|\byou must have (?:entered|typed|done|clicked|deleted|changed|broken|dropped|misread|forgotten|made|set|pressed|missed)\b"
    r"|\bobviously\b|\b(?:it|this|that)(?: is|['’]s) (?:clearly|plainly|quite clearly) (?:stated|written|explained|visible|marked)\b|\bclearly (?:stated|states|says|written)\b|\byour (?:own )?(?:mistake|fault|error|carelessness|negligence|responsibility to have)\b|\byou (?:only )?have (?:only )?yourself to blame\b|\b(?:this|that) is (?:entirely )?on you\b"
    r"|\bif you (?:would|could) (?:just|simply|actually) (?:read|follow|listen)\b|\bnot our (?:fault|problem)\b|\b(?:anyone|everybody|everyone|any child) (?:knows|can see|else manages|could have)\b|\byour responsibility\b|\b(?:explained|told|said) (?:this|that|it)(?: to you)? (?:several|many|three|two|\w+) times\b|\bsurely you\b|\bbefore (?:complaining|writing to us|you complain)\b|\bplease plan better\b|\bcustomers? like you\b|\byou people\b|\bhonestly, you\b|\bwhy (?:did|didn['’]t) you\b|\byou clearly\b|\bnext time,? read\b|\bhätten sie\b|\bihr (?:eigener )?fehler\b|\bwie bereits (?:mehrfach )?(?:gesagt|mitgeteilt|erklärt|erwähnt)\b",
    re.IGNORECASE,
)
NO_BLAME = re.compile(
    r"\b(?:not|never|isn['’]t|wasn['’]t|nothing|no) (?:\w+ ){0,3}(?:your (?:own )?(?:mistake|fault|error))\b|\bkein\w* ihr fehler\b|\bwe should have\b",
    re.IGNORECASE,
)
TEXT_SIGNS = frozenset("©®™°✓✔✗✘→←↑↓↔•·…★☆♪§¶№")
"""Signs that Unicode counts among the pictures and people among the letters."""
ASKING = re.compile(
    r"\b(?:rate (?:this|us|our|your)|(?:leave|write|post|give) (?:us )?a (?:\w+ )?(?:review|rating|testimonial)|review us|recommend us|refer (?:a|us|your)|tell (?:your|a) friends? about us|spread the word|"
    r"quote (?:you|your)|share (?:your|that|this|these) (?:\w+ )?(?:words?|story|message|feedback|comment|line)|(?:take|fill in|answer) (?:our|a|the) (?:\w+ )?survey|feature your|use your (?:words|quote|story)|put your (?:words|comment|message)|(?:who['’]d|who would|to) recommend|as a reference|send them to us|display your|a few words on|know anyone else|how are we doing|testimonial|bewertung|bewerten|weiterempfehlen|zitieren)\b",
    re.IGNORECASE,
)
THANKS = re.compile(r"\b(?:thank|thanks|glad|happy|pleasure|lovely|wonderful|danke|freut)\b", re.IGNORECASE)


def ask_before_answer(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """An ask that stands before what the customer wrote for."""
    paragraphs = [m.span() for m in re.finditer(r"\S(?:.|\n(?!\n))*", text)]
    body = [(a, b) for a, b in paragraphs if len(text[a:b].split()) > 4 or ASKING.search(text, a, b)]
    asked = {*asks_in(text), *((a, b) for a, b in sentences(text) if ASKING.search(text, a, b) and _asks(text[a:b]))}
    if not asked or len(body) < 2:
        return
    start, end = min(asked)
    first = next((i for i, (a, b) in enumerate(body) if a <= start < b), len(body))
    if first > 0:
        return
    before = text[body[0][0] : start]
    said = [
        s
        for s in sentences(before)
        if not THANKS.search(before, *s) and len(before[s[0] : s[1]].split()) >= SUBSTANCE // 2
    ]
    after = [
        text[a:b] for a, b in body[1:] if len(text[a:b].split()) >= SUBSTANCE and not any(a <= x < b for x, _ in asked)
    ]
    if not said and any(not THANKS.match(part) for part in after):
        yield finding("ask.too-early", "answer first, ask afterwards", start, end)


def _asks(sentence: str) -> bool:
    return bool(
        re.search(
            r"\?|\b(?:please|would|could|may|might|can|feel free|why not|if you|we['’]d love|bitte|dürfen|leave|rate|tell|take|pass on|looking for)\b",
            sentence,
            re.IGNORECASE,
        )
    )


def wrong_language(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """A reply in another language than the customer's last message."""
    target = context.ticket.target
    if target is None or len(text.split()) < SHORTEST_READ:
        return
    own = QUOTED_WORDS.sub(" ", text)
    theirs, ours = language_of(target.text, context.ticket.customer.locale), language_of(own)
    if theirs != ours and "und" not in (theirs, ours):
        yield finding(
            "language.wrong",
            f"the customer wrote in another language ({theirs})",
            0,
            min(len(text), 40),
            blocking=False,
        )


def blame(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """Words that put the fault on the customer, or talk down."""
    for start, end in sentences(text):
        match = BLAME.search(text, start, end)
        if match and not NO_BLAME.search(text, start, end):
            yield finding("tone.blame", "it sounds as if the customer were to blame", *match.span(), blocking=False)


def jargon(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """Words of the trade that the customer did not use, with the plain word where the guide has one."""
    theirs = " ".join(m.text.lower() for m in context.ticket.customer_messages)
    for word, plain in context.guide.plain.items():
        for match in re.finditer(rf"(?<![\w-]){re.escape(word)}(?:s|ed)?(?![\w-])", text, re.IGNORECASE):
            exact = word.lower() == word or match.group().rstrip("s") == word
            if exact and word.lower() not in theirs:
                mend = _like(match.group(), plain) if plain else None
                yield finding("style.jargon", f"“{match.group()}” is jargon", *match.span(), blocking=False, mend=mend)


def banned(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """Phrases that the tone guide bans."""
    for phrase in context.guide.banned:
        for match in re.finditer(rf"(?<!\w){re.escape(phrase)}(?!\w)", text.replace("’", "'"), re.IGNORECASE):
            yield finding("style.banned", f"the tone guide bans “{phrase}”", *match.span(), blocking=False)


def wall(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """A paragraph that nobody reads to the end."""
    for match in re.finditer(r"\S(?:.|\n(?!\s*\n|\s*(?:[-*•]|\d+[.)]) ))*", text):
        words = len(match.group().split())
        if words > LONGEST_PARAGRAPH:
            yield finding(
                "style.wall",
                f"{words} words in one paragraph; break it up",
                match.start(),
                match.start() + 40,
                blocking=False,
            )


def emoji(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """An emoji where the customer used none."""
    if any(_is_emoji(c) for m in context.ticket.customer_messages for c in m.text):
        return
    for place, character in enumerate(text):
        if _is_emoji(character):
            yield finding("tone.emoji", "the customer used no emoji", place, place + 1, blocking=False, mend="")
            return


def _is_emoji(character: str) -> bool:
    if character in TEXT_SIGNS or ord(character) < 0x2190:
        return False
    return unicodedata.category(character) == "So" or 0x1F1E6 <= ord(character) <= 0x1FAFF


def _like(word: str, plain: str) -> str:
    return plain[:1].upper() + plain[1:] if word[:1].isupper() and word[1:2].islower() else plain


MANNER_RULES: tuple[Callable[[str, CheckContext], Iterator[DraftFinding]], ...] = (
    ask_before_answer,
    wrong_language,
    blame,
    jargon,
    banned,
    wall,
    emoji,
)
