"""Ailments of how others come in and are told: the card's address, keys, issuer, proxy, notifications."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from executor.api_keys import StoredKey
from executor.journal.outbox import Wish
from executor.submission import Submission
from planrail.doors import entry
from planrail.keys import hash_of
from planrail.seal import seal_of
from planrail.serving import serve
from planrail.signing import SigningKeys
from tests.ailments.ailment import ailment
from tests.ailments.ward import Ward, answering, now
from tests.planrail.issuer import issuer

OUTSIDE = "https://planner.invalid"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _key(name: str) -> StoredKey:
    return StoredKey(name=name, hash=hash_of(name), principal=name, created_at=now())


async def _has_key(ward: Ward, name: str) -> None:
    async with ward.journal() as journal:
        await journal.keys.add(_key(name))


@asynccontextmanager
async def _node(ward: Ward, port: int) -> AsyncIterator[None]:
    """`planrail serve --no-worker`, in this loop."""
    ready = asyncio.Event()
    serving = asyncio.create_task(
        serve(ward.settings, [entry("a2a")], host="127.0.0.1", port=port, worker=False, ready=lambda _: ready.set())
    )
    async with asyncio.timeout(30):
        await ready.wait()
    try:
        yield
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


@ailment(
    "a public address, and nobody who is known", "authentication", "problem", "nobody is known", "planrail keys create NAME"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_A2A_URL"] = OUTSIDE
    async with ward.journal():
        yield
    await _has_key(ward, "ann")


@ailment("every key is revoked", "authentication", "note", "every key is revoked", "planrail keys create NAME")
async def _(ward: Ward) -> AsyncIterator[None]:
    await _has_key(ward, "ann")
    async with ward.journal() as journal:
        await journal.keys.revoke("ann", now())
    yield
    await _has_key(ward, "bob")


@ailment("limits of somebody who is nobody", "limits of anne", "note", "no key is that principal's", "planrail keys list")
async def _(ward: Ward) -> AsyncIterator[None]:
    await _has_key(ward, "ann")
    ward.toml("[auth.limits.principals.anne]\nruns = 2\n")
    yield
    ward.toml("[auth.limits.principals.ann]\nruns = 2\n")


@ailment("a proxy that is believed from everywhere", "proxy", "problem", "0.0.0.0/0", "Name the addresses of the proxies")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml('[auth.proxy]\nheader = "x-client-cert-subject"\ntrusted = ["10.0.0.5", "0.0.0.0/0"]\n')
    yield
    ward.toml('[auth.proxy]\nheader = "x-client-cert-subject"\ntrusted = ["10.0.0.5"]\n')


@ailment("a proxy, and no address for the card", "address", "note", "the proxy's word", "Set PLANRAIL_A2A_URL")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml('[auth.proxy]\nheader = "x-client-cert-subject"\ntrusted = ["10.0.0.5"]\n')
    yield
    ward.env["PLANRAIL_A2A_URL"] = OUTSIDE


@ailment("an issuer that cannot be reached", "issuer", "problem", "http://127.0.0.1:9", "Check auth.issuer")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml('[auth]\nissuer = "http://127.0.0.1:9"\nresource = "https://planner.invalid"\n')
    yield
    with issuer() as other:
        ward.toml(f'[auth]\nissuer = "{other.address}"\nresource = "https://planner.invalid"\n')
        yield


@ailment("an issuer that calls itself otherwise", "issuer", "problem", "names another issuer", "Check auth.issuer")
async def _(ward: Ward) -> AsyncIterator[None]:
    with issuer() as other:
        ward.toml(f'[auth]\nissuer = "{other.address}/"\nresource = "https://planner.invalid"\n')
        yield
        ward.toml(f'[auth]\nissuer = "{other.address}"\nresource = "https://planner.invalid"\n')
        yield


@ailment("an issuer without keys that sign", "issuer", "problem", "tells no key", "Check auth.jwks_url")
async def _(ward: Ward) -> AsyncIterator[None]:
    with issuer() as other:
        head = f'[auth]\nissuer = "{other.address}"\nresource = "https://planner.invalid"\n'
        ward.toml(f'{head}jwks_url = "{other.address}/.well-known/openid-configuration"\n')
        yield
        ward.toml(f'{head}jwks_url = "{other.address}/keys"\n')
        yield


@ailment("the card's address cannot be reached", "address", "note", "cannot be reached from here", "Start `planrail serve`")
async def _(ward: Ward) -> AsyncIterator[None]:
    port = _free_port()
    ward.env["PLANRAIL_A2A_URL"] = f"http://127.0.0.1:{port}"
    yield
    async with _node(ward, port):
        yield


@ailment(
    "a card that tells another address", "address", "problem", "says that the agent is at", "Start every node with PLANRAIL_A2A"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    port = _free_port()
    ward.env["PLANRAIL_A2A_URL"] = f"http://localhost:{port}"
    async with _node(ward, port):
        ward.env["PLANRAIL_A2A_URL"] = f"http://127.0.0.1:{port}"
        yield
    async with _node(ward, port):
        yield


@ailment("http, where the proxy speaks https", "address", "problem", "leads elsewhere", "Set PLANRAIL_A2A_URL")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with answering("301 Moved", f"location: {OUTSIDE}/.well-known/agent-card.json") as port:
        ward.env["PLANRAIL_A2A_URL"] = f"http://127.0.0.1:{port}"
        yield
        ward.env["PLANRAIL_A2A_URL"] = OUTSIDE
        yield


@ailment("a proxy with no node behind it", "address", "problem", "reaches no node (502)", "Start `planrail serve` behind it")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with answering("502 Bad Gateway") as port:
        ward.env["PLANRAIL_A2A_URL"] = f"http://127.0.0.1:{port}"
        yield
    async with _node(ward, port):
        yield


@ailment("an address outside that speaks no TLS", "transport", "note", "come in clear", "its https address")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_A2A_URL"] = "http://planner.invalid"
    yield
    ward.env["PLANRAIL_A2A_URL"] = OUTSIDE


@ailment("tokens for another address than the card's", "resource", "note", "auth.resource is", "set auth.resource to it")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_A2A_URL"] = OUTSIDE
    ward.toml('[auth]\nresource = "https://planrail.example"\n')
    yield
    ward.toml(f'[auth]\nresource = "{OUTSIDE}"\n')


@ailment("a card's source that is not there", "card", "problem", "No such file", "Correct a2a.card")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml(f'[a2a]\ncard = "{ward.folder}/card.json"\n')
    yield
    (ward.folder / "card.json").write_text("{}")


@ailment("certificates of receivers that are not there", "push certificates", "problem", "holds no certificates", "in PEM")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml(f'[a2a]\npush_ca_file = "{ward.folder}/ca.pem"\n')
    yield
    ward.toml("")


@ailment("gRPC is asked for, and not installed", "gRPC", "problem", "is not installed", 'pip install "planrail[grpc]"')
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml("[a2a]\ngrpc_port = 0\n")
    with ward.patch.context() as bare:
        bare.setitem(sys.modules, "grpc", None)
        yield
    assert importlib.util.find_spec("grpc") is not None


@ailment("a host of the house, written as a URL", "http_allow_private", "problem", "is no host's name", "Write hosts alone")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_HTTP_ALLOW_PRIVATE"] = "http://wiki.local/"
    yield
    ward.env["PLANRAIL_HTTP_ALLOW_PRIVATE"] = "wiki.local"


async def _subscribed(ward: Ward, place: str) -> None:
    async with ward.journal() as journal:
        await journal.create(Submission(goal="x", script="answer(1)"), run="r1", key="k", now=now())
        await journal.outbox.put("r1", Wish(id="w", place=place, body=seal_of(ward.settings).seal("x")), most=5)


@ailment("a receiver inside the house", "receiver 127.0.0.1", "problem", "nobody is notified there", "a2a.push_allow_private")
async def _(ward: Ward) -> AsyncIterator[None]:
    await _subscribed(ward, "http://127.0.0.1:9")
    yield
    ward.env["PLANRAIL_A2A_PUSH_ALLOW_PRIVATE"] = "127.0.0.1"


@ailment("notifications that were given up", "notifications", "note", "1 given up", "`planrail push retry`")
async def _(ward: Ward) -> AsyncIterator[None]:
    await _subscribed(ward, "https://receiver.invalid:443")
    async with ward.journal() as journal:
        (held,) = await journal.outbox.take(await journal.outbox.find(), "w1", lease_ms=10_000)
        await journal.outbox.failed(held, "gone", wait_ms=0, give_up=True)
    yield
    async with ward.journal() as journal:
        await journal.outbox.revive()


@ailment("two machines with different secret keys", "secret key", "problem", "with another key", "Set PLANRAIL_A2A_SECRET_KEY")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_A2A_SECRET_KEY"] = "first" * 8
    await signs(ward)
    ward.env["PLANRAIL_A2A_SECRET_KEY"] = "other" * 8
    yield
    ward.env["PLANRAIL_A2A_SECRET_KEY"] = "first" * 8


@ailment(
    "a second machine without the secret key", "secret key", "problem", "was sealed elsewhere", "Set PLANRAIL_A2A_SECRET_KEY"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    await signs(ward)
    (ward.home / "secret.key").rename(ward.folder / "secret.key")
    yield
    ward.env["PLANRAIL_A2A_SECRET_KEY"] = (ward.folder / "secret.key").read_text().strip()


async def signs(ward: Ward) -> None:
    async with ward.journal() as journal:
        await SigningKeys(journal.signing, seal_of(ward.settings), now=now, grace=timedelta(days=1)).signing()


@ailment("a collector of traces that is down", "traces", "problem", "cannot be reached", "Start the collector")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    yield
    async with answering("200 OK") as port:
        ward.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
        yield


@ailment("a collector that wants a header", "traces", "problem", "refuses us", "Set OTEL_EXPORTER_OTLP_HEADERS")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with answering("401 Unauthorized") as closed, answering("200 OK") as port:
        ward.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{closed}"
        yield
        ward.env["OTEL_EXPORTER_OTLP_HEADERS"] = "x-key=hush-hush"
        ward.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
        yield


@ailment("an address that takes no traces", "traces", "problem", "takes no traces (404)", "/v1/traces is added")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with answering("404 Not Found") as other, answering("200 OK") as port:
        ward.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{other}"
        yield
        ward.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
        yield


@ailment("traces over a protocol that is not spoken", "traces", "problem", "is not spoken", "OTEL_EXPORTER_OTLP_PROTOCOL=")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with answering("200 OK") as port:
        ward.env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
        yield
        ward.env["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
        yield


@ailment("traces are wanted, and OpenTelemetry is not installed", "traces", "problem", "is not installed", "planrail[otel]")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with answering("200 OK") as port:
        ward.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
        with ward.patch.context() as bare:
            bare.setitem(sys.modules, "opentelemetry", None)
            yield
        yield


@ailment("traces that hold what runs are about", "traces", "note", "goals, arguments and answers", "telemetry.content to false")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with answering("200 OK") as port:
        ward.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
        ward.toml("[telemetry]\ncontent = true\n")
        yield
        ward.toml("[telemetry]\ncontent = false\n")
        yield
