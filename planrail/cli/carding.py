"""Carding: the command that shows this agent's card as others see it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from planner.errors import PlanrailError
from planrail.a2a import A2aSettings
from planrail.auth import authenticator_of
from planrail.cli.errors import DONE, FAILED, UsageError
from planrail.cli.output import Output
from planrail.cli.running import Trip, in_house, settings_here
from planrail.doors import CardTold, card_door
from planrail.house import House
from planrail.signing import key_in

_HERE = "http://127.0.0.1:8700"  # where `planrail serve` listens, if nothing else is said


class CardRefused(PlanrailError):
    """A card that is not as the specification has it."""

    fault = "user"


def card(output: Output, *, sign: Path | None, url: str) -> int:
    """Show the card, what is wrong with it, and what some clients stumble over."""
    settings, door = settings_here(), card_door()
    at = _address(url) or settings.a2a.url or _HERE
    key = None if sign is None else key_in(sign)

    async def work(house: House, _: Trip) -> int:
        auth = await authenticator_of(settings.auth, house.journal.keys)
        told = await door.card(house, auth, url=at, key=key)
        if told.problems:
            whose = f" Its source is {settings.a2a.card}." if settings.a2a.card else ""
            refused = CardRefused(f"The card is not as A2A 1.0 has it.{whose}", hint="\n".join(told.problems))
            output.error(refused, problems=list(told.problems))
            return FAILED
        if output.json:
            output.document(told.document)
        else:
            _show(output, told)
        return DONE

    return in_house(settings, work)


def _address(url: str) -> str:
    try:
        return A2aSettings(url=url).url
    except ValidationError as error:
        raise UsageError(f"--url {url} is no address of an agent.", hint="Write it like https://planner.example.") from error


def _show(output: Output, told: CardTold) -> None:
    found: Mapping[str, Any] = told.document
    lines = [f"{found['name']} {found['version']}", found["description"], ""]
    lines += [f"{i['protocolBinding']:<9}  {i['protocolVersion']:<3}  {i['url']}" for i in found["supportedInterfaces"]]
    lines.append("")
    lines += [f"skill   {skill['id']:<16}  {skill['description']}" for skill in found["skills"]]
    lines += [f"asks    {', '.join(requirement['schemes'])}" for requirement in found.get("securityRequirements", ())]
    lines += [f"signed  {_kid(signature['protected'])}" for signature in found.get("signatures", ())]
    lines += ["", "It is as A2A 1.0 has it.", *told.notes]
    for line in lines:
        output.console.print(line, soft_wrap=True)


def _kid(protected: str) -> str:
    """The name of the key that made a signature."""
    return str(json.loads(base64.urlsafe_b64decode(protected + "=" * (-len(protected) % 4)))["kid"])
