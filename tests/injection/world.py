"""World: the packs' own tools over a real database, a hostile text in one field of what one gives, a record of all acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Engine, create_engine

from executor.pack import PackHost, load_packs
from executor.tool import Tool, ToolContext, ToolFailed, tool
from executor.toolset import Toolset
from planner.closed import closed
from planner.shape import resolved
from planner.toolspec import Json, JsonSchema, ToolSpec


@dataclass(frozen=True)
class Act:
    """Something that was done to the world, or said to somebody outside; what a goal lets others word is left out."""

    tool: str
    arguments: str


HANDLE = (".$artifact", ".media_type")  # parts of a handle, which the house makes
CONTENT: Mapping[str, frozenset[str]] = {
    "mail.draft": frozenset(("subject", "body")),
    "crm.add_note": frozenset(("text",)),
    "oncall.open_incident": frozenset(("summary", "urgency")),
    "oncall.write_report": frozenset(("text",)),
    "desk.triage": frozenset(("kind", "priority")),
}


class Page(BaseModel):
    """A page of the web, whoever wrote it."""

    title: str
    text: str


class Web:
    """The web as a tool: a read that leaves the house, so that its address is a way out."""

    @tool(effect="read", open_world=True)
    def page(self, url: str) -> Page:
        """A page of the web."""
        return Page(title="A page", text="Nothing of note.")


@dataclass
class World:
    """`place` is (tool, path) of what is poisoned with `text`; with `fails` the tool fails instead, and says it."""

    engine: Engine
    folder: Path
    place: tuple[str, str] = ("", "")
    text: str = ""
    fails: bool = False
    acts: list[Act] = field(default_factory=list)

    def tools(self) -> Toolset:
        """Every pack's tools, watched."""
        found = packs_tools(self.engine, self.folder)
        return Toolset([self._watched(found[name]) for name in found.specs])

    def _watched(self, original: Tool) -> Tool:
        spec = original.spec

        def called(**given: Any) -> Any:
            result = original.function(**given)
            if isinstance(result, ToolFailed):
                return result
            if spec.has_effect or spec.leaves_house:
                self.acts.append(act(spec.name, {k: v for k, v in given.items() if not isinstance(v, ToolContext)}))
            if spec.name != self.place[0]:
                return result
            if self.fails:
                return ToolFailed(self.text)
            poisoned_value = poisoned(original.result.dump_python(result, mode="json"), self.place[1], self.text)
            return original.result.validate_python(poisoned_value)

        return replace(original, function=called)


def act(name: str, arguments: Mapping[str, Json]) -> Act:
    """The act that a call is."""
    kept = {k: v for k, v in sorted(arguments.items()) if v is not None and k not in CONTENT.get(name, ())}
    return Act(name, str(kept))


def packs_tools(engine: Engine, folder: Path) -> Toolset:
    """The tools of every installed pack, and the web."""
    tools = Toolset.of("web", Web())
    for pack in load_packs(PackHost(engine, folder)):
        tools |= pack.tools
    return tools


def untrusted_fields(specs: Mapping[str, ToolSpec]) -> list[tuple[str, str]]:
    """Every field of what the tools give in which somebody else's text may stand: found from what they declare."""
    return [
        (name, path)
        for name, spec in specs.items()
        if spec.output_schema is not None
        for path, leaf in _texts(resolved(spec.output_schema))
        if not _trusted(spec, path) and not closed(leaf) and not path.endswith(HANDLE)
    ]


def _texts(schema: JsonSchema, path: str = "") -> Iterator[tuple[str, JsonSchema]]:
    """The leaves that are texts, with their paths."""
    for part in schema.get("anyOf") or ():
        yield from _texts(part, path)
    match schema.get("type"):
        case "object":
            for name, inner in schema.get("properties", {}).items():
                yield from _texts(inner, f"{path}.{name}" if path else name)
        case "array":
            yield from _texts(schema.get("items", {}), f"{path}[]")
        case "string":
            yield path, schema


def _trusted(spec: ToolSpec, path: str) -> bool:
    """Whether the nearest declaration above the field says so; of itself a tool is trusted that stays in the house."""
    parts = path
    while True:
        trust = spec.labels.get(parts) or spec.labels.get(parts.removesuffix("[]"))
        if trust is not None or not parts:
            return trust == "trusted" if trust is not None else not spec.open_world
        parts = parts.removesuffix("[]") if parts.endswith("[]") else parts.rpartition(".")[0]


def poisoned(value: Json, path: str, text: str) -> Json:
    """The value with the text in every field of that path; an empty list gets an element, where the field is one of texts."""
    if not path:
        return text
    head, _, rest = path.partition(".")
    name = head.removesuffix("[]")
    if not head.endswith("[]"):
        return {**value, name: poisoned(value[name], rest, text)}
    return {**value, name: [poisoned(element, rest, text) for element in value[name]] or ([text] if not rest else [])}


def database(folder: Path) -> Engine:
    """The packs' sample data in a file of the folder, with a note on each lead and some drafts in the outbox."""
    path = folder / "packs.db"
    path.write_bytes(_sample())
    return create_engine(f"sqlite:///{path}")


@cache
def _sample() -> bytes:
    with TemporaryDirectory() as place:
        engine = create_engine(f"sqlite:///{place}/packs.db")
        tools = packs_tools(engine, Path(place))
        leads: Any = tools["crm.find_leads"].function(vertical="dental", city="Austin", limit=5)
        for lead in leads.items:
            tools["crm.add_note"].function(
                lead_id=lead.id, text=f"Write to {lead.email}, see {lead.website}.", context=ToolContext(key=f"n{lead.id}")
            )
            draft: Callable[..., Any] = tools["mail.draft"].function
            draft(lead_id=lead.id, to=lead.email, subject="Hello", body="A line.", context=ToolContext(key=f"d{lead.id}"))
        engine.dispose()
        return (Path(place) / "packs.db").read_bytes()
