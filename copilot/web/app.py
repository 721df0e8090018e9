"""The application: every route, and what stands before them."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from copilot.errors import DelightError
from copilot.settings import WebSettings
from copilot.team import Team
from copilot.telling import Telling
from copilot.web.customer import CustomerPage
from copilot.web.desk import WebDesk
from copilot.web.pull import Pull
from copilot.web.render import STATIC
from copilot.web.shield import Shield, harmless


def make_app(telling: Telling, team: Team, settings: WebSettings, oidc_secret: str = "") -> Starlette:
    """The web desk of one workspace."""
    secure = settings.public_url.startswith("https:")
    desk = WebDesk(telling, team, secure=secure, oidc=bool(settings.oidc_issuer))
    routes: list[BaseRoute] = [
        Route("/health", lambda _: PlainTextResponse("ok")),
        *CustomerPage(telling).routes,
        *Pull(telling, team, wall=settings.wall).routes,
        *desk.routes,
        Mount("/static", _Static(directory=STATIC)),
    ]
    if settings.oidc_issuer:
        from copilot.web.oidc import SignIn  # half a second that most have no use for

        routes += SignIn(settings, oidc_secret, team, desk, secure=secure).routes
    return Starlette(
        routes=routes,
        middleware=[Middleware(Shield, embeddable=frozenset(["/wall"]))],
        exception_handlers={DelightError: _fault, 404: _not_found, Exception: _broken},
    )


class _Static(StaticFiles):
    """Style sheets; they may be kept for an hour."""

    def file_response(self, full_path: str | Path, *args: object, **kwargs: object) -> Response:  # type: ignore[override]
        answer = super().file_response(full_path, *args, **kwargs)  # type: ignore[arg-type]
        answer.headers["cache-control"] = "public, max-age=3600"
        return answer


def _fault(_: Request, error: Exception) -> Response:
    """A part around us that is broken: said plainly, without what only the operator should read."""
    title = error.title if isinstance(error, DelightError) else "Something went wrong"
    return PlainTextResponse(f"{title}: please try again in a while.", 503)


def _broken(request: Request, _: Exception) -> Response:
    """A bug of ours: the log has it, whoever asked learns nothing of it. Starlette answers this outside of the shield."""
    answer = PlainTextResponse("Something broke on our side. It is logged; please try again.", 500)
    harmless(answer.headers, request.url.scheme)
    return answer


def _not_found(_: Request, __: Exception) -> Response:
    return PlainTextResponse("There is no such page.", 404)
