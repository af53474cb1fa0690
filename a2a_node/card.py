"""Card: what the agent says of itself: a source, the skills, and what only the deployment knows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from a2a.types.a2a_pb2 import AgentCard, AgentExtension, AgentInterface, AgentSkill

from planner.toolspec import Json

SPOKEN = (("JSONRPC", "1.0"), ("HTTP+JSON", "1.0"))
OLD = (("JSONRPC", "0.3"), ("HTTP+JSON", "0.3"))
CALLER = "https://w3id.org/planrail/a2a/caller/v1"  # the extension by which an extended card tells a caller who it is


@dataclass(frozen=True)
class Deployment:
    """Where an agent runs, and how it is configured."""

    url: str  # where clients reach it, without a slash at the end
    version: str
    grpc: str = ""  # host:port where it is reached by gRPC; empty: it is not
    strict: bool = False  # A2A 1.0 alone
    push: bool = True  # it delivers push notifications
    schemes: frozenset[str] = field(default_factory=frozenset)  # of the source, by which callers are known; none: nobody is
    issuer: str = ""
    tenant: str = ""  # of the caller whom the card is for


def card_of(source: AgentCard, skills: Sequence[AgentSkill], of: Deployment) -> AgentCard:
    """The card, unsigned."""
    card = AgentCard()
    card.CopyFrom(source)
    card.version = source.version or of.version
    card.supported_interfaces.extend(_interfaces(of))
    card.capabilities.push_notifications = source.capabilities.push_notifications and of.push
    card.capabilities.extended_agent_card = bool(of.schemes)
    _secure(card, of)
    card.skills.extend(skills)
    for skill in card.skills:  # some clients read them there alone
        skill.input_modes[:] = skill.input_modes or card.default_input_modes
        skill.output_modes[:] = skill.output_modes or card.default_output_modes
    return card


def extended_card(card: AgentCard, skills: Sequence[AgentSkill], caller: Mapping[str, Json]) -> AgentCard:
    """The card of one caller: with skills of its own, and who it is to this agent."""
    extended = AgentCard()
    extended.CopyFrom(card)
    for skill in skills:
        added = extended.skills.add()
        added.CopyFrom(skill)
        added.input_modes[:] = card.default_input_modes
        added.output_modes[:] = card.default_output_modes
    known = AgentExtension(uri=CALLER, description="Who the caller is to this agent, and how much it may use.")
    known.params.update(dict(caller))
    extended.capabilities.extensions.append(known)
    return extended


def _interfaces(of: Deployment) -> list[AgentInterface]:
    """The preferred one first. gRPC stands behind those that every client knows, and 0.3 behind all of 1.0."""
    spoken = [(binding, version, of.url) for binding, version in SPOKEN]
    spoken += [("GRPC", "1.0", of.grpc)] if of.grpc else []
    spoken += [] if of.strict else [(binding, version, of.url) for binding, version in OLD]
    return [AgentInterface(url=at, protocol_binding=b, protocol_version=v, tenant=of.tenant) for b, v, at in spoken]


def _secure(card: AgentCard, of: Deployment) -> None:
    """Leave the security schemes that are configured."""
    for name in [n for n in card.security_schemes if n not in of.schemes]:
        del card.security_schemes[name]
    for scheme in card.security_schemes.values():
        if scheme.HasField("open_id_connect_security_scheme"):
            found = scheme.open_id_connect_security_scheme
            found.open_id_connect_url = found.open_id_connect_url.replace("{issuer}", of.issuer.rstrip("/"))
    left = [r for r in card.security_requirements if r.schemes and all(n in card.security_schemes for n in r.schemes)]
    del card.security_requirements[:]
    card.security_requirements.extend(left)
