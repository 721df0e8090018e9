"""Checks of what a reply commits the house to: liability, deeds that nobody confirms, deadlines, and asks with strings attached."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from copilot.drafting.context import CheckContext, finding, normal
from copilot.drafting.models import DraftFinding
from copilot.playbook.slots import BLANK
from copilot.text import sentences

LIABLE = re.compile(
    r"\b(?:accept|admit|assume|acknowledge)s? (?:full |all |any |legal )*(?:liability|negligence)\b"
    r"|\b(?:we|i|our \w+|us|clinic|company|which makes us)\b[^.!?]{0,40}\b(?:are|were|was|is|be|me|us)? ?(?:legally |fully |clearly )*(?:liable|negligent)\b|\bmakes us liable\b"
    r"|\blegally (?:responsible|liable|at fault)\b|\bat fault in law\b|\bnegligence (?:on the part of|of|by) (?:us|our|the)\b|\bour (?:gross )?negligence\b"
    r"|\b(?:breach(?:ed|es)?|violat(?:ed|es|ion)|broke(?:n)?|infring\w+) (?:of |the terms of |the |our |your )*(?:gdpr|contract|agreement|lease|law|privacy|obligations?|terms|rights|data protection)\b"
    r"|\b(?:breach|violation) of (?:our |the |your )?(?:contract|agreement|obligations?|law|gdpr)\b|\bin breach of\b|\bdata protection violation\b"
    r"|\b(?:unlawful|illegal(?:ly)?|unlawfully)\b|\bconsumer law does not allow\b"
    r"|\b(?:legally )?entitled to (?:compensation|damages)\b|\blegally entitled\b|\bright to (?:claim )?damages\b|\bowe (?:you )?damages\b"
    r"|\b(?:failed|breached) in our duty of care\b|\bbreach(?:ed)? (?:of )?our duty\b"
    r"|\b(?:wir|das unternehmen) (?:haften|übernehmen die (?:volle )?haftung)\b|\bübernimmt die (?:volle )?haftung\b|\b(?:grob )?fahrlässig\b|\bvertragsbruch\b"
    r"|\bgegen (?:die|das) (?:dsgvo|gesetz|vertrag)\w* verstoßen\b|\bsteht\b[^.]{0,30}\bschadens?ersatz zu\b",
    re.IGNORECASE,
)
NOT_LIABLE = re.compile(
    r"\b(?:not|cannot|\w+n['’]t|unable|whether|without (?:admitting|any)|if there (?:was|were|is)|you (?:see|feel|say|regard)|to find out|"
    r"guest|nicht|kein\w*|ob)\b",
    re.IGNORECASE,
)

NEAR = 30
"""Characters before a claim in which a word may take it back."""

DONE = (
    "refunded|reset|cancell?ed|shipped|sent|dispatched|fixed|repaired|mended|escalated|unlocked|credited|called|phoned|rung|issued|processed|"
    "replaced|restored|restarted|rebooked|booked|moved|upgraded|waived|removed|deleted|updated|changed|added|activated|deactivated|closed|"
    "reopened|ordered|forwarded|passed|reported|asked|contacted|spoken|spoke|informed|told|transferred|extended|applied|approved|corrected|"
    "cleared|resolved|solved|arranged|scheduled|blocked|paid|returned|merged|migrated|enabled|disabled|switched|adjusted|raised|filed|logged|"
    "increased|lowered|doubled|posted|mailed|emailed|verified|completed|released|granted|registered|confirmed|sorted"
)
DEED = re.compile(
    rf"\b(?:we|i)(?:['’]ve| have)?(?: (?:already|just|now|also|gone ahead and|went ahead and|personally|since))* (?P<act>{DONE})\b"
    rf"|\b(?:and|also|then)(?: also)? (?P<more>{DONE}) (?:the|your|you|it|them|both|all)\b"
    rf"|\b(?:has|have)(?: (?:already|just|now|also))* been(?: (?:\w+ly))? (?P<passive>{DONE})\b"
    rf"|\b(?:your|the|a|an|this|that|it|both)\b[^.!?;]{{0,40}}?\b(?:was|were|is|are)(?: (?:already|just|now))* (?P<past>{DONE})\b"
    rf"|\b(?:engineers?|team|colleagues?|they|technicians?|developers?|staff|fitter|driver)(?: (?:have|has|already|just))* (?P<they>{DONE})\b"
    r"|\bwent out to you\b|\b(?:\A|[?.!] )(?:all )?(?P<bare>waived|refunded|cancelled|credited|done|sorted)\b(?: it)?(?: for you|[:,])"
    r"|\bhabe(?:n)?\b[^.!?]{0,80}\b(?P<de>ge(?:ändert|schickt|sendet|löscht|sperrt|bucht|klärt)|erstattet|storniert|behoben|zurückgesetzt|veranlasst|gutgeschrieben|weitergeleitet|repariert|ersetzt|freigeschaltet)\b"
    r"|\b(?:a|ont|avons|ai) (?:été )?(?P<fr>expédiée?s?|remboursée?s?|annulée?s?|modifiée?s?|envoyée?s?|corrigée?s?|réinitialisée?s?)\b"
    r"|\b(?:hemos|he|ha sido|han sido) (?P<es>devuelto|reembolsado|cancelado|enviado|cambiado|corregido|actualizado)\b",
    re.IGNORECASE,
)
NOT_DONE = re.compile(
    r"\b(?:will|can|could|would|should|may|might|once|as soon as|when|if|unless|until|before|after|whether|in case|let me|not|\w+n['’]t|never|yet|sobald|wenn|werde\w*|dès que|cuando)\b"
    r"|\byou(?: mentioned| said| wrote| told)?(?: that)?(?: you)?(?: have|['’]ve|r? \w+)? (?:sent|reset|packed|ordered|asked|called)\b|\bthank(?:s| you) for\b|\bevery\b|\beach\b|\?\s*\Z",
    re.IGNORECASE,
)
GENERAL = re.compile(r"\b(?:designed|tested|made|from our|by hand|orders are|always|usually|normally)\b", re.IGNORECASE)

BY_TIME = re.compile(
    r"\b(?:with)?in (?:the next )?(?:an?|one|two|three|four|five|six|ten|twelve|\d+)(?:(?: to |-|–| or )\w+)? (?:\w+ )?(?:minutes?|hours?|days?|weeks?)\b"
    r"|\bwithin the (?:hour|day|week)\b|\b(?:the )?next (?:\d+|few|two|three) (?:minutes|hours|days)\b"
    r"|\bby (?:tomorrow|tonight|noon|midnight|monday|tuesday|wednesday|thursday|friday|saturday|sunday|the end of|close of|end of|next|\d)|\bbefore (?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|noon|tomorrow|\d)"
    r"|\bno later than\b|\b(?:by|at|before) the end of (?:the )?\w+\b|\b(?:today|tonight|tomorrow)\b|\bthis (?:morning|afternoon|evening|week)\b|\bgive me (?:an?|ten|five|\d+) \w+\b"
    r"|\binnerhalb (?:von |der |einer |eines )?\w+|\b(?:bis|spätestens) (?:am |zum )?(?:morgen|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|ende)\b|\bnoch heute\b|\bmorgen\b|\bin den nächsten\b"
    r"|\bavant (?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|demain|midi)\b|\bsous \d+ \w+|\bd['’]ici\b|\bdans les \w+ (?:heures|jours)\b|\baujourd['’]hui\b|\bdemain\b"
    r"|\ben (?:un plazo de )?\w+ (?:horas|días)\b|\bdentro de\b|\bantes del?\b|\bhoy mismo\b|\bmañana\b",
    re.IGNORECASE,
)
PLEDGES = re.compile(
    r"\b(?:we|i|you|someone|somebody|it|they|our \w+(?: \w+)?)(?:['’]ll| will| shall)\b|\b(?:i['’]m|we['’]re|i am|we are) going to\b|\bexpect (?:a|an|our|to hear)\b|\b(?:someone|somebody|one of us|our|the)\b[^.!?,]{1,30}\bwill\b|\bgive me\b|\byou (?:get|receive|have) (?:it|your|an? answer)\b"
    r"|\b(?:ships|arrives|goes out|will be|leaves)\b|\bsie (?:erhalten|bekommen|hören)\b|\b(?:ich|wir) (?:melde|melden|schicke|schicken|werde|werden|sende|senden|kümmere)\b"
    r"|\bnous (?:vous )?\w+(?:ons|rons)\b|\bvous (?:recevrez|aurez)\b|\b(?:le|les) \w+(?:remos|ré)\b|\btendrá\b|\brecibirá\b",
    re.IGNORECASE,
)
NO_PLEDGE = re.compile(
    r"\?\s*\Z|\b(?:usually|normally|typically|generally|as a rule|in der regel|en général|normalmente|please|could you|can you|if you|when you|your (?:meeting|trial|deadline|event|flight)|opening hours|is open|are open|most|can['’]t promise|cannot promise|days to|thanks? (?:you )?for)\b",
    re.IGNORECASE,
)

BOON = re.compile(
    r"\b(?:discount|vouchers?|credits?|gift(?: card| basket)?s?|coupons?|extra \d+ ?gb|on us|free (?:months?|weeks?|upgrade|coffee|\w+)|for free|\d+ ?(?:%|percent)(?: off)?|bonus|points|refund(?:ed)?|upgrade|priority|front of the queue|prize|raffle|draw|"
    r"money back|fee waived|waive|on the house|goodie|treat|reward(?:s|ed)?|gutschein|rabatt|schenken|cashback|[€$£] ?\d+|\d+ ?(?:€|eur|euros?|dollars|pounds))\b|[€$£]\s?\d",
    re.IGNORECASE,
)
FAVOUR = re.compile(
    r"\b(?:reviews?|ratings?|rate us|rating|stars?|testimonials?|refer(?:ral|rals|s)?|recommend(?:ation|ing)?s?|positive feedback|good word|quote you|your quote|share (?:your|our)|tell (?:a friend|your friends|your)|"
    r"friends? (?:sign|join)\w*|send them (?:our way|to us)|survey|bewert\w+|feedback|kind words|case study|reviewed|(?:use|quote) your (?:sentence|words|story)|share your experience|short quote|quote on)\b",
    re.IGNORECASE,
)
TIED = re.compile(
    r"\b(?:if|when|once|after|for (?:every|each|a|an|your|leaving|writing|posting|sharing|letting)|in (?:return|exchange)|as (?:a )?(?:thank[- ]?you|thanks) for|as soon as|in return|and (?:we|i)['’]?(?:ll| will)|and you(?:['’]ll| will| both| get)|"
    r"gets? you|earns?|unlock|win|swap|change (?:your|the|it)|updat(?:e|ing) (?:your|the)|wenn|dafür|sobald|would help|to say thanks|thank you with|provided|enter|in exchange|leave|write|post|give|refer|with a|gets?|receives?|in it for you|all i['’]d ask|and your next|you['’]d get|share|schenken)\b",
    re.IGNORECASE,
)
NOT_TIED = re.compile(
    r"\b(?:never|don['’]t (?:reward|pay|offer|give)|do not (?:reward|pay|offer|give)|can['’]t (?:reward|offer|give|tie|trade)|cannot (?:reward|offer|give|tie)|not (?:tied|linked|connected|depend\w*)|whether or not|either way|nothing to do with|"
    r"regardless|no strings|without any|no reward|aren['’]t (?:allowed|tied)|isn['’]t tied|does not depend|doesn['’]t depend|keep it|yours (?:anyway|whatever))\b",
    re.IGNORECASE,
)
PREFILLED = re.compile(
    r"\b(?:you (?:could|can|might) (?:write|say|put|post|use|mention)|(?:just|simply|feel free to) (?:paste|copy|post|write|use)|something (?:like|along the lines of)|for example|zum beispiel schreiben|(?:suggested|possible) (?:wording|text|line)|if you (?:said|wrote|mentioned)|people simply put|here(?:['’]s| is) (?:a |some )?(?:text|wording|draft|suggestion|line|template)|"
    r"(?:i|we)(?:['’]ve| have) (?:written|drafted|prepared|put together)|copy and paste|how about|why not (?:write|say)|quote you as saying|say that|mention (?:how|that|the|our)|words like|ready-made|fill(?:ed)? in)\b",
    re.IGNORECASE,
)
REVIEWING = re.compile(
    r"\b(?:reviews?|testimonials?|rating|rate us|stars?|recommendation|survey|quote you|your quote|on our (?:site|website|page)|bewertung|sterne)\b",
    re.IGNORECASE,
)
STARS = re.compile(
    r"\b(?:five|5|four|4|full|all)[ -]stars?\b|\b(?:ten|10|five|5) out of (?:ten|10|five|5)\b|\b(?:fifth|last) star\b|\b(?:a|the) (?:10|ten)\b(?= (?:in|on|would))|\btop (?:marks|rating|score)\b|\b(?:fünf|5) sterne\b",
    re.IGNORECASE,
)
NO_REVIEW = re.compile(
    r"\b(?:your (?:own )?words|whatever you|as you (?:see|like)|honest|terminal|command|form field|subject line|thank(?:s| you) for (?:the|your) (?:five|5|four|\w+ ?stars?))\b",
    re.IGNORECASE,
)


def liability(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """An admission that a lawyer should have read first."""
    for start, end in sentences(text):
        for match in LIABLE.finditer(text, start, end):
            clause = max(start, match.start() - NEAR, text.rfind(", ", start, match.start()))
            if not NOT_LIABLE.search(text, clause, match.end()):
                yield finding("liability.admitted", "admits a legal claim; pass it to Legal instead", *match.span())
                break


def unconfirmed_deed(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """Something said to be done that no message of the team confirms."""
    said = normal(context.team_said)
    for start, end in sentences(text):
        sentence = text[start:end]
        if not context.by_model(sentence):  # who types that it was done says so
            continue
        for match in DEED.finditer(sentence):
            clause = sentence[
                max(sentence.rfind(", ", 0, match.start()), sentence.rfind("; ", 0, match.start()), 0) : match.end()
            ]
            act = next((found for found in match.groups() if found), match.group()).lower()
            if NOT_DONE.search(clause) or sentence.endswith("?") or GENERAL.search(sentence) or act in said:
                continue
            yield finding(
                "done.unconfirmed",
                "nothing here says that this was done: say it in your own words, or leave a blank",
                start + match.start(),
                start + match.end(),
            )
            break


def deadline(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """A time by which we do something, that no page, decision or message of ours names."""
    said = normal("\n".join((context.team_said, *context.times)))
    for start, end in sentences(text):
        sentence = BLANK.sub(lambda m: " " * len(m.group()), text[start:end])
        if NO_PLEDGE.search(sentence) or not PLEDGES.search(sentence):
            continue
        for match in BY_TIME.finditer(sentence):
            if normal(match.group()) not in said and not any(time in sentence for time in context.times):
                yield finding(
                    "promise.deadline",
                    f"a deadline that nothing here names: “{match.group()}”",
                    start + match.start(),
                    start + match.end(),
                    blocking=context.by_model(text[start:end]),
                )
                break


def incentive(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """A favour asked for with something given for it."""
    spans = list(sentences(text))
    for number, (start, end) in enumerate(spans):
        sentence = text[start:end]
        near = text[start : spans[number + 1][1]] if number + 1 < len(spans) else sentence
        for words, stop in ((sentence, end), (near, start + len(near))):
            if FAVOUR.search(words) and BOON.search(words) and TIED.search(words) and not NOT_TIED.search(words):
                yield finding(
                    "ask.incentive", "nothing may be given for a review, a quote or a recommendation", start, stop
                )
                return


def prefilled(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """Words or stars suggested for a review."""
    spans = list(sentences(text))
    for number, (start, _) in enumerate(spans):
        stop = spans[min(number + 1, len(spans) - 1)][1]
        near = text[start:stop]
        if NO_REVIEW.search(near):
            continue
        if (REVIEWING.search(near) and PREFILLED.search(near)) or (
            STARS.search(near)
            and re.search(
                r"\b(?:would|could|please|if you|give us|leave|choose|click|hope|help|grateful|ideally)\b",
                near,
                re.IGNORECASE,
            )
        ):
            yield finding("review.prefilled", "a review is in the customer's own words and stars", start, stop)
            return


PLEDGE_RULES: tuple[Callable[[str, CheckContext], Iterator[DraftFinding]], ...] = (
    liability,
    unconfirmed_deed,
    deadline,
    incentive,
    prefilled,
)
