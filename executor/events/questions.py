"""Questions: what a person is asked, and the events of asking and answering."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from executor.events.base import Happened
from planner.toolspec import Json


class Question(BaseModel):
    """Something a person has to decide. `of` is the step that waits; `shown` are the bound arguments it is about.

    A question of the kind "flow" is about all that a policy wants allowed at that moment, one of the kind "credential" about a
    secret that is not set: `of` is the first step that waits, and each row of `shown` names its own.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: Literal["approve", "ask_user", "reconcile", "repeat", "flow", "credential"]
    of: str
    item: str = ""
    text: str
    answer_schema: Json = None  # JSON Schema of the answer; an approval's is true or false, a flow's also which rows may
    shown: Json = None
    asked_at: datetime | None = None
    expires_at: datetime | None = None  # nobody's answer counts from then on
    agent: str = ""  # the other agent that asks, where it is none of ours
    ref: str = ""  # by which that agent's question is known again
    remind_s: float | None = None  # the first reminder comes after so long, each further one after twice as long again

    @property
    def steps(self) -> frozenset[str]:
        """The steps that wait for the answer."""
        rows = self.shown if self.kind in ("flow", "credential") and isinstance(self.shown, list) else []
        return frozenset((self.of, *(row["step"] for row in rows if "step" in row)))


class QuestionAsked(Happened):
    """A person is asked."""

    type: Literal["question_asked"] = "question_asked"
    question: Question


class QuestionAnswered(Happened):
    """A person answered; the first answer to a question counts."""

    type: Literal["question_answered"] = "question_answered"
    question: str
    answer: Json = None
    refused: bool = False  # the person would not answer; for an approval, false means the same
    by: str
    kind: Literal["user", "agent"] = "user"  # of who answered
    received: Json = None  # the message that it was read from, as the door got it


class QuestionReminded(Happened):
    """Nobody has answered for so long that people are reminded: for the `number`-th time, if none was missed."""

    type: Literal["question_reminded"] = "question_reminded"
    question: str
    number: int


class QuestionExpired(Happened):
    """Nobody answered in time: it counts as refused, and later answers do not count."""

    type: Literal["question_expired"] = "question_expired"
    question: str
