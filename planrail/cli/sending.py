"""Sending: a goal that is carried to another agent, shown while it goes, its questions asked here.

The conversation survives what breaks between here and there; the screen, the questions and the end are those of `run`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from a2a.types import CancelTaskRequest, StreamResponse, TaskState
from google.protobuf.json_format import MessageToDict
from rich.text import Text

from executor.agent_tools.agent import EXTENSION
from executor.agent_tools.conversation import Conversation
from executor.agent_tools.order import Asks, Delivered, Order, Refused, Reply
from executor.agent_tools.session import Agents, Opened
from executor.agent_tools.trouble import BROKEN, read, trouble_of
from executor.errors import AgentRefused
from executor.events import Question
from planner.toolspec import Json
from planrail.answers import read_answer
from planrail.cli.asking import Reply as Said
from planrail.cli.asking import ask_person, read_line
from planrail.cli.errand import Going, Meant, Where, agent_of, order_of
from planrail.cli.errors import FAILED, Interrupted, UsageError
from planrail.cli.output import Output
from planrail.cli.request import Wish
from planrail.cli.run_text import asked_text
from planrail.cli.running import settings_here
from planrail.cli.screen import Screen, screen_of
from planrail.cli.session import run_session
from planrail.cli.text import clean, line
from planrail.cli.watch import CODES, tell_outcome
from planrail.remote import Remote

_AFTER = "Planrail-After"  # the header by which a node of ours tells on from an event


def send(output: Output, where: Where, wish: Wish, going: Going) -> int:
    """Carry the errand there, and show what becomes of it; raises AgentRefused, UsageError and Interrupted."""
    here = settings_here()
    order, meant = order_of(wish, going), agent_of(where, here)
    errand = _Errand(output, where.url, order, wish.yes, going.question)

    async def session() -> int:
        return await errand.carried(meant, here.http_allow_private, cancel=going.cancel)

    try:
        return run_session(session())
    except Interrupted as stopped:
        task = errand.remote.task or order.task
        hint = f"planrail send {where.url} --task {line(task)} goes on from here." if task and not errand.ended else ""
        raise Interrupted(stopped.message, hint=hint) from None


@dataclass
class _Errand:
    """One goal at one agent: who listens to it, calls for it and asks for it."""

    output: Output
    where: str  # as the command line has it
    order: Order
    yes: bool = False
    question: str = ""  # that is answered by the command, where it names it
    remote: Remote = field(init=False)
    ended: bool = False  # cancelled there
    extended: bool = False  # the agent has Planrail's extension
    screen: Screen | None = None
    _trouble: str = ""  # the last that was told
    _unmet: set[str] = field(default_factory=set)  # questions that were answered with yes here, and are still open

    def __post_init__(self) -> None:
        self.remote = Remote("", self.order.goal, task=self.order.task)

    async def carried(self, meant: Meant, allow_private: tuple[str, ...], *, cancel: bool) -> int:
        """Carry it to its end, or to a question that nobody answers here; the exit code."""
        agents = Agents(meant.pins, meant.secrets, allow_private)
        async with agents.opened(meant.agent) as opened:
            self.extended = any(extension.uri == EXTENSION for extension in opened.card.capabilities.extensions)
            if self.order.data is not None and not self.extended:
                raise UsageError(
                    f"{opened.card.name} takes goals in words alone.",
                    hint="Scripts, playbooks and budgets are for agents with Planrail's extension.",
                )
            self.remote.agent = opened.card.name
            if cancel:
                await self._cancelled(opened)
            talk = opened.talk(self.order, self, self)
            try:
                return await self._through(talk)
            except asyncio.CancelledError:
                await self._left(talk)
                raise

    async def _through(self, talk: Conversation) -> int:
        """From question to question."""
        while True:
            with screen_of(self.output, f"{line(self.remote.agent, 60)} is at it …") as self.screen:
                outcome = await talk.carry()
                self.screen.flush()
            match outcome:
                case Delivered(value=value):
                    self.remote.answer = value
                    return self._told_end()
                case Asks():
                    reply = await self._reply(outcome)
                    if reply is None:
                        return self._told_end()
                    talk.order = replace(talk.order, reply=reply)
                case Refused() if self.remote.over:
                    return self._told_end()
                case Refused(message=message, kind=kind) if talk.order.reply is not None and kind != "refused":
                    self._complain(message)
                    talk.order = replace(talk.order, reply=None)
                case Refused(message=message, kind=kind):
                    raise self._problem(message, kind)

    def _problem(self, message: str, kind: str) -> AgentRefused:
        hint = ""
        if kind == "refused" and "token" in message:
            hint = "--token-env VARIABLE or --token-secret NAME says which token it is sent."
        elif kind in ("transient", "timeout"):
            hint = "Is it running, and is the address of its card the one that it listens at?"
        return AgentRefused(f"{line(self.remote.agent, 60)}: {message}", hint=hint)

    # -- what it asks

    async def _reply(self, asks: Asks) -> Reply | None:
        """What is answered to the first of its questions; None if nobody answers it here."""
        for question in self.remote.questions:
            said = await self._said(question)
            if said is None:
                continue
            named = {"question": question.id}
            data: Json = None
            if question.id:
                data = named | ({"refused": True} if said.refused else {"answer": said.answer})
            refused = "You refused to answer." if said.refused and data is None else ""
            auth = question.kind == "credential"
            if auth and said.answer is not True:
                continue
            answer = "yes" if auth else said.answer
            return Reply(asks.ref, str(uuid.uuid4()), answer, refused, auth=auth, data=data)
        return None

    async def _said(self, question: Question) -> Said | None:
        if self.order.task and self.order.goal and self.question in ("", question.id):  # the command's; it counts once
            given, self.order = self.order.goal, replace(self.order, goal="")
            return Said(read_answer(question, given))
        if question.kind == "approve" and self.yes and question.id not in self._unmet:
            self._unmet.add(question.id)
            return Said(True)
        return await ask_person(self.output, question) if self.output.interactive else None

    def _complain(self, message: str) -> None:
        if self.output.json:
            self.output.document({"refused": message})
        else:
            self.output.console.print(Text(clean(message), style="red"), soft_wrap=True)

    # -- how it ends

    def _told_end(self) -> int:
        view = self.remote.view()
        code = CODES.get(view.status, FAILED)
        if self.output.json:
            shown = [question.model_dump(mode="json") for question in view.questions]
            told = {"task": self.remote.task, "context": self.remote.context, "status": view.status, "answer": view.answer}
            self.output.document({"end": told | {"reason": view.reason, "questions": shown, "exit": code}})
            return code
        console = self.output.console
        tell_outcome(console, view, [self._asked(question) for question in view.questions])
        if self.remote.task:
            console.print(Text(f"task   {line(self.remote.task)}  at {line(self.where)}", style="dim"), soft_wrap=True)
        return code

    def _asked(self, question: Question) -> Text:
        """A question, and how it is answered from a shell."""
        which = f" --question {line(question.id)}" if len(self.remote.questions) > 1 else ""
        return asked_text(question).append(f"\n  planrail send {self.where} --task {line(self.remote.task)}{which} ANSWER")

    async def _cancelled(self, opened: Opened) -> None:
        """Cancel the task; raises AgentRefused where it is not."""
        try:
            task = await read(opened.client.cancel_task(CancelTaskRequest(id=self.order.task)))
        except BROKEN as error:
            raise AgentRefused(f"{line(opened.card.name, 60)}: {trouble_of(error).message}") from None
        self.ended = task.status.state == TaskState.TASK_STATE_CANCELED

    async def _left(self, talk: Conversation) -> None:
        """After Ctrl-C: the person says whether the task ends there, too."""
        if not talk.task or not self.output.interactive:
            return
        self.output.console.print(Text("\nCancel the task there, too? yes; empty: it goes on > ", style="yellow"), end="")
        if (await read_line()).strip().lower() in ("yes", "y"):
            await talk.cancel()
            self.ended = True
            self.output.console.print("It is told to stop.")

    # -- as the conversation's audience and caller

    @property
    def parameters(self) -> Mapping[str, str]:
        """Asks for the extension, and to be told on from the last event."""
        if not self.extended:
            return {}
        after = {} if self.remote.seq is None else {_AFTER: str(self.remote.seq)}
        return {"A2A-Extensions": EXTENSION, **after}

    def heard(self, event: StreamResponse) -> None:
        """Show what it says."""
        self._trouble = ""
        said = self.remote.take(event, datetime.now(UTC))
        if self.output.json:
            self.output.document(MessageToDict(event))
        if self.screen is not None:
            if said:
                self.screen.tell(Text(clean(said)))
            self.screen.moved(self.remote)

    async def begun(self, task: str, context: str) -> None:
        """Its task has a name."""
        self.remote.task, self.remote.context = task, context

    async def waiting(self) -> None:
        """Nothing is claimed by a person who waits."""

    def retrying(self, reason: str) -> None:
        """Say once that it cannot be reached, and is asked again."""
        if self.screen is not None and reason != self._trouble:
            self._trouble = reason
            self.screen.tell(Text(clean(f"{reason.rstrip('.')}. Trying again …"), style="dim"))

    @property
    def cancelled(self) -> bool:
        """Ending it there is the person's word."""
        return False
