"""A quote may be shortened to a verbatim span of what the customer agreed to, and only where that does not turn its meaning."""

from __future__ import annotations

import re

from copilot.text import sentences

NEGATION = re.compile(
    r"\b(no|not|never|none|nobody|nothing|neither|nor|hardly|barely|without|cannot|far from"
    r"|(?:do|does|did|is|are|was|were|ca|wo|would|could|should|has|have|had|ai)n['’]?t"
    r"|nicht|kein\w*|nie(?:mals|mand)?|nichts|ohne|kaum|weder"
    r"|ne|pas|jamais|rien|aucune?|sans|personne|ni"
    r"|nunca|nada|nadie|ning[uú]n\w*|sin|tampoco)\b|\bn['’]\w|n['’]t\b|\bcant\b",
    re.IGNORECASE,
)
TURN = re.compile(
    r"\b(but|however|although|though|except|unless|until|despite|yet|still|only|if|once|almost|nearly|wish|would have"
    r"|could have|should have|used to|supposed to|when|whenever|because|since|after|before|while|as long as|provided"
    r"|aber|jedoch|obwohl|allerdings|nur|wenn|falls|weil|bis|bevor|nachdem|erst|sondern|trotz\w*"
    r"|mais|cependant|pourtant|sauf|seulement|si|quand|parce|avant|apr[eè]s|malgr[eé]"
    r"|pero|sin embargo|aunque|excepto|solo|s[oó]lo|cuando|porque|hasta|antes|despu[eé]s)\b",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|twice|half|third"
    r"|zwei|drei|vier|f[uü]nf|zehn|hundert|deux|trois|quatre|cinq|dix|cent|dos|tres|cuatro|cinco|diez|cien)\b",
    re.IGNORECASE,
)
WRAPPED = re.compile(r"(?<!\n)\n(?!\n)")


def turned(agreed: str, span: str) -> list[str]:
    """Why `span` must not stand for `agreed` without the customer; empty where it may.

    A span is verbatim and made of whole sentences; what is left out must hold no negation, no turn of thought ("but") and
    no number, each of which might be what the rest meant. Sources: the rules of quoting out of context in the FTC's
    endorsement guides (16 CFR 255.1(b)).
    """
    if not re.search(r"\w", span):
        return ["there are no words in it"]
    if span == agreed:
        return []
    start = agreed.find(span)
    if start < 0:
        return ["it is not a verbatim part of what the customer agreed to"]
    end = start + len(span)
    found = []
    bounds = list(sentences(WRAPPED.sub(" ", agreed)))  # a line's end in the middle of a paragraph ends no sentence
    if start not in {s for s, _ in bounds} or end not in {e for _, e in bounds}:
        found.append("it cuts a sentence in two")
    rest = agreed[:start], agreed[end:]
    for what, pattern in (("a negation", NEGATION), ("a turn (but, only, if, because)", TURN), ("a number", NUMBER)):
        hit = next((match for part in rest if (match := pattern.search(part))), None)
        if hit is not None:
            found.append(f"it leaves out {what}: “{hit.group()}”")
    return found
