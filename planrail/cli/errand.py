"""Errand: what `planrail send` carries to another agent, read and checked before anybody is asked."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from executor.agent_tools.agent import NAME, Agent, AgentSettings, Pins, known_agents
from executor.agent_tools.order import Order
from planner.budget import Budget
from planner.toolspec import Json
from planrail.cli.errors import UsageError
from planrail.cli.request import Wish, goal_of, submission_of
from planrail.settings import Settings
from planrail.toolbox import pins_of

_MAX_BYTES = 64 << 20  # of all that the agent says
_TOKEN = "token"


@dataclass(frozen=True)
class Where:
    """The agent: an address or a name, and the token that it is sent."""

    url: str
    token_secret: str = ""
    token_env: str = ""


@dataclass(frozen=True)
class Going:
    """How the errand goes: anew, after earlier tasks, or on with a task."""

    key: str | None = None
    context: str = ""
    after: tuple[str, ...] = ()
    task: str = ""
    question: str = ""
    cancel: bool = False


@dataclass(frozen=True)
class Meant:
    """The agent that is meant. `pins` is None for an address, of which nothing is kept."""

    agent: Agent
    pins: Pins | None
    secrets: Callable[[str], str | None]


def agent_of(where: Where, here: Settings) -> Meant:
    """The agent of that name or address; raises UsageError."""
    if where.token_secret and where.token_env:
        raise UsageError("Give --token-secret or --token-env, not both.")
    known = known_agents(here.agents, pins_of(here))
    if where.url in known:
        found, pins = known[where.url], pins_of(here)
    elif where.url.startswith(("http://", "https://")):
        found, pins = _at(where.url), None
    else:
        kind = "agent that is known" if NAME.fullmatch(where.url) else "address"
        raise UsageError(f"{where.url} is no {kind}.", hint=f"Write http(s)://…, or one of: {', '.join(known) or 'none yet'}.")
    name = where.token_secret or (_TOKEN if where.token_env else found.settings.token_secret)
    settings = found.settings.model_copy(update={"token_secret": name})
    return Meant(Agent(found.name, settings, found.pinned), pins, _secrets(where, here))


def _at(url: str) -> Agent:
    try:
        return Agent("the agent", AgentSettings(url=url, max_bytes=_MAX_BYTES))
    except ValidationError:
        raise UsageError(f"{url} is no http address.") from None


def _secrets(where: Where, here: Settings) -> Callable[[str], str | None]:
    if not where.token_env:
        return here.secret
    token = os.environ.get(where.token_env, "")
    if not token:
        raise UsageError(f"The variable {where.token_env} is not set.", hint="--token-env names the one with the token.")
    return {_TOKEN: token}.get


def order_of(wish: Wish, going: Going) -> Order:
    """The message that carries the errand, or the task that it goes on with; raises UsageError."""
    planned = wish.script is not None or wish.playbook is not None
    if going.task and (planned or going.key or going.after or going.context):
        raise UsageError("With --task only an answer can be given, as the GOAL.")
    if going.question and not (going.task and wish.goal):
        raise UsageError("--question names what the answer answers: it goes with --task and the answer.")
    if going.cancel and (not going.task or wish.goal):
        raise UsageError("--cancel ends the task that --task names.")
    if going.task:
        words = goal_of(wish.goal, needed=False)
        return Order(words, {}, None, str(uuid.uuid4()), task=going.task)
    submission = submission_of(wish, Budget())
    return Order(
        goal=submission.goal, inputs={}, returns=None, message=going.key or str(uuid.uuid4()), context=going.context,
        data=_data(wish, submission.script, dict(submission.params), submission.budget), references=going.after,
    )  # fmt: skip


def _data(wish: Wish, script: str | None, params: dict[str, Json], budget: Budget) -> Json:
    """What goes along with the words, for an agent with Planrail's extension."""
    data: dict[str, Json] = {"script": script, "playbook": wish.playbook, "params": params or None}
    data["budget"] = budget.model_dump(mode="json", exclude_defaults=True) if wish.budget else None
    data["fresh"] = wish.fresh or None
    told = {name: value for name, value in data.items() if value is not None}
    return told or None
