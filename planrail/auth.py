"""Auth: who has sent a request: by an API key, a token of an issuer, or a certificate that a trusted proxy has seen.

    [auth]
    resource = "https://planrail.example"       # this server, as its tokens name it (RFC 8707, RFC 9728)
    issuer = "https://login.example"            # OpenID or OAuth 2.1; its keys are found by discovery

    [auth.keys.night_shift]                     # `planrail keys create night_shift --toml` prints the key once, and these lines
    hash = "sha256:…"
    principal = "ann"
    kind = "agent"                              # what comes with it is written by a model; "user" for a person's own client
    scopes = ["approve"]

    [auth.proxy]                                # it asks for certificates (mTLS), and tells whose it was
    header = "x-client-cert-subject"
    trusted = ["10.0.0.5"]

API keys are in the database, too (`planrail keys`). Tokens are JWTs (RFC 9068), signed by a key of the issuer, with its `iss`
and with `resource` as `aud`. A principal is a key's, a token's issuer and subject, or `cert#` and a certificate's subject: two
of them are never the same. Every door asks here, and nowhere else.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from executor.api_keys import USED_EVERY, ApiKeys, MemoryApiKeys, StoredKey
from executor.errors import JournalUnreachable
from executor.submission import Principal
from executor.tenant import is_tenant, within
from planner.errors import PlanrailError
from planrail.keys import AuthSettings, hash_of

if TYPE_CHECKING:  # only where an issuer is configured
    from planrail.issuer import Issuer

log = logging.getLogger(__name__)

KNOWN_S = 1.0  # how long a key is believed after a look into the database: so soon a revoked one is refused everywhere
_REMEMBERED = 10_000  # keys at most, made-up ones among them
_HERE = ("127.0.0.1", "localhost", "::1")
KEY_HEADER = "x-api-key"


class AuthRefused(PlanrailError):
    """A server would be open to others without knowing who they are."""

    fault = "user"


class Unauthenticated(PlanrailError):
    """A request that does not say who sends it, or not truly."""

    fault = "user"

    @property
    def challenge(self) -> str:
        """What the header `WWW-Authenticate` says."""
        return f'Bearer error="invalid_token", error_description="{self.message}"'


@dataclass(frozen=True)
class Identity:
    """Who has come: its principal, and the tenants that it is bound to; none: it may name any."""

    principal: Principal
    tenants: frozenset[str] = frozenset()

    def within(self, tenant: str) -> Principal | None:
        """The principal in the tenant that a request names, or in its only one where it names none; None for a foreign one."""
        if not tenant and len(self.tenants) == 1:
            (tenant,) = self.tenants
        if self.tenants and tenant not in self.tenants:
            return None
        return within(self.principal, tenant) if not tenant or is_tenant(tenant) else None


LOCAL = Identity(Principal(kind="agent"))
"""Whoever is at this machine, where nobody else can come; what comes is written by a model."""


class Authenticator:
    """Tells who has sent a request. `required` is False where only this machine comes, and is not asked."""

    def __init__(
        self,
        settings: AuthSettings,
        keys: ApiKeys | None = None,
        *,
        required: bool | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.required = settings.configured if required is None else required
        self._keys: ApiKeys = MemoryApiKeys() if keys is None else keys
        self._now = now
        self._clock = clock
        self._seen: dict[str, tuple[float, StoredKey | None]] = {}  # by hash: until when that is believed
        self._tokens: dict[str, tuple[float, Identity]] = {}  # the issuer's, likewise
        self._issuer = _issuer_of(settings)

    async def caller(self, headers: Iterable[tuple[str, str]], peer: str | None) -> Identity:
        """Who has sent a request with these headers, from that address; raises Unauthenticated and JournalUnreachable.

        Who is refused is logged, by its address; what it sent is not.
        """
        if not self.required:
            return LOCAL
        try:
            return await self._caller(headers, peer)
        except Unauthenticated as refused:
            log.warning("a request from %s was refused: %s", peer or "an address that is not known", refused.message)
            raise

    async def _caller(self, headers: Iterable[tuple[str, str]], peer: str | None) -> Identity:
        sent = [(name.lower(), value) for name, value in headers]
        subject = self._certified(sent, peer)
        tokens = _tokens(sent)
        if len(tokens) > 1:
            raise Unauthenticated("More than one credential was sent.")
        if tokens:
            found = await self.identity(tokens[0])
            if found is None:
                raise Unauthenticated("The credential is not known here, or no longer good.")
            return found
        if subject is not None:
            return Identity(Principal(id=f"cert#{subject}", kind="agent"))
        raise Unauthenticated("Authentication is required.")

    async def identity(self, token: str) -> Identity | None:
        """Who is behind a token; None for one that is none of ours, is over, or is meant for another server."""
        found = self._configured(token) or await self._kept(token)
        if found is not None or self._issuer is None or token.count(".") != 2:
            return found
        return await self._issued(self._issuer, token)

    async def principal(self, token: str) -> Principal | None:
        """Whose token it is, where no tenant is named."""
        found = await self.identity(token)
        return None if found is None else found.within("")

    def _configured(self, token: str) -> Identity | None:
        hashed = hash_of(token)
        found: Identity | None = None
        for key in self.settings.keys.values():  # all of them, so that the time tells nothing
            if hmac.compare_digest(key.hash, hashed):
                found = Identity(Principal(id=key.principal, kind=key.kind, scopes=key.scopes), key.tenants)
        return found

    async def _kept(self, token: str) -> Identity | None:
        """Of a key in the database, as it was there a moment ago."""
        hashed = hash_of(token)
        until, key = self._seen.pop(hashed, (0.0, None))
        if self._clock() >= until:
            key, until = await self._keys.by_hash(hashed), self._clock() + KNOWN_S
            await self._note(key)
        self._seen[hashed] = (until, key)
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if key is None or not key.opens(self._now()):
            return None
        return Identity(Principal(id=key.principal, kind=key.kind, scopes=key.scopes), key.tenants)

    async def _issued(self, issuer: Issuer, token: str) -> Identity | None:
        """Of a token, whose signature was checked a moment ago."""
        hashed = hash_of(token)
        until, known = self._tokens.pop(hashed, (0.0, None))
        if known is None or self._clock() >= until:
            claims, until = await issuer.claims(token), self._clock() + KNOWN_S
            known = None if claims is None else self._claimed(claims)
        if known is not None:
            self._tokens[hashed] = (until, known)
        if len(self._tokens) > _REMEMBERED:
            del self._tokens[next(iter(self._tokens))]
        return known

    async def _note(self, key: StoredKey | None) -> None:
        """Somebody has come with the key: that is written down now and then."""
        if key is None or not key.opens(self._now()):
            return
        if key.used_at is None or self._now() - key.used_at >= USED_EVERY:
            try:
                await self._keys.used(key.hash, self._now())
            except JournalUnreachable:
                log.warning("when the key %s was used could not be written down", key.name)

    def _certified(self, sent: Sequence[tuple[str, str]], peer: str | None) -> str | None:
        """The subject of the certificate that a trusted proxy has seen; raises Unauthenticated where another says so."""
        proxy = self.settings.proxy
        said = [value.strip() for name, value in sent if proxy.header and name == proxy.header.lower()]
        if said and not proxy.trusts(peer):
            raise Unauthenticated("The header of the proxy came from somewhere else.")
        if len(said) > 1:
            raise Unauthenticated("More than one credential was sent.")
        return said[0] if said and said[0] else None

    def _claimed(self, claims: Any) -> Identity | None:
        """Whom a token's claims mean; None where they do not bind it to tenants as the settings ask."""
        scopes = _words(claims.get("scope", claims.get("scp", "")))
        principal = Principal(id=f"{claims['iss']}#{claims['sub']}", kind="agent", scopes=frozenset(scopes))
        if not self.settings.tenant_claim:
            return Identity(principal)
        tenants = _words(claims.get(self.settings.tenant_claim, ""))
        return Identity(principal, frozenset(tenants)) if tenants and all(map(is_tenant, tenants)) else None


async def authenticator_of(settings: AuthSettings, keys: ApiKeys) -> Authenticator:
    """The authenticator of a server: it asks who comes where anything is configured, or there ever was a key."""
    return Authenticator(settings, keys, required=settings.configured or bool(await keys.find()))


def check_open(host: str, auth: Authenticator, *, url: str = "") -> None:
    """Raise AuthRefused for a server that others can reach, or are told to by `url`, and that knows nobody."""
    if auth.required:
        return
    hint = "`planrail keys create NAME` makes a key for others to come with; or serve at 127.0.0.1"
    if host not in _HERE:
        raise AuthRefused(f"A server at {host} is open to others, and no authentication is configured.", hint=f"{hint}.")
    if url and urlsplit(url).hostname not in _HERE:
        told = f"Others are told to come to {url}, and no authentication is configured."
        raise AuthRefused(told, hint=f"{hint}, without a2a.url.")


def _issuer_of(settings: AuthSettings) -> Issuer | None:
    if not settings.issuer:
        return None
    from planrail.issuer import Issuer  # noqa: PLC0415  # a client and cryptography, only where an issuer is configured

    return Issuer(settings)


def _tokens(sent: Sequence[tuple[str, str]]) -> list[str]:
    """What was sent as a bearer token or as an API key. Another scheme of Authorization is a token that nobody knows."""
    tokens: list[str] = []
    for name, value in sent:
        if name == "authorization":
            scheme, _, token = value.strip().partition(" ")
            tokens.append(token.strip() if scheme.lower() == "bearer" else "")
        elif name == KEY_HEADER:
            tokens.append(value.strip())
    return tokens


def _words(value: object) -> Collection[str]:
    """Of a claim: a text of words, or a list of texts."""
    if isinstance(value, str):
        return value.split()
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []
