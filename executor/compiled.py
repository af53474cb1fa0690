"""Compiled: scripts as programs, each compiled and certified once a process, however many runs have it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from planner.budget import Budget
from planner.certificate import Certificate
from planner.check import Ground, certify
from planner.compiler import compile_script
from planner.hand import Hand
from planner.order import Waits, waits
from planner.plan import Plan
from planner.policy import USUAL, Policy
from planner.program import Program
from planner.script import plan_of
from planner.toolspec import Json, ToolSpec
from planner.worst import Terms

_KEPT = 128  # scripts, and certificates; one of 10,000 characters takes some 300 kB


@dataclass(frozen=True)
class Ids:
    """How statements are called: the first ones so, and none of the others like one that the run has had."""

    given: tuple[str, ...] = ()
    taken: frozenset[str] = frozenset()


Settled = tuple[tuple[str, int], ...]
FIRST = Ids()  # of a run's first plan


@dataclass(frozen=True)
class Compiled:
    """A script's program, its typed form, and which steps wait for which."""

    program: Program
    plan: Plan
    order: Waits


class Scripts:
    """Compiles and certifies scripts over one set of tools; remembers the latest, since many runs share a script."""

    def __init__(self, tools: Mapping[str, ToolSpec], terms: Terms, policy: Policy = USUAL) -> None:
        self.tools = tools
        self._terms = terms
        self._policy = policy
        self._compiled = lru_cache(_KEPT)(self._compile)
        self._certified = lru_cache(_KEPT)(self._certify)

    def forget(self) -> None:
        """The tools are others than they were."""
        self._compiled.cache_clear()
        self._certified.cache_clear()

    def compiled(self, script: str, parameters: frozenset[str], ids: Ids = FIRST) -> Compiled:
        """The script's program; raises CompileError."""
        return self._compiled(script, parameters, ids)

    def certified(
        self, script: str, params: Mapping[str, Json], budget: Budget, hand: Hand, ids: Ids = FIRST, settled: Settled = ()
    ) -> Certificate:
        """The script's certificate; raises CompileError and PlanRefused. `settled` are calls that are made no more, by step."""
        return self._certified(script, json.dumps(params, sort_keys=True), budget, hand, ids, settled)

    def _compile(self, script: str, parameters: frozenset[str], ids: Ids) -> Compiled:
        program, statements = compile_script(script, self.tools, parameters=parameters, ids=ids.given, taken=ids.taken)
        return Compiled(program, plan_of(statements), waits(program, self.tools))

    def _certify(self, script: str, params: str, budget: Budget, hand: Hand, ids: Ids, settled: Settled) -> Certificate:
        given = json.loads(params)
        compiled = self.compiled(script, frozenset(given), ids)
        ground = Ground(self.tools, budget, self._terms, given, hand, self._policy, dict(settled))
        return certify(compiled.program, compiled.plan, ground, compiled.order)
