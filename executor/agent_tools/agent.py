"""Agent: another agent as it is configured, and its card as it was pinned. The pins stand in a folder, a file an agent.

    [agents.flights]
    url = "https://flights.example"
    usd = 0.20
    timeout_s = 300

What a card says of its agent is the agent's word: the pin holds that it is the same word as when a person last looked.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from executor.errors import UnknownAgent
from planner.toolspec import Effect, Json

EXTENSION = "https://w3id.org/planrail/a2a/plan-execute/v1"  # Planrail's own: whose card has it takes a message once
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")  # of an agent; it is a file's name, too
_NO_NAME = re.compile(r"[^a-z0-9]+")


class AgentSettings(BaseModel):
    """One agent that plans may delegate to, and what is believed of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str  # of the agent, below which its card lies, or of the card itself where it ends in .json
    effect: Effect = "irreversible"  # what a delegated step counts as: read, write or irreversible
    idempotent: bool | None = None  # a message with the same id is taken once; unset: if its card has Planrail's extension
    commutes: bool = False  # the order among other effects does not matter: delegated steps run side by side
    usd: float = Field(default=0.0, ge=0)  # what a call costs, at most: the certificate counts it
    seconds: float = Field(default=30.0, gt=0)  # what a call usually takes, for the critical path
    timeout_s: float = Field(default=600.0, gt=0)  # a call is given up, and cancelled there, after so long
    max_bytes: int = Field(default=4 << 20, gt=0)  # of all that an agent says in a call; more is a failure
    require_signature: bool = False  # a card that is not signed, or by another key than the pinned one, is refused
    token_secret: str = ""  # the secret that is sent as the bearer token, or as the API key that the card asks for
    pin: str = ""  # what the card's digest has to be (`planrail agents list` shows it); unset: what it was at first

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("url is no http address")
        return url.rstrip("/")


class Pinned(BaseModel):
    """A card as a person last saw it. It holds as long as the digest is the same, or the key where it is signed by one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    settings: AgentSettings  # as `planrail agents add` was told; of an agent of planrail.toml, as they were then
    card: Mapping[str, Any]  # as it was served
    digest: str  # of the card without its signatures
    thumbprint: str = ""  # of the key that has signed it (RFC 7638), where that was checked
    at: datetime


@dataclass(frozen=True)
class Agent:
    """An agent that plans may name. `pinned` is None where nobody has looked at its card yet."""

    name: str
    settings: AgentSettings
    pinned: Pinned | None = None

    @property
    def card(self) -> Mapping[str, Any]:
        return {} if self.pinned is None else self.pinned.card

    @property
    def idempotent(self) -> bool:
        """Whether it takes a message with the same id once; another Planrail does."""
        if self.settings.idempotent is not None:
            return self.settings.idempotent
        capabilities = self.card.get("capabilities")
        listed = capabilities.get("extensions") if isinstance(capabilities, Mapping) else None
        return any(isinstance(e, Mapping) and e.get("uri") == EXTENSION for e in listed or ())

    @property
    def description(self) -> str:
        """What its card says that it is for; a stranger's words."""
        said = str(self.card.get("description") or self.card.get("name") or "another agent").strip().rstrip(".")
        skills = [_told(skill) for skill in self.card.get("skills") or () if isinstance(skill, Mapping)]
        return f"{said}. Skills: {'; '.join(filter(None, skills))}" if any(skills) else f"{said}."


class Pins:
    """The pinned cards of a folder. All processes of a home share them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> Pinned | None:
        """The pin of that agent, as it is now; None where there is none, or none that can be read."""
        try:
            return Pinned.model_validate_json((self.folder / f"{name}.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def all(self) -> dict[str, Pinned]:
        """All pins, by the names of their agents."""
        names = sorted(path.stem for path in self.folder.glob("*.json") if NAME.fullmatch(path.stem))
        return {name: pinned for name in names if (pinned := self.read(name)) is not None}

    def put(self, name: str, pinned: Pinned) -> None:
        """Pin that card; whoever reads meanwhile finds the old one or the new one, whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{name}.{secrets.token_hex(4)}"
        beside.write_text(json.dumps(pinned.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(beside, self.folder / f"{name}.json")

    def remove(self, name: str) -> None:
        """Forget that agent; raises UnknownAgent."""
        try:
            (self.folder / f"{name}.json").unlink()
        except FileNotFoundError:
            raise UnknownAgent(f"There is no agent {name} that was added.", hint="planrail agents list names them.") from None


def known_agents(configured: Mapping[str, AgentSettings], pins: Pins) -> dict[str, Agent]:
    """The agents of the configuration and those that were added, by name; the configuration's word wins."""
    pinned = pins.all()
    found = {name: Agent(name, configured.get(name, pin.settings), pin) for name, pin in pinned.items()}
    return dict(sorted({**{name: Agent(name, settings) for name, settings in configured.items()}, **found}.items()))


def name_of(card: Mapping[str, Json]) -> str:
    """A name for the agent of that card, of what it calls itself."""
    plain = _NO_NAME.sub("_", str(card.get("name", "")).lower()).strip("_")[:40] or "agent"
    return plain if plain[0].isalpha() else f"agent_{plain}"[:40]


def permitted_hosts(url: str, allow_private: tuple[str, ...]) -> tuple[str, ...]:
    """The hosts that need not be public: those of the setting, and the one that the URL spells as an address of this house.

    Whoever wrote `http://127.0.0.1:8700` meant it; a name that leads into the house is refused unless the setting names it.
    """
    host = (urlsplit(url).hostname or "").lower()
    try:
        ipaddress.ip_address(host)
        literal = True
    except ValueError:
        literal = host == "localhost"
    return (*allow_private, host) if literal else allow_private


def _told(skill: Mapping[str, Json]) -> str:
    return str(skill.get("name") or skill.get("id") or "").strip()
