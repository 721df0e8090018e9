"""Tells other systems of every story that is released or gone: signed, tried again, and set aside where it never arrives.

The form is that of Standard Webhooks (standardwebhooks.com). What is told is looked up when it is told: a retry after a
withdrawal tells of the withdrawal. The only module that knows httpx.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Column, Connection, ForeignKey, Index, Integer, String, Table, delete, select
from sqlalchemy.dialects.sqlite import insert

from copilot.db.engine import UtcDateTime, metadata
from copilot.errors import DelightError, EnvironmentFault, NotFound, RefusedAction
from copilot.stories.models import Export, Tombstone
from copilot.stories.store import changes, last_change
from copilot.tickets.models import Model

WAITS = (0.5, 2.0, 10.0, 60.0, 360.0, 1440.0)
"""Minutes from one try to the next; after the last one a delivery is dead."""
TIMEOUT_S = 10.0
LEADING_INSIDE = ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fec0::/10")
"""IPv6 networks behind which an address of IPv4, or of this site, may be hidden."""
AT_ONCE = 50
DeliveryState = Literal["waiting", "done", "dead"]

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("url", String, nullable=False, unique=True),
    Column("secret", String, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("made_by", String, nullable=False),
    Column("change", Integer, nullable=False),  # the last change that deliveries were made for
    sqlite_autoincrement=True,
)
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String, primary_key=True),
    Column("webhook", ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("story_id", String, nullable=False),
    Column("change", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("said", String, nullable=False),
)
Index("deliveries_due", deliveries.c.state, deliveries.c.next_at)


class Webhook(Model):
    """Where to tell."""

    id: int
    url: str
    made_by: str
    made_at: datetime


class Delivery(Model):
    """One thing to tell one webhook."""

    id: str
    webhook: int
    url: str
    secret: str
    story_id: str
    change: int
    state: DeliveryState
    attempts: int
    next_at: datetime
    said: str = ""


class Answer(NamedTuple):
    """What became of a try."""

    ok: bool
    said: str


class AddressRefused(EnvironmentFault):
    title = "The address"


def add(connection: Connection, url: str, by: str, now: datetime) -> str:
    """Tell an address from now on; returns the secret that it proves our messages with, shown this once.

    Raises:
        RefusedAction: It is no web address, or told already.
    """
    _host(url)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    values = {"url": url, "secret": secret, "made_at": now, "made_by": by, "change": last_change(connection)}
    if not connection.execute(insert(webhooks).values(**values).on_conflict_do_nothing()).rowcount:
        raise RefusedAction(f"{url} is told already.")
    return secret


def remove(connection: Connection, number: int) -> None:
    """Tell an address no more.

    Raises:
        NotFound: There is no such webhook.
    """
    connection.execute(delete(deliveries).where(deliveries.c.webhook == number))
    if not connection.execute(delete(webhooks).where(webhooks.c.id == number)).rowcount:
        raise NotFound(f"There is no webhook {number}.", hint="`delight webhooks list` shows them.")


def all_webhooks(connection: Connection) -> list[Webhook]:
    """Every address that is told."""
    query = select(webhooks.c.id, webhooks.c.url, webhooks.c.made_by, webhooks.c.made_at).order_by(webhooks.c.id)
    return [Webhook.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def collect(connection: Connection, now: datetime) -> int:
    """Make a delivery of every change that a webhook has not been told of; return how many."""
    made = 0
    for number, after in connection.execute(select(webhooks.c.id, webhooks.c.change)).all():
        part = changes(connection, after, 500)
        for change in part:
            values = {
                "id": f"msg_{number}_{change.change}",
                "webhook": number,
                "story_id": change.story_id,
                "change": change.change,
                "state": "waiting",
                "attempts": 0,
                "next_at": now,
                "said": "",
            }
            connection.execute(insert(deliveries).values(**values).on_conflict_do_nothing())
        if part:
            connection.execute(webhooks.update().where(webhooks.c.id == number).values(change=part[-1].change))
        made += len(part)
    return made


def due(connection: Connection, now: datetime) -> list[Delivery]:
    """Deliveries to try now."""
    d = deliveries.c
    return _deliveries(connection, (d.state == "waiting") & (d.next_at <= now))[:AT_ONCE]


def dead(connection: Connection) -> list[Delivery]:
    """Deliveries that never arrived."""
    return _deliveries(connection, deliveries.c.state == "dead")


def try_again(connection: Connection, delivery_id: str, now: datetime) -> None:
    """Give a dead delivery another row of tries.

    Raises:
        NotFound: It is not dead.
    """
    d = deliveries.c
    values = {"state": "waiting", "attempts": 0, "next_at": now}
    if not connection.execute(
        deliveries.update().where(d.id == delivery_id, d.state == "dead").values(**values)
    ).rowcount:
        raise NotFound(f"There is no dead delivery {delivery_id}.")


def settle(connection: Connection, delivery: Delivery, answer: Answer, now: datetime) -> None:
    """Keep what became of a try; an answer that is no success is tried again later, each time after a longer wait."""
    tries = delivery.attempts + 1
    state: DeliveryState = "done" if answer.ok else "dead" if tries > len(WAITS) else "waiting"
    wait = timedelta(minutes=WAITS[min(tries, len(WAITS)) - 1])
    connection.execute(
        deliveries.update()
        .where(deliveries.c.id == delivery.id)
        .values(state=state, attempts=tries, next_at=now + wait, said=answer.said[:300])
    )


def payload(story: Export | Tombstone, now: datetime) -> bytes:
    """What is told, as JSON."""
    kind = "story.gone" if isinstance(story, Tombstone) else "story.released"
    body = {"type": kind, "timestamp": now.isoformat(), "data": story.model_dump(mode="json")}
    return json.dumps(body, ensure_ascii=False).encode()


def signed(delivery_id: str, secret: str, body: bytes, now: datetime) -> dict[str, str]:
    """Headers by which the receiver proves that a message is ours and fresh."""
    stamp = str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{delivery_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
        "content-type": "application/json",
    }


class Deliverer:
    """Sends.

    Args:
        allow_private: Whether addresses on this machine and in private networks may be told.
        resolve: Finds the addresses of a host; the system's own by default.
    """

    def __init__(self, *, allow_private: bool = False, resolve: Callable[[str, int], list[str]] | None = None) -> None:
        self.allow_private = allow_private
        self.resolve = resolve or _resolve

    def send(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Post once; never follows a redirect, and connects to the very address that was looked at."""
        try:
            address = self.check(url)
            return Answer(*asyncio.run(asyncio.wait_for(_post(url, address, headers, body), TIMEOUT_S)))
        except DelightError as error:
            return Answer(ok=False, said=error.message)
        except TimeoutError:
            return Answer(ok=False, said=f"no answer within {TIMEOUT_S:.0f} seconds")

    def check(self, url: str) -> str:
        """The address to connect to.

        Raises:
            AddressRefused: The host is not found, or lies where nobody outside should reach.
        """
        host, port = _host(url)
        try:
            found = self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise AddressRefused(f"{host[:80]} is not found.") from error
        for address in found:
            if not self.allow_private and not _is_public(address):
                raise AddressRefused(
                    f"{host} is {address}, which is not public.", hint="Set `private_webhooks` under [web] to allow it."
                )
        if not found:
            raise AddressRefused(f"{host} is not found.")
        return found[0]


def _host(url: str) -> tuple[str, int]:
    """Host and port of an address.

    Raises:
        RefusedAction: It is no web address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        raise RefusedAction(f"{url[:200]} is no address of a webhook.", hint="Write https://host/path.")
    return host, port or (443 if parts.scheme == "https" else 80)


async def _post(url: str, address: str, headers: dict[str, str], body: bytes) -> tuple[bool, str]:
    """(success, what was answered); whatever else the other side says is not waited for."""
    import httpx

    try:
        target = httpx.URL(url)
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
            request = client.build_request(
                "POST",
                target.copy_with(host=address),
                content=body,
                headers={**headers, "host": target.netloc.decode()},
                extensions={"sni_hostname": target.host},
            )
            response = await client.send(request, stream=True)
            await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return False, f"{type(error).__name__}: {error}"
    return response.is_success, f"HTTP {response.status_code}"


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if any(ip in ipaddress.ip_network(net) for net in LEADING_INSIDE):
        return False
    mapped = ip.ipv4_mapped or ip.sixtofour if isinstance(ip, ipaddress.IPv6Address) else None
    return ip.is_global and not ip.is_multicast and (mapped is None or (mapped.is_global and not mapped.is_multicast))


def _resolve(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _deliveries(connection: Connection, condition: object) -> list[Delivery]:
    query = select(deliveries, webhooks.c.url, webhooks.c.secret).join(webhooks).where(condition)  # type: ignore[arg-type]
    rows = connection.execute(query.order_by(deliveries.c.next_at, deliveries.c.change)).mappings()
    return [Delivery.model_validate(dict(row)) for row in rows]
