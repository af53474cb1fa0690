"""A2A: what the configuration says of the agent that others discover: a table of its own, `[a2a]`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class A2aSettings(BaseModel):
    """How this house shows itself as an A2A agent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = ""  # where clients reach this server from outside, as the card says it; empty: where it was asked
    grpc_port: int | None = Field(default=None, ge=0, le=65_535)  # gRPC too, at that port; 0 takes any that is free
    grpc_url: str = ""  # host:port by which clients reach gRPC from outside; empty: the host of `url`, and that port
    strict: bool = False  # A2A 1.0 alone, for those who verify the card as it was sent; else clients of 0.3 are served too
    heartbeat_s: float = Field(default=2.0, gt=0)  # between signs of life where nothing is said; the SDKs give up after five
    max_body: int = Field(default=4_000_000, ge=1_000)  # bytes of a request
    card: Path | None = None  # a card's source of your own, instead of the one that comes with Planrail
    public_skills: bool = True  # false: who is not authenticated sees the general skill alone
    card_max_age_s: int = Field(default=300, ge=0)  # so long others may keep the card before they ask again
    key_grace_s: int = Field(default=604_800, ge=0)  # a signing key that was rotated still signs so long, beside the new one
    secret_key: SecretStr | None = None  # seals what is secret in the database; several, with commas: the first one seals
    push_allow_private: tuple[str, ...] = ()  # hosts inside the house that clients may have notified, also over http
    push_ca_file: Path | None = None  # certificates of receivers to trust besides the usual ones, for intranets
    push_timeout_s: float = Field(default=15.0, ge=1, le=30)  # of one notification; then it is tried again
    push_first_retry_s: float = Field(default=2.0, gt=0, le=600)  # after a failure; doubled up to an hour
    push_give_up_s: float = Field(default=86_400.0, ge=0)  # of failures in a row; then only `planrail push retry` tries again
    push_keep_days: float = Field(default=30.0, ge=0)  # after the end of a task, or since it is given up, a webhook is known
    push_parallel: int = Field(default=64, ge=1)  # notifications at once, of this process; at most 16 to one place

    @field_validator("url")
    @classmethod
    def _whole(cls, url: str) -> str:
        """An absolute address without a slash at its end."""
        if url and not (url.startswith(("http://", "https://")) and url.isascii() and not any(c in url for c in " ?#@")):
            raise ValueError("write it like https://planner.example")
        return url.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and any(len(part.strip()) < 32 for part in secret.get_secret_value().split(",")):
            raise ValueError("take at least 32 characters, like what `openssl rand -hex 32` prints")
        return secret
