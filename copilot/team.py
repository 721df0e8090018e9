"""The people and systems connected to the web desk: accounts, sessions, API tokens, webhooks.

What must not live here: what any of them may see of a story (the second half of the flow decides that).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from copilot.accounts import store
from copilot.accounts.models import Account, ApiToken, Role, Scope
from copilot.db.engine import Database
from copilot.errors import NotFound, RefusedAction
from copilot.stories import webhooks
from copilot.stories.models import Export, Tombstone
from copilot.stories.webhooks import Answer, Deliverer, Delivery, Webhook
from copilot.telling import Telling
from copilot.text import clean_line


class Team:
    """Who and what is connected.

    Args:
        database: The store.
        telling: Says what of a story may be told.
        deliverer: Sends to webhooks.
        clock: Tells the time, aware.
    """

    def __init__(
        self,
        database: Database,
        telling: Telling,
        deliverer: Deliverer,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.database = database
        self.telling = telling
        self.deliverer = deliverer
        self.clock = clock

    # Accounts

    def accounts(self) -> list[Account]:
        """Every account."""
        with self.database.read() as connection:
            return store.all_accounts(connection)

    def put_account(self, name: str, role: Role, password: str, by: str, subject: str = "") -> Account:
        """Make an account, or change it; an empty password keeps the one there is.

        Raises:
            RefusedAction: The name is empty or too long, or the password too short.
        """
        if not (shown := clean_line(name)) or len(shown) > 80:
            raise RefusedAction("An account needs a name of at most 80 characters.")
        with self.database.read() as connection:
            other = store.account_of_subject(connection, clean_line(subject)[:200])
        if other is not None and other.name != shown:
            raise RefusedAction(f"That OpenID subject is {other.name} already.")
        account = Account(name=shown, role=role, subject=clean_line(subject)[:200])
        hashed = store.hash_password(password) if password else ""
        with self.database.begin() as connection:
            store.put_account(connection, account, hashed, self.clock())
            store.audit(connection, self.clock(), by, "account", account.name, role)
        return account

    def remove_account(self, name: str, by: str) -> None:
        """Remove an account.

        Raises:
            NotFound: There is none of that name.
        """
        with self.database.begin() as connection:
            store.remove_account(connection, name)
            store.audit(connection, self.clock(), by, "account removed", name)

    def sign_in(self, name: str, password: str) -> str | None:
        """A fresh session for a right name and password; None, after as long a time, for any other."""
        with self.database.read() as connection:
            found = store.account_of(connection, name.strip())
        if not store.check_password(found[1] if found else "", password) or found is None:
            with self.database.begin() as connection:
                store.audit(connection, self.clock(), name.strip()[:80], "sign-in refused", "")
            return None
        return self._begin(found[0])

    def sign_in_as(self, subject: str) -> str | None:
        """A fresh session for somebody whom the OpenID provider vouches for; None where nobody here is they."""
        with self.database.read() as connection:
            account = store.account_of_subject(connection, subject)
        return None if account is None else self._begin(account)

    def _begin(self, account: Account) -> str:
        now = self.clock()
        with self.database.begin() as connection:
            store.audit(connection, now, account.name, "signed in", "")
            return store.begin_session(connection, account.name, now)

    def who(self, session: str) -> Account | None:
        """Whose session it is; None where it is nobody's, or has run out."""
        now = self.clock()
        with self.database.read() as connection:
            found = store.session_account(connection, session, now)
        if found is None:
            return None
        account, old = found
        if old:
            with self.database.begin(durable=False) as connection:
                store.touch_session(connection, session, now)
        return account

    def sign_out(self, session: str) -> None:
        """End a session."""
        with self.database.begin() as connection:
            store.end_session(connection, session)

    # Tokens

    def tokens(self) -> list[ApiToken]:
        """Every API token's name and scopes."""
        with self.database.read() as connection:
            return store.all_tokens(connection)

    def make_token(self, name: str, by: str, scopes: tuple[Scope, ...] = ("stories:read",)) -> str:
        """A new API token; it is shown this once and kept only as a hash.

        Raises:
            RefusedAction: The name is taken.
        """
        with self.database.begin() as connection:
            store.audit(connection, self.clock(), by, "token made", name)
            return store.make_token(connection, name, scopes, by, self.clock())

    def revoke_token(self, name: str, by: str) -> None:
        """A token opens nothing any more.

        Raises:
            NotFound: There is none of that name.
        """
        with self.database.begin() as connection:
            store.revoke_token(connection, name)
            store.audit(connection, self.clock(), by, "token revoked", name)

    def allows(self, token: str, scope: Scope) -> bool:
        """Whether a token is known and has a scope."""
        with self.database.read() as connection:
            return store.token_allows(connection, token, scope)

    # Webhooks

    def webhooks(self) -> list[Webhook]:
        """Every address that is told."""
        with self.database.read() as connection:
            return webhooks.all_webhooks(connection)

    def add_webhook(self, url: str, by: str) -> str:
        """Tell an address of every change from now on; returns the secret, shown this once.

        Raises:
            RefusedAction: It is no web address, or told already.
            AddressRefused: It lies where nobody outside should reach.
        """
        self.deliverer.check(url)
        with self.database.begin() as connection:
            store.audit(connection, self.clock(), by, "webhook", url)
            return webhooks.add(connection, url, by, self.clock())

    def remove_webhook(self, number: int, by: str) -> None:
        """Tell an address no more.

        Raises:
            NotFound: There is no such webhook.
        """
        with self.database.begin() as connection:
            webhooks.remove(connection, number)
            store.audit(connection, self.clock(), by, "webhook removed", str(number))

    def dead_letters(self) -> list[Delivery]:
        """What never arrived."""
        with self.database.read() as connection:
            return webhooks.dead(connection)

    def try_again(self, delivery_id: str) -> None:
        """Give something that never arrived another row of tries.

        Raises:
            NotFound: It is not dead.
        """
        with self.database.begin() as connection:
            webhooks.try_again(connection, delivery_id, self.clock())

    def deliver(self) -> int:
        """Tell every webhook what it has not been told and is due; return how many tries were made."""
        self.telling.bring_up_to_date()
        with self.database.begin() as connection:
            webhooks.collect(connection, self.clock())
        with self.database.read() as connection:
            waiting = webhooks.due(connection, self.clock())
        for delivery in waiting:
            now = self.clock()
            body = webhooks.payload(self._now(delivery), now)
            headers = webhooks.signed(delivery.id, delivery.secret, body, now)
            answer: Answer = self.deliverer.send(delivery.url, headers, body)
            with self.database.begin() as connection:
                webhooks.settle(connection, delivery, answer, self.clock())
        return len(waiting)

    def _now(self, delivery: Delivery) -> Export | Tombstone:
        """What is so of a story at this moment, whatever was so when the delivery was made."""
        try:
            return self.telling.released(delivery.story_id)
        except NotFound:
            return Tombstone(id=delivery.story_id, gone_at=self.clock(), change=delivery.change)
