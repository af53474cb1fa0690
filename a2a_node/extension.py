"""Extension: plan-execute/v1, by which a client that asks for it is shown the plan, each step, and the numbers of events.

It is inactive until a request names it in `A2A-Extensions` (A2A 1.0, section 4.6). docs/a2a/plan-execute-v1.md is its text.
Numbers of events, revisions and attempts travel as strings: a JSON number of a data part is a double.
"""

from __future__ import annotations

from collections.abc import Mapping

from a2a.server.context import ServerCallContext
from google.protobuf.struct_pb2 import Struct

from planner.toolspec import Json

URI = "https://w3id.org/planrail/a2a/plan-execute/v1"
AFTER = "after"  # in a message's metadata under the URI: the number of the event that the client has seen last
AFTER_HEADER = "planrail-after"  # the same of a subscription, whose request has no metadata


def is_active(context: ServerCallContext) -> bool:
    """Whether the request asks for the extension."""
    return URI in context.requested_extensions


def metadata(told: Mapping[str, Json]) -> Struct:
    """What the extension says of an update, under its URI; numbers as strings."""
    under = Struct()
    under.update({URI: {key: _text(value) for key, value in told.items() if value is not None}})
    return under


def _text(value: Json) -> Json:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
