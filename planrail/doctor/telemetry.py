"""Telemetry: what the doctor sees of where traces are sent."""

from __future__ import annotations

from importlib.util import find_spec

import httpx

from planrail.doctor.finding import Finding, note, problem, well
from planrail.doctor.shown import shown
from planrail.settings import Settings
from planrail.telemetry_settings import PROTOCOL
from planrail.traces import REMEDY

_REACH_S = 4.0


async def telemetry(settings: Settings) -> list[Finding]:
    """Whether traces arrive, where any are wanted. Nothing is sent that a collector would keep."""
    of = settings.telemetry
    if not of.url:
        return []
    if of.protocol != PROTOCOL:
        remedy = f"Set OTEL_EXPORTER_OTLP_PROTOCOL={PROTOCOL}, and the collector's port for HTTP (4318)."
        return [problem("traces", f"OTLP over {of.protocol} is not spoken: nothing is traced", remedy)]
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        return [problem("traces", "OpenTelemetry is not installed: nothing is traced", REMEDY)]
    headers = {name: value.get_secret_value() for name, value in of.headers.items()}
    headers["content-type"] = "application/x-protobuf"
    try:
        async with httpx.AsyncClient(timeout=_REACH_S) as client:
            reply = await client.post(of.url, headers=headers, content=b"")  # a request without spans
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        told = f"{shown(of.url)} cannot be reached ({type(error).__name__})"
        return [problem("traces", told, "Start the collector, or correct OTEL_EXPORTER_OTLP_ENDPOINT.")]
    if reply.status_code in (401, 403):
        return [problem("traces", f"{shown(of.url)} refuses us", "Set OTEL_EXPORTER_OTLP_HEADERS to what the collector wants.")]
    if reply.status_code == 404:
        told = f"{shown(of.url)} takes no traces (404)"
        return [problem("traces", told, "Correct OTEL_EXPORTER_OTLP_ENDPOINT: /v1/traces is added to it.")]
    found = [well("traces", f"they are sent to {shown(of.url)}")]
    if of.content:
        remedy = "Set telemetry.content to false, unless that is meant."
        found.append(note("traces", "they hold goals, arguments and answers", remedy))
    return found
