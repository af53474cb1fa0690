"""What a run may read of the artifact store: what its own tools have stored, whoever carries it on; and what is told else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, answer_of
from hypothesis import given
from hypothesis import strategies as st
from proofs import few

from executor.artifacts import Artifact, Artifacts, MemoryArtifacts, ReadThrough, content_hash
from executor.builtin.data import data_tools
from executor.builtin.tables import TABLE_TYPE
from executor.errors import ArtifactsUnreachable, UnknownArtifact
from executor.events import CallFinished, QuestionAnswered, RunResumed
from executor.objects import ObjectArtifacts
from executor.run import Run
from executor.run_artifacts import RunArtifacts
from executor.submission import Principal
from executor.tool import ToolContext, tool
from executor.toolset import Toolset
from planrail.runs import Runs

SECRET = b'{"salary":9}\n'
READ = "rows = data.rows(handle={handle})\nanswer(rows)\n"


class Shelf:
    """Tools that store and read, and one that is stopped by the test."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.go = asyncio.Event()
        self.came = asyncio.Event()

    @tool(effect="read")
    def store(self, text: str, context: ToolContext) -> dict[str, Any]:
        """Store a text."""
        return context.artifacts.put(text.encode(), media_type=TABLE_TYPE, rows=1).handle()

    @tool(effect="read")
    def fetch(self, hash: str, context: ToolContext) -> str:
        """Read by hash."""
        return context.artifacts.get(hash).decode()

    @tool(effect="read")
    def echo(self, value: dict[str, Any]) -> dict[str, Any]:
        """Give back what it is given."""
        return value

    @tool(effect="read")
    def large(self, size: int) -> str:
        """A value that is too large for an event."""
        return "x" * size

    @tool(effect="read")
    async def hold(self, x: int) -> int:
        """Wait for the test."""
        self.came.set()
        await self.go.wait()
        return x


def bench(artifacts: Artifacts | None = None, shelf: Shelf | None = None) -> Bench:
    tools = data_tools() | Toolset.of("shelf", shelf or Shelf())
    return Bench(tools, artifacts=artifacts or MemoryArtifacts())


def literal(made: Artifact) -> str:
    return json.dumps({"$artifact": made.hash, "media_type": made.media_type, "size": made.size, "rows": 1})


def stranger(here: Bench) -> Artifact:
    """The artifact of another run."""
    return here.artifacts.put(SECRET, media_type=TABLE_TYPE, rows=1)


def why(run: Run) -> str:
    assert run.ended is not None
    assert run.ended.status == "failed", run.ended
    return run.ended.reason


async def test_a_run_reads_what_its_own_tools_have_stored() -> None:
    run = await bench().run('h = shelf.store(text="{\\"n\\":1}")\nrows = data.rows(handle=h)\nanswer(rows)\n')
    assert answer_of(run) == [{"n": 1}]
    assert run.artifacts == {content_hash(b'{"n":1}')}


async def test_a_hash_of_another_run_opens_nothing() -> None:
    here = bench()
    made = stranger(here)
    run = await here.run(READ.format(handle=literal(made)))
    assert f"The run {run.id} has no artifact {made.hash[:12]}…." in why(run)
    run = await here.run(f'answer(shelf.fetch(hash="{made.hash}"))\n')
    assert f"The run {run.id} has no artifact {made.hash[:12]}…." in why(run)


@pytest.mark.parametrize(
    "script",
    [
        "h = shelf.echo(value={handle})\nanswer(data.rows(handle=h))\n",
        "t = data.select(rows=[{{\"h\": {handle}}}])\nanswer(data.rows(handle=t[0].h))\n",
        "t = data.read_json(text={text})\nanswer(data.rows(handle=t.rows[0].h))\n",
    ],
    ids=["echoed", "in a table", "parsed"],
)  # fmt: skip
async def test_a_handle_that_a_tool_repeats_opens_nothing(script: str) -> None:
    here = bench()
    handle = literal(stranger(here))
    hidden = json.dumps(f'[{{"h": {handle}}}]'.replace("$artifact", "\\u0024artifact"))
    run = await here.run(script.format(handle=handle, text=hidden))
    assert "has no artifact" in why(run)


async def test_the_bytes_of_a_run_are_asked_for_by_the_same_rule() -> None:
    here = bench()
    made = stranger(here)
    service = Runs(
        here.journal,
        artifacts=here.artifacts,
        planning=here.planning,
        now=here.now,
        new_id=lambda: "x",
    )
    script = f'h = shelf.store(text="mine")\ne = shelf.echo(value={literal(made)})\nl = shelf.large(size=100000)\nanswer(e)\n'
    run = await here.run(script)
    whole = json.dumps("x" * 100_000).encode()
    for content in (b"mine", whole):
        assert await service.artifact(run.id, content_hash(content), Principal()) == content
    with pytest.raises(UnknownArtifact, match=f"The run {run.id} has no artifact {made.hash[:12]}…"):
        await service.artifact(run.id, made.hash, Principal())


async def test_a_worker_that_takes_a_run_over_reads_what_the_one_before_has_stored() -> None:
    shelf = Shelf()
    here = bench(shelf=shelf)
    script = 'h = shelf.store(text="{\\"n\\":1}")\nx = shelf.hold(x=len(h))\nanswer([x, data.rows(handle=h)])\n'
    run = await here.submit(script)
    epoch = await here.journal.take(run, "w")
    assert epoch is not None
    first = asyncio.create_task(here.segments().advance(run, epoch, asyncio.Event()))
    await asyncio.wait_for(shelf.came.wait(), 20)
    first.cancel()
    await asyncio.wait((first,))
    shelf.go.set()
    assert answer_of(await here.carry_on(run)) == [4, [{"n": 1}]]


@few(60)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "get"]), st.integers(0, 4)), max_size=25))
def test_no_run_reads_what_it_has_not_stored_itself(acts: list[tuple[str, str, int]]) -> None:
    store = MemoryArtifacts()
    views = {name: RunArtifacts(Run(name), store) for name in "abc"}
    own: set[tuple[str, int]] = set()
    for name, act, number in acts:
        content = str(number).encode()
        if act == "put":
            views[name].put(content, media_type="x/y")
            own.add((name, number))
            continue
        if (name, number) in own:
            assert views[name].get(content_hash(content)) == content
        else:
            with pytest.raises(UnknownArtifact, match=f"The run {name} has no artifact"):
                views[name].get(content_hash(content))


# -- data that is gone, and a store that is away


async def test_a_handle_whose_bytes_are_gone_fails_the_step_and_says_that_data_is_lost(tmp_path: Path) -> None:
    store = ObjectArtifacts(f"file://{tmp_path}")
    here = bench(store)
    run = await here.submit(
        'h = shelf.store(text="{}")\nn = ask_user("Go on?", returns=int)\nanswer([n, data.rows(handle=h, limit=n)])\n'
    )
    here.answers = None
    await here.carry_on(run)
    (tmp_path / content_hash(b"{}")[:2] / content_hash(b"{}")).unlink()
    here.answers = lambda q: _answered(q.id)
    ended = await here.carry_on(run)
    assert f"Data of the run {run} is lost: the artifact {content_hash(b'{}')[:12]}… is not in the store any more." in why(
        ended
    )


async def test_a_large_value_that_is_gone_ends_the_run_with_the_step_that_is_lost(tmp_path: Path) -> None:
    here = bench(ObjectArtifacts(f"file://{tmp_path}"))
    run = await here.submit('t = shelf.large(size=100000)\nn = ask_user("Go on?", returns=int)\nanswer(n + len(t))\n')
    here.answers = None
    await here.carry_on(run)
    name = content_hash(json.dumps("x" * 100_000).encode())
    path = tmp_path / name[:2] / name
    whole = path.read_bytes()
    path.write_bytes(b"?")
    here.answers = lambda q: _answered(q.id)
    ended = await here.carry_on(run)
    assert why(ended) == f"Data of the step t is lost: The artifact {name[:12]}… is damaged: its bytes are not what was stored."
    assert ended.ended is not None
    assert f"planrail resume {run}" in ended.ended.hint
    path.write_bytes(whole)
    await here.journal.append(run, [RunResumed(by="ann")], epoch=None, status="queued")
    assert answer_of(await here.carry_on(run)) == 100_001


class Away:
    """A store that is away while the test says so."""

    def __init__(self) -> None:
        self.away = True
        self.store = MemoryArtifacts()

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact:
        if self.away:
            raise ArtifactsUnreachable("The artifact store s3://x cannot be written: away.", hint="Look at it.")
        return self.store.put(content, media_type=media_type, rows=rows)

    def get(self, content_hash: str) -> bytes:
        if self.away:
            raise ArtifactsUnreachable("The artifact store s3://x cannot be read: away.", hint="Look at it.")
        return self.store.get(content_hash)


async def test_a_store_that_is_away_ends_the_run_clearly_and_loses_nothing_that_was_paid() -> None:
    store, shelf = Away(), Shelf()
    here = bench(store, shelf)
    run = await here.run("t = shelf.large(size=100000)\nanswer(len(t))\n")
    assert why(run) == "The artifact store s3://x cannot be written: away."
    store.away = False
    await here.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued")
    run = await here.carry_on(run.id)
    assert answer_of(run) == 100_000
    ends = [r.event for r in await here.events(run.id) if isinstance(r.event, CallFinished)]
    assert [e.how for e in ends if e.step == "t"] == ["receipt"]  # adopted, not called again


async def test_a_tool_that_cannot_reach_the_store_says_so() -> None:
    run = await bench(Away()).run('h = shelf.store(text="{}")\nanswer(h)\n')
    assert why(run).startswith("h: shelf.store: The artifact store s3://x cannot be written: away. Look at it.")


async def test_a_run_that_was_begun_in_the_database_goes_on_with_a_url(tmp_path: Path) -> None:
    old = MemoryArtifacts()
    here = bench(old)
    here.answers = None
    script = 'h = shelf.store(text="{\\"n\\":1}")\nt = shelf.large(size=100000)\nn = ask_user("?", returns=int)\n'
    run = await here.submit(f"{script}answer([n, len(t), data.rows(handle=h)])\n")
    await here.carry_on(run)
    here.artifacts = ReadThrough(ObjectArtifacts(f"file://{tmp_path}"), old)
    here.answers = lambda q: _answered(q.id)
    assert answer_of(await here.carry_on(run)) == [1, 100_000, [{"n": 1}]]


def _answered(question: str) -> QuestionAnswered:
    return QuestionAnswered(question=question, answer=1, by="ann")
