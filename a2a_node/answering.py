"""Answering: a message to a task, as the answer to a question of its run."""

from __future__ import annotations

from a2a.types.a2a_pb2 import Message
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError, UnsupportedOperationError

from a2a_node.received import received, said
from a2a_node.told import context_of
from executor.events import Question, QuestionAnswered
from executor.journal.port import RunRecord
from executor.run import Run, fold, is_over
from executor.submission import Principal
from planner.toolspec import Json
from planrail.answers import read_answer
from planrail.house import House
from planrail.runs import APPROVALS


class Answering:
    """Gives the answers that messages carry."""

    def __init__(self, house: House) -> None:
        self._runs = house.runs
        self._journal = house.journal

    async def known(self, task: str, principal: Principal) -> RunRecord:
        """The task's run, if the principal has it; raises TaskNotFoundError. The beginning of an id is none."""
        record = await self._journal.get(task)
        if record is None or record.principal != principal.id:
            raise TaskNotFoundError
        return record

    async def answer(self, message: Message, principal: Principal) -> str:
        """Answer the question that the message names, or the only one; the task's id.

        The same message again changes nothing. Raises TaskNotFoundError, InvalidParamsError, UnsupportedOperationError and
        NotAnswerable.
        """
        name = (await self.known(message.task_id, principal)).id
        recorded = await self._journal.read(name)
        run = fold(Run(name), recorded)
        if message.context_id and message.context_id != context_of(run):
            raise InvalidParamsError("contextId is not the task's.")
        body = received(message)
        earlier = [run.submission.received, *(r.event.received for r in recorded if isinstance(r.event, QuestionAnswered))]
        for before in earlier:
            if isinstance(before, dict) and before.get("messageId") == message.message_id:
                if _same(before, body):
                    return name
                raise InvalidParamsError("The messageId was used before, for another message.")
        if is_over(run.status):
            raise UnsupportedOperationError("The task is over. A new message in its context begins another one.")
        await self._give(run, message, principal, body)
        return name

    async def _give(self, run: Run, message: Message, principal: Principal, body: Json) -> None:
        given = said(message)
        question = _meant(run, given.question)
        answer = given.data if given.is_data or given.refused else read_answer(question, given.words)
        await self._runs.answer(run.id, principal, answer, question=question.id, refused=given.refused, received=body)


def _meant(run: Run, named: str | None) -> Question:
    """The question that is meant: the one that is named, the only one, or the only one that is no approval."""
    questions = run.open_questions
    if not questions:
        raise UnsupportedOperationError("The task asks nothing now. A new message in its context begins another one.")
    if named is not None:
        found = next((q for q in questions if q.id == named), None)
        if found is None:
            raise InvalidParamsError(f"The task has no open question {named}. Open: {_listed(questions)}.")
        return found
    own = [q for q in questions if q.kind not in APPROVALS]
    only = questions if len(questions) == 1 else own
    if len(only) != 1:
        raise InvalidParamsError(
            f"Name the question that you answer, by a data part {{question, answer}}: {_listed(questions)}."
        )
    return only[0]


def _same(before: dict[str, Json], now: Json) -> bool:
    """Whether two messages say the same; the ids of task and context may be left out of one."""
    ids = ("taskId", "contextId")
    return isinstance(now, dict) and {k: v for k, v in before.items() if k not in ids} == {
        k: v for k, v in now.items() if k not in ids
    }


def _listed(questions: list[Question]) -> str:
    return ", ".join(q.id for q in questions)
