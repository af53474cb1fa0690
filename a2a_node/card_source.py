"""Card source: what a card says wherever it is served: `agent-card.json` at the repository's root, or a file of one's own.

It is an agent card without what only a deployment knows: no addresses, no signatures; `{issuer}` stands for the issuer's URL.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from a2a.types.a2a_pb2 import AgentCard
from google.protobuf.json_format import ParseDict, ParseError

from planner.toolspec import Json
from planrail.settings import SettingsError

_NAME = "agent-card.json"
_DEPLOYED = ("supported_interfaces", "signatures")


def own_source() -> Path:
    """The file that comes with Planrail: beside this module where it is installed, at the root of its repository."""
    here = Path(__file__).parent
    installed = here / _NAME
    return installed if installed.exists() else here.parent / _NAME


def card_source(path: Path | None = None) -> AgentCard:
    """The source in a file, or the one that comes with Planrail; raises SettingsError."""
    of = path or own_source()
    try:
        card = _read(json.loads(of.read_text(encoding="utf-8")))
    except (OSError, ValueError, ParseError) as error:
        raise SettingsError(f"{of} is no agent card: {_why(error)}", hint=f"Begin with a copy of {own_source()}.") from error
    for name in _DEPLOYED:
        if getattr(card, name):
            raise SettingsError(
                f"{of} has {AgentCard.DESCRIPTOR.fields_by_name[name].json_name}, which only the deployment knows.",
                hint="Remove it; a2a.url says where the agent is reached, `planrail keys` what signs its card.",
            )
    return card


def _read(document: Json) -> AgentCard:
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")
    return ParseDict(document, AgentCard())


def _why(error: OSError | ValueError | ParseError) -> str:
    """In a line, and without the names of protobuf's messages."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return re.sub(r'Message type "[\w.]+" has', "it has", str(error)).partition("\n")[0]
