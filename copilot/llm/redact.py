"""Personal data out, placeholders in, before anything reaches a provider; and back again after.

Numbers are recognised by the libraries that know them (phonenumbers, python-stdnum); names are those the ticket carries.
What must not live here: what is sent to whom.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

PLACEHOLDER = re.compile(r"<[A-Z]+_\d+>")
URL = re.compile(r"\b(?:https?://|www\.)[^\s<>\"')\]]+", re.IGNORECASE)
EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
HANDLE = re.compile(r"(?<![\w.])@\w+")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b")
CARD = re.compile(r"\b(?:\d[ -]?){12,18}\d\b")
STREET = re.compile(
    r"\b\d{1,5}[A-Za-z]?,? (?:[A-Z][\w'.-]+ ){1,4}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Close|Court|Ct|Way|Square|Place|Blvd|Boulevard)\b\.?"
    r"|\b[A-ZÄÖÜ][\wäöüß.-]*(?:straße|strasse|str\.|weg|platz|gasse|allee) \d{1,4}[a-z]?\b"
    r"|\b\d{1,4}(?: bis)?,? (?:rue|avenue|boulevard|place|chemin) (?:[\w'’-]+ ?){1,5}"
    r"|\b(?:Calle|Avenida|Plaza|Via|Viale|Rua) (?:[A-ZÁÉÍÓÚ][\w'-]+ ?){1,4},? \d{1,4}\b"
)
POSTCODE = re.compile(
    r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b[A-Z]{2} \d{5}(?:-\d{4})?\b|\b(?:D-|F-|E-|I-)?\d{5}(?= [A-ZÄÖÜ][a-zäöüß]+)"
)
NUMBER = re.compile(r"(?<![\w.,:/<_-])#?(?=[A-Z0-9/-]*\d{2})(?:[A-Z]{1,6}[-/]?)?\d[A-Z0-9/-]*\d(?![\w]|[.,:]\d)")
"""Order, account and booking numbers: with letters, or of five digits and more; not prices, times or years."""
COUNTRY = 2
"""Letters of an ISO 3166 code."""
DIGITS = re.compile(r"(?<![\w.,:/<_-])\+?\(?\d(?:[ ()./-]{0,2}\d){6,}(?!\w)")
"""Seven digits and more in a row or in groups: a phone number of wherever, known to no library. A date may go with them."""
MIN_NAME = 2


class Redactor:
    """Hides personal data of one ticket behind stable placeholders: the same words get the same placeholder.

    Args:
        names: Names that the ticket carries: the customer's, the agents'.
        region: Where a phone number without a country code is at home.
    """

    def __init__(self, names: Iterable[str] = (), region: str = "GB") -> None:
        self.region = region.upper() if len(region) == COUNTRY else "GB"
        whole = {name.strip() for name in names if "@" not in name}
        parts = {part for name in whole for part in re.split(r"[\s,]+", name)}
        known = sorted((n for n in whole | parts if len(n) >= MIN_NAME and not n.isdigit()), key=len, reverse=True)
        self._names = (
            re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)", re.IGNORECASE) if known else None
        )
        self._shown: dict[str, str] = {}
        self._hidden: dict[str, str] = {}

    def hide(self, text: str) -> str:
        """`text` with what is personal replaced. What looks like a placeholder already is replaced too."""
        text = PLACEHOLDER.sub(lambda m: self._placeholder("TEXT", m.group()), text)
        for kind, pattern in (("LINK", URL), ("EMAIL", EMAIL), ("ADDRESS", STREET), ("ADDRESS", POSTCODE)):
            text = self._replace(kind, pattern, text)
        text = self._replace("IBAN", IBAN, text, only=_is_iban)
        text = self._replace("CARD", CARD, text, only=_is_card)
        text = self._replace("PHONE", DIGITS, self._phones(text))
        text = self._replace("NUMBER", NUMBER, text, only=_is_account)
        text = self._replace("HANDLE", HANDLE, text)
        return self._replace("NAME", self._names, text) if self._names else text

    def show(self, text: str) -> str:
        """`text` with every placeholder made here turned back; one that was never made stays."""
        return PLACEHOLDER.sub(lambda m: self._shown.get(m.group(), m.group()), text)

    def _replace(
        self, kind: str, pattern: re.Pattern[str], text: str, *, only: Callable[[str], bool] = lambda _: True
    ) -> str:
        """Every match that is what it looks like, outside the placeholders that stand already."""

        def hidden(match: re.Match[str]) -> str:
            return self._placeholder(kind, match.group()) if only(match.group()) else match.group()

        out, at = [], 0
        for made in PLACEHOLDER.finditer(text):
            out += [pattern.sub(hidden, text[at : made.start()]), made.group()]
            at = made.end()
        return "".join([*out, pattern.sub(hidden, text[at:])])

    def _phones(self, text: str) -> str:
        import phonenumbers

        out, at = [], 0
        for match in phonenumbers.PhoneNumberMatcher(text, self.region, phonenumbers.Leniency.POSSIBLE):
            if sum(c.isdigit() for c in match.raw_string) < 7:
                continue
            out += [text[at : match.start], self._placeholder("PHONE", match.raw_string)]
            at = match.end
        return "".join([*out, text[at:]])

    def _placeholder(self, kind: str, words: str) -> str:
        key = f"{kind}:{words}"  # as written: evidence is compared letter for letter once it is turned back
        if key not in self._hidden:
            made = f"<{kind}_{sum(k.startswith(kind + ':') for k in self._hidden) + 1}>"
            self._hidden[key] = made
            self._shown[made] = words
        return self._hidden[key]


def _is_iban(text: str) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(text))


def _is_card(text: str) -> bool:
    from stdnum import luhn

    digits = re.sub(r"\D", "", text)
    return 13 <= len(digits) <= 19 and bool(luhn.is_valid(digits))


def _is_account(text: str) -> bool:
    digits = sum(c.isdigit() for c in text)
    return digits >= 5 or (digits >= 3 and any(c.isalpha() for c in text)) or (text.startswith("#") and digits >= 3)
