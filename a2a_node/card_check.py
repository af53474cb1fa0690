"""Card check: what is wrong with a card, and what some clients will make of it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from a2a.types.a2a_pb2 import AgentCard
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from jsonschema import Draft202012Validator, ValidationError

from a2a_node.card_schema import card_schema
from a2a_node.card_signature import is_signed_by
from planner.toolspec import Json

_VERSION = re.compile(r"\d+\.\d+")
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+*-]+(?:;.*)?|\*/\*")


def problems_of(document: Json, jwks: Mapping[str, Json] | None = None) -> list[str]:
    """What a card of A2A 1.0 must not be, each with the place; `jwks` is what its signatures are checked with."""
    found = [f"{error.json_path}: {error.message[:300]}" for error in _by_place(document)]
    if found:
        return found
    try:
        card = ParseDict(document, AgentCard())
    except ParseError as error:
        return [f"$: {error}"]
    return [*_addresses(card), *_security(card), *_words(card), *_signatures(card, jwks)]


def notes_of(card: AgentCard) -> list[str]:
    """What is right, and yet some clients stumble over."""
    versions = {(i.protocol_binding, i.protocol_version) for i in card.supported_interfaces}
    found = []
    if any(version == "0.3" for _, version in versions):
        found.append("It is served with the fields of 0.3 beside: who verifies the raw JSON needs the setting a2a.strict.")
    if any(binding == "GRPC" for binding, _ in versions):
        found.append("It lists gRPC at host:port, as the specification has it: google-adk 2.13 refuses such a card.")
    if any(_is_plain(i.url) for i in card.supported_interfaces if i.protocol_binding != "GRPC"):
        found.append("It is reached without TLS, which production must not be: a2a.url names the address from outside.")
    if not card.signatures:
        found.append("It is not signed.")
    if not card.security_requirements:
        found.append("It asks nobody who they are: only this machine is served.")
    return found


def _by_place(document: Json) -> list[ValidationError]:
    errors = Draft202012Validator(card_schema()).iter_errors(document)
    return sorted(errors, key=lambda error: error.json_path)


def _addresses(card: AgentCard) -> Iterator[str]:
    for n, interface in enumerate(card.supported_interfaces):
        at, url = f"$.supportedInterfaces[{n}]", urlsplit(interface.url)
        if interface.protocol_binding == "GRPC":
            if not re.fullmatch(r"(?:https?://)?(\[[0-9a-f:]+\]|[\w.-]+):\d+", interface.url):
                yield f"{at}.url: {interface.url!r} is no host:port"
        elif url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
            yield f"{at}.url: {interface.url!r} is no absolute URL"
        if not _VERSION.fullmatch(interface.protocol_version):
            yield f"{at}.protocolVersion: {interface.protocol_version!r} is not like 1.0"
    if not any(i.protocol_version == "1.0" for i in card.supported_interfaces):
        yield "$.supportedInterfaces: none speaks 1.0"


def _security(card: AgentCard) -> Iterator[str]:
    places = [
        ("$", card.security_requirements),
        *((f"$.skills[{n}]", s.security_requirements) for n, s in enumerate(card.skills)),
    ]
    for at, requirements in places:
        for n, requirement in enumerate(requirements):
            for name in requirement.schemes:
                if name not in card.security_schemes:
                    yield f"{at}.securityRequirements[{n}]: there is no security scheme {name!r}"
    for name, scheme in card.security_schemes.items():
        if scheme.HasField("open_id_connect_security_scheme"):
            url = scheme.open_id_connect_security_scheme.open_id_connect_url
            if urlsplit(url).scheme not in ("http", "https"):
                yield f"$.securitySchemes.{name}: {url!r} is no absolute URL"
    if card.capabilities.extended_agent_card and not card.security_requirements:
        yield "$.capabilities.extendedAgentCard: nobody can authenticate, so nobody can have it"


def _words(card: AgentCard) -> Iterator[str]:
    for name, times in Counter(skill.id for skill in card.skills).items():
        if times > 1:
            yield f"$.skills: {times} have the id {name!r}"
    modes = [*card.default_input_modes, *card.default_output_modes]
    modes += [m for skill in card.skills for m in (*skill.input_modes, *skill.output_modes)]
    for mode in sorted({m for m in modes if not _MEDIA_TYPE.fullmatch(m)}):
        yield f"$: {mode!r} is no media type"
    for n, extension in enumerate(card.capabilities.extensions):
        if not urlsplit(extension.uri).scheme:
            yield f"$.capabilities.extensions[{n}].uri: {extension.uri!r} is no URI"


def _signatures(card: AgentCard, jwks: Mapping[str, Json] | None) -> Iterator[str]:
    if card.signatures and jwks is not None and not is_signed_by(card, jwks):
        yield "$.signatures: none was made by a known key of this content"


def _is_plain(url: str) -> bool:
    """Whether an address of elsewhere is spoken to in the clear."""
    parts = urlsplit(url)
    try:
        here = ip_address(parts.hostname or "").is_loopback
    except ValueError:
        here = parts.hostname == "localhost"
    return parts.scheme == "http" and not here


def document_of(card: AgentCard) -> dict[str, Json]:
    """The card as JSON of 1.0."""
    return MessageToDict(card)
