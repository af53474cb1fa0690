"""Url: which URLs a tool may reach, whatever their addresses are."""

from __future__ import annotations

import ipaddress
import re

import httpx

from executor.builtin.handle import Unfit

MAX_URL = 8_192  # characters
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


def parsed_url(text: str) -> httpx.URL:
    """The URL, without its fragment; raises Unfit for what is no plain http or https URL."""
    if len(text) > MAX_URL or any(ord(c) <= 32 or ord(c) == 127 or c == "\\" for c in text):
        raise Unfit("A URL has no space, backslash or control character and at most 8,192 characters.", "refused")
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise Unfit(f"This is no URL: {error}.", "refused") from error
    if url.scheme not in ("http", "https") or not host:
        raise Unfit("Only http and https URLs can be reached.", "refused")
    if not 0 < port_of(url) < 65_536:
        raise Unfit("A port is a number from 1 to 65,535.", "refused")
    if url.userinfo or "@" in text.partition("://")[2].partition("/")[0]:
        raise Unfit("A URL must not carry credentials.", "refused")
    if _ambiguous(host):
        raise Unfit("An address in a URL is written as four decimal numbers or in brackets.", "refused")
    return url.copy_with(fragment=None)


def _ambiguous(host: str) -> bool:
    """Whether a host is a number in one of the old spellings: 2130706433, 0x7f.1, 0177.0.0.1."""
    if ":" in host or not _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def port_of(url: httpx.URL) -> int:
    return url.port if url.port is not None else (443 if url.scheme == "https" else 80)
