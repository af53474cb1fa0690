"""ObjectArtifacts: the artifact store behind any URL of fsspec: s3://…, gs://…, sftp://…, file:///…, memory://….

An object lies under the two first characters of its hash. It is there whole or not at all: an object store's put is atomic,
elsewhere the bytes are written under a temporary name and moved. The hash is verified at each reading.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from executor.artifacts import Artifact, artifact_of, unknown, verified
from executor.errors import ArtifactsUnreachable

T = TypeVar("T")
_HASH = re.compile("[0-9a-f]{64}")

AWAY_S = 60.0  # a store that does not answer for longer is ArtifactsUnreachable
_PAUSE_S = 0.25
_ATOMIC = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "memory"))  # a put is whole or not
_LASTING = frozenset((errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.ENAMETOOLONG))
_HINT = "Check PLANRAIL_ARTIFACTS_URL, its credentials and its network; `planrail doctor` tries it."


class ObjectArtifacts:
    """Artifacts as objects below a URL; safe to call from any thread, of any number of processes and machines.

    `away_s` is how long a store that does not answer is tried again; `pause` waits between two tries.
    """

    def __init__(self, url: str, *, away_s: float = AWAY_S, pause: Callable[[float], object] = time.sleep) -> None:
        self.url = shown_url(url)
        self._written = url
        self._away_s = away_s
        self._pause = pause
        self._lock = threading.Lock()
        self._opened: tuple[Any, str] | None = None
        if "://" not in url:
            hint = "Write it with its scheme: s3://bucket/folder, gs://bucket/folder, file:///folder."
            raise ArtifactsUnreachable(f"{self.url} is no URL of an artifact store.", hint=hint)
        _driver(url, self.url)

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact:
        """Store the bytes unless they are there; raises ArtifactTooLarge and ArtifactsUnreachable."""
        made = artifact_of(content, media_type=media_type, rows=rows)

        def write(fs: Any, root: str) -> None:
            path = _path(root, made.hash)
            if _is_local(fs) and _size(fs, path) == made.size:
                with suppress(FileNotFoundError):
                    os.utime(path)  # so that nobody removes it now
                    return
            _written(fs, path, content)  # an object's time is that of its writing

        self._patiently("written", write)
        return made

    def get(self, content_hash: str) -> bytes:
        """The bytes; raises UnknownArtifact, ArtifactLost and ArtifactsUnreachable."""
        if _HASH.fullmatch(content_hash) is None:
            raise unknown(content_hash)  # it would be a path

        def read(fs: Any, root: str) -> bytes | None:
            try:
                return bytes(fs.cat_file(_path(root, content_hash)))
            except FileNotFoundError:
                if _is_local(fs) and not os.path.isdir(root):
                    raise OSError(f"the folder {root} is not there") from None
                return None

        found = self._patiently("read", read)
        if found is None:
            raise unknown(content_hash)
        return verified(found, content_hash)

    def names(self) -> Iterator[str]:
        """The hashes of all that there are."""
        found = self._patiently("read", lambda fs, root: [str(path).rpartition("/")[2] for path in fs.find(root)])
        return (name for name in found if _HASH.fullmatch(name) is not None)

    def put_at(self, content_hash: str) -> datetime | None:
        """When it was put in last, by the store's clock; None where it is not there. Raises ArtifactsUnreachable."""
        if _HASH.fullmatch(content_hash) is None:
            return None

        def look(fs: Any, root: str) -> datetime | None:
            try:
                at: datetime = fs.modified(_path(root, content_hash))
            except FileNotFoundError:
                return None
            return at if at.tzinfo is not None else at.replace(tzinfo=UTC)

        return self._patiently("read", look)

    def forget(self, content_hash: str, put_at: datetime) -> bool:
        """Remove it unless it was put in again since; whether it is gone. Raises ArtifactsUnreachable."""
        at = self.put_at(content_hash)
        if at is None or at > put_at:
            return at is None

        def remove(fs: Any, root: str) -> None:
            with suppress(FileNotFoundError):
                fs.rm_file(_path(root, content_hash))

        self._patiently("written", remove)
        return True

    def try_out(self) -> None:
        """Write, read and remove an object of no meaning, at once or not at all; raises ArtifactsUnreachable."""

        def act(fs: Any, root: str) -> None:
            path, content = f"{root}/planrail-{secrets.token_hex(8)}", secrets.token_bytes(16)
            _written(fs, path, content)
            read = bytes(fs.cat_file(path))
            fs.rm_file(path)
            if read != content:
                raise OSError("it does not give back what was written")

        self._attempt("written", act)

    def _patiently(self, what: str, act: Callable[[Any, str], T]) -> T:
        until = time.monotonic() + self._away_s
        while True:
            try:
                return self._attempt(what, act)
            except ArtifactsUnreachable as error:
                if time.monotonic() >= until or _is_lasting(error.__cause__):
                    raise
            self._pause(_PAUSE_S)

    def _attempt(self, what: str, act: Callable[[Any, str], T]) -> T:
        try:
            return act(*self._open())
        except Exception as error:  # the boundary to foreign code: each driver has errors of its own
            told = str(error).partition("\n")[0][:200] or type(error).__name__
            told = told.replace(self._written, self.url).rstrip(".")
            raise ArtifactsUnreachable(f"The artifact store {self.url} cannot be {what}: {told}.", hint=_HINT) from error

    def _open(self) -> tuple[Any, str]:
        """The file system and the path of its root; a driver may connect here."""
        with self._lock:
            if self._opened is None:
                import fsspec  # noqa: PLC0415  # an optional dependency

                fs, root = fsspec.core.url_to_fs(self._written, use_listings_cache=False, skip_instance_cache=True)
                root = str(root).rstrip("/")
                if _is_local(fs):
                    os.makedirs(root, exist_ok=True)
                self._opened = fs, root
            return self._opened


def shown_url(url: str) -> str:
    """The URL without a password or a query, which may hold keys."""
    parts = urlsplit(url)
    if parts.password is not None:
        parts = parts._replace(netloc=f"{parts.username}:***@{parts.netloc.rpartition('@')[2]}")
    return urlunsplit(parts._replace(query="***" if parts.query else ""))


def is_local(url: str) -> bool:
    """Whether the URL names a folder of this machine."""
    return url.startswith(("file://", "local://"))


def _driver(url: str, shown: str) -> None:
    """Raise ArtifactsUnreachable where what the URL's scheme needs is not installed."""
    try:
        import fsspec  # noqa: PLC0415  # an optional dependency
    except ModuleNotFoundError as error:
        raise ArtifactsUnreachable(
            "What object stores need is not installed.", hint='pip install "planrail[objects]"'
        ) from error
    try:
        fsspec.get_filesystem_class(url.partition("://")[0].rpartition("::")[2])
    except (ImportError, ValueError) as error:
        told = str(error).partition("\n")[0].rstrip(".")
        hint = "Each kind of store has a driver of its own: s3fs for s3://, gcsfs for gs://, adlfs for abfs://."
        raise ArtifactsUnreachable(f"The artifact store {shown} cannot be opened: {told}.", hint=hint) from error


def _path(root: str, name: str) -> str:
    return f"{root}/{name[:2]}/{name}"


def _size(fs: Any, path: str) -> int | None:
    """The size of what is there; None for nothing."""
    try:
        size = fs.info(path)["size"]
    except FileNotFoundError:
        return None
    return None if size is None else int(size)


def _written(fs: Any, path: str, content: bytes) -> None:
    """Put the bytes there, whole or not at all; whoever writes the same at the same time does no harm."""
    protocols = {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)
    if _is_local(fs):
        _write_durably(Path(path), content)
    elif protocols & _ATOMIC:
        fs.pipe_file(path, content)
    else:
        aside = f"{path}.{secrets.token_hex(8)}.tmp"
        fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        fs.pipe_file(aside, content)
        fs.mv(aside, path)


def _write_durably(path: Path, content: bytes) -> None:
    """A file that is on the disk, with its name, when this returns; as the journal's commits are."""
    if not path.parent.is_dir():
        path.parent.mkdir(exist_ok=True)  # the root has to be there: a disk that is not mounted is not written beside
        _sync(path.parent.parent)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    if os.name == "nt":
        return  # a folder cannot be opened there
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_local(fs: Any) -> bool:
    return "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)


def _is_lasting(error: BaseException | None) -> bool:
    """Whether waiting does not mend it: no right, no room, no driver."""
    if isinstance(error, PermissionError | ImportError | ValueError | TypeError):
        return True
    return isinstance(error, OSError) and error.errno in _LASTING
