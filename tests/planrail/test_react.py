"""What ReAct would have read: the formula of docs/react-estimate.md."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from executor.artifacts import Artifact
from executor.events import CallFailed, CallFinished, CallStarted, Event, Forked, Recorded, RunEnded, RunResumed, RunSubmitted
from executor.run import Run, fold
from executor.submission import Submission
from executor.talk import OUTPUT_TOKENS
from planner.prices import Rates
from planner.tokens import count_tokens
from planner.toolspec import ToolSpec
from planner.worst import ModelTerms
from planrail.react import prefix_tokens, react_estimate, react_tokens

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEMPLATE = 8  # what a chat writes around the two messages that tell of a call
FIND = ToolSpec(name="crm.find", description="Find.", input_schema={"type": "object"})


def run_of(*events: Event) -> Run:
    submitted = RunSubmitted(submission=Submission(goal="find it"), now=NOW)
    return fold(Run("r"), [Recorded(seq=i, at=NOW, event=e) for i, e in enumerate((submitted, *events), 1)])


@given(st.integers(0, 500), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 999)), max_size=30), st.integers(0, 99))
def test_the_sum_is_that_of_reading_everything_again_at_each_turn(
    prefix: int, exchanges: list[tuple[int, int]], final: int
) -> None:  # fmt: skip
    read, history = 0, 0
    for _, told in [*exchanges, (final, 0)]:
        read += prefix + history
        history += told
    assert react_tokens(prefix, exchanges, final=final) == (read, sum(c for c, _ in exchanges) + final)


def test_the_example_in_the_docs_is_right() -> None:
    assert react_tokens(100, [(10, 218), (10, 68)], final=20) == (804, 40)
    docs = (Path(__file__).parents[2] / "docs/react-estimate.md").read_text()
    assert "3 · 100 + 2 · 218 + 1 · 68 = 804 tokens read and 40 written" in docs


def test_tool_calls_count_and_model_steps_and_open_calls_do_not() -> None:
    run = run_of(
        CallStarted(step="a", call="crm.find", key="k1", arguments={"city": "Austin"}),
        CallFinished(step="a", value={"name": "Northgate"}),
        CallStarted(step="m", call="ask", arguments={"instruction": "Write."}),
        CallFinished(step="m", value="Dear"),
        CallStarted(step="b", call="crm.find", key="k2", arguments={}),
        CallFailed(step="b", kind="failed", message="no such city"),
        CallStarted(step="c", call="crm.find", key="k3", arguments={}),
        RunEnded(status="done", answer="Northgate"),
    )
    terms = ModelTerms(model="big", rates=Rates(input=2.0, cached_input=1.0, output=10.0))
    estimate = react_estimate(run, {"crm.find": FIND}, terms)
    pairs = (
        (count_tokens('{"name":"crm.find","arguments":{"city":"Austin"}}'), count_tokens('{"name":"Northgate"}')),
        (count_tokens('{"name":"crm.find","arguments":{}}'), count_tokens("Failed (failed): no such city")),
    )
    exchanges = [(call, call + output + TEMPLATE) for call, output in pairs]
    prefix = prefix_tokens("find it", [FIND])
    reads, writes = react_tokens(prefix, exchanges, final=count_tokens("Northgate"))
    assert (estimate.calls, estimate.turns, estimate.prefix_tokens) == (2, 3, prefix)
    assert (estimate.input_tokens, estimate.output_tokens) == (reads, writes)
    assert estimate.usd == (reads * 2.0 + writes * 10.0) / 1_000_000
    assert react_estimate(run, {"crm.find": FIND}).usd is None


def test_a_call_that_failed_and_is_to_be_made_again_does_not_count_until_it_is() -> None:
    run = run_of(
        CallStarted(step="a", call="crm.find", key="k1", arguments={}),
        CallFailed(step="a", kind="failed", message="busy"),
        RunEnded(status="failed"),
        RunResumed(by="ann"),
    )
    assert react_estimate(run, {"crm.find": FIND}).calls == 0


def test_pages_are_calls_of_their_own_and_large_results_are_counted_by_their_size() -> None:
    large = Artifact(hash="0" * 64, media_type="application/json", size=400_000)
    run = run_of(
        CallStarted(step="a", call="crm.find", key="k", arguments={}),
        CallFinished(step="a", artifact=large, further_calls=3),
    )
    estimate = react_estimate(run, {"crm.find": FIND})
    call = count_tokens('{"name":"crm.find","arguments":{}}')
    assert estimate.calls == 4
    assert estimate.input_tokens == 5 * estimate.prefix_tokens + (4 + 3 + 2 + 1) * (call + TEMPLATE + OUTPUT_TOKENS // 4)


def test_what_was_not_called_for_this_run_does_not_count_twice() -> None:
    run = run_of(
        CallStarted(step="$ahead", item="1", call="crm.find", key="k1", arguments={"city": "Austin"}),
        CallFinished(step="$ahead", item="1", value=1),
        CallStarted(step="$ahead", item="2", call="crm.find", key="k2", arguments={"city": "Nowhere"}),
        CallFinished(step="$ahead", item="2", value=2),
        CallStarted(step="a", call="crm.find", arguments={"city": "Austin"}, ahead="1"),
        CallFinished(step="a", value=1),
        CallStarted(step="gone", call="crm.find", key="k3", arguments={}),
        CallFinished(step="gone", value=3),
        CallStarted(step="kept", call="crm.find", arguments={}, of=("gone", "")),
        CallFinished(step="kept", value=3, how="settled"),
        CallStarted(step="taken", call="crm.find", arguments={"city": "Reno"}),
        CallFinished(step="taken", value=4, how="fork", forked=Forked(run="other", step="taken")),
        CallStarted(step="loop", item="m1", call="do", model="small", arguments={}),
        CallFinished(step="loop", item="m1", value={}),
        CallStarted(step="loop", item="1.1", call="crm.find", key="k5", arguments={"city": "Waco"}),
        CallFinished(step="loop", item="1.1", value=5),
    )
    assert react_estimate(run, {"crm.find": FIND}).calls == 3  # a, gone, and the loop's own
