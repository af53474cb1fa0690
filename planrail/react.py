"""React: what one-call-a-turn ReAct would have read and written for the calls of a run. The formula: docs/react-estimate.md.

In ReAct a model reads everything again at each turn: the fixed prefix (instructions, goal, tools), and every earlier call with
its output. The estimate leans to ReAct's side: it knows the tools that were used and no others, and never makes a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from executor.call_state import CallState
from executor.events import CallStarted
from executor.run import Run
from executor.talk import OUTPUT_TOKENS, failure_text, functions, loop_prompt, output_text
from planner.llm.function import ToolCall, compact
from planner.llm.port import Message
from planner.tokens import count_messages, count_reply, count_tokens, count_tools
from planner.toolspec import Json, ToolSpec
from planner.worst import ModelTerms

BYTES_A_TOKEN = 4  # of a result that is so large that it stands outside of the journal


class ReactEstimate(BaseModel):
    """`input_tokens` are read in `turns` turns, one more than there are calls; `usd` is None where nobody knows the price."""

    model_config = ConfigDict(frozen=True)

    calls: int
    turns: int
    prefix_tokens: int  # read again at every turn
    input_tokens: int
    output_tokens: int
    usd: float | None = None
    model: str = ""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


def react_estimate(run: Run, tools: Mapping[str, ToolSpec], terms: ModelTerms | None = None) -> ReactEstimate:
    """The estimate for the run's tool calls so far, at the price of the model with those terms."""
    called = [c for (step, _), c in run.calls.items() if not step.startswith("$") and _is_call(c.started) and _is_over(c)]
    names = sorted({c.started.call for c in called if c.started is not None})
    prefix = prefix_tokens(run.submission.goal, [tools[n] for n in names if n in tools])
    exchanges = [exchange for c in called for exchange in _exchanges(c)]
    answer = None if run.ended is None else run.ended.answer
    reads, writes = react_tokens(prefix, exchanges, final=_tokens(answer))
    known = terms is not None and terms.model != "" and terms.rates is not None
    usd = terms.usd(reads, writes) if terms is not None and known else None
    return ReactEstimate(
        calls=len(exchanges), turns=len(exchanges) + 1, prefix_tokens=prefix, input_tokens=reads, output_tokens=writes,
        usd=usd, model=terms.model if terms is not None and known else "",
    )  # fmt: skip


def react_tokens(prefix: int, exchanges: list[tuple[int, int]], *, final: int) -> tuple[int, int]:
    """Tokens read and written, for exchanges of (tokens of the call, tokens of call and output as they are read again).

    >>> react_tokens(100, [(10, 218), (10, 68)], final=20)
    (804, 40)
    """
    turns = len(exchanges) + 1
    reads = turns * prefix + sum((turns - number) * read for number, (_, read) in enumerate(exchanges, 1))
    return reads, sum(call for call, _ in exchanges) + final


def prefix_tokens(goal: str, tools: list[ToolSpec]) -> int:
    """Tokens of what stands in front of every turn: instructions, goal, and the tools as function definitions."""
    messages = loop_prompt(goal, {}, None).messages
    return count_messages(messages) + count_tools(functions(tools))


def _is_call(started: CallStarted | None) -> bool:
    """Whether ReAct would have called: what the plan took of early reads counts, what a fork or a replan took over does not."""
    return started is not None and bool(started.key or started.ahead)


def _is_over(call: CallState) -> bool:
    """Whether it has ended; one that failed and waits to be made again has not."""
    return call.finished is not None or call.failed is not None


def _exchanges(call: CallState) -> list[tuple[int, int]]:
    """A call's tokens, and those of the messages that tell of it; the pages of a `pages` are calls that share the output."""
    assert call.started is not None
    asked = ToolCall(id="", name=call.started.call, arguments=compact(call.started.arguments))
    told = (Message(role="assistant", content="", calls=(asked,)), Message(role="tool", content=""))
    pages = 1 if call.finished is None else call.finished.further_calls + 1
    read = count_messages(told) - count_messages(()) + _output(call) // pages
    return [(count_reply("", (asked,)), read)] * pages


def _output(call: CallState) -> int:
    """Tokens of what a call gave, or of why it failed."""
    if call.failed is not None:
        return count_tokens(failure_text(call.failed))
    finished = call.finished
    assert finished is not None
    if finished.how in ("otherwise", "default"):
        return count_tokens(finished.reason)
    if finished.artifact is not None:
        return min(finished.artifact.size // BYTES_A_TOKEN, OUTPUT_TOKENS)
    return count_tokens(output_text(finished, finished.value))


def _tokens(value: Json) -> int:
    return 0 if value is None else count_tokens(value if isinstance(value, str) else compact(value))
