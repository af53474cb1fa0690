"""What the parser reads: meanings, places, and whether a text is whole."""

# ruff: noqa: E501  # a case stands on one line

from __future__ import annotations

import ast
import warnings

import pytest

from planner.errors import CompileError
from planner.parse import is_whole, parse_expression, parse_script, parse_target
from planner.syntax import (
    Attribute,
    Binary,
    Bind,
    Branch,
    Call,
    Clause,
    Compare,
    Comprehension,
    Field,
    FString,
    Literal_,
    Name,
    Position,
    Unary,
)


def test_a_statement_means_its_nodes() -> None:
    assert parse_script("a, b = crm.f(x=1, **d)\nif a:\n    pass") == (
        Bind(("a", "b"), Call(Attribute(Name("crm"), "f"), (), (("x", Literal_(1)), (None, Name("d"))))),
        Branch(Name("a"), ()),
    )


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("-1", Literal_(-1)),
        ("- x", Unary("-", Name("x"))),
        ("1 < x <= 2", Compare(Literal_(1), (("<", Name("x")), ("<=", Literal_(2))))),
        ("x not in y", Compare(Name("x"), (("not in", Name("y")),))),
        ("a - b - c", Binary("-", Binary("-", Name("a"), Name("b")), Name("c"))),
        (
            "[x for i, (x, y) in z if i]",
            Comprehension("list", Name("x"), (Clause(("i", ("x", "y")), Name("z"), (Name("i"),)),)),
        ),
        ('f"{x!r:>{w}}é{{"', FString((Field(Name("x"), "r", (">", Field(Name("w")))), "é{"))),
        ('f"{d["k"]}"', FString((Field(parse_expression('d["k"]')),))),
        ("f'{x:%H:%M}'", FString((Field(Name("x"), "", ("%H:%M",)),))),
        ("f'{a=}'", FString(("a=", Field(Name("a"), "r")))),
        ("'a' \"b\"", Literal_("ab")),
        ("(\n 1 # one\n)", Literal_(1)),
    ],
)
def test_an_expression_means_its_node(text: str, node: object) -> None:
    assert parse_expression(text) == node


@pytest.mark.parametrize(
    "literal",
    [
        "'a'", '"\\""', "'\\''", r"r'\n'", r"'\n\t\\\x41\101\u00e9\U0001F600\N{BULLET}'", "'''a\nb'''", '"""a"b"""', "'é😀'",
        r"'\d'", r"r'\''", "''", "'a\\\nb'", "0", "0xFF", "0b101", "1_000", "1.5e-3", ".5", "5.", "1e22", "True", "None",
    ],
)  # fmt: skip
def test_a_literal_means_what_it_means_to_python(literal: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert parse_expression(literal) == Literal_(ast.literal_eval(literal))


@pytest.mark.parametrize("text", ["b'x'", "1j", "0777", "1l", "1e999", "...", "x[1:2:3]", "x[1, 2]", "~x", "x ** 2", "x @ y", "*x",
                                  "yield x", "x if y", "f(x)(y)", "x[0](y)", "f(a for a in b, 1)", "f(x=1, x=2)", "f(x=1, 2)", "__x",
                                  "x.__class__", "lambda: 1", "[x async for x in y]", "f'{}'", "f'{x!z}'", "f'{x:=5}'", "a := 1"])  # fmt: skip
def test_what_the_language_has_not_is_refused(text: str) -> None:
    with pytest.raises(CompileError):
        parse_expression(text)


def test_places_count_characters_from_one() -> None:
    (statement,) = parse_script('é = "ü"; x = y'.replace("é", "e"), first_line=7)[1:]
    assert statement.at == Position(7, 10)
    (branch,) = parse_script('if "😀" + z:\n    a = 1')
    assert isinstance(branch, Branch)
    assert isinstance(branch.test, Binary)
    assert branch.test.right.at == Position(1, 10)
    assert parse_expression("  (\n  x)").at == Position(2, 3)


def test_a_target_is_names() -> None:
    assert parse_target("i, (a, b)") == ("i", ("a", "b"))


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("a = 1\n", True), ("a = [\n", False), ("a = '''x\n", False), ("a = 1 \\\n", False), ("# x \\\n", True), ("a = (1,\n 2)\n", True),
        ("a = f'''{\n", False), ("if x:\n    a = 1\n", True), ("a = \n", False), ("a = 'x\\\ny'\n", True),
    ],
)  # fmt: skip
def test_a_text_is_whole_or_goes_on(text: str, whole: bool) -> None:
    assert is_whole(text) == whole


def test_nothing_that_is_given_to_the_parser_raises_anything_else() -> None:
    pieces = [
        "a",
        "=",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        "f'",
        "if",
        ":",
        "\n",
        "    ",
        "else",
        "#",
        "\\",
        ",",
        "for",
        "in",
        "1",
        "\0",
        "\ud800",
    ]
    for number in range(4_000):
        text = " ".join(pieces[(number * p + p) % len(pieces)] for p in (1, 3, 5, 7, 11, 13)) + "\n"
        for read in (parse_script, parse_expression, parse_target):
            try:
                read(text)
            except CompileError as error:
                assert error.diagnostics  # noqa: PT017
