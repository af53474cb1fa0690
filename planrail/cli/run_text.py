"""Run text: a run's steps as a tree, its questions, its end, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC

from rich.text import Text
from rich.tree import Tree

from executor.events import Question, QuestionExpired, QuestionReminded
from executor.run import Run
from executor.session import SessionUse
from planner.toolspec import Json
from planner.usage import Usage
from planrail.cli.script_text import STYLES
from planrail.cli.text import block, clean, dollars, line, moment, plural, seconds, told
from planrail.react import ReactEstimate
from planrail.view import MARKS, Cost, RunView, StepState, StepView, SurpriseView

STATUS_STYLES = {
    "done": "bold green", "failed": "bold red", "partial": "bold yellow", "cancelled": "bold yellow",
    "waiting": "yellow", "running": "cyan", "queued": "dim",
}  # fmt: skip
_BAR = 12
_INNER_SHOWN = 30  # calls of one `do`
_LEARNED_SHOWN = 20


def step_text(step: StepView) -> Text:
    """A step on one line: mark, name, call, progress, what it took."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{step.mark} ", STYLES[step.state]).append(line(step.id, 40))
    if step.call != step.id:
        text.append(f"  {line(step.call, 60)}", "dim")
    if step.map:
        text.append("  ").append(_progress(step))
    notes = [plural(step.retries, "retry").replace("retrys", "retries")] if step.retries else []
    notes += [f"{step.failed} failed"] if step.failed else []
    notes += [line(step.held, 100)] if step.held else []
    notes += [f"{step.adopted} adopted" if step.map else "adopted"] if step.adopted else []
    notes += [f"{step.early} read ahead" if step.map else "read ahead"] if step.early else []
    notes += [_instead(step)] if step.instead else []
    notes += [f"sure {step.sure:g}{' at least' if step.map else ''}"] if step.sure is not None else []
    notes += [f"until {step.due.astimezone(UTC):%Y-%m-%d %H:%M} UTC"] if step.due else []
    notes += [seconds(step.seconds)] if step.seconds else []
    notes += [f"{step.usage.tokens:,} tokens"] if step.usage.tokens else []
    notes += [dollars(step.usage.usd)] if step.usage.usd else []
    return text.append(f"  {' · '.join(notes)}" if notes else "", "dim")


def inner_texts(step: StepView) -> Iterator[Text]:
    """The calls of a `do`, each on a line by the turn that asked for it."""
    calls = [i for i in step.inner if i.call != "do"]
    for inner in calls[:_INNER_SHOWN]:
        state: StepState = "failed" if inner.failed else "done" if inner.done else "running"
        text = Text(no_wrap=True, overflow="ellipsis").append(f"{MARKS[state]} ", STYLES[state])
        text.append(f"{inner.item}  {line(inner.call, 60)}").append(f"({_given(inner.arguments)})", "dim")
        notes = [inner.failed] if inner.failed else []
        notes += [seconds(inner.seconds)] if inner.seconds else []
        yield text.append(f"  {' · '.join(notes)}" if notes else "", "dim")
    if len(calls) > _INNER_SHOWN:
        yield Text(f"… and {len(calls) - _INNER_SHOWN} more calls", style="dim")


def _given(arguments: Json) -> str:
    return ", ".join(f"{name}={told(value, 40)}" for name, value in arguments.items()) if isinstance(arguments, dict) else ""


def _instead(step: StepView) -> str:
    many = f"{step.instead} by " if step.map else "by "
    return f"{many}otherwise ({line(step.note, 60)})" if step.note else f"{many}otherwise"


def _progress(step: StepView) -> str:
    if step.of is None:
        return f"{step.done} of ?"
    filled = round(_BAR * min(step.done, step.of) / step.of) if step.of else _BAR
    bar = "" if step.state in ("done", "waiting", "skipped") else f"{'█' * filled}{'░' * (_BAR - filled)} "
    return f"{bar}{step.done} of {step.of}"


def step_tree(view: RunView) -> Tree:
    """The steps in the script's order, those of an `if` below it; pure lines are left out."""
    tree = Tree(Text(line(view.goal or view.playbook or "script", 120), style="bold"), guide_style="dim")
    branches: dict[tuple[str, ...], Tree] = {(): tree}
    for step in view.steps:
        if step.kind != "let" or step.state == "failed":
            below = _branch(branches, step.guards).add(step_text(step))
            for text in inner_texts(step):
                below.add(text)
    return tree


def _branch(branches: dict[tuple[str, ...], Tree], guards: tuple[str, ...]) -> Tree:
    if guards not in branches:
        text = Text(line(guards[-1], 80), style="dim", no_wrap=True, overflow="ellipsis")
        branches[guards] = _branch(branches, guards[:-1]).add(text)
    return branches[guards]


def question_text(question: Question, run: str) -> Text:
    """A question with what it is about, and how to answer it from a shell."""
    answers = {"ask_user": "--text TEXT | --value JSON | --refuse", "flow": "--yes | --no | --only 1,3"}
    how = answers.get(question.kind, "--yes | --no")
    return asked_text(question).append(f"\n  planrail answer {run} {line(question.id)} {how}")


def asked_text(question: Question) -> Text:
    """A question with what it is about."""
    text = Text.assemble(("? ", "yellow"), (clean(question.text), "bold"))
    text.append(f"  [{line(question.id)}]" if question.id else "", "dim")
    text.append(f"  until {moment(question.expires_at)}" if question.expires_at else "", "yellow")
    return text.append_text(shown_text(question))


def deadline_text(run: Run, event: QuestionReminded | QuestionExpired) -> Text:
    """That a question still waits, or waits no more."""
    question = run.questions.get(event.question)
    asked = "" if question is None else f"  {line(question.text, 120)}"
    told = f"nobody has answered since {moment(None if question is None else question.asked_at)}"
    note = told if isinstance(event, QuestionReminded) else "nobody answered in time"
    return Text.assemble(("? ", "yellow"), (line(event.question, 60), "bold"), asked, (f"  {note}", "yellow"))


def shown_text(question: Question) -> Text:
    """What a question is about: the effects that an approval covers, the values that a policy wants allowed."""
    text = Text()
    shown = question.shown if isinstance(question.shown, list) else []
    if question.kind == "flow":
        listed = [_flow_row(row) for row in shown]  # nobody allows what was not shown
    else:
        listed = [_effect_row(row) for n, row in enumerate(shown) if n < _LEARNED_SHOWN or row.get("flows")]
    for row_text in listed:
        text.append("\n  ").append_text(row_text)
    if len(shown) > len(listed):
        text.append(f"\n  and {len(shown) - len(listed)} more")
    return text


def _effect_row(effect: Mapping[str, Json]) -> Text:
    arguments = effect.get("arguments") or {}
    text = Text(
        f"{line(str(effect.get('tool')))}({', '.join(f'{name}={told(value, 70)}' for name, value in arguments.items())})"
    )
    text.append(f"  ({line(str(effect['note']))})" if effect.get("note") else "")
    for flow in effect.get("flows", ()):
        text.append(f"\n    {line(str(flow['argument']) or 'the call')}: {_origins(flow)}", "yellow")
    return text


def _flow_row(row: Mapping[str, Json]) -> Text:
    """`1. mail.draft to = eve@x.example`, and below it where that comes from."""
    item = f"[{row['item']}]" if row["item"] else ""
    argument = line(str(row["argument"])) or "with"
    value = told(row["value"], 200)
    text = Text.assemble(f"{row['number']}. {line(str(row['tool']))} ", (argument, "bold"), f" = {value}")
    return text.append(f"\n     {_origins(row)}", "yellow").append(f"  (step {line(str(row['step']))}{item})", "dim")


_WORDS = {"data": "written by a stranger", "choice": "chosen by a stranger", "control": "decided by a stranger"}


def _origins(row: Mapping[str, Json]) -> str:
    """Where it comes from, in words."""
    listed = ", ".join(str(o).removeprefix("tool ") for o in row["origins"])
    return f"{_WORDS[str(row['kind'])]}: {line(listed, 200)}"


def origin_text(view: RunView) -> str:
    """Where the plan comes from: `playbook lead_list`, `by planner`, `kept, from 3 runs, with city=Austin`."""
    if view.template:
        values = ", ".join(f"{name}={told(value, 40)}" for name, value in view.params.items())
        return f"kept, from {plural(view.template_runs, 'run')}" + (f", with {values}" if values else "")
    if view.playbook:
        return f"playbook {view.playbook}"
    whose = "" if view.routed is None or not view.routed.specialist else f", for {line(view.routed.specialist, 40)}"
    return f"by {view.plan_source}{whose}"


def routed_text(view: RunView) -> str:
    """Who takes the goal, and what decided it: `frontdesk, by small, 0.9 sure`; "" where nothing was decided."""
    routed = view.routed
    if routed is None:
        return ""
    if not routed.specialist:
        leaning = f", leaning to {line(routed.leaning, 40)}" if routed.leaning else ""
        return f"nobody in particular: {line(routed.by, 120)}{leaning}"
    how = {"skill": "named", "structure": f"by {line(routed.by, 80)}"}.get(routed.how, f"chosen by {line(routed.by, 60)}")
    return f"{line(routed.specialist, 40)}, {how}" + ("" if routed.sure is None else f", {routed.sure:g} sure")


def fork_text(view: RunView) -> Text:
    """Where the run was forked, and how much it took over."""
    assert view.forked_from is not None
    taken = sum(step.adopted for step in view.steps)
    origin = f"of {line(view.forked_from.run)} from {line(view.forked_from.step)}"
    return Text.assemble(("fork   ", "dim"), f"{origin}: {plural(taken, 'result')} adopted")


def surprise_text(surprise: SurpriseView) -> Text:
    """Where it hurt: step, item, message, and what the call was given."""
    where = f"{surprise.step}[{surprise.item}]" if surprise.item else surprise.step
    at = f", line {surprise.line}" if surprise.line else ""
    text = Text.assemble(("✗ ", "bold red"), (line(where), "bold"), (f"  {surprise.kind}{at}", "dim"))
    text.append(f"\n  {clean(surprise.message)[:2_000]}")
    if surprise.arguments is not None:
        text.append(f"\n  with {told(surprise.arguments, 600)}", "dim")
    return text


def end_text(view: RunView) -> Text:
    """How it ended: the answer, or the reason and what to do next."""
    text = Text.assemble((view.status, STATUS_STYLES[view.status]))
    if view.status == "done":
        text.append("\n").append(block(view.answer))
        return text
    if view.reason:
        text.append(f"  {clean(view.reason)}")
    if view.wake_at is not None:
        text.append(f"  the clock wakes it at {moment(view.wake_at)}")
    if view.answer is not None:
        text.append("\n").append(block(view.answer)[:8_000])
    if view.hint:
        text.append(f"\n{clean(view.hint)}")
    return text


def cost_text(cost: Cost, *, react: bool = True) -> Text:
    """What it cost, by model, and what ReAct would have read."""
    text = Text()
    listed: Iterable[str]
    if cost.usage.model_calls == 0:
        listed = [f"cost   no model was asked: 0 tokens · {dollars(cost.usage.usd)} · {plural(cost.tool_calls, 'tool call')}"]
    else:
        total = f"{_usage(cost.usage)} · {plural(cost.tool_calls, 'tool call')}"
        listed = [f"cost   {total}", *(f"       {line(c.model or 'tools', 60)}: {_usage(c.usage)}" for c in cost.by_model)]
    if cost.unused:
        listed = [*listed, f"       {plural(cost.unused, 'call')} read ahead, while the plan was being written, and not used"]
    text.append("\n".join(listed))
    if cost.react is not None and react:
        text.append("\n").append(react_text(cost.react, cost.usage))
    return text


def session_text(use: SessionUse) -> Text:
    """What a session's runs have taken, and what is left of its ceilings."""
    left, limits = use.left(), use.limits
    taken = f"{plural(use.runs, 'run')} · {plural(use.used.calls, 'call')} · {dollars(use.used.usd)}"
    if use.reserved.calls or use.reserved.usd:
        taken += f" · reserved by runs under way: {plural(use.reserved.calls, 'call')}, {dollars(use.reserved.usd)}"
    kept = [] if left.calls is None else [f"{left.calls:,} of {plural(limits.calls or 0, 'call')}"]
    kept += [] if left.usd is None else [f"{dollars(left.usd)} of {dollars(limits.usd or 0.0)}"]
    return Text(f"session {line(use.name)}: {taken} · left: {', '.join(kept) or 'no ceiling is set'}")


def _usage(usage: Usage) -> str:
    if usage.model_calls == 0:
        return dollars(usage.usd)
    cached = f" ({usage.cached_input_tokens:,} cached)" if usage.cached_input_tokens else ""
    about = "about " if usage.estimated else ""
    tokens = f"{about}{usage.input_tokens:,}{cached} + {usage.output_tokens:,} tokens"
    return f"{plural(usage.model_calls, 'model call')} · {tokens} · {dollars(usage.usd)}"


def react_text(react: ReactEstimate, usage: Usage) -> str:
    """What ReAct would have taken, beside what this run took."""
    price = f", {dollars(react.usd)} with {line(react.model, 60)}" if react.usd is not None else ""
    saved = ""
    if usage.tokens and react.tokens > usage.tokens:
        saved = f"; this run took {usage.tokens / react.tokens:.0%} of that"
    read = f"about {react.input_tokens:,} + {react.output_tokens:,} tokens in {plural(react.turns, 'turn')}{price}"
    return f"ReAct  would have taken {read} for the same calls{saved}"
