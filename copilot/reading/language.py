"""Tells English from what this reader must not guess at: another script, another language's function words, or what
py3langid is sure to be none of English. What is plainly English is never shown to it: it loads for a second, and takes memory.
"""

from __future__ import annotations

import lzma
import mmap
import re
import shutil
import tempfile
from functools import cache
from typing import TYPE_CHECKING

from copilot.reading.pieces import HANDLE, URL

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

WORD = re.compile(r"[^\W\d_]+")
HASHTAG = re.compile(r"#\w+")
MOST_LETTERS = 2000
"""Of a long message so much is shown to py3langid."""
# fmt: off
FUNCTION_WORDS: dict[str, frozenset[str]] = {
    "en": frozenset((
        "the", "and", "you", "for", "that", "this", "with", "not", "have", "are", "was", "but", "my", "it", "is",
        "to", "of", "in", "on", "your", "me", "i", "we", "be", "at", "so", "just", "can", "do", "if",
    )),
    "de": frozenset((
        "der", "die", "das", "und", "ich", "nicht", "ist", "ein", "eine", "mit", "für", "sie", "auf", "den", "dem",
        "wir", "haben", "bei", "noch", "aber", "mir", "sehr", "vielen", "wo", "wie", "danke", "dank", "ihre", "ihr",
        "ihnen", "hallo", "guten", "bitte", "kann", "können", "wurde", "wird", "meine", "mein", "schon", "auch",
        "jetzt", "hat", "war", "zu", "es",
    )),
    "fr": frozenset((
        "le", "la", "les", "des", "et", "je", "pas", "est", "une", "pour", "vous", "que", "dans", "sur", "mon",
        "ma", "avec", "nous", "mais", "merci", "très", "du", "au", "votre", "vos", "ai", "bonjour", "où", "quand",
        "ça", "cela", "sont", "été", "c'est", "j'ai", "n'est",
    )),
    "es": frozenset((
        "el", "la", "los", "las", "y", "una", "para", "que", "con", "por", "mi", "muy", "gracias", "pero", "del",
        "ha", "se", "lo", "su", "está", "como", "hola", "cuándo", "dónde", "tengo", "quiero", "porque", "ayer",
        "todavía",
    )),
    "it": frozenset((
        "il", "che", "non", "è", "una", "per", "con", "mi", "grazie", "ma", "del", "della", "sono", "ho", "molto",
        "di", "ci", "si", "vostro", "anche", "buongiorno", "ciao", "come",
    )),
    "pt": frozenset((
        "não", "uma", "para", "que", "com", "meu", "muito", "obrigado", "obrigada", "mas", "em", "você", "está",
        "foi", "um", "olá",
    )),
    "nl": frozenset((
        "het", "een", "en", "niet", "ik", "van", "voor", "dat", "met", "mijn", "maar", "bedankt", "heb", "jullie",
        "ook", "wel", "zijn", "hallo", "omdat", "uw", "naar", "geen", "ons", "daarna", "nog", "kan", "hoe", "bij",
        "deze", "wordt", "heeft", "onder",
    )),
}
# fmt: on

SCRIPTS = (
    ("ja", "\u3040", "\u30ff"),
    ("ko", "\uac00", "\ud7a3"),
    ("zh", "\u4e00", "\u9fff"),
    ("ar", "\u0600", "\u06ff"),
    ("ru", "\u0400", "\u04ff"),
)

COMMON = re.compile(
    r"a|about|account|address|again|all|already|also|am|amazing|an|and|anything|app|appreciate|are|as|ask|at|awesome"
    r"|back|bad|be|been|before|best|better|big|book|booked|brilliant|but|by|call|came|can|car|card|cheers|code|cool"
    r"|could|customer|date|day|days|delivery|did|didn|dm|do|doesn|don|done|down|each|email|even|ever|every|excellent"
    r"|fantastic|fast|feel|few|fine|fix|fixed|flight|for|found|free|friendly|from|get|getting|go|going|gone|good|got"
    r"|great|guys|had|happy|has|have|haven|he|hello|help|helped|helpful|her|here|hey|hi|him|his|home|hour|hours|how|i"
    r"|if|im|in|is|isn|issue|it|its|job|just|keep|kind|know|last|late|left|let|like|line|link|ll|lol|long|look|love"
    r"|lovely|m|made|make|many|may|me|message|mine|minutes|money|month|more|most|much|must|my|name|need|never|new|next"
    r"|nice|nobody|nope|not|nothing|now|number|of|off|oh|ok|okay|old|on|one|only|open|or|order|other|our|out|over|page"
    r"|parcel|password|people|perfect|phone|please|pls|price|problem|quick|quickly|re|really|received|refund|reply"
    r"|right|room|s|said|same|say|screen|see|send|sent|service|she|should|site|so|some|something|sorry|staff|still"
    r"|store|super|support|sure|t|take|team|tell|than|thank|thanks|that|the|their|them|then|there|they|thing|think"
    r"|this|thx|time|to|today|told|tomorrow|too|train|tried|try|two|ty|under|up|update|us|use|used|ve|very|wait"
    r"|waiting|want|was|wasn|way|we|week|weeks|well|went|were|what|when|where|which|who|why|will|with|won|wonderful"
    r"|work|worked|working|works|worst|would|wow|wrong|yeah|year|years|yep|yes|yesterday|yet|you|your"
)
"""Words that make a message plainly English where two in five of its words are among them."""
LATIN = (
    "en", "af", "az", "ca", "cs", "cy", "da", "de", "es", "et", "eu", "fi", "fr", "gl", "hr", "hu", "id", "is", "it", "lt", "lv",
    "ms", "nl", "no", "pl", "pt", "ro", "sk", "sl", "sq", "sv", "sw", "tl", "tr", "vi",
)  # fmt: skip
"""Languages written in Latin letters that py3langid may name."""
HARDLY = 0.003
"""Chance of English below which a message is in another language; one English message in 6,000 lies below, and is one of those
that are never shown."""
DOUBTFUL = 0.5
"""The same where its function words are those of another language."""


def language_of(text: str, locale: str = "") -> str:
    """ISO 639-1 code of the language of `text`, `und` where only its script tells that it is none of those known.

    English is assumed unless another language is clear: a wrong "not read" on a short tweet costs more than it saves.
    A customer's `locale` makes its own language easier to believe.
    """
    text = HASHTAG.sub(" ", HANDLE.sub(" ", URL.sub(" ", text)))
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return "en"
    foreign = sum(ord(c) > 0x24F and not 0x1E00 <= ord(c) <= 0x1EFF for c in letters)
    if foreign > len(letters) * 0.4:
        return next((code for code, first, last in SCRIPTS if any(first <= c <= last for c in letters)), "und")
    words = [word.lower() for word in WORD.findall(text)]
    hits = {code: sum(word in known for word in words) for code, known in FUNCTION_WORDS.items()}
    own = locale.partition("-")[0].partition("_")[0].lower()
    if own in hits and own != "en" and hits[own] > hits["en"]:
        return own
    best = max((code for code in hits if code != "en"), key=lambda code: hits[code])
    enough = 2 if len(words) <= 8 else 3
    if hits[best] >= enough and hits[best] > 2 * hits["en"]:
        return best if _guess(text)[1] < DOUBTFUL else "en"
    if sum(COMMON.fullmatch(word) is not None for word in words) * 5 >= 2 * len(words):
        return "en"
    code, english = _guess(text)
    return code if english < HARDLY else "en"


def _guess(text: str) -> tuple[str, float]:
    """The likeliest language, and the chance that it is English."""
    ranked = _identifier().rank(text[:MOST_LETTERS])
    return ranked[0][0], dict(ranked)["en"]


@cache
def _identifier() -> LanguageIdentifier:
    """py3langid with the languages of LATIN. Its own loading takes 104 MB for a moment and keeps 81; here its model is read part
    by part, and the steps, of which a text takes few, stay in a file: 48 MB and no more."""
    import numpy as np
    from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier

    with tempfile.TemporaryFile() as packed, tempfile.TemporaryFile() as unpacked:
        with lzma.open(MODEL_DIR / MODEL_FILE) as source:
            shutil.copyfileobj(source, packed)
        packed.seek(0)
        with np.load(packed, allow_pickle=False) as parts:
            parts["nextmove"].tofile(unpacked)
            unpacked.flush()
            steps = memoryview(mmap.mmap(unpacked.fileno(), 0, access=mmap.ACCESS_READ)).cast("I")
            names = parts["classes"].tolist()
            columns = [names.index(code) for code in LATIN]
            weights, base = parts["ptc"][:, columns], parts["pc"][columns]
            rows, output = parts["nextmove_row"].tolist(), parts["out_feat"].tolist()
    return LanguageIdentifier(weights, base, list(LATIN), steps, output, norm_probs=True, tk_row=rows)
