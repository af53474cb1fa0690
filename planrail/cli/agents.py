"""Agents: the commands that make other agents known, list them and forget them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from pydantic import ValidationError
from rich.text import Text

from executor.agent_tools.agent import NAME, Agent, AgentSettings, Pinned, known_agents, name_of, permitted_hosts
from executor.agent_tools.card import Fetched, differences, fetch_card
from executor.agent_tools.guarded import Guarded, client_over
from executor.errors import UnknownAgent
from planner.toolspec import Json
from planrail.cli.errors import DONE, UsageError
from planrail.cli.output import Output
from planrail.cli.running import settings_here
from planrail.cli.text import clean
from planrail.settings import Settings
from planrail.toolbox import pins_of

_CARD_BYTES = 1 << 20
_SHOWN = 200  # characters of a value that has changed


def add(output: Output, url: str, *, name: str | None, require_signature: bool, token_secret: str) -> int:
    """Fetch, check and pin a card; raises AgentRefused."""
    here = settings_here()
    try:
        settings = AgentSettings(url=url, require_signature=require_signature, token_secret=token_secret)
    except ValidationError:
        raise UsageError(f"{url} is no http address.") from None
    found = _fetched(here, settings)
    called = name or name_of(found.raw)
    if not NAME.fullmatch(called):
        raise UsageError(f"{called} cannot be an agent's name.", hint="It begins with a letter; a-z, 0-9, _ and - are in it.")
    known = pins_of(here).read(called)
    if known is not None and (known.settings.url, known.digest) != (settings.url, found.digest):
        raise UsageError(f"There is an agent {called} already.", hint=f"planrail agents refresh {called}, or --name another.")
    pinned = found.pinned(settings, datetime.now(UTC))
    pins_of(here).put(called, pinned)
    return _told(output, called, pinned)


def listed(output: Output) -> int:
    """All agents, with what is pinned of each."""
    here = settings_here()
    agents = known_agents(here.agents, pins_of(here)).values()
    if output.json:
        output.document([_row(agent) for agent in agents])
        return DONE
    for agent in agents:
        pin = "not pinned yet" if agent.pinned is None else agent.pinned.digest
        output.console.print(Text(clean(f"{agent.name}  {agent.settings.url}  {agent.settings.effect}\n  {agent.description}")))
        output.console.print(Text(f"  {pin}"), soft_wrap=True)
    if not agents:
        output.console.print("No agent is known: planrail agents add URL.")
    return DONE


def refresh(output: Output, name: str) -> int:
    """Pin what the card is now, after its changes were shown; raises UnknownAgent and AgentRefused."""
    here = settings_here()
    agent = known_agents(here.agents, pins_of(here)).get(name)
    if agent is None:
        raise UnknownAgent(f"There is no agent {name}.", hint="planrail agents list names them.")
    found = _fetched(here, agent.settings)
    changes = differences(agent.card, found.raw)
    pinned = found.pinned(agent.settings, datetime.now(UTC))
    pins_of(here).put(name, pinned)
    return _told(output, name, pinned, changes)


def remove(output: Output, name: str) -> int:
    """Forget a pin; raises UnknownAgent."""
    pins_of(settings_here()).remove(name)
    if output.json:
        output.document({"removed": name})
    else:
        output.console.print(f"{name} is not known any more.")
    return DONE


def _fetched(here: Settings, settings: AgentSettings) -> Fetched:
    async def fetched() -> Fetched:
        guard = Guarded(allow_private=permitted_hosts(settings.url, here.http_allow_private), most=_CARD_BYTES)
        async with client_over(guard) as http:
            return await fetch_card(http, settings)

    return asyncio.run(fetched())


def _told(output: Output, name: str, pinned: Pinned, changes: list[tuple[str, Json, Json]] | None = None) -> int:
    agent = Agent(name, pinned.settings, pinned)
    if output.json:
        shown = [{"place": place, "before": before, "after": after} for place, before, after in changes or ()]
        output.document(_row(agent) | ({"changes": shown} if changes is not None else {}))
        return DONE
    for place, before, after in changes or ():
        output.console.print(Text(clean(f"{place}: {str(before)[:_SHOWN]} -> {str(after)[:_SHOWN]}")), soft_wrap=True)
    signed = f"signed by {pinned.thumbprint}" if pinned.thumbprint else "not signed by a key of its host"
    output.console.print(Text(clean(f"{agent.description}\n{signed}; {pinned.digest}")), soft_wrap=True)
    output.console.print(Text(f'Plans may write delegate("{name}", "goal").'), soft_wrap=True)
    return DONE


def _row(agent: Agent) -> dict[str, Json]:
    pinned = agent.pinned
    return {
        "name": agent.name, "url": agent.settings.url, "effect": agent.settings.effect, "description": agent.description,
        "digest": None if pinned is None else pinned.digest, "thumbprint": "" if pinned is None else pinned.thumbprint,
    }  # fmt: skip
