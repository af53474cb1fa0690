"""The tools of configured databases, a namespace each: `query` and `schema` read, named statements write."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from executor.builtin.handle import failing
from executor.builtin.sql_results import Changed, QueryRows, SqlSchema
from executor.builtin.sql_settings import MAX_ROWS, SqlSettings, StatementSettings
from executor.builtin.sql_types import argument_type
from executor.errors import ToolDeclarationError
from executor.tool import ToolContext, ToolFailed, tool
from executor.toolset import Toolset
from planner.toolspec import Json, Trust

if TYPE_CHECKING:  # SQLAlchemy takes a second to load
    from executor.builtin.sql_database import SqlDatabase

_SPARE_S = 10.0  # what a tool's own time-out allows beyond the database's


def sql_tools(databases: Mapping[str, SqlSettings]) -> Toolset:
    """The tools of all configured databases; raises ToolDeclarationError. Nothing is connected to."""
    toolset = Toolset()
    for name, settings in databases.items():
        toolset |= Toolset.declared(name, _tools_of(name, settings))
    return toolset


def _tools_of(name: str, settings: SqlSettings) -> list[Callable[..., Any]]:
    @cache
    def database() -> SqlDatabase:
        from executor.builtin.sql_database import SqlDatabase  # noqa: PLC0415  # it loads SQLAlchemy

        return SqlDatabase(name, settings)

    reads = _reads(settings, database)
    return [*reads, *(_statement(name, own, one, settings, database) for own, one in settings.statements.items())]


def _reads(settings: SqlSettings, database: Callable[[], SqlDatabase]) -> list[Callable[..., Any]]:
    trust: Trust = "trusted" if settings.trusted else "untrusted"
    time_out = settings.timeout_s + _SPARE_S

    @tool(effect="read", sensitive=("sql",), labels={"": trust}, bounds={"rows": "limit"}, timeout_s=time_out, seconds=0.2)
    @failing
    def query(
        sql: Annotated[str, Field(max_length=20_000, description="one SELECT; :name is a parameter")],
        params: dict[str, Json] | None = None,
        limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 100,
    ) -> QueryRows | ToolFailed:
        """Read with one SELECT, in a session that the database holds read-only."""
        return database().query(sql, params or {}, limit)

    @tool(effect="read", sensitive=(), labels={"": trust}, timeout_s=time_out, seconds=0.2)
    @failing
    def schema() -> SqlSchema | ToolFailed:
        """The tables with their columns."""
        return database().schema()

    for function in (query, schema):
        function.__doc__ = " ".join(filter(None, (function.__doc__, settings.about)))
    return [query, schema]


def _statement(
    name: str, own: str, statement: StatementSettings, settings: SqlSettings, database: Callable[[], SqlDatabase]
) -> Callable[..., Any]:
    where = f"[sql.{name}.statements.{own}]"
    types = {param: argument_type(written, f"{where} params.{param}") for param, written in statement.params.items()}
    for param in types:
        if keyword.iskeyword(param) or param == "context":
            raise ToolDeclarationError(f"{where} cannot have a parameter called {param}.", hint="Give it another name.")

    def run(context: ToolContext, **given: Any) -> Changed | ToolFailed:
        return database().run(statement, given, context.key)

    run.__name__ = own
    run.__doc__ = statement.about or f"Carry out the statement {own}."
    run.__annotations__ = {"context": ToolContext, **types, "return": Changed | ToolFailed}
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # a function takes attributes
        [inspect.Parameter(p, inspect.Parameter.KEYWORD_ONLY, default=_default(t), annotation=t) for p, t in _all(types)]
    )
    return tool(
        effect=statement.effect,
        idempotent=statement.idempotent,
        sensitive=statement.sensitive,
        labels={"": "trusted" if settings.trusted else "untrusted", "changed": "trusted"},
        timeout_s=settings.timeout_s + _SPARE_S,
        seconds=0.2,
        name=own,
    )(failing(run))


def _all(types: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [*types.items(), ("context", ToolContext)]


def _default(kind: Any) -> Any:
    """Nothing where there has to be a value."""
    optional = type(None) in getattr(kind, "__args__", ())
    return None if optional else inspect.Parameter.empty
