"""What an attacker tries at the web room, door by door; each test says what then must not happen."""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import json
import re
import shutil
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urljoin, urlsplit
from xml.etree import ElementTree as Xml

import httpx
import pytest
from httpx import Response
from starlette.requests import Request as HttpRequest
from starlette.routing import Route

from copilot.accounts.models import MAY, ROLES, Deed, Role
from copilot.accounts.store import IDLE, LONGEST
from copilot.asking import store as asking
from copilot.asking.links import Links
from copilot.db.engine import Database
from copilot.errors import DelightError, NotFound, RefusedAction
from copilot.settings import WebSettings
from copilot.stories import webhooks
from copilot.stories.export import COLUMNS, FORMULA
from copilot.stories.webhooks import WAITS, AddressRefused, Deliverer
from copilot.telling import AFTERWARDS, CONSENT, REFER
from copilot.tickets import store as ticketing
from copilot.web.desk import COOKIE
from copilot.web.render import as_handle
from copilot.web.shield import MAX_BODY, Shield, form_token
from tests.fakes import FakeClock
from tests.web.fixtures_http import (
    ADDRESS,
    PASSWORD,
    FakeResolver,
    Parsed,
    Receiver,
    Room,
    empty_database,
    quick_hashes,
    receiver,
    room,
    served,
)

__all__ = ["empty_database", "quick_hashes", "receiver", "room"]  # fixtures
listens = pytest.mark.allow_hosts(["127.0.0.1"])
YES_FORM = {"button": "yes", "words": "", "name": "full", "company": "no", "places": "website", "until": "open"}
HOSTILE = "'\"></title></textarea><script>alert(1)</script><img src=x onerror=alert(1)>"
HARMLESS = "harmless words"
ANNA = f"/people/{as_handle('test/c-1')}"
INJECTIONS = (
    "' OR '1'='1",
    "x'; DROP TABLE stories; --",
    '") UNION SELECT password, 1, 1, 1 FROM accounts --',
    "%' ESCAPE '\\",
    "_",
    "\x00",
)


# Links


def never_made() -> str:
    """A token such as a stranger would make up."""
    return Links(b"z" * 32).make(CONSENT)[0]


def _swapped(token: str, at: int) -> str:
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


def bad_links(token: str, referral: str) -> Mapping[str, str]:
    """Links that open nothing, made from one that does."""
    return {
        "signed by us, but never kept": Links(b"k" * 32).make(CONSENT)[0],
        "made for another purpose": referral,
        "one letter of the token": _swapped(token, 3),
        "one letter of the signature": _swapped(token, len(token) - 10),
        "without its signature": token.rpartition(".")[0],
        "the signature alone": token.rpartition(".")[2],
        "truncated": token[:-1],
        "longer": token + "A",
        "doubled": f"{token}.{token}",
        "endless": "A" * 5_000,
        "no ASCII": quote("ключ.ключ"),
        "a number": "1",
        "an ask": "a-s-1",
        "a null byte": "%00",
    }


def referral_of(room: Room, number: int = 9) -> str:
    """The token of a customer's referral link."""
    shown = room.answer(room.ask(room.noticed(number), "refer"))
    return shown.referral.rpartition("/")[2]


def the_same(answers: Mapping[str, Response]) -> None:
    """Nobody learns from an answer which kind of wrong a link was."""
    first = next(iter(answers.values()))
    for why, answer in answers.items():
        assert answer.status_code == 404, why
        assert answer.content == first.content, why
        assert answer.headers == first.headers, why


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("language", ["", "de", "xx, de;q=0.5", '"><script>'])
def test_a_forged_link_answers_as_one_that_was_never_made(room: Room, method: str, language: str) -> None:
    kept = room.make("awaiting_customer")
    client = room.client()
    headers = {"accept-language": language} if language else {}
    form = YES_FORM if method == "POST" else None
    before = room.kept()
    tokens = {"never made": never_made(), **bad_links(kept.token, never_made())}
    found = {why: client.request(method, f"/p/{token}", data=form, headers=headers) for why, token in tokens.items()}
    the_same(found)
    assert room.kept() == before


def test_a_referral_link_opens_no_page_and_a_page_link_refers_nobody(room: Room) -> None:
    kept = room.make("awaiting_customer")
    referral = referral_of(room)
    client = room.client()
    assert client.get(f"/r/{referral}").headers["location"] == "https://fernway.example/friends"
    the_same(
        {
            "never made": client.get(f"/p/{never_made()}"),
            "a referral as a page": client.get(f"/p/{referral}"),
            "a page as a referral": client.get(f"/r/{kept.token}"),
            "signed by us for referring, but never kept": client.get(f"/r/{Links(b'k' * 32).make(REFER)[0]}"),
        }
    )


def test_a_link_that_ran_out_answers_as_one_that_was_never_made(room: Room, clock: FakeClock) -> None:
    kept = room.make("awaiting_customer")
    client = room.client()
    assert client.get(f"/p/{kept.token}").status_code == 200
    clock.forward(days=21)
    the_same({"never": client.get(f"/p/{never_made()}"), "ran out": client.get(f"/p/{kept.token}")})
    the_same({"never": client.get(f"/p/{never_made()}"), "pressed": client.post(f"/p/{kept.token}", data=YES_FORM)})
    assert room.telling.ledger() == []


def test_an_ask_that_nobody_answered_never_says_that_somebody_took_it_back(room: Room, clock: FakeClock) -> None:
    kept = room.make("awaiting_customer")
    client = room.client()
    clock.forward(days=22)
    assert room.telling.expire() == 1
    answer = client.get(f"/p/{kept.token}")
    assert "You have taken it back" not in answer.text
    the_same({"never": client.get(f"/p/{never_made()}"), "ran out, and closed": answer})


@pytest.mark.parametrize("button", ["no", "never", "withdraw"])
def test_a_link_long_after_the_answer_answers_as_one_that_was_never_made(
    room: Room, clock: FakeClock, button: Any
) -> None:
    kept = room.make("awaiting_customer")
    if button == "withdraw":
        room.answer(kept)
    room.answer(kept, button=button)
    client = room.client()
    assert client.get(f"/p/{kept.token}").status_code == 200
    clock.now += AFTERWARDS
    the_same({"never": client.get(f"/p/{never_made()}"), "old": client.get(f"/p/{kept.token}")})


def test_the_link_of_an_erased_customer_answers_as_one_that_was_never_made(room: Room) -> None:
    kept = room.make("erased")
    client = room.client()
    the_same({"never": client.get(f"/p/{never_made()}"), "erased": client.get(f"/p/{kept.token}")})


def test_a_link_of_an_ask_that_was_never_sent_answers_as_one_that_was_never_made(room: Room) -> None:
    kept = room.make("awaiting_customer")
    assert kept.ask is not None
    drafted = kept.ask.model_copy(update={"id": "a-drafted", "state": "drafted", "sent_at": None})
    with room.database.begin() as connection:
        asking.put(connection, drafted)
        token = room.telling.make_link(connection, drafted).rpartition("/")[2]
    client = room.client()
    the_same({"never": client.get(f"/p/{never_made()}"), "drafted": client.get(f"/p/{token}")})


def test_pressing_again_after_an_answer_changes_nothing(room: Room) -> None:
    kept = room.make("awaiting_customer")
    client = room.client()
    form = {**YES_FORM, "words": kept.ask.words if kept.ask else ""}
    first = client.post(f"/p/{kept.token}", data=form)
    page = client.get(f"/p/{kept.token}")
    before = room.kept()
    for again in (form, {**form, "places": "sales"}, {**form, "words": "Other words."}, {"button": "no"}):
        answer = client.post(f"/p/{kept.token}", data=again)
        assert (answer.status_code, answer.headers["location"]) == (303, first.headers["location"])
    assert client.get(f"/p/{kept.token}").content == page.content
    assert room.kept() == before


def test_a_yes_that_is_replayed_after_a_withdrawal_gives_nothing_back(room: Room) -> None:
    kept = room.make("published")
    room.answer(kept, button="withdraw")
    before = room.kept()
    room.client().post(f"/p/{kept.token}", data={**YES_FORM, "words": kept.ask.words if kept.ask else ""})
    assert room.kept() == before
    assert room.telling.story(kept.id).state == "withdrawn"


def test_a_link_opens_its_own_ask_and_no_other(room: Room) -> None:
    one, two = (room.make("awaiting_customer", number) for number in (1, 2))
    room.client().post(f"/p/{one.token}", data={"button": "no"})
    assert [entry.ask_id for entry in room.telling.ledger()] == [one.ask.id if one.ask else ""]
    assert room.telling.story(two.id).state == "awaiting_customer"


def test_the_database_holds_no_link_and_no_token_that_opens_anything(room: Room) -> None:
    kept = room.make("awaiting_customer")
    token = room.team.make_token("cms", "the operator")
    session = room.session("admin")
    held = b"".join(path.read_bytes() for path in room.database.path.parent.glob(f"{room.database.path.name}*"))
    for secret in (kept.token, token, session, PASSWORD):
        assert secret.encode() not in held


# Forms from elsewhere


def posts(room: Room) -> list[str]:
    """Every address of the application that takes a form."""
    return [route.path for route in room.app.routes if isinstance(route, Route) and "POST" in (route.methods or ())]


DEEDS: Mapping[str, tuple[Deed, Mapping[str, str]]] = {
    "/sign-out": ("see", {}),
    "/stories/{story}/edit": ("edit", {"hook": "Another hook"}),
    "/stories/{story}/other-words": ("edit", {"words": "You fixed it before I knew."}),
    "/stories/{story}/approve": ("approve", {}),
    "/stories/{story}/send-back": ("approve", {"reason": "the product is gone"}),
    "/stories/{story}/publish": ("publish", {"place": "website", "address": "https://fernway.example/new"}),
    "/stories/{story}/checked": ("approve", {}),
    "/places/{number}/cleared": ("publish", {"proof": "it answers 404"}),
    "/asks/{ask}/reminded": ("give", {}),
    "/people/{key}/pause": ("pause", {"paused": "yes"}),
    "/people/{key}/give": ("give", {"what": "a mug"}),
    "/people/{key}/forget": ("erase", {"sure": "test/c-1"}),
    "/team": ("accounts", {"what": "token", "name": "of an attacker"}),
}
"""Of every form of the desk: the deed that it is, and how it is filled in."""
OPEN = frozenset(["/p/{token}", "/sign-in"])
"""Forms that take no account: a customer's link, and signing in."""


def address_of(path: str) -> str:
    """An address of a route in a room with one story that stands somewhere, and an ask that waits."""
    filled = {"{story}": "s-1", "{number}": "1", "{ask}": "a-s-2", "{key}": as_handle("test/c-1")}
    for name, value in filled.items():
        path = path.replace(name, value)
    return path


@pytest.fixture
def busy(room: Room) -> Room:
    """A room with a published story and an ask that waits."""
    room.make("published", 1)
    room.make("awaiting_customer", 2)
    return room


def test_every_form_of_the_application_is_known_here(room: Room) -> None:
    assert sorted(posts(room)) == sorted([*DEEDS, *OPEN])


def test_every_deed_has_a_form_or_is_done_elsewhere() -> None:
    assert set(MAY) - {deed for deed, _ in DEEDS.values()} == {"tokens"}, "tokens are made where accounts are"


@pytest.mark.parametrize(
    ("attack", "headers"),
    [
        ("no token", {}),
        ("token of another session", {}),
        ("empty token", {}),
        ("foreign origin", {"origin": "https://evil.example"}),
        ("origin that begins alike", {"origin": f"{ADDRESS}.evil.example"}),
        ("origin in a user name", {"origin": "https://stories.example@evil.example"}),
        ("another port", {"origin": f"{ADDRESS}:8443"}),
        ("cross-site", {"sec-fetch-site": "cross-site"}),
        ("same-site", {"sec-fetch-site": "same-site"}),
        ("cross-site from an unknown origin", {"origin": "null", "sec-fetch-site": "cross-site"}),
    ],
)
def test_a_form_that_is_not_ours_does_nothing(busy: Room, attack: str, headers: dict[str, str]) -> None:
    admin = busy.signed_in("admin")
    token = {
        "no token": {},
        "empty token": {"token": ""},
        "token of another session": {"token": form_token(busy.session("lead"))},
    }.get(attack, {"token": form_token(admin.session)})
    before = busy.kept()
    for path, (_, form) in DEEDS.items():
        answer = admin.client.post(address_of(path), data={**form, **token}, headers=headers)
        assert answer.status_code == 403, path
    assert busy.kept() == before
    assert admin.get("/stories").status_code == 200, "still signed in"


@pytest.mark.parametrize("path", ["/sign-in", "/p/{token}"])
@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_nobody_is_signed_in_and_nothing_answered_from_another_site(
    room: Room, path: str, headers: dict[str, str]
) -> None:
    kept = room.make("awaiting_customer")
    room.account("admin")
    form = {**YES_FORM, "words": "Yes.", "name": "admin person", "password": PASSWORD}
    answer = room.client().post(path.replace("{token}", kept.token), data=form, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert room.telling.ledger() == []


def test_our_own_forms_keep_their_origin_in_a_browser(busy: Room) -> None:
    """Under `no-referrer` browsers say `Origin: null` with our own forms too (Fetch, "append a request Origin header")."""
    admin = busy.signed_in("admin")
    for path in ("/stories/s-1", ANNA, "/sign-in"):
        assert admin.get(path).headers["referrer-policy"] == "same-origin"
    honest = {"origin": ADDRESS, "sec-fetch-site": "same-origin"}
    form = {"what": "a mug", "token": form_token(admin.session)}
    assert admin.client.post(f"{ANNA}/give", data=form, headers=honest).status_code == 303
    assert [given.what for given in busy.telling.person("test/c-1").gives] == ["a mug"]


def test_a_form_is_not_taken_from_the_address(busy: Room) -> None:
    admin = busy.signed_in("admin")
    before = busy.kept()
    for path, (_, form) in DEEDS.items():
        answer = admin.client.get(address_of(path), params={"token": form_token(admin.session), **form})
        assert answer.status_code in (200, 404, 405), path
    assert busy.kept() == before


# Who may do what


@pytest.mark.parametrize("role", ROLES)
def test_a_role_does_its_own_deeds_and_no_other(busy: Room, role: Role) -> None:
    visitor = busy.signed_in(role)
    theirs = {path: form for path, (deed, form) in DEEDS.items() if role in MAY[deed]}
    before = busy.kept()
    for path in DEEDS.keys() - theirs.keys():
        answer = visitor.post(address_of(path), **DEEDS[path][1])
        assert answer.status_code == 403, path
        assert "you may not do this" in answer.text, path
    assert busy.kept() == before
    for path in sorted(theirs, key=lambda path: path == "/sign-out"):
        answer = visitor.post(address_of(path), **theirs[path])
        assert answer.status_code in (200, 303, 404, 409), path  # 404: an earlier deed has erased it


def test_nobody_who_is_not_signed_in_sees_or_does_anything(busy: Room) -> None:
    client = busy.client()
    client.cookies.set(COOKIE, "nobody's")
    before = busy.kept()
    pages = ("/stories", "/stories/s-1", "/due", "/people", ANNA, "/overview", "/overview/asked", "/team")
    answers = {path: client.get(path) for path in pages}
    for path, (_, form) in DEEDS.items():
        answers[f"POST {path}"] = client.post(address_of(path), data={**form, "token": form_token("nobody's")})
    for path, answer in answers.items():
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), path
        assert answer.content == b"", path
    assert busy.kept() == before


def test_only_an_admin_sees_accounts_tokens_and_webhooks(room: Room) -> None:
    for role in ROLES:
        assert room.signed_in(role).get("/team").status_code == (200 if role == "admin" else 403)


def test_an_api_token_opens_no_page_of_the_desk(room: Room) -> None:
    puller = room.puller()
    for path in ("/stories", "/people", "/team", "/due"):
        assert puller.get(path).headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer dl_", "Basic dl_x", "Bearer ' OR '1'='1", "bearer \xe9"]
)
def test_a_made_up_token_pulls_nothing(busy: Room, authorization: str) -> None:
    client = busy.client()
    for path in (
        "/api/v1/stories",
        "/api/v1/stories/s-1",
        "/api/v1/export",
        "/feed.json",
        "/feed.atom",
        "/cards/s-1.svg",
    ):
        answer = client.get(path, headers=[(b"authorization", authorization.encode("latin-1"))])
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "Fixed before" not in answer.text


def test_a_revoked_token_pulls_nothing(busy: Room) -> None:
    puller = busy.puller()
    assert puller.get("/api/v1/stories").status_code == 200
    busy.team.revoke_token("token 0", "the operator")
    assert puller.get("/api/v1/stories").status_code == 401


# Sessions


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> Response:
    return client.post("/sign-in", data={"name": name, "password": password})


def test_a_session_that_was_planted_before_signing_in_is_worthless(room: Room) -> None:
    name = room.account("admin")
    victim, attacker = room.client(), room.client()
    for client in (victim, attacker):
        client.cookies.set(COOKIE, "planted")
    assert sign_in(victim, name).headers["location"] == "/stories"
    session = victim.cookies.get(COOKIE, domain="stories.example")
    assert session not in (None, "planted")
    assert attacker.get("/stories").headers["location"] == "/sign-in"


def test_every_sign_in_begins_a_session_of_its_own(room: Room) -> None:
    name = room.account("admin")
    cookies = {sign_in(room.client(), name).headers["set-cookie"] for _ in range(2)}
    assert len(cookies) == 2
    for cookie in cookies:
        assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "Domain" not in cookie


def test_signing_out_ends_the_session_wherever_it_was_copied(room: Room) -> None:
    visitor = room.signed_in("agent")
    copied = room.client()
    copied.cookies.set(COOKIE, visitor.session)
    assert copied.get("/stories").status_code == 200
    assert visitor.post("/sign-out").headers["location"] == "/sign-in"
    assert copied.get("/stories").headers["location"] == "/sign-in"


@pytest.mark.parametrize("change", ["role", "password", "removed"])
def test_a_changed_account_ends_its_sessions(room: Room, change: str) -> None:
    visitor = room.signed_in("marketing")
    other = room.signed_in("lead")
    if change == "removed":
        room.team.remove_account("marketing person", "the operator")
    else:
        password = "quite other words" if change == "password" else ""
        role: Role = "agent" if change == "role" else "marketing"
        room.team.put_account("marketing person", role, password, "the operator")
    assert visitor.get("/stories").headers["location"] == "/sign-in"
    assert other.get("/stories").status_code == 200


def test_an_account_whose_role_changed_keeps_its_password(room: Room) -> None:
    name = room.account("marketing")
    room.team.put_account(name, "agent", "", "the operator")
    assert sign_in(room.client(), name).status_code == 303


def test_a_session_ends_when_nobody_clicks(room: Room, clock: FakeClock) -> None:
    visitor = room.signed_in("agent")
    clock.now += IDLE
    assert visitor.get("/stories").status_code == 200
    clock.now += IDLE
    clock.forward(seconds=1)
    assert visitor.get("/stories").headers["location"] == "/sign-in"


def test_a_session_ends_after_a_day_of_work_however_busy(room: Room, clock: FakeClock) -> None:
    visitor = room.signed_in("agent")
    began = clock()
    while clock() < began + LONGEST:
        assert visitor.get("/stories").status_code == 200
        clock.forward(hours=1)
    clock.forward(seconds=1)
    assert visitor.get("/stories").headers["location"] == "/sign-in"


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(room: Room) -> None:
    name = room.account("admin")
    client = room.client()
    answers = [
        sign_in(client, name, "not the password"),
        sign_in(client, "nobody", PASSWORD),
        sign_in(client, "' OR '1'='1", "' OR '1'='1"),
        sign_in(client, name, ""),
        sign_in(client, "", ""),
    ]
    assert {answer.status_code for answer in answers} == {401}
    pages = [Parsed(answer.text) for answer in answers]  # a page may give back the name that was typed
    assert {(tuple(page.elements), page.text) for page in pages} == {(tuple(pages[0].elements), pages[0].text)}
    assert not any("set-cookie" in answer.headers for answer in answers)


def test_an_account_without_a_password_is_opened_by_none(room: Room) -> None:
    room.team.put_account("openid person", "admin", "", "the operator", "subject-1")
    assert sign_in(room.client(), "openid person", "").status_code == 401


def tries_until_refused(press: Callable[[], Response], a_minute: int) -> None:
    """Press until it is refused: not before the minute's tries are used, and not long after."""
    began = time.monotonic()
    passed = 0
    while press().status_code != 429:
        passed += 1
        assert passed <= a_minute * (1 + (time.monotonic() - began) / 60) + 1
    assert passed >= a_minute


def test_passwords_are_not_guessed_fast(room: Room) -> None:
    name = room.account("admin")
    client = room.client()
    tries_until_refused(lambda: sign_in(client, name, "not the password"), 10)
    assert sign_in(client, name).status_code == 429, "not even with the right one"
    assert client.get("/sign-in").status_code == 200


# Text that is code elsewhere


def filled_with(room: Room, clock: FakeClock, text: str) -> dict[str, str]:
    """Every page of a room in which everybody wrote `text` wherever they could."""
    customer = {"name": text, "company": text, "country": text}
    ticket = room.ticket(1, f"{text}. Thank you.", id=text.replace("/", ""), **customer)
    extra = ticket.messages[0].model_copy(update={"author": text, "attachments": (text,), "id": "0"})
    ticket = ticket.model_copy(update={"messages": (extra, *ticket.messages), "subject": text, "tags": (text,)})
    with room.database.begin() as connection:
        ticketing.put(connection, ticket, clock())
    fields: dict[str, Any] = {"hook": text, "moment": text, "catalyst": text, "signal": text, "play_id": text}
    told: dict[str, Any] = {"gift": True, "disclosure": text, "proof": text}
    kept = room.ask(room.noticed(1, ticket, **fields, **told))
    assert kept.ask is not None
    with room.database.begin() as connection:
        asking.put(connection, kept.ask.model_copy(update={"override": text, "reminded_at": None}))
    other = room.ask(room.noticed(2, **fields))
    pages: dict[str, Response] = {}
    client = room.client()
    pages["open"] = client.get(f"/p/{kept.token}", headers={"accept-language": text})
    pages["problems"] = client.post(f"/p/{kept.token}", data={"button": "yes", "words": text, "name": text})
    pages["gone"] = client.get(f"/p/{quote(text.replace('/', ''))}", headers={"accept-language": text})
    clock.forward(days=8)
    room.answer(kept, company=True)
    admin = room.signed_in("admin")
    pages["refused"] = admin.post(f"/stories/{kept.id}/publish", place="website", address=text)
    room.telling.approve_story(kept.id, text)
    room.telling.publish(kept.id, "website", text, text, text)
    pages["agreed"] = client.get(f"/p/{kept.token}")
    pages["wall"] = client.get("/wall")
    pages["export"] = admin.get("/api/v1/export?format=html")
    pages["ready story"] = admin.get(f"/stories/{kept.id}")
    room.telling.retract_story(kept.id, text, text)
    room.telling.pause(kept.key, text, paused=True)
    room.telling.give(kept.key, text, text)
    room.telling.publish(room.make("ready", 3, **fields).id, "website", text, text, text)
    room.account("agent", text[:80])
    room.team.make_token(text, text)
    with room.database.begin() as connection:
        webhooks.add(connection, f"https://hooks.example/{text}", text, clock())
    pages["stories"] = admin.get("/stories")
    query = "&".join(f"{name}={quote(text)}" for name in ("q", "state", "since", "before"))
    pages["stories found"] = admin.get(f"/stories?{query}")
    pages["stories not found"] = admin.get(f"/stories?signal={quote(text)}%20zzz&q=zzz")
    pages["story"] = admin.get(f"/stories/{kept.id}")
    pages["no story"] = admin.get(f"/stories/{quote(text.replace('/', ''))}")
    pages["due"] = admin.get("/due")
    pages["people"] = admin.get("/people")
    pages["people found"] = admin.get(f"/people?q={quote(text)}")
    pages["person"] = admin.get(f"/people/{as_handle(kept.key)}")
    for by in ("week", "signal", "play"):
        pages[f"overview by {by}"] = admin.get(f"/overview?by={by}")
        pages[f"counted by {by}"] = admin.get(f"/overview/stories?by={by}&name={quote(text)}")
    pages["counted"] = admin.get("/overview/asked?by=signal&name=proactive_fix")
    pages["no step"] = admin.get(f"/overview/{quote(text.replace('/', ''))}")
    pages["overview by nothing"] = admin.get(f"/overview?by={quote(text)}")
    pages["team"] = admin.get("/team")
    pages["made"] = admin.post("/team", what="token", name=f"{text} 2")
    pages["sign-in"] = client.post("/sign-in", data={"name": text, "password": text})
    room.answer(kept, button="withdraw")
    pages["withdrawn"] = client.get(f"/p/{kept.token}")
    room.answer(other, button="no")
    pages["declined"] = client.get(f"/p/{other.token}")
    pages["erased"] = admin.post(f"/people/{as_handle(kept.key)}/forget", sure=kept.key)
    assert pages["erased"].status_code == 200, "an erased customer's places are shown"
    return {
        name: answer.text for name, answer in pages.items() if answer.headers["content-type"].startswith("text/html")
    }


@pytest.fixture
def second_room(empty_database: Path, tmp_path: Path, clock: FakeClock) -> Iterator[Room]:
    """Another room, to compare with."""
    shutil.copy(empty_database, tmp_path / "second.db")
    made = Database(tmp_path / "second.db")
    yield Room(made, clock, WebSettings(public_url=ADDRESS))
    made.close()


def test_what_people_wrote_makes_no_element_and_no_attribute_on_any_page(room: Room, second_room: Room) -> None:
    plain = filled_with(second_room, FakeClock(), HARMLESS)
    hostile = filled_with(room, FakeClock(), HOSTILE)
    assert set(hostile) == set(plain)
    assert len(hostile) > 20
    seen = 0
    for name, html in hostile.items():
        page, expected = Parsed(html), Parsed(plain[name])
        assert not Counter(page.elements) - Counter(expected.elements), name
        assert "onerror" not in {attribute for element in page.elements for attribute in element.attributes}, name
        assert not [link for link in page.links if not link.startswith(("/", "?", "#main", "https://"))], name
        seen += any(HOSTILE in text for text in (page.text, *page.values))
    assert seen > 15, "it was shown, as text"


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "//evil.example"]
)
def test_an_address_where_a_story_stands_is_text_and_no_link(room: Room, address: str) -> None:
    kept = room.make("ready")
    room.telling.publish(kept.id, "website", address, "", "Priya")
    for answer in (room.client().get(f"/p/{kept.token}"), room.signed_in("admin").get(f"/stories/{kept.id}")):
        page = Parsed(answer.text)
        assert address in page.text
        assert address not in page.links


def test_no_page_needs_a_script_or_a_style_that_the_policy_forbids(busy: Room) -> None:
    admin = busy.signed_in("admin")
    for path in (
        "/sign-in",
        "/stories",
        "/stories/s-1",
        "/due",
        "/people",
        ANNA,
        "/overview",
        "/overview/stories?by=signal&name=proactive_fix",
        "/team",
        "/wall",
    ):
        page = Parsed(admin.get(path).text)
        assert not {"script", "style", "iframe", "object"} & {element.tag for element in page.elements}, path
        names = {name for element in page.elements for name in element.attributes}
        assert not [name for name in names if name.startswith("on") or name == "style"], path


@pytest.mark.parametrize("number", ["svg", "png"])
def test_a_card_of_hostile_words_is_a_picture_and_nothing_else(room: Room, number: str) -> None:
    ticket = room.ticket(1, HOSTILE, name=HOSTILE)
    kept = room.ask(room.noticed(1, ticket, gift=True, disclosure=HOSTILE))
    room.answer(kept)
    room.telling.approve_story(kept.id, "Priya")
    answer = room.puller().get(f"/cards/{kept.id}.{number}")
    assert answer.status_code == 200
    if number == "png":
        assert answer.content.startswith(b"\x89PNG")
        return
    tree = Xml.fromstring(answer.text)
    assert {element.tag.rpartition("}")[2] for element in tree.iter()} == {"svg", "rect", "text"}
    names = {name for element in tree.iter() for name in element.attrib}
    assert not [name for name in names if name.startswith("on") or "href" in name]


@pytest.mark.parametrize("text", ["great\ufffe work", "great\uffff work", "great\U0001fffe work"])
def test_one_customers_odd_character_breaks_no_feed_and_no_card(room: Room, text: str) -> None:
    room.ticket(1, text)
    room.make("ready", 1, hook=text)
    puller = room.puller()
    assert Xml.fromstring(puller.get("/feed.atom").content)
    assert Xml.fromstring(puller.get("/cards/s-1.svg").content)
    assert puller.get("/cards/s-1.png").content.startswith(b"\x89PNG")


FORMULAS = ("=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1+1", " =HYPERLINK(1)", "＝1+1", "=cmd|' /C calc'!A0")


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_an_export_is_a_formula_whoever_wrote_it(room: Room, formula: str) -> None:
    ticket = room.ticket(1, formula, name=formula, company=formula)
    fields = {"hook": formula, "moment": formula, "catalyst": formula, "signal": formula}
    kept = room.ask(room.noticed(1, ticket, gift=True, disclosure=formula, **fields))
    room.answer(kept, company=True)
    room.telling.approve_story(kept.id, formula)
    body = room.puller().get("/api/v1/export?format=csv").text
    header, *rows = csv.reader(io.StringIO(body, newline=""))
    assert tuple(header) == COLUMNS
    assert len(rows) == 1
    for name, cell in zip(COLUMNS, rows[0], strict=True):
        assert not FORMULA.match(cell), name


# Text that is a query elsewhere

QUERIES = (
    "/stories?q={}", "/stories?state={}", "/stories?signal={}", "/stories?outcome={}", "/stories?place={}",
    "/stories?play={}", "/stories?since={}", "/stories?before={}", "/stories?from={}", "/stories/{}", "/people?q={}",
    "/people/{}", "/overview?by={}", "/api/v1/stories?cursor={}", "/api/v1/stories?limit={}", "/api/v1/stories?since={}",
    "/api/v1/stories?signal={}", "/api/v1/stories?outcome={}", "/api/v1/stories?place={}", "/api/v1/stories/{}",
    "/api/v1/export?format={}", "/cards/{}.svg", "/cards/s-1.svg?shape={}", "/cards/s-1.svg?theme={}", "/p/{}", "/r/{}",
)  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_a_parameter_is_never_a_query(busy: Room, query: str) -> None:
    admin = busy.signed_in("admin", raises=False)
    before = busy.kept()
    for text in INJECTIONS:
        answer = admin.get(query.format(quote(text, safe="")))
        assert answer.status_code in (200, 400, 404), text
        assert "argon2" not in answer.text
    assert busy.kept() == before


@pytest.mark.parametrize("name", ["q", "signal", "outcome", "play"])
@pytest.mark.parametrize("text", [text for text in INJECTIONS if text != "\x00"])
def test_a_filter_that_nothing_fits_finds_nothing(busy: Room, name: str, text: str) -> None:
    page = Parsed(busy.signed_in("agent").get(f"/stories?{name}={quote(text, safe='')}").text)
    assert "0 stories." in page.text


@pytest.mark.parametrize("offset", ["²", "-1", "1e3", "9" * 30, "9" * 5000, "x", ""])
def test_a_page_number_that_is_none_breaks_nothing(busy: Room, offset: str) -> None:
    assert busy.signed_in("agent", raises=False).get(f"/stories?from={quote(offset)}").status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"what": "remove-webhook", "number": "x"},
        {"what": "remove-webhook", "number": "9" * 30},
        {"what": "remove-webhook", "number": "²"},
        {"what": "remove-webhook"},
        {"what": "account", "name": "", "role": "agent", "password": PASSWORD},
        {"what": "account", "name": "x" * 81, "role": "agent", "password": PASSWORD},
        {"what": "account", "name": "new", "role": "owner", "password": PASSWORD},
        {"what": "account", "name": "new", "role": "agent", "password": "short"},
        {"what": "webhook", "url": "http://["},
        {"what": "webhook", "url": "http://hooks.example:99999/"},
        {"what": "webhook", "url": f"http://{'a' * 70}.example/"},
        {"what": "webhook", "url": ""},
        {"what": "webhook", "url": "ftp://93.184.216.34/"},
        {"what": "webhook", "url": "file:///etc/passwd"},
        {"what": "webhook", "url": "https://user:word@93.184.216.34/"},
        {"what": "again", "delivery": "x"},
        {"what": "remove-account", "name": "nobody"},
        {"what": "revoke-token", "name": "nothing"},
        {"what": "nothing that is known"},
    ],
    ids=lambda form: " ".join(str(value)[:24] for value in form.values()),
)
def test_a_form_filled_in_with_nonsense_is_refused_and_breaks_nothing(room: Room, form: dict[str, str]) -> None:
    admin = room.signed_in("admin", raises=False)
    before = room.kept()
    answer = admin.post("/team", **form)
    assert answer.status_code < 500
    assert room.kept() == before


def test_an_openid_subject_is_one_account_and_no_second(room: Room) -> None:
    room.team.put_account("first", "agent", "", "the operator", "subject-1")
    with pytest.raises(RefusedAction):
        room.team.put_account("second", "admin", "", "the operator", "subject-1")
    session = room.team.sign_in_as("subject-1")
    assert session is not None
    assert room.team.who(session) == room.team.accounts()[0]


@pytest.mark.parametrize("path", ["/places/999999999999999999999999/cleared", "/asks/nothing/reminded"])
def test_a_thing_that_cannot_be_there_is_not_found(room: Room, path: str) -> None:
    assert room.signed_in("admin", raises=False).post(path, proof="it answers 404").status_code == 404


@pytest.mark.parametrize(
    "customer",
    ["a?b", "a#b", "a%2Fb", "a b", "x/../../../stories/s-1/approve?", "../../sign-out?", "x/give", "x/pause"],
)
def test_forms_and_links_of_a_customers_page_lead_to_that_customer_whatever_their_id(room: Room, customer: str) -> None:
    kept = room.noticed(2, room.ticket(2, id=customer))
    admin = room.signed_in("admin")
    found = Parsed(admin.get("/people").text)
    links = [urljoin("/people", link) for link in found.links if link.startswith("/people/")]
    assert len(links) == 1
    page = admin.get(links[0])
    assert page.status_code == 200
    actions = [urljoin(links[0], link) for link in Parsed(page.text).links if link.endswith("/give")]
    assert len(actions) == 1
    answer = admin.post(actions[0].partition("#")[0], what="a mug")
    assert answer.status_code == 303
    assert admin.get(answer.headers["location"]).status_code == 200, "and back to the page"
    assert [given.what for given in room.telling.person(kept.key).gives] == ["a mug"]


def test_a_story_with_lines_can_be_edited_from_a_browser(room: Room) -> None:
    """Browsers send every line end of a text field as CR LF."""
    ticket = room.ticket(1, "You fixed it.\nI told the team.")
    kept = room.ask(room.noticed(1, ticket))
    room.answer(kept)
    form = {"hook": "Another hook", "quote": "You fixed it.\r\nI told the team."}
    answer = room.signed_in("lead").post(f"/stories/{kept.id}/edit", **form)
    assert answer.status_code == 303, Parsed(answer.text).text
    assert room.telling.story(kept.id).story.hook == "Another hook"


def test_nothing_of_an_erased_customer_is_left(room: Room, clock: FakeClock) -> None:
    ticket = room.ticket(1, id="zelda@example.net", name="Zelda Quux", email="zelda@example.net", company="Quux Works")
    kept = room.ask(room.noticed(1, ticket))
    room.answer(kept)
    room.telling.approve_story(kept.id, "Priya")
    room.telling.publish(kept.id, "website", "https://fernway.example/1", "", "Priya")
    room.telling.pause(kept.key, "Mara", paused=True)
    room.telling.give(kept.key, "a mug for Zelda", "Mara")
    room.telling.schedule(ticket.ref, "Mara")
    room.telling.forget(kept.key, "Lea")
    with closing(sqlite3.connect(room.database.path)) as connection:
        left = [line for line in connection.iterdump() if re.search("zelda|quux|before I knew", line, re.IGNORECASE)]
    assert left == []
    assert room.telling.verify_ledger() > 0


def test_a_place_is_cleared_by_one_person_however_many_press_at_once(room: Room) -> None:
    kept = room.make("published")
    room.answer(kept, button="withdraw")
    (place,) = room.telling.due().take_downs
    lea, priya = room.signed_in("admin"), room.signed_in("marketing")
    assert lea.post(f"/places/{place.id}/cleared", proof="it answers 404").status_code == 303
    assert priya.post(f"/places/{place.id}/cleared", proof="I think so").status_code == 404
    (left,) = room.telling.story(kept.id).publications
    assert (left.removed_by, left.proof) == ("admin person", "it answers 404")


# Too much, too slow, too many


def test_a_form_of_ten_megabytes_is_refused_at_once(room: Room) -> None:
    client = room.client()
    began = time.monotonic()
    kept = room.make("awaiting_customer")
    answer = client.post(f"/p/{kept.token}", content=b"x" * 10_000_000, headers={"content-type": "text/plain"})
    assert answer.status_code == 413
    assert time.monotonic() - began < 2
    assert room.telling.ledger() == []


def test_a_form_that_hides_its_size_is_refused_too(room: Room) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"words=" + b"x" * 4_000

    answer = room.client().post("/sign-in", content=pieces())
    assert "content-length" not in answer.request.headers
    assert answer.status_code == 413


def test_a_form_just_small_enough_is_read(room: Room) -> None:
    kept = room.make("awaiting_customer")
    body = b"button=no&words=" + b"x" * (MAX_BODY - 16)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert room.client().post(f"/p/{kept.token}", content=body, headers=headers).status_code == 303


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", "&".join(f"a{n}=1" for n in range(500)).encode()),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\nb\r\n--x--',
        ),
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"\x00\xff--x\r\n"),
        ("application/json", b'{"button": "yes"}'),
        ("application/x-www-form-urlencoded", b"button=%ff%fe&words=%00"),
        ("", b""),
    ],
)
def test_a_body_that_is_no_form_of_ours_is_refused(room: Room, content_type: str, body: bytes) -> None:
    kept = room.make("awaiting_customer")
    answer = room.client(raises=False).post(f"/p/{kept.token}", content=body, headers={"content-type": content_type})
    assert answer.status_code == 400
    assert room.telling.ledger() == []


def connected(address: str) -> socket.socket:
    """A connection on which a test writes what it likes."""
    return socket.create_connection(("127.0.0.1", urlsplit(address).port or 0), timeout=5)


@listens
def test_ten_megabytes_are_refused_before_they_have_arrived(room: Room) -> None:
    with served(room.app) as address, connected(address) as line:
        line.sendall(b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 1000)
        assert line.recv(4096).startswith(b"HTTP/1.1 413 ")


@listens
def test_a_body_that_dribbles_in_is_cut_off(room: Room) -> None:
    with served(Shield(room.app, body_seconds=0.3)) as address:
        with connected(address) as line:
            line.sendall(b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
            line.settimeout(0.05)
            began = time.monotonic()
            said = b""
            while not said and time.monotonic() - began < 5:
                line.sendall(b"x")
                try:
                    said = line.recv(4096)
                except TimeoutError:
                    continue
            assert said.startswith(b"HTTP/1.1 408 ")
            assert time.monotonic() - began < 3
        assert httpx.get(f"{address}/health").text == "ok"


def test_the_application_itself_waits_for_a_form_only_so_long(room: Room) -> None:
    (guard,) = room.app.user_middleware
    guarding: Any = guard.cls
    made = guarding(room.app, *guard.args, **guard.kwargs)
    assert isinstance(made, Shield)
    assert 0 < made.body_seconds <= 30


@listens
def test_fifty_who_press_yes_at_once_make_one_permission_and_see_the_same(room: Room) -> None:
    kept = room.make("awaiting_customer")
    form = {**YES_FORM, "words": kept.ask.words if kept.ask else ""}
    with served(room.app, proxy_headers=True, forwarded_allow_ips="127.0.0.1") as address:

        def press(number: int) -> tuple[int, str, bytes]:
            headers = {"x-forwarded-for": f"203.0.113.{number}"}
            with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
                answer = client.post(f"/p/{kept.token}", data=form)
                return answer.status_code, answer.headers["location"], client.get(f"/p/{kept.token}").content

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(press, range(50)))
    assert len(set(answers)) == 1
    assert answers[0][:2] == (303, f"/p/{kept.token}")
    assert [entry.answer for entry in room.telling.ledger()] == ["granted"]
    assert room.telling.verify_ledger() == 1


@listens
def test_a_yes_and_a_no_at_once_are_one_answer(room: Room) -> None:
    kept = room.make("awaiting_customer")
    yes = {**YES_FORM, "words": kept.ask.words if kept.ask else ""}
    with served(room.app, proxy_headers=True, forwarded_allow_ips="127.0.0.1") as address:

        def press(number: int) -> int:
            headers = {"x-forwarded-for": f"203.0.113.{number}"}
            form = yes if number % 2 else {"button": "no"}
            return httpx.post(f"{address}/p/{kept.token}", data=form, headers=headers, timeout=30).status_code

        with ThreadPoolExecutor(20) as pool:
            assert set(pool.map(press, range(20))) == {303}
    assert len(room.telling.ledger()) == 1


def test_one_address_presses_and_looks_only_so_often(room: Room) -> None:
    client, token = room.client(), never_made()
    tries_until_refused(lambda: client.post(f"/p/{token}", data={"button": "no"}), 30)
    tries_until_refused(lambda: client.get(f"/p/{token}"), 240)


# Headers


def every_page(room: Room) -> dict[str, Response]:
    """An answer of every kind."""
    kept = room.make("published")
    client, admin, puller = room.client(), room.signed_in("admin"), room.puller()

    gets = (
        "/sign-in",
        "/health",
        "/p/x",
        f"/p/{kept.token}",
        "/nothing",
        "/wall",
        "/static/page.css",
        "/stories",
        "/sign-out",
    )
    pages = {path: client.get(path) for path in gets}
    for path in (
        "/stories",
        f"/stories/{kept.id}",
        "/stories/no",
        "/due",
        "/people",
        f"/people/{as_handle(kept.key)}",
        "/overview",
        "/overview/stories?by=signal&name=proactive_fix",
        "/team",
    ):
        pages[f"signed in {path}"] = admin.get(path)
    for path in (
        "/api/v1/stories",
        f"/api/v1/stories/{kept.id}",
        "/api/v1/export",
        "/feed.json",
        "/feed.atom",
        f"/cards/{kept.id}.svg",
    ):
        pages[f"token {path}"] = puller.get(path)
        pages[f"no token {path}"] = client.get(path)
    pages["bad parameter"] = puller.get("/api/v1/stories?limit=x")
    pages["not changed"] = puller.get(
        "/api/v1/stories", headers={"if-none-match": pages["token /api/v1/stories"].headers["etag"]}
    )
    pages["openapi"] = client.get("/api/v1/openapi.json")
    pages["referral"] = client.get(f"/r/{referral_of(room)}")
    pages["foreign"] = client.post("/sign-in", headers={"origin": "https://evil.example"})
    pages["too large"] = client.post("/sign-in", content=b"x" * (MAX_BODY + 1))
    pages["no form"] = admin.client.post("/sign-out")
    pages["wrong method"] = client.put("/sign-in")
    return pages


def test_every_page_carries_the_headers_that_keep_it_harmless(room: Room) -> None:
    pages = every_page(room)
    assert {200, 303, 302, 304, 400, 401, 403, 404, 405, 413} <= {answer.status_code for answer in pages.values()}
    for name, answer in pages.items():
        is_harmless(name, answer)


def is_harmless(name: str, answer: Response) -> None:
    """Whether a page carries what every page must."""
    policy = answer.headers.get("content-security-policy", "")
    assert "default-src 'none'" in policy, name
    assert "unsafe" not in policy, name
    assert "base-uri 'none'" in policy, name
    assert "form-action 'self'" in policy, name
    frame = "*" if name == "/wall" else "'none'"
    assert f"frame-ancestors {frame}" in policy, name
    assert answer.headers["x-content-type-options"] == "nosniff", name
    assert answer.headers["referrer-policy"] == "same-origin", name
    assert answer.headers["strict-transport-security"], name
    assert ("x-frame-options" in answer.headers) == (name != "/wall"), name
    assert "server" not in answer.headers, name


def test_a_page_that_breaks_carries_the_headers_too_and_tells_nothing(room: Room) -> None:
    def broken(_: HttpRequest) -> NoReturn:
        raise RuntimeError("Anna's secret")

    room.app.router.routes.insert(0, Route("/broken", broken))
    answer = room.client(raises=False).get("/broken")
    assert answer.status_code == 500
    assert "Anna" not in answer.text
    assert answer.headers.get("cache-control") == "no-store"
    is_harmless("broken", answer)


def test_no_page_about_a_person_is_kept_by_anybody_between(room: Room) -> None:
    for name, answer in every_page(room).items():
        kept = answer.headers["cache-control"]
        if name == "/static/page.css":
            assert kept.startswith("public"), name
        elif name == "/wall":
            assert kept == "no-cache", "what is taken back is gone at the next look"
        else:
            assert kept == "no-store" or kept.startswith("private"), name


def test_a_customers_link_is_told_to_no_other_site(room: Room) -> None:
    kept = room.make("published")
    for token in (kept.token, never_made()):
        answer = room.client().get(f"/p/{token}")
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        page = Parsed(answer.text)
        assert [link for link in page.links if not link.startswith("/")] == []


# Webhooks

PRIVATE = (
    "127.0.0.1", "127.8.8.8", "localhost", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "198.18.0.1", "224.0.0.1", "255.255.255.255", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "①②⑦.0.0.1", "[::1]", "[::]",
    "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[fec0::1]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]",
    "[::ffff:a00:1]", "[2002:7f00:1::]", "[2002:a00:1::1]", "[::127.0.0.1]", "[64:ff9b::169.254.169.254]", "[64:ff9b::10.0.0.1]",
    "[64:ff9b:1::1]",
)  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_a_webhook_to_where_nobody_outside_may_reach_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        Deliverer(resolve=FakeResolver()).check(f"http://{host}/hook")
    assert not Deliverer(resolve=FakeResolver()).send(f"http://{host}:1/hook", {}, b"{}").ok


def test_nothing_of_a_webhook_that_was_refused_is_kept(room: Room) -> None:
    before = room.kept()
    with pytest.raises(AddressRefused):
        room.team.add_webhook("http://169.254.169.254/latest/meta-data", "Lea")
    assert room.kept() == before


def test_private_networks_are_told_where_the_operator_allows_it(room: Room) -> None:
    room.allow_private = True
    room.team.add_webhook("http://10.0.0.1/hook", "Lea")
    assert [hook.url for hook in room.team.webhooks()] == ["http://10.0.0.1/hook"]


def test_a_host_with_one_private_address_among_public_ones_is_refused(room: Room) -> None:
    room.resolver.known["two.example"] = [["93.184.216.34", "127.0.0.1"]]
    with pytest.raises(AddressRefused):
        room.team.add_webhook("https://two.example/hook", "Lea")


@listens
def test_a_name_that_turns_private_after_it_was_looked_at_is_not_told(room: Room, receiver: Receiver) -> None:
    port = urlsplit(receiver.address).port
    room.resolver.known["rebinds.example"] = [["93.184.216.34"], ["127.0.0.1"]]
    room.team.add_webhook(f"http://rebinds.example:{port}/hook", "Lea")
    room.make("ready")
    assert room.team.deliver() == 1
    assert receiver.got == []
    assert room.resolver.asked == ["rebinds.example"] * 2, "one look at the name a try, and the try goes to what it saw"


@listens
def test_a_try_goes_to_the_very_address_that_was_looked_at(receiver: Receiver) -> None:
    port = urlsplit(receiver.address).port
    resolver = FakeResolver({"hooks.example": [["127.0.0.1"], ["10.255.255.1"]]})
    answer = Deliverer(allow_private=True, resolve=resolver).send(
        f"http://hooks.example:{port}/hook?a=b", {"x-a": "b"}, b"{}"
    )
    assert answer.ok
    assert resolver.asked == ["hooks.example"]
    assert receiver.got[0].path == "/hook?a=b"
    assert receiver.got[0].headers["host"] == f"hooks.example:{port}"


@pytest.fixture
def told(room: Room, receiver: Receiver) -> tuple[Room, Receiver, str]:
    """A room that tells a receiver on this machine; and the secret."""
    room.allow_private = True
    return room, receiver, room.team.add_webhook(f"{receiver.address}/hook", "Lea")


Told = tuple[Room, Receiver, str]


@listens
def test_a_message_proves_that_it_is_ours_and_fresh(told: Told, clock: FakeClock) -> None:
    room, receiver, secret = told
    kept = room.make("ready")
    assert room.team.deliver() == 1
    (got,) = receiver.got
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert int(got.headers["webhook-timestamp"]) == int(clock().timestamp())
    assert json.loads(got.body)["type"] == "story.released"
    assert json.loads(got.body)["data"]["id"] == kept.id
    assert room.team.deliver() == 0, "told once"


@listens
def test_an_admin_sees_the_secret_once_and_no_page_shows_it_again(told: Told) -> None:
    room, _, _ = told
    admin = room.signed_in("admin")
    made = re.search(r"whsec_[\w+/=]+", admin.post("/team", what="webhook", url="http://10.0.0.1/other").text)
    assert made is not None
    assert "whsec_" not in admin.get("/team").text


@listens
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_a_receiver_is_not_followed(told: Told, status: int) -> None:
    room, receiver, _ = told
    receiver.status = status
    receiver.headers = {"location": f"{receiver.address}/elsewhere"}
    room.make("ready")
    room.team.deliver()
    assert [got.path for got in receiver.got] == ["/hook"]
    receiver.status = 204
    room.clock.forward(minutes=1)
    assert room.team.deliver() == 1, "and it is no success"


@listens
def test_what_never_arrives_is_tried_ever_more_rarely_and_then_set_aside(told: Told, clock: FakeClock) -> None:
    room, receiver, _ = told
    receiver.status = 500
    room.make("ready")
    assert room.team.deliver() == 1
    for wait in WAITS:
        clock.forward(minutes=wait, seconds=-1)
        assert room.team.deliver() == 0, "not before its time"
        assert room.team.dead_letters() == []
        clock.forward(seconds=1)
        assert room.team.deliver() == 1
    (dead,) = room.team.dead_letters()
    assert (dead.attempts, dead.said) == (len(WAITS) + 1, "HTTP 500")
    assert len(receiver.got) == len(WAITS) + 1
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1, "one message, so that it counts once"

    receiver.status = 204
    room.team.try_again(dead.id)
    assert room.team.deliver() == 1
    assert room.team.dead_letters() == []
    with pytest.raises(NotFound):
        room.team.try_again(dead.id)


@listens
@pytest.mark.parametrize("end", ["withdrawn", "erased", "sent back"])
def test_a_retry_after_the_end_of_a_permission_tells_of_the_end(told: Told, clock: FakeClock, end: str) -> None:
    room, receiver, _ = told
    receiver.status = 503
    kept = room.make("ready")
    room.team.deliver()
    if end == "withdrawn":
        room.answer(kept, button="withdraw")
    elif end == "erased":
        room.telling.forget(kept.key, "Lea")
    else:
        room.telling.retract_story(kept.id, "Priya", "the product is gone")
    receiver.status = 204
    clock.forward(minutes=1)
    assert room.team.deliver() == 2
    assert [json.loads(got.body)["type"] for got in receiver.got] == ["story.released", "story.gone", "story.gone"]
    for got in receiver.got[1:]:
        assert "Anna" not in got.body.decode()
        assert json.loads(got.body)["data"]["id"] == kept.id


def _dribbles_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    _slowly(handler, b"x-more: more\r\n")


def _sends_an_endless_body(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 500 No\r\n\r\n")
    _slowly(handler, b"x" * 1000)


def _slowly(handler: BaseHTTPRequestHandler, piece: bytes) -> None:
    handler.close_connection = True
    began = time.monotonic()
    try:
        while time.monotonic() - began < 3:
            handler.wfile.write(piece)
            handler.wfile.flush()
            threading.Event().wait(0.1)
    except OSError:
        return  # whoever asked has hung up


@listens
@pytest.mark.parametrize("answer", [_dribbles_headers, _sends_an_endless_body])
def test_a_receiver_that_never_stops_talking_holds_nobody_up(
    told: Told, monkeypatch: pytest.MonkeyPatch, answer: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    room, receiver, _ = told
    monkeypatch.setattr(webhooks, "TIMEOUT_S", 0.5)
    receiver.answer = answer
    room.make("ready")
    began = time.monotonic()
    assert room.team.deliver() == 1
    assert time.monotonic() - began < 2


@listens
def test_a_dead_receiver_keeps_the_others_waiting_for_nothing(told: Told) -> None:
    room, receiver, _ = told
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    room.team.add_webhook(f"http://127.0.0.1:{port}/dead", "Lea")
    room.make("ready")
    assert room.team.deliver() == 2
    assert len(receiver.got) == 1


@listens
def test_a_webhook_is_told_nothing_of_what_went_before_it(told: Told) -> None:
    room, receiver, _ = told
    room.make("noticed", 1)
    room.make("awaiting_marketing", 2)
    assert room.team.deliver() == 0
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    ["http://[", "http://hooks.example:99999/", f"http://{'a' * 70}.example/", "ftp://93.184.216.34/", "https://", "x"],
)
def test_what_is_no_address_of_a_webhook_is_refused_in_words(room: Room, url: str) -> None:
    with pytest.raises(DelightError):
        room.team.add_webhook(url, "Lea")
