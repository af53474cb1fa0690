"""Keys: what the configuration says of who may come from outside: API keys by their hashes, an issuer of tokens, a proxy."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from executor.tenant import MARK, is_tenant
from planrail.limit_settings import LimitSettings

_PREFIX = "pr_"  # of a key, so that scanners for leaked secrets find it
_BYTES = 32
APPROVE = "approve"
_SIGNED = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")  # by a key pair


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ApiKey(_Settings):
    """One key: the hash of its text, and who it stands for."""

    hash: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    principal: str = Field(min_length=1, max_length=200)
    kind: Literal["user", "agent"] = "agent"  # agent: a model writes what comes with the key, and approves nothing
    scopes: frozenset[str] = frozenset()  # "approve": may give the approvals of the principal's runs
    tenants: frozenset[str] = frozenset()  # the only ones it may name; none: it is bound to none

    @field_validator("principal")
    @classmethod
    def _untenanted(cls, principal: str) -> str:
        if principal.startswith(MARK):
            raise ValueError(f"a principal does not begin with {MARK}")
        return principal

    @field_validator("tenants")
    @classmethod
    def _named(cls, tenants: frozenset[str]) -> frozenset[str]:
        if not all(map(is_tenant, tenants)):
            raise ValueError("a tenant is a printable text of at most 200 characters")
        return tenants


class ProxySettings(_Settings):
    """A proxy that asks callers for their certificates (mTLS) and says in a header whose it was."""

    header: str = ""  # like x-client-cert-subject; empty: no proxy is believed
    trusted: tuple[str, ...] = ()  # addresses or networks of the proxies; the header from anywhere else is refused

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.header) != bool(self.trusted):
            raise ValueError("header and trusted go together")
        _ = [ip_network(place) for place in self.trusted]  # ValueError says which is none
        return self

    def trusts(self, peer: str | None) -> bool:
        """Whether the connection comes from such a proxy."""
        try:
            address = ip_address(peer or "")
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        networks: list[IPv4Network | IPv6Network] = [ip_network(place) for place in self.trusted]
        return any(mapped in network for network in networks)


class AuthSettings(_Settings):
    """Who may come from outside, besides the database's keys. Where nobody is known, only this machine is served."""

    keys: Mapping[str, ApiKey] = Field(default_factory=dict)  # by a name of yours: as `planrail keys create --toml` prints it
    resource: str = ""  # this server's own URL, which tokens have to name as their audience
    issuer: str = ""  # of OpenID or OAuth tokens, as they name it
    jwks_url: str = ""  # where the issuer's public keys are; empty: where /.well-known/openid-configuration says
    algorithms: tuple[str, ...] = ("RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "EdDSA")  # of tokens' signatures
    leeway_s: float = Field(default=30.0, ge=0, le=600)  # by which the issuer's clock may differ from this one
    tenant_claim: str = ""  # the tokens' claim that names the tenants they are bound to; empty: they are bound to none
    proxy: ProxySettings = ProxySettings()  # a table: header and trusted
    limits: LimitSettings = LimitSettings()  # how much each principal may ask for: a table, see Limits

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.issuer or self.jwks_url) and not (self.issuer and self.resource):
            raise ValueError("an issuer of tokens goes together with resource")
        if strange := sorted(set(self.algorithms) - set(_SIGNED)):
            raise ValueError(f"tokens are not believed by {strange[0]}: one of {', '.join(_SIGNED)}")
        return self

    @property
    def configured(self) -> bool:
        return bool(self.keys or self.issuer or self.proxy.header)


def new_key() -> str:
    """A new API key. Nobody keeps it: only its hash is kept."""
    return _PREFIX + secrets.token_urlsafe(_BYTES)


def hash_of(key: str) -> str:
    """What is kept of a key. Keys are random and long: a plain hash is enough."""
    return f"sha256:{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()}"
