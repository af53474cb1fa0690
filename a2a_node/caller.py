"""Caller: who is behind a request, as the principal whose runs it sees."""

from __future__ import annotations

from a2a.server.context import ServerCallContext

from executor.submission import Principal

PRINCIPAL = "planrail.principal"  # in a request's scope, and in its call context's state
LOCAL = Principal(kind="agent")  # whoever is at this machine, where nobody is known; what comes is written by a model


def principal_of(context: ServerCallContext) -> Principal:
    """The principal that the door has found, in the tenant that the request names."""
    found = context.state.get(PRINCIPAL)
    return found if isinstance(found, Principal) else LOCAL
