"""Suite: the file that says which goals are tried and what has to come of each. The format: docs/evals.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from executor.events import RunStatus
from planner.budget import Budget
from planner.errors import CompileError, PlanrailError
from planner.parse import parse_expression
from planner.prices import Rates
from planner.toolspec import Json

MAX_BYTES = 2_000_000  # of a suite's file; cases by the thousand belong into several


class SuiteError(PlanrailError):
    """The suite's file cannot be meant: the message says where."""

    fault = "user"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text[:60]!r} is no regular expression: {error}") from None
    return text


def _expression(text: str) -> str:
    try:
        parse_expression(text)
    except CompileError as error:
        told = error.diagnostics[0].message
        raise ValueError(f"{text[:60]!r} is no expression of the plan language: {told}") from None
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
Expression = Annotated[str, AfterValidator(_expression)]


class Said(_Part):
    """What a scripted model says to a prompt that matches. The first that fits is taken."""

    when: Pattern = ""  # a regular expression, looked for in the prompt's last message
    says: str | Mapping[str, Json]  # a text; or an object, which is written as JSON


class ScriptedRole(_Part):
    """A model that is played: real tokens of what it is sent and says, at the price of the model that it is named for."""

    model: str
    replies: tuple[Said, ...]
    price: Rates | None = None  # where the price list does not know the model


class ScriptedModels(_Part):
    """The models of a suite that needs none; without it the configured ones are asked."""

    planner: ScriptedRole | None = None
    executor: ScriptedRole | None = None


class Answered(_Part):
    """What a person would answer to a question that matches."""

    asks: Pattern = ""  # a regular expression, looked for in the question's text
    answer: Json = None
    refused: bool = False


class CallsMade(_Part):
    """How often a tool is to be called; `with` says which of its calls count: those that have these arguments."""

    tool: str
    times: int | None = Field(default=None, ge=0)
    at_least: int | None = Field(default=None, ge=0)
    at_most: int | None = Field(default=None, ge=0)
    arguments: Mapping[str, Json] = Field(default_factory=dict, alias="with")

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if self.times is None and self.at_least is None and self.at_most is None:
            raise ValueError("say how often: times, at_least or at_most")
        return self


class Rows(_Part):
    """What a question to the database gives, in a session that only reads."""

    sql: str
    gives: tuple[tuple[Json, ...], ...]


class Most(_Part):
    """Ceilings of one session. One more than that fails the case."""

    seconds: float | None = Field(default=None, gt=0)
    usd: float | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    steps: int | None = Field(default=None, ge=0)
    calls: int | None = Field(default=None, ge=0)
    model_calls: int | None = Field(default=None, ge=0)
    replans: int | None = Field(default=None, ge=0)


class Expected(_Part):
    """What has to come of a case; what is not named is not looked at."""

    status: RunStatus = "done"
    answer: Json = None  # equal to this, where it is named
    contains: tuple[str, ...] = ()  # each stands in the answer, which is read as text
    holds: tuple[Expression, ...] = ()  # expressions of the plan language over `answer`, each true
    asked: tuple[Pattern, ...] = ()  # each matches a question that was asked
    calls: tuple[CallsMade, ...] = ()
    database: tuple[Rows, ...] = ()
    most: Most = Most()


class Case(_Part):
    """One goal, in words or as a plan, and what has to come of it."""

    name: str = Field(min_length=1, max_length=120)
    goal: str = ""
    script: str | None = None
    playbook: str | None = None
    params: Mapping[str, Json] = Field(default_factory=dict)
    answers: tuple[Answered, ...] = ()  # of people; what is asked besides leaves the run waiting
    budget: Budget | None = None
    noise: bool = True  # its words may be garbled; false for goals in which each letter counts
    faults: bool = True  # its tools may be disturbed
    timeout_s: float = Field(default=120.0, gt=0)
    expect: Expected = Expected()


class Limits(_Part):
    """What the whole suite has to keep."""

    quality: float = Field(default=1.0, ge=0, le=1)  # share of the trials that pass
    p95_s: float | None = Field(default=None, gt=0)  # of the sessions' seconds
    usd: float | None = Field(default=None, ge=0)  # of a session, on average
    tokens: float | None = Field(default=None, ge=0)  # of a session, on average


class Suite(_Part):
    """A whole suite. Each trial of a case has a data folder and a database of its own, in which `setup` has run."""

    suite: str = Field(min_length=1, max_length=60)
    about: str = ""
    packs: tuple[str, ...] | None = None  # None: as configured
    setup: str | None = None  # a script that is run once before, with its approvals given
    models: ScriptedModels | Literal["configured"] = "configured"
    limits: Limits = Limits()
    cases: tuple[Case, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [c.name for c in self.cases]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"two cases are named {twice[0]!r}")
        return self


def read_suite(path: Path) -> Suite:
    """The suite of a file; raises SuiteError, with the line."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SuiteError(f"{path} is not UTF-8: byte {error.start} is {raw[error.start]:#04x}.") from None
    if len(raw) > MAX_BYTES:
        raise SuiteError(f"{path} has more than {MAX_BYTES:,} bytes.", hint="Split it.")
    return suite_of(text, str(path))


def suite_of(text: str, name: str) -> Suite:
    """The suite of a text; raises SuiteError, which calls it by that name."""
    try:
        tree = yaml.compose(text, Loader=_Plain)
        read = yaml.load(text, Loader=_Plain)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = 0 if error.problem_mark is None else error.problem_mark.line + 1
        raise SuiteError(f"{name}, line {line}: {error.problem or 'this is no YAML'}.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SuiteError(f"{name} is no YAML: {str(error)[:200]}.") from None
    try:
        return Suite.model_validate(read, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        told = first["msg"].removeprefix("Value error, ")
        where = ".".join(str(p) for p in first["loc"])
        raise SuiteError(
            f"{name}, line {_line(tree, first['loc'])}: {where + ': ' if where else ''}{told}.",
            hint="docs/evals.md has the format.",
        ) from None


class _Plain(yaml.SafeLoader):
    """YAML without aliases, which could make a small file huge, and with dates left as they are written."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not taken", mark)
        return super().compose_node(parent, index)


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _line(tree: Any, place: tuple[int | str, ...]) -> int:
    """The line of the part of the tree that lies at that place, as near as it gets."""
    line = 1
    for part in place:
        if tree is None:
            break
        line = tree.start_mark.line + 1
        children: list[tuple[Any, Any]] = []
        if isinstance(tree, yaml.MappingNode):
            children = [(key.value, value) for key, value in tree.value]
            line = next((key.start_mark.line + 1 for key, _ in tree.value if key.value == part), line)
        elif isinstance(tree, yaml.SequenceNode):
            children = list(enumerate(tree.value))
        tree = next((value for key, value in children if key == part), None)
    return line if tree is None else int(tree.start_mark.line) + 1
