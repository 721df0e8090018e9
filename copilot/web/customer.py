"""The customer's page: one link, one page, no login, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast, get_args

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from copilot.asking.consent import Texts
from copilot.asking.models import NAME_STYLES, PLACES
from copilot.telling import MAX_WORDS, Button, Choice, Shown, Telling, Until
from copilot.web.render import day, page
from copilot.web.shield import Rate


class CustomerPage:
    """Shows and takes what customers press.

    Args:
        telling: The flow.
    """

    def __init__(self, telling: Telling) -> None:
        self.telling = telling
        self.presses = Rate(30)
        self.looks = Rate(240)
        self.routes = [
            Route("/p/{token}", self.show, methods=["GET"]),
            Route("/p/{token}", self.press, methods=["POST"]),
            Route("/r/{token}", self.follow, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """What the link shows."""
        if not self.looks.allows(request):
            return PlainTextResponse("Too many requests. Please try again in a minute.", 429)
        shown = await run_in_threadpool(self.telling.page, request.path_params["token"])
        return self._gone(request) if shown is None else self._page(shown, _filled(shown), address=str(request.url))

    async def press(self, request: Request) -> Response:
        """Take what was pressed; answers with the page to look at, so that a reload presses nothing."""
        if not self.presses.allows(request):
            return PlainTextResponse("Too many requests. Please try again in a minute.", 429)
        token = request.path_params["token"]
        async with request.form(max_files=0, max_fields=40) as form:
            choice = _choice(form)
        if choice is None:
            return PlainTextResponse("That button is not on the page.", 400)
        shown = await run_in_threadpool(self.telling.press, token, choice)
        if shown is None:
            return self._gone(request)
        if shown.problems:
            return self._page(shown, choice, 422)
        return RedirectResponse(f"/p/{token}", 303)

    async def follow(self, request: Request) -> Response:
        """A referral link: counted, and led on."""
        if not self.looks.allows(request):
            return PlainTextResponse("Too many requests. Please try again in a minute.", 429)
        where = await run_in_threadpool(self.telling.follow, request.path_params["token"])
        return self._gone(request) if where is None else RedirectResponse(where, 302)

    def _page(self, shown: Shown, filled: Choice, status: int = 200, address: str = "") -> Response:
        values = _values(shown, self.telling.house.company)

        def say(key: str) -> str:
            return shown.texts.say(key, values)

        return page(
            "customer.html",
            status,
            say=say,
            shown=shown,
            filled=filled,
            places=PLACES,
            styles=NAME_STYLES,
            most=MAX_WORDS,
            locale=shown.texts.locale,
            copy=_copy(shown, say, address),
            date=lambda value: day(value, shown.texts.locale),
        )

    def _gone(self, request: Request) -> Response:
        """The same page for a link that is wrong, old, or was never made."""
        texts = self.telling.texts()
        wanted = [
            part.split(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")
        ]
        chosen: Texts = next((texts[code] for code in wanted if code in texts), texts["en"])
        values = {"company.name": self.telling.house.company}
        return page("gone.html", 404, say=lambda key: chosen.say(key, values), locale=chosen.locale)


def _values(shown: Shown, company: str) -> Mapping[str, str]:
    return {
        "company.name": company,
        "agent.name": shown.agent or company,
        "customer.first_name": shown.customer.first_name,
        "customer.company": shown.customer.company,
        "disclosure": shown.disclosure,
        "date": day(shown.ask.answered_at, shown.texts.locale),
        "place": "",
    }


def _copy(shown: Shown, say: Callable[[str], str], address: str) -> str:
    """What was agreed, as a text to keep."""
    entry = shown.entry
    if shown.state != "agreed" or entry is None:
        return ""
    locale, terms = shown.texts.locale, entry.terms
    places = "; ".join(say(f"place_{place}") for place in terms.places)
    name = terms.shown_as or shown.names[terms.name_style]
    lines = [
        entry.words,
        "",
        f"{say('shown_as')}: {name}",
        f"{say('agreed_on')}: {day(entry.at, locale)}",
        f"{say('appears')}: {places}",
        f"{say('runs_until')}: {day(terms.until, locale) or say('until_open')}",
        *([shown.disclosure] if shown.disclosure else []),
        f"{say('take_back')}: {address}",
    ]
    return "\n".join(lines)


def _filled(shown: Shown) -> Choice:
    """The form before anybody touched it: the words, and nothing ticked."""
    return Choice("no", words=shown.ask.words)


def _choice(form: FormData) -> Choice | None:
    """What was filled in and pressed; None where no button of the page was. What is not on the page is left out."""
    button = form.get("button")
    if button not in get_args(Button):
        return None
    style, until, company = form.get("name"), form.get("until"), form.get("company")
    chosen = form.getlist("places")
    return Choice(
        button=cast("Button", button),
        words=str(form.get("words", "")),
        name_style=next((known for known in NAME_STYLES if known == style), None),
        company={"yes": True, "no": False}.get(str(company)),
        places=tuple(place for place in PLACES if place in chosen),
        until=cast("Until", until) if until in get_args(Until) else None,
    )
