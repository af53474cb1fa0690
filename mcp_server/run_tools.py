"""Run tools: goals and plans submitted, watched, answered and cancelled. Each is a translation of `Runs`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

from mcp.types import ElicitResult, InputRequiredResult

from executor.events import Question, RunStatus
from executor.run import is_over
from executor.submission import Submission
from mcp_server.active import submitted
from mcp_server.door import Ctx, Door
from mcp_server.forms import decided, elicits, form_of, form_request, words
from mcp_server.offer import Answer, Call, Offer, told, told_error
from mcp_server.run_told import DATA_SCHEMA, RUN_SCHEMA, progress, step_text
from mcp_server.task_told import TASK_AFTER_S, declares_tasks, task_result
from mcp_server.teaching import PLAN_LANGUAGE
from mcp_server.waiting import rested, result_for, view_of
from planner.budget import Budget
from planner.diagnostic import Diagnostic
from planner.toolspec import JsonSchema
from planrail.runs import APPROVALS, may_approve
from planrail.view import RunView

MODERN = "2026"  # revisions of the protocol from then on carry questions in results
_TEXT: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 50_000}
_RUN: JsonSchema = {"type": "string", "minLength": 4, "maxLength": 40, "description": "The run's id."}
_KEY: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 200, "description": "The same key finds the same run."}
_BUDGET: JsonSchema = {
    "type": "object",
    "description": "Ceilings: usd, calls, tokens, seconds, …",
    "properties": {
        name: {"type": "number" if name in ("usd", "seconds") else "integer", "minimum": 0}
        for name in ("usd", "calls", "model_calls", "tokens", "seconds")
    },
    "additionalProperties": False,
}
_SKILL: JsonSchema = {
    "type": "string", "minLength": 1, "maxLength": 200, "description": "Who takes the goal, if you know: a pack or a playbook.",
}  # fmt: skip
_DRY: JsonSchema = {"type": "boolean", "description": "Check it only; nothing runs."}
_PAGE: JsonSchema = {"type": "integer", "minimum": 1, "maximum": 50}
_STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)


class RunTools:
    """The offers about runs."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._runs = door.house.runs

    def offers(self) -> list[Offer]:
        """In the order in which a client lists them."""
        return [
            Offer(
                "run_goal", "Run a goal",
                "Plan a goal, check the plan and run it. Answers when it is done, or with the run's id.",
                _schema({"goal": _TEXT, "skill": _SKILL, "budget": _BUDGET, "key": _KEY}, "goal"),
                self._run_goal, RUN_SCHEMA, open_world=True,
            ),
            Offer(
                "plan_goal", "Plan a goal", "Plan a goal and check the plan; nothing runs. Gives script, worst case, effects.",
                _schema({"goal": _TEXT, "skill": _SKILL, "budget": _BUDGET}, "goal"),
                self._plan_goal, _PLANNED, read_only=True, open_world=True,
            ),
            Offer(
                "run_plan", "Run a plan script", PLAN_LANGUAGE,
                _schema({"script": _TEXT, "budget": _BUDGET, "key": _KEY, "dry": _DRY}, "script"),
                self._run_plan, _RUN_OR_PLAN, open_world=True,
            ),
            Offer(
                "get_run", "Look at a run", "How far a run is, its answer, its questions.", _schema({"run_id": _RUN}, "run_id"),
                self._get_run, RUN_SCHEMA, read_only=True,
            ),
            Offer(
                "list_runs", "List runs", "Your runs, newest first.",
                _schema({"status": {"enum": list(_STATUSES)}, "before": _RUN, "limit": _PAGE}),
                self._list_runs, _LISTED, read_only=True,
            ),
            Offer(
                "cancel_run", "Cancel a run", "Stop a run within a second. What is done stays.",
                _schema({"run_id": _RUN}, "run_id"),
                self._cancel_run, RUN_SCHEMA, idempotent=True, destructive=True,
            ),
            Offer(
                "answer_run", "Answer a run's question",
                "Answer what a run's plan asks its user. Approvals are a person's, or whose key may approve.",
                _schema(
                    {"run_id": _RUN, "question": {"type": "string"}, "answer": DATA_SCHEMA}, "run_id", "question", "answer"
                ),
                self._answer_run, RUN_SCHEMA, idempotent=True,
            ),
        ]  # fmt: skip

    # -- submitting

    async def _run_goal(self, call: Call) -> Answer:
        return await self._submitted(call, self._submission(call, goal=call.arguments["goal"]))

    async def _run_plan(self, call: Call) -> Answer:
        submission = self._submission(call, script=call.arguments["script"])
        preview = await self._runs.preview(submission)
        if preview.certified is None:
            found = preview.refusals[-1][1].diagnostics if preview.refusals else ()
            return told_error(_refused(found) if found else (preview.ended.reason if preview.ended else "There is no plan."))
        if call.arguments.get("dry"):
            return _planned(self._door.house.viewer(preview).view())
        return await self._submitted(call, submission)

    async def _plan_goal(self, call: Call) -> Answer:
        run = await self._runs.preview(self._submission(call, goal=call.arguments["goal"]))
        if run.certified is None:
            return told_error(run.ended.reason if run.ended is not None else "There is no plan.")
        return _planned(self._door.house.viewer(run).view())

    def _submission(self, call: Call, *, goal: str = "", script: str | None = None) -> Submission:
        budget: Budget = self._door.house.settings.budget.model_copy(update=call.arguments.get("budget") or {})
        skill, principal = call.arguments.get("skill"), self._door.principal(call.ctx)
        return Submission(goal=goal, script=script, skill=skill, budget=budget, principal=principal)

    async def _submitted(self, call: Call, submission: Submission) -> Answer:
        """Submit, or find the same run; then wait briefly."""
        key: str | None = call.arguments.get("key")
        if call.params.request_state:  # the same request comes once more, with what the client's person has said
            run = (await self._runs.record(call.params.request_state, submission.principal)).id
            await self._said(call, run)
        else:
            run = (await submitted(self._runs, submission, key)).id
        return await self.waited(call, run)

    async def waited(self, call: Call, run: str, *, task_after_s: float = TASK_AFTER_S) -> Answer:
        """The run once it rests, or its handle; what it asks is asked of the client's person where the client can."""
        ctx, door = call.ctx, self._door
        sent = 0

        async def progressed(view: RunView) -> None:
            nonlocal sent
            done, of = progress(view)
            if done > sent:
                sent = done
                moving = next((s for s in view.steps if s.state == "running"), None)
                await ctx.session.report_progress(done, of or None, step_text(moving) if moving else None)

        while True:
            as_task = declares_tasks(ctx)
            seconds = task_after_s if as_task else door.terms.wait_s
            view = await rested(door.house, run, door.principal(ctx), seconds, progressed)
            if as_task and not is_over(view.status):
                return cast(Answer, task_result(view))  # the SDK lets a task through
            asked = [q for q in view.questions if form_of(q) is not None]
            if view.status != "waiting" or not asked or not elicits(ctx):
                return await self._told(call, view)
            if ctx.protocol_version >= MODERN:
                return InputRequiredResult(
                    input_requests={q.id: form_request(q, view.id) for q in asked}, request_state=view.id
                )
            if not await self._elicited(ctx, view, asked[0]):
                return await self._told(call, view)

    # -- what a person says

    async def _elicited(self, ctx: Ctx, view: RunView, question: Question) -> bool:
        """Ask the person in front of an older client; False where nobody decided."""
        schema = form_of(question)
        assert schema is not None
        result = await ctx.session.elicit_form(words(question, view.id), schema, related_request_id=ctx.request_id)
        return await decided(self._runs, view.id, self._door.person(ctx), question, result)

    async def _said(self, call: Call, run: str) -> None:
        """Take what the person in front of a newer client has said."""
        state = await self._runs.get(run, self._door.principal(call.ctx))
        for question in state.open_questions:
            response = (call.params.input_responses or {}).get(question.id)
            if isinstance(response, ElicitResult):
                await decided(self._runs, run, self._door.person(call.ctx), question, response)

    # -- looking, answering, cancelling

    async def _get_run(self, call: Call) -> Answer:
        return await self._told(call, await self._view(call))

    async def _told(self, call: Call, view: RunView) -> Answer:
        return await result_for(self._door.house, view, self._door.principal(call.ctx))

    async def _view(self, call: Call) -> RunView:
        return await view_of(self._door.house, call.arguments["run_id"], self._door.principal(call.ctx))

    async def _list_runs(self, call: Call) -> Answer:
        status = call.arguments.get("status")
        records = await self._runs.find(
            self._door.principal(call.ctx), statuses=None if status is None else [status],
            before=call.arguments.get("before"), limit=call.arguments.get("limit", 20),
        )  # fmt: skip
        rows = [
            {"run_id": r.id, "status": r.status, "goal": r.goal[:200] or "(a script)", "begun": r.created_at.isoformat()}
            for r in records
        ]
        return told(f"{len(rows)} runs." if rows else "No runs.", {"runs": rows})

    async def _cancel_run(self, call: Call) -> Answer:
        await self._runs.cancel(call.arguments["run_id"], self._door.principal(call.ctx))
        return await self._told(call, await self._view(call))

    async def _answer_run(self, call: Call) -> Answer:
        who, run = self._door.principal(call.ctx), call.arguments["run_id"]
        state = await self._runs.get(run, who)
        question = next((q for q in state.open_questions if q.id == call.arguments["question"]), None)
        if question is not None and question.kind in APPROVALS and not may_approve(who, state.submission.principal):
            return told_error(
                f"{question.id} is an approval: a person gives it, on the command line: planrail answer {state.id}."
            )
        await self._runs.answer(state.id, who, call.arguments["answer"], question=call.arguments["question"])
        return await self.waited(call, state.id)


_PLANNED: JsonSchema = {
    "type": "object",
    "properties": {
        "script": {"type": "string"},
        "worst_case": {"type": "object"},
        "effects": {"type": "array", "items": {"type": "object"}},
        "flows": {"type": "array", "items": {"type": "object"}},
        "certificate": {"type": "string"},
    },
}
_RUN_OR_PLAN: JsonSchema = {"type": "object", "properties": {**RUN_SCHEMA["properties"], **_PLANNED["properties"]}}
_LISTED: JsonSchema = {
    "type": "object",
    "properties": {
        "runs": {
            "type": "array",
            "items": {"type": "object", "properties": {n: {"type": "string"} for n in ("run_id", "status", "goal", "begun")}},
        }
    },
    "required": ["runs"],
}


def _schema(properties: JsonSchema, *required: str) -> JsonSchema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _refused(diagnostics: Sequence[Diagnostic]) -> str:
    listed = "\n".join(str(d) for d in diagnostics[:20])
    return f"The checker refuses the script:\n{listed}\nCorrect it and call run_plan again."


def _planned(view: RunView) -> Answer:
    certificate = view.certificate
    assert certificate is not None
    worst = certificate.worst_case.model_dump(mode="json")
    effects = [e.model_dump(mode="json", include={"tool", "effect", "times", "line"}) for e in certificate.effects]
    flows = [f.model_dump(mode="json", include={"tool", "argument", "origins", "line"}) for f in certificate.flows]
    most = f"at most {worst['calls']} tool calls, {worst['model_calls']} model calls, ${worst['usd']:.2f}"
    found = {"script": view.script, "worst_case": worst, "effects": effects, "flows": flows, "certificate": certificate.hash}
    return told(f"Certified: {most}. Nothing has run.", found)
