"""Checks on every draft, whoever wrote it. Each rule is one small function from a draft's text to findings.

Blocking findings stop approval. The rules, by id:
    draft.empty        there is nothing to send
    blank.open         a blank or slot is not filled
    ask.gate           it asks to share words while the gate says no
    ask.unrecorded     an ask typed by hand: its answer could not be recorded
    ask.no-way-out     an ask that does not end with how to say no
    promise.limit      a promise without, above or outside the decision taken
    quote.invented     words in quotation marks that the customer never wrote
    name.wrong         the greeting names somebody else
    tone.mood          cheer for somebody who is unhappy
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from copilot.drafting.models import DraftFinding
from copilot.playbook.models import CURRENCY, Leaf, Limit
from copilot.playbook.slots import ANY_BRACE, BLANK, SLOTS
from copilot.reading.models import UNHAPPY, Mood
from copilot.text import sentences, shorten
from copilot.tickets.models import Model, Ticket

WISH = re.compile(
    r"\b(?:may|could|can|might) (?:we|i)\b|\bwould you (?:be (?:happy|willing|comfortable|open|okay|ok|fine)|mind|allow|let|like|agree)\b"
    r"|\bwould it be (?:all right|alright|ok|okay|fine)\b|\b(?:we|i)(?: would|'d|’d) (?:like|love|be (?:glad|happy|thrilled|delighted|honou?red|grateful))\b"
    r"|\b(?:is it|are you) (?:ok|okay|fine|happy) (?:if|with|for)\b|\bpermission\b"
    r"|\bdürfen wir\b|\bwäre es ihnen recht\b|\bwir würden\b",
    re.IGNORECASE,
)
USE = re.compile(
    r"\b(?:(?:shar|quot|publish|featur|post|repost|show|print|plac|tagg?|celebrat|put)(?:e|es|ed|ing)?|us(?:e|es|ed|ing))\b"
    r"|\bzeigen\b|\bzitieren\b",
    re.IGNORECASE,
)
WORDS = re.compile(
    r"\b(?:words?|line|sentence|quot\w+|story|stories|testimonial|feedback|review|comments?|what you (?:wrote|said)|them|those|message|it|that|"
    r"worte?|zeile)\b",
    re.IGNORECASE,
)
WHERE = re.compile(
    r"\b(?:web ?site|home ?page|social media|our (?:next |own |monthly |weekly )?(?:social|page|channel|newsletter|blog|site)\w*|testimonials?|customer stor\w+|customer page|"
    r"publicly|introduction|invitation|marketing|case study|anonym\w*)\b",
    re.IGNORECASE,
)
REVIEW = re.compile(
    r"\b(?:write|leave|post|give|if you (?:wrote|left|posted|gave)|(?:mind|consider) (?:writing|leaving|posting|giving)) (?:us )?(?:a|your) (?:public |short |quick |5-star |five-star )*(?:review|testimonial|rating)\b"
    r"|\b(?:recommend|refer) us to\b|\b(?:review|rate) us\b|\b(?:please|feel free to|help(?: us)?(?: to)?) spread the word\b|\bpermission to (?:share|quote|use|publish)\b",
    re.IGNORECASE,
)
WAY_OUT = re.compile(
    r"\b(?:rather not|prefer not|prefer that we|prefer to (?:keep|stay)|(?:say|tell us|answer|a|short|simple|plain|brief) no|no,? (?:is|reason|need)"
    r"|no to|say so|ignore this|unanswered|if not|either way|decline|no pressure|not to|leave it|perfectly fine|no hard feelings"
    r"|change your mind|keep it (?:private|among us|between us)|not for you|do not want|don.t want|nothing changes|lieber nicht|nicht möchten|nein|kein problem)\b",
    re.IGNORECASE,
)
PROMISE = re.compile(
    r"\b(?:refund\w*|credit(?!\s+card)\w*|discount\w*|voucher\w*|compensat\w+|reimburs\w+|goodwill|waiv\w+|for free|free of charge|free (?:months?|weeks?|nights?|years?|upgrades?)|money back|gift cards?|on the house|"
    r"gutschrift|erstatt\w+|rabatt)\b",
    re.IGNORECASE,
)
COMMITS = re.compile(
    r"\b(?:we|i)(?:'ll|’ll|'ve|’ve| will| have| can(?! see\b)| am| are|'m|’m|'re|’re| shall| would| offer| give| issue| add| send)\b"
    r"|\byou(?:'ll|’ll| will| get| receive| have)\b|\b(?:offer|issued|granted|added|applied|gebe|geben|erhalten|here is|here's|accept)\b|\ba full\b"
    r"|\b(?:your|the) (?:\w+ )?(?:refund|credit|discount|voucher|compensation|reimbursement) (?:is on (?:its|the) way|is being|will be"
    r"|has been(?! (?:declined|rejected|delayed|requested|asked)))\b",
    re.IGNORECASE,
)
NOT_A_PROMISE = re.compile(
    r"\b(?:not|cannot|\w+n['’]t|unable|no refund|unfortunately|ask(?:ed)? (?:our|the|for)|whether|if (?:you|we)|request(?:ed)?|"
    r"check|look into|nicht|kein\w*)\b|\?\s*$",
    re.IGNORECASE,
)
CLAUSE = re.compile(
    r"[;:–—]\s|,\s*(?=(?:so|but|and|then|that|therefore|which|we|i|you|here)\b)|\b(?:and|but|so) (?=(?:we|i|you)\b"
    r"|(?:will |then )?(?:refund|credit|compensate|reimburse|waive)\w* (?:you\b|your\b|\d|[€$£]))",
    re.IGNORECASE,
)
"""Where a sentence turns: “we cannot thank you enough, so we refund …” is a promise in spite of its “cannot”."""
AMOUNT = re.compile(
    r"(?P<percent>\d+(?:[.,]\d+)?)\s*(?:%|per ?cent)"
    r"|(?P<symbol>[€$£])\s?(?P<money>\d[\d.,]*\d|\d)"
    r"|(?P<sum>\d[\d.,]*\d|\d)\s?(?P<code>EUR|USD|GBP|CHF|€|\$|£|euros?|dollars?|pounds?)(?!\w)"
    r"|(?P<full>\b(?:full|whole|entire|complete) (?:refund|credit|amount|price|sum)\b|\bin full\b)"
    r"|(?P<count>\d+|a|an|one|two|three|six|twelve)\s+(?:\w+\s+)?(?P<unit>months?|weeks?|days?|nights?|years?|miles|points|vouchers?|parcels?)\b",
    re.IGNORECASE,
)
NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "six": 6, "twelve": 12}
WORDS_TO_CODE = {"euro": "EUR", "euros": "EUR", "dollar": "USD", "dollars": "USD", "pound": "GBP", "pounds": "GBP"}
QUOTED = re.compile(r"“([^“”]*)”|„([^“”„]*)[“”]|«([^«»]*)»|(?<![\w\"])\"([^\"\n]*)\"(?!\w)")
GREETING = re.compile(
    r"\A\s*(?:hi|hello|dear|hey|good (?:morning|afternoon|evening)|guten tag|liebe[r]?|bonjour|hola|ciao),?[ ]+"
    r"([^\W\d_][\w'’-]*\.?(?: +[^\W\d_][\w'’-]*\.?){0,4}) *(?=[,:!.\n–]|- |\Z)",
    re.IGNORECASE,
)
TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "mx",
        "dr",
        "prof",
        "sir",
        "madam",
        "herr",
        "frau",
        "herrn",
        "madame",
        "monsieur",
        "señor",
        "señora",
        "signor",
        "signora",
    ]
)
NO_NAMES = frozenset(
    [
        "there",
        "all",
        "everyone",
        "everybody",
        "again",
        "team",
        "customer",
        "client",
        "friend",
        "or",
        "thank",
        "thanks",
        "from",
        "here",
        "i",
        "we",
        "it",
        "this",
        "that",
        "is",
        "are",
        "sorry",
        "your",
        "our",
        "the",
        "zusammen",
    ]
)
"""Words that show that no name follows the greeting."""
CHEER = re.compile(
    r"!{2,}|\b(?:hooray|yay|woohoo|fantastic|amazing|awesome|delighted|thrilled|made (?:our|my) day|celebrat\w+)\b|[🎉🎊🥳🙌😀😃😄😊]",
    re.IGNORECASE,
)


class CheckContext(Model):
    """What the checks know beside the text.

    Attributes:
        gate_ok: Whether the ask gate allows an ask now.
        gate_reason: Why not, in the gate's words.
        leaf: The decision taken, or None.
        ask_words: The customer's words that the ask of this draft quotes; empty where no ask was added.
        approved_words: Words the customer approved on an earlier ask.
    """

    ticket: Ticket
    mood: Mood
    gate_ok: bool
    gate_reason: str = ""
    leaf: Leaf | None = None
    ask_words: str = ""
    approved_words: tuple[str, ...] = ()


def check(text: str, context: CheckContext) -> tuple[DraftFinding, ...]:
    """All findings on a draft, in the order of the words meant; the same text and context give the same findings."""
    found = [finding for rule in RULES for finding in rule(text, context)]
    return tuple(sorted(found, key=lambda f: (f.start, f.rule)))


def empty(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """There is nothing to send."""
    if not text.strip():
        yield _finding("draft.empty", "there is nothing to send", 0, 0)


def open_blanks(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """A blank that only a person can fill, or a slot that nothing filled."""
    for match in BLANK.finditer(text):
        yield _finding("blank.open", f"fill in “{match.group(1)}”", *match.span())
    for match in ANY_BRACE.finditer(text):
        if match.group()[1:-1] in SLOTS:
            yield _finding("blank.open", f"the slot {match.group()} is not filled", *match.span())
    rest = BLANK.sub(lambda match: " " * len(match.group()), text)
    if half := re.search(r"\[\[|\]\]", rest):
        yield _finding("blank.open", "half a blank is left", *half.span())


def ask_while_gate_is_shut(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """It asks for permission, a review or a recommendation while the gate says no."""
    if context.gate_ok:
        return
    for match in asks_in(text):
        yield _finding("ask.gate", f"no ask now: {context.gate_reason or 'the gate says no'}", *match)


def unrecorded_ask(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """An ask must quote the words it is about, and be on record, or its answer is worth nothing."""
    if context.gate_ok and not (context.ask_words and context.ask_words in text):
        for span in asks_in(text):
            yield _finding("ask.unrecorded", "an ask typed by hand cannot be recorded; add it with the ask key", *span)


def ask_without_way_out(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """An ask must end with an easy way to say no."""
    asks = asks_in(text)
    if context.gate_ok and asks and not WAY_OUT.search(text, asks[-1][0]):
        yield _finding("ask.no-way-out", "say how the customer can say no", *asks[-1])


def promise_beyond_decision(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """A refund, credit, discount or gift that no decision allows, or more of it than the decision allows."""
    for start, end in sentences(text):
        sentence = text[start:end]
        clauses = [clause for clause in CLAUSE.split(sentence) if PROMISE.search(clause)]
        if not COMMITS.search(sentence) or all(NOT_A_PROMISE.search(clause) for clause in clauses):
            continue
        amounts = list(_amounts(sentence))
        limit = context.leaf.limit if context.leaf else Limit(amount=0)
        if not limit.amount:
            why = "the decision allows nothing" if context.leaf else "no decision allows it; walk one first"
            yield _finding("promise.limit", f"a promise: {why}", start, end)
            continue
        for amount, unit, at, to in amounts:
            if unit != limit.unit.lower().rstrip("s") and unit != limit.unit:
                message = f"the decision allows up to {limit}, in no other form"
            elif amount > limit.amount:
                message = f"more than the decision allows (up to {limit})"
            else:
                continue
            yield _finding("promise.limit", message, start + at, start + to)


def invented_quotes(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """Quotation marks stand only around what the customer wrote or approved; one or two words are only pointed out."""
    said = [_normal(m.text) for m in context.ticket.customer_messages] + [
        _normal(words) for words in context.approved_words
    ]
    for match in QUOTED.finditer(text):
        words = next(group for group in match.groups() if group is not None)
        if not words.strip() or any(_normal(words).rstrip(".,!") in message for message in said):
            continue
        yield _finding(
            "quote.invented",
            f"the customer never wrote “{shorten(words, 40)}”",
            *match.span(),
            blocking=len(words.split()) > 2,
        )


def wrong_name(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """The greeting names somebody other than the customer."""
    match = GREETING.match(text)
    known = context.ticket.customer.name
    words = set(_normal(match.group(1)).replace(".", "").split()) - TITLES if match else set()
    if match and known and words and not words & {*_normal(known).replace(",", " ").split(), *NO_NAMES}:
        yield _finding("name.wrong", f"the customer is {known}", *match.span(1), blocking=False)


def cheer_against_mood(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """No cheer for somebody who is angry or frustrated."""
    if context.mood in UNHAPPY:
        for match in CHEER.finditer(text):
            yield _finding("tone.mood", f"the customer is {context.mood}; keep it calm", *match.span(), blocking=False)


RULES: tuple[Callable[[str, CheckContext], Iterator[DraftFinding]], ...] = (
    empty,
    open_blanks,
    ask_while_gate_is_shut,
    unrecorded_ask,
    ask_without_way_out,
    promise_beyond_decision,
    invented_quotes,
    wrong_name,
    cheer_against_mood,
)


def asks_in(text: str) -> list[tuple[int, int]]:
    """Sentences that ask to share the customer's words, or for a review or a recommendation."""
    return [
        (start, end)
        for start, end in sentences(text)
        if REVIEW.search(text, start, end) or all(mark.search(text, start, end) for mark in (WISH, USE, WORDS, WHERE))
    ]


def _amounts(sentence: str) -> Iterator[tuple[float, str, int, int]]:
    """(amount, unit, start, end) of every amount in a sentence."""
    for match in AMOUNT.finditer(sentence):
        start, end = match.span()
        if match["percent"]:
            yield float(match["percent"].replace(",", ".")), "%", start, end
        elif match["full"]:
            yield 100.0, "%", start, end
        elif match["money"]:
            yield _money(match["money"]), CURRENCY[match["symbol"]], start, end
        elif match["sum"]:
            code = match["code"]
            yield (
                _money(match["sum"]),
                CURRENCY.get(code) or WORDS_TO_CODE.get(code.lower()) or code.upper(),
                start,
                end,
            )
        else:
            count = match["count"].lower()
            yield float(NUMBERS.get(count) or count), match["unit"].lower().rstrip("s"), start, end


def _money(text: str) -> float:
    """`1.234,50`, `1,234.50` and `20` as numbers: the last mark with two digits after it is the decimal one."""
    if match := re.search(r"[.,](\d{2})$", text):
        return float(re.sub(r"[.,]", "", text[: match.start()]) + "." + match.group(1))
    return float(re.sub(r"[.,]", "", text))


def _normal(text: str) -> str:
    return " ".join(text.lower().replace("’", "'").replace("‘", "'").split())


def _finding(rule: str, message: str, start: int, end: int, *, blocking: bool = True) -> DraftFinding:
    return DraftFinding(rule=rule, blocking=blocking, message=message, start=start, end=end)
