"""Rotating: the command that makes a new key for the house to sign with."""

from __future__ import annotations

from planrail.cli.errors import DONE
from planrail.cli.output import Output
from planrail.cli.running import Trip, in_house, settings_here
from planrail.house import House


def rotate(output: Output, *, drop: bool) -> int:
    """Make a new key, and tell what signs from now on."""

    async def work(house: House, _: Trip) -> int:
        made = await house.signing.rotate(drop=drop)
        beside = [key.kid for key in (await house.signing.signing())[1:]]
        if output.json:
            output.document({"kid": made.kid, "beside": list(beside)})
        else:
            days = house.settings.a2a.key_grace_s / 86_400
            output.console.print(f"signs   {made.kid}", soft_wrap=True)
            for kid in beside:
                output.console.print(f"beside  {kid}  for at most {days:g} days", soft_wrap=True)
        return DONE

    return in_house(settings_here(), work)
