"""Keeps accounts, sessions, API tokens and the audit log. Passwords are argon2 hashes; sessions and tokens SHA-256 ones."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, ForeignKey, Integer, String, Table, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from copilot.accounts.models import Account, ApiToken, AuditLine, Scope
from copilot.db.engine import UtcDateTime, metadata
from copilot.errors import NotFound, RefusedAction

if TYPE_CHECKING:  # only whoever signs in needs it
    from argon2 import PasswordHasher

IDLE = timedelta(hours=2)
LONGEST = timedelta(hours=12)
"""A session ends after so long without a click, and after so long in any case."""
SHORTEST_PASSWORD = 12

accounts = Table(
    "accounts",
    metadata,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("password", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)
sessions = Table(
    "sessions",
    metadata,
    Column("id", String, primary_key=True),
    Column("account", ForeignKey("accounts.name", ondelete="CASCADE"), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("scopes", String, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("made_by", String, nullable=False),
)
audit_log = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", String, nullable=False),
    sqlite_autoincrement=True,
)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """What a password is held against where there is no such account: a wrong name takes as long as a wrong password."""
    return _hasher().hash(secrets.token_hex(16))


def hash_password(password: str) -> str:
    """The argon2 hash of a password; slow on purpose.

    Raises:
        RefusedAction: It is too short to keep anybody out.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise RefusedAction(f"A password has at least {SHORTEST_PASSWORD} characters.", hint="A few words do well.")
    return _hasher().hash(password)


def check_password(kept: str, password: str) -> bool:
    """Whether a password is the one that was hashed; as slow where there is none."""
    from argon2.exceptions import InvalidHashError, VerifyMismatchError

    try:
        return _hasher().verify(kept or _nobodys_hash(), password) and bool(kept)
    except (VerifyMismatchError, InvalidHashError):
        return False


def put_account(connection: Connection, account: Account, password_hash: str, now: datetime) -> None:
    """Make an account, or give it another role or password (an empty hash keeps the password)."""
    values = {"role": account.role, "subject": account.subject}
    if password_hash:
        values["password"] = password_hash
    connection.execute(
        insert(accounts)
        .values(name=account.name, made_at=now, **{"password": "", **values})
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )
    connection.execute(
        delete(sessions).where(sessions.c.account == account.name)
    )  # whoever is signed in signs in again


def remove_account(connection: Connection, name: str) -> None:
    """Remove an account and end its sessions.

    Raises:
        NotFound: There is none of that name.
    """
    connection.execute(delete(sessions).where(sessions.c.account == name))
    if not connection.execute(delete(accounts).where(accounts.c.name == name)).rowcount:
        raise NotFound(f"There is no account {name}.", hint="`delight users list` shows them.")


def all_accounts(connection: Connection) -> list[Account]:
    """Every account, by name."""
    return [_account(row) for row in connection.execute(select(accounts).order_by(accounts.c.name)).mappings()]


def account_of(connection: Connection, name: str) -> tuple[Account, str] | None:
    """An account with its password's hash."""
    row = connection.execute(select(accounts).where(accounts.c.name == name)).mappings().one_or_none()
    return None if row is None else (_account(row), str(row["password"]))


def account_of_subject(connection: Connection, subject: str) -> Account | None:
    """The account of somebody whom the OpenID provider knows."""
    query = select(accounts).where(accounts.c.subject == subject, accounts.c.subject != "")
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _account(row)


def begin_session(connection: Connection, name: str, now: datetime) -> str:
    """A fresh session's token; earlier ones that have run out go."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        delete(sessions).where((sessions.c.seen_at < now - IDLE) | (sessions.c.began_at < now - LONGEST))
    )
    connection.execute(sessions.insert().values(id=_hash(token), account=name, began_at=now, seen_at=now))
    return token


def session_account(connection: Connection, token: str, now: datetime) -> tuple[Account, bool] | None:
    """(account, whether it is time to note that the session is alive) of a session that has not run out."""
    query = (
        select(accounts, sessions.c.seen_at, sessions.c.began_at).join(sessions).where(sessions.c.id == _hash(token))
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None or row["seen_at"] < now - IDLE or row["began_at"] < now - LONGEST:
        return None
    return _account(row), row["seen_at"] < now - timedelta(minutes=1)


def touch_session(connection: Connection, token: str, now: datetime) -> None:
    """The session was used."""
    connection.execute(sessions.update().where(sessions.c.id == _hash(token)).values(seen_at=now))


def end_session(connection: Connection, token: str) -> None:
    """Sign out."""
    connection.execute(delete(sessions).where(sessions.c.id == _hash(token)))


def make_token(connection: Connection, name: str, scopes: Sequence[Scope], by: str, now: datetime) -> str:
    """A new API token, shown this once.

    Raises:
        RefusedAction: The name is taken.
    """
    token = "dl_" + secrets.token_urlsafe(32)
    values = {"id": _hash(token), "name": name, "scopes": " ".join(scopes), "made_at": now, "made_by": by}
    done = connection.execute(insert(api_tokens).values(**values).on_conflict_do_nothing())
    if not done.rowcount:
        raise RefusedAction(f"There is a token named {name} already.", hint="Revoke it, or choose another name.")
    return token


def revoke_token(connection: Connection, name: str) -> None:
    """A token opens nothing any more.

    Raises:
        NotFound: There is none of that name.
    """
    if not connection.execute(delete(api_tokens).where(api_tokens.c.name == name)).rowcount:
        raise NotFound(f"There is no token {name}.", hint="`delight tokens list` shows them.")


def all_tokens(connection: Connection) -> list[ApiToken]:
    """Every token's name and scopes."""
    rows = connection.execute(select(api_tokens).order_by(api_tokens.c.name)).mappings()
    return [_token(row["name"], row["scopes"], row["made_at"], row["made_by"]) for row in rows]


def token_allows(connection: Connection, token: str, scope: Scope) -> bool:
    """Whether a token is known and has a scope."""
    query = select(api_tokens.c.scopes).where(api_tokens.c.id == _hash(token))
    return scope in (connection.execute(query).scalar_one_or_none() or "").split()


def audit(connection: Connection, at: datetime, who: str, action: str, subject: str, detail: str = "") -> None:
    """Note what somebody did."""
    values = {"at": at, "who": who, "action": action, "subject": subject, "detail": detail[:500]}
    connection.execute(audit_log.insert().values(**values))


def audited(connection: Connection, subject: str = "", limit: int = 200) -> list[AuditLine]:
    """What was done, the last first; of one subject or of all."""
    query = select(audit_log).order_by(audit_log.c.seq.desc()).limit(limit)
    if subject:
        query = query.where(audit_log.c.subject == subject)
    return [AuditLine.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def subjects_of(connection: Connection, action: str) -> list[str]:
    """What an action was done to, each once, the last first."""
    last = func.max(audit_log.c.seq)
    query = select(audit_log.c.subject).where(audit_log.c.action == action)
    return list(connection.execute(query.group_by(audit_log.c.subject).order_by(last.desc())).scalars())


def forget(connection: Connection, subjects: Sequence[str]) -> None:
    """Erase what was noted about some subjects."""
    connection.execute(delete(audit_log).where(audit_log.c.subject.in_(subjects)))


def _account(row: object) -> Account:
    values = dict(row)  # type: ignore[call-overload]
    return Account.model_validate({key: values[key] for key in ("name", "role", "subject")})


def _token(name: str, scopes: str, made_at: datetime, made_by: str) -> ApiToken:
    return ApiToken.model_validate({"name": name, "scopes": scopes.split(), "made_at": made_at, "made_by": made_by})


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
