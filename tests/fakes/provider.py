"""A real HTTP server that speaks the OpenAI chat protocol and says what it is told; it keeps every request."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """What the server answers to one request."""

    text: str = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    finish: str = "stop"
    raw: bytes | None = None
    """The whole body, where it is to be no chat completion."""
    model: str = ""
    """Who says it answered; empty is the one that was asked."""
    piece: int = 24
    """Characters of one streamed piece."""
    before: float = 0.0
    """Seconds before the first piece."""
    pause: float = 0.0
    """Seconds between two pieces."""
    cut_after: int | None = None
    """Pieces after which the connection breaks."""
    hold: tuple[int, threading.Event] | None = None
    """(pieces, event): after so many pieces the server waits for the event, at most ten seconds."""


class FakeProvider:
    """Listens on the loopback until it is closed.

    Attributes:
        requests: The body of every request, oldest first.
        say: Makes the reply to a request; set it to change what is answered.
    """

    def __init__(self, say: Callable[[dict[str, Any]], Reply]) -> None:
        self.requests: list[dict[str, Any]] = []
        self.say = say
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                provider.requests.append(body)
                reply = provider.say(body)
                if body.get("stream") and reply.status == 200 and reply.raw is None:
                    self._stream(body, reply)
                    return
                data = reply.raw if reply.raw is not None else _completion(body, reply)
                self.send_response(reply.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def _stream(self, body: dict[str, Any], reply: Reply) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                pieces = [reply.text[i : i + reply.piece] for i in range(0, len(reply.text), reply.piece)]
                threading.Event().wait(reply.before)
                try:
                    for number, piece in enumerate(pieces):
                        if reply.hold is not None and reply.hold[0] == number:
                            reply.hold[1].wait(10)
                        if reply.cut_after == number:
                            return
                        threading.Event().wait(reply.pause)
                        self._event(_chunk(body, reply, {"role": "assistant", "content": piece}, None))
                    self._event(_chunk(body, reply, {}, reply.finish))
                    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
                    self._event({**_chunk(body, reply, {}, None), "choices": [], "usage": usage})
                    self.wfile.write(b"data: [DONE]\n\n")
                except (BrokenPipeError, ConnectionResetError):
                    """The other side stopped listening."""

            def _event(self, value: dict[str, Any]) -> None:
                self.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")
                self.wfile.flush()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """For `api_base`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def prompts(self) -> list[str]:
        """What each request said."""
        return ["\n".join(str(m["content"]) for m in body["messages"]) for body in self.requests]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _completion(body: dict[str, Any], reply: Reply) -> bytes:
    if reply.status != 200:
        return json.dumps({"error": {"message": reply.text or "no", "type": "error"}}).encode()
    message = {"role": "assistant", "content": reply.text}
    choice = {"index": 0, "message": message, "finish_reason": reply.finish}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    model = reply.model or body["model"]
    made = {"id": "c-1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice]}
    return json.dumps({**made, "usage": usage}).encode()


def _chunk(body: dict[str, Any], reply: Reply, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    model = reply.model or body["model"]
    return {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
