"""Nothing leaves the workspace, and a file is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from executor.artifacts import MemoryArtifacts
from executor.builtin import workspace
from executor.builtin.files import files_tools
from executor.builtin.handle import MAX_INLINE_BYTES, Unfit
from executor.call import call_tool
from executor.tool import ToolContext, ToolDone, ToolFailed, ToolResult
from planner.toolspec import Json

TOOLS = files_tools()


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    (tmp_path / "work").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    return ToolContext(key="k", artifacts=MemoryArtifacts(), workspace=tmp_path / "work")


def root(context: ToolContext) -> Path:
    assert context.workspace is not None
    return context.workspace


async def do(context: ToolContext, name: str, /, **arguments: Json) -> ToolResult:
    return await call_tool(TOOLS[f"files.{name}"], arguments, context)


async def give(context: ToolContext, name: str, /, **arguments: Json) -> Any:
    result = await do(context, name, **arguments)
    assert isinstance(result, ToolDone), result
    return result.value


async def kind(context: ToolContext, name: str, /, **arguments: Json) -> str:
    result = await do(context, name, **arguments)
    assert isinstance(result, ToolFailed), result
    return result.kind


def test_the_contracts_say_what_matters() -> None:
    specs = TOOLS.specs
    assert {n: (s.effect, s.idempotent, s.sensitive, s.open_world) for n, s in specs.items()} == {
        "files.list": ("read", False, (), False),
        "files.read": ("read", False, (), False),
        "files.write": ("write", True, ("path",), False),
        "files.delete": ("irreversible", False, ("path",), False),
    }
    assert specs["files.read"].labels == {"content": "untrusted"}


async def test_a_file_is_written_listed_read_and_deleted(context: ToolContext) -> None:
    assert await give(context, "write", path="a/b/ü.txt", content="hello") == {"path": "a/b/ü.txt", "size": 5}
    await give(context, "write", path="a/b/ü.txt", content="hello again")
    listing = await give(context, "list", folder="a", pattern="*.txt")
    assert [(f["path"], f["size"]) for f in listing["files"]] == [("a/b/ü.txt", 11)]
    assert await give(context, "read", path="a/b/ü.txt") == {"content": "hello again", "size": 11}
    assert await give(context, "delete", path="a/b/ü.txt") is None
    assert await kind(context, "read", path="a/b/ü.txt") == "not_found"
    assert await kind(context, "delete", path="a/b/ü.txt") == "not_found"
    assert os.listdir(root(context) / "a" / "b") == []


async def test_long_and_binary_files_are_handles_and_handles_can_be_written(context: ToolContext) -> None:
    (root(context) / "long.txt").write_bytes(b"x" * (MAX_INLINE_BYTES + 1))
    (root(context) / "image").write_bytes(b"\xff\x00")
    long, image = [(await give(context, "read", path=p))["content"] for p in ("long.txt", "image")]
    assert (long["size"], image["size"]) == (MAX_INLINE_BYTES + 1, 2)
    await give(context, "write", path="copy", content=image)
    assert (root(context) / "copy").read_bytes() == b"\xff\x00"


async def test_a_listing_says_when_there_are_more(context: ToolContext) -> None:
    for name in "abc":
        (root(context) / name).touch()
    listing = await give(context, "list", limit=2)
    assert ([f["path"] for f in listing["files"]], listing["more"]) == (["a", "b"], True)
    assert (await give(context, "list", limit=3))["more"] is False


ESCAPES = [
    "../secret.txt", "/etc/passwd", "a/../../secret.txt", "..", ".", "", "a//b", "./a", "a/", "a\\..\\b", "a\0b", "a\nb",
    "x" * 256, "ä" * 128, "/".join("a" * 33), "a/./b", "..\\secret.txt", ".planrail-1", "~/../x",
]  # fmt: skip


@pytest.mark.parametrize("path", ESCAPES)
async def test_a_path_that_is_not_plain_is_refused(context: ToolContext, path: str) -> None:
    for name, more in (("read", {}), ("write", {"content": "x"}), ("delete", {})):
        assert await kind(context, name, path=path, **more) == "refused"
    assert sorted(os.listdir(root(context).parent)) == ["secret.txt", "work"]


async def test_links_lead_nowhere(context: ToolContext) -> None:
    (root(context) / "link.txt").symlink_to("../secret.txt")
    (root(context) / "out").symlink_to("..")
    (root(context) / "loop").symlink_to("loop")
    for path in ("link.txt", "out/secret.txt", "out/new.txt", "loop", "out"):
        assert await kind(context, "read", path=path) in ("refused", "not_found")
        assert await kind(context, "write", path=path, content="x") == "refused"
        assert await kind(context, "delete", path=path) in ("refused", "not_found")
    assert (await give(context, "list"))["files"] == []
    assert await kind(context, "list", folder="out") == "refused"
    assert (root(context).parent / "secret.txt").read_text() == "secret"


async def test_devices_fifos_and_folders_are_no_files(context: ToolContext) -> None:
    os.mkfifo(root(context) / "fifo")
    (root(context) / "folder").mkdir()
    for path in ("fifo", "folder"):
        for name, more in (("read", {}), ("write", {"content": "x"}), ("delete", {})):
            assert await kind(context, name, path=path, **more) == "refused"
    assert (await give(context, "list"))["files"] == []


async def test_a_name_that_differs_in_case_or_composition_only_is_refused(context: ToolContext) -> None:
    await give(context, "write", path="Folder/Ä.txt", content="x")
    for path in ("folder/new.txt", "Folder/ä.TXT", "Folder/A\u0308.txt"):
        assert await kind(context, "write", path=path, content="y") == "refused"
    await give(context, "write", path="Folder/Ä.txt", content="z")


async def test_a_run_without_a_workspace_has_no_files() -> None:
    result = await do(ToolContext(key="k"), "list")
    assert result == ToolFailed("This run has no workspace.", "refused")


async def test_a_write_that_fails_leaves_the_old_file_and_no_trace(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    await give(context, "write", path="a.txt", content="old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert await do(context, "write", path="a.txt", content="new") == ToolFailed("a.txt: No space left on device.", "failed")
    assert {p.name: p.read_text() for p in root(context).iterdir()} == {"a.txt": "old"}


def test_a_link_swapped_in_while_files_are_read_and_written_never_leads_out(tmp_path: Path) -> None:
    inside, outside = tmp_path / "work", tmp_path / "outside"
    for folder in (inside / "d", outside):
        folder.mkdir(parents=True)
        (folder / "f").write_text(folder.name)
    (inside / "link").symlink_to("../outside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):  # a write has made the folder anew meanwhile
                os.rename(inside / "d", inside / "kept")
                os.rename(inside / "link", inside / "d")
                os.rename(inside / "d", inside / "link")
            if (inside / "d").is_dir():
                shutil.rmtree(inside / "d", ignore_errors=True)
            with contextlib.suppress(OSError):
                os.rename(inside / "kept", inside / "d")

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen: set[bytes | str] = set()
    try:
        for _ in range(500):
            with _noted(seen):
                seen.add(workspace.read(inside, "d/f"))
            with _noted(seen):
                workspace.write(inside, "d/g", b"mine")
    finally:
        stop.set()
        swapping.join()
    assert b"outside" not in seen
    assert {b"d", "refused"} <= seen
    assert os.listdir(outside) == ["f"]


@contextlib.contextmanager
def _noted(seen: set[bytes | str]) -> Iterator[None]:
    try:
        yield
    except Unfit as unfit:
        seen.add(unfit.kind)


PIECES = st.sampled_from(["..", ".", "", "a", "B", "link", "out", "/", "\\", "\0", "~", "ü", "secret.txt", "%2e%2e", "..;"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.lists(PIECES, max_size=6).map("/".join) | st.text(max_size=12))
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    inside = tmp_path / "work"
    if not inside.exists():
        inside.mkdir()
        (tmp_path / "secret.txt").write_text("secret")
        (inside / "link").symlink_to("../secret.txt")
        (inside / "out").symlink_to("..")
    try:
        workspace.write(inside, path, b"mine")
    except Unfit:
        pass
    else:
        assert workspace.read(inside, path) == b"mine"
    assert sorted(os.listdir(tmp_path)) == ["secret.txt", "work"]
    assert (tmp_path / "secret.txt").read_text() == "secret"
