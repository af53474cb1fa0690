"""Recorded tools: those of a certificate, with stand-ins for what is gone, so that its script still compiles."""

from __future__ import annotations

import json
from collections.abc import Mapping

from executor.events import PlanCertified
from planner.toolspec import ToolSpec

_SCALARS = ("effect", "idempotent", "commutes", "open_world", "not_found", "usd")  # what order and moves ask of a tool


def tools_with_stand_ins(certified: PlanCertified, tools: Mapping[str, ToolSpec]) -> dict[str, ToolSpec]:
    """Today's tools, and for each certified one that is gone what the journal knows of it."""
    gone = {name for name in certified.certificate.tools if name not in tools}
    return {**tools, **{name: _stand_in(name, certified) for name in gone}}


def _stand_in(name: str, certified: PlanCertified) -> ToolSpec:
    parts = certified.contracts.get(name)
    if parts is not None:
        told = {part: json.loads(parts[part]) for part in _SCALARS if part in parts}
        return ToolSpec.model_validate({"name": name, "description": "", "input_schema": {}, **told})
    effects = [e.effect for e in certified.certificate.effects if e.tool == name]  # of an older build: its effects alone
    return ToolSpec(name=name, description="", input_schema={}, effect=effects[0] if effects else "read", open_world=False)
