"""Conversations over A2A: tasks that refer to earlier ones, that share ceilings, and that are approved by who may."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from a2a.client import Client
from a2a.types.a2a_pb2 import ListTasksRequest
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError, UnsupportedOperationError

from executor.api_keys import StoredKey
from executor.journal.sql import SqlJournal
from planrail.keys import hash_of
from tests.a2a_node.node import BINDINGS, Node, artifacts, message, node, states, task_of, told, words
from tests.model_server import ModelServer, Reply, by_rules
from tests.model_server.script import Rule

pytestmark = pytest.mark.asyncio(loop_scope="module")
EACH = pytest.mark.parametrize("binding", BINDINGS)
KEYS = [  # of ann: an agent, one that may approve, and what she writes herself; and of somebody else
    ("agent", "ann", "agent", ()), ("boss", "ann", "agent", ("approve",)),
    ("person", "ann", "user", ()), ("eve", "eve", "agent", ()),
]  # fmt: skip
CALLS = 6  # that the tasks of a context may make
COUNT = 'leads = crm.find_leads(vertical="{what}", city="Austin", limit={most})\nanswer(f"{{len(leads.items)}} leads")'
APPROVES = 'approve("save a score")\nsaved = crm.save_score(id=8, score=50)\nanswer(f"saved {saved.score}")'
NOWHERE = "0" * 16


@dataclass
class Here:
    """The node, and what its planner was asked."""

    node: Node
    model: ModelServer

    def client(self, binding: str, key: str = "agent") -> AsyncIterator[Client]:
        return self.node.client(binding, token=f"pr_{key}")

    def planned(self) -> list[str]:
        return [str(request.messages[-1].content) for request in self.model.requests]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Here]:
    home: Path = tmp_path_factory.mktemp("node")
    async with await SqlJournal.open(f"sqlite:///{home / 'planrail.db'}") as journal:
        for name, principal, kind, scopes in KEYS:
            key = StoredKey(
                name=name, hash=hash_of(f"pr_{name}"), principal=principal, kind=kind, scopes=frozenset(scopes),
                created_at=datetime.now(UTC),
            )  # fmt: skip
            assert await journal.keys.add(key)
    rules = by_rules(
        [
            Rule(match="Goal: And the gyms", replies=(Reply(text=COUNT.format(what="gym", most=2)),)),
            Rule(match="", replies=(Reply(text=COUNT.format(what="dental", most=3)),)),
        ]
    )
    async with ModelServer(rules) as model:
        environment = {
            "PLANRAIL_SESSION_CALLS": str(CALLS), "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "k",
            "PLANRAIL_PLANNER_MODEL": "m",
        }  # fmt: skip
        async with node(home, environment=environment) as made:
            yield Here(made, model)


def context() -> str:
    return str(uuid.uuid4())


# -- refinement


@EACH
async def test_a_new_task_that_refers_to_an_earlier_one_is_planned_with_what_that_one_was(here: Here, binding: str) -> None:
    async with here.client(binding) as client:
        one = await told(client, message("How many dentists are there?"))
        two = await told(client, message("And the gyms?", reference_task_ids=[task_of(one).id]))
    assert (artifacts(one)["result"], artifacts(two)["result"]) == ("3 leads", "2 leads")
    assert task_of(two).context_id == task_of(one).context_id
    assert list(task_of(two).history[0].reference_task_ids) == [task_of(one).id]
    shown = here.planned()[-1]
    assert 'Goal: "How many dentists are there?"\nScript:\n    leads = crm.find_leads(vertical="dental"' in shown
    assert shown.endswith('Answer: "3 leads"')


@EACH
async def test_a_task_that_is_referred_to_and_is_not_the_callers_in_that_context_is_told_as_none(
    here: Here, binding: str
) -> None:
    told_as: list[str] = []
    async with here.client(binding) as client, here.client(binding, "eve") as eve:
        here_and_now = context()
        elsewhere = task_of(await told(client, message(data={"script": "answer(1)"}))).id
        eves = task_of(await told(eve, message(data={"script": "answer(1)"}, context_id=here_and_now))).id
        mine = task_of(await told(client, message(data={"script": "answer(1)"}, context_id=here_and_now))).id
        for task in (elsewhere, eves, mine[:15], NOWHERE):
            with pytest.raises(TaskNotFoundError) as refused:
                await told(client, message("And?", context_id=here_and_now, reference_task_ids=[task]))
            told_as.append(str(refused.value))
        listed = await client.list_tasks(ListTasksRequest(context_id=here_and_now))
    assert len(set(told_as)) == 1
    assert [task.id for task in listed.tasks] == [mine]


@EACH
async def test_a_message_that_refers_to_too_many_tasks_is_refused(here: Here, binding: str) -> None:
    async with here.client(binding) as client:
        with pytest.raises(InvalidParamsError, match="refers_to"):
            await told(client, message("And?", reference_task_ids=[NOWHERE] * 6))


# -- sessions


@EACH
async def test_the_tasks_of_a_context_share_its_ceilings_and_one_that_comes_after_they_are_used_up_is_refused(
    here: Here, binding: str
) -> None:
    calls = "answer([" + ", ".join(f"crm.score_lead(id={n}).score" for n in range(1, 5)) + "])"
    shared = context()
    async with here.client(binding) as client:
        one = await told(client, message(data={"script": calls}, context_id=shared))
        two = await told(client, message(data={"script": calls}, context_id=shared))
        with pytest.raises(UnsupportedOperationError, match=r"has nothing left: its runs took 6 calls"):
            await told(client, message(data={"script": calls}, context_id=shared))
        other = await told(client, message(data={"script": calls}))
    assert [states(stream)[-1] for stream in (one, two, other)] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert "The ceiling session_calls (6) of the session" in words(two)[-1]


# -- approvals


@EACH
@pytest.mark.parametrize("approver", ["boss", "person"])
async def test_an_approval_is_given_by_who_may_and_not_by_who_submitted_the_goal(
    here: Here, binding: str, approver: str
) -> None:
    async with here.client(binding) as agent, here.client(binding, approver) as other, here.client(binding, "eve") as eve:
        asked = await told(agent, message(data={"script": APPROVES}))
        task = task_of(asked).id
        why = "^approve is answered by a person, or a principal with the scope approve that did not submit the goal\\."
        for answer in (message("yes", task_id=task), message("no", task_id=task), message(data=True, task_id=task)):
            with pytest.raises(InvalidParamsError, match=why):
                await told(agent, answer)
        with pytest.raises(TaskNotFoundError):
            await told(eve, message("yes", task_id=task))
        done = await told(other, message("yes", task_id=task))
    assert states(asked)[-1] == "INPUT_REQUIRED"
    assert words(asked)[-1].endswith("A person decides it, or a principal with the scope approve that did not submit the goal.")
    assert '"tool": "crm.save_score", "arguments": {"id": 8, "score": 50}' in words(asked)[-1]
    assert artifacts(done)["result"] == "saved 50"


@EACH
async def test_who_may_approve_does_not_approve_what_it_has_submitted_itself(here: Here, binding: str) -> None:
    async with here.client(binding, "boss") as boss, here.client(binding, "person") as person:
        task = task_of(await told(boss, message(data={"script": APPROVES}))).id
        with pytest.raises(InvalidParamsError, match="answered by a person"):
            await told(boss, message("yes", task_id=task))
        refused = await told(person, message("no", task_id=task))
    assert states(refused)[-1] == "FAILED"
    assert "refused" in words(refused)[-1]
