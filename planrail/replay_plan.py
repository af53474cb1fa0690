"""Replay plan: a recorded plan and its certificate, compiled and checked again by today's code, tools and terms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from executor.events import PlanCertified, PlanProposed
from executor.planning import Planning
from executor.recorded_tools import tools_with_stand_ins
from executor.run import Run
from planner.certificate import Certificate, EffectNotice, WorstCase
from planner.check import Ground, certificate_hash
from planner.contract import contract
from planner.errors import CompileError, PlanRefused
from planner.plan import Plan
from planrail.replay_report import Finding, PriceChange


@dataclass
class PlanReplayed:
    """What differs of the plan and its certificate."""

    findings: list[Finding] = field(default_factory=list)
    prices: list[PriceChange] = field(default_factory=list)


def replay_plan(run: Run, certified: PlanCertified, planning: Planning) -> PlanReplayed:
    """Compile and certify again what was certified; `run` is the run as it was just before."""
    known = replace(planning, tools=tools_with_stand_ins(certified, planning.tools))
    found = PlanReplayed(list(_tools(certified, planning)))
    proposed = run.proposed or PlanProposed(script=certified.script, source="script", params=certified.params)
    gone = any(f.kind == "gone" for f in found.findings)
    try:
        today = known.certified(proposed, run)
    except (CompileError, PlanRefused) as refused:
        if not gone or isinstance(refused, CompileError):
            told = [str(d) for d in refused.diagnostics]
            found.findings.append(Finding(kind="certificate", what="the plan is refused", recorded="certified", today=told))
        return found
    found.findings.extend(_plans(certified.plan, today.plan))
    if not gone:
        _certificates(certified.certificate, today, planning.ground(run, proposed), found)
    return found


def _tools(certified: PlanCertified, planning: Planning) -> Iterator[Finding]:
    """Tools that are gone, and parts of contracts that have changed."""
    for name, fingerprint in certified.certificate.tools.items():
        if name not in planning.tools:
            yield Finding(kind="gone", what=f"{name} is not here any more", recorded=name)
            continue
        today = contract(planning.tools[name])
        if today.fingerprint == fingerprint:
            continue
        before = certified.contracts.get(name)
        if before is None:
            yield Finding(kind="tool", what=f"{name}: its contract; the journal does not say which part", recorded=fingerprint,
                          today=today.fingerprint)  # fmt: skip
        else:
            yield from _parts(name, before, today.parts)


def _parts(name: str, before: Mapping[str, str], today: Mapping[str, str]) -> Iterator[Finding]:
    for part in sorted({*before, *today}):
        if before.get(part) != today.get(part):
            yield Finding(kind="tool", what=f"{name}: {part}", recorded=before.get(part), today=today.get(part))


def _plans(before: Plan, today: Plan) -> Iterator[Finding]:
    pairs = zip_longest(before.statements, today.statements)
    for number, (one, other) in enumerate(pairs, 1):
        if one != other:
            texts = [None if s is None else s.model_dump(mode="json", by_alias=True) for s in (one, other)]
            yield Finding(kind="plan", what=f"statement {number} compiles otherwise", recorded=texts[0], today=texts[1])


def _certificates(before: Certificate, certified: PlanCertified, ground: Ground, found: PlanReplayed) -> None:
    today = certified.certificate
    differing = list(_worst(before.worst_case, today.worst_case))
    one, other = before.worst_case.usd, today.worst_case.usd
    if not math.isclose(one, other, rel_tol=1e-9):
        if differing or any(f.what.endswith(": usd") for f in found.findings):
            differing.append(Finding(kind="certificate", what="worst case: usd", recorded=one, today=other))
        else:
            found.prices.append(PriceChange(of="worst case", recorded=one, today=other))
    differing += _listed(before, today)
    if before.policy != today.policy:
        differing.append(Finding(kind="certificate", what="policy", recorded=before.policy, today=today.policy))
    if before.hash != today.hash and not differing and not found.findings:
        worst = today.worst_case.model_copy(update={"usd": one})
        if certificate_hash(today.model_copy(update={"worst_case": worst}), ground) != before.hash:
            differing.append(Finding(kind="certificate", what="hash", recorded=before.hash, today=today.hash))
    found.findings.extend(differing)


def _worst(before: WorstCase, today: WorstCase) -> Iterator[Finding]:
    for name in ("steps", "calls", "model_calls", "input_tokens", "output_tokens"):
        one, other = getattr(before, name), getattr(today, name)
        if one != other:
            yield Finding(kind="certificate", what=f"worst case: {name}", recorded=one, today=other)


def _listed(before: Certificate, today: Certificate) -> Iterator[Finding]:
    """Bounds of maps, effects and flows."""
    for step in sorted({*before.bounds, *today.bounds} if before.bounds else ()):
        one, other = before.bounds.get(step), today.bounds.get(step)
        if one != other:
            yield Finding(kind="certificate", what="most calls of the map", step=step, recorded=one, today=other)
    effects = [{_effect(e): e for e in c.effects} for c in (before, today)]
    flows = [{f.model_dump_json(exclude={"line"}): f for f in c.flows} for c in (before, today)]
    for what, (then, now) in (("effect", effects), ("flow", flows)):
        for text, notice in then.items():
            if text not in now:
                told = notice.model_dump(mode="json")
                yield Finding(kind="certificate", what=what, step=notice.step, line=notice.line, recorded=told)
        for text, notice in now.items():
            if text not in then:
                told = notice.model_dump(mode="json")
                yield Finding(kind="certificate", what=what, step=notice.step, line=notice.line, today=told)


def _effect(notice: EffectNotice) -> str:
    return notice.model_dump_json(exclude={"line"})
