"""Card: an agent's card, fetched, read, its signature checked, and held against the pin."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
from a2a.client.card_resolver import parse_agent_card
from a2a.types import AgentCard
from a2a.utils.signing import SignatureVerificationError, create_signature_verifier
from google.protobuf.json_format import ParseError

from executor.agent_tools.agent import Agent, AgentSettings, Pinned
from executor.builtin.handle import Unfit
from executor.errors import AgentAway, AgentRefused
from planner.toolspec import Json, digest

_PATHS = ("/.well-known/agent-card.json", "/.well-known/agent.json")  # the second one is that of the protocol before 0.3
_KEYS = "/.well-known/jwks.json"
_ALGORITHMS = ["ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
_BINDINGS = ("JSONRPC", "HTTP+JSON")
_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}  # RFC 7638, in its order
_SHOWN = 200
_MOST_SIGNATURES, _MOST_KEYS = 8, 32  # of a card, and of a published set


@dataclass(frozen=True)
class Fetched:
    """A card as it was served just now. `thumbprint` is that of the key that has signed it, "" where none is known to have."""

    raw: Mapping[str, Any]
    card: AgentCard
    thumbprint: str = ""

    @property
    def digest(self) -> str:
        return card_digest(self.raw)

    def pinned(self, settings: AgentSettings, now: datetime) -> Pinned:
        """The pin that this card makes."""
        return Pinned(settings=settings, card=self.raw, digest=self.digest, thumbprint=self.thumbprint, at=now)


def card_digest(raw: Mapping[str, Json]) -> str:
    """The digest of a card without its signatures, which may be made anew while it stays what it is."""
    return f"sha256:{digest({name: value for name, value in raw.items() if name != 'signatures'})}"


async def fetch_card(http: httpx.AsyncClient, settings: AgentSettings, pinned: Pinned | None = None) -> Fetched:
    """The agent's card; raises AgentRefused. Of several keys that have signed it the pinned one is told."""
    raw = await _card_at(http, settings.url)
    try:
        card = parse_agent_card(json.loads(json.dumps(raw)))  # the SDK's reader changes what it is given
    except (ParseError, TypeError, ValueError) as error:
        raise AgentRefused(f"The card of {settings.url} is none: {str(error)[:_SHOWN]}.") from None
    if not any(i.protocol_binding in _BINDINGS for i in card.supported_interfaces):
        listed = ", ".join(sorted({i.protocol_binding for i in card.supported_interfaces})) or "none"
        raise AgentRefused(
            f"{settings.url} speaks {listed}.", hint=f"Planrail delegates over {' and '.join(_BINDINGS)}."
        )  # fmt: skip
    signers = await _signed_by(http, settings.url, card) if card.signatures else []
    known = "" if pinned is None else pinned.thumbprint
    thumbprint = known if known in signers else next(iter(signers), "")
    if settings.require_signature and not thumbprint:
        what = "by no key that its host publishes" if card.signatures else "by nobody"
        raise AgentRefused(f"The card of {settings.url} is signed {what}, and a signature is required.")
    return Fetched(raw, card, thumbprint)


async def _card_at(http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    places = [url] if url.endswith(".json") else [f"{url}{path}" for path in _PATHS]
    for place in places:
        answer = await _got(http, place)
        if answer.status_code == 404 and place != places[-1]:
            continue
        if answer.status_code in (429, 502, 503, 504):
            raise AgentAway(f"{place} answers {answer.status_code}.")
        if answer.status_code != 200:
            raise AgentRefused(f"{place} answers {answer.status_code}.", hint="Is it the address of an A2A agent?")
        try:
            found = answer.json()
        except ValueError:
            raise AgentRefused(f"{place} is no JSON.", hint="Is it the address of an A2A agent?") from None
        if not isinstance(found, dict):
            raise AgentRefused(f"The card at {place} is no object.")
        return found
    raise AssertionError("the last place answers")


async def _got(http: httpx.AsyncClient, url: str) -> httpx.Response:
    try:
        return await http.get(url)
    except Unfit as unfit:
        if unfit.kind == "transient":
            raise AgentAway(unfit.message, hint="Is the agent running there?") from None
        raise AgentRefused(unfit.message, hint="The setting http_allow_private names hosts of your own network.") from None
    except httpx.HTTPError as error:
        raise AgentAway(f"{url} cannot be read: {type(error).__name__}.") from None


# -- what may be used


def check_pin(agent: Agent, found: Fetched) -> None:
    """Raise AgentRefused where the card is not the pinned one: neither the same, nor signed by the key that was pinned."""
    pin, pinned = agent.settings.pin, agent.pinned
    if pin and found.digest != pin:
        raise AgentRefused(f"The card of {agent.name} is {found.digest}, and not the one that the setting pin names.")
    if pinned is None:
        return
    if agent.settings.require_signature and pinned.thumbprint and pinned.thumbprint != found.thumbprint:
        raise AgentRefused(
            f"The card of {agent.name} is signed by another key than the pinned one.",
            hint=f"planrail agents refresh {agent.name} takes it, after you have asked whose it is.",
        )
    if found.digest == pinned.digest:
        return
    if pinned.thumbprint and pinned.thumbprint == found.thumbprint:
        return
    changed = ", ".join(place for place, _, _ in differences(pinned.card, found.raw)[:5])
    raise AgentRefused(
        f"The card of {agent.name} has changed: {changed or 'its signature'}.",
        hint=f"planrail agents refresh {agent.name} shows what, and takes it.",
    )


def differences(before: Json, after: Json, place: str = "") -> list[tuple[str, Json, Json]]:
    """Where two cards differ: place, before, after; None stands for what is not there. Signatures do not count."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = sorted({*before, *after} - ({"signatures"} if not place else set()))
        return [d for n in names for d in differences(before.get(n), after.get(n), f"{place}.{n}" if place else n)]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [d for number, (a, b) in pairs for d in differences(a, b, f"{place}[{number}]")]
    return [] if before == after else [(place, before, after)]


def credential(card: AgentCard, token: str) -> dict[str, str]:
    """The header that carries a token: the API key's that the card asks for, else the bearer's."""
    schemes = list(card.security_schemes.values())
    named = [s.api_key_security_scheme for s in schemes if s.HasField("api_key_security_scheme")]
    bearer = any(s.WhichOneof("scheme") != "api_key_security_scheme" for s in schemes)
    header = next((s.name for s in named if s.location == "header"), "")
    return {header: token} if header and not bearer else {"Authorization": f"Bearer {token}"}


# -- signatures


async def _signed_by(http: httpx.AsyncClient, url: str, card: AgentCard) -> list[str]:
    """The thumbprints of the keys that have signed the card, of those that the agent's own host publishes."""
    if len(card.signatures) > _MOST_SIGNATURES:
        raise AgentRefused(f"The card of {url} has {len(card.signatures):,} signatures; {_MOST_SIGNATURES} are looked at.")
    origin = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
    wanted = [header["jku"] for header in _headers(card) if str(header.get("jku", "")).startswith(f"{origin}/")]
    found: list[str] = []
    for place in dict.fromkeys([*wanted, f"{origin}{_KEYS}"]):
        found += [thumbprint_of(key) for key in await _keys(http, place) if _is_signed(card, key)]
    return found


def _headers(card: AgentCard) -> Iterator[dict[str, Json]]:
    for signature in card.signatures:
        try:
            padded = signature.protected + "=" * (-len(signature.protected) % 4)
            header = json.loads(base64.urlsafe_b64decode(padded))
        except ValueError:
            continue
        if isinstance(header, dict):
            yield header


async def _keys(http: httpx.AsyncClient, url: str) -> list[dict[str, Any]]:
    """The keys of a published set that can have signed something; none where it cannot be read."""
    try:
        answer = await _got(http, url)
        keys = answer.json()["keys"] if answer.status_code == 200 else []
    except (AgentRefused, ValueError, KeyError, TypeError):
        return []
    known = [k for k in keys if isinstance(k, dict)] if isinstance(keys, list) else []
    return [k for k in known if k.get("kty") in _MEMBERS and k.get("use", "sig") == "sig"][:_MOST_KEYS]


def _is_signed(card: AgentCard, key: dict[str, Any]) -> bool:
    def provider(kid: str | None, jku: str | None) -> jwt.PyJWK:
        if kid is not None and key.get("kid") not in (None, kid):
            raise jwt.PyJWTError("another key")
        return jwt.PyJWK(key)

    try:
        create_signature_verifier(provider, _ALGORITHMS)(card)
    except (SignatureVerificationError, jwt.PyJWTError, ValueError, TypeError):  # the last two: it is no key
        return False
    return True


def thumbprint_of(key: Mapping[str, Json]) -> str:
    """The thumbprint of a public key (RFC 7638)."""
    members = {name: str(key.get(name, "")) for name in _MEMBERS[str(key["kty"])]}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
