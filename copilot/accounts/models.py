"""Account, Session, ApiToken, AuditLine; the one table of which role may do what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, Field

from copilot.errors import RefusedAction
from copilot.tickets.models import Model

Role = Literal["agent", "lead", "marketing", "admin"]
ROLES: tuple[Role, ...] = ("agent", "lead", "marketing", "admin")
Deed = Literal["see", "pause", "give", "edit", "approve", "publish", "tokens", "erase", "accounts"]
MAY: Mapping[Deed, frozenset[Role]] = {
    "see": frozenset(ROLES),
    "pause": frozenset(ROLES),  # anybody may press the veto
    "give": frozenset(ROLES),
    "edit": frozenset(["lead", "marketing", "admin"]),
    "approve": frozenset(["marketing", "admin"]),
    "publish": frozenset(["marketing", "admin"]),
    "tokens": frozenset(["admin"]),
    "erase": frozenset(["lead", "admin"]),
    "accounts": frozenset(["admin"]),
}
Scope = Literal["stories:read"]
SCOPES: tuple[Scope, ...] = ("stories:read",)


class Account(Model):
    """A person of the team. `subject` is who they are to the OpenID provider; empty where they sign in by password."""

    name: str = Field(min_length=1, max_length=80)
    role: Role
    subject: str = ""

    def may(self, deed: Deed) -> bool:
        """Whether their role allows a deed."""
        return self.role in MAY[deed]

    def must(self, deed: Deed) -> None:
        """Refuse what their role does not allow.

        Raises:
            RefusedAction: It does not.
        """
        if not self.may(deed):
            allowed = ", ".join(role for role in ROLES if role in MAY[deed])
            raise RefusedAction(f"As {self.role} you may not do this.", hint=f"Ask somebody who is {allowed}.")


class ApiToken(Model):
    """A token that pulls stories; the token itself is shown once and never kept."""

    name: str
    scopes: tuple[Scope, ...]
    made_at: AwareDatetime
    made_by: str


class AuditLine(Model):
    """Something that somebody did."""

    seq: int = 0
    at: AwareDatetime
    who: str
    action: str
    subject: str
    detail: str = ""
