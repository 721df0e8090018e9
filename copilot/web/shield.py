"""What stands before every page: headers, limits of size, time and rate, where a form may come from.

What must not live here: who may do what (accounts know), and what may be shown (the flow knows).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import OrderedDict
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024
BODY_SECONDS = 10.0
"""A form is a few kilobytes: whoever sends it slower holds a worker on purpose."""
SAFE = frozenset(["GET", "HEAD", "OPTIONS"])
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {frame}"
)
REMEMBERED = 10_000


class Shield:
    """Wraps the application.

    Args:
        app: What answers.
        embeddable: Paths that other sites may show in a frame.
        body_seconds: How long a form may take to come in.
    """

    def __init__(
        self, app: ASGIApp, embeddable: frozenset[str] = frozenset(), body_seconds: float = BODY_SECONDS
    ) -> None:
        self.app = app
        self.body_seconds = body_seconds
        self.embeddable = embeddable

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = scope["path"]

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                harmless(out, scope["scheme"], embeddable=path in self.embeddable)
            await send(message)

        if scope["method"] not in SAFE and not same_origin(headers):
            await PlainTextResponse("This form came from another site.", 403)(scope, receive, guarded)
            return
        if (length := headers.get("content-length", "0")).isdigit() and int(length) > MAX_BODY:
            await PlainTextResponse("That is too large.", 413)(scope, receive, guarded)
            return
        try:
            body = await asyncio.wait_for(_whole(receive), self.body_seconds) if scope["method"] not in SAFE else b""
        except TimeoutError:
            await PlainTextResponse("That took too long.", 408)(scope, receive, guarded)
            return
        if body is None:
            await PlainTextResponse("That is too large.", 413)(scope, receive, guarded)
            return
        await self.app(scope, _replay(body, receive), guarded)


def harmless(out: MutableHeaders, scheme: str, *, embeddable: bool = False) -> None:
    """Put the headers on that keep a page from being turned against whoever reads it."""
    out.setdefault("content-security-policy", POLICY.format(frame="*" if embeddable else "'none'"))
    out.setdefault("x-content-type-options", "nosniff")
    out.setdefault("referrer-policy", "same-origin")  # "no-referrer" would take the origin from our own forms
    out.setdefault("cross-origin-opener-policy", "same-origin")
    out.setdefault("permissions-policy", "camera=(), microphone=(), geolocation=()")
    out.setdefault("cache-control", "no-store")
    if not embeddable:
        out.setdefault("x-frame-options", "DENY")
    if scheme == "https":
        out.setdefault("strict-transport-security", "max-age=31536000")


def same_origin(headers: Headers) -> bool:
    """Whether a browser says that a form came from this site; what is no browser says nothing."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc == headers.get("host", "")


async def _whole(receive: Receive) -> bytes | None:
    """The body; None where it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


class Rate:
    """Lets so many tries a minute pass from one address.

    Args:
        a_minute: Tries a minute; as many may come at once.
    """

    def __init__(self, a_minute: int) -> None:
        self.a_minute = a_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, request: Request) -> bool:
        """Whether this request may pass."""
        who = request.client.host if request.client else ""
        now = time.monotonic()
        left, seen = self._left.pop(who, (float(self.a_minute), now))
        left = min(float(self.a_minute), left + (now - seen) * self.a_minute / 60) - 1
        self._left[who] = (max(left, -1.0), now)
        while len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        return left >= 0


def form_token(session: str) -> str:
    """What every form of a session carries: nobody can make one who does not hold the session."""
    return hmac.new(session.encode(), b"delight.form", hashlib.sha256).hexdigest()


def is_form_token(session: str, token: str) -> bool:
    """Whether a form came from a page of this session."""
    return hmac.compare_digest(form_token(session).encode(), token.encode("utf-8", "replace"))
