"""What can go wrong, and whose fault it is.

PlanrailError                      everything of ours; carries `fault` and `hint`
├── CompileError                   the script does not follow the plan language         (plan)
├── PlanRefused                    the checker refuses the plan                         (plan)
├── PlaybookError                  a playbook file is malformed                         (user)
├── PolicyError                    the policy names what is not there                   (user)
├── ExpressionError                an expression has no value for this data: a surprise (data)
│   └── BoundExceeded              an expression outgrew its bounds: a surprise         (data)
└── ModelError                     a model gave no usable answer; carries what it billed
    ├── ModelUnavailable           transport, rate limit, time-out: worth a retry       (model)
    ├── ModelRefused               refusal or content filter: a retry will not help     (model)
    └── ModelMisconfigured         wrong key, unknown model: nothing will help          (user)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from planner.diagnostic import Diagnostic
from planner.usage import NO_USAGE, Usage

Fault = Literal["user", "plan", "data", "model", "tool", "planrail", "environment"]


class PlanrailError(Exception):
    """An error that says whose fault it is (`fault`) and the next thing to do (`hint`)."""

    fault: ClassVar[Fault] = "planrail"  # a class says its own

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class _Diagnosed(PlanrailError):
    fault: ClassVar[Fault] = "plan"

    def __init__(self, diagnostics: Sequence[Diagnostic], *, what: str) -> None:
        super().__init__(what + "\n" + "\n".join(str(d) for d in diagnostics))
        self.diagnostics = tuple(diagnostics)


class CompileError(_Diagnosed):
    """The script does not follow the plan language; `diagnostics` says where and what to write instead."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(diagnostics, what="The script does not compile.")


class PlanRefused(_Diagnosed):
    """The checker refuses the plan; `diagnostics` holds its reasons."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(diagnostics, what="The plan is refused.")


class PlaybookError(PlanrailError):
    """A playbook file cannot be read; the message names the file and the line."""

    fault: ClassVar[Fault] = "user"


class PolicyError(PlanrailError):
    """The policy names a tool, an argument or a field that is not there; the hint names the nearest."""

    fault: ClassVar[Fault] = "user"


class ExpressionError(PlanrailError):
    """An expression has no value for the data it met (index out of range, missing key, `max([])`)."""

    fault: ClassVar[Fault] = "data"

    def __init__(self, message: str, *, source: str = "", hint: str = "") -> None:
        super().__init__(f"{message} in `{source}`" if source else message, hint=hint)
        self.source = source


class BoundExceeded(ExpressionError):
    """An expression needs more operations, depth or output than it may have."""


class ModelError(PlanrailError):
    """A model gave no usable answer. `usage` is what was billed all the same and always counts."""

    fault: ClassVar[Fault] = "model"

    def __init__(self, message: str, *, usage: Usage = NO_USAGE, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.usage = usage


class ModelUnavailable(ModelError):
    """A transport failure, rate limit or time-out. `retry_after_s` is the server's own wish, if it told one."""

    def __init__(
        self,
        message: str,
        *,
        usage: Usage = NO_USAGE,
        hint: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, usage=usage, hint=hint)
        self.retry_after_s = retry_after_s


class ModelRefused(ModelError):
    """The model declined, or a content filter stopped it: asking again will not help."""


class ModelMisconfigured(ModelError):
    """The key, address or name of the model is wrong: a person has to change a setting."""

    fault: ClassVar[Fault] = "user"
