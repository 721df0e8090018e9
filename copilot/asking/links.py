"""Links for customers: signed, so that a wrong one costs no look-up; unguessable; for one purpose; kept only as a hash.

What must not live here: what a link opens, and when it has run out (the store keeps that).
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from itsdangerous import BadSignature, Signer

from copilot.errors import StoreFault

KEY_FILE = "secret.key"
TOKEN_BYTES = 18
"""144 bits: nobody guesses one."""
SHORTEST = 32
"""Bytes of the secret."""
LONGEST = 200
"""Characters of a token that is looked at."""


class Links:
    """Makes and checks the tokens of links.

    Args:
        secret: What they are signed with; whoever has it can make links that pass the signature, but none that is known.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, purpose: str) -> tuple[str, str]:
        """(token, id): the token goes to the customer, the id into the store."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        return self._signer(purpose).sign(token).decode(), _id(token)

    def check(self, purpose: str, token: str) -> str | None:
        """The id of a token that was made for this purpose; None for any other."""
        if len(token) > LONGEST:
            return None
        try:
            return _id(self._signer(purpose).unsign(token).decode())
        except (BadSignature, UnicodeError):
            return None

    def _signer(self, purpose: str) -> Signer:
        return Signer(self._secret, salt=f"delight.{purpose}", sep=".", digest_method=hashlib.sha256)


def load_secret(workspace: Path) -> bytes:
    """The workspace's secret; made at first use, readable by its owner alone.

    Raises:
        StoreFault: It cannot be read or written.
    """
    path = workspace / KEY_FILE
    try:
        if path.exists():
            return _whole(path, path.read_bytes().strip())
        beside = path.with_name(f".{KEY_FILE}.{secrets.token_hex(4)}")
        made = secrets.token_hex(32).encode()
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(beside)  # whole at once, and never over another's
        except FileExistsError:
            return _whole(path, path.read_bytes().strip())
        finally:
            beside.unlink()
        return made
    except OSError as error:
        raise StoreFault(f"{path} cannot be used: {error.strerror}.") from error


def _whole(path: Path, kept: bytes) -> bytes:
    if len(kept) < SHORTEST:
        raise StoreFault(f"{path} is damaged.", hint="Put it back from a backup: without it no link opens.")
    return kept


def _id(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
