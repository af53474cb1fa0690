"""The artifact store's contract, over every store; and what the stores behind a URL do beyond it."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from executor.artifacts import MAX_BYTES, Artifact, Artifacts, MemoryArtifacts, ReadThrough, content_hash
from executor.errors import ArtifactLost, ArtifactsUnreachable, ArtifactTooLarge, UnknownArtifact
from executor.journal.artifacts import SqlArtifacts
from executor.journal.sql import SqlJournal
from executor.objects import ObjectArtifacts, shown_url

TABLE = b"a,b\n1,2\n"
HASH = content_hash(TABLE)


def memory_url() -> str:
    return f"memory://{secrets.token_hex(6)}/artifacts"


@pytest.fixture(params=["memory", "sqlite", "postgres", "file://", "memory://", "both"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Artifacts]:
    match request.param:
        case "memory":
            yield MemoryArtifacts()
        case "file://":
            yield ObjectArtifacts(f"file://{tmp_path}/artifacts")
        case "memory://":
            yield ObjectArtifacts(memory_url())
        case "both":
            yield ReadThrough(ObjectArtifacts(memory_url()), MemoryArtifacts())
        case database:
            url = f"sqlite:///{tmp_path}/journal.db" if database == "sqlite" else request.getfixturevalue("postgres_url")
            async with await SqlJournal.open(url) as journal:
                yield SqlArtifacts(journal.engine)


async def test_bytes_are_kept_once_by_their_content_however_many_put_them_at_once(store: Artifacts) -> None:
    puts = (asyncio.to_thread(store.put, TABLE, media_type="text/csv", rows=1) for _ in range(8))
    made = await asyncio.gather(*puts)

    assert made == [Artifact(hash=HASH, media_type="text/csv", size=8, rows=1)] * 8
    assert store.get(HASH) == TABLE


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 40_000], ids=["nothing", "binary"])
def test_any_bytes_come_back_as_they_were(store: Artifacts, content: bytes) -> None:
    made = store.put(content, media_type="application/octet-stream")
    assert (store.get(made.hash), made.size) == (content, len(content))


@pytest.mark.parametrize("name", ["0" * 64, "", "../../etc/passwd"])
def test_a_hash_that_nothing_has_is_told(store: Artifacts, name: str) -> None:
    with pytest.raises(UnknownArtifact, match="No artifact has the hash") as caught:
        store.get(name)
    assert not isinstance(caught.value, ArtifactLost)


def test_an_artifact_has_a_largest_size(store: Artifacts) -> None:
    with pytest.raises(ArtifactTooLarge, match="67,108,864"):
        store.put(bytes(MAX_BYTES + 1), media_type="application/octet-stream")


# -- behind a URL


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_an_object_is_a_file_under_its_hash_and_nothing_else_is_left(tmp_path: Path) -> None:
    store = ObjectArtifacts(f"file://{tmp_path}")
    store.put(TABLE, media_type="text/csv")
    store.put(TABLE, media_type="text/csv")
    store.try_out()
    assert files(tmp_path) == [f"{HASH[:2]}/{HASH}"]


@pytest.mark.parametrize("left", [b"", TABLE[:3], TABLE[::-1]], ids=["empty", "cut", "changed"])
def test_an_object_that_is_not_what_was_stored_is_lost_and_not_given(tmp_path: Path, left: bytes) -> None:
    store = ObjectArtifacts(f"file://{tmp_path}")
    store.put(TABLE, media_type="text/csv")
    (tmp_path / HASH[:2] / HASH).write_bytes(left)
    with pytest.raises(ArtifactLost, match=f"The artifact {HASH[:12]}… is damaged"):
        store.get(HASH)


def test_an_object_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    store = ObjectArtifacts(f"file://{tmp_path}")
    store.put(TABLE, media_type="text/csv")
    (tmp_path / HASH[:2] / HASH).write_bytes(TABLE[:3])
    store.put(TABLE, media_type="text/csv")
    assert store.get(HASH) == TABLE


def test_a_write_that_fails_leaves_nothing_under_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(handle: int) -> None:
        raise OSError(28, "No space left on device")

    store = ObjectArtifacts(f"file://{tmp_path}", pause=pytest.fail)
    monkeypatch.setattr("executor.objects.os.fsync", fails)
    (tmp_path / HASH[:2]).mkdir()
    with pytest.raises(ArtifactsUnreachable, match=r"cannot be written: .*No space left"):
        store.put(TABLE, media_type="text/csv")
    assert files(tmp_path) == []


async def test_processes_that_put_the_same_bytes_at_once_leave_one_whole_object(tmp_path: Path) -> None:
    program = (
        "import sys; from executor.objects import ObjectArtifacts\n"
        "for i in range(30): ObjectArtifacts(sys.argv[1]).put(bytes([i]) * 200_000, media_type='x/y')"
    )
    url = f"file://{tmp_path}/artifacts"
    children = [await asyncio.create_subprocess_exec(sys.executable, "-c", program, url) for _ in range(4)]
    async with asyncio.timeout(60):
        assert [await child.wait() for child in children] == [0] * 4
    store = ObjectArtifacts(url)
    made = [bytes([i]) * 200_000 for i in range(30)]
    assert [store.get(content_hash(content)) for content in made] == made
    assert len(files(tmp_path)) == 30


def test_a_file_system_without_atomic_puts_gets_the_bytes_under_another_name_first() -> None:
    from fsspec.implementations.memory import MemoryFileSystem  # noqa: PLC0415

    class Slow(MemoryFileSystem):  # type: ignore[misc]  # fsspec is untyped
        protocol = "slow"
        store: dict[str, Any] = {}  # noqa: RUF012  # as its parent has it
        moved: list[tuple[str, str]] = []  # noqa: RUF012

        def mv(self, path1: str, path2: str, *more: Any, **others: Any) -> None:
            self.moved.append((path1, path2))
            super().mv(path1, path2, *more, **others)

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return str(super()._strip_protocol(path.replace("slow://", "memory://")))

    fsspec.register_implementation("slow", Slow, clobber=True)
    store = ObjectArtifacts("slow://shelf")
    store.put(TABLE, media_type="text/csv")
    assert store.get(HASH) == TABLE
    ((aside, name),) = Slow.moved
    assert name.endswith(f"/{HASH[:2]}/{HASH}")
    assert aside.startswith(f"{name}.")


def test_a_store_that_is_away_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    here, away = tmp_path / "mounted", tmp_path / "away"
    waits: list[float] = []

    def mount(seconds: float) -> None:
        waits.append(seconds)
        away.rename(here)

    store = ObjectArtifacts(f"file://{here}", pause=mount)
    for act in (lambda: store.put(TABLE, media_type="text/csv"), lambda: store.get(HASH)):
        store.try_out()
        here.rename(away)
        act()
    assert store.get(HASH) == TABLE
    assert len(waits) == 2


def test_a_folder_that_stays_away_is_an_error_that_names_it_and_not_a_lost_artifact(tmp_path: Path) -> None:
    store = ObjectArtifacts(f"file://{tmp_path}/mounted", away_s=0.05)
    store.put(TABLE, media_type="text/csv")
    (tmp_path / "mounted").rename(tmp_path / "away")
    with pytest.raises(ArtifactsUnreachable, match=r"cannot be read: the folder .* is not there"):
        store.get(HASH)


def test_a_server_that_does_not_answer_is_tried_again_and_then_told_without_its_password() -> None:
    pauses: list[float] = []
    store = ObjectArtifacts("ftp://ann:sesame@127.0.0.1:1/shelf", away_s=0.05, pause=pauses.append)
    with pytest.raises(ArtifactsUnreachable) as caught:
        store.put(TABLE, media_type="text/csv")
    told = f"{caught.value} {caught.value.hint}"
    assert "ftp://ann:***@127.0.0.1:1/shelf cannot be written" in told
    assert "PLANRAIL_ARTIFACTS_URL" in told
    assert "sesame" not in told
    assert pauses


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("/srv/artifacts", "no URL of an artifact store"),
        ("nowhere://x", "cannot be opened: Protocol not known: nowhere"),
    ],
)
def test_a_url_that_names_no_store_is_told_at_once(url: str, told: str) -> None:
    with pytest.raises(ArtifactsUnreachable, match=told):
        ObjectArtifacts(url)


def test_keys_do_not_show() -> None:
    assert shown_url("s3://key:secret@bucket/a?token=abc") == "s3://key:***@bucket/a?***"


# -- a database that held artifacts before it was given a URL


def test_older_artifacts_are_read_where_they_are_and_new_ones_go_to_the_url() -> None:
    old, objects = MemoryArtifacts(), ObjectArtifacts(memory_url())
    before = old.put(b"before", media_type="x/y")
    both = ReadThrough(objects, old)
    after = both.put(b"after", media_type="x/y")
    assert (both.get(before.hash), both.get(after.hash)) == (b"before", b"after")
    with pytest.raises(UnknownArtifact):
        old.get(after.hash)


def test_what_is_damaged_in_the_one_is_read_from_the_other(tmp_path: Path) -> None:
    old, objects = MemoryArtifacts(), ObjectArtifacts(f"file://{tmp_path}")
    both = ReadThrough(objects, old)
    both.put(TABLE, media_type="text/csv")
    (tmp_path / HASH[:2] / HASH).write_bytes(b"?")
    with pytest.raises(ArtifactLost):
        both.get(HASH)
    old.put(TABLE, media_type="text/csv")
    assert both.get(HASH) == TABLE
