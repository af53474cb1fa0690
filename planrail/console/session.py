"""Session: who has signed in to the console, and how: by a key, or by a link that whoever is at the machine is shown.

A session is a cookie, sealed, which holds the key itself: each request asks the authenticator anew, so a key that is revoked
is signed out within a second. Where nobody is asked who they are, whatever runs at the machine can reach the console; a person
is told from it by the link, which stands on the terminal and is good once.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from executor.submission import Principal
from planrail.auth import Authenticator, Unauthenticated
from planrail.console.spent import Spent
from planrail.seal import Seal, SealBroken
from planrail.settings import Settings

COOKIE = "planrail_console"
LASTS_S = 12 * 3_600
LINK_S = 600
MOST_KEY = 2_400  # characters: a browser keeps no cookie of more than 4,096
_LINK, _SESSION = "console link", "console session"
_LOCAL = Principal(kind="user")


@dataclass(frozen=True)
class Session:
    """Somebody who has signed in, until a time. `csrf` comes with whatever changes something: other sites do not know it."""

    id: str
    principal: Principal
    key: str | None
    csrf: str
    until: float

    def knows(self, token: str) -> bool:
        """Whether that is the session's own token."""
        return hmac.compare_digest(self.csrf.encode(), token.encode(errors="replace"))


class Sessions:
    """Signs in and out. `needs_key` says which way in there is."""

    def __init__(self, seal: Seal, auth: Authenticator, spent: Spent, *, now: Callable[[], float] = time.time) -> None:
        self.needs_key = auth.required
        self._seal = seal
        self._auth = auth
        self._spent = spent
        self._now = now

    async def by_key(self, key: str) -> str:
        """The cookie of a session with that key; raises Unauthenticated."""
        if not self.needs_key:
            raise Unauthenticated("No key is known here.", hint="`planrail console` prints a link to come in by.")
        if len(key) > MOST_KEY:
            raise Unauthenticated(f"A key of more than {MOST_KEY} characters does not fit into a cookie.")
        await self._behind(key)
        return self._begun(key)

    def by_link(self, token: str) -> str:
        """The cookie of a session of whoever was shown the link; raises Unauthenticated."""
        if self.needs_key:
            raise Unauthenticated("A link is no way in where keys are asked for.", hint="Sign in with a key.")
        told = self._opened(token, _LINK)
        if told is None or told["until"] <= self._now() or not self._spent.spend(told["id"], told["until"]):
            raise Unauthenticated("The link is used, or too old.", hint="`planrail console` prints another one.")
        return self._begun(None)

    async def of(self, cookie: str) -> Session:
        """The session behind a cookie; raises Unauthenticated, and JournalUnreachable."""
        told = self._opened(cookie, _SESSION) if cookie else None
        if (
            told is None
            or told["until"] <= self._now()
            or told["id"] in self._spent
            or (told["key"] is not None) != self.needs_key
        ):
            raise Unauthenticated("Nobody is signed in.", hint=self.way_in)
        principal = _LOCAL if told["key"] is None else await self._behind(told["key"])
        return Session(told["id"], principal, told["key"], told["csrf"], told["until"])

    async def problem(self, session: Session) -> Unauthenticated | None:
        """Why nothing more may be told to the session; None while all is well."""
        try:
            if session.until <= self._now() or session.id in self._spent:
                raise Unauthenticated("The session is over.", hint=self.way_in)
            if session.key is not None and await self._behind(session.key) != session.principal:
                raise Unauthenticated("The key stands for somebody else by now.", hint=self.way_in)
        except Unauthenticated as problem:
            return problem
        return None

    def end(self, session: Session) -> None:
        """Sign out: the cookie is no good any more, wherever it is."""
        self._spent.spend(session.id, session.until)

    @property
    def way_in(self) -> str:
        """What somebody who has not signed in does."""
        return "Sign in with a key." if self.needs_key else "`planrail console` prints a link to come in by."

    async def _behind(self, key: str) -> Principal:
        found = await self._auth.identity(key)
        if found is None:
            raise Unauthenticated("The key is not known here, or no longer good.", hint=self.way_in)
        principal = found.within("")
        if principal is None:
            raise Unauthenticated("The key is good for several tenants, and the console knows of one.")
        return principal

    def _begun(self, key: str | None) -> str:
        told = {"id": _new(), "key": key, "csrf": _new(), "until": self._now() + LASTS_S}
        return self._seal.seal(json.dumps({"for": _SESSION, **told}))

    def _opened(self, sealed: str, purpose: str) -> Any:
        """What was sealed for that purpose, and here; None for anything else."""
        try:
            told = json.loads(self._seal.open(sealed))
        except (SealBroken, ValueError):
            return None
        return told if isinstance(told, dict) and told.get("for") == purpose else None


def link_token(seal: Seal, *, now: Callable[[], float] = time.time) -> str:
    """What makes a link a way in, once, for the next minutes."""
    return seal.seal(json.dumps({"for": _LINK, "id": _new(), "until": now() + LINK_S}))


def spent_of(settings: Settings) -> Spent:
    """What is spent, of a process with these settings."""
    return Spent(settings.home / "console")


def _new() -> str:
    return secrets.token_hex(16)
