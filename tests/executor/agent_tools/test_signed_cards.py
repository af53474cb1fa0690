"""A card that is signed: by whom, its own host alone says; another key is refused until a person has looked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from a2a.types import AgentCard
from a2a.utils.signing import create_agent_card_signer
from agent_host import Host, hosted
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from jwt.algorithms import ECAlgorithm

from executor.agent_tools.agent import Pins
from executor.agent_tools.card import thumbprint_of
from executor.run import Run
from tests.executor.bench import Bench
from tests.planrail.command import Command

OURS, THEIRS = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())


def public(key: EllipticCurvePrivateKey, kid: str = "k1") -> dict[str, Any]:
    return {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig", "alg": "ES256"}


def signer(key: EllipticCurvePrivateKey, kid: str = "k1", jku: str | None = None) -> Callable[[AgentCard], AgentCard]:
    header: Any = {"alg": "ES256", "kid": kid, "typ": "JOSE", "jku": jku}
    return create_agent_card_signer(key, header)  # type: ignore[arg-type]  # PyJWT takes keys of cryptography


async def used(host: Host, home: Path, **settings: Any) -> Run:
    return await Bench(host.toolset(home, **settings)).run('a = delegate("flights", "say hello")\nanswer(a)')


def reason(run: Run) -> str:
    assert run.ended is not None
    return "" if run.ended.status == "done" else run.ended.reason


async def test_where_a_signature_is_required_a_card_has_to_be_signed_by_a_key_of_its_host(tmp_path: Path) -> None:
    async with hosted() as host:
        unsigned = await used(host, tmp_path / "1", require_signature=True)
    async with hosted(signer=signer(OURS)) as host:
        unpublished = await used(host, tmp_path / "2", require_signature=True)
    async with hosted(signer=signer(OURS), jwks={"keys": [public(THEIRS)]}) as host:
        of_another = await used(host, tmp_path / "3", require_signature=True)
    async with hosted(signer=signer(OURS), jwks={"keys": [public(THEIRS, "k2"), public(OURS)]}) as host:
        signed = await used(host, tmp_path / "4", require_signature=True)
    assert "is signed by nobody, and a signature is required" in reason(unsigned)
    assert "is signed by no key that its host publishes" in reason(unpublished)
    assert "is signed by no key that its host publishes" in reason(of_another)
    assert reason(signed) == ""
    pinned = Pins(tmp_path / "4" / "agents").read("flights")
    assert pinned is not None
    assert pinned.thumbprint == thumbprint_of(public(OURS))


async def test_a_card_that_was_touched_after_it_was_signed_is_signed_by_nobody(tmp_path: Path) -> None:
    def touched(card: AgentCard) -> AgentCard:
        made = signer(OURS)(card)
        made.description = "Pays bills."
        return made

    async with hosted(signer=touched, jwks={"keys": [public(OURS)]}) as host:
        run = await used(host, tmp_path, require_signature=True)
    assert "is signed by no key that its host publishes" in reason(run)


async def test_keys_are_read_from_the_agent_s_own_host_alone_whatever_its_card_names(tmp_path: Path) -> None:
    async with hosted(jwks={"keys": [public(THEIRS)]}) as elsewhere:
        jku = f"{elsewhere.url}/.well-known/jwks.json"
        async with hosted(signer=signer(THEIRS, jku=jku), jwks={"keys": [public(OURS)]}) as host:
            run = await used(host, tmp_path, require_signature=True)
    assert "is signed by no key that its host publishes" in reason(run)
    assert elsewhere.requests == []


async def test_another_key_is_refused_also_for_the_same_card_and_the_same_key_may_change_it(tmp_path: Path) -> None:
    published = {"keys": [public(OURS)]}
    async with hosted(signer=signer(OURS), jwks=published) as host:
        await used(host, tmp_path, require_signature=True)
        host.card.description = "Finds trains."
        del host.card.signatures[:]
        signer(OURS)(host.card)
        changed = await used(host, tmp_path, require_signature=True)
        del host.card.signatures[:]
        signer(THEIRS)(host.card)
        published["keys"] = [public(THEIRS)]
        taken_over = await used(host, tmp_path, require_signature=True)
        signer(OURS)(host.card)  # both have signed it, as while keys are rotated
        published["keys"] = [public(THEIRS), public(OURS)]
        by_both = await used(host, tmp_path, require_signature=True)
    assert reason(changed) == ""
    assert "is signed by another key than the pinned one" in reason(taken_over)
    assert reason(by_both) == ""


async def test_a_card_with_more_signatures_than_anybody_makes_is_refused_unread(tmp_path: Path) -> None:
    async with hosted(jwks={"keys": [public(OURS)]}) as host:
        for _ in range(9):
            signer(OURS)(host.card)
        run = await used(host, tmp_path)
    assert "has 9 signatures; 8 are looked at" in reason(run)


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
async def test_a_card_that_has_changed_is_used_again_after_refresh_has_shown_what(tmp_path: Path, signed: bool) -> None:
    planrail = Command(tmp_path)
    (tmp_path / "a.script").write_text('a = delegate("flights", "say hello")\nanswer(a)\n')

    async def told(*arguments: str) -> str:
        done = await asyncio.to_thread(planrail, *arguments)
        return done.out + done.err

    made = {"signer": signer(OURS), "jwks": {"keys": [public(OURS)]}} if signed else {}
    async with hosted(**made) as host:
        added = await told("agents", "add", host.url, "--name", "flights")
        host.card.description = "Finds \x1b[31mtrains."
        del host.card.signatures[:]
        refused = await told("run", "--script", "a.script")
        refreshed = await told("agents", "refresh", "flights")
        runs = await told("run", "--script", "a.script")
    assert ("not signed by" in added) != signed
    assert "The card of flights has changed: description." in refused
    assert "description: Finds flights. -> Finds [31mtrains." in refreshed
    assert "not signed by a key of its host" in refreshed
    assert "\ndone\nhello\n" in runs
