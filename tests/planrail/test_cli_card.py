"""`planrail card`: what others will see, from a fresh folder; and what is wrong with a source of one's own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, SECP256R1, EllipticCurve, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from a2a_node.card_source import own_source
from planrail.signing import key_in
from tests.planrail.command import Command


def pem(curve: EllipticCurve) -> str:
    return generate_private_key(curve).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_fresh_folder_has_a_card_that_is_signed_and_right_and_what_some_clients_make_of_it(command: Command) -> None:
    shown = command("card")
    assert (shown.code, shown.err) == (0, "")
    for told in ("JSONRPC    1.0  http://127.0.0.1:8700", "skill   lead_generation", "signed  ", "It is as A2A 1.0 has it."):
        assert told in shown.out
    assert "It asks nobody who they are" in shown.out
    assert "GRPC" not in shown.out  # google-adk refuses such a card
    again = command("card", "--json")
    assert again.json["signatures"] == command("card", "--json").json["signatures"]


def test_it_is_shown_as_it_is_at_another_address_and_signed_by_another_key(command: Command) -> None:
    (command.folder / "card.pem").write_text(pem(SECP256R1()))
    told = command("card", "--url", "https://planner.example/", "--sign", "card.pem", "--json").json
    assert {i["url"] for i in told["supportedInterfaces"]} == {"https://planner.example"}
    assert key_in(command.folder / "card.pem").kid in command("card", "--sign", "card.pem").out
    (command.folder / "planrail.toml").write_text('[a2a]\nurl = "https://other.example"\ngrpc_port = 8701\nstrict = true\n')
    shown = command("card").out
    assert "GRPC       1.0  other.example:8701" in shown
    assert "google-adk 2.13 refuses such a card" in shown
    assert "0.3" not in shown


def whole(**more: Any) -> str:
    return json.dumps({**json.loads(own_source().read_text("utf-8")), **more})


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (None, ("own.json is no agent card: No such file or directory", "Begin with a copy of", "agent-card.json")),
        ("{", ("own.json is no agent card: Expecting property name", "line 1 column 2")),
        ("[]", ("own.json is no agent card: it is no JSON object",)),
        (whole(colour="blue"), ('own.json is no agent card: it has no field named "colour"',)),
        (whole(signatures=[{"protected": "a", "signature": "b"}]), ("own.json has signatures, which only the deployment",)),
        (whole(description=""), ("Its source is own.json", "$: 'description' is a required property")),
        (whole(defaultInputModes=["words"]), ("Its source is own.json", "$: 'words' is no media type")),
    ],
)  # fmt: skip
def test_a_source_of_ones_own_that_is_wrong_is_refused_with_the_place_and_by_the_server_too(
    command: Command, source: str | None, told: tuple[str, ...]
) -> None:
    (command.folder / "planrail.toml").write_text('[a2a]\ncard = "own.json"\n')
    if source is not None:
        (command.folder / "own.json").write_text(source)
    refused, served = command("card"), command("serve", "--port", "0")
    assert (refused.code, refused.out, served.code, served.out) == (1, "", 1, "")
    for part in told:
        assert part in refused.err
    assert told[-1] in served.err
    assert "lf.a2a" not in refused.err + served.err


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (None, "No such file or directory"),
        ("no key", "card.pem holds no key that can sign"),
        (pem(SECP256K1()), "no signature of a card is made with the curve secp256k1"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_with_one_that_could(command: Command, key: str | None, told: str) -> None:
    if key is not None:
        (command.folder / "card.pem").write_text(key)
    refused = command("card", "--sign", "card.pem")
    assert (refused.code, refused.out) == (1, "")
    assert told in refused.err
    assert "openssl ecparam -name prime256v1" in refused.err


def test_an_address_that_is_none_is_a_wrong_use(command: Command) -> None:
    refused = command("card", "--url", "planner.example")
    assert (refused.code, "Write it like https://planner.example." in refused.err) == (2, True)
