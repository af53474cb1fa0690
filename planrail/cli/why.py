"""Why: a run on one screen: goal, script with marks, where it hurt, what it cost, what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from rich.text import Text

from executor.confidence import told as fell_told
from planner.toolspec import Json
from planrail.cli.errors import DONE
from planrail.cli.output import Output
from planrail.cli.plan_text import diagnostics_text
from planrail.cli.run_text import STATUS_STYLES, cost_text, fork_text, question_text, react_text, routed_text
from planrail.cli.running import Trip, in_house, settings_here
from planrail.cli.statement_text import shown_line, statement_table
from planrail.cli.text import clean, dollars, line, moment, plural, seconds, told
from planrail.cli.watch import LOCAL
from planrail.history import CeilingUse, RevisionView, Said
from planrail.house import House
from planrail.view import RunView, StepView, SurpriseView

_STATEMENTS = 16  # of a script that are shown
_TROUBLES = 10
_NEAR = 0.8  # of a ceiling: from there on it is told
_TOP = 4  # steps that cost most
_PAD = "       "
_WORST = "✗■"
_PLANS = frozenset(("expect", "expression", "fan_out", "shape"))  # kinds of surprises that come again with the same script
Tell = Callable[..., None]
_ROW = 86  # characters of a trouble that stand beside its label


def why(output: Output, name: str) -> int:
    """A run on one screen."""

    async def work(house: House, _: Trip) -> int:
        record = await house.runs.record(name, LOCAL)
        view = house.viewer(await house.runs.get(record.id, LOCAL)).view()
        if output.json:
            output.document(view.model_dump(mode="json"))
        else:
            _tell(output, view, owned=record.owner is not None and house.lock.is_alive(record.owner))
        return DONE

    return in_house(settings_here(), work)


def _tell(output: Output, view: RunView, *, owned: bool) -> None:
    console = output.console

    def tell(label: str, *parts: str | tuple[str, str] | Text) -> None:
        console.print(Text.assemble((f"{label:<7}", "dim"), *parts), soft_wrap=True)

    instead = f"(playbook {view.playbook})" if view.playbook else "(a script)"
    tell("goal", (line(view.goal or instead, 300), "bold"))
    tell("run", f"{view.id}  ", (view.status, STATUS_STYLES[view.status]), f"  {_when(view)}")
    if (routed := routed_text(view)) and view.routed is not None and not view.playbook:
        tell("route", routed)
    tell("plan", origin(view))
    if view.forked_from is not None:
        console.print(fork_text(view), soft_wrap=True)
    if view.script and not view.refusals:
        console.print()
        color = console.color_system is not None
        console.print(statement_table(view, width=console.width, most=_STATEMENTS, color=color))
    console.print()
    if view.refusals:
        console.print(diagnostics_text(view.refusals, view.script, "plan"), soft_wrap=True)
    _tell_troubles(tell, view)
    for question in view.questions:
        console.print(question_text(question, view.id), soft_wrap=True)
    if view.status == "done":
        tell("answer", told(view.answer, 160))
    console.print(cost_text(view.cost, react=False), soft_wrap=True)
    if (dearest := _dearest(view)) is not None:
        tell("", f"most by {dearest}")
    if view.cost.react is not None:
        console.print(react_text(view.cost.react, view.cost.usage), soft_wrap=True)
    tell("next", next_step(view, owned=owned))


def _tell_troubles(tell: Tell, view: RunView) -> None:
    found = list(troubles(view))
    if not found and (view.refusals or view.questions):
        return
    label = "hurt" if not found or any(trouble.plain[0] in _WORST for trouble in found) else "notes"
    for number, trouble in enumerate(_few(found)):
        tell("" if number else label, trouble)


def _when(view: RunView) -> str:
    took = f"in {seconds(view.seconds)}" if view.ended_at is not None else f"{seconds(view.seconds)} so far"
    return f"{took}, begun {moment(view.started_at)}"


def origin(view: RunView) -> str:
    """Where the plan came from, and what it was certified to take at most."""
    given = ", ".join(f"{name}={told(value, 40)}" for name, value in view.params.items())
    named = f"{line(view.playbook)}({given})" if view.playbook else ""
    match view.revisions[0].source if view.revisions else view.plan_source:
        case "playbook" if view.plan_source == "fallback":
            text = f"the playbook {line(view.revisions[0].playbook)}, then its fallback {named}"
        case "playbook":
            text = f"the playbook {named}"
        case "fallback":
            text = f"the fallback {named}"
        case "planner":
            text = f"written by {_writers(view)}"
        case "template":
            text = f"kept, from {plural(view.template_runs, 'run')} that went well" + (f", with {given}" if given else "")
        case "react":
            text = "none: a model calls tools until it has the answer (ReAct)"
        case "script" | "plan":
            text = f"the {view.plan_source} that was submitted"
        case "":
            text = "none"
        case other:
            text = other
    replans = sum(1 for revision in view.revisions if revision.source == "replan")
    text += f", replanned {'once' if replans == 1 else f'{replans} times'}" if replans else ""
    worst = view.certificate.worst_case if view.certificate is not None else None
    if worst is None:
        return text
    most = [plural(worst.calls, "tool call")] + ([plural(worst.model_calls, "model call")] if worst.model_calls else [])
    still = "then " if len(view.revisions) > 1 else ""
    return f"{text}; {still}at most {', '.join(most)}, {dollars(worst.usd)}"


def _writers(view: RunView) -> str:
    wrote = [use for use in view.planner if use.purpose != "route"]
    models = ", ".join(dict.fromkeys(line(use.model, 40) or "a model" for use in wrote)) or "a model"
    repairs = sum(1 for use in view.planner if use.purpose == "repair")
    took = sum(use.seconds for use in view.planner if use.purpose in ("write", "repair"))
    before = [plural(view.looked.calls, "look-up")] if view.looked.calls else []
    before += [plural(repairs, "repair")] if repairs else []
    return f"{models} in {seconds(took)}" + (f" after {' and '.join(before)}" if before else "")


# -- where it hurt


def troubles(view: RunView) -> Iterator[Text]:
    """Everything that did not go by itself, the worst first."""
    for surprise in view.surprises:
        yield _surprise(surprise)
    for met in view.ceilings:
        step = f", asked for by {line(met.step, 40)}" if met.step else ""
        yield Text(f"■ the ceiling {met.ceiling}: {met.limit:g} allowed, {met.wanted:g} wanted{step}", style="yellow")
    if view.reason and not view.surprises and not view.ceilings and not view.refusals:
        yield Text(f"✗ {clean(view.reason)}", style="bold red" if view.status == "failed" else "")
    for fell in view.confidence:
        if not fell.step and fell_told(fell) not in view.reason:
            yield Text(f"~ {fell_told(fell)}")
    for revision in view.revisions[1:]:
        yield _revised(revision)
    for use in view.planner:
        if use.error:
            who = "the router" if use.purpose == "route" else f"the planner ({use.purpose})"
            yield Text(f"✗ {who}: {line(use.error, 160)}")
    for answered in view.said:
        yield _said(answered)
    for part in view.steps:
        yield from _of_step(view, part)
    for near in view.ceiling_use:
        if near.share >= _NEAR and near.ceiling not in {c.ceiling for c in view.ceilings}:
            yield Text(f"▲ near the ceiling {near.ceiling}: {_share(near)}", style="yellow")


def _few(found: list[Text]) -> list[Text]:
    if not found:
        return [Text("nothing: every call went as the plan says", style="dim")]
    more = len(found) - _TROUBLES
    return found if more <= 0 else [*found[:_TROUBLES], Text(f"and {more} more: --json has all", style="dim")]


def _surprise(surprise: SurpriseView) -> Text:
    where = line(f"{surprise.step}[{surprise.item}]" if surprise.item else surprise.step)
    at = f"line {surprise.line}, " if surprise.line else ""
    message = line(surprise.message, 400)
    text = Text.assemble(("✗ ", "bold red"), f"{at}{where}: ", (message, "bold"), f" ({surprise.kind})")
    if surprise.arguments not in (None, {}):
        given = f"given {_arguments(surprise.arguments)}"
        text.append(f" {given}" if len(text) + len(given) < _ROW else f"\n{_PAD}  {given}", "dim")
    return text


def _revised(revision: RevisionView) -> Text:
    """What a surprise cost: what of the plan was replaced, by what."""
    because = f" after {line('; '.join(revision.mended), 200)}" if revision.mended else ""
    what = f"the fallback {line(revision.playbook)}" if revision.source == "fallback" else "a replan"
    replaced = f"{_times(len(revision.removed), 'statement', 'statements')} replaced by {len(revision.added)}"
    text = Text.assemble(("↻ ", "yellow"), (f"{what}{because}: {replaced}", ""))
    if revision.source != "fallback":
        listed = [*(("−", s) for s in revision.removed), *(("+", s) for s in revision.added)]
        for sign, statement in _least(listed):
            text.append(f"\n{_PAD}  {sign} {shown_line(statement, 84)}", "dim")
    return text


def _least(listed: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Two that were removed, and two that were added."""
    removed, added = ([pair for pair in listed if pair[0] == sign] for sign in ("−", "+"))
    return [*removed[:2], *added[:2]]


def _arguments(given: Json) -> str:
    if not isinstance(given, dict):
        return told(given, 300)
    return line(", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in given.items()), 300)


def _said(answered: Said) -> Text:
    what = f"{answered.kind} “{line(answered.text, 100)}”"
    if not answered.by:
        return Text(f"? {what}: nobody answered in time", style="yellow")
    if answered.no:
        return Text(f"? {what}: {answered.by} said no", style="yellow")
    answer = "yes" if answered.answer is True else told(answered.answer, 60)
    return Text(f"? {what}: {answered.by} said {answer}", style="dim")


def _of_step(view: RunView, step: StepView) -> Iterator[Text]:
    name, of = line(step.id, 40), f" of {step.of}" if step.map and step.of is not None else ""
    fell = [f for f in view.confidence if f.step == step.id]
    if fell:
        least = f"; the least sure was {step.sure:g}, the floor is {fell[0].floor:g}" if step.sure is not None else ""
        yield Text(f"~ {name}: {step.unsure}{of} answers do not count ({', '.join(sorted({f.measure for f in fell}))}{least})")
    if step.instead and not fell:
        many = f"{step.instead}{of} " if step.map else ""
        yield Text(f"~ {name}: {many}by otherwise: {line(step.note, 120)}")
    if step.retries:
        yield Text(f"↺ {name}: {_times(step.retries, 'retry', 'retries')}, the first after: {line(step.retried, 120)}")
    if step.failed and step.kind == "do":
        yield Text(f"~ {name}: {step.failed} of {plural(step.calls, 'call')} failed, and the model was told")
    elif step.failed and not any(s.step == step.id for s in view.surprises):
        yield Text(f"✗ {name}: {step.failed}{of} failed")
    if step.held:
        yield Text(f"⧖ {name}: {line(step.held, 120)}")


def _times(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _share(use: CeilingUse) -> str:
    return f"{use.used:g} of {use.limit:g} ({use.share:.0%})"


# -- what it cost, and what to do


def _dearest(view: RunView) -> str | None:
    """The steps that took most tokens; None where there is nothing to tell."""
    planner = sum(use.usage.tokens for use in view.planner) + view.looked.usage.tokens
    usd = sum(use.usage.usd for use in view.planner) + view.looked.usage.usd
    spent = [("the plan", planner, usd)] if planner else []
    spent += [(line(s.id, 40), s.usage.tokens, s.usage.usd) for s in view.steps if s.usage.tokens]
    if len(spent) < 2:
        return None
    spent.sort(key=lambda part: part[1], reverse=True)
    return " · ".join(f"{name} {tokens:,} tokens, {dollars(price)}" for name, tokens, price in spent[:_TOP])


def next_step(view: RunView, *, owned: bool) -> str:
    """What to do now."""
    go_on = f"planrail resume {view.id}"
    match view.status:
        case "done":
            return f"nothing; planrail show {view.id} has the whole answer"
        case "waiting" if not view.questions and view.wake_at is not None:
            return f"nothing; the clock wakes it at {moment(view.wake_at)}, where a worker is there: {go_on}"
        case "waiting":
            return f"planrail answer {view.id} …, as it stands above"
        case "partial":
            return clean(view.hint) or f"{go_on} --budget …"
        case "cancelled":
            return f"{go_on} goes on from here"
        case "failed" if view.certificate is None:
            return clean(view.hint) or f"correct the plan or the goal; {go_on} tries to plan it again"
        case "failed" if any(s.kind == "refused" for s in view.surprises) or any(said.no for said in view.said):
            return f"{go_on} asks again, and keeps what is done"
        case "failed" if view.surprises and view.surprises[0].kind in _PLANS:
            return f"planrail fork {view.id} --from {line(view.surprises[0].step)} --script FILE goes on by a mended script"
        case "failed":
            return f"{go_on} tries again what failed, and keeps what is done"
        case _:
            return f"planrail follow {view.id} shows it going" if owned else f"nobody runs it: {go_on} carries it on"
