"""A declared function becomes a contract: its types are the schemas, its docstring the description."""

from __future__ import annotations

import copy as copying
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from executor.call import call_tool
from executor.errors import ToolDeclarationError
from executor.tool import MAX_DESCRIPTION, Tool, ToolContext, ToolDone, ToolFailed, bind_tool, tool
from planner.toolspec import Json

CONTEXT = ToolContext(key="k")


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Lead(BaseModel):
    name: str
    rating: float | None = None


class Address(TypedDict):
    title: str
    city: str


@dataclass
class Person:
    name: str
    born: date


class Ticket(BaseModel):
    title: str = "untitled"
    shown_as: str = Field(default="", alias="shownAs")
    extra: dict[str, str] = {"title": "kept"}


def declared(function: Callable[..., Any], **declaration: Any) -> Tool:
    return bind_tool("t", tool(**{"effect": "read", **declaration})(function))


async def test_models_typed_dicts_dataclasses_literals_and_enums_go_in_and_out() -> None:
    def mix(
        lead: Lead, address: Address, person: Person, size: Size, mode: Literal["a", "b"], days: list[date]
    ) -> tuple[Lead, Address, Person, Size, str, list[date]]:
        """Mix."""
        assert isinstance(lead, Lead)
        assert isinstance(person, Person)
        assert isinstance(person.born, date)
        return lead, address, person, size, mode, days

    arguments: dict[str, Json] = {
        "lead": {"name": "A", "rating": 4.5},
        "address": {"title": "Dr", "city": "Bonn"},
        "person": {"name": "P", "born": "1980-02-29"},
        "size": "l",
        "mode": "b",
        "days": ["2025-01-01"],
    }
    given = copying.deepcopy(arguments)
    assert await call_tool(declared(mix), arguments, CONTEXT) == ToolDone(list(given.values()))
    assert arguments == given


def test_the_failure_is_no_part_of_the_output_schema() -> None:
    def find(name: str) -> Lead | ToolFailed | None:
        """Find."""

    def fail() -> ToolFailed:
        """Fail."""
        return ToolFailed("always")

    rating = {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None}
    lead = {"properties": {"name": {"type": "string"}, "rating": rating}, "required": ["name"], "type": "object"}
    assert declared(find).spec.output_schema == {
        "$defs": {"Lead": lead},
        "anyOf": [{"$ref": "#/$defs/Lead"}, {"type": "null"}],
    }
    assert declared(fail).spec.output_schema == {"type": "null"}


async def test_a_property_named_title_survives_while_generated_titles_go() -> None:
    def file_ticket(title: str, ticket: Ticket, address: Address) -> Ticket:
        """File a ticket."""
        return ticket

    filed = declared(file_ticket)
    schema = filed.spec.input_schema
    assert schema["properties"]["title"] == {"type": "string"}
    assert schema["required"] == ["title", "ticket", "address"]
    assert schema["$defs"]["Address"]["properties"]["title"] == {"type": "string"}
    assert schema["$defs"]["Ticket"] == {
        "properties": {
            "title": {"type": "string", "default": "untitled"},
            "shownAs": {"type": "string", "default": ""},
            "extra": {"type": "object", "additionalProperties": {"type": "string"}, "default": {"title": "kept"}},
        },
        "type": "object",
    }
    assert "title" not in schema


async def test_a_result_is_written_by_the_names_of_its_schema() -> None:
    def ticket() -> Ticket:
        """Give a ticket."""
        return Ticket(shownAs="x")

    result = await call_tool(declared(ticket), {}, CONTEXT)
    assert result == ToolDone({"title": "untitled", "shownAs": "x", "extra": {"title": "kept"}})


async def test_arguments_may_have_names_that_pydantic_uses_itself() -> None:
    def odd(copy: int, json: str, model_config: str, schema: str = "s", _hidden: int = 0) -> list[Json]:
        """Take odd names."""
        return [copy, json, model_config, schema, _hidden]

    odd_tool = declared(odd, sensitive=("json",))
    assert list(odd_tool.spec.input_schema["properties"]) == ["copy", "json", "model_config", "schema", "_hidden"]
    arguments = {"copy": 1, "json": "{}", "model_config": "m"}
    assert await call_tool(odd_tool, arguments, CONTEXT) == ToolDone([1, "{}", "m", "s", 0])
    refused = await call_tool(odd_tool, {**arguments, "argument_copy": 2}, CONTEXT)
    assert isinstance(refused, ToolFailed)


def test_extra_arguments_are_refused_by_the_schema_as_well() -> None:
    def find(name: Annotated[str, Field(description="whole name", max_length=40)]) -> str:
        """Find one."""
        return name

    assert declared(find).spec.input_schema == {
        "additionalProperties": False,
        "properties": {"name": {"description": "whole name", "maxLength": 40, "type": "string"}},
        "required": ["name"],
        "type": "object",
    }


def test_what_a_tool_declares_stands_in_its_contract() -> None:
    def send(to: str, limit: int = 3) -> list[str]:
        """Send a mail.

        Nobody but a reader of the code sees this.
        """
        return [to][:limit]

    spec = declared(
        send, effect="irreversible", open_world=True, sensitive=("to",), bounds={"": "limit"}, usd=0.01,
        timeout_s=5.0, retries=0, labels={"": "untrusted"}, not_found=True, probe=lambda key: True,
    ).spec  # fmt: skip
    assert (spec.name, spec.description) == ("t.send", "Send a mail.")
    assert (spec.effect, spec.open_world, spec.probed, spec.not_found) == ("irreversible", True, True, True)
    assert (spec.sensitive, spec.bounds, spec.labels) == (("to",), {"": "limit"}, {"": "untrusted"})
    assert (spec.usd, spec.timeout_s, spec.retries) == (0.01, 5.0, 0)


def _undocumented(a: int) -> int:
    return a


def _untyped(a) -> int:  # type: ignore[no-untyped-def]
    """Take anything."""
    return 1


def _untyped_result(a: int):  # type: ignore[no-untyped-def]
    """Give anything."""


def _starred(*names: str) -> int:
    """Take many."""
    return 1


def _open(**names: str) -> int:
    """Take all."""
    return 1


def _positional(a: int, /) -> int:
    """Take by position."""
    return a


def _callback(then: Callable[[], int]) -> int:
    """Take a function."""
    return then()


def _socket() -> threading_like:  # type: ignore[name-defined]  # noqa: F821
    """Return what nobody knows."""


def _opaque() -> object:
    """Return what has a schema that says nothing."""


class _Opaque:
    pass


def _opaque_argument(it: _Opaque) -> int:
    """Take what has no schema."""
    return 1


def _wordy() -> int:
    return 1


_wordy.__doc__ = "x" * (MAX_DESCRIPTION + 1)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_undocumented, "t._undocumented has no docstring. Say in one sentence what it does."),
        (_untyped, "t._untyped does not say the type of a. Annotate it."),
        (_untyped_result, "t._untyped_result does not say the type of its result. Annotate it."),
        (_starred, "t._starred takes *names: 'str'. A tool's arguments are named, one by one."),
        (_open, "t._open takes **names: 'str'. A tool's arguments are named, one by one."),
        (_positional, "t._positional takes a: 'int'. A tool's arguments are named, one by one."),
        (_callback, "Arguments are JSON or pydantic types."),
        (_socket, "Types of a tool's signature have to be defined in its module."),
        (_opaque_argument, "Arguments are JSON or pydantic types."),
        (_wordy, "t._wordy describes itself in 301 characters; 300 is the limit."),
    ],
)
def test_a_function_that_cannot_be_a_tool_says_why(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(ToolDeclarationError) as refused:
        declared(function)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ({"sensitive": ("b",)}, "t.f declares something of `b`, which is no argument of it."),
        ({"bounds": {"": "b"}}, "t.f declares something of `b`, which is no argument of it."),
        ({"name": "find-leads"}, "`find-leads` cannot be a tool's name."),
        ({"name": "class"}, "`class` cannot be a tool's name."),
        ({"killable": True}, "t.f is killable but no function of a module."),
    ],
)
def test_a_declaration_that_does_not_fit_says_why(declaration: dict[str, Any], message: str) -> None:
    def f(a: int) -> int:
        """Give it."""
        return a

    with pytest.raises(ToolDeclarationError) as refused:
        declared(f, **declaration)
    assert message in str(refused.value)


async def _async_one() -> int:
    """Give one."""
    return 1


def test_a_killable_async_function_is_refused() -> None:
    with pytest.raises(ToolDeclarationError, match="killable and async"):
        declared(_async_one, killable=True)


def test_a_function_without_a_declaration_is_no_tool() -> None:
    with pytest.raises(ToolDeclarationError, match="Decorate it"):
        bind_tool("t", copying.copy)
