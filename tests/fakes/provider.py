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
                data = reply.raw if reply.raw is not None else _completion(body, reply)
                self.send_response(reply.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

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
    made = {"id": "c-1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
    return json.dumps({**made, "usage": usage}).encode()
