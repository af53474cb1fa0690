"""Script ⇄ Plan: the same program as text and as typed data, in both directions.

`plan_of(parse_script(text))` is the Plan; `script_of(plan)` is its text, always printed in the same form, so that
`plan_of(parse_script(script_of(plan))) == plan`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from planner.diagnostic import Diagnostic
from planner.errors import CompileError
from planner.language import STEPS
from planner.parse import parse_expression, parse_script, parse_target
from planner.plan import MAX_SOURCE, CallStatement, For, If, Let, Plan
from planner.plan import Statement as PlanStatement
from planner.syntax import Attribute, Bind, Branch, Call, Clause, Comprehension, Expr, Name, Statement
from planner.unparse import unparse, unparse_call, unparse_target
from planner.until import with_name

_INDENT = "    "


def compile_plan(text: str) -> Plan:
    """The Plan that a script is; raises CompileError. Names and tools are not looked at: see `planner.program`."""
    return plan_of(parse_script(text))


def plan_of(statements: Sequence[Statement]) -> Plan:
    """The typed form of parsed statements."""
    return Plan(statements=tuple(_typed(s) for s in statements))


def script_of(plan: Plan) -> str:
    """The plan's text. Raises CompileError where a source in the plan is not one expression of the language."""
    lines: list[str] = []
    for statement in plan.statements:
        _print(statement, "", lines)
    return "\n".join(lines) + "\n" if lines else ""


def step_word(func: Expr) -> str | None:
    """The name of a call that may be a step: `crm.find_leads`, or one of the step words; None for `x.y.z(…)` and `len(…)`."""
    match func:
        case Attribute(value=Name(id=namespace), key=tool):
            return f"{namespace}.{tool}"
        case Name(id=word) if word in STEPS:
            return word
        case _:
            return None


def _typed(statement: Statement) -> PlanStatement:
    try:
        match statement:
            case Branch():
                then, orelse = (tuple(_typed(s) for s in b) for b in (statement.then, statement.orelse))
                return If(test=unparse(statement.test), then=then, orelse=orelse)
            case Bind():
                return _call_statement(statement) or _let(statement)
    except ValidationError:
        message = f"An expression of this statement has more than {MAX_SOURCE:,} characters."
        raise CompileError([_diagnostic(statement, "too-long", message, "Give a part of it a name.")]) from None


def _let(bind: Bind) -> PlanStatement:
    if not bind.targets:
        hint = "Give it a name, or answer(…) with it."
        raise CompileError([_diagnostic(bind, "no-effect", "This value goes nowhere.", hint)])
    return Let(to=bind.targets, value=unparse(bind.value))


def _diagnostic(statement: Statement, code: str, message: str, hint: str) -> Diagnostic:
    line, column, text = statement.at.line, statement.at.column, statement.text.partition("\n")[0][:80]
    return Diagnostic(code=code, line=max(line, 1), column=max(column, 1), text=text, message=message, hint=hint)


def _call_statement(bind: Bind) -> CallStatement | None:
    """The statement as one call or one map of a call, if it has that form."""
    value = with_name(bind).value
    each: tuple[For, ...] = ()
    if isinstance(value, Comprehension) and value.kind == "list":
        each = tuple(_for(c) for c in value.clauses)
        value = value.element
    word = step_word(value.func) if isinstance(value, Call) else None
    if not isinstance(value, Call) or word is None or (word.startswith("re.") and bind.targets):
        return None
    splats = [v for k, v in value.keywords if k is None]
    if len(splats) > 1:
        return None
    return CallStatement(
        to=bind.targets,
        call=word,
        args=tuple(unparse(a) for a in value.args),
        named={k: unparse(v) for k, v in value.keywords if k is not None},
        splat=unparse(splats[0]) if splats else None,
        each=each,
    )


def _for(clause: Clause) -> For:
    return For(
        target=unparse_target(clause.target),
        iterable=unparse(clause.iterable),
        conditions=tuple(unparse(c) for c in clause.conditions),
    )


def _print(statement: PlanStatement, indent: str, lines: list[str]) -> None:
    match statement:
        case If():
            _print_if(statement, "if", indent, lines)
        case Let():
            lines.append(f"{indent}{', '.join(statement.to)} = {_source(statement.value)}")
        case CallStatement():
            target = f"{', '.join(statement.to)} = " if statement.to else ""
            lines.append(f"{indent}{target}{_call_source(statement)}")


def _print_if(statement: If, word: str, indent: str, lines: list[str]) -> None:
    lines.append(f"{indent}{word} {_source(statement.test)}:")
    _print_block(statement.then, indent, lines)
    match statement.orelse:
        case ():
            return
        case (If() as nested,):
            _print_if(nested, "elif", indent, lines)
        case _:
            lines.append(f"{indent}else:")
            _print_block(statement.orelse, indent, lines)


def _print_block(block: Sequence[PlanStatement], indent: str, lines: list[str]) -> None:
    if not block:
        lines.append(f"{indent}{_INDENT}pass")
    for statement in block:
        _print(statement, indent + _INDENT, lines)


def _call_source(statement: CallStatement) -> str:
    """The call's text, through the parser and back: a source that is more than an expression cannot slip into a script."""
    splat = None if statement.splat is None else _source(statement.splat)
    args = tuple(_source(a) for a in statement.args)
    call = unparse_call(statement.call, args, {k: _named_source(k, v) for k, v in statement.named.items()}, splat)
    for clause in statement.each:
        conditions = "".join(f" if {_operand(c)}" for c in clause.conditions)
        call += f" for {unparse_target(parse_target(clause.target))} in {_operand(clause.iterable)}{conditions}"
    text = f"[{call}]" if statement.each else call
    return unparse(parse_expression(text))


def _source(text: str) -> str:
    return unparse(parse_expression(text))


def _named_source(name: str, text: str) -> str:
    """A named argument's text; `until` alone may be a lambda, which is no expression by itself."""
    if name != "until":
        return _source(text)
    match parse_expression(f"poll(until={text}\n)"):
        case Call(args=(), keywords=(("until", until),)):
            return unparse(until)
        case _:
            return _source(text)


def _operand(text: str) -> str:
    return f"({_source(text)})"
