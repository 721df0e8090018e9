"""Runs the server, and beside it what time alone makes due: asks that ran out, agreed times that are over, webhooks."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool

from copilot.errors import DelightError
from copilot.settings import WebSettings
from copilot.team import Team
from copilot.telling import Telling
from copilot.web.app import make_app

TICK_SECONDS = 15.0
SLOW_CLIENT_SECONDS = 15


def run(telling: Telling, team: Team, settings: WebSettings) -> None:
    """Serve until interrupted."""
    app = make_app(telling, team, settings, os.environ.get("DELIGHT_OIDC_SECRET", ""))
    app.router.lifespan_context = ticking(telling, team)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level="info",
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies or None,
        server_header=False,
        timeout_keep_alive=SLOW_CLIENT_SECONDS,
        limit_concurrency=512,
        access_log=False,  # an address holds a customer's token: it belongs in no log
    )


def ticking(telling: Telling, team: Team) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """A lifespan in which due work is done every few seconds."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Apart, so that a receiver that does not answer holds up nothing but deliveries.
        work = [asyncio.create_task(_again(partial(tick, telling))), asyncio.create_task(_again(team.deliver))]
        try:
            yield
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    return lifespan


async def _again(step: Callable[[], object]) -> None:
    while True:
        try:
            await run_in_threadpool(step)
        except DelightError as error:
            logging.getLogger("delight.serve").warning("%s", error)
        await asyncio.sleep(TICK_SECONDS)


def tick(telling: Telling) -> None:
    """What time alone makes due."""
    telling.expire()
    telling.count_resolved()
    telling.bring_up_to_date()
