"""Workspace: one folder that nothing leaves, walked by file descriptors so that no link made meanwhile leads out.

Every folder of a path is opened below the one before it with O_NOFOLLOW: what was checked is what is used. A path is
relative, with `/`, without `..`, and names nothing but regular files and folders.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from executor.builtin.handle import MAX_BYTES, Unfit

MAX_NAME = 255  # bytes
MAX_PARTS = 32
_TEMPORARY = ".planrail-"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file of the workspace; `modified` is seconds since the epoch."""

    path: str
    size: int
    modified: float


def parts_of(path: str) -> tuple[str, ...]:
    """The names that a path consists of; raises Unfit for one that is not relative, plain and inside."""
    parts = tuple(path.split("/"))
    if len(parts) > MAX_PARTS:
        raise Unfit(f"The path has more than {MAX_PARTS} parts.", "refused")
    for part in parts:
        if part in ("", ".", "..") or part.startswith(_TEMPORARY):
            raise Unfit("A path is relative, inside the workspace and without `..`, like `reports/may.csv`.", "refused")
        if "\\" in part or any(unicodedata.category(c) in ("Cc", "Cs") for c in part):
            raise Unfit("A path has no backslash, null or control character.", "refused")
        if len(part.encode()) > MAX_NAME:
            raise Unfit(f"A name in a path has at most {MAX_NAME} bytes.", "refused")
    return parts


@contextlib.contextmanager
def _opened(root: Path, folders: tuple[str, ...], *, create: bool = False) -> Iterator[int]:
    """A descriptor of the folder; missing ones are made with `create`."""
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in folders:
            if create:
                _unambiguous(at, name)
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=at)
            below = os.open(name, _FOLDER, dir_fd=at)
            os.close(at)
            at = below
        yield at
    finally:
        os.close(at)


@contextlib.contextmanager
def _said(path: str) -> Iterator[None]:
    """What the system refuses, as an Unfit that says why."""
    try:
        yield
    except FileNotFoundError as error:
        raise Unfit(f"There is no file {path}.", "not_found") from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.EMLINK):
            raise Unfit(f"{path} is or passes something else than a plain file in plain folders.", "refused") from error
        raise Unfit(f"{path}: {error.strerror}.", "failed") from error


@contextlib.contextmanager
def opened(root: Path, path: str) -> Iterator[BufferedReader]:
    """A regular file, open for reading."""
    *folders, name = parts_of(path)
    with _said(path), _opened(root, tuple(folders)) as folder, os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Unfit(f"{path} is no regular file.", "refused")
        yield file


def read(root: Path, path: str) -> bytes:
    """The content of a regular file."""
    with opened(root, path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise Unfit(f"{path} is larger than {MAX_BYTES:,} bytes.")
    return content


def write(root: Path, path: str, content: bytes) -> None:
    """Put the content in place at once: readers see the old file or the new one, whole."""
    *folders, name = parts_of(path)
    root.mkdir(parents=True, exist_ok=True)  # a run that writes nothing needs no folder
    with _said(path), _opened(root, tuple(folders), create=True) as folder:
        _unambiguous(folder, name)
        _regular_or_missing(folder, name, path)
        temporary = _TEMPORARY + secrets.token_hex(8)
        target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder)
        try:
            with os.fdopen(target, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            raise
        os.fsync(folder)


def delete(root: Path, path: str) -> None:
    """Remove a regular file."""
    *folders, name = parts_of(path)
    with _said(path), _opened(root, tuple(folders)) as folder:
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise Unfit(f"{path} is no regular file.", "refused")
        os.unlink(name, dir_fd=folder)


def entries(root: Path, folder: str) -> Iterator[Entry]:
    """Every regular file below the folder ("" is the workspace), by name; links are not followed and not listed."""
    parts = parts_of(folder) if folder else ()
    with _said(folder or "."), _opened(root, parts) as at:
        yield from _below(at, folder, MAX_PARTS - len(parts))


def _below(at: int, prefix: str, depth: int) -> Iterator[Entry]:
    with os.scandir(at) as scanned:
        found = sorted(scanned, key=lambda entry: entry.name)
    for entry in found:
        path = f"{prefix}/{entry.name}" if prefix else entry.name
        if entry.name.startswith(_TEMPORARY) or not _printable(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False) and depth > 1:
            with contextlib.suppress(OSError), _descended(at, entry.name) as below:
                yield from _below(below, path, depth - 1)
        elif entry.is_file(follow_symlinks=False):
            with contextlib.suppress(FileNotFoundError):  # gone meanwhile
                about = entry.stat(follow_symlinks=False)
                yield Entry(path, about.st_size, about.st_mtime)


def _printable(name: str) -> bool:
    with contextlib.suppress(Unfit):
        return len(parts_of(name)) == 1
    return False


@contextlib.contextmanager
def _descended(at: int, name: str) -> Iterator[int]:
    below = os.open(name, _FOLDER, dir_fd=at)
    try:
        yield below
    finally:
        os.close(below)


def _unambiguous(folder: int, name: str) -> None:
    """Refuse a name that elsewhere would be the same file as one that is there: other case, other composition."""
    for present in os.listdir(folder):
        if present != name and _folded(present) == _folded(name):
            raise Unfit(f"There is `{present}` already, which differs from `{name}` in case or accents only.", "refused")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _regular_or_missing(folder: int, name: str, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise Unfit(f"{path} is no regular file.", "refused")
