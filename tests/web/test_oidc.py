"""Signing in by an OpenID provider: against one that others wrote, and against one of ours that cheats.

What is proved: whoever the provider vouches for, and nobody else, is let in, and only to an account that an admin tied to
that subject; every other answer of a provider ends in words, without a session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from copilot.settings import WebSettings
from copilot.web.app import make_app
from copilot.web.desk import COOKIE
from copilot.web.oidc import COOKIE as BEGUN
from tests.web.fixtures_http import ADDRESS, InProcess, Room, empty_database, quick_hashes, room, served

__all__ = ["empty_database", "quick_hashes", "room"]  # fixtures
pytestmark = [
    pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"]),
    pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning"),  # oidc-provider-mock's, of authlib
]
SUBJECT = "auth0|5f7c8ec7c33c6c004bbafe82"
ID = "delight"
SECRET = "a secret of ours"


def browser(room: Room, issuer: str) -> httpx.Client:
    """A browser before the web room that signs in by `issuer`."""
    settings = WebSettings(public_url=ADDRESS, oidc_issuer=issuer, oidc_client_id=ID)
    app = make_app(room.telling, room.team, settings, SECRET)
    return httpx.Client(transport=InProcess(app, raises=True), base_url=ADDRESS)


def admit(room: Room, subject: str = SUBJECT) -> None:
    """Tie a subject to an account of marketing."""
    room.team.put_account("Priya", "marketing", "", "the operator", subject)


# A provider that others wrote


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of an independent provider (oidc-provider-mock), which checks the code, the verifier and our id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what authlib calls old
        from oidc_provider_mock import run_server_in_thread
    with run_server_in_thread(require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


def vouched(begun: Response | httpx.Response, subject: str) -> httpx.URL:
    """The address to which the provider sends somebody back who signed in there as `subject`."""
    with httpx.Client() as there:
        address = begun.headers["location"]
        assert there.get(address).status_code == 200
        answer = there.post(address, data={"sub": subject})
    assert answer.status_code == 302, answer.text
    return httpx.URL(answer.headers["location"])


def test_whom_the_provider_vouches_for_is_signed_in(room: Room, provider: str) -> None:
    admit(room)
    with browser(room, provider) as client:
        back = vouched(client.get("/sign-in/openid"), SUBJECT)
        assert str(back).startswith(f"{ADDRESS}/sign-in/openid/back?")
        answer = client.get(back)
        assert (answer.status_code, answer.headers["location"]) == (303, "/stories")
        assert client.get("/stories").status_code == 200
        assert BEGUN not in client.cookies
    assert [line.who for line in room.telling.audited() if line.action == "signed in"] == ["Priya"]


def test_whom_nobody_here_knows_stays_outside(room: Room, provider: str) -> None:
    admit(room, "somebody else")
    with browser(room, provider) as client:
        answer = client.get(vouched(client.get("/sign-in/openid"), SUBJECT))
        assert answer.status_code == 403
        assert "Ask an admin" in answer.text
        assert COOKIE not in client.cookies


def test_a_way_back_counts_once_and_for_the_browser_that_set_out(room: Room, provider: str) -> None:
    admit(room)
    with browser(room, provider) as client, browser(room, provider) as thief:
        back = vouched(client.get("/sign-in/openid"), SUBJECT)
        assert thief.get(back).status_code == 400
        thief.get("/sign-in/openid")
        assert thief.get(back).status_code == 400
        assert client.get(back).status_code == 303
        assert client.get(back).status_code == 400
        assert COOKIE not in thief.cookies


def test_who_refuses_at_the_provider_is_told_so(room: Room, provider: str) -> None:
    admit(room)
    with browser(room, provider) as client:
        begun = client.get("/sign-in/openid")
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        answer = client.get("/sign-in/openid/back", params={"error": "access_denied", "state": state})
        assert answer.status_code == 403
        assert "did not sign you in" in answer.text


# A provider that cheats

Claims = dict[str, Any]
OURS = RSAKey.generate_key(2048, {"kid": "1"})
ANOTHER = RSAKey.generate_key(2048, {"kid": "1"})


@dataclass
class Crooked:
    """A provider whose every answer a test can bend; it checks PKCE as the standard says (RFC 7636, section 4.6)."""

    claims: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[[Claims], str] = lambda claims: jwt.encode({"alg": "RS256", "kid": "1"}, claims, OURS)
    token: Callable[[str], Response] = lambda signed: JSONResponse({"token_type": "Bearer", "access_token": "a", "id_token": signed})  # fmt: skip
    told: Callable[[Claims], Response] = JSONResponse
    keys: Callable[[Mapping[str, Any]], Response] = JSONResponse
    asked: dict[str, str] = field(default_factory=dict)
    verified: list[bool] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        """The provider."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._describe),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", lambda _: self.keys(KeySet([OURS]).as_dict(private=False))),
            ]
        )

    def _describe(self, request: Request) -> Response:
        home = str(request.base_url).rstrip("/")
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return self.told({"issuer": home, **{name: f"{home}/{path}" for name, path in names.items()}})

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        digest = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        self.verified.append(digest.decode() == self.asked["code_challenge"])
        now = int(time.time())
        whole = {"iss": str(request.base_url).rstrip("/"), "sub": SUBJECT, "aud": ID, "iat": now, "exp": now + 60}
        return self.token(self.sign(self.claims({**whole, "nonce": self.asked["nonce"]})))

    def sign_in(self, room: Room) -> httpx.Response:
        """Set out, come back, and what the desk answered."""
        with served(self.app) as issuer, browser(room, issuer) as client:
            begun = client.get("/sign-in/openid")
            if begun.status_code == 303:
                self.asked = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
                begun = client.get("/sign-in/openid/back", params={"code": "c", "state": self.asked["state"]})
            assert (COOKIE in client.cookies) == (begun.status_code == 303)
            return begun


def test_the_cheat_is_believed_while_it_does_not_cheat(room: Room) -> None:
    admit(room)
    crooked = Crooked()
    assert crooked.sign_in(room).status_code == 303
    assert crooked.verified == [True]
    assert crooked.asked["code_challenge_method"] == "S256"
    assert crooked.asked["scope"] == "openid"


def changed(**values: Any) -> Callable[[Claims], Claims]:
    """Claims with other values; None leaves one out."""
    return lambda claims: {k: v for k, v in {**claims, **values}.items() if v is not None}


@pytest.mark.parametrize(
    "bent",
    [
        changed(nonce="another"),
        changed(nonce=None),
        changed(aud="another client"),
        changed(aud=["another client", "and another"]),
        changed(aud=None),
        changed(aud=[ID, "another client"], azp="another client"),
        changed(iss="https://another.example"),
        changed(iss=None),
        changed(exp=1),
        changed(exp=None),
        changed(exp="tomorrow"),
        changed(iat=None),
        changed(sub=None),
        lambda _: {},
    ],
)
def test_claims_that_are_not_for_us_let_nobody_in(room: Room, bent: Callable[[Claims], Claims]) -> None:
    admit(room)
    assert Crooked(claims=bent).sign_in(room).status_code == 400


def by_hand(algorithm: str, secret: bytes = b"") -> Callable[[Claims], str]:
    """Signs with what no honest library would: nothing, or a secret that is public."""

    def coded(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    def sign(claims: Claims) -> str:
        head = {"alg": algorithm, "kid": "1"}
        signed = f"{coded(json.dumps(head).encode())}.{coded(json.dumps(claims).encode())}"
        return f"{signed}.{coded(hmac.digest(secret, signed.encode(), 'sha256')) if secret else ''}"

    return sign


@pytest.mark.parametrize(
    "sign",
    [
        by_hand("none"),
        by_hand("HS256", OURS.as_pem(private=False)),
        by_hand("HS256", SECRET.encode()),
        lambda claims: jwt.encode({"alg": "RS256", "kid": "1"}, claims, ANOTHER),
        lambda _: "not.a.token",
        lambda _: "",
    ],
)
def test_identities_that_the_provider_did_not_sign_let_nobody_in(room: Room, sign: Callable[[Claims], str]) -> None:
    admit(room)
    assert Crooked(sign=sign).sign_in(room).status_code == 400


@pytest.mark.parametrize(
    "answer",
    [
        HTMLResponse("<h1>Bad gateway</h1>", 502),
        JSONResponse({"error": "invalid_grant"}, 400),
        JSONResponse({"access_token": "a", "token_type": "Bearer"}),
        JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": 7}),
        JSONResponse([]),
        JSONResponse(None),
        Response(b"\xff\xfe"),
    ],
)
def test_a_provider_that_breaks_ends_in_words(room: Room, answer: Response) -> None:
    admit(room)
    assert Crooked(token=lambda _: answer).sign_in(room).status_code == 400
    assert Crooked(keys=lambda _: answer).sign_in(room).status_code == 400
    assert Crooked(told=lambda _: answer).sign_in(room).status_code == 503


def test_another_issuer_than_the_one_that_was_set_is_not_asked(room: Room) -> None:
    other = Crooked(told=lambda said: JSONResponse({**said, "issuer": "https://another.example"}))
    answer = other.sign_in(room)
    assert answer.status_code == 503
    assert "by password" in answer.text


def test_a_provider_that_is_away_is_said(room: Room) -> None:
    with browser(room, "http://127.0.0.1:9") as client:
        assert client.get("/sign-in/openid").status_code == 503


@pytest.mark.parametrize("state", ["", "é", "\x00", "a" * 5_000])
def test_a_state_that_was_not_given_out_is_refused(room: Room, state: str) -> None:
    crooked = Crooked()
    with served(crooked.app) as issuer, browser(room, issuer) as client:
        assert client.get("/sign-in/openid/back", params={"code": "c", "state": state}).status_code == 400
        client.get("/sign-in/openid")
        assert client.get("/sign-in/openid/back", params={"code": "c", "state": state}).status_code == 400
        forged = {b"cookie": f"{BEGUN}=forged.cookie.é".encode()}
        answer = client.get("/sign-in/openid/back", params={"code": "c", "state": state}, headers=forged)
        assert answer.status_code == 400
    assert crooked.verified == []
