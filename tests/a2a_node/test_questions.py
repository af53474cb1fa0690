"""Questions over A2A: what a run asks, and how a message answers it; on each binding, with the SDK's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from a2a.client import Client
from a2a.types.a2a_pb2 import GetTaskRequest, TaskState
from a2a.utils.errors import InvalidParamsError, UnsupportedOperationError

from executor.submission import Principal
from tests.a2a_node.node import BINDINGS, Node, artifacts, message, node, states, subscribed, task_of, told, words

pytestmark = pytest.mark.asyncio(loop_scope="module")
EACH = pytest.mark.parametrize("binding", BINDINGS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    home: Path = tmp_path_factory.mktemp("node")
    async with node(home) as made:
        yield made


async def finished(client: Client, task: str) -> TaskState:
    """The state in which a task ends; it may have ended before anybody could subscribe."""
    with suppress(UnsupportedOperationError):
        await subscribed(client, task)
    return (await client.get_task(GetTaskRequest(id=task))).status.state


@EACH
async def test_a_playbook_that_lacks_a_parameter_asks_for_it_and_a_word_is_the_answer(here: Node, binding: str) -> None:
    async with here.client(binding) as client:
        asked = await told(client, message(data={"playbook": "lead_list", "params": {"vertical": "gym"}}))
        answered = await told(client, message("Austin", task_id=task_of(asked).id))
    assert states(asked)[-1] == "INPUT_REQUIRED"
    assert words(asked)[-1] == "The playbook lead_list needs city (str).\nWrite a text."
    assert states(answered)[-1] == "COMPLETED"
    assert "Limestone Gym" in artifacts(answered)["result"]


@EACH
@pytest.mark.parametrize(
    "answer",
    [
        {"text": "vertical: Gym\ncity: Austin"},
        {"text": '{"vertical": "gym", "city": "Austin"}'},
        {"data": {"vertical": "gym", "city": "Austin"}},
        {"data": {"question": "@params", "answer": {"vertical": "gym", "city": "Austin"}}},
    ],
)
async def test_several_parameters_are_answered_in_lines_or_as_data(here: Node, binding: str, answer: dict[str, Any]) -> None:
    async with here.client(binding) as client:
        asked = await told(client, message(data={"playbook": "lead_list"}))
        answered = await told(client, message(task_id=task_of(asked).id, **answer))
    assert "each on a line of its own (vertical: one of: accounting, dental, gym" in words(asked)[-1]
    assert "Limestone Gym" in artifacts(answered)["result"]


@EACH
async def test_an_answer_that_does_not_fit_is_refused_with_what_would_and_the_question_stands(here: Node, binding: str) -> None:
    async with here.client(binding) as client:
        task = task_of(await told(client, message(data={"playbook": "lead_list"}))).id
        with pytest.raises(InvalidParamsError, match="Write each on a line of its own"):
            await told(client, message("Austin", task_id=task))
        answered = await told(client, message("vertical: gym\ncity: Austin", task_id=task))
    assert states(answered)[-1] == "COMPLETED"


WANTS = 'leads = crm.find_leads(vertical="gym", city=secret("town"), limit=3)\nanswer(len(leads.items))\n'


@EACH
async def test_a_secret_that_is_not_set_is_auth_required_and_no_message_of_the_submitter_answers_it(
    here: Node, binding: str
) -> None:
    secret = here.house.settings.home / "secrets" / "town"
    secret.unlink(missing_ok=True)
    async with here.client(binding) as client:
        asked = await told(client, message(data={"script": WANTS}))
        task = task_of(asked).id
        with pytest.raises(InvalidParamsError, match="answered by a person"):
            await told(client, message("yes", task_id=task))
        secret.parent.mkdir(exist_ok=True)
        secret.write_text("Austin\n")
        await here.house.runs.answer(task, Principal(), True)
        ended = await finished(client, task)
    assert states(asked)[-1] == "AUTH_REQUIRED"
    assert "crm.find_leads needs the secret `town`, which is not set. Whoever runs Planrail puts it" in words(asked)[-1]
    assert "PLANRAIL_SECRET_TOWN" in words(asked)[-1]
    assert ended == TaskState.TASK_STATE_COMPLETED
