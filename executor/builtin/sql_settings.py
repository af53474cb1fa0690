"""SqlSettings: one database that plans may read, and the statements by which alone they may write it.

[sql.shop]
url = "postgresql://planrail:${SHOP_PASSWORD}@db.example/shop"
[sql.shop.statements.add_visit]
about = "Note a visit of a customer."
sql = "insert into visit (customer, why) values (:customer, :why)"
effect = "write"
params = { customer = "int", why = '"offer" | "complaint"' }
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

KEY = "idempotency_key"  # the parameter that a statement may have besides its own: the call's key
NAME = r"[a-z][a-z0-9_]{0,39}"
MAX_ROWS = 10_000
OWN = frozenset(("query", "schema"))  # what a database's namespace has anyway
_PARAMETER = re.compile(r"(?<![:\w\\]):([A-Za-z_]\w*)")


class StatementSettings(BaseModel):
    """A statement that plans may call by its name, as a tool of the database's namespace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sql: str = Field(min_length=1)  # one statement; `:name` is a parameter, `:idempotency_key` the call's key
    effect: Literal["write", "irreversible"]  # what it counts as
    about: str = Field(default="", max_length=200)  # one sentence for the planner; empty: its name
    params: Mapping[Annotated[str, Field(pattern=f"^{NAME}$")], str] = Field(default_factory=dict)  # their types, as in plans
    sensitive: tuple[str, ...] | None = None  # parameters that untrusted values are asked for; unset: guessed by name and type
    idempotent: bool = False  # it does nothing more when it runs again with the same key, and may be repeated after a crash

    @model_validator(mode="after")
    def _whole(self) -> Self:
        named = frozenset(_PARAMETER.findall(self.sql)) - {KEY}
        for name in sorted(named ^ frozenset(self.params)):
            what = "has no type in params" if name in named else "does not stand in the statement"
            raise ValueError(f"the parameter {name} {what}")
        for name in self.sensitive or ():
            if name not in self.params:
                raise ValueError(f"the sensitive parameter {name} is none of params")
        return self


class SqlSettings(BaseModel):
    """A database. Reads are made in sessions that it holds read-only itself: SQLite and PostgreSQL can."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr  # SQLAlchemy's; `${NAME}` is a variable of the environment. It is shown to nobody
    about: str = Field(default="", max_length=200)  # what is in it, for the planner
    rows: int = Field(default=200, ge=1, le=MAX_ROWS)  # that a query gives at most; then it says that there are more
    bytes: int = Field(default=200_000, ge=1_000, le=10_000_000)  # of a query's rows as JSON; then it says that there are more
    timeout_s: float = Field(default=10.0, gt=0, le=600)  # of a query or statement; then the database breaks it off
    trusted: bool = False  # what stands in it counts as your own word, not as a stranger's
    statements: Mapping[Annotated[str, Field(pattern=f"^{NAME}$")], StatementSettings] = Field(default_factory=dict)  # by name

    @model_validator(mode="after")
    def _no_name_twice(self) -> Self:
        for name in sorted(OWN & self.statements.keys()):
            raise ValueError(f"a statement cannot be called {name}: each database has a tool of that name")
        return self
