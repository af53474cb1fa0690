"""What a journal's database holds of API keys, over every implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from journal_contract import NOON

from executor.api_keys import ApiKeys, MemoryApiKeys, StoredKey
from executor.journal.sql import SqlJournal

HOUR = timedelta(hours=1)
ONE = StoredKey(
    name="night", hash="h1", principal="ann", kind="user", scopes=frozenset(("approve", "run")), tenants=frozenset(("acme",)),
    created_at=NOON, expires_at=NOON + HOUR,
)  # fmt: skip


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def keys(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[ApiKeys]]:
    """One, or two over the same database."""
    if request.param == "memory":
        yield [MemoryApiKeys()] * 2
    else:
        url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
        async with await SqlJournal.open(url) as one, await SqlJournal.open(url) as other:
            yield [one.keys, other.keys]


async def test_a_key_is_found_by_its_hash_as_it_was_made_in_every_process(keys: list[ApiKeys]) -> None:
    assert await keys[0].add(ONE)
    assert await keys[1].by_hash("h1") == ONE
    assert await keys[1].by_hash("h2") is None
    assert [k.name for k in await keys[1].find()] == ["night"]


async def test_a_name_is_one_good_key_and_free_again_when_that_is_revoked_or_over(keys: list[ApiKeys]) -> None:
    second = ONE.model_copy(update={"hash": "h2", "created_at": NOON + HOUR / 2})
    third = ONE.model_copy(update={"hash": "h3", "created_at": NOON + 2 * HOUR, "expires_at": None})
    added = [await keys[n % 2].add(key) for n, key in enumerate((ONE, second, third))]
    assert added == [True, False, True]
    revoked = await keys[0].revoke("night", NOON + 3 * HOUR)
    assert revoked is not None
    assert revoked.hash == "h3"
    found = await keys[1].by_hash("h3")
    assert found == revoked
    assert found is not None
    assert (found.opens(NOON + 3 * HOUR), await keys[1].add(third.model_copy(update={"hash": "h4"}))) == (False, True)
    assert await keys[0].revoke("other", NOON) is None


async def test_when_a_key_was_last_used_is_known_to_the_minute(keys: list[ApiKeys]) -> None:
    await keys[0].add(ONE)
    seen = []
    for seconds in (0, 10, 61):
        await keys[seconds % 2].used("h1", NOON + timedelta(seconds=seconds))
        seen.append((await keys[0].find())[0].used_at)
    assert seen == [NOON, NOON, NOON + timedelta(seconds=61)]


def test_a_key_opens_until_it_expires_and_not_once_it_is_revoked() -> None:
    revoked = ONE.model_copy(update={"revoked_at": NOON})
    assert [ONE.opens(NOON), ONE.opens(NOON + HOUR), revoked.opens(NOON)] == [True, False, False]
