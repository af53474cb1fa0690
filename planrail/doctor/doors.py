"""Doors: what the doctor sees of how others come in: the card's address, the issuer, the proxy, gRPC, certificates."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import httpx

from planrail.doctor.finding import Finding, note, problem, well
from planrail.settings import Settings

CARD = "/.well-known/agent-card.json"
_REACH_S = 4.0
_WIDEST = {4: 8, 6: 16}  # prefixes of networks; a shorter one is nearly everybody


def proxy(settings: Settings) -> Iterator[Finding]:
    """Who is believed when he says whose certificate he has seen."""
    of = settings.auth.proxy
    if not of.header:
        return
    wide = [place for place in of.trusted if ip_network(place).prefixlen < _WIDEST[ip_network(place).version]]
    if wide:
        told = f"{of.header} is believed from {wide[0]}: whoever reaches the port may say who he is"
        yield problem("proxy", told, "Name the addresses of the proxies in auth.proxy.trusted, and no others.")
    else:
        yield well("proxy", f"{of.header} is believed from {', '.join(of.trusted)}")
    if not settings.a2a.url:
        told = "the card names the address at which it was asked, which behind a proxy is the proxy's word"
        yield note("address", told, "Set PLANRAIL_A2A_URL to where clients reach the proxy.")


async def issuer(settings: Settings) -> list[Finding]:
    """Whether the issuer of tokens tells its keys."""
    if not settings.auth.issuer:
        return []
    from planrail.issuer import Issuer  # noqa: PLC0415  # cryptography, only where an issuer is configured

    of = settings.auth.issuer
    try:
        count = await Issuer(settings.auth).look()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        told = f"{of}: {error or type(error).__name__}"
        return [problem("issuer", told, "Check auth.issuer (and auth.jwks_url), and that this machine reaches it.")]
    if not count:
        told = f"{of} tells no key that signs tokens"
        return [problem("issuer", told, "Check auth.jwks_url: it has to be the issuer's JSON Web Key Set.")]
    return [well("issuer", f"{of} tells {count} keys")]


async def address(settings: Settings) -> list[Finding]:
    """Whether the card is where it says that it is, and whether what comes there comes in the open."""
    url = settings.a2a.url
    if not url:
        return []
    found = [*_in_clear(settings)]
    try:
        async with httpx.AsyncClient(timeout=_REACH_S, follow_redirects=False) as client:
            reply = await client.get(f"{url}{CARD}", headers={"Accept": "application/json"})
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
        told = f"{url} cannot be reached from here ({type(error).__name__})"
        return [*found, note("address", told, "Start `planrail serve` and the proxy, or correct PLANRAIL_A2A_URL.")]
    return [*found, _of_reply(url, reply)]


def _of_reply(url: str, reply: httpx.Response) -> Finding:
    remedy = "Correct PLANRAIL_A2A_URL, or where the proxy leads to."
    if reply.is_redirect:
        to = reply.headers.get("location", "").removesuffix(CARD)
        told = f"{url} leads elsewhere ({to}), and clients of A2A do not follow"
        return problem("address", told, "Set PLANRAIL_A2A_URL to the address that answers.")
    if reply.status_code in (502, 503, 504):
        return problem(
            "address", f"{url}: the proxy reaches no node ({reply.status_code})", "Start `planrail serve` behind it."
        )
    if reply.status_code != httpx.codes.OK:
        return problem("address", f"{url} answers {reply.status_code} for the card", remedy)
    try:
        card = reply.json()
        places = [str(entry["url"]) for entry in card["supportedInterfaces"]]
    except (ValueError, KeyError, TypeError):
        return problem("address", f"{url} answers with no card", remedy)
    if not any(place.startswith(url) for place in places):
        told = f"the card at {url} says that the agent is at {places[0] if places else 'no place'}"
        return problem("address", told, f"Start every node with PLANRAIL_A2A_URL={url}.")
    return well("address", f"the card is at {url}")


def _in_clear(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.a2a.url)
    host = parts.hostname or ""
    if parts.scheme == "http" and not _is_near(host):
        told = f"{settings.a2a.url} is told to clients, whose keys come in clear"
        yield note("transport", told, "Let a proxy speak TLS, and set PLANRAIL_A2A_URL to its https address.")
    resource = settings.auth.resource
    if resource and urlsplit(resource).hostname != host:
        told = f"auth.resource is {resource}, and the card says {settings.a2a.url}"
        yield note("resource", told, "Clients ask for tokens for the address of the card: set auth.resource to it.")


def files(settings: Settings) -> Iterator[Finding]:
    """Files that the A2A door needs, and its extra."""
    of = settings.a2a
    if of.card is not None:
        try:
            if not isinstance(json.loads(of.card.read_text(encoding="utf-8")), dict):
                raise ValueError("it is no JSON object")
        except (OSError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) else str(error)
            yield problem("card", f"{of.card}: {told}", "Correct a2a.card; `planrail card` shows what is served.")
    if of.push_ca_file is not None:
        try:
            ssl.create_default_context(cafile=str(of.push_ca_file))
        except OSError as error:
            told = f"{of.push_ca_file} holds no certificates ({error.strerror or type(error).__name__})"
            yield problem("push certificates", told, "Correct a2a.push_ca_file: certificates in PEM.")
    if of.grpc_port is not None and find_spec("grpc") is None:
        yield problem("gRPC", "a2a.grpc_port is set, and gRPC is not installed", 'pip install "planrail[grpc]"')
    for name, hosts in (("http_allow_private", settings.http_allow_private), ("a2a.push_allow_private", of.push_allow_private)):
        for host in hosts:
            if "/" in host or (":" in host and not _is_address(host)):
                yield problem(name, f"{host} is no host's name", "Write hosts alone: no scheme, no port, no path.")


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _is_near(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
