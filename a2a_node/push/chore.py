"""Chore: the deliveries of a process that carries runs on, put together from its house."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from a2a_node.opened import Opened
from a2a_node.push.backoff import Backoff
from a2a_node.push.configs import PushConfigs
from a2a_node.push.courier import Bag
from a2a_node.push.deliveries import Deliveries
from a2a_node.push.lanes import Lanes
from a2a_node.push.sender import Sender
from a2a_node.push.signature import Signer
from a2a_node.push.target import Targets
from executor.builtin.addresses import resolve
from executor.builtin.http_settings import HttpSettings
from executor.builtin.web import Web
from planrail.house import House
from planrail.seal import seal_of


@asynccontextmanager
async def delivering(house: House) -> AsyncIterator[None]:
    """Deliver what is due, while it is entered."""
    deliveries = asyncio.create_task(Deliveries(bag_of(house)).run(), name="planrail-push")
    try:
        yield
    finally:
        deliveries.cancel()
        await asyncio.wait([deliveries])


def configs_of(house: House) -> PushConfigs:
    """What the operations on configurations are carried out by."""
    return PushConfigs(house.journal.outbox, seal_of(house.settings), targets_of(house))


def targets_of(house: House) -> Targets:
    """Which targets the configuration lets be."""
    return Targets(house.settings.a2a.push_allow_private, resolve=resolve)


def bag_of(house: House) -> Bag:
    """What couriers of this house work with."""
    of = house.settings.a2a
    bounds = HttpSettings(
        timeout_s=of.push_timeout_s, max_redirects=0, allow_private=of.push_allow_private, ca_file=of.push_ca_file
    )  # fmt: skip
    signer = Signer(house.signing, issuer=of.url, now=lambda: datetime.now(UTC))
    return Bag(
        journal=house.journal,
        outbox=house.journal.outbox,
        opened=Opened(house),
        seal=seal_of(house.settings),
        sender=Sender(Web(bounds), targets_of(house), signer, timeout_s=of.push_timeout_s),
        lanes=Lanes(of.push_parallel),
        backoff=Backoff(first_s=of.push_first_retry_s, give_up_s=of.push_give_up_s),
        holder=house.worker,
    )
