"""Decoding of HTTP bodies within bounds: what a body unfolds to is counted while it unfolds."""

from __future__ import annotations

import zlib
from typing import Protocol

from executor.builtin.handle import Unfit


class _Decompressor(Protocol):
    """What zlib's decompression objects do."""

    @property
    def eof(self) -> bool: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class BoundedBody:
    """Collects a body of at most `limit` bytes, before as after decompression; raises Unfit above it."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._encoding = encoding.strip().lower()
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Unfit(f"The server used the encoding {self._encoding[:40]!r}, which was not asked for.", "failed")
        self._limit = limit
        self._received = 0
        self._content = bytearray()
        self._inflating: _Decompressor | None = None

    def feed(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > self._limit:
            raise self._too_large()
        if self._encoding in ("", "identity"):
            self._content += data
            return
        try:
            while data:
                data = self._inflate(data)
        except zlib.error as error:
            raise Unfit("The server sent a compressed body that is broken.", "failed") from error

    def _inflate(self, data: bytes) -> bytes:
        """Decompress one piece; return what is left of the data (the next member of a gzip body)."""
        if self._inflating is None or self._inflating.eof:
            self._inflating = self._decompressor(data)
        self._content += self._inflating.decompress(data, self._limit + 1 - len(self._content))
        if len(self._content) > self._limit:
            raise self._too_large()
        return self._inflating.unused_data if self._inflating.eof else self._inflating.unconsumed_tail

    def _decompressor(self, data: bytes) -> _Decompressor:
        if self._encoding != "deflate":
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        headed = data[0] & 0x0F == 8  # RFC 9110 says zlib; some servers send bare deflate
        return zlib.decompressobj(zlib.MAX_WBITS if headed else -zlib.MAX_WBITS)

    def _too_large(self) -> Unfit:
        return Unfit(f"The answer is larger than {self._limit:,} bytes.", "failed")

    def whole(self) -> bytes:
        """The body, when its end was reached; raises Unfit when it was cut off."""
        if self._inflating is not None and not self._inflating.eof:
            raise Unfit("The server's answer was cut off.", "transient")
        return bytes(self._content)
