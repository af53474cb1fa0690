"""Tenant: a space of a principal's own, told in its id: `@acme/ann` is `ann` within `acme`, and sees what was done there.

The tenant is percent-encoded and holds no slash, and no other id begins with `@`: no two spaces have one id.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from executor.submission import Principal

MARK = "@"
LONGEST = 200  # characters of a tenant


def is_tenant(name: str) -> bool:
    """Whether it can name a tenant."""
    return 0 < len(name) <= LONGEST and name.isprintable() and not any("\ud800" <= c <= "\udfff" for c in name)


def within(principal: Principal, tenant: str) -> Principal:
    """The principal in that tenant; itself where none is named."""
    if not tenant:
        return principal
    assert is_tenant(tenant)
    assert not principal.id.startswith(MARK)
    return principal.model_copy(update={"id": f"{MARK}{quote(tenant, safe='')}/{principal.id}"})


def account(principal: str) -> str:
    """Whose id it is, in whatever tenant: what quotas count for."""
    return principal.partition("/")[2] if principal.startswith(MARK) else principal


def tenant_of(principal: str) -> str:
    """The tenant that an id tells; "" for none."""
    return unquote(principal[1:].partition("/")[0]) if principal.startswith(MARK) else ""
