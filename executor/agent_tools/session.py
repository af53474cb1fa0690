"""Session: everything that a delegated call needs of an agent, opened: its card checked against the pin, and a client of it.

A card that was checked holds for five minutes. Time is up, or the run is
cancelled: the agent is told so. A process that goes away tells it nothing: the run's next owner goes on with its task.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from urllib.parse import urlsplit

from a2a.client import Client, ClientConfig, ClientFactory
from a2a.types import AgentCard

from executor.agent_tools.agent import Agent, Pins, permitted_hosts
from executor.agent_tools.audience import Audience, Nobody
from executor.agent_tools.card import Fetched, check_pin, credential, fetch_card
from executor.agent_tools.conversation import Conversation, stopped
from executor.agent_tools.guarded import Guarded, Secret, client_over
from executor.agent_tools.order import Caller, Order, Outcome, Refused
from executor.errors import AgentAway, AgentRefused

_CARD_BYTES = 1 << 20
_CHECKED_S = 300.0  # a card holds so long
_OVERHEAD = 8  # times what an agent may say: the protocol's own words around it, streams that begin anew
_ATTEMPTS, _PAUSE_S, _LONGEST_PAUSE_S = 4, 0.2, 5.0  # at an agent that is away; without end where it has a task of ours
_BEAT_S = 15.0  # while no task is known the claim is renewed
_CANCEL_S, _GRACE_S = 10.0, 0.8  # to tell the agent of a cancel; a run that is cancelled waits no longer than the second


@dataclass(frozen=True)
class Opened:
    """An agent that can be spoken with; its card is the pinned one, or was seen just now."""

    agent: Agent
    client: Client
    card: AgentCard

    def talk(self, order: Order, caller: Caller, audience: Audience | None = None) -> Conversation:
        """The conversation about one goal."""
        settings = self.agent.settings
        streams, once = self.card.capabilities.streaming, self.agent.idempotent
        return Conversation(self.client, order, caller, streams, once, settings.max_bytes, audience or Nobody())


@dataclass
class Agents:
    """The agents of one process, and until when the cards of which hold."""

    pins: Pins | None  # None: nothing is pinned, for a person has named the address just now
    secrets: Callable[[str], str | None]
    allow_private: tuple[str, ...] = ()
    clock: Callable[[], float] = time.monotonic
    _checked: dict[str, tuple[float, Fetched]] = field(default_factory=dict)

    async def delegate(self, agent: Agent, order: Order, caller: Caller, within_s: float) -> Outcome:
        """Carry the goal to the agent, or on with it there; never raises for what the agent does."""
        last = self.clock() + within_s
        for attempt in count(1):
            try:
                async with self.opened(agent) as opened:
                    talk = opened.talk(order, caller)
                    outcome = await _carried(talk, caller, max(last - self.clock(), 0.001))
                    if isinstance(outcome, Refused):
                        await _told(talk, _CANCEL_S)  # what has come to nothing here goes on nowhere else
                    return outcome or Refused(f"It was not done within {within_s:g} s, and was cancelled.", "timeout")
            except AgentAway as away:
                pause = min(_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)
                if (attempt == _ATTEMPTS and not order.task) or self.clock() + pause > last:
                    return Refused(away.message, "transient")
                caller.retrying(away.message)
                await asyncio.sleep(pause)
            except AgentRefused as refused:
                return Refused(f"{refused.message} {refused.hint}".strip(), "refused")
        raise AssertionError("it is tried until it is over")

    async def find(self, agent: Agent, order: Order, caller: Caller) -> bool | None:
        """Whether the agent has a task for that message, as far as it can tell; it is remembered then.

        One that takes a message once is not asked: the message may be sent again.
        """
        if self._pinned(agent).idempotent:
            return False
        try:
            async with self.opened(agent) as opened:
                return await opened.talk(order, caller).find()
        except AgentRefused:
            return None

    async def cancel(self, agent: Agent, task: str, within_s: float) -> bool:
        """Tell the agent that its task is cancelled, again while it is away; whether it was told in that time."""
        try:
            async with asyncio.timeout(within_s):
                for attempt in count():
                    with suppress(AgentAway):
                        async with self.opened(agent) as opened:
                            if await stopped(opened.client, task):
                                return True
                    await asyncio.sleep(min(_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S))
        except (AgentRefused, TimeoutError):
            return False
        raise AssertionError("it is tried until it is over")

    @asynccontextmanager
    async def opened(self, agent: Agent) -> AsyncIterator[Opened]:
        """A client of the agent, after its card was checked; raises AgentRefused."""
        agent = self._pinned(agent)
        allowed = permitted_hosts(agent.settings.url, self.allow_private)
        found = await self._card(agent, allowed)
        agent = agent if agent.pinned is not None else replace(agent, pinned=found.pinned(agent.settings, datetime.now(UTC)))
        host = (urlsplit(agent.settings.url).hostname or "").lower()
        most = agent.settings.max_bytes * _OVERHEAD
        secret = self._secret(agent)
        headers = {} if secret is None else credential(found.card, secret.value)
        guard = Guarded(allow_private=allowed, most=most, host=host, headers=headers, secret=secret)
        async with client_over(guard) as http:
            config = ClientConfig(httpx_client=http, supported_protocol_bindings=["JSONRPC", "HTTP+JSON"])
            try:
                client = ClientFactory(config).create(found.card)
            except ValueError as error:
                raise AgentRefused(f"{agent.name} cannot be spoken with: {error}.") from None
            yield Opened(agent, client, found.card)

    def _pinned(self, agent: Agent) -> Agent:
        """The agent with its pin as it is now."""
        known = None if self.pins is None else self.pins.read(agent.name)
        return replace(agent, pinned=known or agent.pinned)

    async def _card(self, agent: Agent, allowed: tuple[str, ...]) -> Fetched:
        until, found = self._checked.get(agent.name, (0.0, None))
        if found is None or self.clock() > until:
            async with client_over(Guarded(allow_private=allowed, most=_CARD_BYTES)) as http:
                found = await fetch_card(http, agent.settings, agent.pinned)
            self._checked[agent.name] = (self.clock() + _CHECKED_S, found)
        check_pin(agent, found)
        if agent.pinned is None and self.pins is not None:
            self.pins.put(agent.name, found.pinned(agent.settings, datetime.now(UTC)))
        return found

    def _secret(self, agent: Agent) -> Secret | None:
        name = agent.settings.token_secret
        if not name:
            return None
        token = self.secrets(name)
        if token is None:
            raise AgentRefused(
                f"The secret `{name}` of the agent {agent.name} is not set.", hint=f"PLANRAIL_SECRET_{name.upper()}"
            )
        return Secret(name, token)


async def _carried(talk: Conversation, caller: Caller, within_s: float) -> Outcome | None:
    """Carry on, while the claim is renewed, until it ends or asks; None where its time is up."""
    carrying = asyncio.create_task(talk.carry(), name="planrail-delegated")
    beating = asyncio.create_task(_beat(talk, caller), name="planrail-delegated-claim")
    try:
        async with asyncio.timeout(within_s):
            await asyncio.wait((carrying, beating), return_when=asyncio.FIRST_COMPLETED)
            if not carrying.done():
                beating.result()  # the run has another owner
            return await carrying
    except TimeoutError:
        await _ended(carrying)
        await _told(talk, _CANCEL_S)
        return None
    except asyncio.CancelledError:
        await _ended(carrying)
        if caller.cancelled:
            await _told(talk, _GRACE_S)
        raise
    finally:
        await _ended(carrying)
        await _ended(beating)


async def _beat(talk: Conversation, caller: Caller) -> None:
    """Renew the claim until a task is known; then nothing is claimed any more that the journal does not know."""
    while not talk.task:
        await asyncio.sleep(_BEAT_S)
        if not talk.task:
            await caller.waiting()
    await asyncio.Event().wait()


async def _ended(task: asyncio.Task[Outcome] | asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait((task,))
    _ = task.cancelled() or task.exception()


async def _told(talk: Conversation, within_s: float) -> None:
    """Tell the agent of the cancel; no longer than that."""
    telling = asyncio.create_task(talk.cancel(), name="planrail-delegated-cancel")
    await asyncio.wait((telling,), timeout=within_s)
    await _ended(telling)
