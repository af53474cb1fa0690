"""Cards: the cards of one process: made, signed, and kept until what they say, or what signs them, is another."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types.a2a_pb2 import AgentCard

from a2a_node.card import Deployment, card_of, extended_card
from a2a_node.card_signature import signed
from a2a_node.card_source import card_source
from a2a_node.reached import Reached
from a2a_node.skills import kept_skills, skills_of
from executor.errors import JournalUnreachable
from executor.submission import Principal
from executor.tenant import account, tenant_of
from planner.toolspec import Json
from planrail.house import House
from planrail.quota import quotas_told
from planrail.seal import SealBroken
from planrail.signing import SigningKey

log = logging.getLogger(__name__)

JWKS_PATH = "/.well-known/jwks.json"
_KNOWN_S = 2.0  # a look at the keys is good for so long: so soon every process signs with a new one
_AWAY_S = 2.0  # a database that does not answer for longer is not waited for where the keys are known from before
_MOST = 16  # cards that are kept: as many as there are addresses by which one is asked


@dataclass(frozen=True)
class Served:
    """A document as it is sent, and what tells one from another."""

    body: bytes
    etag: str
    at: datetime  # since when it is what it is, as far as this process knows


class Cards:
    """Makes the cards of a house. Callers are known by `schemes` of the source; `grpc` is where it is reached by gRPC."""

    def __init__(
        self,
        house: House,
        *,
        schemes: frozenset[str] = frozenset(),
        grpc: str = "",
        push: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._house = house
        self._settings = house.settings.a2a
        self._source = card_source(self._settings.card)
        self._schemes = schemes
        self._grpc = grpc
        self._push = push
        self._now = now
        self._clock = clock
        self._keys: tuple[SigningKey, ...] = ()
        self._look_at = 0.0  # when the keys are looked at again
        self._made: dict[object, Served] = {}

    @property
    def required(self) -> frozenset[str]:
        """The extensions that a client has to understand."""
        return frozenset(extension.uri for extension in self._source.capabilities.extensions if extension.required)

    def grpc_at(self, address: str) -> None:
        """It is reached by gRPC there, from now on."""
        self._grpc = address
        self._made.clear()

    def unsigned(self, at: Reached, *, tenant: str = "") -> AgentCard:
        """The card that everybody sees, without signatures; in a tenant its interfaces name that."""
        of = Deployment(
            at.url, version("planrail"), self._grpc, self._settings.strict, self._push, self._schemes,
            self._house.settings.auth.issuer, tenant,
        )  # fmt: skip
        skills = skills_of(self._house.packs, self._house.playbooks) if self._settings.public_skills else []
        return card_of(self._source, skills, of)

    async def card(self, at: Reached) -> AgentCard:
        """The card that everybody sees."""
        return await self._signed(self.unsigned(at), at)

    async def served(self, at: Reached) -> Served:
        """The same as it is sent."""
        keys = await self._signing() if at.sure else ()
        wanted = (at, *(key.kid for key in keys))
        if wanted not in self._made:
            self._keep(wanted, sent(signed(self.unsigned(at), keys, jku=f"{at.url}{JWKS_PATH}")))
        return self._made[wanted]

    async def jwks(self) -> Served:
        """What the signatures are checked with, as it is sent."""
        return self._keep("jwks", await self._house.signing.jwks())

    async def extended(self, principal: Principal, at: Reached) -> AgentCard:
        """The card of a caller: with the plans that are kept for it, and what it may use."""
        plans = [view.plan for view in await self._house.plans.find(principal) if view.kept]
        skills = [] if self._settings.public_skills else skills_of(self._house.packs, self._house.playbooks)
        card = extended_card(
            self.unsigned(at, tenant=tenant_of(principal.id)), [*skills, *kept_skills(plans)], self._caller(principal)
        )
        return await self._signed(card, at)

    def _caller(self, principal: Principal) -> Mapping[str, Json]:
        """What an extended card tells of its caller. Numbers travel as strings."""
        settings, budget = self._house.settings, self._house.settings.budget.model_dump(mode="json")
        session = {"calls": settings.session_calls, "usd": settings.session_usd}
        return {
            "principal": account(principal.id),
            **({"tenant": tenant_of(principal.id)} if tenant_of(principal.id) else {}),
            "kind": principal.kind,
            "scopes": sorted(principal.scopes),
            "limits": {"run": _texts(budget), "session": _texts(session), **self._quotas(principal)},
        }

    def _quotas(self, principal: Principal) -> dict[str, Json]:
        """What its quota is; runs at once as the stricter of two settings says it."""
        limits = self._house.quotas.limits(principal.id)
        runs = min((n for n in (limits.runs, self._house.settings.principal_runs) if n is not None), default=None)
        return quotas_told(limits.model_copy(update={"runs": runs}))

    async def _signed(self, card: AgentCard, at: Reached) -> AgentCard:
        return signed(card, await self._signing() if at.sure else (), jku=f"{at.url}{JWKS_PATH}")

    async def _signing(self) -> tuple[SigningKey, ...]:
        """The keys that sign, as they were a moment ago; none where they cannot be had."""
        if self._clock() < self._look_at:
            return self._keys
        try:
            async with asyncio.timeout(_AWAY_S if self._keys else None):
                self._keys = await self._house.signing.signing()
        except (JournalUnreachable, TimeoutError):
            log.warning("the keys that sign the card cannot be looked at: those from before sign it")
        except SealBroken as error:
            log.warning("the card is not signed: %s %s", error.message, error.hint)
            self._keys = ()
        self._look_at = self._clock() + _KNOWN_S
        return self._keys

    def _keep(self, wanted: object, document: Mapping[str, Json]) -> Served:
        """The document as it is sent: the same bytes in every process."""
        body = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        known = self._made.get(wanted)
        if known is None or known.etag != etag:
            self._made[wanted] = Served(body, etag, self._now().replace(microsecond=0))
            if len(self._made) > _MOST:
                del self._made[next(iter(self._made))]
        return self._made[wanted]


def sent(card: AgentCard) -> dict[str, Json]:
    """The card as it is sent: where it lists an interface of 0.3, with the fields of 0.3 beside those of 1.0."""
    return agent_card_to_dict(card)


def _texts(numbers: Mapping[str, Json]) -> dict[str, Json]:
    return {name: _text(value) for name, value in numbers.items()}


def _text(number: Json) -> Json:
    return None if number is None else str(number)
