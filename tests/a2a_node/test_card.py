"""The card: what everybody sees is the source, the skills and the deployment; the check names what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from a2a.client.card_resolver import parse_agent_card
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types.a2a_pb2 import AgentCard, AgentSkill
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jsonschema import Draft202012Validator

from a2a_node.card import Deployment, card_of, extended_card
from a2a_node.card_check import document_of, notes_of, problems_of
from a2a_node.card_schema import card_schema
from a2a_node.card_signature import is_signed_by, signed
from a2a_node.card_source import card_source, own_source
from a2a_node.reached import Reached, reached_at
from a2a_node.skills import skills_of
from executor.pack import Pack
from executor.toolset import Toolset
from planner.playbook import parse_playbook
from planrail.settings import SettingsError
from planrail.signing import SigningKey, signing_key

URL = "https://planner.example"
WHOLE = Deployment(URL, "1.2.3", schemes=frozenset(("bearer", "apiKey", "oidc", "mtls")), issuer="https://login.example/")
SKILL = AgentSkill(id="s", name="S", description="It does s.", tags=["s"])
PLAYBOOK = """---
goal: Send {count} mails to {kind} clients in {city}
params:
  kind: '"new" | "old"'
  count: int
  city: str
  polite: bool = True
tools: [mail]
---
answer("sent")
"""


def key() -> SigningKey:
    return signing_key(generate_private_key(SECP256R1()))


def jwks(*keys: SigningKey) -> dict[str, Any]:
    return {"keys": [k.public for k in keys]}


def test_the_card_is_the_file_at_the_root_and_what_only_the_deployment_knows() -> None:
    source = json.loads(own_source().read_text(encoding="utf-8"))
    card = document_of(card_of(card_source(), [SKILL], WHOLE))
    for name in ("name", "description", "provider", "documentationUrl", "defaultInputModes", "defaultOutputModes"):
        assert card[name] == source[name]
    assert card["capabilities"] == {**source["capabilities"], "extendedAgentCard": True}
    assert card["securitySchemes"].keys() == source["securitySchemes"].keys()
    assert card["securityRequirements"] == source["securityRequirements"]
    assert [s["id"] for s in card["skills"]] == [*(s["id"] for s in source["skills"]), "s"]
    assert card["version"] == "1.2.3"
    assert set(card) - set(source) == {"version", "supportedInterfaces"}


def test_the_preferred_interfaces_are_those_of_1_0_that_every_client_knows() -> None:
    def listed(of: Deployment) -> list[tuple[str, str, str]]:
        card = card_of(card_source(), [], of)
        return [(i.protocol_binding, i.protocol_version, i.url) for i in card.supported_interfaces]

    new, old = [("JSONRPC", "1.0", URL), ("HTTP+JSON", "1.0", URL)], [("JSONRPC", "0.3", URL), ("HTTP+JSON", "0.3", URL)]
    assert listed(Deployment(URL, "1")) == [*new, *old]
    assert listed(Deployment(URL, "1", strict=True)) == new
    assert listed(Deployment(URL, "1", grpc="planner.example:443")) == [*new, ("GRPC", "1.0", "planner.example:443"), *old]


def test_only_the_security_schemes_that_are_configured_are_told() -> None:
    card = card_of(card_source(), [], Deployment(URL, "1", schemes=frozenset(("oidc",)), issuer="https://login.example/"))
    (scheme,) = card.security_schemes.values()
    assert (
        scheme.open_id_connect_security_scheme.open_id_connect_url == "https://login.example/.well-known/openid-configuration"
    )
    assert [list(r.schemes) for r in card.security_requirements] == [["oidc"]]
    nobody = card_of(card_source(), [], Deployment(URL, "1"))
    assert (len(nobody.security_schemes), len(nobody.security_requirements)) == (0, 0)
    assert not nobody.capabilities.extended_agent_card


def test_packs_and_playbooks_are_skills_with_something_to_say_to_them() -> None:
    pack = Pack("post", "Mails.", Toolset())
    first, second = skills_of([pack], [parse_playbook("send_mails", PLAYBOOK)])
    assert (first.id, first.description, list(first.tags)) == ("pack.post", "Mails.", ["tools"])
    assert (second.id, second.name, list(second.tags)) == ("send_mails", "Send mails", ["playbook", "mail"])
    assert second.description == (
        "Send {count} mails to {kind} clients in {city}. "
        'Parameters: kind: "new" | "old", count: int, city: str, polite: bool = true.'
    )
    in_words, as_data = second.examples
    assert in_words == "Send 3 mails to new clients in <city>"
    assert json.loads(as_data) == {"playbook": "send_mails", "params": {"kind": "new", "count": 3, "city": "<city>"}}


def test_an_extended_card_says_who_the_caller_is_and_has_its_own_skills() -> None:
    card = extended_card(card_of(card_source(), [], WHOLE), [SKILL], {"principal": "ann", "limits": {"runsAtOnce": "3"}})
    told = document_of(card)["capabilities"]["extensions"][-1]
    assert told["params"] == {"principal": "ann", "limits": {"runsAtOnce": "3"}}
    assert card.skills[-1].id == "s"
    assert problems_of(document_of(card)) == []


@pytest.mark.parametrize("strict", [False, True])
def test_a_signed_card_is_verified_after_it_was_read_again_and_not_after_a_change(strict: bool) -> None:
    one, other = key(), key()
    card = signed(card_of(card_source(), [SKILL], Deployment(URL, "1", strict=strict)), [one, other], jku=f"{URL}/jwks")
    read = parse_agent_card(json.loads(json.dumps(agent_card_to_dict(card))))
    assert is_signed_by(read, jwks(one))
    assert is_signed_by(read, jwks(other))
    assert not is_signed_by(read, jwks(key()))
    read.supported_interfaces[0].url = "https://elsewhere.example"
    assert not is_signed_by(read, jwks(one, other))


def test_a_card_is_signed_alike_wherever_it_is_made() -> None:
    one, card = key(), card_of(card_source(), [], WHOLE)
    assert signed(card, [one]).signatures == signed(card, [one]).signatures


def test_a_strict_card_is_sent_as_1_0_has_it_and_the_other_one_with_the_fields_of_0_3() -> None:
    strict = agent_card_to_dict(card_of(card_source(), [SKILL], Deployment(URL, "1", strict=True)))
    assert problems_of(strict) == []
    mixed = agent_card_to_dict(card_of(card_source(), [SKILL], Deployment(URL, "1")))
    assert (mixed["url"], mixed["preferredTransport"], mixed["protocolVersion"]) == (URL, "JSONRPC", "0.3")
    assert any("'url'" in problem for problem in problems_of(mixed))


def test_a_file_of_ones_own_is_another_source(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    whole = json.loads(own_source().read_text(encoding="utf-8"))
    file.write_text(json.dumps({**whole, "name": "Ann's planner", "version": "7"}), encoding="utf-8")
    card = card_of(card_source(file), [], WHOLE)
    assert (card.name, card.version) == ("Ann's planner", "7")
    for broken in ("", "[]", '{"nmae": "x"}', json.dumps({**whole, "supportedInterfaces": [{"url": URL}]})):
        file.write_text(broken, encoding="utf-8")
        with pytest.raises(SettingsError, match=r"own\.json"):
            card_source(file)


def at(url: str, binding: str = "JSONRPC", version: str = "1.0") -> dict[str, Any]:
    return changed(supportedInterfaces=[{"url": url, "protocolBinding": binding, "protocolVersion": version}])


def changed(**more: Any) -> dict[str, Any]:
    return {**document_of(card_of(card_source(), [SKILL], WHOLE)), **more}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], "$: [] is not of type 'object'"),
        ({k: v for k, v in changed().items() if k != "skills"}, "$: 'skills' is a required property"),
        (changed(version=""), "$.version: '' should be non-empty"),
        (changed(skills=[]), "$.skills: [] should be non-empty"),
        (changed(url=URL), "$: Additional properties are not allowed ('url' was unexpected)"),
        (changed(name=3), "$.name: 3 is not of type 'string'"),
        (changed(securitySchemes={"both": {"mtlsSecurityScheme": {}, "httpAuthSecurityScheme": {"scheme": "x"}}}), "both"),
        (changed(securityRequirements=[{"schemes": {"none": {}}}]), "there is no security scheme 'none'"),
        (changed(securityRequirements=[]), "$.capabilities.extendedAgentCard: nobody can authenticate"),
        (changed(defaultInputModes=["words"]), "'words' is no media type"),
        (changed(skills=[changed()["skills"][0]] * 2), "$.skills: 2 have the id 'plan-execute'"),
        (at("/x"), "no absolute URL"),
        (at("x", "GRPC"), "no host:port"),
        (at(URL, version="0.3"), "none speaks 1.0"),
        (at(URL, version="1.0.0"), "not like 1.0"),
        (changed(capabilities={"extensions": [{"uri": "no"}]}), "'no' is no URI"),
        (changed(signatures=[{"protected": "e30", "signature": "AA"}]), "none was made by a known key"),
    ],
)  # fmt: skip
def test_the_check_names_what_is_wrong_and_where(document: Any, told: str) -> None:
    found = problems_of(document, jwks(key()))
    assert len(found) >= 1
    assert told in found[0]


def test_the_schema_is_one_and_has_every_field_of_a_card() -> None:
    Draft202012Validator.check_schema(card_schema())
    fields = {f.json_name for f in AgentCard.DESCRIPTOR.fields}
    assert set(card_schema()["$defs"]["AgentCard"]["properties"]) == fields


def test_what_some_clients_stumble_over_is_noted() -> None:
    plain = card_of(card_source(), [], Deployment("http://planner.example", "1", grpc="planner.example:1"))
    words = " ".join(notes_of(plain))
    assert all(part in words for part in ("raw JSON", "google-adk", "without TLS", "not signed", "nobody who they are"))
    assert notes_of(signed(card_of(card_source(), [], Deployment(URL, "1", strict=True, schemes=WHOLE.schemes)), [key()])) == []


@pytest.mark.parametrize(
    ("configured", "address", "host", "reached"),
    [
        (URL, "http://127.0.0.1:8700", "evil.example", Reached(URL)),
        ("", "http://127.0.0.1:8700", "localhost:8700", Reached("http://localhost:8700")),
        ("", "http://127.0.0.1:8700", "localhost:9999", Reached("http://localhost:9999")),  # a port that leads here
        ("", "http://127.0.0.1:8700", "evil.example", Reached("http://127.0.0.1:8700")),
        ("", "http://[::1]:8700", "[::1]:8700", Reached("http://[::1]:8700")),
        ("", "http://10.0.0.5:8700", "planner.example", Reached("http://10.0.0.5:8700")),
        ("", "http://0.0.0.0:8700", "planner.example", Reached("http://planner.example", sure=False)),
        ("", "http://0.0.0.0:8700", "127.0.0.1:8700", Reached("http://127.0.0.1:8700")),
        ("", "http://0.0.0.0:8700", "a b", Reached("http://0.0.0.0:8700")),
        ("", "http://0.0.0.0:8700", "x@evil.example", Reached("http://0.0.0.0:8700")),
        ("", "http://127.0.0.1:8700", "", Reached("http://127.0.0.1:8700")),
    ],
)  # fmt: skip
def test_a_card_has_the_address_by_which_clients_come_back(configured: str, address: str, host: str, reached: Reached) -> None:
    assert reached_at(configured, address, host=host) == reached
