"""The card as others find it: cached, signed, the same from every process; the card of a caller; the command that shows it."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from a2a.client.card_resolver import A2ACardResolver
from a2a.types.a2a_pb2 import GetExtendedAgentCardRequest
from a2a.utils.signing import SignatureVerificationError, create_signature_verifier
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette

from a2a_node.card import CALLER
from a2a_node.card_routes import card_routes
from a2a_node.card_signature import is_signed_by
from a2a_node.card_source import own_source
from a2a_node.cards import Cards
from a2a_node.reached import Reached
from planrail.house import open_house
from planrail.keys import hash_of
from planrail.settings import load_settings
from tests.a2a_node.node import BINDINGS, Node, node

pytestmark = pytest.mark.asyncio(loop_scope="module")
CARD, JWKS = "/.well-known/agent-card.json", "/.well-known/jwks.json"
URL = "https://planner.example"
TOKEN = "pr_ann"
SECRET = "0123456789abcdef0123456789abcdef"
KEYS = f'[auth.keys.ann]\nhash = "{hash_of(TOKEN)}"\nprincipal = "ann"\nscopes = ["approve"]\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    async with node(tmp_path_factory.mktemp("node")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """A node that asks who comes."""
    home = tmp_path_factory.mktemp("guarded")
    (home / "planrail.toml").write_text(f"principal_runs = 3\n{KEYS}[a2a]\npublic_skills = false\n", encoding="utf-8")
    async with node(home) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """A node that speaks 1.0 alone."""
    home = tmp_path_factory.mktemp("strict")
    (home / "planrail.toml").write_text("[a2a]\nstrict = true\n", encoding="utf-8")
    async with node(home) as made:
        yield made


async def got(node: Node, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=node.url) as http:
        return await http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def protected(signature: Any) -> Any:
    return json.loads(base64.urlsafe_b64decode(signature["protected"] + "=="))


async def test_a_client_verifies_the_card_by_the_keys_that_its_signature_names(here: Node) -> None:
    found = (await got(here, CARD)).json()
    header = protected(found["signatures"][0])
    assert (header["alg"], header["typ"], header["jku"]) == ("ES256", "JOSE", f"{here.url}{JWKS}")
    async with httpx.AsyncClient() as http:
        jwks = jwt.PyJWKSet.from_dict((await http.get(header["jku"])).json())
        verify = create_signature_verifier(lambda kid, jku: jwks[str(kid)], ["ES256"])
        card = await A2ACardResolver(http, here.url).get_agent_card(signature_verifier=verify)
    card.description += " And more."
    with pytest.raises(SignatureVerificationError):
        verify(card)


async def test_the_card_is_the_file_and_the_deployments_addresses_skills_and_signatures(here: Node, strict: Node) -> None:
    source, card = json.loads(own_source().read_text(encoding="utf-8")), (await got(strict, CARD)).json()
    own = len(source["skills"])
    assert {i["url"] for i in card.pop("supportedInterfaces") if i["protocolBinding"] != "GRPC"} == {strict.url}
    assert (len(card.pop("signatures")), card.pop("version")) == (1, version("planrail"))
    assert {"pack.gtm", "pack.listings", "lead_generation", "import_listings"} <= {s["id"] for s in card["skills"][own:]}
    modes = {"inputModes": source["defaultInputModes"], "outputModes": source["defaultOutputModes"]}
    assert (
        card
        == {
            **{name: of for name, of in source.items() if not name.startswith("security")},  # nobody is asked here
            "capabilities": {**source["capabilities"], "extendedAgentCard": False},
            "skills": [*({**skill, **modes} for skill in source["skills"]), *card["skills"][own:]],
        }
    )
    mixed = (await got(here, CARD)).json()  # the same, and 0.3's fields
    assert [(s["id"], s["description"]) for s in mixed["skills"]] == [(s["id"], s["description"]) for s in card["skills"]]
    assert {name: mixed[name] for name in ("name", "description", "provider")} == {
        n: card[n] for n in ("name", "description", "provider")
    }


async def test_who_asks_again_is_told_that_nothing_has_changed(here: Node) -> None:
    for path in (CARD, JWKS):
        first = await got(here, path)
        tag, at = first.headers["etag"], first.headers["last-modified"]
        assert first.headers["cache-control"] == "public, max-age=300"
        for headers in ({"If_None_Match": f'"x", W/{tag}'}, {"If_None_Match": "*"}, {"If_Modified_Since": at}):
            again = await got(here, path, **headers)
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        for headers in (
            {"If_None_Match": '"x"', "If_Modified_Since": at},
            {"If_Modified_Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
        ):
            assert (await got(here, path, **headers)).status_code == 200


async def test_it_is_found_where_clients_looked_before_too_and_with_any_name_of_this_machine(here: Node) -> None:
    assert (await got(here, "/.well-known/agent.json")).content == (await got(here, CARD)).content
    local = here.url.replace("127.0.0.1", "localhost")
    named = (await got(here, CARD, host=local.removeprefix("http://"))).json()
    assert named["supportedInterfaces"][0]["url"] == local
    strange = (await got(here, CARD, host="evil.example")).json()
    assert strange["supportedInterfaces"][0]["url"] == here.url


async def test_a_strict_card_is_verified_as_the_raw_json_that_it_is(strict: Node) -> None:
    card, jwks = (await got(strict, CARD)).json(), (await got(strict, JWKS)).json()
    assert (await got(strict, "/.well-known/agent.json")).status_code == 404
    assert not {"url", "protocolVersion", "preferredTransport", "additionalInterfaces"} & set(card)
    (signature,) = card.pop("signatures")
    canonical = json.dumps(card, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    payload = base64.urlsafe_b64encode(canonical).rstrip(b"=").decode()
    whole = f"{signature['protected']}.{payload}.{signature['signature']}"
    jwt.api_jws.decode(whole, jwt.PyJWK(jwks["keys"][0]), algorithms=["ES256"])


async def test_every_process_of_a_database_serves_the_same_bytes_and_signs_with_a_new_key_soon(tmp_path: Path) -> None:
    settings = load_settings({"PLANRAIL_HOME": str(tmp_path), "PLANRAIL_A2A_URL": URL}, tmp_path)
    at, times = Reached(URL), [0.0]

    async with open_house(settings) as one, open_house(settings) as other:
        cards = [Cards(house, clock=lambda: times[0]) for house in (one, other)]
        before = [await c.served(at) for c in cards]
        assert before[0].body == before[1].body
        assert before[0].etag == before[1].etag
        (old,) = await one.signing.signing()
        new = await other.signing.rotate()
        times[0] += 2
        after = [await c.served(at) for c in cards]
        jwks = json.loads((await cards[0].jwks()).body)
    assert after[0].body == after[1].body
    assert after[0].etag != before[0].etag
    assert [protected(s)["kid"] for s in json.loads(after[0].body)["signatures"]] == [new.kid, old.kid]
    assert [k["kid"] for k in jwks["keys"]] == [new.kid, old.kid]


async def test_a_card_is_not_signed_below_an_address_that_the_asker_made_up(here: Node) -> None:
    cards = Cards(here.house)
    app = Starlette(routes=card_routes(cards, here.house.settings.a2a, address="http://0.0.0.0:8700"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://planner.example") as http:
        asked = (await http.get(CARD)).json()
        local = (await http.get(CARD, headers={"host": "127.0.0.1:8700"})).json()
    assert asked["supportedInterfaces"][0]["url"] == "http://planner.example"
    assert ("signatures" in asked, "signatures" in local) == (False, True)


async def test_a_process_that_cannot_open_the_keys_serves_the_card_unsigned_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def settings(secret: str) -> Any:
        return load_settings({"PLANRAIL_HOME": str(tmp_path), "PLANRAIL_A2A_SECRET_KEY": secret}, tmp_path)

    async with open_house(settings(SECRET)) as one, open_house(settings(SECRET[::-1])) as other:
        assert (await Cards(one).card(Reached(URL))).signatures
        assert not (await Cards(other).card(Reached(URL))).signatures
    assert "PLANRAIL_A2A_SECRET_KEY" in caplog.text


@pytest.mark.parametrize("binding", BINDINGS)
async def test_a_caller_is_told_who_it_is_and_what_it_may_use(guarded: Node, binding: str) -> None:
    public = (await got(guarded, CARD)).json()
    assert public["capabilities"]["extendedAgentCard"] is True
    assert [s["id"] for s in public["skills"]] == ["plan-execute"]
    async with guarded.client(binding, token=TOKEN) as client:
        card = await client.get_extended_agent_card(GetExtendedAgentCardRequest())
    assert "lead_generation" in {s.id for s in card.skills}
    (told,) = (e.params for e in card.capabilities.extensions if e.uri == CALLER)
    caller = MessageToDict(told)
    assert (caller["principal"], caller["kind"], caller["scopes"]) == ("ann", "agent", ["approve"])
    assert (caller["limits"]["runsAtOnce"], caller["limits"]["run"]["calls"]) == ("3", "300")
    assert is_signed_by(card, (await got(guarded, JWKS)).json())


@pytest.mark.parametrize("path", ["/extendedAgentCard", "/v1/card"])
async def test_nobody_else_is(guarded: Node, path: str) -> None:
    refused = await got(guarded, path, A2A_Version="1.0")
    assert refused.status_code == 401
    assert "bearer" in refused.headers["www-authenticate"].lower()
    assert b"ann" not in refused.content


async def test_where_nobody_is_known_there_is_no_card_of_a_caller(here: Node) -> None:
    assert (await got(here, CARD)).json()["capabilities"]["extendedAgentCard"] is False
    refused = await got(here, "/extendedAgentCard", A2A_Version="1.0")
    assert (refused.status_code, refused.json()["error"]["details"][0]["reason"]) == (400, "UNSUPPORTED_OPERATION")
