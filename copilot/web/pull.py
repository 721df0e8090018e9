"""The doors by which stories are pulled: API, JSON Feed, Atom, exports, cards, the wall. All of them ask the flow."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, Literal, cast, get_args

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from copilot.asking.models import PLACES
from copilot.errors import NotFound
from copilot.reading.models import Outcome
from copilot.stories.cards import SIZES, THEMES, Shape, Theme, card_png, card_svg
from copilot.stories.export import lines_of
from copilot.stories.feeds import atom, json_feed
from copilot.stories.models import Export, Tombstone
from copilot.stories.store import Filter
from copilot.team import Team
from copilot.telling import Telling
from copilot.web.desk import COOKIE
from copilot.web.openapi import description
from copilot.web.render import text

MOST = 200
FEED = 50
WALL = 60
KEPT = 16
"""Bodies of feeds and wall that are kept, one for each name under which this server is reached."""
LINES = 200
"""Pieces of an export that travel at once."""
Format = Literal["json", "csv", "markdown", "html"]
MEDIA: Mapping[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "markdown": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
}


class Pull:
    """The doors.

    Args:
        telling: The flow.
        team: Knows the tokens.
        wall: Whether everybody may see the wall.
    """

    def __init__(self, telling: Telling, team: Team, *, wall: bool) -> None:
        self.telling = telling
        self.team = team
        self._kept: dict[str, tuple[int, bytes]] = {}
        self.routes = [
            Route("/api/v1/openapi.json", lambda _: JSONResponse(description())),
            Route("/api/v1/stories", self.stories),
            Route("/api/v1/stories/{story}", self.story),
            Route("/api/v1/export", self.export),
            Route("/feed.json", self.json_feed),
            Route("/feed.atom", self.atom),
            Route("/cards/{story}.{kind}", self.card),
        ]
        if wall:
            self.routes.append(Route("/wall", self.wall))

    async def stories(self, request: Request) -> Response:
        """What was released or is gone, in the order of the changes: a cursor goes on where the last page ended."""
        if (refused := await self._refused(request)) is not None:
            return refused
        query = request.query_params
        try:
            after = _cursor(query.get("cursor", ""))
            limit = _limit(query.get("limit", "50"))
            since = _since(query.get("since"))
            wanted = Filter(
                signal=query.get("signal", ""),
                outcome=_one_of(query.get("outcome"), "outcome", get_args(Outcome)),
                place=_one_of(query.get("place"), "place", PLACES),
            )
        except ValueError as error:
            return _problem(400, str(error))
        tag = f'"{await run_in_threadpool(self.telling.last_change)}-{base64.urlsafe_b64encode(str(request.url.query).encode()).decode()[-40:]}"'
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        known = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
        if tag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        found = await run_in_threadpool(self.telling.changes, after, limit, wanted, since)
        last = found[-1][0].change if found else after
        return JSONResponse(
            {
                "stories": [story.model_dump(mode="json") for _, story in found if isinstance(story, Export)],
                "gone": [gone.model_dump(mode="json") for _, gone in found if isinstance(gone, Tombstone)],
                "cursor": _as_cursor(last),
                "more": len(found) == limit,
            },
            headers=headers,
        )

    async def story(self, request: Request) -> Response:
        """One released story."""
        if (refused := await self._refused(request)) is not None:
            return refused
        try:
            found = await run_in_threadpool(self.telling.released, request.path_params["story"])
        except NotFound as error:
            return _problem(404, error.message)
        return JSONResponse(found.model_dump(mode="json"))

    async def export(self, request: Request) -> Response:
        """All that is released, as a file that is written while it is read."""
        if (refused := await self._refused(request)) is not None:
            return refused
        fmt = request.query_params.get("format", "json")
        if fmt not in get_args(Format):
            return _problem(400, f"format: one of {', '.join(get_args(Format))}")
        chosen = cast("Format", fmt)
        lines = _chunks(lines_of(chosen, self.telling.exports()))
        headers = {"content-disposition": f'attachment; filename="stories.{chosen}"'}
        return StreamingResponse(lines, media_type=MEDIA[chosen], headers=headers)

    async def json_feed(self, request: Request) -> Response:
        """A JSON Feed of the newest, with tombstones."""
        if (refused := await self._refused(request)) is not None:
            return refused
        home = _home(request)
        body = await run_in_threadpool(self._once, f"json {home}", partial(self._json, home))
        return Response(body, media_type="application/feed+json", headers=self._fresh())

    async def atom(self, request: Request) -> Response:
        """An Atom feed of the newest, with tombstones."""
        if (refused := await self._refused(request)) is not None:
            return refused
        home = _home(request)
        body = await run_in_threadpool(self._once, f"atom {home}", partial(self._atom, home))
        return Response(body, media_type="application/atom+xml", headers=self._fresh())

    async def wall(self, _: Request) -> Response:
        """Selected stories for everybody; only those agreed for the website."""
        body = await run_in_threadpool(self._once, "wall", self._wall)
        # A withdrawn story must not come back from anybody's cache.
        return HTMLResponse(body, headers={"cache-control": "no-cache"})

    def _json(self, home: str) -> bytes:
        return json.dumps(json_feed(self._items(), self._title(), home), ensure_ascii=False).encode()

    def _atom(self, home: str) -> bytes:
        return atom(self._items(), self._title(), home, self.telling.clock())

    def _wall(self) -> bytes:
        stories = [story for story, _ in self.telling.newest(WALL, "website")]
        company = self.telling.house.company
        return text("wall.html", stories=stories, company=company, css="/static/page.css").encode()

    def _once(self, name: str, make: Callable[[], bytes]) -> bytes:
        """What a door shows, made once for each change of any story: the number is looked up every time."""
        change = self.telling.last_change()
        kept = self._kept.get(name)
        if kept is None or kept[0] != change:
            if len(self._kept) > KEPT:
                self._kept.clear()
            kept = self._kept[name] = (change, make())
        return kept[1]

    async def card(self, request: Request) -> Response:
        """A share picture of a released story."""
        if (refused := await self._refused(request)) is not None:
            return refused
        query = request.query_params
        shape, theme = query.get("shape", "wide"), query.get("theme", "light")
        kind = request.path_params["kind"]
        if shape not in SIZES or theme not in THEMES or kind not in ("svg", "png"):
            return _problem(404, "Cards are wide or square, light or dark, .svg or .png.")
        try:
            story = await run_in_threadpool(self.telling.released, request.path_params["story"])
        except NotFound as error:
            return _problem(404, error.message)
        svg = card_svg(story, self.telling.house.company, cast("Shape", shape), cast("Theme", theme))
        if kind == "svg":
            return Response(svg, media_type="image/svg+xml")
        return Response(await run_in_threadpool(card_png, svg), media_type="image/png")

    async def _refused(self, request: Request) -> Response | None:
        """Why a request may not pull: it needs an API token, or somebody who is signed in."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and await run_in_threadpool(self.team.allows, token.strip(), "stories:read"):
            return None
        session = request.cookies.get(COOKIE, "")
        if session and await run_in_threadpool(self.team.who, session) is not None:
            return None
        return _problem(401, "An API token is needed: Authorization: Bearer dl_…", {"www-authenticate": "Bearer"})

    def _items(self) -> list[tuple[Export | Tombstone, datetime]]:
        """The newest released stories, and what went since the oldest of them."""
        items: list[tuple[Export | Tombstone, datetime]] = [*self.telling.newest(FEED), *self.telling.gone(FEED)]
        return sorted(items, key=lambda item: item[1], reverse=True)

    def _title(self) -> str:
        return f"Customer stories of {self.telling.house.company}"

    @staticmethod
    def _fresh() -> dict[str, str]:
        return {"cache-control": "private, no-cache"}


def _chunks(lines: Iterator[str]) -> Iterator[str]:
    """A few hundred lines at once: each piece crosses from a worker to the server's loop."""
    while part := list(islice(lines, LINES)):
        yield "".join(part)


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """An error as RFC 9457 has it."""
    body = {"type": "about:blank", "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json", headers=headers)


def _home(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _as_cursor(change: int) -> str:
    return base64.urlsafe_b64encode(f"c{change}".encode()).decode().rstrip("=")


def _cursor(text: str) -> int:
    if not text:
        return 0
    try:
        told = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        if not (told.startswith("c") and told[1:].isdigit() and told.isascii() and len(told) < 18):
            raise ValueError(told)
        return int(told[1:])
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise ValueError("cursor: not one that this API gave") from error


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST):
        raise ValueError(f"limit: a number from 1 to {MOST}")
    return int(text)


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("since: a date or time of ISO 8601") from error


def _one_of(text: str | None, name: str, known: tuple[Any, ...]) -> str:
    if text is not None and text not in known:
        raise ValueError(f"{name}: one of {', '.join(known)}")
    return text or ""
