"""Telemetry settings: the table `[telemetry]`, and OpenTelemetry's own variables of the environment, which win."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

PROTOCOL = "http/protobuf"
_PATH = "v1/traces"
_CONTENT = ("true", "1", "span_only", "span_and_event")


class TelemetrySettings(BaseModel):
    """Whether runs are traced, and where to. What else OpenTelemetry's SDK knows is set by its own variables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str = ""  # of a collector that takes OTLP over HTTP, like http://localhost:4318; empty: nothing is traced
    traces_endpoint: str = ""  # the whole address for traces, where it is not /v1/traces below that
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)  # that the collector wants
    protocol: str = PROTOCOL  # the only one that is spoken; with another one nothing is traced, and the log says so
    service: str = "planrail"  # the name of the service that the spans are of
    content: bool = False  # goals, plans, arguments, results and answers stand in the spans, too
    propagate: bool = True  # models, http.fetch, MCP servers and other agents are sent the ids of the trace

    @field_validator("endpoint", "traces_endpoint")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("write it like http://localhost:4318")
        return url

    @property
    def url(self) -> str:
        """Where traces are sent; empty where nothing is traced."""
        return self.traces_endpoint or (f"{self.endpoint.rstrip('/')}/{_PATH}" if self.endpoint else "")


def telemetry_of(read: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """The table as the file has it, with what the environment says instead."""
    found = dict(read)
    for name, variables in (
        ("endpoint", ("OTEL_EXPORTER_OTLP_ENDPOINT",)),
        ("traces_endpoint", ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",)),
        ("protocol", ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")),
        ("service", ("OTEL_SERVICE_NAME",)),
    ):
        given = next((env[v].strip() for v in variables if env.get(v, "").strip()), "")
        found |= {name: given} if given else {}
    headers = env.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or env.get("OTEL_EXPORTER_OTLP_HEADERS")
    if headers:
        pairs = (pair.partition("=") for pair in headers.split(",") if "=" in pair)
        found["headers"] = {unquote(name.strip()): unquote(value.strip()) for name, _, value in pairs}
    content = env.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "").strip().lower()
    found |= {"content": content in _CONTENT} if content else {}
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or env.get("OTEL_TRACES_EXPORTER", "").strip() == "none":
        found |= {"endpoint": "", "traces_endpoint": ""}
    return found
