"""Resources: runs, their events, plans, artifacts and playbooks, by address.

    run://{id}   run://{id}/events   plan://{id}   artifact://{run}/{hash}   playbook://{name}

An artifact's address names a run, since a principal reads what its own runs have made and nothing else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from urllib.parse import unquote

from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    BlobResourceContents,
    Completion,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from executor.submission import Principal
from mcp_server.door import Door
from mcp_server.waiting import view_of
from planner.errors import PlanrailError

_LISTED = 30  # runs in the list of resources
_EVENTS = 2_000  # of a run that are told at once, the latest
_JSON = "application/json"

_ADDRESSES = (
    ("run", "A run", "run://{id}", _JSON, "Status, steps, answer, cost."),
    ("run events", "A run's events", "run://{id}/events", _JSON, "Its journal."),
    ("plan", "A run's plan", "plan://{id}", "text/plain", "Its script."),
    ("artifact", "An artifact", "artifact://{run}/{hash}", None, "What a run has stored."),
    ("playbook", "A playbook", "playbook://{name}", "text/plain", "A plan with slots."),
)
TEMPLATES = tuple(
    ResourceTemplate(name=name, title=title, uri_template=address, mime_type=kind, description=about)
    for name, title, address, kind, about in _ADDRESSES
)


class Resources:
    """Reads and lists what has an address."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def listed(self, who: Principal) -> list[Resource]:
        """The playbooks, and the newest runs."""
        books = [
            Resource(uri=f"playbook://{p.name}", name=p.name, title=p.goals[0] if p.goals else p.name, mime_type="text/plain")
            for p in self._door.house.playbooks
        ]
        runs = await self._door.house.runs.find(who, limit=_LISTED)
        return books + [
            Resource(uri=f"run://{r.id}", name=r.id, title=r.goal[:100] or "a script", mime_type=_JSON) for r in runs
        ]

    async def read(self, uri: str, who: Principal) -> ReadResourceResult:
        """What stands at an address; raises MCPError for one where nothing is, or nothing of this principal."""
        scheme, _, rest = uri.partition("://")
        parts = [unquote(p) for p in rest.split("/") if p]
        try:
            match scheme, parts:
                case "run", [run]:
                    view = await view_of(self._door.house, run, who)
                    return _text(uri, json.dumps(view.model_dump(mode="json"), ensure_ascii=False), _JSON)
                case "run", [run, "events"]:
                    return _text(uri, await self._events(run, who), _JSON)
                case "plan", [run]:
                    view = await view_of(self._door.house, run, who)
                    return _text(uri, view.script or "(no plan yet)", "text/plain")
                case "artifact", [run, content_hash]:
                    return _bytes(uri, await self._door.house.runs.artifact(run, content_hash, who))
                case "playbook", [name]:
                    return _text(uri, self._door.house.playbooks.get(name).script, "text/plain")
        except PlanrailError as error:
            raise _missing(uri, error.message) from None
        raise _missing(uri, "There is no such address.")

    async def _events(self, run: str, who: Principal) -> str:
        events = [r async for r in self._door.house.runs.events(run, who, follow=False)]
        return json.dumps([r.model_dump(mode="json") for r in events[-_EVENTS:]], ensure_ascii=False)

    async def completed(self, template: str, argument: str, value: str, who: Principal) -> Completion:
        """Ids and names that begin so."""
        if template.startswith("playbook://"):
            return _completion([p.name for p in self._door.house.playbooks if p.name.startswith(value)])
        if argument in ("id", "run"):
            return _completion([r.id for r in await self._door.house.runs.find(who, limit=200) if r.id.startswith(value)])
        return _completion([])


def _completion(found: Sequence[str]) -> Completion:
    return Completion(values=list(found[:100]), total=len(found), has_more=len(found) > 100)


def _text(uri: str, text: str, mime_type: str) -> ReadResourceResult:
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, text=text, mime_type=mime_type)])


def _bytes(uri: str, content: bytes) -> ReadResourceResult:
    try:
        return _text(uri, content.decode("utf-8"), "text/plain")
    except UnicodeDecodeError:
        blob = base64.b64encode(content).decode("ascii")
        return ReadResourceResult(contents=[BlobResourceContents(uri=uri, blob=blob, mime_type="application/octet-stream")])


def _missing(uri: str, why: str) -> MCPError:
    """SEP-2164: a resource that there is not is an invalid parameter, with its address in the data."""
    return MCPError(INVALID_PARAMS, f"Resource not found: {why}", {"uri": uri})
