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
from a2a_node.push.known import Known
from a2a_node.push.lanes import Lanes
from a2a_node.push.sender import Sender
from a2a_node.push.signature import Signer
from a2a_node.push.target import Targets
from a2a_node.push.wires import Wires
from executor.builtin.addresses import resolve
from executor.builtin.web import trusting
from planrail.house import House
from planrail.seal import seal_of


@asynccontextmanager
async def delivering(house: House) -> AsyncIterator[None]:
    """Deliver what is due, while it is entered."""
    bag = bag_of(house)
    deliveries = asyncio.create_task(Deliveries(bag).run(), name="planrail-push")
    try:
        yield
    finally:
        deliveries.cancel()
        await asyncio.wait([deliveries])
        bag.sender.close()


def configs_of(house: House) -> PushConfigs:
    """What the operations on configurations are carried out by."""
    return PushConfigs(house.journal.outbox, seal_of(house.settings), targets_of(house))


def targets_of(house: House) -> Targets:
    """Which targets the configuration lets be."""
    return Targets(house.settings.a2a.push_allow_private, resolve=resolve)


def bag_of(house: House) -> Bag:
    """What couriers of this house work with."""
    of = house.settings.a2a
    wires = Wires(
        tls=lambda: trusting(of.push_ca_file), resolve=resolve, allow_private=of.push_allow_private, timeout_s=of.push_timeout_s
    )  # fmt: skip
    signer = Signer(house.signing, issuer=of.url, now=lambda: datetime.now(UTC))
    return Bag(
        journal=house.journal,
        outbox=house.journal.outbox,
        opened=Opened(house),
        seal=seal_of(house.settings),
        sender=Sender(wires, targets_of(house), signer, timeout_s=of.push_timeout_s),
        lanes=Lanes(of.push_parallel),
        known=Known(),
        backoff=Backoff(first_s=of.push_first_retry_s, give_up_s=of.push_give_up_s),
        holder=house.worker,
        keep_ms=int(of.push_keep_days * 86_400_000),
    )
