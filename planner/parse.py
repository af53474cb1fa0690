"""Parse: text of the plan language → nodes. Nothing here knows tools or names."""

from __future__ import annotations

from tree_sitter import Node as Tree

from planner.characters import normal
from planner.parse_expression import ExpressionReading
from planner.reading import MAX_DEPTH, MAX_LINES, MAX_SCRIPT, Refused, operands, refuse_size, too_long, tree_of
from planner.syntax import Bind, Branch, Call, Clause, Comprehension, Expr, ListOf, Name, Statement, Target

__all__ = ["MAX_LINES", "MAX_SCRIPT", "is_whole", "parse_expression", "parse_script", "parse_target", "too_long"]

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


def parse_script(text: str, *, first_line: int = 1) -> tuple[Statement, ...]:
    """The statements of a script, or of whole lines of one that begin at `first_line`; raises CompileError."""
    text = normal(text)
    refuse_size(text)
    reader = _Statements(text, first_line)
    return reader.checked(lambda root: reader.block(root))


def is_whole(text: str) -> bool:
    """Whether the text can be read as it is, with nothing missing at its end."""
    root = tree_of(text).root_node
    last = root.named_child(root.named_child_count - 1)
    return not root.has_error and (last is None or last.type != "line_continuation")


def parse_expression(text: str) -> Expr:
    """The one expression that the text is; raises CompileError."""
    refuse_size(text)
    source = normal(text).strip()
    reader = _Statements(f"(\n{source}\n)", 0)  # in brackets, so that it may run over lines; its first line is line 1

    def only(root: Tree) -> Expr:
        statements = operands(root)
        if len(statements) != 1 or statements[0].type != "expression_statement":
            raise reader.refusal(root, "expression", "This is not one expression.")
        return reader.expression(statements[0].named_children[0])

    return reader.checked(only)


def parse_target(text: str) -> Target:
    """The names that a `for` binds, as in `l` or `i, (a, b)`; raises CompileError."""
    reader = _Statements(f"[0 for {text} in x]", 1)

    def only(root: Tree) -> Target:
        node = reader.expression(root.named_children[0].named_children[0]) if len(root.named_children) == 1 else None
        match node:
            case Comprehension(kind="list", clauses=(Clause(iterable=Name(id="x"), conditions=()) as clause,)):
                return clause.target
            case _:
                raise reader.refusal(root, "target", "This is no target of a `for`.", "Write names: l, or i, (a, b).")

    return reader.checked(only)


class _Statements(ExpressionReading):
    """A text of which statements are read, each refused by itself."""

    def block(self, tree: Tree) -> tuple[Statement, ...]:
        statements: list[Statement] = []
        row, margin = -1, None if tree.type == "block" else 0
        for child in operands(tree):
            begun, column = child.start_point
            margin = column if margin is None else margin
            try:
                if begun > row and column != margin:
                    hint = "Statements of a block begin in one column."
                    raise self.refusal(child, "indentation", "This line is indented as no block is.", hint)
                row = child.end_point[0]
                statements.extend(self._statement(child))
            except Refused as refused:
                self.refused.append(refused.diagnostic)
        return tuple(statements)

    def _statement(self, tree: Tree) -> list[Statement]:
        match tree.type:
            case "pass_statement":
                return []
            case "expression_statement":
                return [self._simple(tree)]
            case "if_statement":
                return [self._branch(tree)]
            case kind if kind in _NO_STATEMENT:
                raise self.refusal(tree, *_NO_STATEMENT[kind])
        raise self.refusal(tree, "statement", "A script has no such statement.", "Write name = …, a call, or if.")

    def _simple(self, tree: Tree) -> Statement:
        inner = operands(tree)
        if len(inner) != 1:
            raise self.refusal(tree, "statement", "This is several values and no call.", "Give them a name: x = [a, b].")
        if inner[0].type == "assignment":
            return self._assignment(inner[0])
        if inner[0].type == "augmented_assignment":
            raise self.refusal(tree, "assigned-twice", "Names are assigned once.", "Give the new value a new name.")
        value = self.expression(inner[0])
        if not isinstance(value, Call | Comprehension):
            raise self.refusal(tree, "no-effect", "This value goes nowhere.", "Give it a name, or answer(…) with it.")
        return Bind((), value, at=self.position(tree), text=self.start(tree))

    def _assignment(self, tree: Tree) -> Bind:
        left, right = tree.child_by_field_name("left"), tree.child_by_field_name("right")
        if tree.child_by_field_name("type") is not None or right is None or left is None:
            raise self.refusal(tree, "annotation", "Names have no type annotations.", "Write name = value.")
        if right.type in ("assignment", "augmented_assignment"):
            raise self.refusal(tree, "assigned-twice", "One statement assigns once.", "Write two lines.")
        targets = self.target(left)
        if isinstance(targets, tuple) and not all(isinstance(t, str) for t in targets):
            raise self.refusal(left, "target", "Targets of an assignment are names.", "Write a, b = value.")
        names = (targets,) if isinstance(targets, str) else tuple(str(t) for t in targets)
        value = self._values(right)
        return Bind(names, value, at=self.position(tree), text=self.start(tree))

    def _values(self, tree: Tree) -> Expr:
        if tree.type == "expression_list":
            return ListOf(tuple(self.expression(c) for c in operands(tree)), **self.where(tree))
        return self.expression(tree)

    def _branch(self, tree: Tree) -> Branch:
        alternatives = tree.children_by_field_name("alternative")
        orelse: tuple[Statement, ...] = ()
        self.depth += len(alternatives)
        if self.depth > MAX_DEPTH:
            self.depth -= len(alternatives)
            hint = "Look the value up in a dict: {…}[key]."
            raise self.refusal(tree, "too-deep", f"Nested more than {MAX_DEPTH} deep.", hint)
        try:
            for alternative in reversed(alternatives):
                if alternative.type == "else_clause":
                    orelse = self._body(alternative, "body")
                else:
                    orelse = (self._test(alternative, orelse),)
        finally:
            self.depth -= len(alternatives)
        return self._test(tree, orelse)

    def _test(self, tree: Tree, orelse: tuple[Statement, ...]) -> Branch:
        condition = tree.child_by_field_name("condition")
        assert condition is not None
        test = self.expression(condition)
        return Branch(test, self._body(tree, "consequence"), orelse, **self.where(tree))

    def _body(self, tree: Tree, field: str) -> tuple[Statement, ...]:
        body = tree.child_by_field_name(field)
        if body is None or not operands(body):
            raise self.refusal(
                tree, "indentation", "Its block is missing.", "Indent the lines that belong to it, or write pass."
            )
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refusal(tree, "too-deep", f"Nested more than {MAX_DEPTH} deep.", "Use several statements.")
        try:
            return self.block(body)
        finally:
            self.depth -= 1
