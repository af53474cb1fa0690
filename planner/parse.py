"""Parse: text of the plan language → nodes. What Python has and the language has not is refused with what to write instead.

The grammar is tree-sitter's for Python, which reads today's f-strings under every Python. Nothing here knows tools or names.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import tree_sitter_python
from tree_sitter import Language, Parser
from tree_sitter import Node as Tree

from planner.diagnostic import Diagnostic
from planner.errors import CompileError
from planner.parse_string import Where as _Where
from planner.parse_string import string_node
from planner.syntax import (
    And,
    Attribute,
    Binary,
    Bind,
    Branch,
    Call,
    Clause,
    Compare,
    Comprehension,
    DictOf,
    Either,
    Expr,
    IfElse,
    Lambda,
    ListOf,
    Literal_,
    Name,
    Or,
    Position,
    SetOf,
    Slice,
    Statement,
    Subscript,
    Target,
    Unary,
)

MAX_SCRIPT = 100_000  # characters; a longer script is refused
MAX_LINES = 2_000  # a longer script is refused
MAX_DEPTH = 40  # of nested expressions; a deeper one is refused

_NO_STATEMENT = {
    "for_statement": ("loop", "A script has no loops.", "Write a map: results = [ns.tool(arg=x) for x in items]."),
    "while_statement": ("loop", "A script has no loops.", "Write a map over a list, or pages(…) to follow a cursor."),
    "function_definition": ("definition", "A script has no definitions.", "Write the steps one after the other."),
    "class_definition": ("definition", "A script has no definitions.", "Write a dict: {…}."),
    "decorated_definition": ("definition", "A script has no definitions.", "Write the steps one after the other."),
    "import_statement": ("import", "A script imports nothing.", "Tools and the library are there; `re` too."),
    "import_from_statement": ("import", "A script imports nothing.", "Tools and the library are there; `re` too."),
    "future_import_statement": ("import", "A script imports nothing.", "Tools and the library are there."),
    "try_statement": ("try", "A script has no try.", "Use attempt(ns.read(…), default=x), or otherwise= in the call."),
    "with_statement": ("with", "A script has no with.", "Call the tool as a statement."),
    "return_statement": ("return", "A script returns nothing.", "End it with answer(x)."),
    "assert_statement": ("assert", "A script has no assert.", 'Write expect(condition, "why").'),
    "raise_statement": ("raise", "A script raises nothing.", 'Write expect(condition, "why").'),
    "delete_statement": ("del", "Values do not change.", "Build a new value without it."),
    "global_statement": ("global", "A script has one scope.", "Leave the line out."),
    "nonlocal_statement": ("global", "A script has one scope.", "Leave the line out."),
    "print_statement": ("print", "A script prints nothing.", "End it with answer(x)."),
    "exec_statement": ("exec", "A script executes no text.", "Call a tool."),
    "match_statement": ("match", "A script has no match.", "Write if … elif … else."),
    "break_statement": ("loop", "A script has no loops.", "Filter in a comprehension."),
    "continue_statement": ("loop", "A script has no loops.", "Filter in a comprehension."),
    "type_alias_statement": ("definition", "A script has no definitions.", "Leave the line out."),
}
_NO_EXPRESSION = {
    "await": ("await", "Calls run in parallel by themselves.", "Leave `await` out."),
    "named_expression": ("walrus", "A name is bound by a statement of its own.", "Write name = … on a line before."),
    "yield": ("yield", "A script yields nothing.", "End it with answer(x)."),
    "list_splat": ("splat", "A list is not spread with `*`.", "Join lists with +."),
    "ellipsis": ("ellipsis", "`...` is no value.", "Write the value."),
    "lambda": ("lambda", "A lambda stands only as key= of min, max and sorted.", "Write a comprehension."),
}
T = TypeVar("T")
_NO_OPERATOR = {"**": "Multiply.", "@": "Leave it out.", "<<": "Multiply.", ">>": "Divide with //."}


@lru_cache(maxsize=1)
def _language() -> Language:
    return Language(tree_sitter_python.language())


def parse_script(text: str, *, first_line: int = 1) -> tuple[Statement, ...]:
    """The statements of a script, or of whole lines of one that begin at `first_line`; raises CompileError."""
    _refuse_size(text)
    reader = _Reader(text, first_line)
    return reader.checked(lambda root: reader.block(root))


def is_whole(text: str) -> bool:
    """Whether the text can be read as it is, with nothing missing at its end."""
    return not Parser(_language()).parse(text.encode("utf-8", "surrogatepass")).root_node.has_error


def parse_expression(text: str) -> Expr:
    """The one expression that the text is; raises CompileError."""
    _refuse_size(text)
    source = text.strip()
    reader = _Reader(f"(\n{source}\n)", 0)  # in brackets, so that it may run over lines; its first line is line 1

    def only(root: Tree) -> Expr:
        statements = [c for c in root.named_children if c.type != "comment"]
        if len(statements) != 1 or statements[0].type != "expression_statement":
            raise reader.refusal(root, "expression", "This is not one expression.")
        return reader.expression(statements[0].named_children[0])

    return reader.checked(only)


def parse_target(text: str) -> Target:
    """The names that a `for` binds, as in `l` or `i, (a, b)`; raises CompileError."""
    reader = _Reader(f"[0 for {text} in x]", 1)

    def only(root: Tree) -> Target:
        node = reader.expression(root.named_children[0].named_children[0])
        assert isinstance(node, Comprehension)
        return node.clauses[0].target

    return reader.checked(only)


def _refuse_size(text: str) -> None:
    lines = text.count("\n") + 1
    if len(text) > MAX_SCRIPT or lines > MAX_LINES:
        raise CompileError([too_long(lines, len(text))])


def too_long(lines: int, size: int) -> Diagnostic:
    """What is said of a script with that many lines and characters."""
    message = f"The script has {lines:,} lines and {size:,} characters."
    hint = f"At most {MAX_LINES:,} lines and {MAX_SCRIPT:,} characters: use maps instead of repeated lines."
    return Diagnostic(code="too-long", line=1, column=1, text="", message=message, hint=hint)


class _Refused(Exception):
    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


class _Reader:
    """Reads one parsed text; collects what it refuses, statement by statement."""

    def __init__(self, text: str, first_line: int) -> None:
        self.text = text
        self.bytes = text.encode("utf-8", "surrogatepass")
        self.lines = self.bytes.split(b"\n")
        self.first_line = first_line
        self.depth = 0
        self.refused: list[Diagnostic] = []

    def checked(self, read: Callable[[Tree], T]) -> T:
        """What `read` makes of the whole text; raises CompileError with everything that was refused."""
        root = Parser(_language()).parse(self.bytes).root_node
        if root.has_error:
            raise CompileError([self._syntax_error(root)])
        try:
            result = read(root)
        except _Refused as refused:
            self.refused.append(refused.diagnostic)
        if self.refused:
            raise CompileError(self.refused)
        return result

    # -- places and refusals

    def position(self, tree: Tree) -> Position:
        row, column = tree.start_point
        characters = len(self.lines[row][:column].decode("utf-8", "replace"))
        return Position(self.first_line + row, characters + 1)

    def source(self, tree: Tree) -> str:
        return self.bytes[tree.start_byte : tree.end_byte].decode("utf-8", "surrogatepass")

    def refusal(self, tree: Tree, code: str, message: str, hint: str = "") -> _Refused:
        at = self.position(tree)
        text = self.source(tree).partition("\n")[0][:80]
        return _Refused(Diagnostic(code=code, line=at.line, column=at.column, text=text, message=message, hint=hint))

    def _syntax_error(self, root: Tree) -> Diagnostic:
        broken = _first_error(root)
        at = self.position(broken)
        missing = f"Here `{broken.type}` is missing." if broken.is_missing else "This cannot be read."
        text = self.source(broken).partition("\n")[0][:80]
        found = Diagnostic(code="syntax", line=at.line, column=at.column, text=text, message=missing)
        try:
            ast.parse(self.text)
        except SyntaxError as error:
            if error.lineno and not error.msg.startswith("f-string"):
                line = self.lines[error.lineno - 1].decode("utf-8", "replace") if error.lineno <= len(self.lines) else ""
                return Diagnostic(
                    code="syntax", line=self.first_line + error.lineno - 1, column=max(error.offset or 1, 1),
                    text=line.strip()[:80], message=error.msg[:1].upper() + error.msg[1:] + ".",
                )  # fmt: skip
        except (ValueError, RecursionError, MemoryError):
            return found
        return found

    # -- statements

    def block(self, tree: Tree) -> tuple[Statement, ...]:
        statements: list[Statement] = []
        for child in tree.named_children:
            try:
                statements.extend(self._statement(child))
            except _Refused as refused:
                self.refused.append(refused.diagnostic)
        return tuple(statements)

    def _statement(self, tree: Tree) -> list[Statement]:
        match tree.type:
            case "comment" | "pass_statement":
                return []
            case "expression_statement":
                return [self._simple(tree)]
            case "if_statement":
                return [self._branch(tree)]
            case kind if kind in _NO_STATEMENT:
                raise self.refusal(tree, *_NO_STATEMENT[kind])
        raise self.refusal(tree, "statement", "A script has no such statement.", "Write name = …, a call, or if.")

    def _simple(self, tree: Tree) -> Statement:
        inner = [c for c in tree.named_children if c.type != "comment"]
        if len(inner) != 1:
            raise self.refusal(tree, "statement", "This is several values and no call.", "Give them a name: x = [a, b].")
        if inner[0].type == "assignment":
            return self._assignment(inner[0])
        if inner[0].type == "augmented_assignment":
            raise self.refusal(tree, "assigned-twice", "Names are assigned once.", "Give the new value a new name.")
        value = self.expression(inner[0])
        if not isinstance(value, Call | Comprehension):
            raise self.refusal(tree, "no-effect", "This value goes nowhere.", "Give it a name, or answer(…) with it.")
        return Bind((), value, at=self.position(tree), text=self.source(tree)[:200])

    def _assignment(self, tree: Tree) -> Bind:
        left, right = tree.child_by_field_name("left"), tree.child_by_field_name("right")
        if tree.child_by_field_name("type") is not None or right is None or left is None:
            raise self.refusal(tree, "annotation", "Names have no type annotations.", "Write name = value.")
        if right.type in ("assignment", "augmented_assignment"):
            raise self.refusal(tree, "assigned-twice", "One statement assigns once.", "Write two lines.")
        targets = self._target(left)
        if isinstance(targets, tuple) and not all(isinstance(t, str) for t in targets):
            raise self.refusal(left, "target", "Targets of an assignment are names.", "Write a, b = value.")
        names = (targets,) if isinstance(targets, str) else tuple(str(t) for t in targets)
        value = self._values(right)
        return Bind(names, value, at=self.position(tree), text=self.source(tree)[:200])

    def _values(self, tree: Tree) -> Expr:
        if tree.type == "expression_list":
            return ListOf(tuple(self.expression(c) for c in _operands(tree)), **self._where(tree))
        return self.expression(tree)

    def _branch(self, tree: Tree) -> Branch:
        alternatives = tree.children_by_field_name("alternative")
        orelse: tuple[Statement, ...] = ()
        for alternative in reversed(alternatives):
            if alternative.type == "else_clause":
                orelse = self._body(alternative, "body")
            else:
                orelse = (self._test(alternative, orelse),)
        return self._test(tree, orelse)

    def _test(self, tree: Tree, orelse: tuple[Statement, ...]) -> Branch:
        condition = tree.child_by_field_name("condition")
        assert condition is not None
        test = self.expression(condition)
        return Branch(test, self._body(tree, "consequence"), orelse, **self._where(tree))

    def _body(self, tree: Tree, field: str) -> tuple[Statement, ...]:
        body = tree.child_by_field_name(field)
        if body is None:
            return ()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refusal(tree, "too-deep", f"Nested more than {MAX_DEPTH} deep.", "Use several statements.")
        try:
            return self.block(body)
        finally:
            self.depth -= 1

    # -- expressions

    def _where(self, tree: Tree) -> _Where:
        return {"at": self.position(tree), "text": self.source(tree)[:200]}

    def expression(self, tree: Tree) -> Expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refusal(tree, "too-deep", f"Nested more than {MAX_DEPTH} deep.", "Use several statements.")
        try:
            read = _EXPRESSIONS.get(tree.type)
            if read is not None:
                return read(self, tree)
            if tree.type in _NO_EXPRESSION:
                raise self.refusal(tree, *_NO_EXPRESSION[tree.type])
            raise self.refusal(tree, "expression", "The plan language has no such expression.")
        finally:
            self.depth -= 1

    def _field(self, tree: Tree, name: str) -> Expr:
        child = tree.child_by_field_name(name)
        if child is None:
            raise self.refusal(tree, "expression", f"Its {name} is missing.")
        return self.expression(child)

    def _name(self, tree: Tree) -> Expr:
        name = self.source(tree)
        if name.startswith("__"):
            raise self.refusal(tree, "name", "Names with two underscores in front are not there.")
        return Name(name, **self._where(tree))

    def _integer(self, tree: Tree) -> Expr:
        text = self.source(tree)
        try:
            value = int(text.replace("_", ""), 0) if len(text) <= 1_000 else None
        except ValueError:
            value = None
        if value is None:
            raise self.refusal(tree, "number", "This is no number of the language.", "Write digits, at most 1,000.")
        return Literal_(value, **self._where(tree))

    def _float(self, tree: Tree) -> Expr:
        try:
            value = float(self.source(tree))
        except ValueError:
            raise self.refusal(tree, "number", "This is no number of the language.") from None
        if value in (float("inf"), float("-inf")):
            raise self.refusal(tree, "number", "This number is too large.")
        return Literal_(value, **self._where(tree))

    def _constant(self, tree: Tree) -> Expr:
        value = {"true": True, "false": False, "none": None}[tree.type]
        return Literal_(value, **self._where(tree))

    def _string(self, tree: Tree) -> Expr:
        pieces = tree.named_children if tree.type == "concatenated_string" else [tree]
        try:
            return string_node([p for p in pieces if p.type == "string"], self.source, self.expression, self._where(tree))
        except ValueError as error:
            raise self.refusal(tree, "string", str(error)) from None

    def _parenthesized(self, tree: Tree) -> Expr:
        inner = _operands(tree)
        if len(inner) != 1:
            raise self.refusal(tree, "expression", "These brackets hold no value.")
        return self.expression(inner[0])

    def _list(self, tree: Tree) -> Expr:
        return ListOf(tuple(self.expression(c) for c in _operands(tree)), **self._where(tree))

    def _set(self, tree: Tree) -> Expr:
        return SetOf(tuple(self.expression(c) for c in _operands(tree)), **self._where(tree))

    def _dict(self, tree: Tree) -> Expr:
        pairs: list[tuple[Expr | None, Expr]] = []
        for child in _operands(tree):
            if child.type == "dictionary_splat":
                pairs.append((None, self.expression(_operands(child)[0])))
            else:
                pairs.append((self._field(child, "key"), self._field(child, "value")))
        return DictOf(tuple(pairs), **self._where(tree))

    def _attribute(self, tree: Tree) -> Expr:
        key = tree.child_by_field_name("attribute")
        assert key is not None
        name = self.source(key)
        if name.startswith("__"):
            raise self.refusal(tree, "name", "Keys with two underscores in front are not read with a dot.")
        return Attribute(self._field(tree, "object"), name, **self._where(tree))

    def _subscript(self, tree: Tree) -> Expr:
        value = self._field(tree, "value")
        indices = tree.children_by_field_name("subscript")
        if len(indices) != 1:
            raise self.refusal(tree, "expression", "One index at a time.", "Write x[i][j].")
        if indices[0].type != "slice":
            return Subscript(value, self.expression(indices[0]), **self._where(tree))
        bounds: list[Expr | None] = [None]
        for child in indices[0].children:
            if child.type == ":":
                bounds.append(None)
            elif child.type != "comment":
                bounds[-1] = self.expression(child)
        if len(bounds) > 2 and bounds[2] is not None:
            raise self.refusal(tree, "slice", "A slice has no step.", "Filter with enumerate, or sorted(…, reverse=True).")
        return Slice(value, bounds[0], bounds[1], **self._where(tree))

    def _unary(self, tree: Tree) -> Expr:
        if tree.type == "not_operator":
            return Unary("not", self._field(tree, "argument"), **self._where(tree))
        operator = tree.children[0].type
        operand = self._field(tree, "argument")
        if operator not in ("-", "+"):
            raise self.refusal(tree, "operator", f"The language has no `{operator}`.")
        if operator == "-" and isinstance(operand, Literal_) and type(operand.value) in (int, float):
            return Literal_(-operand.value, **self._where(tree))  # type: ignore[operator]  # it is a number
        return Unary("-" if operator == "-" else "+", operand, **self._where(tree))

    def _binary(self, tree: Tree) -> Expr:
        operator = tree.child_by_field_name("operator")
        assert operator is not None
        left, right = self._field(tree, "left"), self._field(tree, "right")
        match operator.type:
            case "+" | "-" | "*" | "/" | "//" | "%" as op:
                return Binary(op, left, right, **self._where(tree))
            case "|":
                alternatives = left.values if isinstance(left, Either) else (left,)
                return Either((*alternatives, right), **self._where(tree))
            case other:
                hint = _NO_OPERATOR.get(other, "Use `and`, `or` and comprehensions over sets.")
                raise self.refusal(tree, "operator", f"The language has no `{other}`.", hint)

    def _boolean(self, tree: Tree) -> Expr:
        operator = tree.child_by_field_name("operator")
        assert operator is not None
        kind = And if operator.type == "and" else Or
        left, right = self._field(tree, "left"), self._field(tree, "right")
        first = tree.child_by_field_name("left")
        flat = left.values if isinstance(left, kind) and first is not None and first.type == "boolean_operator" else (left,)
        return kind((*flat, right), **self._where(tree))

    def _compare(self, tree: Tree) -> Expr:
        operands = _operands(tree)
        operators = [c.type for c in tree.children_by_field_name("operators")]
        rest: list[tuple[str, Expr]] = []
        for operator, operand in zip(operators, operands[1:], strict=True):
            named = {"is": "==", "is not": "!=", "<>": "!="}.get(operator, operator)
            rest.append((named, self.expression(operand)))
        return Compare(self.expression(operands[0]), tuple(rest), **self._where(tree))  # type: ignore[arg-type]  # the grammar's

    def _if_else(self, tree: Tree) -> Expr:
        body, test, orelse = (self.expression(c) for c in _operands(tree))
        return IfElse(test, body, orelse, **self._where(tree))

    def _comprehension(self, tree: Tree) -> Expr:
        kind = _COMPREHENSIONS[tree.type]
        clauses: list[Clause] = []
        for child in _operands(tree)[1:]:
            if child.type == "for_in_clause":
                clauses.append(self._clause(child))
            else:
                last = clauses.pop()
                condition = self.expression(_operands(child)[0])
                clauses.append(Clause(last.target, last.iterable, (*last.conditions, condition), at=last.at, text=last.text))
        body = _operands(tree)[0]
        if body.type == "pair":
            element, value = self._field(body, "key"), self._field(body, "value")
            return Comprehension("dict", element, tuple(clauses), value, **self._where(tree))
        return Comprehension(kind, self.expression(body), tuple(clauses), **self._where(tree))  # type: ignore[arg-type]  # the table's

    def _clause(self, tree: Tree) -> Clause:
        if any(c.type == "async" for c in tree.children):
            raise self.refusal(tree, "await", "Calls run in parallel by themselves.", "Leave `async` out.")
        left = tree.child_by_field_name("left")
        rights = tree.children_by_field_name("right")
        assert left is not None
        if len([r for r in rights if r.is_named]) != 1:
            raise self.refusal(tree, "expression", "A `for` goes over one value.", "Write for x in [a, b].")
        return Clause(self._target(left), self.expression(rights[0]), **self._where(tree))

    def _target(self, tree: Tree) -> Target:
        match tree.type:
            case "identifier":
                name = self.source(tree)
                if name.startswith("__"):
                    raise self.refusal(tree, "name", "Names with two underscores in front are not there.")
                return name
            case "pattern_list" | "tuple_pattern" | "list_pattern" | "expression_list" | "tuple":
                return tuple(self._target(c) for c in _operands(tree))
            case "subscript" | "attribute":
                raise self.refusal(tree, "target", "Values do not change.", 'Build a new one: {**d, "key": value}.')
        raise self.refusal(tree, "target", "Only names are assigned.", "Write name = value.")

    def _lambda(self, tree: Tree) -> Expr:
        parameters = tree.child_by_field_name("parameters")
        names = [] if parameters is None else _operands(parameters)
        if len(names) != 1 or names[0].type != "identifier":
            raise self.refusal(tree, "lambda", "A lambda here has one parameter.", "Write key=lambda x: x.field.")
        return Lambda(self.source(names[0]), self._field(tree, "body"), **self._where(tree))

    def _call(self, tree: Tree) -> Expr:
        function = tree.child_by_field_name("function")
        arguments = tree.child_by_field_name("arguments")
        assert function is not None
        assert arguments is not None
        if function.type not in ("identifier", "attribute"):
            raise self.refusal(tree, "call", "Only a tool, a step, a function or a method is called.")
        func = self.expression(function)
        if arguments.type == "generator_expression":
            return Call(func, (self.expression(arguments),), **self._where(tree))
        args: list[Expr] = []
        keywords: list[tuple[str | None, Expr]] = []
        for child in _operands(arguments):
            self._argument(child, args, keywords)
        return Call(func, tuple(args), tuple(keywords), **self._where(tree))

    def _argument(self, tree: Tree, args: list[Expr], keywords: list[tuple[str | None, Expr]]) -> None:
        if tree.type == "keyword_argument":
            name, value = tree.child_by_field_name("name"), tree.child_by_field_name("value")
            assert name is not None
            assert value is not None
            word = self.source(name)
            if any(word == k for k, _ in keywords):
                raise self.refusal(tree, "argument", f"`{word}` is given twice.", "Leave one out.")
            keywords.append((word, self._lambda(value) if value.type == "lambda" else self.expression(value)))
        elif tree.type == "dictionary_splat":
            keywords.append((None, self.expression(_operands(tree)[0])))
        elif keywords:
            raise self.refusal(tree, "argument", "A plain argument stands before the named ones.", "Name it.")
        else:
            args.append(self.expression(tree))


def _operands(tree: Tree) -> list[Tree]:
    return [c for c in tree.named_children if c.type != "comment"]


def _first_error(tree: Tree) -> Tree:
    node = tree
    while not (node.is_error or node.is_missing):
        broken = [c for c in node.children if c.has_error or c.is_missing]
        if not broken:
            break
        node = broken[0]
    return node


_COMPREHENSIONS = {
    "list_comprehension": "list",
    "set_comprehension": "set",
    "dictionary_comprehension": "dict",
    "generator_expression": "generator",
}
_EXPRESSIONS: dict[str, Callable[[_Reader, Tree], Expr]] = {
    "identifier": _Reader._name,
    "integer": _Reader._integer,
    "float": _Reader._float,
    "true": _Reader._constant,
    "false": _Reader._constant,
    "none": _Reader._constant,
    "string": _Reader._string,
    "concatenated_string": _Reader._string,
    "parenthesized_expression": _Reader._parenthesized,
    "list": _Reader._list,
    "tuple": _Reader._list,
    "set": _Reader._set,
    "dictionary": _Reader._dict,
    "attribute": _Reader._attribute,
    "subscript": _Reader._subscript,
    "unary_operator": _Reader._unary,
    "not_operator": _Reader._unary,
    "binary_operator": _Reader._binary,
    "boolean_operator": _Reader._boolean,
    "comparison_operator": _Reader._compare,
    "conditional_expression": _Reader._if_else,
    "call": _Reader._call,
    **dict.fromkeys(_COMPREHENSIONS, _Reader._comprehension),
}
