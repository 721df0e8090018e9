"""Signing in by an OpenID provider: the code flow with PKCE, by authlib. The only module that knows it."""

from __future__ import annotations

import secrets

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from httpx import AsyncClient, HTTPError
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from copilot.settings import WebSettings
from copilot.team import Team
from copilot.web.desk import WebDesk

COOKIE = "delight_oidc"
MINUTES = 10
ALGORITHMS = ["RS256", "ES256", "PS256"]
"""How an identity may be signed: by the provider's own key, never by anything that both sides know."""
BROKEN = (OAuthError, JoseError, HTTPError, ValueError, KeyError, TypeError)
"""What goes wrong with a provider that is away, that is none, or that answers what it should not."""


class Provider(BaseModel):
    """What a provider says of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class SignIn:
    """The two addresses of the flow.

    Args:
        settings: The provider and our id there.
        secret: Our secret there.
        team: Knows whose subject it is.
        desk: Where those who are signed in go.
        secure: Whether the cookie travels over https alone.
    """

    def __init__(self, settings: WebSettings, secret: str, team: Team, desk: WebDesk, *, secure: bool) -> None:
        self.settings = settings
        self.secret = secret
        self.team = team
        self.desk = desk
        self.secure = secure
        self._signer = URLSafeTimedSerializer(secrets.token_hex(32), salt="delight.oidc")
        self._known: Provider | None = None
        self.routes = [Route("/sign-in/openid", self.begin), Route("/sign-in/openid/back", self.back)]

    async def begin(self, request: Request) -> Response:
        """Off to the provider."""
        try:
            provider = await self._provider()
        except BROKEN:
            return PlainTextResponse("The sign-in provider cannot be reached. Sign in by password.", 503)
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        address, state = self._client(request).create_authorization_url(
            provider.authorization_endpoint, code_verifier=verifier, nonce=nonce
        )
        answer = RedirectResponse(address, 303)
        kept = self._signer.dumps([state, verifier, nonce])
        answer.set_cookie(
            COOKIE, kept, max_age=MINUTES * 60, httponly=True, secure=self.secure, samesite="lax", path="/sign-in"
        )
        return answer

    async def back(self, request: Request) -> Response:
        """Back from the provider, with somebody it vouches for."""
        try:
            state, verifier, nonce = self._signer.loads(request.cookies.get(COOKIE, ""), max_age=MINUTES * 60)
            if not secrets.compare_digest(state.encode(), request.query_params.get("state", "").encode()):
                return PlainTextResponse("This sign-in was not begun here. Begin again.", 400)
            if "error" in request.query_params:
                return PlainTextResponse("The provider did not sign you in. Begin again, or sign in by password.", 403)
            subject = await self._subject(request, verifier, nonce)
        except (BadSignature, *BROKEN):
            return PlainTextResponse("The sign-in could not be checked. Begin again.", 400)
        session = await run_in_threadpool(self.team.sign_in_as, subject)
        if session is None:
            return PlainTextResponse("Nobody here has that account. Ask an admin to add you.", 403)
        answer = self.desk.welcome(session)
        answer.delete_cookie(COOKIE, path="/sign-in")
        return answer

    async def _subject(self, request: Request, verifier: str, nonce: str) -> str:
        provider = await self._provider()
        async with self._client(request) as client:
            token = await client.fetch_token(
                provider.token_endpoint, code=request.query_params.get("code", ""), code_verifier=verifier
            )
        async with AsyncClient() as client:
            keys = KeySet.import_key_set((await client.get(provider.jwks_uri)).json())
        decoded = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {"iss": {"value": provider.issuer}, "aud": {"value": self.settings.oidc_client_id}},
            {"nonce": nonce, "client_id": self.settings.oidc_client_id},
        )
        claims.validate(leeway=60)
        return str(claims["sub"])

    async def _provider(self) -> Provider:
        if self._known is None:
            address = f"{self.settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"
            async with AsyncClient() as client:
                found = Provider.model_validate_json((await client.get(address)).content)
            if found.issuer.rstrip("/") != self.settings.oidc_issuer.rstrip("/"):
                raise ValueError("another issuer answered")
            self._known = found
        return self._known

    def _client(self, request: Request) -> AsyncOAuth2Client:
        home = self.settings.public_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
        return AsyncOAuth2Client(
            self.settings.oidc_client_id,
            self.secret,
            scope="openid",
            redirect_uri=f"{home}/sign-in/openid/back",
            code_challenge_method="S256",
        )
