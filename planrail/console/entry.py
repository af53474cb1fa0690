"""Entry: the console as the command line finds it: the door of people who come with a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from planrail.auth import Authenticator
from planrail.console.app import PATH, application
from planrail.console.catalog import CatalogRoutes
from planrail.console.channel import Channel
from planrail.console.guard import Guard
from planrail.console.live import Live
from planrail.console.news import Feed
from planrail.console.parts import PartRoutes
from planrail.console.rows import Rows
from planrail.console.runs import RunRoutes
from planrail.console.session import Sessions, link_token, spent_of
from planrail.console.starts import StartRoutes
from planrail.console.watched import Watches
from planrail.doors import DoorUnavailable, Mounted
from planrail.house import House
from planrail.probes import Probes
from planrail.seal import seal_of


class ConsoleEntry:
    """Serves the page, and what it asks for, below `/console`."""

    def __init__(self) -> None:
        self.probes: Probes | None = None

    async def serve_stdio(self, house: House) -> None:
        """People do not come by stdin."""
        raise DoorUnavailable("The console has no way over stdin and stdout.", hint="`planrail serve` serves it over HTTP.")

    @asynccontextmanager
    async def mounted(self, house: House, auth: Authenticator, *, host: str, address: str) -> AsyncIterator[Mounted]:
        """The console. Where nobody is asked for a key it is told with a link, which is the way in, and good once."""
        seal = seal_of(house.settings)
        sessions = Sessions(seal, auth, spent_of(house.settings))
        rows = Rows(house.journal)
        live = Live(sessions, Watches(partial(Channel, house)), Watches(partial(Feed, house.journal, rows)))
        probes = self.probes or Probes(house, auth)
        doors = (RunRoutes(house, rows, live), PartRoutes(house), StartRoutes(house), CatalogRoutes(house, probes))
        app = application([route for part in doors for route in part.routes()], sessions)
        own = (house.settings.a2a.url, auth.settings.resource)
        guarded = Guard(app, sessions, house.quotas, host=host, own=own)
        at = PATH if auth.required else f"{PATH}#token={link_token(seal)}"
        yield Mounted((PATH,), guarded, {"console": at})
