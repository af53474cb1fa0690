"""The smallest picture and the smallest sound, and how a fixture says what it gives."""

from __future__ import annotations

import base64
import struct
import zlib

from mcp.types import CallToolResult, ContentBlock, TextContent

from mcp_server.offer import Offer
from planner.toolspec import JsonSchema

NOTHING: JsonSchema = {"type": "object", "properties": {}, "additionalProperties": False}


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


PNG = _b64(
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\x00\xff\x00\x00"))
    + _chunk(b"IEND", b"")
)
WAV = _b64(
    b"RIFF" + struct.pack("<I", 38) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    + b"data" + struct.pack("<I", 1) + b"\x80\x00"
)  # fmt: skip


def result(*content: ContentBlock | str, is_error: bool = False) -> CallToolResult:
    return CallToolResult(content=[text(c) if isinstance(c, str) else c for c in content], is_error=is_error)


def text(said: str) -> TextContent:
    return TextContent(type="text", text=said)


def offer(name: str, handle, schema: JsonSchema = NOTHING) -> Offer:
    return Offer(name, name, f"A fixture of the conformance suite: {name}.", schema, handle)
