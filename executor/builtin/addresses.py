"""Addresses: which network addresses a tool may reach.

A name is resolved first and each address it has is judged, so no spelling of a private address gets by; the address that
was judged is the one that is connected to, so a second answer of the name server changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence

from executor.builtin.handle import Unfit

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_UNICAST = ipaddress.IPv6Network("2000::/3")  # all IPv6 that is routed
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_TEREDO = ipaddress.IPv6Network("2001::/32")
_REFUSED_4 = [ipaddress.IPv4Network(n) for n in ("100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24")]
_REFUSED_6 = [ipaddress.IPv6Network(n) for n in ("2001:db8::/32", "3fff::/20")]


class Unsent(Unfit):
    """A request did not reach the server: nothing happened there."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host name by the system's resolver; raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in found]


async def permitted(host: str, port: int, *, resolve: Resolve, allow_private: Collection[str]) -> Sequence[str]:
    """The addresses to connect to; raises Unfit when one is not public, Unsent when there is none."""
    host = host.lower()
    try:
        addresses = list(dict.fromkeys(await resolve(host, port)))
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
