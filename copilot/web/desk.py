"""The web desk's pages: stories, one story, due, people, overview, team. Plain forms; nothing needs a script."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, time
from typing import Any, NamedTuple, cast, get_args
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from copilot.accounts.models import MAY, ROLES, Account, Deed, Role
from copilot.asking.models import PLACES
from copilot.errors import DelightError, NotFound
from copilot.reading.models import Outcome
from copilot.scoring.funnel import By, Funnel, Step
from copilot.stories.claims import claims_in
from copilot.stories.models import STATES
from copilot.stories.store import Filter
from copilot.team import Team
from copilot.telling import Telling
from copilot.web.charts import funnel_chart
from copilot.web.render import as_handle, page
from copilot.web.shield import Rate, form_token, is_form_token

COOKIE = "delight_session"
PAGE = 24
LISTED = 500
"""Rows of a list of what was counted."""
Handler = Callable[["Visit"], Awaitable[Response]]


class Visit(NamedTuple):
    """One request of somebody who is signed in."""

    request: Request
    account: Account
    session: str
    form: FormData

    @property
    def key(self) -> str:
        """The customer's key that the address names.

        Raises:
            NotFound: It names none.
        """
        handle = self.request.path_params["key"]
        try:
            return base64.urlsafe_b64decode(handle + "=" * (-len(handle) % 4)).decode()
        except (ValueError, UnicodeError) as error:
            raise NotFound("There is no such customer.") from error

    def field(self, name: str) -> str:
        """What was filled in, or nothing."""
        return str(self.form.get(name, "")).replace("\r\n", "\n")  # as browsers send every line's end


class WebDesk:
    """The pages for the team.

    Args:
        telling: The flow.
        team: Accounts and what is connected.
        secure: Whether the cookie travels over https alone.
        oidc: Whether people may sign in by the OpenID provider.
    """

    def __init__(self, telling: Telling, team: Team, *, secure: bool, oidc: bool) -> None:
        self.telling = telling
        self.team = team
        self.secure = secure
        self.oidc = oidc
        self.tries = Rate(10)
        self.routes = [
            Route("/", lambda _: RedirectResponse("/stories", 303)),
            Route("/sign-in", self.sign_in, methods=["GET", "POST"]),
            Route("/sign-out", self._page(self.sign_out), methods=["POST"]),
            Route("/stories", self._page(self.stories)),
            Route("/stories/{story}", self._page(self.story)),
            Route("/stories/{story}/edit", self._page(self.edit, "edit"), methods=["POST"]),
            Route("/stories/{story}/other-words", self._page(self.other_words, "edit"), methods=["POST"]),
            Route("/stories/{story}/approve", self._page(self.approve, "approve"), methods=["POST"]),
            Route("/stories/{story}/send-back", self._page(self.send_back, "approve"), methods=["POST"]),
            Route("/stories/{story}/publish", self._page(self.publish, "publish"), methods=["POST"]),
            Route("/stories/{story}/checked", self._page(self.checked, "approve"), methods=["POST"]),
            Route("/places/{number}/cleared", self._page(self.cleared, "publish"), methods=["POST"]),
            Route("/due", self._page(self.due)),
            Route("/asks/{ask}/reminded", self._page(self.reminded, "give"), methods=["POST"]),
            Route("/people", self._page(self.people)),
            Route("/people/{key}/pause", self._page(self.pause, "pause"), methods=["POST"]),
            Route("/people/{key}/give", self._page(self.give, "give"), methods=["POST"]),
            Route("/people/{key}/forget", self._page(self.forget, "erase"), methods=["POST"]),
            Route("/people/{key}", self._page(self.person)),
            Route("/overview", self._page(self.overview)),
            Route("/overview/{step}", self._page(self.counted)),
            Route("/team", self._page(self.team_page, "accounts"), methods=["GET", "POST"]),
        ]

    # Signing in

    async def sign_in(self, request: Request) -> Response:
        """Name and password; every failure takes as long and says the same."""
        said = name = ""
        if request.method == "POST":
            if not self.tries.allows(request):
                return PlainTextResponse("Too many tries. Please wait a minute.", 429)
            async with request.form(max_files=0, max_fields=5) as form:
                name, password = str(form.get("name", ""))[:80], str(form.get("password", ""))[:1000]
            session = await run_in_threadpool(self.team.sign_in, name, password)
            if session is not None:
                return self.welcome(session)
            said = "Name or password is wrong."
        return page("sign-in.html", 401 if said else 200, said=said, name=name, oidc=self.oidc)

    def welcome(self, session: str) -> Response:
        """Into the desk, with a session that did not exist before."""
        answer = RedirectResponse("/stories", 303)
        answer.set_cookie(COOKIE, session, httponly=True, secure=self.secure, samesite="lax", path="/")
        return answer

    async def sign_out(self, visit: Visit) -> Response:
        """End the session."""
        await run_in_threadpool(self.team.sign_out, visit.session)
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE, path="/")
        return answer

    def _page(self, handler: Handler, deed: Deed = "see") -> Callable[[Request], Awaitable[Response]]:
        """A page for those who are signed in and whose role allows it; errors become pages, forms must be our own."""

        async def answer(request: Request) -> Response:
            session = request.cookies.get(COOKIE, "")
            account = await run_in_threadpool(self.team.who, session) if session else None
            if account is None:
                return RedirectResponse("/sign-in", 303)
            form = FormData()
            if request.method == "POST":
                form = await request.form(max_files=0, max_fields=60)
                if not is_form_token(session, str(form.get("token", ""))):
                    return PlainTextResponse("This form is not from this session. Open the page again.", 403)
            visit = Visit(request, account, session, form)
            try:
                account.must(deed)
                return await handler(visit)
            except NotFound as error:
                return self._fault(visit, error, 404)
            except DelightError as error:
                return self._fault(visit, error, 403 if not account.may(deed) else 409)

        return answer

    def _fault(self, visit: Visit, error: DelightError, status: int) -> Response:
        return self._show(visit, "fault.html", status, error=error)

    def _show(self, visit: Visit, template: str, status: int = 200, **values: Any) -> Response:
        may = {deed: visit.account.may(deed) for deed in MAY}
        here = visit.request.url.path
        return page(
            template, status, account=visit.account, token=form_token(visit.session), may=may, here=here, **values
        )

    # Stories

    async def stories(self, visit: Visit) -> Response:
        """Cards, filtered."""
        query = visit.request.query_params
        wanted = filter_of(query)
        offset = _number(query.get("from", ""))
        like = query.get("like", "").strip()[:300]
        if like:
            found = await run_in_threadpool(self.telling.stories_like, like, PAGE)
            total = len(found)
        else:
            found, total = await run_in_threadpool(self.telling.stories_page, wanted, offset, PAGE)
        kept = {name: value for name, value in query.items() if name != "from" and value}
        return self._show(
            visit,
            "stories.html",
            found=found,
            total=total,
            wanted=wanted,
            like=like,
            query=query,
            states=STATES,
            places=PLACES,
            outcomes=get_args(Outcome),
            offset=offset,
            more=f"?{urlencode({**kept, 'from': offset + PAGE})}" if offset + PAGE < total else "",
            less=f"?{urlencode({**kept, 'from': max(offset - PAGE, 0)})}" if offset else "",
        )

    async def story(self, visit: Visit) -> Response:
        """The chain of one story."""
        chain = await run_in_threadpool(self.telling.story_chain, visit.request.path_params["story"])
        where, s = chain.where, chain.where.story
        claims = claims_in(s.hook, s.moment, s.catalyst, *(q.text for q in s.quotes))
        return self._show(
            visit,
            "story.html",
            where=where,
            chain=chain,
            kinds=self.telling.policy().kinds,
            claims=claims,
            places=PLACES,
        )

    async def edit(self, visit: Visit) -> Response:
        """Change what stands around a quote, or shorten it."""
        names = ("hook", "moment", "catalyst", "disclosure", "proof")
        fields = {name: visit.field(name) for name in names if name in visit.form}
        story = visit.request.path_params["story"]
        wanted = visit.field("quote") if "quote" in visit.form else None
        await run_in_threadpool(lambda: self.telling.edit_story(story, visit.account.name, wanted, **fields))
        return _back(f"/stories/{quote(story)}")

    async def other_words(self, visit: Visit) -> Response:
        """Have the customer asked about other words of their quote."""
        story, by = visit.request.path_params["story"], visit.account.name
        if visit.field("drop"):
            await run_in_threadpool(self.telling.drop_other_words, story, by)
        else:
            await run_in_threadpool(self.telling.want_other_words, story, visit.field("words"), by)
        return _back(f"/stories/{quote(story)}")

    async def approve(self, visit: Visit) -> Response:
        """Marketing's key."""
        story = visit.request.path_params["story"]
        await run_in_threadpool(self.telling.approve_story, story, visit.account.name)
        return _back(f"/stories/{quote(story)}")

    async def send_back(self, visit: Visit) -> Response:
        """Take marketing's key back."""
        story = visit.request.path_params["story"]
        await run_in_threadpool(self.telling.retract_story, story, visit.account.name, visit.field("reason"))
        return _back(f"/stories/{quote(story)}")

    async def publish(self, visit: Visit) -> Response:
        """Record where it stands."""
        story, place = visit.request.path_params["story"], visit.field("place")
        if place not in PLACES:
            raise NotFound(f"There is no place {place}.")
        await run_in_threadpool(
            self.telling.publish, story, place, visit.field("address"), visit.field("campaign"), visit.account.name
        )
        return _back(f"/stories/{quote(story)}")

    async def checked(self, visit: Visit) -> Response:
        """It was looked at again and still holds."""
        story = visit.request.path_params["story"]
        await run_in_threadpool(self.telling.recheck_story, story, visit.account.name)
        return _back("/due")

    # Due

    async def due(self, visit: Visit) -> Response:
        """What waits for somebody."""
        found = await run_in_threadpool(self.telling.due)
        return self._show(visit, "due.html", due=found, now=self.telling.clock())

    async def cleared(self, visit: Visit) -> Response:
        """A place was cleared."""
        number = _number(visit.request.path_params["number"])
        await run_in_threadpool(self.telling.cleared, number, visit.account.name, visit.field("proof"))
        return _back("/due")

    async def reminded(self, visit: Visit) -> Response:
        """An ask was reminded of."""
        await run_in_threadpool(self.telling.reminded, visit.request.path_params["ask"], visit.account.name)
        return _back("/due")

    # People

    async def people(self, visit: Visit) -> Response:
        """Customers, found by words."""
        words = visit.request.query_params.get("q", "")[:200]
        found = await run_in_threadpool(self.telling.people, words)
        return self._show(visit, "people.html", found=found, words=words)

    async def person(self, visit: Visit) -> Response:
        """One customer."""
        found = await run_in_threadpool(self.telling.person, visit.key)
        return self._show(visit, "person.html", person=found)

    async def pause(self, visit: Visit) -> Response:
        """The veto: never ask, or take that back."""
        key, paused = visit.key, visit.field("paused") == "yes"
        await run_in_threadpool(lambda: self.telling.pause(key, visit.account.name, paused=paused))
        return _back(f"/people/{as_handle(key)}")

    async def give(self, visit: Visit) -> Response:
        """Something was given that asked for nothing."""
        key = visit.key
        await run_in_threadpool(self.telling.give, key, visit.field("what"), visit.account.name)
        return _back(f"/people/{as_handle(key)}")

    async def forget(self, visit: Visit) -> Response:
        """Erase a customer; asks for the name once more."""
        key = visit.key
        if visit.field("sure") != key:
            raise NotFound("Nothing was erased: the key that you typed is not this customer's.")
        left = await run_in_threadpool(self.telling.forget, key, visit.account.name)
        return self._show(visit, "erased.html", left=left)

    # Overview and team

    async def overview(self, visit: Visit) -> Response:
        """The funnel as charts; every number leads to what it counts."""
        chosen = _by(visit)
        whole, rows = await run_in_threadpool(lambda: (self.telling.funnel(), self.telling.funnel_rows(chosen)))
        return self._show(
            visit,
            "overview.html",
            whole=whole,
            rows=rows,
            by=chosen,
            steps=tuple(Funnel.model_fields),
            chart=funnel_chart(whole),
            link=lambda name, step: _counted(chosen, name, step),
        )

    async def counted(self, visit: Visit) -> Response:
        """What one number of the overview counts."""
        step, name = visit.request.path_params["step"], visit.request.query_params.get("name", "")[:200]
        if step not in get_args(Step):
            raise NotFound("The overview counts no such step.")
        by = _by(visit)
        found = await run_in_threadpool(self.telling.counted, by, name, cast("Step", step))
        return self._show(visit, "counted.html", found=found[:LISTED], total=len(found), by=by, name=name, step=step)

    async def team_page(self, visit: Visit) -> Response:
        """Accounts, tokens, webhooks, and what was done."""
        made = ""
        if visit.request.method == "POST":
            made = await run_in_threadpool(self._change_team, visit)
        values: dict[str, Any] = await run_in_threadpool(
            lambda: {
                "accounts": self.team.accounts(),
                "tokens": self.team.tokens(),
                "webhooks": self.team.webhooks(),
                "dead": self.team.dead_letters(),
                "log": self.telling.audited(100),
            }
        )
        return self._show(visit, "team.html", made=made, roles=ROLES, **values)

    def _change_team(self, visit: Visit) -> str:
        """Do what a form of the team page asks; returns what is shown this once."""
        by, what = visit.account.name, visit.field("what")
        if what == "account":
            if visit.field("role") not in ROLES:
                raise NotFound("There is no such role.")
            role = cast("Role", visit.field("role"))
            self.team.put_account(visit.field("name"), role, visit.field("password"), by, visit.field("subject"))
        elif what == "remove-account":
            self.team.remove_account(visit.field("name"), by)
        elif what == "token":
            return f"The token, shown this once: {self.team.make_token(visit.field('name'), by)}"
        elif what == "revoke-token":
            self.team.revoke_token(visit.field("name"), by)
        elif what == "webhook":
            return f"Its secret, shown this once: {self.team.add_webhook(visit.field('url'), by)}"
        elif what == "remove-webhook":
            self.team.remove_webhook(_number(visit.field("number")), by)
        elif what == "again":
            self.team.try_again(visit.field("delivery"))
        return ""


def filter_of(query: Mapping[str, str]) -> Filter:
    """The filter that an address asks for; what it cannot be is left out."""
    return Filter(
        state=query.get("state", "") if query.get("state") in STATES else "",
        signal=query.get("signal", "")[:60],
        outcome=query.get("outcome", "")[:60],
        place=query.get("place", "") if query.get("place") in PLACES else "",
        play=query.get("play", "")[:200],
        product=query.get("product", "")[:60].strip(),
        words=query.get("q", "")[:200],
        since=_moment(query.get("since", "")),
        until=_moment(query.get("before", "")),
    )


def _by(visit: Visit) -> By:
    """What the rows of the overview are."""
    by = visit.request.query_params.get("by", "week")
    return cast("By", by) if by in get_args(By) else "week"


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def _moment(text: str) -> datetime | None:
    try:
        return datetime.combine(datetime.fromisoformat(text).date(), time.min, UTC) if text else None
    except ValueError:
        return None


def _counted(by: By, name: str, step: str) -> str:
    """The address of the list of what a number of the overview counts."""
    return f"/overview/{step}?{urlencode({'by': by, 'name': name})}"


def _back(path: str) -> Response:
    return RedirectResponse(path, 303)
