"""Checks of facts: amounts, dates, numbers, links and addresses that stand in neither ticket nor page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from copilot.drafting.context import CheckContext, finding
from copilot.drafting.models import DraftFinding
from copilot.playbook.models import CURRENCY
from copilot.playbook.slots import BLANK
from copilot.text import sentences, shorten

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

MONTHS = {
    "january": 1, "jan": 1, "januar": 1, "janvier": 1, "enero": 1, "gennaio": 1,
    "february": 2, "feb": 2, "februar": 2, "février": 2, "febrero": 2,
    "march": 3, "mar": 3, "märz": 3, "mars": 3, "marzo": 3,
    "april": 4, "apr": 4, "avril": 4, "abril": 4, "aprile": 4,
    "may": 5, "mai": 5, "mayo": 5, "maggio": 5,
    "june": 6, "jun": 6, "juni": 6, "juin": 6, "junio": 6, "giugno": 6,
    "july": 7, "jul": 7, "juli": 7, "juillet": 7, "julio": 7, "luglio": 7,
    "august": 8, "aug": 8, "août": 8, "agosto": 8,
    "september": 9, "sep": 9, "sept": 9, "septembre": 9, "septiembre": 9, "settembre": 9,
    "october": 10, "oct": 10, "oktober": 10, "octobre": 10, "octubre": 10, "ottobre": 10,
    "november": 11, "nov": 11, "novembre": 11, "noviembre": 11,
    "december": 12, "dec": 12, "dezember": 12, "décembre": 12, "diciembre": 12, "dicembre": 12,
}  # fmt: skip
MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
DATE = re.compile(
    rf"\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th|\.)? (?:of |de |di )?(?P<m1>{MONTH})\b"
    rf"|\b(?P<m2>{MONTH})\.? (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.,]\d)"
    r"|\b\d{4}-(?P<m3>\d{2})-(?P<d3>\d{2})\b|(?<![\d.,/-])(?P<a>\d{1,2})[./](?P<b>\d{1,2})[./](?:\d{4}|\d{2})?(?!\d)",
    re.IGNORECASE,
)
WEEKDAYS = (
    ("monday", "montag", "lundi", "lunes"), ("tuesday", "dienstag", "mardi", "martes"), ("wednesday", "mittwoch", "mercredi", "miércoles"),
    ("thursday", "donnerstag", "jeudi", "jueves"), ("friday", "freitag", "vendredi", "viernes"), ("saturday", "samstag", "samedi", "sábado"),
    ("sunday", "sonntag", "dimanche", "domingo"),
)  # fmt: skip
WEEKDAY = re.compile(rf"\b(?:{'|'.join(name for day in WEEKDAYS for name in day)})(?=s?\b)", re.IGNORECASE)
CLOCK = re.compile(
    r"\b(?P<h>[01]?\d|2[0-4])(?:[:h.](?P<m>[0-5]\d))?\s?(?P<half>[ap])\.?m\b\.?|\b(?P<h24>[01]?\d|2[0-3])(?::|h)(?P<m24>[0-5]\d)\b"
    r"|\b(?P<uhr>[01]?\d|2[0-3]) Uhr\b",
    re.IGNORECASE,
)
CODE = re.compile(
    r"(?<![\w@./<-])#?(?=[A-Z0-9/-]*\d{2})(?:[A-Z]{1,6}[-/ ]?)?\d[A-Z0-9/-]*\d(?![\w@]|[.,:]\d)", re.IGNORECASE
)
VERSION = re.compile(
    r"(?<![\w.,])v?(\d{1,3}(?:\.\d{1,3}){1,3})(?![\w%€$£]|\.\d|\s?(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds?|per))",
    re.IGNORECASE,
)
SPELLED = re.compile(
    r"\b(?:(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand)[ -]?)+ "
    r"(?:euros?|dollars?|pounds?|per ?cent)\b",
    re.IGNORECASE,
)
YEAR = range(1990, 2100)
LONG_NUMBER = 4
"""Digits from which a bare number is an order, an invoice, a case: not a count."""

TOP = (
    "com|org|net|edu|gov|io|co|app|dev|info|biz|shop|store|online|site|xyz|cloud|tech|page|link|click|example|test|invalid|de|fr|es|nl|uk|eu|"
    "ch|at|pl|ru|cn|jp|br|ca|au|se|dk|fi|ie|pt|cz|ai|tv|ly|gl|cc|to|me|it|in|is|us|be|no|so|am|my"
)
WORDS_TOO = frozenset(["to", "me", "it", "in", "is", "us", "be", "no", "so", "am", "my", "at", "de", "es"])
"""Domains that are words: a missing space after a full stop makes no link of them."""
LINK = re.compile(
    rf"(?P<url>(?:\b[a-z][a-z+.-]*:)?//[^\s<>()\[\]\"'“”]+|\bwww\.[^\s<>()\[\]\"'“”]+)"
    rf"|(?<![\w@.-])(?P<bare>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?P<top>{TOP}))(?![\w-])(?P<path>(?::\d+)?(?:/[^\s<>()\[\]\"'“”]*)?)",
    re.IGNORECASE,
)
EMAIL = re.compile(r"[\w.+'-]+@(?P<host>[\w-]+(?:\.[\w-]+)+)")
PHONE = re.compile(r"(?<![\w#.,/-])(?:\+|\(0?|0(?=[\d ()/-]))?\d[\d ()./-]{5,}\d(?![\w%€$£])")
SAME_DIGITS = 7
"""Digits at the end of a phone number that make it the same one, with a country code or without."""


def unknown_fact(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """An amount, date, time, number or version that stands in neither ticket nor page."""
    known = _known_facts(context.all_said)
    if context.leaf is not None:
        known |= _known_facts(f"{context.leaf.limit} {context.leaf.offer}")
    skip = [m.span() for pattern in (BLANK, LINK, EMAIL) for m in pattern.finditer(text)]
    for fact, start, end in facts_in(text):
        if fact not in known and not any(a <= start < b for a, b in skip):
            sentence = next((text[a:b] for a, b in sentences(text) if a <= start < b), text[start:end])
            yield finding(
                "fact.unknown",
                f"“{shorten(text[start:end], 30)}” stands in neither ticket nor page",
                start,
                end,
                blocking=context.by_model(sentence),
            )


@lru_cache
def _known_facts(text: str) -> frozenset[str]:
    """The facts of a text that stays the same from key to key."""
    return frozenset(fact for fact, _, _ in facts_in(text))


def facts_in(text: str) -> Iterator[tuple[str, int, int]]:
    """(the fact in one spelling, start, end) of every concrete fact."""
    taken: list[tuple[int, int]] = []

    def free(start: int, end: int) -> bool:
        if any(start < b and a < end for a, b in taken):
            return False
        taken.append((start, end))
        return True

    for m in DATE.finditer(text):
        if (found := _date(m)) and free(*m.span()):
            yield found, *m.span()
    for m in CLOCK.finditer(text):
        if free(*m.span()):
            yield _clock(m), *m.span()
    for amount, unit, start, end in amounts_in(text):
        if (
            (unit == "%" or unit.isupper())
            and text[start:end].strip()
            and any(c.isdigit() for c in text[start:end])
            and free(start, end)
        ):
            yield f"{amount:g} {unit}", start, end
    for m in SPELLED.finditer(text):
        if free(*m.span()):
            yield " ".join(m.group().lower().split()), *m.span()
    for m in WEEKDAY.finditer(text):
        if free(*m.span()):
            yield next(day[0] for day in WEEKDAYS if m.group().lower() in day), *m.span()
    for m in VERSION.finditer(text):
        if free(*m.span()):
            yield f"v{m.group(1)}", *m.span()
    for m in CODE.finditer(text):
        code = re.sub(r"[#\s/-]", "", m.group()).upper()
        if (any(c.isalpha() for c in code) or (len(code) >= LONG_NUMBER and int(code) not in YEAR)) and free(*m.span()):
            yield code, *m.span()


def _date(m: re.Match[str]) -> str:
    day, month = m["d1"] or m["d2"] or m["d3"], m["m1"] or m["m2"] or m["m3"]
    if m["a"]:
        pair = sorted((int(m["a"]), int(m["b"])))
        return f"date {pair[0]} {pair[1]}" if 1 <= pair[0] <= 12 and pair[1] <= 31 else ""
    number = MONTHS.get(month.lower()) or int(month)
    return f"date {min(int(day), number)} {max(int(day), number)}"


def _clock(m: re.Match[str]) -> str:
    hour = int(m["h"] or m["h24"] or m["uhr"])
    if m["half"] and m["half"].lower() == "p" and hour < 12:
        hour += 12
    return f"{hour % 24}:{int(m['m'] or m['m24'] or 0):02}"


def unknown_link(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """A link that leads where no reply of ours may lead: what only the customer linked to does not go back out."""
    allowed = {*context.guide.links, *_known_hosts(context.team_said)}
    for host, start, end in links_in(text):
        if not _within(host, allowed):
            yield finding(
                "link.unknown", f"a link to {shorten(host, 40)}, which is not on the list in tone.md", start, end
            )


def _within(host: str, domains: Iterable[str]) -> bool:
    """Whether a host is one of the domains, or below one."""
    return any(host == domain or host.endswith(f".{domain}") for domain in map(str.lower, domains))


@lru_cache
def _known_hosts(text: str) -> frozenset[str]:
    """The hosts that a text links to, which stays the same from key to key."""
    return frozenset(host for host, _, _ in links_in(text))


def links_in(text: str) -> Iterator[tuple[str, int, int]]:
    """(host, start, end) of every link and bare domain."""
    for m in LINK.finditer(text):
        if m["url"]:
            url = m["url"].rstrip(".,;:!?")
            try:
                host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
            except ValueError:
                host = url
        else:
            host = m["bare"].lower()
            if m["top"].lower() in WORDS_TOO and not m["path"].startswith(("/", ":")) and not m["bare"].islower():
                continue
            if m["top"].lower() in WORDS_TOO and not m["path"] and len(m["bare"].split(".")[-2]) < 2:
                continue
        yield host.lower().rstrip("."), *m.span()


def other_peoples_data(text: str, context: CheckContext) -> Iterator[DraftFinding]:
    """A mail address or phone number that is not this customer's, and not ours."""
    said = context.all_said
    known = said.lower()
    for m in EMAIL.finditer(text):
        ours = _within(m["host"].lower().rstrip("."), context.guide.links)
        if m.group().lower().rstrip(".") not in known and not ours:
            yield finding("data.other", f"{shorten(m.group(), 40)} is nobody's in this conversation", *m.span())
    digits = re.sub(r"\D", "", said)
    for m in PHONE.finditer(text):
        number = re.sub(r"\D", "", m.group())
        if len(number) < SAME_DIGITS or number[-SAME_DIGITS:] in digits or DATE.fullmatch(m.group().strip()):
            continue
        if m.group()[0] in "+(0" or len(re.findall(r"\d+", m.group())) > 2:
            yield finding("data.other", f"{m.group().strip()} is nobody's in this conversation", *m.span())


FACT_RULES: tuple[Callable[[str, CheckContext], Iterator[DraftFinding]], ...] = (
    unknown_fact,
    unknown_link,
    other_peoples_data,
)


def amounts_in(sentence: str) -> Iterator[tuple[float, str, int, int]]:
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
