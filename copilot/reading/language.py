"""Tells English from what this reader must not guess at: another script, or another language's function words."""

from __future__ import annotations

import re

WORD = re.compile(r"[^\W\d_]+")
FUNCTION_WORDS: dict[str, frozenset[str]] = {
    "en": frozenset(
        [
            "the",
            "and",
            "you",
            "for",
            "that",
            "this",
            "with",
            "not",
            "have",
            "are",
            "was",
            "but",
            "my",
            "it",
            "is",
            "to",
            "of",
            "in",
            "on",
            "your",
            "me",
            "i",
            "we",
            "be",
            "at",
            "so",
            "just",
            "can",
            "do",
            "if",
        ]
    ),
    "de": frozenset(
        [
            "der",
            "die",
            "das",
            "und",
            "ich",
            "nicht",
            "ist",
            "ein",
            "eine",
            "mit",
            "für",
            "sie",
            "auf",
            "den",
            "dem",
            "wir",
            "haben",
            "bei",
            "noch",
            "aber",
            "mir",
            "sehr",
            "vielen",
            "wo",
            "wie",
            "danke",
            "dank",
            "ihre",
            "ihr",
            "ihnen",
            "hallo",
            "guten",
            "bitte",
            "kann",
            "können",
            "wurde",
            "wird",
            "meine",
            "mein",
            "schon",
            "auch",
            "jetzt",
            "hat",
            "war",
            "zu",
            "es",
        ]
    ),
    "fr": frozenset(
        [
            "le",
            "la",
            "les",
            "des",
            "et",
            "je",
            "pas",
            "est",
            "une",
            "pour",
            "vous",
            "que",
            "dans",
            "sur",
            "mon",
            "ma",
            "avec",
            "nous",
            "mais",
            "merci",
            "très",
            "du",
            "au",
            "votre",
            "vos",
            "ai",
            "bonjour",
            "où",
            "quand",
            "ça",
            "cela",
            "sont",
            "été",
            "c'est",
            "j'ai",
            "n'est",
        ]
    ),
    "es": frozenset(
        [
            "el",
            "la",
            "los",
            "las",
            "y",
            "una",
            "para",
            "que",
            "con",
            "por",
            "mi",
            "muy",
            "gracias",
            "pero",
            "del",
            "ha",
            "se",
            "lo",
            "su",
            "está",
            "como",
            "hola",
            "cuándo",
            "dónde",
            "tengo",
            "quiero",
            "porque",
            "ayer",
            "todavía",
        ]
    ),
    "it": frozenset(
        [
            "il",
            "che",
            "non",
            "è",
            "una",
            "per",
            "con",
            "mi",
            "grazie",
            "ma",
            "del",
            "della",
            "sono",
            "ho",
            "molto",
            "di",
            "ci",
            "si",
            "vostro",
            "anche",
            "buongiorno",
            "ciao",
            "come",
        ]
    ),
    "pt": frozenset(
        [
            "não",
            "uma",
            "para",
            "que",
            "com",
            "meu",
            "muito",
            "obrigado",
            "obrigada",
            "mas",
            "em",
            "você",
            "está",
            "foi",
            "um",
            "olá",
        ]
    ),
    "nl": frozenset(
        [
            "het",
            "een",
            "en",
            "niet",
            "ik",
            "van",
            "voor",
            "dat",
            "met",
            "mijn",
            "maar",
            "bedankt",
            "heb",
            "jullie",
            "ook",
            "wel",
            "zijn",
            "hallo",
            "omdat",
            "uw",
            "naar",
            "geen",
            "ons",
            "daarna",
            "nog",
            "kan",
            "hoe",
            "bij",
            "deze",
            "wordt",
            "heeft",
            "onder",
        ]
    ),
}

SCRIPTS = (
    ("ja", "\u3040", "\u30ff"),
    ("ko", "\uac00", "\ud7a3"),
    ("zh", "\u4e00", "\u9fff"),
    ("ar", "\u0600", "\u06ff"),
    ("ru", "\u0400", "\u04ff"),
)


def language_of(text: str, locale: str = "") -> str:
    """ISO 639-1 code of the language of `text`, `und` where only its script tells that it is none of those known.

    English is assumed unless another language is clear: a wrong "not read" on a short tweet costs more than it saves.
    A customer's `locale` makes its own language easier to believe.
    """
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
    return best if hits[best] >= enough and hits[best] > 2 * hits["en"] else "en"
