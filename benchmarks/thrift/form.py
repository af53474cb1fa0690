"""Form: one kind of goal: the world that it is about, and what a perfect model writes for it in every system's own form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

from benchmarks.thrift.call import Call, Group, Step, steps_of
from executor.toolset import Toolset


@dataclass(frozen=True)
class Beat:
    """A step of ours on the critical path: the line that it needs, the beat that it waits for, whether it has an effect."""

    line: int
    after: int | None = None
    effect: bool = False


@dataclass(frozen=True)
class Plan:
    """A plan in our language, with its beats; of two, the second is what the first one's surprise is mended by."""

    script: str
    path: Sequence[Beat]


@dataclass(frozen=True)
class Form(ABC):
    """A goal of some calls whose outputs are about `size` tokens long; another `seed` is another goal of the same form.

    In a `calm` one nothing surprises.
    """

    width: int
    size: int
    seed: int
    calm: bool = False
    slots: ClassVar[bool] = True  # whether a plan that is kept fits other goals of the form; else only the same one

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def tools(self) -> Toolset: ...

    @property
    @abstractmethod
    def goal(self) -> str: ...

    @property
    @abstractmethod
    def answer(self) -> str:
        """What every system's answer has to contain."""

    @property
    @abstractmethod
    def sentence(self) -> str:
        """The answer as a model writes it."""

    @property
    @abstractmethod
    def groups(self) -> list[Group]:
        """The calls, in the order in which their inputs are known."""

    @property
    @abstractmethod
    def plans(self) -> list[Plan]: ...

    @property
    @abstractmethod
    def lines(self) -> list[list[str]]:
        """The plans in LLMCompiler's form; `$n` stands for the whole output of task n."""

    @property
    def waves(self) -> list[list[Call]]:
        return [wave for group in self.groups for wave in group.waves]

    @property
    def calls(self) -> int:
        return len(list(chain.from_iterable(self.waves)))

    def steps(self, *, together: bool) -> list[Step]:
        """The plan in words: a step for each item, or for all items that can be dealt with at once."""
        return steps_of(self.groups, together=together)
