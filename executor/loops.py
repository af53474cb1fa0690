"""Loops: the next turn of a `do`, decided from the journal alone. Pure.

    model's turn ─► it asks for calls ─► they are made, side by side ─► all have ended ─► model's next turn
                └─► it answers: the `do` has its value

A call that fails is told to the model, as is one that is not made: an unknown tool, arguments that do not fit, no calls left,
an effect that may have happened already. Effects of one turn keep its order; the calls of one tool are free among themselves.
The items of calls are `executor.inner`'s. What the model has read labels what it writes: see `executor.vouch`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from executor.ask import Reply
from executor.bind import Bound
from executor.call_state import CEILING, MAYBE, CallState
from executor.confidence import Measure, unsure
from executor.events import CallFailed, CallFinished, ConfidenceFell
from executor.frame import Start
from executor.inner import Inner
from executor.run import Run
from executor.started import shown_arguments
from executor.talk import NO_MORE, Talk, asked, failure_text, functions, loop_prompt, output_text, told
from executor.values import Values
from executor.vouch import Vouch
from planner.contract import contract
from planner.flow import result_labels
from planner.hand import Hand
from planner.labels import NO_LABEL, Label, Tagged
from planner.llm.function import ToolCall
from planner.llm.json_reply import ModelReplyInvalid, read_object
from planner.llm.port import Message
from planner.loop import loop_call
from planner.misfit import BadSchema, misfit
from planner.order import ordered
from planner.program import Step
from planner.toolspec import Json, ToolSpec, digest

_REPAIRS = 1  # of an answer that does not fit its type
_MANY = 1_000_000


@dataclass(frozen=True)
class Next:
    """What a `do` does next: calls, an end, or nothing while its calls are on their way."""

    starts: Sequence[Start] = ()
    event: CallFinished | None = None
    failed: CallFailed | None = None
    decided: Label = NO_LABEL  # what has decided that it failed
    fell: ConfidenceFell | None = None  # why its answer does not count


@dataclass(frozen=True)
class Said:
    """What the model said at a turn, and what it had read by then, itself included."""

    turn: Inner
    text: str
    calls: tuple[ToolCall, ...]
    cut: bool
    read: Label


@dataclass(frozen=True)
class Wanted:
    """A call that the model asked for: its arguments, or why it is not made."""

    call: ToolCall
    item: str
    arguments: dict[str, Json] = field(default_factory=dict)
    refused: str = ""


@dataclass
class Loop:
    """One `do`, or that of one element of a map, whose inputs are `bound`; walked through from its beginning by `next`."""

    step: Step
    item: str
    bound: Bound
    run: Run
    values: Values
    tools: Mapping[str, ToolSpec]
    _read: Label = field(init=False)  # by the model, so far
    _seen: list[Tagged] = field(init=False)  # the same, as values
    _doubtful: list[tuple[str, Json]] = field(default_factory=list, init=False)  # effects that may have happened

    def next(self) -> Next:
        """What comes after the turns that have been."""
        inputs = dict(self.bound.arguments)
        floor = self.step.options.sure or 0.0
        prompt = loop_prompt(str(inputs.pop("instruction")), inputs, self.step.returns, sure=floor > 0)
        messages, turn, made, wrong = list(prompt.messages), Inner(self.item, 1), 0, 0
        self._read, self._seen = self.bound.label, list(self.bound.tagged.values())
        most = self.step.options.max_calls or _MANY
        while True:
            call = self.run.call(self.step.id, turn.item)
            if call.failed is not None:
                return self._fails(call.failed.kind, call.failed.message)
            if call.finished is None:
                return Next([self._turn(turn, messages, may_call=made < most)])
            said = self._said(turn, call.finished)
            if said.calls:
                wanted = [self._wanted(said, number, left=made + number <= most) for number in range(1, len(said.calls) + 1)]
                pending = self._pending(said, wanted)
                if pending is not None:
                    return pending
                made += len(wanted)
                messages.append(asked(said.text, said.calls))
                messages += [told(w.call, w.refused or self._outcome(w)) for w in wanted]
            else:
                try:
                    if said.cut:
                        raise ModelReplyInvalid("Your answer was cut off: answer more briefly.")
                    return self._answers(prompt.read(said.text), floor, call.finished)
                except ModelReplyInvalid as invalid:
                    if wrong == _REPAIRS:
                        return replace(self._fails("invalid", invalid.message), fell=self._fell("invalid", 0.0, floor))
                    wrong += 1
                    messages += [asked(said.text, ()), Message(role="user", content=invalid.message)]
            turn = turn.next_turn

    def _answers(self, reply: Reply, floor: float, last: CallFinished) -> Next:
        if reply.sure is not None and reply.sure < floor:
            return replace(self._fails("unsure", unsure(reply.sure, floor)), fell=self._fell("sure", reply.sure, floor))
        step, item = self.step.id, self.item
        return Next(event=CallFinished(step=step, item=item, value=reply.value, labels=last.labels, sure=reply.sure))

    def _fell(self, measure: Measure, value: float, floor: float) -> ConfidenceFell:
        return ConfidenceFell(step=self.step.id, item=self.item, measure=measure, value=value, floor=floor)

    def _fails(self, kind: str, message: str) -> Next:
        if kind == CEILING:
            return Next()
        failed = CallFailed(step=self.step.id, item=self.item, kind=kind, message=message)
        return Next(failed=failed, decided=self._read)

    # -- the model's turns

    def _turn(self, turn: Inner, messages: list[Message], *, may_call: bool) -> Start:
        step = self.step
        more = [] if may_call else [Message(role="user", content=NO_MORE)]
        offered = functions([self.tools[name] for name in step.tools])
        talk = Talk((*messages, *more), offered, may_call, step.options.parallel)
        if turn.turn == 1:
            arguments = {**self.bound.shown(), "tools": list(step.tools)}
        else:  # the journal has all of it already
            arguments = {"turn": turn.turn, "so_far": digest([m.model_dump() for m in talk.messages])[:32]}
        return Start(step, turn.item, Bound(arguments, {"": self._read}), talk=talk)

    def _said(self, turn: Inner, finished: CallFinished) -> Said:
        known = self.values.finished(finished)
        calls = tuple(ToolCall.model_validate(c) for c in known.value["calls"])
        self._read = self._read.join(known.labels.whole())
        return Said(turn, known.value["text"], calls, known.value["cut"], self._read)

    # -- the calls of a turn

    def _wanted(self, said: Said, number: int, *, left: bool) -> Wanted:
        """One of the calls that were asked for, looked at."""
        call, item = said.calls[number - 1], replace(said.turn, number=number).item
        if not left:
            return Wanted(call, item, refused=NO_MORE)
        if call.name not in self.step.tools:
            return Wanted(call, item, refused=f"There is no tool {call.name[:100]}. The tools: {', '.join(self.step.tools)}.")
        try:
            arguments = read_object(call.arguments)
        except ModelReplyInvalid as invalid:
            return Wanted(call, item, refused=invalid.message)
        refused = self._misfit(call.name, arguments)
        if not refused and (call.name, shown_arguments(arguments)) in self._doubtful:
            refused = "This very call may have taken effect already: it is not made again."
        return Wanted(call, item, arguments, refused)

    def _misfit(self, tool: str, arguments: dict[str, Json]) -> str:
        try:
            problem = misfit(arguments, contract(self.tools[tool]).input)
        except BadSchema:
            return ""  # the tool's own schema is at fault; the call will tell
        return f"The arguments do not fit: {problem}" if problem else ""

    def _pending(self, said: Said, wanted: Sequence[Wanted]) -> Next | None:
        """The calls of a turn that may start; None when all have ended."""
        open_ones = [w for w in wanted if not w.refused and not _over(self._state(w))]
        if not open_ones:
            self._take_in(wanted)
            return None
        decided = said.read.join(self.values.reached(self.step).as_choice())
        vouch = Vouch(self._read, self._hand(), tuple(self._seen))
        starts: list[Start] = []
        for number, one in enumerate(open_ones):
            if self._state(one).failed is None and not any(self._after(one, earlier) for earlier in open_ones[:number]):
                tagged = vouch.tagged(one.arguments)
                labels = {name: value.labels.whole() for name, value in tagged.items()}
                bound = Bound(one.arguments, labels, tagged=tagged)
                starts.append(Start(loop_call(self.step, one.call.name), one.item, bound, decided_by=decided))
        return Next(starts)

    def _after(self, one: Wanted, earlier: Wanted) -> bool:
        """Whether a call has to wait for an earlier one of its turn."""
        tool, other = one.call.name, earlier.call.name
        return tool != other and ordered(self.tools[tool], self.tools[other])

    def _take_in(self, wanted: Sequence[Wanted]) -> None:
        """What the calls of a turn gave is what the model reads next."""
        for one in wanted:
            call, spec = self._state(one), self.tools.get(one.call.name)
            if one.refused or spec is None:
                continue
            if call.finished is not None:
                self._seen.append(self.values.finished(call.finished))
                self._read = self._read.join(self._seen[-1].labels.whole())
            elif call.failed is not None:
                self._read = self._read.join(result_labels(spec, NO_LABEL).whole())  # strangers may have a part in what it says
                if spec.has_effect and call.failed.kind in MAYBE:
                    self._doubtful.append((one.call.name, shown_arguments(one.arguments)))

    def _outcome(self, one: Wanted) -> str:
        """What the model is told of a call that was made."""
        call = self._state(one)
        if call.finished is None:
            assert call.failed is not None
            return failure_text(call.failed)
        return output_text(call.finished, self.values.finished(call.finished).value)

    def _state(self, one: Wanted) -> CallState:
        return self.run.call(self.step.id, one.item)

    def _hand(self) -> Hand:
        """In whose hand the model writes: what the principal has said to the letter, in goal or script, is the principal's."""
        own, certified = self.values.hand, self.run.certified
        said = [self.run.submission.goal, own.said]
        if certified is not None and not own.foreign.data:  # nobody else had a say in it
            said.append(certified.script)
        said += [
            str(t.value) for t in self.bound.tagged.values() if isinstance(t.value, str) and not t.labels.whole().untrusted
        ]
        return Hand(own.own, self._read, own.literals, "\n".join(said))


def _over(call: CallState) -> bool:
    """Whether a call has ended; one that a ceiling cut short is to be made again."""
    return call.finished is not None or (call.failed is not None and call.failed.kind != CEILING)
