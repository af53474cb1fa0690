"""Caller: who is behind a request, as the principal whose runs it sees."""

from __future__ import annotations

from a2a.server.context import ServerCallContext
from a2a.utils.errors import InvalidParamsError

from executor.submission import Principal
from planrail.auth import Identity

IDENTITY = "planrail.identity"  # in a request's scope, and in its call context's state


def principal_of(context: ServerCallContext) -> Principal:
    """The principal that the door has found, in the tenant that the request names.

    Raises InvalidParamsError for a tenant that its key does not reach, whatever is there. A request that no door has let
    in has no caller, and fails.
    """
    found: Identity = context.state[IDENTITY]
    principal = found.within(context.tenant)
    if principal is None:
        raise InvalidParamsError("The tenant is none of yours." if context.tenant else "Say which of your tenants is meant.")
    return principal
