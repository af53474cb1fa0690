"""Secret: the one form that stands for a secret's name in a script; its value is put in inside the call."""

from __future__ import annotations

from planner.syntax import Call, Expr, Literal_, Name


def secret_name(expr: Expr) -> str | None:
    """The name in `secret("name")`; None for any other expression."""
    match expr:
        case Call(func=Name(id="secret"), args=(Literal_(value=str() as name),), keywords=()):
            return name
        case _:
            return None
