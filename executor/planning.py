"""Planning: from a submission to a certified plan, each stage an event, so that it goes on where it was after a crash.

A plan comes from what was submitted (script, plan, playbook), else from a playbook whose structure the goal has, else from a
kept plan whose form it has, else from the planner's model, which is shown the tools of whomever the goal is sent to. What the
checker refuses goes back to the model, at most `budget.repairs` times; then to the playbook's fallback, if there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from executor.ahead import Ahead
from executor.compiled import Ids, Scripts
from executor.drafting import NotPlanned, Purpose, drafted, unreadable
from executor.earlier import earlier_told, earlier_words
from executor.events import ConfidenceFell, GoalRouted, PlanCertified, PlanDoubted, PlanProposed, PlanRefused, PlanVerified
from executor.fingerprint import fingerprint_of
from executor.handing import NOTHING_HANDED, Handed, Handing
from executor.keeping import Keeping
from executor.ledger import model_need
from executor.left import budget_of, refuse_additions, settled_by, was_approved
from executor.looked import looked_up
from executor.parameters import parameters_of
from executor.react import react_plan
from executor.recorder import Recorder
from executor.routing import NOT_ROUTED, Routing
from executor.run import Run
from executor.shapes import NOTHING_LEARNED, Shapes, learned_of
from executor.specialists import HAND
from executor.submission import Submission
from executor.writer import hand_of
from planner.catalog import TOOLS_TOKENS, Catalog
from planner.check import Ground
from planner.contract import contract
from planner.diagnostic import Diagnostic
from planner.errors import CompileError, PlanrailError, PlaybookError
from planner.errors import PlanRefused as Refused
from planner.llm.port import Message
from planner.plan import Plan
from planner.planner import Planner
from planner.playbook import Playbook, Playbooks
from planner.policy import USUAL, Policy
from planner.program import statement_of
from planner.script import script_of
from planner.toolspec import Json, ToolSpec
from planner.unlike import unlike
from planner.worst import Terms


@dataclass(frozen=True)
class Planning:
    """Finds a plan for a run. `planner` is None where no model is configured."""

    tools: Mapping[str, ToolSpec]
    playbooks: Playbooks
    planner: Planner | None
    terms: Terms
    policy: Policy = USUAL
    tools_tokens: int = TOOLS_TOKENS  # of the lines of tools in a prompt
    keeping: Keeping | None = None
    shapes: Shapes = NOTHING_LEARNED  # of what tools return that do not declare it
    routing: Routing = NOT_ROUTED
    handing: Handing = NOTHING_HANDED
    scripts: Scripts = field(init=False)
    catalog: Catalog = field(init=False)
    _narrowed: dict[str, Catalog] = field(init=False, default_factory=dict)  # by specialist

    def __post_init__(self) -> None:
        object.__setattr__(self, "scripts", Scripts(self.tools, self.terms, self.policy))
        object.__setattr__(self, "catalog", Catalog(self.tools, tokens=self.tools_tokens))

    def tools_changed(self) -> None:
        """Forget what was worked out of tools that are others now."""
        self.scripts.forget()
        self._narrowed.clear()
        object.__setattr__(self, "catalog", Catalog(self.tools, tokens=self.tools_tokens))

    async def plan(self, recorder: Recorder, ahead: Ahead | None = None) -> None:
        """Bring the run to a PlanCertified event; raises NotPlanned. `ahead` makes early reads meanwhile."""
        run = recorder.run
        while run.certified is None:
            if run.proposed is None:
                proposal = await self._propose(recorder, ahead)
                recorder.note(proposal)
                if proposal.source == "planner":  # what was paid for is durable before anything stands on it
                    await recorder.commit()
            proposed = run.proposed
            assert proposed is not None
            try:
                certified = await self.warned(self.certified(proposed, run), run)
            except (CompileError, Refused) as refused:
                await recorder.commit(PlanRefused(diagnostics=refused.diagnostics))
            else:
                await recorder.commit(certified, tools=fingerprint_of(certified.certificate.tools) or None)

    def certified(self, proposed: PlanProposed, run: Run) -> PlanCertified:
        """Compile and check a proposal, with what it hands over to others put in; raises CompileError and PlanRefused."""
        handed = self.handing.expanded(proposed.script)
        try:
            return self._certified(proposed, handed, run)
        except (CompileError, Refused) as refused:
            if not handed.lines:
                raise
            raise type(refused)(handed.placed(refused.diagnostics)) from refused

    def _certified(self, proposed: PlanProposed, handed: Handed, run: Run) -> PlanCertified:
        params, script, budget = proposed.params, handed.script, budget_of(proposed, run)
        ids = Ids(proposed.ids, run.gone.union(map(statement_of, proposed.dropped)))
        settled = tuple(settled_by(proposed, run).items())
        certificate = self.scripts.certified(script, params, budget, hand_of(run), ids, settled)
        compiled = self.scripts.compiled(script, frozenset(params), ids)
        refuse_additions(proposed, certificate, compiled.program, run)
        self.handing.refuse_elsewhere(compiled.program)
        self.routing.refuse_others(proposed, compiled.program, run, handed.put_in)
        contracts = {name: dict(contract(self.tools[name]).parts) for name in certificate.tools}
        return PlanCertified(
            plan=compiled.plan, script=script, params=params, certificate=certificate, contracts=contracts,
            revision=proposed.revision, ids=compiled.program.ids if proposed.ids or proposed.revision > 1 else (),
            kept=len(proposed.ids), dropped=proposed.dropped, approved=proposed.revision > 1 and was_approved(run),
        )  # fmt: skip

    async def warned(self, certified: PlanCertified, run: Run) -> PlanCertified:
        """The same, with warnings about what results had not had so far; its certificate's hash does not hang on them."""
        learned = await learned_of(self.shapes, [self.tools[name] for name in certified.certificate.tools])
        if not learned:
            return certified
        assert run.proposed is not None
        compiled = self.scripts.compiled(certified.script, frozenset(certified.params), Ids(certified.ids))
        shapes = {name: known.shape for name, known in learned.items()}
        found = unlike(compiled.program, self.ground(run, run.proposed), shapes)
        warnings = (*certified.certificate.warnings, *found)
        return certified.model_copy(update={"certificate": certified.certificate.model_copy(update={"warnings": warnings})})

    def catalog_of(self, run: Run) -> Catalog:
        """The catalog, without the tools of other specialists once the goal is somebody's."""
        whose = self.routing.whose(run)
        if not self.routing.specialists.hidden(whose):
            return self.catalog
        if whose not in self._narrowed:
            tools = self.routing.specialists.narrowed(whose, self.tools)
            self._narrowed[whose] = Catalog(tools, tokens=self.tools_tokens)
        return self._narrowed[whose]

    async def known(self, run: Run | None = None) -> Catalog:
        """The catalog for a run, with what tools have returned so far."""
        catalog = self.catalog if run is None else self.catalog_of(run)
        return catalog.knowing({**await self.learned(catalog.tools), **self.handing.gives()})

    async def learned(self, names: Iterable[str]) -> dict[str, str]:
        """What those of the tools that do not declare it were seen to return, in a prompt's words."""
        found = await learned_of(self.shapes, [self.tools[name] for name in names if name in self.tools])
        return {name: known.words for name, known in found.items()}

    def verdict(self, run: Run, *, done: bool) -> PlanVerified | PlanDoubted | None:
        """What a run that ends says of its plan; it is written with the end."""
        return None if self.keeping is None else self.keeping.verdict(run, self.scripts, done=done)

    def ground(self, run: Run, proposed: PlanProposed) -> Ground:
        """What the certificate of a proposal stands on."""
        budget, settled = budget_of(proposed, run), settled_by(proposed, run)
        return Ground(self.tools, budget, self.terms, proposed.params, hand_of(run), self.policy, settled)

    async def _propose(self, recorder: Recorder, ahead: Ahead | None) -> PlanProposed:
        run = recorder.run
        if run.refusals:
            return await self._after_refusal(recorder, ahead)
        submission = run.submission
        if submission.script is not None:
            return PlanProposed(script=submission.script, source="script", params=submission.params)
        if submission.plan is not None:
            return self._typed(submission.plan, submission.params)
        named = submission.playbook or self.named_playbook(submission)
        if named is not None:
            return self._from_playbook(named, run)
        _route(recorder, self.routing.named(submission))
        if submission.mode == "react":
            return self._react(run)
        matched = self.match(run)
        if matched is not None:
            playbook, values = matched
            _route(recorder, self.routing.by_playbook(playbook))
            return PlanProposed(script=playbook.script, source="playbook", playbook=playbook.name, params=values)
        kept = None if self.keeping is None else await self.keeping.proposal(run, self.scripts)
        return kept or await self._written_by_model(recorder, ahead)

    def match(self, run: Run) -> tuple[Playbook, dict[str, Json]] | None:
        """The playbook whose structure the goal has, of those that may take it."""
        return self.routing.playbooks(run, self.playbooks).match(run.submission.goal)

    def named_playbook(self, submission: Submission) -> str | None:
        """The playbook that the skill is, if it is one."""
        skill = submission.skill
        return (
            skill if skill in {p.name for p in self.playbooks} and self.routing.specialists.get(skill or "") is None else None
        )

    async def route(self, recorder: Recorder) -> None:
        """Decide whose goal it is for which a plan will be written, unless that is decided."""
        run = recorder.run
        _route(recorder, self.routing.named(run.submission))
        _route(recorder, self.routing.by_structure(run.submission))
        if run.routed is None and self.planner is not None and self.routing.on:
            most = self.planner.role.most(await self._messages(run))
            await self.routing.decide(recorder, model_need(most))

    def _react(self, run: Run) -> PlanProposed:
        if not self.tools:
            raise NotPlanned("There are no tools to reach the goal with.")
        return react_plan(run.submission, self.offered(run))

    def offered(self, run: Run) -> tuple[ToolSpec, ...]:
        """The tools that a model may call one by one: a hand-over is a plan's."""
        return tuple(t for t in self.catalog_of(run).offer(run.submission.goal).tools if t.namespace != HAND)

    def _from_playbook(self, name: str, run: Run) -> PlanProposed:
        try:
            playbook = self.playbooks.get(name)
            params = parameters_of(playbook, run)
            return PlanProposed(script=playbook.script, source="playbook", playbook=playbook.name, params=params)
        except PlaybookError as error:
            raise NotPlanned(error.message, hint=error.hint) from error

    def _typed(self, plan: Plan, params: dict[str, Json]) -> PlanProposed:
        try:
            return PlanProposed(script=script_of(plan), source="plan", params=params)
        except CompileError as error:
            raise NotPlanned(str(error), hint="Each source in a plan is one expression of the language.") from error

    async def _after_refusal(self, recorder: Recorder, ahead: Ahead | None) -> PlanProposed:
        """A repair by the model, while it may; else the playbook's fallback; else no plan."""
        run = recorder.run
        proposed, refused = run.refusals[-1]
        repairs = sum(1 for p, _ in run.refusals if p.source == "planner")
        written = proposed.source == "planner" and repairs <= run.budget.repairs
        if written or proposed.source == "template":  # a kept plan was certified when it was found: tools have changed since
            return await self._written_by_model(recorder, ahead)
        listed = "\n".join(str(d) for d in refused.diagnostics)
        if proposed.source == "playbook":
            try:
                fallback = self.fallback(proposed)
            except PlanrailError as error:
                raise NotPlanned(f"The plan is refused.\n{listed}\nIts fallback: {error.message}", hint=error.hint) from error
            if fallback is not None:
                return fallback
        if proposed.source == "planner":
            recorder.note(ConfidenceFell(measure="repairs", value=0.0, floor=0.0))
            hint = f"Say it otherwise, or take a playbook. {self._nearest(run.submission.goal)}"
            raise NotPlanned(f"The plan is refused, after {repairs - 1} repairs.\n{listed}", hint=hint)
        raise NotPlanned(f"The plan is refused.\n{listed}", hint="Correct it, and submit it again.")

    def fallback(self, proposed: PlanProposed) -> PlanProposed | None:
        """What the playbook of a proposal falls back to; None where it names nothing. Raises PlanrailError."""
        name = self.playbooks.get(proposed.playbook).fallback
        if name is None:
            return None
        playbook = self.playbooks.get(name)
        values = playbook.bind({k: v for k, v in proposed.params.items() if k in playbook.names})
        return PlanProposed(script=playbook.script, source="fallback", playbook=playbook.name, params=values)

    async def _written_by_model(self, recorder: Recorder, ahead: Ahead | None) -> PlanProposed:
        run = recorder.run
        if self.planner is None:
            raise NotPlanned(*self._no_model(run.submission.goal))
        await self.route(recorder)
        tried = [(p.script, r.diagnostics) for p, r in run.refusals if p.source == "planner"]
        messages = await self._messages(run, tried)
        purpose: Purpose = "repair" if tried else "write"
        ground = partial(self.ground, run, PlanProposed(script="", source="planner"))
        draft = await drafted(self.planner, messages, purpose, recorder, ahead, ground)
        proposal = PlanProposed(script=draft.script, source="planner")
        if not draft.unreadable:
            return proposal
        await recorder.commit(proposal, PlanRefused(diagnostics=(unreadable(draft),)))
        return await self._propose(recorder, ahead)

    async def _messages(self, run: Run, tried: Sequence[tuple[str, Sequence[Diagnostic]]] = ()) -> tuple[Message, ...]:
        """What the planner's model is sent."""
        assert self.planner is not None
        known, about = "\n\n".join(filter(None, (earlier_told(run), looked_up(run)))), earlier_words(run)
        return self.planner.messages(run.submission.goal, await self.known(run), tried, known, about)

    def _no_model(self, goal: str) -> tuple[str]:
        return (
            "No playbook fits this goal, and no model is configured to write a plan. "
            f"{self._nearest(goal)}{self.routing.told()}\n"
            "Say it in such words, or take one: planrail run --playbook NAME -p KEY=VALUE. "
            "To add a model, set OPENAI_API_KEY (and PLANRAIL_PLANNER_MODEL), or OPENAI_BASE_URL for a local one.",
        )

    def _nearest(self, goal: str) -> str:
        listed = "".join(f"\n  {p.name}: {p.goals[0]}" for p in self.playbooks.nearest(goal) if p.goals)
        return f"The nearest playbooks:{listed or ' (there are none)'}"


def _route(recorder: Recorder, routed: GoalRouted | None) -> None:
    """Note whose the goal is, unless it is decided; it is written with the plan."""
    if routed is not None and recorder.run.routed is None:
        recorder.note(routed)
