"""Plan: a script in typed form, which is also JSON with a published JSON Schema (docs/plan.schema.json).

It is what clients submit, what is stored and what travels. Expressions are kept as source text in the plan language;
`planner.script` turns a script into a Plan and back, `planner.program` into the steps that run.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_SOURCE = 20_000  # characters of one expression; a longer one is refused
Source = Annotated[str, Field(min_length=1, max_length=MAX_SOURCE, description="an expression of the plan language")]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
TargetSource = Annotated[str, Field(min_length=1, max_length=1_000, description="`l`, or `a, b`, or `i, (a, b)`")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class For(_Part):
    """`for target in iterable if condition …` of a map."""

    target: TargetSource
    iterable: Source
    conditions: tuple[Source, ...] = ()


class CallStatement(_Part):
    """A statement that is one call, or one map of a call: `to = [call(args, named) for … in …]`."""

    kind: Literal["call"] = "call"
    to: tuple[Identifier, ...] = ()
    call: Annotated[str, Field(max_length=250, description="a tool as `namespace.name`, or ask, choose, expect, …")]
    args: tuple[Source, ...] = ()
    named: dict[Identifier, Source] = Field(default_factory=dict)
    splat: Source | None = None  # `**expression`
    each: tuple[For, ...] = ()  # a map: one call for every combination, in parallel


class Let(_Part):
    """A name for the value of an expression. Calls within the expression are steps of their own."""

    kind: Literal["let"] = "let"
    to: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    value: Source


class If(_Part):
    """A guard: the statements of one branch run, the others are skipped."""

    kind: Literal["if"] = "if"
    test: Source
    then: tuple[Statement, ...]
    orelse: tuple[Statement, ...] = ()


Statement = Annotated[CallStatement | Let | If, Field(discriminator="kind")]


class Plan(BaseModel):
    """A program of the plan language: its statements in the order of the script."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    statements: tuple[Statement, ...]
