"""`python -m benchmarks.web`: the server over 100,000 stories: pages under load and one whole export, each beside its aim.

Runs the real server as a process of its own, on a workspace that is filled straight into the tables: 60 in 100 stories
released (some of them published), 8 withdrawn after they were released, the rest on their way; the ledger's chain holds.
The load is open: 100 requests a second for ten seconds are sent when they are due, whatever came of those before, and time
counts from when they were due. Beside each page stands a bare Starlette route that answers as many bytes from memory under
the same load, in the same run.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx

from copilot.asking import store as asking
from copilot.asking.ledger import START, chained, sealed
from copilot.asking.models import Answer, Ask, AskState, Entry, Terms
from copilot.bootstrap import HOME, Workspace
from copilot.settings import Settings, WebSettings
from copilot.stories import store as stories
from copilot.stories.models import RELEASED, Approval, Publication, Quote, Story
from copilot.stories.release import standing
from copilot.text import clean, clean_line, digest, sentences
from copilot.tickets.models import Customer, Message
from copilot.tickets.sample import SAMPLE

ROOT = HOME.parent
STORIES = 100_000
AT_ONCE = 5_000
"""Stories a transaction, while filling."""
LINKS = 500
RATE = 100
SECONDS = 10
ADDRESSES = 12
"""Addresses of this machine that the load comes from: one may look at customers' pages 240 times a minute."""
WARM = 3 * ADDRESSES
TOO_LATE = 10.0
"""Seconds after which a request counts as lost."""
MB = 1024 * 1024
ROW = "story," + "x" * 480 + "\r\n"


def main() -> None:
    if len(sys.argv) > 1:
        match sys.argv[1:]:
            case ["serve", where, number]:
                _serve(Path(where), int(number))
            case ["bare", number]:
                _bare(int(number))
            case ["load"]:
                _load()
        return
    folder = Path(tempfile.mkdtemp(prefix="delight-bench-"))
    port, bare_port = _free_port(), _free_port()
    try:
        began = time.perf_counter()
        filled = _fill(folder, port)
        size = sum(file.stat().st_size for file in folder.glob("delight.db*")) / MB
        print(
            f"{STORIES:,} stories, {filled.released:,} released, filled in {time.perf_counter() - began:.0f} s, {size:.0f} MB"
        )
        log = folder / "server.log"
        with _server(log, port, "serve", str(folder)) as ours, _server(log, bare_port, "bare") as bare:
            _line("", "p50, p95; the server's core a request", "aim", "bare Starlette, as many bytes")
            token = {"authorization": f"Bearer {filled.token}"}
            cursors = [base64.urlsafe_b64encode(f"c{n}".encode()).decode().rstrip("=") for n in filled.cursors]
            _pages("customer's page, 500 links", [f"/p/{link}" for link in filled.links], {}, ours, bare)
            _pages("API, pages of 50", [f"/api/v1/stories?cursor={c}" for c in cursors], token, ours, bare)
            _pages("/feed.json", ["/feed.json"], token, ours, bare)
            _pages("/wall", ["/wall"], {}, ours, bare)
            _export(token, filled.released, ours, bare)
        said = Counter(line for line in log.read_text("utf-8").splitlines() if not line.startswith("INFO"))
        for line, count in said.most_common(20):
            print(f"the servers said{f', {count} times' if count > 1 else ''}: {line}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _line(what: str, value: str, aim: str, beside: str = "") -> None:
    print(f"{what:<34} {value:<50} {aim:<16} {beside}", flush=True)


# Servers


def _space(folder: Path, port: int) -> Workspace:
    web = WebSettings(port=port, public_url=f"http://127.0.0.1:{port}")
    return Workspace(
        Settings(workspace=folder, playbooks=ROOT / "playbooks", company="Fernway", agent="Bench", web=web)
    )


def _serve(folder: Path, port: int) -> None:
    """What `delight serve` runs."""
    from copilot.web.serve import run

    space = _space(folder, port)
    run(space.telling, space.team, space.settings.web)


def _bare(port: int) -> None:
    """Starlette alone: a page of any size from memory, and a stream of rows that costs nothing to make."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route

    pages: dict[int, bytes] = {}

    async def fixed(request: Request) -> Response:
        size = request.path_params["size"]
        return Response(pages.setdefault(size, b"x" * size), media_type="text/html")

    async def rows(request: Request) -> Response:
        return StreamingResponse((ROW for _ in range(request.path_params["count"])), media_type="text/csv")

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    routes = [Route("/health", health), Route("/fixed/{size:int}", fixed), Route("/rows/{count:int}", rows)]
    uvicorn.run(Starlette(routes=routes), port=port, log_level="info", access_log=False)


class Server(NamedTuple):
    """A server that runs."""

    port: int
    pid: int

    @property
    def cpu(self) -> float:
        """Seconds that it kept a core busy."""
        times = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def peak(self) -> float:
        """MB that it held at most."""
        status = Path(f"/proc/{self.pid}/status").read_text("utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def settle(self) -> None:
        """Wait until it has done with what nobody waits for any more, else the next page would pay for it."""
        before = -1.0
        while self.cpu - before > 0.02:
            before = self.cpu
            time.sleep(0.2)

    def forget_peak(self) -> None:
        """Count the peak anew, from what is held now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", "utf-8")


@contextmanager
def _server(log: Path, port: int, *what: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "benchmarks.web", *what, str(port)]
    with log.open("ab") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)
    try:
        address = f"http://127.0.0.1:{port}/health"
        for _ in range(600):
            try:
                httpx.get(address, timeout=60)
                break
            except httpx.TransportError:
                if process.poll() is not None:
                    raise RuntimeError(log.read_text("utf-8")) from None
                time.sleep(0.05)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


# Load


def _pages(what: str, paths: list[str], headers: dict[str, str], ours: Server, bare: Server) -> None:
    size = len(httpx.get(f"http://127.0.0.1:{ours.port}{paths[0]}", headers=headers, timeout=60).content)
    peer = _loaded(bare, [f"/fixed/{size}"], {})
    found = _loaded(ours, paths, headers)
    ours.settle()
    lost = "".join(f", {count} times {name}" for name, count in found["wrong"].items())
    _line(f"{what}, {size / 1024:.0f} kB", f"{_times(found)}{lost}", "p95 under 50 ms", _times(peer))


def _times(found: dict[str, Any]) -> str:
    return f"{found['p50']:.1f}, {found['p95']:.1f} ms; {found['cpu']:.1f} ms"


def _loaded(server: Server, paths: list[str], headers: dict[str, str]) -> dict[str, Any]:
    """What a load process found, and how long a request kept the server's core busy."""
    asked = json.dumps({"port": server.port, "paths": paths, "headers": headers})
    command = [sys.executable, "-m", "benchmarks.web", "load"]
    before = server.cpu
    done = subprocess.run(command, check=True, input=asked, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "cpu": (server.cpu - before) * 1000 / found["answered"]}


def _load() -> None:
    asked = json.load(sys.stdin)
    print(json.dumps(asyncio.run(_open_loop(asked["port"], asked["paths"], asked["headers"]))))


async def _open_loop(port: int, paths: list[str], headers: dict[str, str]) -> dict[str, Any]:
    clients = [_client(f"127.0.0.{number + 2}", port, headers) for number in range(ADDRESSES)]
    took: list[float] = []
    wrong: Counter[str] = Counter()

    async def one(number: int, due: float) -> None:
        try:
            answer = await clients[number % ADDRESSES].get(paths[number % len(paths)])
            name = "" if answer.status_code == 200 else f"HTTP {answer.status_code}"
        except httpx.HTTPError as error:
            name = type(error).__name__
        if name:
            wrong[name] += 1
        took.append((time.perf_counter() - due) * 1000)

    for number in range(WARM):  # connections are made, templates compiled
        await one(number, 0.0)
    took.clear()
    wrong.clear()
    began = time.perf_counter()
    running = []
    for number in range(RATE * SECONDS):
        due = began + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        running.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*running)
    for client in clients:
        await client.aclose()
    ordered = sorted(took)
    return {
        "p50": ordered[len(ordered) // 2],
        "p95": ordered[int(len(ordered) * 0.95)],
        "wrong": wrong,
        "answered": len(took) + WARM,
    }


def _client(address: str, port: int, headers: dict[str, str]) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    way = httpx.AsyncHTTPTransport(local_address=address, limits=limits)
    return httpx.AsyncClient(transport=way, base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=TOO_LATE)


def _export(headers: dict[str, str], released: int, ours: Server, bare: Server) -> None:
    ours.forget_peak()
    before = ours.peak
    seconds, rows, tenth = _drained(ours, "/api/v1/export?format=csv", headers, released // 10)
    after = ours.peak
    bare_seconds, bare_rows, _ = _drained(bare, f"/rows/{rows}", {}, 0)
    _line(
        f"export, {rows - 1:,} stories",
        f"{seconds:.1f} s, {rows / seconds:,.0f} stories a second",
        "",
        f"{bare_seconds:.1f} s, {bare_rows / bare_seconds:,.0f} rows a second",
    )
    _line("peak memory", f"{before:.1f} MB before, {tenth:.1f} at a tenth, {after:.1f} after", "flat")
    if rows - 1 != released:
        print(f"the export holds {rows - 1:,} stories, and {released:,} are released")


def _drained(server: Server, path: str, headers: dict[str, str], tenth: int) -> tuple[float, int, float]:
    """(seconds, rows, the peak once a tenth of the rows were read) of an answer."""
    began, rows, peak = time.perf_counter(), 0, 0.0
    with httpx.stream("GET", f"http://127.0.0.1:{server.port}{path}", headers=headers, timeout=120) as answer:
        answer.raise_for_status()
        for part in answer.iter_raw():
            rows += part.count(b"\r")  # nothing else holds one, and two bytes may come in two parts
            if not peak and rows > tenth:
                peak = server.peak
    return time.perf_counter() - began, rows, peak


# A workspace


class Filled(NamedTuple):
    """What the load needs of a filled workspace."""

    token: str
    links: list[str]
    cursors: list[int]
    released: int


class Told(NamedTuple):
    """What made-up stories are made of: a conversation of the sample queue.

    Attributes:
        customer: As it is stored.
        thread: Its messages, as they are stored but for their times.
    """

    subject: str
    words: str
    name: str
    customer: dict[str, Any]
    thread: list[str]


def _fill(folder: Path, port: int) -> Filled:
    """A workspace with stories in every state."""
    space = _space(folder, port)
    now = datetime.now(UTC)
    told = [_told(json.loads(line)) for line in SAMPLE.read_text("utf-8").split("\n") if line.strip()]
    maker = _Maker(told, now)
    for first in range(0, STORIES, AT_ONCE):
        maker.rows.clear()
        for number in range(first, min(first + AT_ONCE, STORIES)):
            maker.make(number)
        with space.database.begin(durable=False) as connection:
            connection.exec_driver_sql("PRAGMA cache_size=-262144")  # the indexes' keys come in no order
            for table, rows in maker.rows.items():
                names = ", ".join(f'"{name}"' for name in maker.names[table])
                marks = ", ".join("?" for _ in maker.names[table])
                connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
    by_state = {state: [n for n in range(STORIES) if _state(n) == state] for state in ("open", "ready", "published")}
    chance = Random(1)
    linked = [
        n
        for ns, share in zip(by_state.values(), (0.5, 0.3, 0.2), strict=True)
        for n in chance.sample(ns, int(LINKS * share))
    ]
    chance.shuffle(linked)
    with space.database.begin() as connection:
        links = [space.telling.make_link(connection, asking.get(connection, f"a{n}")) for n in linked]
    with space.database.begin() as connection:  # the flow finds nothing to put right in the index
        last = stories.last_change(connection)
        for number in range(0, STORIES, STORIES // 200):
            stories.refresh(connection, f"s{number}", now)
        assert stories.last_change(connection) == last
    assert space.telling.verify_ledger() == maker.seq
    token = space.team.make_token("bench", "Bench")
    space.close()
    cursors = [chance.randrange(STORIES - 200) for _ in range(LINKS)]
    return Filled(token, [link.rpartition("/")[2] for link in links], cursors, maker.released)


def _told(row: dict[str, Any]) -> Told:
    texts = {role: [clean(t["text"]) for t in row["turns"] if t["role"] == role] for role in ("customer", "agent")}
    thanked = texts["customer"][-1]
    person = Customer(id="-", name=row["customer"]["name"], locale=row["customer"].get("locale") or "en", country="NL")
    thread = (
        Message(id="m1", role="customer", text=texts["customer"][0], author=person.name),
        Message(id="m2", role="agent", text=(texts["agent"] or ["It is done."])[-1], author="Mara"),
        Message(id="m3", role="customer", text=thanked, author=person.name),
        Message(id="m4", role="agent", text="Thank you! May we share your words?", author="Mara"),
    )
    return Told(
        clean_line(row["subject"]),
        max((thanked[start:end] for start, end in sentences(thanked)), key=len)[:300],
        person.name,
        person.model_dump(mode="json"),
        [json.dumps(message.model_dump(mode="json", exclude_defaults=True)) for message in thread],
    )


def _stored(value: Any) -> Any:
    """A value as the database holds it."""
    if isinstance(value, datetime):
        return value.isoformat(" ", "microseconds")[:26]
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def _state(number: int) -> str:
    """What becomes of a story."""
    place = number % 25
    bounds = ((3, "published"), (15, "ready"), (17, "withdrawn"), (20, "awaiting"), (23, "open"))
    return next((state for bound, state in bounds if place < bound), "noticed")


class _Maker:
    """Makes the rows of stories, table by table, and chains the ledger."""

    def __init__(self, told: list[Told], now: datetime) -> None:
        self.told = told
        self.now = now
        self.rows: dict[str, list[tuple[Any, ...]]] = {}
        self.names: dict[str, tuple[str, ...]] = {}
        self.prev = START
        self.seq = 0
        self.released = 0

    def make(self, number: int) -> None:
        state, told = _state(number), self.told[number % len(self.told)]
        days = 1 + number % 18 if state == "open" else 40 + number % 700  # an ask that waits longer than that runs out
        at = self.now - timedelta(days=days, seconds=number % 86_400)
        key = f"bench/c{number}"
        ref = self._ticket(number, told, key, at)
        gift = number % 20 == 7
        disclosure = f"{told.name.split()[0]} had received a small gift from us." if gift else ""
        story = Story(
            id=f"s{number}",
            ticket_ref=ref,
            customer_key=key,
            customer_name=told.name,
            customer_company=_company(number),
            hook=f"{told.subject}: how case {number} ended well",
            moment=f"{told.name.split()[0]} wrote to us about “{told.subject}” and heard back the same day.",
            catalyst="We looked at the whole case, put it right and said so.",
            signal=("proactive_fix", "saved_deadline", "surprise_gesture")[number % 3],
            outcome=("testimonial", "social_share", "referral")[number % 3],
            quotes=(Quote(text=told.words, message_id="m3"),),
            gift=gift,
            disclosure=disclosure,
            proof="The conversation.",
            created_at=at,
            updated_at=at,
            by="Bench",
        )
        self._put("stories", id=story.id, ticket_ref=ref, body=story.model_dump(mode="json"), updated_at=at)
        entries, approval, places = self._permission(number, state, told, story, at)
        found = standing(story, entries, state != "noticed", approval, places, self.now.date())
        released = found.state in RELEASED
        self.released += released
        until = found.terms.until if found.terms is not None and released else None
        quoted = (story.hook, story.moment, story.catalyst, told.words, story.customer_name, story.customer_company)
        self._put(
            "story_index",
            story_id=story.id,
            change=number + 1,
            changed_at=at + timedelta(days=1),
            created_at=at,
            state=found.state,
            released=released,
            ever_released=released or state == "withdrawn",
            until=datetime.combine(until, time_of_day.max, UTC) if until else None,
            signal=story.signal,
            outcome=story.outcome,
            play_id="",
            places=f" {' '.join(found.terms.places)} " if found.terms is not None else " ",
            words=" ".join(quoted).casefold(),
            fingerprint=digest(story.fingerprint, found.model_dump_json(include=set(stories.SHOWN))),
        )

    def _put(self, table: str, **row: Any) -> None:
        self.names[table] = tuple(row)
        self.rows.setdefault(table, []).append(tuple([_stored(value) for value in row.values()]))

    def _ticket(self, number: int, told: Told, key: str, at: datetime) -> str:
        ref = f"bench/{number}"
        email = f"c{number}@customers.example"
        body = {**told.customer, "id": f"c{number}", "email": email, "company": _company(number)}
        self._put("customers", key=key, body=body, email=email, do_not_ask=False, do_not_ask_by="")
        self._put(
            "tickets",
            ref=ref,
            queue="bench",
            id=str(number),
            subject=told.subject,
            title=told.subject,
            status="resolved",
            channel="mail",
            customer_key=key,
            customer_name=told.name,
            tags=[],
            version=digest(ref),
            source_version=digest(ref),
            opened_at=at,
            last_at=at + timedelta(hours=3),
            waiting_since=None,
        )
        for seq, message in enumerate(told.thread):
            kept = f'{message[:-1]}, "at": "{(at + timedelta(hours=seq)).isoformat()}"}}'
            self._put("messages", ref=ref, seq=seq, id=f"m{seq + 1}", body=kept, local=seq == 3)
        return ref

    def _permission(
        self, number: int, state: str, told: Told, story: Story, at: datetime
    ) -> tuple[list[Entry], Approval | None, list[Publication]]:
        """The ask, what was answered, marketing's key, and where it stands."""
        if state == "noticed":
            return [], None, []
        answered: dict[str, AskState] = {"open": "sent", "withdrawn": "withdrawn"}
        ask = Ask(
            id=f"a{number}",
            ticket_ref=story.ticket_ref,
            customer_key=story.customer_key,
            kind="quote",
            play_id="solved-with-thanks/quote",
            wording="2026-11",
            words=told.words,
            text=f"May we share these words of yours? “{told.words}”",
            state=answered.get(state, "granted"),
            created_at=at,
            sent_at=at + timedelta(hours=3),
            answered_at=at + timedelta(days=1) if state != "open" else None,
            message_id="m4",
        )
        self._put(
            "asks",
            id=ask.id,
            ticket_ref=ask.ticket_ref,
            customer_key=ask.customer_key,
            state=ask.state,
            sent_at=ask.sent_at,
            body=ask.model_dump(mode="json"),
        )
        if state == "open":
            return [], None, []
        terms = Terms(
            places=("website", "social") if number % 2 else ("social", "sales", "internal"),
            name_style="first",
            company=True,
            until=(self.now + timedelta(days=365)).date() if number % 4 == 0 else None,
            disclosure=story.disclosure,
            shown_as=f"{told.name.split()[0]}, {story.customer_company}",
        )
        entries = [self._entry(ask, "granted", terms, "yes", at + timedelta(days=1))]
        if state == "withdrawn":
            entries.append(self._entry(ask, "withdrawn", Terms(), "withdraw", at + timedelta(days=3)))
        if state == "awaiting":
            return entries, None, []
        approved = at + timedelta(days=2)
        approval = Approval(
            story_id=story.id, fingerprint=story.fingerprint, entry=entries[0].seq, by="Ines", at=approved
        )
        self._put("approvals", story_id=story.id, body=approval.model_dump(mode="json"), at=approved)
        if state != "published":
            return entries, approval, []
        place = Publication(
            story_id=story.id,
            place="social",
            address=f"https://social.example/{number}",
            campaign="autumn",
            by="Ines",
            at=approved,
        )
        self._put("publications", **place.model_dump(exclude={"id"}))
        return entries, approval, [place]

    def _entry(self, ask: Ask, answer: Answer, terms: Terms, pressed: str, at: datetime) -> Entry:
        """An entry that follows the one before."""
        self.seq += 1
        entry = Entry(
            seq=self.seq,
            ask_id=ask.id,
            ticket_ref=ask.ticket_ref,
            customer_key=ask.customer_key,
            answer=answer,
            words=ask.words,
            words_hash="",
            wording=ask.wording,
            terms=terms,
            answer_text=pressed,
            channel="page",
            message_id=ask.message_id,
            at=at,
            by="the customer, on their page",
        ).hashed()
        salt, seal = sealed(entry)
        prev, self.prev = self.prev, chained(self.prev, entry, seal)
        self._put(
            "permissions",
            seq=self.seq,
            ask_id=ask.id,
            answer=answer,
            body=entry.public_part,
            at=at,
            sealed=seal,
            prev=prev,
            hash=self.prev,
        )
        self._put(
            "permission_words",
            seq=self.seq,
            ticket_ref=ask.ticket_ref,
            customer_key=ask.customer_key,
            salt=salt,
            body=entry.personal_part,
        )
        return entry


def _company(number: int) -> str:
    return "Northlight Studio" if number % 3 else "Bakery Ama & Sons"


if __name__ == "__main__":
    main()
