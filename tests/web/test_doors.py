"""Every door by which a story can leave the house, with a story in every state behind it: what is released leaves, and no other."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, get_args
from urllib.parse import quote
from xml.etree import ElementTree as Xml

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from starlette.routing import Mount, Route

from copilot.asking import store as asking
from copilot.asking.models import PLACES, Terms
from copilot.db.engine import Database
from copilot.settings import WebSettings
from copilot.stories.export import lines_of
from copilot.stories.feeds import ATOM, GONE
from copilot.stories.models import STATES
from copilot.stories.webhooks import Answer, Deliverer
from copilot.telling import REFER
from copilot.web.render import as_handle, text
from tests.fakes import FakeClock
from tests.web.fixtures_http import ADDRESS, Kept, Made, Parsed, Room, empty_database, quick_hashes, room

__all__ = ["empty_database", "quick_hashes", "room"]  # fixtures
OUT: tuple[Made, ...] = ("ready", "published")
LEFT_BEFORE: tuple[Made, ...] = ("withdrawn", "expired", "sent back", "erased")
NEVER_OUT: tuple[Made, ...] = ("noticed", "awaiting_customer", "awaiting_marketing")


class Told(NamedTuple):
    """What came through a door: ids of stories, ids of those that are said to be gone, and every byte of it."""

    stories: set[str]
    gone: set[str] | None
    body: bytes


@dataclass
class FakeDeliverer(Deliverer):
    """Takes what a webhook is told, and keeps it."""

    sent: list[dict[str, Any]] = field(default_factory=list)

    def send(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Keep the body."""
        self.sent.append(json.loads(body))
        return Answer(ok=True, said="HTTP 200")

    def check(self, url: str) -> str:
        """Every address may be told."""
        return "93.184.216.34"


@pytest.fixture(scope="module")
def full(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Made, Kept]]:
    """A database with a story in every state; each names its state in the words that would leak."""
    path = tmp_path_factory.mktemp("full") / "web.db"
    shutil.copy(empty_database, path)
    database = Database(path)
    filled = Room(database, FakeClock(), WebSettings(public_url=ADDRESS))
    filled.team.deliverer = FakeDeliverer()
    filled.team.add_webhook("https://hooks.example/", "Lea")
    made: dict[Made, Kept] = {}
    for number, state in enumerate(get_args(Made), start=1):
        words = f"{'of' if state in OUT else 'leak'}-{state.replace(' ', '-')}"
        made[state] = filled.make(
            state, number, hook=f"Hook {words}", moment=f"Moment {words}", catalyst=f"What {words}"
        )
    database.fold()
    database.close()
    return path, made


@pytest.fixture
def everything(room: Room, full: tuple[Path, dict[Made, Kept]], clock: FakeClock) -> dict[Made, Kept]:
    """A story in every state, behind the doors of `room`."""
    path, made = full
    room.database.close()
    for left in room.database.path.parent.glob(f"{room.database.path.name}-*"):
        left.unlink()
    shutil.copy(path, room.database.path)
    room.team.deliverer = FakeDeliverer()
    clock.forward(days=366)
    return made


# The doors


def through_api(room: Room, client: httpx.Client) -> Told:
    stories, gone, body, cursor = set(), set(), b"", ""
    while True:
        answer = client.get("/api/v1/stories", params={"limit": "2", "cursor": cursor})
        assert answer.status_code == 200
        page = answer.json()
        stories |= {story["id"] for story in page["stories"]}
        gone |= {story["id"] for story in page["gone"]}
        body += answer.content
        cursor = page["cursor"]
        if not page["more"]:
            return Told(stories, gone, body)


def one_by_one(address: str) -> Callable[[Room, httpx.Client], Told]:
    def through(room: Room, client: httpx.Client) -> Told:
        answers = {number: client.get(address.format(f"s-{number}")) for number in range(1, len(get_args(Made)) + 1)}
        assert {answer.status_code for answer in answers.values()} == {200, 404}
        missing = {
            answer.text.replace(f"s-{number}", "") for number, answer in answers.items() if answer.status_code == 404
        }
        assert len(missing) == 1, "nobody learns whether it was never there, or is not released"
        found = {f"s-{number}" for number, answer in answers.items() if answer.status_code == 200}
        return Told(found, None, b"".join(answer.content for answer in answers.values()))

    return through


def ids_in_file(fmt: str, body: str) -> set[str]:
    """Ids of the stories in an exported file."""
    if fmt == "json":
        return {story["id"] for story in json.loads(body)}
    if fmt == "csv":
        return {row["id"] for row in csv.DictReader(io.StringIO(body, newline=""))}
    pattern = r"^- Story (\S+)," if fmt == "markdown" else r'<article id="([^"]+)">'
    return set(re.findall(pattern, body, re.MULTILINE))


def as_file(fmt: str) -> Callable[[Room, httpx.Client], Told]:
    def through(room: Room, client: httpx.Client) -> Told:
        answer = client.get("/api/v1/export", params={"format": fmt})
        assert answer.headers["content-disposition"].startswith("attachment")
        return Told(ids_in_file(fmt, answer.text), None, answer.content)

    return through


def by_command(fmt: Any) -> Callable[[Room, httpx.Client], Told]:
    """What `delight stories export` writes."""

    def through(room: Room, client: httpx.Client) -> Told:
        body = "".join(lines_of(fmt, room.telling.exports()))
        return Told(ids_in_file(fmt, body), None, body.encode())

    return through


def wall_by_command(room: Room, client: httpx.Client) -> Told:
    """What `delight stories wall` writes."""
    found = [story for story, _ in room.telling.newest(500, "website")]
    body = text("wall.html", stories=found, company="Fernway", css="page.css")
    return Told(set(re.findall(r'<li id="([^"]+)">', body)), None, body.encode())


def json_feed(room: Room, client: httpx.Client) -> Told:
    answer = client.get("/feed.json")
    feed = answer.json()
    gone = {item["id"] for item in feed["_delight"]["gone"]}
    return Told({item["id"] for item in feed["items"]}, gone, answer.content)


def atom(room: Room, client: httpx.Client) -> Told:
    answer = client.get("/feed.atom")
    feed = Xml.fromstring(answer.content)
    stories = {
        found.text for entry in feed.iter(f"{{{ATOM}}}entry") if (found := entry.find(f"{{{ATOM}}}id")) is not None
    }
    gone = {entry.attrib["ref"] for entry in feed.iter(f"{{{GONE}}}deleted-entry")}
    told, left = ({str(urn).removeprefix("urn:delight:") for urn in urns} for urns in (stories, gone))
    return Told(told, left, answer.content)


def wall(room: Room, client: httpx.Client) -> Told:
    answer = room.client().get("/wall")
    return Told(set(re.findall(r'<li id="([^"]+)">', answer.text)), None, answer.content)


def webhook(room: Room, client: httpx.Client) -> Told:
    deliverer = room.team.deliverer
    assert isinstance(deliverer, FakeDeliverer)
    while room.team.deliver():
        continue
    told = {
        kind: {body["data"]["id"] for body in deliverer.sent if body["type"] == kind}
        for kind in ("story.released", "story.gone")
    }
    return Told(told["story.released"], told["story.gone"], json.dumps(deliverer.sent).encode())


DOORS: Mapping[str, tuple[str, Callable[[Room, httpx.Client], Told]]] = {
    "API, all": ("/api/v1/stories", through_api),
    "API, one": ("/api/v1/stories/{story}", one_by_one("/api/v1/stories/{}")),
    **{f"export as {fmt}": ("/api/v1/export", as_file(fmt)) for fmt in ("json", "csv", "markdown", "html")},
    "JSON Feed": ("/feed.json", json_feed),
    "Atom": ("/feed.atom", atom),
    "wall": ("/wall", wall),
    "card as SVG": ("/cards/{story}.{kind}", one_by_one("/cards/{}.svg")),
    "square card": ("/cards/{story}.{kind}", one_by_one("/cards/{}.svg?shape=square&theme=dark")),
    "card as PNG": ("/cards/{story}.{kind}", one_by_one("/cards/{}.png")),
    "webhook": ("", webhook),
    **{f"command: export as {fmt}": ("", by_command(fmt)) for fmt in ("json", "csv", "markdown", "html")},
    "command: wall": ("", wall_by_command),
}
NO_DOORS = {
    "/health": "says ok",
    "/": "leads to the desk",
    "/p/{token}": "a customer's own page, with their own words",
    "/r/{token}": "leads away",
    "/sign-in": "a form",
    "/api/v1/openapi.json": "describes the API",
    **dict.fromkeys(
        ["/stories", "/stories/{story}", "/due", "/people", "/people/{key}", "/overview", "/overview/{step}", "/team"],
        "the desk, for those who are signed in",
    ),
}
"""Addresses by which no story is pulled, and why."""


def test_every_address_of_the_application_is_a_door_that_is_walked_here_or_none(room: Room) -> None:
    found = {route.path for route in room.app.routes if isinstance(route, Route) and "GET" in (route.methods or ())}
    walked = {path for path, _ in DOORS.values() if path}
    assert not walked & NO_DOORS.keys()
    assert found == walked | NO_DOORS.keys()
    assert [route.path for route in room.app.routes if isinstance(route, Mount)] == ["/static"]
    assert all(isinstance(route, Route | Mount) for route in room.app.routes)


def test_the_states_of_the_walk_are_all_there_are(everything: dict[Made, Kept], room: Room) -> None:
    found = {room.telling.story(kept.id).state for state, kept in everything.items() if state != "erased"}
    assert found == set(STATES)


@pytest.mark.parametrize("door", DOORS)
def test_only_what_both_keys_release_goes_through_a_door(door: str, room: Room, everything: dict[Made, Kept]) -> None:
    told = DOORS[door][1](room, room.puller())
    assert told.stories == {everything[state].id for state in OUT}
    if told.gone is not None:
        assert told.gone == {everything[state].id for state in LEFT_BEFORE}
    assert b"leak-" not in told.body
    if "card" not in door:
        assert b"of-ready" in told.body


def test_a_story_that_comes_back_is_told_again_by_every_door(room: Room, everything: dict[Made, Kept]) -> None:
    """A door that kept a list of its own would not know."""
    client = room.puller()
    assert not [
        door for door, (_, through) in DOORS.items() if everything["sent back"].id in through(room, client).stories
    ]
    room.telling.approve_story(everything["sent back"].id, "Priya")
    _forget_what_was_sent(room)
    for door, (_, through) in DOORS.items():
        told = through(room, client)
        assert everything["sent back"].id in told.stories, door
        assert everything["sent back"].id not in (told.gone or ()), door


def test_a_withdrawal_closes_every_door_at_once(room: Room, everything: dict[Made, Kept]) -> None:
    client, gone = room.puller(), everything["published"]
    assert not [door for door, (_, through) in DOORS.items() if gone.id not in through(room, client).stories]
    room.answer(gone, button="withdraw")
    _forget_what_was_sent(room)
    for door, (_, through) in DOORS.items():
        told = through(room, client)
        assert gone.id not in told.stories, door
        assert told.gone is None or gone.id in told.gone, door


def _forget_what_was_sent(room: Room) -> None:
    assert isinstance(room.team.deliverer, FakeDeliverer)
    room.team.deliverer.sent.clear()


def test_the_wall_shows_only_what_was_agreed_for_the_website(room: Room) -> None:
    shown = {place: room.make("ready", number, place=place).id for number, place in enumerate(PLACES, start=1)}
    assert wall(room, room.client()).stories == {shown["website"]}
    assert wall_by_command(room, room.client()).stories == {shown["website"]}


def test_nobody_sees_a_wall_that_the_team_has_not_opened(room: Room) -> None:
    room.settings = room.settings.model_copy(update={"wall": False})
    room.make("ready")
    assert room.client().get("/wall").status_code == 404


# Whoever keeps what they pulled


@dataclass
class Mirror:
    """Another system that pulls with a cursor and does what it is told."""

    client: httpx.Client
    filters: dict[str, str] = field(default_factory=dict)
    cursor: str = ""
    stories: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def pull(self, limit: int = 50) -> None:
        """Go on where the last pull ended, to the end."""
        more = True
        while more:
            query = {"limit": str(limit), "cursor": self.cursor, **self.filters}
            page = self.client.get("/api/v1/stories", params=query).json()
            for story in page["stories"]:
                self.stories[story["id"]] = story
                self.seen.append(story["id"])
            for gone in page["gone"]:
                self.stories.pop(gone["id"], None)
            self.cursor, more = page["cursor"], page["more"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
def test_pages_visit_every_story_exactly_once(room: Room, limit: int) -> None:
    kept = [room.make("ready", number).id for number in range(1, 8)]
    mirror = Mirror(room.puller())
    mirror.pull(limit)
    assert mirror.seen == kept
    mirror.pull(limit)
    assert mirror.seen == kept, "nothing new, nothing told twice"


def test_a_story_that_changes_between_two_pages_is_told_at_the_end(room: Room) -> None:
    for number in range(1, 5):
        room.make("ready", number)
    mirror = Mirror(room.puller())
    first = room.client()
    first.headers.update(mirror.client.headers)
    page = first.get("/api/v1/stories?limit=2").json()
    mirror.cursor = page["cursor"]
    room.telling.publish("s-3", "website", "https://fernway.example/3", "", "Priya")
    room.telling.publish("s-1", "website", "https://fernway.example/1", "", "Priya")
    mirror.pull(1)
    assert mirror.seen == ["s-4", "s-3", "s-1"]


def test_whoever_keeps_what_they_pulled_holds_what_may_be_used_and_no_other(room: Room, clock: FakeClock) -> None:
    room.make("ready", 1)
    two, three = room.make("ready", 2), room.make("ready", 3)
    room.make("expired", 4)
    mirror = Mirror(room.puller())
    mirror.pull()
    assert set(mirror.stories) == {"s-1", "s-2", "s-3", "s-4"}
    room.answer(two, button="withdraw")
    room.telling.forget(three.key, "Lea")
    clock.forward(days=366)
    mirror.pull()
    assert set(mirror.stories) == {"s-1"}


ENDS = ("withdrawn", "expired", "sent back", "erased")


@pytest.mark.parametrize(
    ("filters", "end"),
    [
        *(({"place": "website"}, end) for end in (*ENDS, "other places")),
        *(({"signal": "proactive_fix"}, end) for end in ENDS),
        *(({"outcome": "testimonial"}, end) for end in ENDS),
    ],
    ids=str,
)
def test_whoever_pulls_with_a_filter_learns_of_every_end_too(
    room: Room, clock: FakeClock, end: str, filters: dict[str, str]
) -> None:
    kept = room.ask(room.noticed(1))
    room.answer(kept, places=("website", "social"), until="one" if end == "expired" else "open")
    room.telling.approve_story(kept.id, "Priya")
    mirror = Mirror(room.puller(), filters)
    mirror.pull()
    assert set(mirror.stories) == {kept.id}
    if end == "withdrawn":
        room.answer(kept, button="withdraw")
    elif end == "expired":
        clock.forward(days=366)
    elif end == "sent back":
        room.telling.retract_story(kept.id, "Priya", "the product is gone")
    elif end == "erased":
        room.telling.forget(kept.key, "Lea")
    else:
        assert kept.ask is not None
        with room.database.begin() as connection:
            room.telling.record(
                connection,
                asking.get(connection, kept.ask.id),
                "granted",
                Terms(places=("internal",), name_style="first"),
                answer_text="only inside, please",
                channel="mail",
                message_id="9",
                by="Mara",
            )
        room.telling.approve_story(kept.id, "Priya")
    mirror.pull()
    assert mirror.stories == {}


def test_a_filter_tells_what_fits_and_no_other(room: Room) -> None:
    room.make("ready", 1, place="website", signal="proactive_fix", outcome="testimonial")
    room.make("ready", 2, place="sales", signal="saved_deadline", outcome="referral")
    for query, expected in (
        ("place=website", {"s-1"}),
        ("place=sales", {"s-2"}),
        ("place=internal", set()),
        ("signal=saved_deadline", {"s-2"}),
        ("signal=nothing", set()),
        ("outcome=referral", {"s-2"}),
        ("outcome=referral&place=website", set()),
        ("", {"s-1", "s-2"}),
    ):
        page = room.puller().get(f"/api/v1/stories?{query}").json()
        assert {story["id"] for story in page["stories"]} == expected, query


def test_since_tells_what_changed_at_or_after_a_time(room: Room, clock: FakeClock) -> None:
    room.make("ready", 1)
    clock.forward(days=1)
    second = clock()
    room.make("ready", 2)
    puller = room.puller()

    def since(moment: datetime | str) -> set[str]:
        told = moment if isinstance(moment, str) else moment.isoformat()
        answer = puller.get("/api/v1/stories", params={"since": told})
        assert answer.status_code == 200, answer.text
        return {story["id"] for story in answer.json()["stories"]}

    assert since(second - timedelta(days=2)) == {"s-1", "s-2"}
    assert since(second) == {"s-2"}
    assert since(second + timedelta(seconds=1)) == set()
    assert since(second.date().isoformat()) == {"s-2"}
    assert since(second.strftime("%Y-%m-%dT%H:%M:%SZ")) == {"s-2"}


def test_an_unchanged_page_is_not_sent_again(room: Room) -> None:
    kept = room.make("ready")
    puller = room.puller()
    first = puller.get("/api/v1/stories?limit=5")
    again = puller.get("/api/v1/stories?limit=5", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"], "a 304 says what the 200 would (RFC 9110)"
    assert puller.get("/api/v1/stories?limit=4").headers["etag"] != first.headers["etag"]
    room.telling.publish(kept.id, "website", "https://fernway.example/1", "", "Priya")
    changed = puller.get("/api/v1/stories?limit=5", headers={"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("sent", ["W/{}", '"other", {}', '"other",{}'])
def test_an_etag_is_known_in_every_form_that_caches_send(room: Room, sent: str) -> None:
    room.make("ready")
    puller = room.puller()
    tag = puller.get("/api/v1/stories").headers["etag"]
    assert puller.get("/api/v1/stories", headers={"if-none-match": sent.format(tag)}).status_code == 304


def test_time_alone_makes_a_page_another(room: Room, clock: FakeClock) -> None:
    room.make("expired")
    puller = room.puller()
    tag = puller.get("/api/v1/stories").headers["etag"]
    clock.forward(days=366)
    answer = puller.get("/api/v1/stories", headers={"if-none-match": tag})
    assert answer.status_code == 200
    assert [gone["id"] for gone in answer.json()["gone"]] == ["s-1"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "limit=-1", "limit=x", "limit=", "limit=²", "limit=1.0", "limit=99999999999999999999",
        "cursor=x", "cursor=Yw", "cursor=Yy0x", "cursor=%00", "cursor=ключ", "cursor=====", "cursor=" + "A" * 500,
        "since=yesterday", "since=2026-13-01", "since=0001-01-01T00:00:00%2B14:00", "since=9999-12-31T23:59:59-14:00",
        "place=moon", "place=website%20social", "outcome=fame", "place=%25", "outcome=%00",
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_a_problem_that_names_it(room: Room, query: str) -> None:
    answer = room.puller().get(f"/api/v1/stories?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["status"]) == ("about:blank", 400)
    assert problem["detail"].startswith(query.partition("=")[0])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/export?format=xml", 400),
        ("/api/v1/export?format=", 400),
        ("/api/v1/stories/s-9", 404),
        ("/api/v1/stories/" + quote("s-1'; --"), 404),
        ("/cards/s-1.gif", 404),
        ("/cards/s-9.svg", 404),
        ("/cards/s-1.svg?shape=round", 404),
        ("/cards/s-1.png?theme=red", 404),
    ],
)
def test_what_is_not_there_is_a_problem_too(room: Room, path: str, status: int) -> None:
    room.make("ready")
    answer = room.puller().get(path)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_feed_is_in_the_order_of_the_changes_and_names_its_address(room: Room, clock: FakeClock) -> None:
    for number in range(1, 4):
        room.make("ready", number)
        clock.forward(minutes=1)
    feed = room.puller().get("/feed.json").json()
    assert [item["id"] for item in feed["items"]] == ["s-3", "s-2", "s-1"]
    assert feed["feed_url"] == f"{ADDRESS}/feed.json"
    assert all(item["content_text"] for item in feed["items"])


def test_a_disclosure_goes_out_by_every_door_that_shows_the_words(room: Room) -> None:
    told = "Anna had received a gift."
    kept = room.ask(room.noticed(1, gift=True, disclosure=told))
    room.answer(kept)
    room.telling.approve_story(kept.id, "Priya")
    puller = room.puller()
    paths = [f"/api/v1/export?format={fmt}" for fmt in ("json", "csv", "markdown", "html")]
    for path in (
        *paths,
        "/api/v1/stories",
        f"/api/v1/stories/{kept.id}",
        "/feed.json",
        "/feed.atom",
        "/wall",
        f"/cards/{kept.id}.svg",
    ):
        body = Parsed(puller.get(path).text).text if path == "/wall" else puller.get(path).text
        assert told in body or told in body.replace("\\", ""), path


# The description holds


@pytest.fixture(scope="module")
def described(
    full: tuple[Path, dict[Made, Kept]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Room, str]]:
    """The application as schemathesis reads it, and a token."""
    path = tmp_path_factory.mktemp("described") / "web.db"
    shutil.copy(full[0], path)
    database = Database(path)
    made = Room(database, FakeClock(), WebSettings(public_url=ADDRESS))
    token = made.team.make_token("schemathesis", "the operator")
    yield made, token
    database.close()


OPERATIONS = ("/api/v1/stories", "/api/v1/stories/{story}", "/api/v1/export")
CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
)


@pytest.mark.parametrize(
    ("mode", "path"),
    [
        *((schemathesis.GenerationMode.POSITIVE, path) for path in OPERATIONS),
        *((schemathesis.GenerationMode.NEGATIVE, path) for path in OPERATIONS if path != "/api/v1/stories/{story}"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.value,
)
def test_the_api_does_what_its_description_says(
    described: tuple[Room, str], path: str, mode: schemathesis.GenerationMode
) -> None:
    kept, token = described
    client = kept.client()
    document = client.get("/api/v1/openapi.json").json()
    assert set(document["paths"]) == set(OPERATIONS)
    schema = schemathesis.openapi.from_dict({**document, "security": []})  # the token is sent with every case
    load_all_checks()
    checks: list[Any] = [CHECKS.get_one(name) for name in CHECKED]
    headers = {"authorization": f"Bearer {token}"}

    @settings(
        max_examples=15,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path]["GET"].as_strategy(generation_mode=mode))
    def conforms(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url=ADDRESS, headers=headers)
        query = dict(sent.get("params") or {})
        if mode is schemathesis.GenerationMode.POSITIVE:
            query.pop("cursor", None)  # no description says which ones were given out
        answer = client.request(sent["method"], sent["url"], params=query, headers=headers)
        case.validate_response(answer, checks=checks)

    conforms()


def test_how_often_a_referral_was_opened_stands_on_the_page_of_who_passes_it_on(room: Room) -> None:
    kept = room.make("awaiting_customer")
    with room.database.begin() as connection:
        ask = next(iter(asking.of_ticket(connection, kept.ticket.ref)))
        asking.put(connection, ask.model_copy(update={"referral": "token"}))
        asking.add_link(connection, "link", ask.id, REFER, room.telling.clock())
        for _ in range(3):
            asking.count_visit(connection, "link")
    assert room.telling.person(kept.key).visits == {ask.id: 3}
    page = room.signed_in("agent").get(f"/people/{as_handle(kept.key)}")
    assert "was opened 3 times" in page.text


def test_the_desk_counts_and_shows_no_story_of_an_erased_customer(room: Room) -> None:
    room.make("erased", 1)
    room.make("ready", 2)
    for query in ("", "?state=withdrawn", "?q=asked"):
        page = Parsed(room.signed_in("agent").get(f"/stories{query}").text)
        shown = len([link for link in page.links if link.startswith("/stories/")])
        assert f"{shown} {'story' if shown == 1 else 'stories'}." in page.text, query
