"""Customers' links: only a token that was made here for this purpose opens anything; the secret is made once and kept whole."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import stat
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import Signer

from copilot.asking.links import KEY_FILE, LONGEST, SHORTEST, TOKEN_BYTES, Links, load_secret
from copilot.errors import StoreFault

SECRET = b"0123456789abcdef0123456789abcdef"
LINKS = Links(SECRET)
TOKEN, ID = LINKS.make("consent")
HEAD, _, SIGNATURE = TOKEN.rpartition(".")
URL_SAFE = set(string.ascii_letters + string.digits + "-_.")


def means(signature: str) -> bytes:
    """The bytes that a signature spells; its last letter carries bits that mean nothing."""
    return base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))


def test_a_token_opens_what_it_was_made_for() -> None:
    assert LINKS.check("consent", TOKEN) == ID


def test_the_same_secret_checks_after_a_restart() -> None:
    assert Links(SECRET).check("consent", TOKEN) == ID


def test_every_token_is_another_and_long_enough_that_nobody_guesses_one() -> None:
    made = [LINKS.make("consent") for _ in range(200)]
    assert len({token for token, _ in made}) == len({link_id for _, link_id in made}) == 200
    assert TOKEN_BYTES * 8 >= 128
    assert all(set(token) <= URL_SAFE and len(token) <= LONGEST for token, _ in made)


def test_what_the_store_keeps_is_no_token() -> None:
    assert ID not in TOKEN
    assert HEAD not in ID
    assert hashlib.sha256(HEAD.encode()).hexdigest() == ID
    assert LINKS.check("consent", ID) is None
    assert LINKS.check("consent", HEAD) is None
    assert LINKS.check("consent", f"{ID}.{SIGNATURE}") is None


@pytest.mark.parametrize("purpose", ["refer", "", "Consent", "consent ", "consent.x"])
def test_a_token_for_another_purpose_opens_nothing(purpose: str) -> None:
    assert LINKS.check(purpose, TOKEN) is None


@settings(deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_no_two_purposes_share_a_token(made_for: str, used_for: str) -> None:
    token, link_id = LINKS.make(made_for)
    assert LINKS.check(used_for, token) == (link_id if made_for == used_for else None)


@settings(deadline=None)
@given(st.binary(min_size=SHORTEST, max_size=64))
def test_a_token_signed_with_another_secret_opens_nothing(secret: bytes) -> None:
    if secret != SECRET:
        assert Links(secret).check("consent", TOKEN) is None


def test_a_weaker_signature_with_the_right_secret_opens_nothing() -> None:
    weak = Signer(SECRET, salt="delight.consent", sep=".", digest_method=hashlib.sha1).sign(HEAD).decode()
    assert LINKS.check("consent", weak) is None


@settings(deadline=None)
@given(st.integers(0, len(TOKEN) - 1))
def test_a_truncated_token_opens_nothing(length: int) -> None:
    assert LINKS.check("consent", TOKEN[:length]) is None
    assert LINKS.check("consent", TOKEN[len(TOKEN) - length :]) is None


@settings(deadline=None)
@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_a_token_with_one_letter_changed_opens_nothing(at: int, letter: str) -> None:
    forged = TOKEN[:at] + letter + TOKEN[at + 1 :]
    found = LINKS.check("consent", forged)
    if found is not None:
        head, _, signature = forged.rpartition(".")
        assert (head, means(signature), found) == (HEAD, means(SIGNATURE), ID)


@settings(deadline=None)
@given(st.text(max_size=LONGEST + 20))
def test_whatever_is_typed_opens_nothing_and_raises_nothing(typed: str) -> None:
    assert LINKS.check("consent", typed) is None


SHAPELESS = {
    "nothing": "",
    "a dot": ".",
    "dots": "..",
    "no token": f".{SIGNATURE}",
    "no signature": f"{HEAD}.",
    "two dots": f"{HEAD}..{SIGNATURE}",
    "letters outside ASCII": "ü.ü",
    "half a pair": "\ud800.x",
    "zero bytes": "\x00.\x00",
    "pictures": "🎉" * 50,
    "a wide dot": f"{HEAD}．{SIGNATURE}",
}


@pytest.mark.parametrize("typed", SHAPELESS.values(), ids=SHAPELESS)
def test_a_token_of_no_shape_opens_nothing(typed: str) -> None:
    assert LINKS.check("consent", typed) is None


@pytest.mark.parametrize("head", ["ü", "x" * (LONGEST - 60), "é🎉"])
def test_a_signed_token_of_any_letters_is_read_or_refused_and_nothing_else(head: str) -> None:
    signed = Signer(SECRET, salt="delight.consent", sep=".", digest_method=hashlib.sha256).sign(head).decode()
    assert LINKS.check("consent", signed) == hashlib.sha256(head.encode()).hexdigest()


def test_a_token_that_is_too_long_is_not_looked_at_even_when_it_is_signed() -> None:
    head = secrets.token_urlsafe(LONGEST)
    signed = Signer(SECRET, salt="delight.consent", sep=".", digest_method=hashlib.sha256).sign(head).decode()
    assert LINKS.check("consent", signed) is None


# The secret


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = load_secret(tmp_path)
    finally:
        os.umask(before)
    path = tmp_path / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = path.read_bytes()
    assert len(made) >= SHORTEST
    assert load_secret(tmp_path) == made
    assert path.read_bytes() == kept


def test_every_workspace_has_a_secret_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert load_secret(tmp_path / "one") != load_secret(tmp_path / "two")


@pytest.mark.parametrize("damaged", [b"", b"\n", b" " * 99, b"a" * (SHORTEST - 1), b"a" * (SHORTEST - 1) + b"\n\n"])
def test_a_damaged_secret_is_refused_and_left_alone(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / KEY_FILE
    path.write_bytes(damaged)
    with pytest.raises(StoreFault, match="damaged") as raised:
        load_secret(tmp_path)
    assert "backup" in raised.value.hint
    assert path.read_bytes() == damaged


def test_a_secret_that_was_put_back_by_hand_is_taken(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"\n" + SECRET + b"\r\n")
    assert load_secret(tmp_path) == SECRET


def test_a_secret_that_cannot_be_made_or_read_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(StoreFault, match="cannot be used"):
        load_secret(tmp_path / "nowhere")
    (tmp_path / KEY_FILE).mkdir()
    with pytest.raises(StoreFault, match="cannot be used"):
        load_secret(tmp_path)
