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
    facts.py           fact.unknown, link.unknown, data.other
    pledges.py         liability.admitted, done.unconfirmed, promise.deadline, ask.incentive, review.prefilled
    grounding.py       model.unsupported, model.markup, data.secret
    manner.py          ask.too-early, language.wrong, tone.blame, tone.emoji, style.jargon, style.banned, style.wall

What a model wrote is held to more than what a person typed: a fact, a deed or a deadline that nothing confirms stops a
model's sentence, and is only pointed out in a person's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from copilot.drafting.asks import asks_in
from copilot.drafting.context import CheckContext, finding, normal
from copilot.drafting.facts import FACT_RULES, amounts_in
from copilot.drafting.grounding import GROUND_RULES
from copilot.drafting.manner import MANNER_RULES
from copilot.drafting.models import DraftFinding
from copilot.drafting.pledges import PLEDGE_RULES
from copilot.playbook.models import Limit
from copilot.playbook.slots import ANY_BRACE, BLANK, SLOTS
from copilot.reading.models import UNHAPPY
from copilot.text import sentences, shorten

WAY_OUT = re.compile(
    r"\b(?:rather not|prefer not|prefer that we|prefer to (?:keep|stay)|(?:say|tell us|answer|a|short|simple|plain|brief) no|no,? (?:is|reason|need)"
    r"|no to|say so|ignore this|unanswered|if not|either way|decline|no pressure|not to|leave it|perfectly fine|no hard feelings"
    r"|change your mind|keep it (?:private|among us|between us)|not for you|do not want|don.t want|nothing changes|lieber nicht|nicht möchten|nein|kein problem)\b",
    re.IGNORECASE,
)
PROMISE = re.compile(
    r"\b(?:refund\w*|credit(?!\s+card)\w*|discount\w*|voucher\w*|compensat\w+|reimburs\w+|goodwill|waiv\w+|for free|free of charge|free (?:months?|weeks?|nights?|years?|upgrades?)|money back|gift cards?|on the house|"
    r"gutschrift|erstatt\w+|rabatt)\b"
    r"|\b(?:we|i)(?:['’](?:ll|re|m)| will| shall| can| are| am)?(?: happy to| glad to| also| of course| gladly| happily)? (?:pay|cover)(?: for)?(?: (?:your|the|any|all|a|an))? (?:\w+ ){0,2}?"
    r"(?:costs?|fees?|charges|bills?|expenses|fares?|taxis?|cab|postage|shipping|lawyers?|repairs?|damages?|loss(?:es)?|hotel)\b",
    re.IGNORECASE,
)
COMMITS = re.compile(
    r"\b(?:we|i)(?:'ll|’ll|'ve|’ve| will| have| can(?! see\b)| am| are|'m|’m|'re|’re| shall| would| offer| give| issue| add| send)\b"
    r"|\b(?:we|i|our team) (?:refund|credit|waive|pay|cover|reimburse|compensate|accept|grant)\b|\b(?:gets?|erstatten|bekommen|rembours\w+|devolv\w+|rimbors\w+)\b"
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


def check(text: str, context: CheckContext) -> tuple[DraftFinding, ...]:
    """All findings on a draft, in the order of the words meant; the same text and context give the same findings."""
    found = list(empty(text, context))
    for words in context.set_texts:  # a lead wrote them for everybody: no rule about what an agent writes is about them
        text = text.replace(words, " " * len(words))
    found += [one for rule in RULES for one in rule(text, context)]
    return tuple(sorted(found, key=lambda f: (f.start, f.rule)))


def empty(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """There is nothing to send."""
    if not text.strip():
        yield finding("draft.empty", "there is nothing to send", 0, 0)


def open_blanks(text: str, _context: CheckContext) -> Iterator[DraftFinding]:
    """A blank that only a person can fill, or a slot that nothing filled."""
    for match in BLANK.finditer(text):
        yield finding("blank.open", f"fill in “{match.group(1)}”", *match.span())
    for match in ANY_BRACE.finditer(text):
        if match.group()[1:-1] in SLOTS:
            yield finding("blank.open", f"the slot {match.group()} is not filled", *match.span())
    rest = BLANK.sub(lambda match: " " * len(match.group()), text)
    if half := re.search(r"\[\[|\]\]", rest):
        yield finding("blank.open", "half a blank is left", *half.span())


def ask_while_gate_is_shut(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """It asks for permission, a review or a recommendation while the gate says no."""
    if context.gate_ok:
        return
    for match in asks_in(text):
        yield finding("ask.gate", f"no ask now: {context.gate_reason or 'the gate says no'}", *match)


def unrecorded_ask(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """An ask must quote the words it is about, and be on record, or its answer is worth nothing."""
    if context.gate_ok and not (context.ask_words and context.ask_words in text):
        for span in asks_in(text):
            yield finding("ask.unrecorded", "an ask typed by hand cannot be recorded; add it with the ask key", *span)


def ask_without_way_out(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """An ask must end with an easy way to say no."""
    asks = asks_in(text)
    if context.gate_ok and asks and not WAY_OUT.search(text, asks[-1][0]):
        yield finding("ask.no-way-out", "say how the customer can say no", *asks[-1])


def promise_beyond_decision(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """A refund, credit, discount or gift that no decision allows, or more of it than the decision allows."""
    for start, end in sentences(text):
        sentence = text[start:end]
        clauses = [clause for clause in CLAUSE.split(sentence) if PROMISE.search(clause)]
        if not COMMITS.search(sentence) or all(NOT_A_PROMISE.search(clause) for clause in clauses):
            continue
        amounts = list(amounts_in(sentence))
        limit = context.leaf.limit if context.leaf else Limit(amount=0)
        if not limit.amount:
            why = "the decision allows nothing" if context.leaf else "no decision allows it; walk one first"
            yield finding("promise.limit", f"a promise: {why}", start, end)
            continue
        for amount, unit, at, to in amounts:
            if unit != limit.unit.lower().rstrip("s") and unit != limit.unit:
                message = f"the decision allows up to {limit}, in no other form"
            elif amount > limit.amount:
                message = f"more than the decision allows (up to {limit})"
            else:
                continue
            yield finding("promise.limit", message, start + at, start + to)


def invented_quotes(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """Quotation marks stand only around what the customer wrote or approved; one or two words are only pointed out."""
    said = [normal(m.text) for m in context.ticket.customer_messages] + [
        normal(words) for words in context.approved_words
    ]
    for match in QUOTED.finditer(text):
        words = next(group for group in match.groups() if group is not None)
        if not words.strip() or any(normal(words).rstrip(".,!") in message for message in said):
            continue
        yield finding(
            "quote.invented",
            f"the customer never wrote “{shorten(words, 40)}”",
            *match.span(),
            blocking=len(words.split()) > 2,
        )


def wrong_name(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """The greeting names somebody other than the customer."""
    match = GREETING.match(text)
    known = context.ticket.customer.name
    words = set(normal(match.group(1)).replace(".", "").split()) - TITLES if match else set()
    if match and known and words and not words & {*normal(known).replace(",", " ").split(), *NO_NAMES}:
        yield finding("name.wrong", f"the customer is {known}", *match.span(1), blocking=False)


def cheer_against_mood(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """No cheer for somebody who is angry or frustrated."""
    if context.mood in UNHAPPY:
        for match in CHEER.finditer(text):
            yield finding("tone.mood", f"the customer is {context.mood}; keep it calm", *match.span(), blocking=False)


RULES: tuple[Callable[[str, CheckContext], Iterator[DraftFinding]], ...] = (
    open_blanks,
    ask_while_gate_is_shut,
    unrecorded_ask,
    ask_without_way_out,
    promise_beyond_decision,
    invented_quotes,
    wrong_name,
    cheer_against_mood,
    *FACT_RULES,
    *PLEDGE_RULES,
    *MANNER_RULES,
    *GROUND_RULES,
)
