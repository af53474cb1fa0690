"""Document: a run as the page is told of it: its view, what has changed between two of them, and what one may do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from executor.run import Run, is_over
from executor.submission import Principal
from planrail.house import House
from planrail.runs import may_approve
from planrail.view import Viewer

_RESUMABLE = ("cancelled", "failed", "partial")


async def document_of(house: House, run: Run, viewer: Viewer | None = None) -> dict[str, Any]:
    """What `planrail show --json` prints of a run as it is now. It may take some ms, and is worked out beside the loop."""
    viewer = viewer or house.viewer(run)
    document = await asyncio.to_thread(lambda: viewer.view().model_dump(mode="json"))
    if run.submission.session is not None:
        use = await house.runs.session(run.submission.session, run.submission.principal)
        document["session_use"] = use.model_dump(mode="json")
    return document


def beside(document: Mapping[str, Any], submitter: Principal, who: Principal) -> dict[str, Any]:
    """What stands beside a run's document, for one who looks at it."""
    status, told = document["status"], {"id": submitter.id, "kind": submitter.kind}
    may = [] if is_over(status) else ["cancel"]
    may += ["resume"] if status in _RESUMABLE else []
    may += ["fork"] if document["certificate"] is not None else []
    return {"may_approve": may_approve(who, submitter), "submitted_by": told, "may": may}


def change(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is other in a later document: top-level fields, and steps; None where the steps are not the same ones."""
    if [step["id"] for step in before["steps"]] != [step["id"] for step in after["steps"]]:
        return None
    fields = {name: value for name, value in after.items() if name != "steps" and before.get(name) != value}
    steps = [new for old, new in zip(before["steps"], after["steps"], strict=True) if old != new]
    return {**fields, "seq": after["seq"], "steps": steps}
