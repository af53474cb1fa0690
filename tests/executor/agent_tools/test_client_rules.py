"""What A2A demands of the client that delegates: its version, the interface that it takes, whose signature it believes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from a2a.types.a2a_pb2 import AgentCard, AgentInterface
from a2a.utils.signing import create_agent_card_signer
from agent_host import hosted
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key

from executor.agent_tools.agent import AgentSettings
from executor.agent_tools.card import fetch_card, thumbprint_of
from executor.errors import AgentRefused
from tests.executor.bench import Bench

OURS, OTHER = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())


def jwk(key: EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    public: dict[str, Any] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    return {**public, "kid": kid, "use": "sig", "alg": "ES256"}


def signer(kid: str) -> Callable[[AgentCard], AgentCard]:
    header: Any = {"alg": "ES256", "kid": kid, "typ": "JOSE", "jku": None}
    return create_agent_card_signer(OURS, header)  # type: ignore[arg-type]  # it takes what its library takes


@pytest.mark.requirement("3.6.1a", "14.2.1a")
@pytest.mark.parametrize("version", ["1.0", "0.3"])
@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_every_request_to_an_agent_names_its_version_by_its_two_numbers(
    tmp_path: Path, version: str, binding: str
) -> None:
    async with hosted(version=version, binding=binding) as host:
        await Bench(host.toolset(tmp_path)).run('a = delegate("flights", "say hello")\nanswer(a)')
    asked = [headers for path, headers in host.requests if not path.startswith("/.well-known/")]
    assert asked
    assert {headers.get("a2a-version") for headers in asked} == {version}


@pytest.mark.requirement("8.3.2a")
async def test_the_first_interface_that_is_spoken_here_is_taken_with_its_url_and_its_tenant(tmp_path: Path) -> None:
    async with hosted(binding="HTTP+JSON") as host:
        rest = host.card.supported_interfaces[0].url
        del host.card.supported_interfaces[:]
        host.card.supported_interfaces.extend(
            [
                AgentInterface(url="127.0.0.1:1", protocol_binding="GRPC", protocol_version="1.0"),
                AgentInterface(url=rest, protocol_binding="HTTP+JSON", protocol_version="1.0", tenant="acme"),
                AgentInterface(url=f"{host.url}/rpc", protocol_binding="JSONRPC", protocol_version="1.0"),
            ]
        )
        await Bench(host.toolset(tmp_path)).run('a = delegate("flights", "say hello")\nanswer(a)')
    paths = [path for path, _ in host.requests if not path.startswith("/.well-known/")]
    assert paths
    assert [path for path in paths if not path.startswith("/rest/acme/")] == []


@pytest.mark.requirement("8.4.3a")
async def test_a_signature_is_verified_by_the_key_that_it_names_whatever_defaults_the_card_spells_out() -> None:
    async with hosted(signer=signer("k2"), jwks={"keys": [jwk(OTHER, "k1"), jwk(OURS, "k2")]}) as host:
        assert await thumbprint(host.url) == thumbprint_of(jwk(OURS, "k2"))
        assert await thumbprint(host.url, lambda card: {**card, "documentationUrl": "", "iconUrl": ""}) == thumbprint_of(
            jwk(OURS, "k2")
        )
        assert await thumbprint(host.url, lambda card: {**card, "name": "Hotels"}) == ""


@pytest.mark.requirement("8.4.3b")
async def test_a_key_that_its_host_publishes_no_more_verifies_nothing() -> None:
    for keys in ([], [jwk(OTHER, "k2")], [jwk(OURS, "k1")]):  # none, another one of its name, the same of another name
        async with hosted(signer=signer("k2"), jwks={"keys": keys}) as host, httpx.AsyncClient() as http:
            with pytest.raises(AgentRefused, match="signed by no key that its host publishes"):
                await fetch_card(http, host.settings(require_signature=True))


async def thumbprint(url: str, changed: Callable[[dict[str, Any]], dict[str, Any]] = lambda card: card) -> str:
    """Of the key that has signed the card which is served there, after a change of the card."""

    class Changing(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            if "agent" not in request.url.path:
                return answer
            await answer.aread()
            return httpx.Response(answer.status_code, json=changed(answer.json()))

    async with httpx.AsyncClient(transport=Changing()) as http:
        return (await fetch_card(http, AgentSettings(url=url))).thumbprint
