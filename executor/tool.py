"""Tool: a typed function that plans may call, with what it declares of itself.

    @tool(effect="write", idempotent=True, sensitive=("email",))
    def upsert_lead(name: str, email: str, context: ToolContext) -> Lead | ToolFailed: ...

The parameters' types become the input schema and the return type the output schema; a parameter annotated `ToolContext` is
handed the call's context and is no argument. An expected failure is returned (`ToolFailed`), an exception is a bug. A sync
function runs in a thread of its own, an async one on the loop, one declared `killable` in a process of its own.
"""

from __future__ import annotations

import inspect
import keyword
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from executor.artifacts import Artifacts, MemoryArtifacts
from executor.errors import ToolDeclarationError
from executor.schema import untitled
from planner.guess import sensitive_arguments
from planner.toolspec import Effect, Json, JsonSchema, ToolSpec, Trust

FailureKind = Literal["not_found", "invalid", "refused", "transient", "timeout", "crashed", "failed"]
F = TypeVar("F", bound=Callable[..., Any])

MAX_DESCRIPTION = 300  # characters of a tool's description; a longer one is a ToolDeclarationError


@dataclass(frozen=True, slots=True)
class ToolDone:
    """A call that succeeded, with the JSON value it gave."""

    value: Json


@dataclass(frozen=True, slots=True)
class ToolFailed:
    """A call that failed as tools do. Only `transient` ones (nothing happened, later it may work) are retried."""

    message: str
    kind: FailureKind = "failed"
    retry_after_s: float | None = None


ToolResult = ToolDone | ToolFailed


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a call may know besides its arguments.

    `key` is the idempotency key: equal for every attempt at the same call, in any process. `workspace` is the one folder that
    the run's files live in.
    """

    key: str
    run: str = ""
    artifacts: Artifacts = field(default_factory=MemoryArtifacts)
    workspace: Path | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a tool says of itself beyond its types; the fields mean what they mean in `ToolSpec`."""

    effect: Effect
    idempotent: bool = False
    commutes: bool = False
    open_world: bool = False
    killable: bool = False
    sensitive: tuple[str, ...] | None = None  # None: nothing is said, and what looks sensitive is
    labels: Mapping[str, Trust] = field(default_factory=dict)
    bounds: Mapping[str, str] = field(default_factory=dict)
    not_found: bool = False
    usd: float = 0.0
    timeout_s: float = 30.0
    retries: int = 2
    seconds: float = 0.1
    probe: Callable[..., Any] | None = None  # key → whether that call took effect; a method's probe may be a method
    name: str | None = None
    server_in: str | None = None  # the argument whose URL names the server that is called; else the namespace is the server


def tool(
    *,
    effect: Effect,
    idempotent: bool = False,
    commutes: bool = False,
    open_world: bool = False,
    killable: bool = False,
    sensitive: tuple[str, ...] | None = None,
    labels: Mapping[str, Trust] | None = None,
    bounds: Mapping[str, str] | None = None,
    not_found: bool = False,
    usd: float = 0.0,
    timeout_s: float = 30.0,
    retries: int = 2,
    seconds: float = 0.1,
    probe: Callable[..., Any] | None = None,
    name: str | None = None,
    server_in: str | None = None,
) -> Callable[[F], F]:
    """Declare a function to be a tool; it stays the function it was. Its docstring's first paragraph is its description."""
    declaration = Declaration(
        effect=effect, idempotent=idempotent, commutes=commutes, open_world=open_world, killable=killable,
        sensitive=sensitive, labels=labels or {}, bounds=bounds or {}, not_found=not_found, usd=usd,
        timeout_s=timeout_s, retries=retries, seconds=seconds, probe=probe, name=name, server_in=server_in,
    )  # fmt: skip

    def declare(function: F) -> F:
        function.__planrail__ = declaration  # type: ignore[attr-defined]  # a function takes attributes
        return function

    return declare


class InvalidArguments(ValueError):
    """The arguments of a call are not what the tool takes."""


@dataclass(frozen=True)
class Tool:
    """A declared function, bound to its namespace and ready to be called by `executor.call`."""

    spec: ToolSpec
    function: Callable[..., Any]
    arguments: type[BaseModel]
    result: TypeAdapter[Any]
    context_parameter: str | None
    killable: bool
    probe: Callable[[str], Any] | None
    server_in: str | None = None

    @cached_property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of those that every call of it takes, besides what a plan gives it."""
        return ()

    @cached_property
    def fingerprint(self) -> str:
        """Its spec's fingerprint, worked out once."""
        return self.spec.fingerprint()

    def bind(self, arguments: Mapping[str, Json]) -> dict[str, Any]:
        """The arguments as the function's parameters take them; raises pydantic's ValidationError."""
        bound = self.arguments.model_validate(dict(arguments), strict=False)
        return {_parameter(name): value for name, value in bound.__dict__.items()}

    def misfit(self, value: Json) -> str:
        """Why a value that it gave is not what it declares; the types of a function have seen to that already."""
        return ""


def is_tool(candidate: object) -> bool:
    """Whether `@tool` has declared this function or method."""
    return callable(candidate) and isinstance(getattr(candidate, "__planrail__", None), Declaration)


def tool_name(namespace: str, function: Callable[..., Any]) -> str:
    """The full name that a declared function gets there, found without looking at its types; raises ToolDeclarationError."""
    own = _declared(function).name or function.__name__
    if not own.isidentifier() or keyword.iskeyword(own):
        raise ToolDeclarationError(f"`{own}` cannot be a tool's name.", hint="Give it one like `find_leads` with name=….")
    return f"{namespace}.{own}"


def bind_tool(namespace: str, function: Callable[..., Any]) -> Tool:
    """The Tool behind a declared function; raises ToolDeclarationError where its types cannot become schemas."""
    declaration = _declaration(function)
    name = tool_name(namespace, function)
    hints = _hints(function, name)
    context_parameter, arguments = _arguments(function, hints, name)
    result, output_schema = _result(hints, name)
    _check(declaration, function, arguments, name)
    input_schema = _input_schema(arguments, name)
    spec = ToolSpec(
        name=name,
        description=_description(function, name),
        input_schema=input_schema,
        output_schema=output_schema,
        probed=declaration.probe is not None,
        sensitive=declaration.sensitive or (),
        guessed=sensitive_arguments(input_schema) if declaration.sensitive is None else (),
        **{f: getattr(declaration, f) for f in _SPEC_FIELDS},
    )
    return Tool(
        spec, function, arguments, result, context_parameter, declaration.killable, declaration.probe, declaration.server_in
    )


_SPEC_FIELDS = (
    "effect", "idempotent", "commutes", "open_world", "labels", "bounds", "not_found", "usd", "timeout_s", "retries", "seconds",
)  # fmt: skip


def _declared(function: Callable[..., Any]) -> Declaration:
    declaration = getattr(function, "__planrail__", None)
    if not isinstance(declaration, Declaration):
        raise ToolDeclarationError(f"{function!r} is no tool.", hint="Decorate it with @tool(effect=…).")
    return declaration


def _declaration(function: Callable[..., Any]) -> Declaration:
    """What the function declares, its probe bound to the same object."""
    declaration = _declared(function)
    probe = declaration.probe
    if inspect.ismethod(function) and inspect.isfunction(probe) and len(inspect.signature(probe).parameters) > 1:
        return replace(declaration, probe=probe.__get__(function.__self__))  # a method of the same object
    return declaration


def _description(function: Callable[..., Any], name: str) -> str:
    first = (inspect.getdoc(function) or "").partition("\n\n")[0]
    if not first:
        raise ToolDeclarationError(f"{name} has no docstring.", hint="Say in one sentence what it does.")
    description = " ".join(first.split())
    if len(description) > MAX_DESCRIPTION:
        raise ToolDeclarationError(
            f"{name} describes itself in {len(description)} characters; {MAX_DESCRIPTION} is the limit.",
            hint="Planners pay for it each time: shorten the docstring's first paragraph, and put the rest below it.",
        )
    return description


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ToolDeclarationError(
            f"{name} has a type that cannot be resolved: {error}.",
            hint="Types of a tool's signature have to be defined in its module.",
        ) from error
    missing = [p for p in inspect.signature(function).parameters if p not in hints]
    if missing or "return" not in hints:
        what = ", ".join(missing) or "its result"
        raise ToolDeclarationError(f"{name} does not say the type of {what}.", hint="Annotate it.")
    return hints


def _arguments(function: Callable[..., Any], hints: dict[str, Any], name: str) -> tuple[str | None, type[BaseModel]]:
    context_parameter = None
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ToolDeclarationError(f"{name} takes {parameter}.", hint="A tool's arguments are named, one by one.")
        if hints[parameter.name] is ToolContext:
            context_parameter = parameter.name
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[_field(parameter.name)] = _typed(parameter.name, hints[parameter.name], default)
    try:
        return context_parameter, create_model(name, __config__=_ARGUMENTS, **fields)
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise ToolDeclarationError(f"{name}: {error}", hint=_JSON_ARGUMENTS) from error


_ARGUMENTS = ConfigDict(extra="forbid", protected_namespaces=())
_JSON_ARGUMENTS = "Arguments are JSON or pydantic types."
_SHADOWED = "argument_"  # what stands before a parameter's name that pydantic's models have themselves: `copy`, `json`


def _field(parameter: str) -> str:
    shadowing = parameter.startswith(("_", _SHADOWED)) or hasattr(BaseModel, parameter)
    return _SHADOWED + parameter if shadowing else parameter


def _parameter(field_name: str) -> str:
    return field_name.removeprefix(_SHADOWED)


def _typed(parameter: str, annotation: Any, default: Any) -> tuple[Any, Any]:
    if _field(parameter) == parameter:
        return annotation, default
    return annotation, Field(default, alias=parameter)


def _input_schema(arguments: type[BaseModel], name: str) -> JsonSchema:
    try:
        schema: JsonSchema = untitled(arguments.model_json_schema())
    except PydanticUserError as error:
        raise ToolDeclarationError(f"{name}: {error}", hint=_JSON_ARGUMENTS) from error
    return schema


def _result(hints: dict[str, Any], name: str) -> tuple[TypeAdapter[Any], JsonSchema]:
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(_without_failure(hints["return"]))
        return adapter, untitled(adapter.json_schema(mode="serialization"))
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise ToolDeclarationError(f"{name}: {error}", hint="A result is a JSON or pydantic type.") from error


def _without_failure(annotation: Any) -> Any:
    if annotation is ToolFailed:
        return None
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return annotation
    rest = tuple(a for a in typing.get_args(annotation) if a is not ToolFailed)
    return typing.Union[rest]  # noqa: UP007  # the members are known at run time only


def _check(d: Declaration, function: Callable[..., Any], arguments: type[BaseModel], name: str) -> None:
    for argument in (*(d.sensitive or ()), *d.bounds.values(), *filter(None, (d.server_in,))):
        if _field(argument) not in arguments.model_fields:
            raise ToolDeclarationError(f"{name} declares something of `{argument}`, which is no argument of it.")
    outside = inspect.ismethod(function) or "<locals>" in function.__qualname__ or function.__module__ == "__main__"
    if d.killable and outside:
        raise ToolDeclarationError(
            f"{name} is killable but no function of a module.",
            hint="A process of its own has to import it by name.",
        )
    if d.killable and inspect.iscoroutinefunction(function):
        raise ToolDeclarationError(f"{name} is killable and async.", hint="Async functions are cancelled as they are.")
