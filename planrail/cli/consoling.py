"""Consoling: the command that tells the way into the console of a server that runs."""

from __future__ import annotations

import webbrowser
from dataclasses import dataclass

import httpx

from planner.errors import PlanrailError
from planrail.cli.errors import DONE
from planrail.cli.output import Output
from planrail.cli.running import settings_here
from planrail.console.session import LINK_S, link_token
from planrail.seal import seal_of

_WAITS_S = 5.0


class NoConsole(PlanrailError):
    """No server with a console answers at that address."""

    fault = "user"


@dataclass(frozen=True)
class _Way:
    url: str
    needs_key: bool


def console(output: Output, *, address: str, open_it: bool) -> int:
    """Print the way in, and open it where that is wanted."""
    settings = settings_here()
    at = f"{address.rstrip('/')}/console"
    way = _Way(at, _needs_key(at))
    if not way.needs_key:
        way = _Way(f"{at}#token={link_token(seal_of(settings))}", False)
    if output.json:
        output.document({"url": way.url, "needs_key": way.needs_key})
    else:
        output.console.print(way.url, soft_wrap=True, highlight=False)
        told = (
            "sign in with a key: planrail keys create NAME --person"
            if way.needs_key
            else f"good for {LINK_S // 60} minutes, once"
        )
        output.console.print(told, style="dim", soft_wrap=True, highlight=False)
    if open_it:
        webbrowser.open(way.url)
    return DONE


def _needs_key(at: str) -> bool:
    """What the server there asks people for; raises NoConsole."""
    try:
        told = httpx.get(f"{at}/api/session", timeout=_WAITS_S).json()
        return bool(told["needs_key"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        raise NoConsole(
            f"No console answers at {at}.", hint="`planrail serve` serves it; --at ADDRESS names another server."
        ) from None
