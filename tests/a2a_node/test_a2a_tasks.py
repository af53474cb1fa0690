"""Tasks over A2A: goals sent, watched, answered, cancelled, found again; on each binding, with the SDK's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from a2a.client.errors import A2AClientError
from a2a.types.a2a_pb2 import CancelTaskRequest, GetTaskRequest, ListTasksRequest, SendMessageRequest, TaskState
from a2a.utils.errors import A2AError, InvalidParamsError, TaskNotCancelableError, TaskNotFoundError, UnsupportedOperationError
from google.protobuf.struct_pb2 import Struct

from a2a_node.extension import URI
from executor.submission import Principal
from tests.a2a_node.node import (
    ASKS,
    BINDINGS,
    EXTENDED,
    Node,
    artifacts,
    message,
    node,
    states,
    subscribed,
    task_of,
    told,
    words,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
GOAL = "List the gym leads in Austin"
EACH = pytest.mark.parametrize("binding", BINDINGS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    home: Path = tmp_path_factory.mktemp("node")
    async with node(home) as made:
        yield made


@EACH
async def test_a_goal_in_words_brings_steps_in_words_and_one_result(here: Node, binding: str) -> None:
    async with here.client(binding) as client:
        stream = await told(client, message(GOAL))
    assert states(stream)[-1] == "COMPLETED"
    assert any(w.startswith("Step 1/") for w in words(stream))
    assert list(artifacts(stream)) == ["result"]
    assert "Limestone Gym" in artifacts(stream)["result"]


@EACH
async def test_a_client_with_the_extension_is_shown_the_plan_and_each_step_by_number(here: Node, binding: str) -> None:
    script = 'leads = crm.find_leads(vertical="gym", city="Austin", limit=3)\nanswer([l.name for l in leads.items])'
    async with here.client(binding) as client:
        stream = await told(client, message(data={"script": script}), EXTENDED)
    shown = artifacts(stream)
    assert list(shown) == ["plan", "step-leads", "step-answer", "result"]
    assert script in shown["plan"]
    numbers = [
        int(u.metadata.fields[URI].struct_value.fields["seq"].string_value)
        for u in (e.status_update if e.HasField("status_update") else e.artifact_update for e in stream[1:])
    ]
    assert numbers == sorted(numbers)


@EACH
async def test_what_is_asked_is_answered_by_a_message_to_the_task(here: Node, binding: str) -> None:
    async with here.client(binding) as client:
        asked = await told(client, message(data={"script": ASKS}))
        first = task_of(asked)
        answered = await told(client, message("Ann", task_id=first.id))
    assert states(asked)[-1] == "INPUT_REQUIRED"
    assert words(asked)[-1] == "Whom do I write for?"
    assert states(answered)[-1] == "COMPLETED"
    assert artifacts(answered)["result"] == "for Ann"
    assert task_of(answered).context_id == first.context_id


@EACH
async def test_a_message_that_is_sent_again_is_the_same_task_and_another_one_of_its_id_is_refused(
    here: Node, binding: str
) -> None:
    sent = message(GOAL)
    other = message("List the dental leads in Austin", message_id=sent.message_id)
    async with here.client(binding) as client:
        first, again = await told(client, sent), await told(client, sent)
        with pytest.raises((InvalidParamsError, A2AClientError, A2AError)):
            await told(client, other)
    assert task_of(first).id == task_of(again).id
    assert again[0].task.artifacts[0].artifact_id == "result"


@EACH
async def test_a_waiting_task_is_cancelled_once_and_a_task_that_is_over_takes_no_message(here: Node, binding: str) -> None:
    async with here.client(binding) as client:
        task = task_of(await told(client, message(data={"script": ASKS})))
        cancelled = await client.cancel_task(CancelTaskRequest(id=task.id))
        with pytest.raises(TaskNotCancelableError):
            await client.cancel_task(CancelTaskRequest(id=task.id))
        with pytest.raises(UnsupportedOperationError):
            await told(client, message("Ann", task_id=task.id))
        with pytest.raises(UnsupportedOperationError):
            await subscribed(client, task.id)
    assert cancelled.status.state == TaskState.TASK_STATE_CANCELED


@EACH
async def test_a_task_that_is_not_there_is_not_found_whatever_is_asked_of_it(here: Node, binding: str) -> None:
    async with here.client(binding) as client:
        for ask in (
            client.get_task(GetTaskRequest(id="nothing")),
            client.cancel_task(CancelTaskRequest(id="nothing")),
            told(client, message("x", task_id="nothing")),
            subscribed(client, "nothing"),
        ):
            with pytest.raises(TaskNotFoundError):
                await ask


@EACH
async def test_lists_are_paged_the_last_changed_first_and_by_context_and_state(here: Node, binding: str) -> None:
    context = f"ctx-{binding}"
    async with here.client(binding) as client:
        ids = [
            task_of(await told(client, message(data={"script": s}, context_id=context))).id
            for s in ('answer("a")', ASKS, 'answer("b")')
        ]
        first = await client.list_tasks(ListTasksRequest(context_id=context, page_size=2))
        rest = await client.list_tasks(
            ListTasksRequest(context_id=context, page_size=2, page_token=first.next_page_token, include_artifacts=True)
        )
        waits = await client.list_tasks(ListTasksRequest(context_id=context, status=TaskState.TASK_STATE_INPUT_REQUIRED))
    assert [t.id for t in (*first.tasks, *rest.tasks)] == ids[::-1]
    assert (first.total_size, rest.next_page_token) == (3, "")
    assert [len(t.artifacts) for t in (*first.tasks, *rest.tasks)] == [0, 0, 1]
    assert [t.id for t in waits.tasks] == [ids[1]]


@EACH
async def test_a_plan_that_the_checker_refuses_is_a_rejected_task_with_the_reasons(here: Node, binding: str) -> None:
    async with here.client(binding) as client:
        stream = await told(client, message(data={"script": 'x = crm.find_leeds(city="Austin")'}))
    assert states(stream)[-1] == "REJECTED"
    assert "There is no tool crm.find_leeds" in words(stream)[-1]


@EACH
async def test_an_agent_does_not_approve_what_it_has_asked_for(here: Node, binding: str) -> None:
    async with here.client(binding) as client:
        stream = await told(client, message(data={"script": 'approve("send 3 mails")\nanswer("sent")'}))
        with pytest.raises(InvalidParamsError):
            await told(client, message("yes", task_id=task_of(stream).id))
        task = await client.get_task(GetTaskRequest(id=task_of(stream).id))
    assert task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED


async def test_a_long_run_that_failed_is_listed_as_failed_and_not_as_rejected(here: Node) -> None:
    find = f'[crm.find_leads(vertical="gym", city="Austin", limit=1) for n in {list(range(90))}]'
    script = f'a = {find}\nb = {find}\nexpect(len(a + b) > 999, "too few")\nanswer(len(a))'
    async with here.client() as client:
        stream = await told(client, message(data={"script": script}, context_id="long"))
        listed = await client.list_tasks(ListTasksRequest(context_id="long"))
        failed = await client.list_tasks(ListTasksRequest(context_id="long", status=TaskState.TASK_STATE_FAILED))
    assert (await here.house.runs.record(task_of(stream).id, Principal(kind="agent"))).seq > 300
    assert [t.status.state for t in (*listed.tasks, *failed.tasks)] == [TaskState.TASK_STATE_FAILED] * 2


@EACH
async def test_a_client_goes_on_after_any_event_that_it_has_seen(here: Node, binding: str) -> None:
    """After no event at all, too: it is then told of every one."""
    sent = message(data={"script": 'answer("a")'})
    async with here.client(binding) as client:
        whole = await told(client, sent, EXTENDED)
        again = [
            [e async for e in client.send_message(SendMessageRequest(message=sent, metadata=after(n)), context=EXTENDED)]
            for n in (0, 2)
        ]
    assert {(task_of(a).id, task_of(a).context_id) for a in again} == {(task_of(whole).id, task_of(whole).context_id)}
    assert [states(a)[-1] for a in (whole, *again)] == ["COMPLETED"] * 3
    assert [list(artifacts(a)) for a in again] == [["plan", "step-answer", "result"]] * 2


@EACH
async def test_who_goes_on_before_a_question_that_was_answered_since_is_told_to_the_end(here: Node, binding: str) -> None:
    sent = message(data={"script": ASKS})
    async with here.client(binding) as client:
        task = task_of(await told(client, sent, EXTENDED))
        await told(client, message("Ann", task_id=task.id))
        again = [e async for e in client.send_message(SendMessageRequest(message=sent, metadata=after(0)), context=EXTENDED)]
    assert states(again) == ["SUBMITTED", "WORKING", "INPUT_REQUIRED", "WORKING", "COMPLETED"]


def after(number: int) -> Struct:
    made = Struct()
    made.update({URI: {"after": str(number)}})
    return made
