"""Forms: which calls are steps, and how the arguments of each kind of step are read."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from planner.agents import agents_of, tool_name_of, tools_alone
from planner.duration import duration_text
from planner.language import STEPS, TOOL, StepForm
from planner.library import FUNCTIONS, METHODS, RE_FUNCTIONS, LibraryFunction
from planner.names import Names
from planner.options import NO_OPTIONS, check_standing, duration, options_of
from planner.program import PERSON_KINDS, Options, Step
from planner.refusal import Refusal
from planner.secret import secret_name
from planner.syntax import Attribute, Call, Comprehension, Expr, Lambda, ListOf, Literal_, Name
from planner.toolspec import JsonSchema, ToolSpec
from planner.types import TypeRefused, schema_of
from planner.worst import LEAST_EVERY_S, MAX_POLLS, polls


@dataclass(frozen=True, slots=True)
class Form:
    """A call that is a step: its form, and its tool if it is one."""

    form: StepForm
    tool: ToolSpec | None = None


Lower = Callable[[Expr], Expr]


class Forms:
    """Recognises calls by the names that are known where they stand."""

    def __init__(self, tools: Mapping[str, ToolSpec], names: Names) -> None:
        self._tools = tools
        self._names = names

    def form(self, call: Call, local: frozenset[str]) -> Form | None:
        """The step that this call is; None for a function or a method. Raises Refusal for a tool or step that is not there."""
        match call.func:
            case Name(id=word) if word in STEPS:
                return Form(STEPS[word])
            case Attribute(value=Name(id=space), key=key) if not (space == "re" or self._is_value(space, local)):
                return self._tool_form(call, f"{space}.{key}")
            case _:
                return None

    def _tool_form(self, call: Call, name: str) -> Form:
        spec = self._tools.get(name)
        if spec is not None:
            return Form(TOOL, spec)
        near = difflib.get_close_matches(name, tools_alone(self._tools), n=3, cutoff=0.7)
        same = [t for t in self._tools if t.startswith(name.partition(".")[0] + ".")][:6]
        hint = f"Nearest: {', '.join(near or same)}." if near or same else "See the list of tools."
        raise Refusal.of(call, "unknown-tool", f"There is no tool {name}.", hint)

    def _is_value(self, name: str, local: frozenset[str]) -> bool:
        return name in local or self._names.readable(name, ()) != "unbound"

    def is_library(self, call: Call, local: frozenset[str]) -> bool:
        """Whether the call is one of `re.…`."""
        return isinstance(call.func, Attribute) and call.func.value == Name("re") and "re" not in local

    def check_function(self, call: Call, local: frozenset[str]) -> None:
        """Raise Refusal unless the call is a function or method of the library with arguments that it takes."""
        function = self._function(call, local)
        misuse = function.misuse(len(call.args), tuple(k for k, _ in call.keywords))
        if misuse:
            raise Refusal.of(call, "argument", f"{misuse}.", f"It is written `{function.signature}`.")
        for name, value in call.keywords:
            if name == "key" and not isinstance(value, Lambda):
                raise Refusal.of(value, "lambda", "key= takes a lambda.", "Write key=lambda x: x.field.")

    def _function(self, call: Call, local: frozenset[str]) -> LibraryFunction:
        match call.func:
            case Name(id=name) if name in FUNCTIONS:
                return FUNCTIONS[name]
            case Name(id="secret"):
                raise Refusal.of(call, "secret", "secret(…) stands only as an argument of a tool, by itself.")
            case Name(id=name):
                near = self._names.nearest(name, self._tools)
                raise Refusal.of(call, "unknown-function", f"There is no function {name}.", _or_else(near))
            case Attribute(key=name) if self.is_library(call, local) and name in RE_FUNCTIONS:
                return RE_FUNCTIONS[name]
            case Attribute(key=name) if not self.is_library(call, local) and name in METHODS:
                return METHODS[name]
            case Attribute(key=name):
                near = difflib.get_close_matches(name, [*METHODS, *(f"re.{n}" for n in RE_FUNCTIONS)], n=3)
                raise Refusal.of(call, "unknown-method", f"There is no method {name}.", _or_else(near))
            case _:
                raise Refusal.of(call, "call", "Only a tool, a step, a function or a method is called.")

    def unbound(self, name: str, local: frozenset[str]) -> str:
        """What is wrong with a name that nothing binds."""
        if name in self._names.namespaces:
            return f"`{name}` is a namespace of tools, no value."
        if self._names.reserved(name):
            return f"`{name}` {self._names.reserved(name)}, no value."
        return f"`{name}` is not bound yet."

    def near(self, name: str, local: frozenset[str]) -> str:
        """A hint for a name that nothing binds."""
        found = difflib.get_close_matches(name, local, n=1) or self._names.nearest(name)
        return _or_else(found, "Bind it on a line before.")

    # -- the steps themselves; ids, places and maps are the lifter's

    def step(self, form: Form, call: Call, lower: Lower, fallback: Lower, test: Lower) -> Step:
        """The step that the call makes, its arguments lowered, its `otherwise` by `fallback`, its `until` by `test`.

        Raises Refusal.
        """
        if form.tool is not None:
            return self._tool_step(form.tool, call, lower, fallback)
        match form.form.word:
            case "attempt" | "pages":
                return self._inner_step(form.form, call, lower, fallback)
            case "poll":
                return self._poll(form.form, call, lower, fallback, test)
            case "first":
                return self._first(form.form, call, lower, fallback, test)
            case "wait":
                return self._wait(form.form, call, lower)
            case "do":
                return self._do(form.form, call, lower, fallback)
            case "delegate":
                return self._delegate(form.form, call, lower, fallback)
            case _:
                return self._plain_step(form.form, call, lower, fallback)

    def _tool_step(self, spec: ToolSpec, call: Call, lower: Lower, fallback: Lower) -> Step:
        properties = spec.input_schema.get("properties", {})
        if call.args:
            named = ", ".join(f"{p}=…" for p in properties) or "nothing"
            message = "The arguments of a tool are written by name."
            raise Refusal.of(call.args[0], "argument", message, f"{spec.name} takes {named}.")
        arguments: dict[str, Expr] = {}
        options: dict[str, Expr] = {}
        splat: Expr | None = None
        for name, value in call.keywords:
            if name is None:
                if splat is not None:
                    raise Refusal.of(value, "splat", "One ** is enough.", "Join the dicts: **{**a, **b}.")
                splat = value
            elif name in properties or name not in TOOL.options:
                arguments[name] = value if secret_name(value) is not None else lower(value)
            else:
                options[name] = value
        spread = None if splat is None else lower(splat)  # last, as it is printed: see planner.script
        return Step("", "tool", arguments, tool=spec.name, splat=spread, options=options_of(options, fallback))

    def _plain_step(self, form: StepForm, call: Call, lower: Lower, fallback: Lower) -> Step:
        given = self._arguments(form, call)
        options = {k: v for k, v in given.items() if k in form.options}
        arguments = {k: lower(v) for k, v in given.items() if k not in form.options}
        returns = _returns(options.pop("returns", None), form)
        if form.word in PERSON_KINDS:
            check_standing(options)
        if form.word == "expect" and "why" not in arguments:
            arguments["why"] = Literal_(given["condition"].text[:120])
        kinds = {"ask": "ask", "choose": "choose", "ask_user": "ask_user", "approve": "approve", "expect": "expect"}
        kind = kinds.get(form.word, "answer")
        return Step("", kind, arguments, options=options_of(options, fallback), returns=returns)  # type: ignore[arg-type]  # a Kind

    def _inner_step(self, form: StepForm, call: Call, lower: Lower, fallback: Lower) -> Step:
        given = self._arguments(form, call)
        step = self._read(form, given.pop("call"), lower, fallback)
        options = options_of({k: v for k, v in given.items() if k in form.options}, fallback)
        merged = Options(
            otherwise=fallback(given["default"]) if form.word == "attempt" else options.otherwise or step.options.otherwise,
            limit=options.limit if options.limit is not None else step.options.limit,
            timeout_s=step.options.timeout_s, retry=step.options.retry,
            cursor=options.cursor, items=options.items,
        )  # fmt: skip
        kind = "attempt" if form.word == "attempt" else "pages"
        return Step("", kind, step.arguments, tool=step.tool, splat=step.splat, options=merged)  # type: ignore[arg-type]  # a Kind

    def _read(self, form: StepForm, inner: Expr, lower: Lower, fallback: Lower) -> Step:
        """The step of the read that another step is about."""
        tool = self._tool_of(form, inner)
        if tool.has_effect:
            message = f"{form.word} takes a read, and {tool.name} has an effect."
            raise Refusal.of(inner, "argument", message, "Call it as a statement of its own.")
        assert isinstance(inner, Call)
        return self._tool_step(tool, inner, lower, fallback)

    def _tool_of(self, form: StepForm, inner: Expr) -> ToolSpec:
        found = self.form(inner, frozenset()) if isinstance(inner, Call) else None
        if found is None or found.tool is None:
            raise Refusal.of(inner, "argument", f"It is written `{form.signature}`.", "Its first argument is a call of a tool.")
        return found.tool

    def _wait(self, form: StepForm, call: Call, lower: Lower) -> Step:
        given = self._arguments(form, call)
        if len(given) != 1:
            raise Refusal.of(call, "argument", f"It is written `{form.signature}`, or wait(until=x) with a moment.")
        length = given.get("duration")
        if isinstance(length, Literal_):
            duration(length)
        return Step("", "wait", {name: lower(value) for name, value in given.items()})

    def _poll(self, form: StepForm, call: Call, lower: Lower, fallback: Lower, test: Lower) -> Step:
        given = self._arguments(form, call)
        step = self._read(form, given["call"], lower, fallback)
        every = duration(given.get("every")) or NO_OPTIONS.every_s
        within = duration(given.get("timeout")) or NO_OPTIONS.within_s
        if every < LEAST_EVERY_S:
            raise Refusal.of(given["every"], "option", f"A poll waits at least {LEAST_EVERY_S:g} s between two calls.")
        if polls(every, within) > MAX_POLLS:
            message = f"This may be {polls(every, within):,} calls; a poll makes at most {MAX_POLLS:,}."
            hint = f'Write every="{duration_text(-(-within // (MAX_POLLS - 1)))}" or more.'
            raise Refusal.of(given.get("every", call), "option", message, hint)
        otherwise = None if "otherwise" not in given else fallback(given["otherwise"])
        options = replace(
            step.options,
            otherwise=otherwise or step.options.otherwise,
            until=_test(given, test),
            every_s=every,
            within_s=within,
        )
        return replace(step, kind="poll", options=options)

    def _first(self, form: StepForm, call: Call, lower: Lower, fallback: Lower, test: Lower) -> Step:
        given = self._arguments(form, call)
        inner = attempts(form, call).element
        if isinstance(inner, Call) and inner.func == Name("ask_user"):
            message = "`first` does not ask persons in this version: it takes calls of tools."
            raise Refusal.of(inner, "later", message, "Page them with a tool, or ask_user(…) as statements of their own.")
        tool = self._tool_of(form, inner)
        assert isinstance(inner, Call)
        own = [value for name, value in inner.keywords if name == "otherwise" and not _takes(tool, name)]
        if own:
            message = "A call in `first` has no otherwise= of its own: one that fails passes on to the next."
            raise Refusal.of(own[0], "argument", message, "Write otherwise= behind until=.")
        step = self._tool_step(tool, inner, lower, fallback)
        within = duration(given.get("each_within"))
        options = replace(
            step.options, until=_test(given, test), timeout_s=within or step.options.timeout_s,
            otherwise=None if "otherwise" not in given else fallback(given["otherwise"]),
        )  # fmt: skip
        return replace(step, kind="first", options=options)

    def _do(self, form: StepForm, call: Call, lower: Lower, fallback: Lower) -> Step:
        given = self._arguments(form, call)
        tools = self._tools_of(form, given.pop("tools"))
        options = {k: v for k, v in given.items() if k in form.options}
        arguments = {k: lower(v) for k, v in given.items() if k not in form.options}
        returns = _returns(options.pop("returns", None), form)
        return Step("", "do", arguments, tools=tools, options=options_of(options, fallback), returns=returns)

    def _delegate(self, form: StepForm, call: Call, lower: Lower, fallback: Lower) -> Step:
        given = self._arguments(form, call)
        agent = self._agent(given.pop("agent"))
        options = {k: v for k, v in given.items() if k in form.options}
        arguments = {k: lower(v) for k, v in given.items() if k not in form.options}
        returns = _returns(options.pop("returns", None), form)
        return Step("", "delegate", arguments, tool=agent, options=options_of(options, fallback), returns=returns)

    def _agent(self, node: Expr) -> str:
        """The name in the tools of an agent that is written out."""
        name = node.value if isinstance(node, Literal_) else None
        if not isinstance(name, str):
            raise Refusal.of(node, "argument", "The agent is written out, as a text.", 'Write it like delegate("flights", …).')
        if tool_name_of(name) not in self._tools:
            known = agents_of(self._tools)
            near = difflib.get_close_matches(name, known, n=3) or list(known)[:6]
            hint = f"Nearest: {', '.join(near)}." if near else "None is known: planrail agents add URL."
            raise Refusal.of(node, "unknown-agent", f"There is no agent {name[:80]}.", hint)
        return tool_name_of(name)

    def _tools_of(self, form: StepForm, node: Expr) -> tuple[str, ...]:
        """The tools that are named in `tools=[…]`."""
        if not isinstance(node, ListOf) or not node.items:
            raise Refusal.of(
                node, "argument", f"It is written `{form.signature}`.", "Name the tools: tools=[ns.read, ns.find]."
            )
        found: list[str] = []
        for item in node.items:
            spec = self._tool_form(Call(item, at=item.at, text=item.text), _written(item)).tool
            assert spec is not None
            found.append(spec.name)
        return tuple(dict.fromkeys(found))

    def _arguments(self, form: StepForm, call: Call) -> dict[str, Expr]:
        """Every argument by its name; raises Refusal for what the form does not take or needs and has not."""
        if len(call.args) > len(form.positional):
            raise Refusal.of(call.args[len(form.positional)], "argument", f"It is written `{form.signature}`.")
        given: dict[str, Expr] = dict(zip(form.positional, call.args, strict=False))
        for name, value in call.keywords:
            known = name in form.positional or name in form.options or name in form.named or form.takes_inputs
            if name is None or not known or name in given:
                message = f"`{form.word}` takes no {name or '**'} here: it is written `{form.signature}`."
                raise Refusal.of(value, "argument", message)
            given[name] = value
        missing = sorted(form.required - set(given))
        if missing:
            raise Refusal.of(call, "argument", f"`{missing[0]}` is missing: it is written `{form.signature}`.")
        return given


def attempts(form: StepForm, call: Call) -> Comprehension:
    """The comprehension of a `first`; raises Refusal for anything else."""
    found = call.args[0] if call.args else next((v for k, v in call.keywords if k == "calls"), call)
    if not isinstance(found, Comprehension) or found.kind not in ("list", "generator"):
        hint = "Its first argument is a list comprehension with one call."
        raise Refusal.of(found, "argument", f"It is written `{form.signature}`.", hint)
    if len(found.clauses) != 1:
        raise Refusal.of(found.clauses[1], "argument", "`first` goes over one list.", "Make the list on a line before.")
    return found


def _test(given: Mapping[str, Expr], test: Lower) -> Lambda:
    until = given["until"]
    if not isinstance(until, Lambda):
        raise Refusal.of(
            until, "until", "Nothing here names the result that `until` looks at.", "Write until=lambda r: r.field."
        )
    lowered = test(until)
    assert isinstance(lowered, Lambda)
    return lowered


def _written(node: Expr) -> str:
    """The name of a tool as it stands in a list: `crm.find_leads`."""
    if isinstance(node, Attribute) and isinstance(node.value, Name):
        return f"{node.value.id}.{node.key}"
    raise Refusal.of(node, "argument", "This is no tool.", "Name the tools: tools=[ns.read, ns.find].")


def _takes(tool: ToolSpec, name: str) -> bool:
    return name in tool.input_schema.get("properties", {})


def _returns(node: Expr | None, form: StepForm) -> JsonSchema | None:
    if form.word not in ("ask", "choose", "ask_user", "do", "delegate"):
        return None
    if form.word == "choose":
        if node is not None and node != Literal_(None):
            raise Refusal.of(node, "type", "choose gives an element of its list.", "Write returns=None if nothing may fit.")
        return None if node is None else {"type": "null"}
    if node is None:
        return {"type": "string"}
    try:
        return schema_of(node)
    except TypeRefused as refused:
        place = refused.node if refused.node.text else node
        raise Refusal.of(place, "type", "This is no type.", str(refused)) from None


def _or_else(near: list[str], otherwise: str = "") -> str:
    return f"Nearest: {', '.join(near)}." if near else otherwise
