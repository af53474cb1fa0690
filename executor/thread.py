"""Thread: what the journal says of a call that another agent carries out: its task, what it asked, what was answered. Pure.

    CallStarted ─► TaskDelegated ─► (QuestionAsked ─► QuestionAnswered | QuestionExpired)* ─► CallFinished | CallFailed

A run that is resumed after the agent's task had failed, or was cancelled, delegates anew: by another message, to another task.
"""

from __future__ import annotations

from dataclasses import dataclass

from executor.agent_tools.order import Reply
from executor.call_state import Address
from executor.events import Question, TaskDelegated
from executor.state import Run


@dataclass(frozen=True)
class Thread:
    """`number` counts the times that the call was delegated anew; `reply` answers the last of what the agent has asked."""

    number: int = 0
    delegated: TaskDelegated | None = None
    asked: tuple[Question, ...] = ()
    reply: Reply | None = None

    def message(self, key: str) -> str:
        """The id of the message that carries the goal."""
        return key if not self.number else f"{key}-{self.number}"

    def question_id(self, step: str, item: str) -> str:
        """The id of the next question that the agent asks."""
        number = len(self.asked) + 1
        return f"asks:{step}{':' if item else ''}{item}{f'#{number}' if number > 1 else ''}"


def thread_of(run: Run, address: Address, key: str) -> Thread:
    """What the journal says of a delegated call whose key is that."""
    asked = tuple(q for q in run.questions.values() if q.agent and (q.of, q.item) == address)
    thread = Thread(run.anew.get(address, 0), run.delegated.get(address), asked)
    return Thread(thread.number, thread.delegated, asked, _reply(run, thread, key))


def _reply(run: Run, thread: Thread, key: str) -> Reply | None:
    if not thread.asked:
        return None
    last = thread.asked[-1]
    message = f"{thread.message(key)}-a{len(thread.asked)}"
    answer = run.answers.get(last.id)
    if last.id in run.expired:
        return Reply(last.ref, message, refused=f"Nobody answered {last.agent} in time: {last.text}"[:500])
    if answer is None:
        return None
    auth = last.kind == "credential"
    if answer.refused or (auth and answer.answer is not True):
        return Reply(last.ref, message, refused=f"{answer.by} refused to answer {last.agent}: {last.text}"[:500])
    return Reply(last.ref, message, "yes" if auth else answer.answer, auth=auth)


def forget_thread(run: Run, address: Address) -> None:
    """The call is delegated anew when it is made again."""
    if run.delegated.pop(address, None) is None:
        return
    run.anew[address] = run.anew.get(address, 0) + 1
    for name in [q.id for q in run.questions.values() if q.agent and (q.of, q.item) == address]:
        for known in (run.questions, run.answers, run.reminders):
            known.pop(name, None)
        run.expired.discard(name)


def forget_cancelled(run: Run) -> None:
    """The run was cancelled, and with it what other agents were at."""
    for address in [a for a in run.delegated if run.call(*a).finished is None]:
        forget_thread(run, address)
