"""Addresses: which URLs and which network addresses a tool may reach.

A name is resolved first and each address it has is judged, so no spelling of a private address gets by; the address that
was judged is the one that is connected to, so a second answer of the name server changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence

import httpx

from executor.builtin.handle import Unfit

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL = 8_192  # characters
_UNICAST = ipaddress.IPv6Network("2000::/3")  # all IPv6 that is routed
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_TEREDO = ipaddress.IPv6Network("2001::/32")
_REFUSED_4 = [ipaddress.IPv4Network(n) for n in ("100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24")]
_REFUSED_6 = [ipaddress.IPv6Network(n) for n in ("2001:db8::/32", "3fff::/20")]
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


class Unsent(Unfit):
    """A request did not reach the server: nothing happened there."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host name by the system's resolver; raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in found]


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
    return _address(host) is None


def port_of(url: httpx.URL) -> int:
    return url.port if url.port is not None else (443 if url.scheme == "https" else 80)


async def permitted(url: httpx.URL, *, resolve: Resolve, allow_private: Collection[str]) -> Sequence[str]:
    """The addresses to connect to; raises Unfit when one is not public, Unsent when there is none."""
    host = url.raw_host.decode("ascii").lower()
    try:
        addresses = list(dict.fromkeys(await resolve(host, port_of(url))))
    except (OSError, UnicodeError) as error:
        raise Unsent(f"The host {host} cannot be found.", "transient") from error
    if not addresses:
        raise Unsent(f"The host {host} has no address.", "transient")
    if host.rstrip(".") not in allow_private and not all(is_public(a) for a in addresses):
        raise Unfit(f"The host {host} is not on the public internet.", "refused")
    return addresses


def is_public(text: str) -> bool:
    """Whether an address is one of the public internet: what is embedded in it (mapped, 6to4, NAT64, Teredo) counts."""
    address = _address(text)
    match address:
        case ipaddress.IPv4Address():
            return address.is_global and not address.is_multicast and not any(address in n for n in _REFUSED_4)
        case ipaddress.IPv6Address():
            return _is_public_6(address)
        case _:
            return False


def _is_public_6(address: ipaddress.IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)))
    if address.ipv4_mapped is not None:
        return is_public(str(address.ipv4_mapped))
    if address.sixtofour is not None:
        return is_public(str(address.sixtofour))
    routed = address in _UNICAST and address.is_global and address not in _TEREDO
    return routed and not any(address in n for n in _REFUSED_6)


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
