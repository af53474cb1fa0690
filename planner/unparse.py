"""Unparse: nodes → text of the plan language, in one form only, so that equal meanings print alike."""

from __future__ import annotations

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
    Field,
    FString,
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

# How tightly an expression binds; an operand that binds more loosely than its place asks for gets brackets.
_TEST, _OR, _AND, _NOT, _COMPARE, _EITHER, _SUM, _TERM, _SIGN, _ATOM = range(10)
_BINARY = {"+": _SUM, "-": _SUM, "*": _TERM, "/": _TERM, "//": _TERM, "%": _TERM}


def unparse(node: Expr) -> str:
    """The expression's text: one line, double quotes, one space around operators."""
    return _Printer('"').at(node, _TEST)


def unparse_target(target: Target, *, nested: bool = False) -> str:
    """The text of what a `for` binds."""
    if isinstance(target, str):
        return target
    names = ", ".join(unparse_target(t, nested=True) for t in target) + ("," if len(target) == 1 else "")
    return f"({names})" if nested else names


def quoted(text: str, quote: str = '"') -> str:
    """A string literal that means this text."""
    return quote + _escaped(text, quote) + quote


def _escaped(text: str, quote: str) -> str:
    if text.isprintable() and "\\" not in text and quote not in text:
        return text
    out: list[str] = []
    for c in text:
        if c in ("\\", quote):
            out.append("\\" + c)
        elif c in "\n\r\t":
            out.append({"\n": "\\n", "\r": "\\r", "\t": "\\t"}[c])
        elif c.isprintable():
            out.append(c)
        else:
            code = ord(c)
            out.append(f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")
    return "".join(out)


class _Printer:
    def __init__(self, quote: str) -> None:
        self.quote = quote

    def at(self, node: Expr, place: int) -> str:
        text, binds = self._print(node)
        return f"({text})" if binds < place else text

    def _print(self, node: Expr) -> tuple[str, int]:
        match node:
            case Literal_():
                return self._literal(node)
            case Name():
                return node.id, _ATOM
            case FString():
                return self._fstring(node), _ATOM
            case ListOf():
                return f"[{self._all(node.items)}]", _ATOM
            case SetOf():
                return f"{{{self._all(node.items)}}}", _ATOM
            case DictOf():
                return "{" + ", ".join(self._pair(k, v) for k, v in node.pairs) + "}", _ATOM
            case Comprehension():
                return self._comprehension(node), _ATOM
            case Attribute() | Subscript() | Slice() | Call():
                return self._postfix(node), _ATOM
            case _:
                return self._operation(node)

    def _postfix(self, node: Attribute | Subscript | Slice | Call) -> str:
        match node:
            case Attribute():
                return f"{self._base(node.value)}.{node.key}"
            case Subscript():
                return f"{self._base(node.value)}[{self.at(node.index, _TEST)}]"
            case Slice():
                lower = self.at(node.lower, _TEST) if node.lower is not None else ""
                upper = self.at(node.upper, _TEST) if node.upper is not None else ""
                return f"{self._base(node.value)}[{lower}:{upper}]"
            case Call():
                return f"{self._base(node.func)}({self._arguments(node)})"

    def _base(self, node: Expr) -> str:
        if isinstance(node, Literal_) and not isinstance(node.value, str):
            return f"({self.at(node, _TEST)})"  # `(1).x`: a number takes no dot
        return self.at(node, _ATOM)

    def _operation(self, node: Expr) -> tuple[str, int]:
        match node:
            case Unary(op="not"):
                return f"not {self.at(node.operand, _NOT)}", _NOT
            case Unary():
                return f"{node.op}{self.at(node.operand, _SIGN)}", _SIGN
            case Binary():
                binds = _BINARY[node.op]
                return f"{self.at(node.left, binds)} {node.op} {self.at(node.right, binds + 1)}", binds
            case Compare():
                rest = "".join(f" {op} {self.at(right, _EITHER)}" for op, right in node.rest)
                return self.at(node.first, _EITHER) + rest, _COMPARE
            case Either():
                return " | ".join(self.at(v, _EITHER + 1) for v in node.values), _EITHER
            case And():
                return " and ".join(self.at(v, _NOT) for v in node.values), _AND
            case Or():
                return " or ".join(self.at(v, _AND) for v in node.values), _OR
            case IfElse():
                body, test = self.at(node.body, _OR), self.at(node.test, _OR)
                return f"{body} if {test} else {self.at(node.orelse, _TEST)}", _TEST
            case Lambda():
                return f"lambda {node.parameter}: {self.at(node.body, _TEST)}", _TEST
            case _:
                raise TypeError(f"{type(node).__name__} is no operation")

    def _literal(self, node: Literal_) -> tuple[str, int]:
        if isinstance(node.value, str):
            return quoted(node.value, self.quote), _ATOM
        negative = not isinstance(node.value, bool) and isinstance(node.value, int | float) and repr(node.value)[0] == "-"
        return repr(node.value), _SIGN if negative else _ATOM

    def _all(self, nodes: tuple[Expr, ...]) -> str:
        return ", ".join(self.at(n, _TEST) for n in nodes)

    def _pair(self, key: Expr | None, value: Expr) -> str:
        return f"**{self.at(value, _OR)}" if key is None else f"{self.at(key, _TEST)}: {self.at(value, _TEST)}"

    def _arguments(self, node: Call) -> str:
        if len(node.args) == 1 and not node.keywords and _is_generator(node.args[0]):
            return self.at(node.args[0], _TEST)[1:-1]  # a lone generator needs no second brackets
        named = [f"**{self.at(v, _OR)}" if k is None else f"{k}={self.at(v, _TEST)}" for k, v in node.keywords]
        return ", ".join([*(self.at(a, _TEST) for a in node.args), *named])

    def _comprehension(self, node: Comprehension) -> str:
        element = self.at(node.element, _TEST)
        body = element if node.value is None else f"{element}: {self.at(node.value, _TEST)}"
        inner = body + "".join(self._clause(c) for c in node.clauses)
        match node.kind:
            case "list":
                return f"[{inner}]"
            case "generator":
                return f"({inner})"
            case _:
                return f"{{{inner}}}"

    def _clause(self, clause: Clause) -> str:
        conditions = "".join(f" if {self.at(c, _OR)}" for c in clause.conditions)
        return f" for {unparse_target(clause.target)} in {self.at(clause.iterable, _OR)}{conditions}"

    def _fstring(self, node: FString) -> str:
        inner = _Printer("'" if self.quote == '"' else '"')
        parts = "".join(_literal_part(p, self.quote) if isinstance(p, str) else inner.field(p) for p in node.parts)
        return f"f{self.quote}{parts}{self.quote}"

    def field(self, field: Field) -> str:
        """One `{…}` of an f-string; a space keeps a value's own brace apart."""
        value = self.at(field.value, _OR)
        other = "'" if self.quote == '"' else '"'  # the quotes of the string that the field stands in
        spec = "".join(_escaped(p, other) if isinstance(p, str) else self.field(p) for p in field.spec)
        conversion = f"!{field.conversion}" if field.conversion else ""
        space = " " if value.startswith("{") else ""
        end = " " if space and value.endswith("}") else ""
        return f"{{{space}{value}{end}{conversion}{':' + spec if field.spec else ''}}}"


def _literal_part(text: str, quote: str) -> str:
    return _escaped(text, quote).replace("{", "{{").replace("}", "}}")


def _is_generator(node: Expr) -> bool:
    return isinstance(node, Comprehension) and node.kind == "generator"


def unparse_call(call: str, args: tuple[str, ...], named: dict[str, str], splat: str | None) -> str:
    """A call's text from the texts of its arguments."""
    spread = () if splat is None else (f"**{splat}",)
    return f"{call}({', '.join([*args, *(f'{k}={v}' for k, v in named.items()), *spread])})"
