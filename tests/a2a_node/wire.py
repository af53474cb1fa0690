"""A2A as it is on the wire, over three bindings: no SDK hides what is sent and what comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

import grpc
import httpx
from a2a.types import a2a_pb2, a2a_pb2_grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc import error_details_pb2, status_pb2

Binding = Literal["jsonrpc", "rest", "grpc"]
BINDINGS: tuple[Binding, ...] = ("jsonrpc", "rest", "grpc")
BOUND_S = 60.0
TERMINAL = tuple(f"TASK_STATE_{s}" for s in ("COMPLETED", "FAILED", "CANCELED", "REJECTED"))
REST = {
    "SendMessage": ("POST", "/message:send"),
    "SendStreamingMessage": ("POST", "/message:stream"),
    "GetTask": ("GET", "/tasks/{id}"),
    "ListTasks": ("GET", "/tasks"),
    "CancelTask": ("POST", "/tasks/{id}:cancel"),
    "SubscribeToTask": ("POST", "/tasks/{id}:subscribe"),
    "CreateTaskPushNotificationConfig": ("POST", "/tasks/{taskId}/pushNotificationConfigs"),
    "GetTaskPushNotificationConfig": ("GET", "/tasks/{taskId}/pushNotificationConfigs/{id}"),
    "ListTaskPushNotificationConfigs": ("GET", "/tasks/{taskId}/pushNotificationConfigs"),
    "DeleteTaskPushNotificationConfig": ("DELETE", "/tasks/{taskId}/pushNotificationConfigs/{id}"),
    "GetExtendedAgentCard": ("GET", "/extendedAgentCard"),
}
_SERVICE = a2a_pb2.DESCRIPTOR.services_by_name["A2AService"]
_ANY = "type.googleapis.com/"
Params = Mapping[str, Any]


@dataclass
class Fault(Exception):
    """An error of the protocol, as its binding tells it."""

    code: int | str  # JSON-RPC's number, the HTTP status, or gRPC's word
    message: str
    details: tuple[dict[str, Any], ...] = ()

    @property
    def reason(self) -> str | None:
        """Which error of A2A it is."""
        infos = (d for d in self.details if d.get("@type") == f"{_ANY}google.rpc.ErrorInfo")
        return next((d["reason"] for d in infos if d.get("domain") == "a2a-protocol.org"), None)


@dataclass(frozen=True)
class Wire:
    """One client of one binding."""

    binding: Binding
    address: str  # of HTTP
    grpc_address: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: {"A2A-Version": "1.0"})

    def call(self, operation: str, params: Params | None = None, **headers: str) -> dict[str, Any]:
        """The result; raises Fault."""
        if self.binding == "grpc":
            with self._channel() as stub, _grpc_faults():
                return _told(
                    getattr(stub, operation)(_request(operation, params), metadata=self._metadata(headers), timeout=BOUND_S)
                )
        return self._result(self.http(operation, params, **headers))

    def stream(self, operation: str, params: Params | None = None, **headers: str) -> Iterator[dict[str, Any]]:
        """The events of a stream, until it closes; raises Fault."""
        if self.binding == "grpc":
            with self._channel() as stub, _grpc_faults():
                for event in getattr(stub, operation)(
                    _request(operation, params), metadata=self._metadata(headers), timeout=BOUND_S
                ):
                    yield _told(event)
            return
        with _web() as web, web.stream(**self._sent(operation, params, headers)) as response:
            if not response.headers["content-type"].startswith("text/event-stream"):
                response.read()
                yield self._result(response)
                return
            for line in response.iter_lines():
                if line.startswith("data:"):
                    yield self._event(json.loads(line[5:]))

    def raw(self, operation: str, params: Params | None = None, **headers: str) -> tuple[object, ...]:
        """What comes back as it is: all that a caller could tell one answer from another by. Of a stream the first event."""
        if self.binding == "grpc":
            with self._channel() as stub:
                sent = {"metadata": self._metadata(headers), "timeout": BOUND_S}
                return _raw_grpc(lambda: getattr(stub, operation)(_request(operation, params), **sent))
        with _web() as web, web.stream(**self._sent(operation, params, headers)) as response:
            told = sorted((n, v) for n, v in response.headers.multi_items() if n != "date")
            if not response.headers["content-type"].startswith("text/event-stream"):
                return (response.status_code, told, response.read())
            return (response.status_code, told, next(line for line in response.iter_lines() if line.startswith("data:")))

    def http(self, operation: str, params: Params | None = None, **headers: str) -> httpx.Response:
        """The bare response."""
        with _web() as web:
            return web.request(**self._sent(operation, params, headers))

    def _sent(self, operation: str, params: Params | None, headers: Mapping[str, str]) -> dict[str, Any]:
        rest = dict(params or {})
        sent = {**self.headers, **headers}
        if self.binding == "jsonrpc":
            body = {"jsonrpc": "2.0", "id": 1, "method": operation, "params": rest}
            return {"method": "POST", "url": self.address, "json": body, "headers": sent}
        method, path = REST[operation]
        if rest.get("tenant"):
            path = f"/{quote(str(rest.pop('tenant')), safe='')}{path}"
        url = self.address + re.sub(r"{(\w+)}", lambda m: quote(str(rest.pop(m[1])), safe=""), path)
        return {
            "method": method,
            "url": url,
            "headers": sent,
            **({"json": rest} if method == "POST" else {"params": _query(rest)}),
        }

    def _result(self, response: httpx.Response) -> dict[str, Any]:
        if self.binding == "rest" and response.status_code >= 400:
            self._event(response.json())
        told = response.json() if response.content else {}
        return self._event(told)

    def _event(self, told: dict[str, Any]) -> dict[str, Any]:
        error = told.get("error")
        if error is not None:
            details = error.get("data" if self.binding == "jsonrpc" else "details") or ()
            raise Fault(error["code"], error["message"], tuple(details))
        found: dict[str, Any] = (told["result"] if self.binding == "jsonrpc" else told) or {}
        return found

    def _metadata(self, headers: Mapping[str, str]) -> list[tuple[str, str]]:
        return [(name.lower(), value) for name, value in {**self.headers, **headers}.items()]

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        with grpc.insecure_channel(self.grpc_address) as channel:
            yield a2a_pb2_grpc.A2AServiceStub(channel)


def _web() -> httpx.Client:
    """A client that has no use for certificates, whose loading takes longer than most requests here."""
    return httpx.Client(timeout=BOUND_S, verify=False)


def _raw_grpc(call: Callable[[], Any]) -> tuple[object, ...]:
    try:
        given = call()
        found = next(given) if isinstance(given, Iterator) else given
    except grpc.RpcError as error:
        return (error.code().name, error.details(), sorted(error.trailing_metadata() or ()))
    return ("OK", found.SerializeToString(deterministic=True))


def plain(told: Any) -> Any:
    """Without the fields that have no value, which some serializers write and others do not."""
    if isinstance(told, list):
        return [plain(item) for item in told]
    if isinstance(told, dict):
        return {name: plain(value) for name, value in told.items() if value not in ("", [], {}, 0, False)}
    return told


def _request(operation: str, params: Params | None) -> Any:
    kind = _SERVICE.methods_by_name[operation].input_type.name
    return ParseDict(dict(params or {}), getattr(a2a_pb2, kind)())


def _told(message: Any) -> dict[str, Any]:
    return MessageToDict(message)


def _query(params: Mapping[str, Any]) -> dict[str, str]:
    return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in params.items()}


@contextmanager
def _grpc_faults() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        trailing = dict(error.trailing_metadata() or ())
        status = status_pb2.Status.FromString(trailing.get("grpc-status-details-bin", b""))
        raise Fault(error.code().name, error.details() or "", tuple(_details(status))) from None


def _details(status: Any) -> Iterator[dict[str, Any]]:
    for detail in status.details:
        kind = getattr(error_details_pb2, detail.type_url.rpartition(".")[2])
        yield {"@type": detail.type_url, **MessageToDict(kind.FromString(detail.value))}
