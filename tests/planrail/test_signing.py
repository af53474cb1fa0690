"""What the house signs with: one key for all processes, rotated with a grace, sealed in the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from executor.journal.sql import SqlJournal
from planrail.a2a import A2aSettings
from planrail.seal import FILE, Seal, SealBroken, seal_of
from planrail.settings import Settings
from planrail.signing import KeyUnreadable, SigningKeys, key_in
from tests.planrail.command import Command

BOUND_S = 60.0
SECRET = "0123456789abcdef0123456789abcdef"


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
async def houses(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[list[SigningKeys]]:
    """The keys as two processes see them that share a database and a secret."""
    url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    async with await SqlJournal.open(url) as one, await SqlJournal.open(url) as other:
        yield [SigningKeys(j.signing, Seal([SECRET]), now=clock, grace=timedelta(days=7)) for j in (one, other)]


async def kids(house: SigningKeys) -> Sequence[str]:
    return [key.kid for key in await house.signing()]


async def test_all_processes_sign_with_one_key_whichever_makes_it(houses: list[SigningKeys]) -> None:
    async with asyncio.timeout(BOUND_S):
        found = await asyncio.gather(*(kids(house) for house in houses * 5))
    assert [len(one) for one in found] == [1] * 10
    assert len({kid for one in found for kid in one}) == 1


async def test_a_rotated_key_signs_beside_the_new_one_for_its_grace_and_is_gone_then(
    houses: list[SigningKeys], clock: Clock
) -> None:
    one, other = houses
    (old,) = await kids(one)
    new = (await other.rotate()).kid
    assert await kids(one) == [new, old]
    assert [key["kid"] for key in (await one.jwks())["keys"]] == [new, old]  # type: ignore[index,union-attr]
    clock.now += timedelta(days=7)
    assert await kids(one) == [new]
    newest = (await one.rotate()).kid
    assert await kids(other) == [newest, new]


async def test_a_key_that_others_know_is_dropped_at_once(houses: list[SigningKeys]) -> None:
    one, other = houses
    await one.signing()
    new = await one.rotate(drop=True)
    assert await kids(other) == [new.kid]
    assert len((await other.jwks())["keys"]) == 1  # type: ignore[arg-type]


async def test_processes_that_rotate_at_once_each_make_a_key_and_one_is_the_newest(houses: list[SigningKeys]) -> None:
    async with asyncio.timeout(BOUND_S):
        made = await asyncio.gather(*(house.rotate() for house in houses * 3))
    assert sorted(key.generation for key in made) == [1, 2, 3, 4, 5, 6]
    assert (await kids(houses[0]))[0] == max(made, key=lambda key: key.generation).kid


async def test_what_everybody_may_know_of_a_key_proves_what_it_signed_and_holds_nothing_private(
    houses: list[SigningKeys],
) -> None:
    (key,) = await houses[0].signing()
    (public,) = (await houses[1].jwks())["keys"]  # type: ignore[misc]
    assert public == key.public
    assert set(public) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    token = jwt.encode({"of": "it"}, key.private, algorithm=key.algorithm)
    assert jwt.decode(token, jwt.PyJWK(dict(public)), algorithms=["ES256"]) == {"of": "it"}


async def test_no_private_key_stands_in_the_database(tmp_path: Path) -> None:
    async with await SqlJournal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        keys = SigningKeys(journal.signing, Seal([SECRET]), now=Clock(), grace=timedelta())
        (key,) = await keys.signing()
    der = key.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    written = await asyncio.to_thread(lambda: b"".join(path.read_bytes() for path in tmp_path.iterdir()))
    assert key.kid.encode() in written
    assert b"PRIVATE" not in written
    assert der[36:68] not in written  # the number itself


async def test_a_process_with_another_secret_says_so(tmp_path: Path) -> None:
    async with await SqlJournal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        await SigningKeys(journal.signing, Seal([SECRET]), now=Clock(), grace=timedelta()).signing()
        other = SigningKeys(journal.signing, Seal([SECRET[::-1]]), now=Clock(), grace=timedelta())
        with pytest.raises(SealBroken, match="another key") as refused:
            await other.signing()
        assert "a2a.secret_key" in refused.value.hint
        assert (await other.jwks())["keys"]


def test_a_secret_is_replaced_by_putting_a_new_one_before_it(tmp_path: Path) -> None:
    def seal(secrets: str) -> Seal:
        return seal_of(Settings(home=tmp_path, a2a=A2aSettings(secret_key=secrets)))  # type: ignore[arg-type]  # pydantic makes it one

    sealed = seal(SECRET).seal("it")
    both = seal(f"{SECRET[::-1]}, {SECRET}")
    assert both.open(sealed) == "it"
    assert seal(SECRET[::-1]).open(both.seal("it")) == "it"


async def test_without_a_secret_a_file_is_made_once_that_only_its_owner_can_read(tmp_path: Path) -> None:
    seals = [seal_of(Settings(home=tmp_path / "home")) for _ in range(8)]
    async with asyncio.timeout(BOUND_S):
        sealed = await asyncio.gather(*(asyncio.to_thread(seal.seal, "it") for seal in seals))
    assert [seals[0].open(one) for one in sealed] == ["it"] * 8
    assert [path.name for path in (tmp_path / "home").iterdir()] == [FILE]
    assert (tmp_path / "home" / FILE).stat().st_mode & 0o777 == 0o600


def test_a_data_folder_that_cannot_be_written_is_told_with_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder", encoding="utf-8")
    with pytest.raises(SealBroken, match=FILE) as refused:
        seal_of(Settings(home=tmp_path / "home")).seal("it")
    assert "PLANRAIL_A2A_SECRET_KEY" in refused.value.hint


def test_a_key_of_a_file_may_be_of_any_usual_kind(tmp_path: Path) -> None:
    made = {"EdDSA": Ed25519PrivateKey.generate(), "RS256": generate_rsa(65537, 2048)}
    for algorithm, private in made.items():
        file = tmp_path / algorithm
        file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        key = key_in(file)
        assert (key.algorithm, len(key.kid)) == (algorithm, 43)
    (tmp_path / "none").write_text("none", encoding="utf-8")
    with pytest.raises(KeyUnreadable, match="holds no key"):
        key_in(tmp_path / "none")


def test_the_command_rotates_and_tells_what_signs(command: Command) -> None:
    first = command("keys", "rotate", "--json").json
    second = command("keys", "rotate", "--json").json
    assert (first["beside"], second["beside"]) == ([], [first["kid"]])
    told = command("keys", "rotate").out
    assert f"beside  {second['kid']}  for at most 7 days" in told
    assert command("keys", "rotate", "--drop", "--json").json["beside"] == []
