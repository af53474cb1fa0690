"""gRPC door: the third binding, on a port of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import unquote

import grpc
import grpc.aio
from a2a.compat.v0_3 import a2a_v0_3_pb2_grpc
from a2a.compat.v0_3.grpc_handler import CompatGrpcHandler
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers.grpc_handler import DefaultGrpcServerCallContextBuilder, GrpcHandler
from a2a.server.request_handlers.request_handler import RequestHandler
from a2a.types import a2a_pb2_grpc
from a2a.utils.errors import VersionNotSupportedError
from google.protobuf.json_format import ParseDict
from google.rpc.status_pb2 import Status

from a2a_node.caller import IDENTITY
from a2a_node.exhausted import TURN, Turn, details_of, seconds_of, words_of
from a2a_node.request import VERSION_HEADER, check_extensions, check_version
from executor.errors import QuotaExceeded
from planrail.arrival import arrived, header_of
from planrail.auth import Authenticator, Identity, Unauthenticated
from planrail.doors import AddressTaken
from planrail.quota import Quotas, TooManyRequests
from planrail.standing import Standing

_QUIET_MS = 20_000  # between pings of a connection on which nothing is said
_GRACE_S = 3.0
_caller: ContextVar[Identity] = ContextVar("caller")  # of the call that this task answers
_turn: ContextVar[Turn] = ContextVar("turn")


@dataclass(frozen=True)
class GrpcTerms:
    """What is served: 1.0 alone or 0.3 too, requests of how many bytes, to those who name which extensions."""

    strict: bool
    max_body: int
    required: frozenset[str] = frozenset()


@asynccontextmanager
async def serving(
    handler: RequestHandler, auth: Authenticator, quotas: Quotas, *, host: str, port: int, terms: GrpcTerms
) -> AsyncIterator[int]:
    """Serve while it is entered; the port. Raises AddressTaken. TLS is a proxy's, as it is for HTTP."""
    options = [
        ("grpc.max_receive_message_length", terms.max_body),
        ("grpc.keepalive_time_ms", _QUIET_MS),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.aio.server(interceptors=[_Known(auth, quotas)], options=options)
    a2a_pb2_grpc.add_A2AServiceServicer_to_server(GrpcHandler(handler, _Calls(terms.required)), server)
    if not terms.strict:
        a2a_v0_3_pb2_grpc.add_A2AServiceServicer_to_server(CompatGrpcHandler(handler, _OldCalls()), server)
    at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound = server.add_insecure_port(at)
    except RuntimeError:
        raise AddressTaken(f"Nothing can listen at {at}.", hint="Is another one there? Give another --grpc-port.") from None
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(_GRACE_S)


class _Known(grpc.aio.ServerInterceptor):
    """Finds who calls before anything of the call is looked at."""

    def __init__(self, auth: Authenticator, quotas: Quotas) -> None:
        self._auth = auth
        self._quotas = quotas

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        method = await continuation(details)
        if method is None:
            return method

        async def known(request: Any, context: Any) -> Any:
            standing = await self._admit(context)
            answer = await method.unary_unary(request, _Context(context))
            await _check(standing, context)
            return answer

        async def known_stream(request: Any, context: Any) -> AsyncIterator[Any]:
            standing = await self._admit(context)
            async with aclosing(method.unary_stream(request, _Context(context))) as stream:
                async for each in stream:
                    await _check(standing, context)
                    yield each

        made, act = (
            (grpc.unary_stream_rpc_method_handler, known_stream)
            if method.response_streaming
            else (grpc.unary_unary_rpc_method_handler, known)
        )
        return made(act, method.request_deserializer, method.response_serializer)

    async def _admit(self, context: Any) -> Standing:
        """Find who calls; a call of nobody's ends here."""
        sent = [(name, value) for name, value in context.invocation_metadata() or () if isinstance(value, str)]
        peer = _address(context.peer())
        try:
            known = await self._auth.caller(sent, peer)
            self._quotas.admit(known.principal.id)
        except Unauthenticated as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, error.message)
        except TooManyRequests as error:
            await _refuse_for_now(context, error)
        _caller.set(known)
        arrived(header_of(sent))
        _turn.set(Turn())
        return Standing(self._auth, sent, peer)


class _Context:
    """The context of a call, which says that its caller has had enough in the place of what the SDK would say."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def abort(self, code: Any, details: str = "", trailing_metadata: Any = ()) -> None:
        """End the call."""
        refused = _turn.get().refused
        if refused is not None:
            await _refuse_for_now(self._context, refused)
        await self._context.abort(code, details, trailing_metadata)


async def _refuse_for_now(context: Any, error: QuotaExceeded | TooManyRequests) -> NoReturn:
    code, words = grpc.StatusCode.RESOURCE_EXHAUSTED, words_of(error)
    status = ParseDict({"code": code.value[0], "message": words, "details": details_of(error)}, Status())
    context.set_trailing_metadata(())  # of another error
    seconds = ("retry-after", str(seconds_of(error)))
    await context.abort(code, words, (("grpc-status-details-bin", status.SerializeToString()), seconds))
    raise AssertionError("the call has ended")


async def _check(standing: Standing, context: Any) -> None:
    """End the call where its caller stands no more."""
    problem = await standing.problem()
    if problem is not None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, problem.message)


def _address(peer: str) -> str | None:
    """Of gRPC's name for who has connected: `ipv4:10.0.0.5:4711`, `ipv6:%5B::1%5D:4711`."""
    kind, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else None


class _OldCalls(DefaultGrpcServerCallContextBuilder):
    """Call contexts of A2A 0.3."""

    def build(self, context: Any) -> ServerCallContext:
        made = super().build(context)
        made.state["headers"] = _metadata(context.invocation_metadata())
        made.state[IDENTITY] = _caller.get()
        made.state[TURN] = _turn.get()
        return made


class _Calls(_OldCalls):
    """Call contexts of A2A 1.0, whose calls say their version."""

    def __init__(self, required: frozenset[str]) -> None:
        self._required = required

    def build(self, context: Any) -> ServerCallContext:
        """Raises VersionNotSupportedError and ExtensionSupportRequiredError."""
        made = super().build(context)
        version = made.state["headers"].get(VERSION_HEADER, "")
        check_version(version)
        if version.partition(".")[0] != "1":
            raise VersionNotSupportedError("This service speaks A2A 1.0: send a2a-version.")
        check_extensions(self._required, made.requested_extensions)
        return made


def _metadata(pairs: Any) -> dict[str, str]:
    return {key: value for key, value in pairs or () if isinstance(value, str)}
