"""Parse expressions: trees → nodes. What Python has and the language has not is refused with what to write instead."""

from __future__ import annotations

from collections.abc import Callable

from tree_sitter import Node as Tree

from planner.parse_string import string_node
from planner.reading import MAX_DEPTH, MAX_DIGITS, MAX_NAME, Reading, operands
from planner.syntax import (
    And,
    Attribute,
    Binary,
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
    SetOf,
    Slice,
    Subscript,
    Target,
    Unary,
)

_NO_EXPRESSION = {
    "await": ("await", "Calls run in parallel by themselves.", "Leave `await` out."),
    "named_expression": ("walrus", "A name is bound by a statement of its own.", "Write name = … on a line before."),
    "yield": ("yield", "A script yields nothing.", "End it with answer(x)."),
    "list_splat": ("splat", "A list is not spread with `*`.", "Join lists with +."),
    "ellipsis": ("ellipsis", "`...` is no value.", "Write the value."),
    "lambda": ("lambda", "A lambda stands only as key= of min, max and sorted, and as until=.", "Write a comprehension."),
}
_NO_OPERATOR = {"**": "Multiply.", "@": "Leave it out.", "<<": "Multiply.", ">>": "Divide with //."}


class ExpressionReading(Reading):
    """A text of which expressions are read."""

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
        return Name(self._identifier(tree), **self.where(tree))

    def _identifier(self, tree: Tree) -> str:
        name = self.source(tree)
        if name.startswith("__"):
            raise self.refusal(tree, "name", "Names with two underscores in front are not there.")
        if not name.isascii() or len(name) > MAX_NAME:
            message = "This is no name of the language."
            raise self.refusal(tree, "name", message, f"Names are at most {MAX_NAME} letters a-z, digits and underscores.")
        return name

    def _integer(self, tree: Tree) -> Expr:
        text = self.source(tree)
        try:
            value = int(text.replace("_", ""), 0) if len(text) <= MAX_DIGITS else None
        except ValueError:
            value = None
        if value is None or len(str(value)) > MAX_DIGITS:
            raise self.refusal(tree, "number", "This is no number of the language.", f"Write digits, at most {MAX_DIGITS:,}.")
        return Literal_(value, **self.where(tree))

    def _float(self, tree: Tree) -> Expr:
        try:
            value = float(self.source(tree))
        except ValueError:
            raise self.refusal(tree, "number", "This is no number of the language.") from None
        if value in (float("inf"), float("-inf")):
            raise self.refusal(tree, "number", "This number is too large.")
        return Literal_(value, **self.where(tree))

    def _constant(self, tree: Tree) -> Expr:
        value = {"true": True, "false": False, "none": None}[tree.type]
        return Literal_(value, **self.where(tree))

    def _string(self, tree: Tree) -> Expr:
        pieces = tree.named_children if tree.type == "concatenated_string" else [tree]
        try:
            return string_node([p for p in pieces if p.type == "string"], self.source, self.expression, self.where(tree))
        except ValueError as error:
            raise self.refusal(tree, "string", str(error)) from None

    def _parenthesized(self, tree: Tree) -> Expr:
        inner = operands(tree)
        if len(inner) != 1:
            raise self.refusal(tree, "expression", "These brackets hold no value.")
        return self.expression(inner[0])

    def _list(self, tree: Tree) -> Expr:
        return ListOf(tuple(self.expression(c) for c in operands(tree)), **self.where(tree))

    def _set(self, tree: Tree) -> Expr:
        return SetOf(tuple(self.expression(c) for c in operands(tree)), **self.where(tree))

    def _dict(self, tree: Tree) -> Expr:
        pairs: list[tuple[Expr | None, Expr]] = []
        for child in operands(tree):
            if child.type == "dictionary_splat":
                pairs.append((None, self.expression(operands(child)[0])))
            else:
                pairs.append((self._field(child, "key"), self._field(child, "value")))
        return DictOf(tuple(pairs), **self.where(tree))

    def _attribute(self, tree: Tree) -> Expr:
        key = tree.child_by_field_name("attribute")
        assert key is not None
        name = self.source(key)
        if name.startswith("__"):
            raise self.refusal(tree, "name", "Keys with two underscores in front are not read with a dot.")
        if len(name) > MAX_NAME:
            raise self.refusal(key, "name", "This key is too long for a dot.", 'Write x["key"].')
        return Attribute(self._field(tree, "object"), name, **self.where(tree))

    def _subscript(self, tree: Tree) -> Expr:
        value = self._field(tree, "value")
        indices = tree.children_by_field_name("subscript")
        if len(indices) != 1:
            raise self.refusal(tree, "expression", "One index at a time.", "Write x[i][j].")
        if indices[0].type != "slice":
            return Subscript(value, self.expression(indices[0]), **self.where(tree))
        bounds: list[Expr | None] = [None]
        for child in indices[0].children:
            if child.type == ":":
                bounds.append(None)
            elif child.type != "comment":
                bounds[-1] = self.expression(child)
        if len(bounds) > 2 and bounds[2] is not None:
            raise self.refusal(tree, "slice", "A slice has no step.", "Filter with enumerate, or sorted(…, reverse=True).")
        return Slice(value, bounds[0], bounds[1], **self.where(tree))

    def _unary(self, tree: Tree) -> Expr:
        if tree.type == "not_operator":
            return Unary("not", self._field(tree, "argument"), **self.where(tree))
        operator = tree.children[0].type
        operand = self._field(tree, "argument")
        if operator not in ("-", "+"):
            raise self.refusal(tree, "operator", f"The language has no `{operator}`.")
        if operator == "-" and isinstance(operand, Literal_) and type(operand.value) in (int, float):
            return Literal_(-operand.value, **self.where(tree))  # type: ignore[operator]  # it is a number
        return Unary("-" if operator == "-" else "+", operand, **self.where(tree))

    def _binary(self, tree: Tree) -> Expr:
        operator = tree.child_by_field_name("operator")
        assert operator is not None
        left, right = self._field(tree, "left"), self._field(tree, "right")
        match operator.type:
            case "+" | "-" | "*" | "/" | "//" | "%" as op:
                return Binary(op, left, right, **self.where(tree))
            case "|":
                alternatives = left.values if isinstance(left, Either) else (left,)
                return Either((*alternatives, right), **self.where(tree))
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
        return kind((*flat, right), **self.where(tree))

    def _compare(self, tree: Tree) -> Expr:
        compared = operands(tree)
        operators = [c.type for c in tree.children_by_field_name("operators")]
        rest: list[tuple[str, Expr]] = []
        for operator, operand in zip(operators, compared[1:], strict=True):
            named = {"is": "==", "is not": "!=", "<>": "!="}.get(operator, operator)
            rest.append((named, self.expression(operand)))
        return Compare(self.expression(compared[0]), tuple(rest), **self.where(tree))  # type: ignore[arg-type]  # the grammar's

    def _if_else(self, tree: Tree) -> Expr:
        body, test, orelse = (self.expression(c) for c in operands(tree))
        return IfElse(test, body, orelse, **self.where(tree))

    def _comprehension(self, tree: Tree) -> Expr:
        kind = _COMPREHENSIONS[tree.type]
        clauses: list[Clause] = []
        for child in operands(tree)[1:]:
            if child.type == "for_in_clause":
                clauses.append(self._clause(child))
            else:
                last = clauses.pop()
                condition = self.expression(operands(child)[0])
                clauses.append(Clause(last.target, last.iterable, (*last.conditions, condition), at=last.at, text=last.text))
        body = operands(tree)[0]
        if body.type == "pair":
            element, value = self._field(body, "key"), self._field(body, "value")
            return Comprehension("dict", element, tuple(clauses), value, **self.where(tree))
        return Comprehension(kind, self.expression(body), tuple(clauses), **self.where(tree))  # type: ignore[arg-type]  # the table's

    def _clause(self, tree: Tree) -> Clause:
        if any(c.type == "async" for c in tree.children):
            raise self.refusal(tree, "await", "Calls run in parallel by themselves.", "Leave `async` out.")
        left = tree.child_by_field_name("left")
        rights = tree.children_by_field_name("right")
        assert left is not None
        if len([r for r in rights if r.is_named]) != 1:
            raise self.refusal(tree, "expression", "A `for` goes over one value.", "Write for x in [a, b].")
        return Clause(self.target(left), self.expression(rights[0]), **self.where(tree))

    def target(self, tree: Tree) -> Target:
        match tree.type:
            case "identifier":
                return self._identifier(tree)
            case "pattern_list" | "tuple_pattern" | "list_pattern" | "expression_list" | "tuple":
                return tuple(self.target(c) for c in operands(tree))
            case "subscript" | "attribute":
                raise self.refusal(tree, "target", "Values do not change.", 'Build a new one: {**d, "key": value}.')
        raise self.refusal(tree, "target", "Only names are assigned.", "Write name = value.")

    def _lambda(self, tree: Tree) -> Expr:
        parameters = tree.child_by_field_name("parameters")
        names = [] if parameters is None else operands(parameters)
        if len(names) != 1 or names[0].type != "identifier":
            raise self.refusal(tree, "lambda", "A lambda here has one parameter.", "Write key=lambda x: x.field.")
        return Lambda(self._identifier(names[0]), self._field(tree, "body"), **self.where(tree))

    def _call(self, tree: Tree) -> Expr:
        function = tree.child_by_field_name("function")
        arguments = tree.child_by_field_name("arguments")
        assert function is not None
        assert arguments is not None
        if function.type not in ("identifier", "attribute"):
            raise self.refusal(tree, "call", "Only a tool, a step, a function or a method is called.")
        func = self.expression(function)
        if arguments.type == "generator_expression":
            return Call(func, (self.expression(arguments),), **self.where(tree))
        args: list[Expr] = []
        keywords: list[tuple[str | None, Expr]] = []
        for child in operands(arguments):
            self._argument(child, args, keywords)
        return Call(func, tuple(args), tuple(keywords), **self.where(tree))

    def _argument(self, tree: Tree, args: list[Expr], keywords: list[tuple[str | None, Expr]]) -> None:
        if tree.type == "keyword_argument":
            name, value = tree.child_by_field_name("name"), tree.child_by_field_name("value")
            assert name is not None
            assert value is not None
            word = self._identifier(name)
            if any(word == k for k, _ in keywords):
                raise self.refusal(tree, "argument", f"`{word}` is given twice.", "Leave one out.")
            function = word in ("key", "until") and value.type == "lambda"
            keywords.append((word, self._lambda(value) if function else self.expression(value)))
        elif tree.type == "dictionary_splat":
            keywords.append((None, self.expression(operands(tree)[0])))
        elif keywords:
            raise self.refusal(tree, "argument", "A plain argument stands before the named ones.", "Name it.")
        else:
            args.append(self.expression(tree))


_COMPREHENSIONS = {
    "list_comprehension": "list",
    "set_comprehension": "set",
    "dictionary_comprehension": "dict",
    "generator_expression": "generator",
}
_EXPRESSIONS: dict[str, Callable[[ExpressionReading, Tree], Expr]] = {
    "identifier": ExpressionReading._name,
    "integer": ExpressionReading._integer,
    "float": ExpressionReading._float,
    "true": ExpressionReading._constant,
    "false": ExpressionReading._constant,
    "none": ExpressionReading._constant,
    "string": ExpressionReading._string,
    "concatenated_string": ExpressionReading._string,
    "parenthesized_expression": ExpressionReading._parenthesized,
    "list": ExpressionReading._list,
    "tuple": ExpressionReading._list,
    "set": ExpressionReading._set,
    "dictionary": ExpressionReading._dict,
    "attribute": ExpressionReading._attribute,
    "subscript": ExpressionReading._subscript,
    "unary_operator": ExpressionReading._unary,
    "not_operator": ExpressionReading._unary,
    "binary_operator": ExpressionReading._binary,
    "boolean_operator": ExpressionReading._boolean,
    "comparison_operator": ExpressionReading._compare,
    "conditional_expression": ExpressionReading._if_else,
    "call": ExpressionReading._call,
    **dict.fromkeys(_COMPREHENSIONS, ExpressionReading._comprehension),
}
