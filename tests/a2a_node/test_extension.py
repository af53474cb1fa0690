"""The extension plan-execute/v1: whatever a run tells is as the published schemas say, and what they say is told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from a2a.types.a2a_pb2 import Message
from a2a.utils.errors import InvalidParamsError
from google.protobuf.json_format import ParseDict
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from a2a_node.extension import URI
from a2a_node.received import submission_of
from a2a_node.schemas import EVENTS, documents, schemas
from executor.submission import Principal
from planner.publish import documents as plans
from tests.a2a_node.nodes import Node, environment, message, node
from tests.a2a_node.wire import BINDINGS, BOUND_S
from tests.warm import warm_command

DOCS = Path(__file__).parents[2] / "docs"
WHOLE = "https://w3id.org/planrail"  # where the schemas of plans and certificates are
ACTIVE = {"A2A-Extensions": URI}
SURPRISED = 'n = data.count(rows=[{"a": 1}])\nexpect(n > 1, "fewer than two")\nanswer(n)'
FAILED = "a = [crm.score_lead(id=i) for i in [1, 99999]]\nanswer(a)"
PARTIAL = """a = crm.score_lead(id=1)
answer(a.score)
b = crm.score_lead(id=a.id + 1)
c = crm.score_lead(id=b.id + 1)
d = crm.score_lead(id=c.id + 1)
answer(d.score)"""
CONFIG = 'session_calls = 3\nhttp_allow_private = ["127.0.0.1"]\n'
REPLIES = [
    {"match": "Whose is this goal", "replies": [{"json": {"value": 3, "sure": 0.9}}]},
    {"match": "Look after the plants", "replies": [{"text": "answer(1)"}]},
    {"model": "big", "replies": [{"text": 'answer(f"only {n}")'}]},
    {"replies": [{"json": {"value": "Austin", "sure": 0.2}}]},
]


def nested(times: int) -> list[Any]:
    """A list in a list in a list."""
    return [nested(times - 1)] if times else []


@dataclass(frozen=True)
class Story:
    """A message, and what is done when its stream has come to rest: `cancel`, `resume`, or a message's part that answers."""

    data: dict[str, Any]
    ends: str = "COMPLETED"
    then: str | dict[str, Any] = ""
    words: str = ""


STORIES = {
    "a replan": Story({"script": SURPRISED}, words="Count the rows"),
    "a goal that is sent to a specialist": Story({"plants": 2}, words="Look after the plants"),
    "a map with an item that fails": Story(
        {"script": "a = [crm.score_lead(id=i, otherwise=None) for i in [1, 2, 99999]]\nanswer(a)"}
    ),
    "a failure that is resumed": Story({"script": FAILED, "budget": {"replans": 0}}, "FAILED", "resume"),
    "a branch not taken": Story(
        {"script": "a = crm.score_lead(id=1)\nif a.score > 1000:\n    b = crm.score_lead(id=2)\nanswer(a.score)"}
    ),
    "a server that is not there": Story(
        {"script": 'page = http.fetch(url="http://127.0.0.1:1/", retry=1, otherwise=None)\nanswer(page)'}
    ),
    "a model that is not sure": Story(
        {"script": 'a = ask("Which city?", n=1, returns=str | None, sure=0.8, otherwise=None)\nanswer(a)'}
    ),
    "a large result": Story({"script": "answer(rows)", "params": {"rows": ["x" * 1000] * 300}}),
    "a deep result": Story({"script": f"answer({'[' * 20}deep{']' * 20})", "params": {"deep": nested(20)}}),
    "a large number": Story({"script": "answer(1152921504606846977)"}),
    "a refused plan": Story({"script": "a = crm.nothing()"}, "REJECTED"),
    "a ceiling with an answer": Story({"script": PARTIAL}),
    "a ceiling without one": Story({"script": PARTIAL.replace("answer(a.score)\n", "")}, "FAILED"),
    "a question": Story(
        {"script": 'who = ask_user("Who?", returns=str)\nanswer("for " + who)'},
        then={"data": {"question": "who", "answer": "Ann"}},
    ),
    "a parameter that is asked for": Story(
        {"playbook": "lead_list", "params": {"vertical": "gym"}}, then={"text": "Austin"}
    ),
    "an approval": Story({"script": 'approve("send 3 mails")\nanswer("sent")'}, "CANCELED", "cancel"),
    "a wait": Story({"script": 'wait("2h")\nanswer(1)'}, "CANCELED", "cancel"),
}  # fmt: skip


@dataclass
class Heard:
    """All that was told of a story, over all bindings."""

    events: list[dict[str, Any]] = field(default_factory=list)
    plain: list[dict[str, Any]] = field(default_factory=list)  # to who has not activated it

    @property
    def tasks(self) -> list[dict[str, Any]]:
        return [e["task"] for e in self.events if "task" in e]

    @property
    def updates(self) -> list[dict[str, Any]]:
        return [u for e in self.events for name, u in e.items() if name in ("statusUpdate", "artifactUpdate")]

    @property
    def artifacts(self) -> list[dict[str, Any]]:
        return [u["artifact"] for u in self.updates if "artifact" in u] + [
            a for t in self.tasks for a in t.get("artifacts", ())
        ]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Heard]]:
    """What a real node, with a model behind it, tells of each story."""
    home = tmp_path_factory.mktemp("node")
    (home / "model.json").write_text(json.dumps({"rules": REPLIES}))
    command = [sys.executable, "-m", "tests.model_server", "--script", str(home / "model.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as models:
        try:
            assert models.stdout is not None
            more = {
                "OPENAI_BASE_URL": models.stdout.readline().strip(), "OPENAI_API_KEY": "sesame",
                "PLANRAIL_PLANNER_MODEL": "big", "PLANRAIL_EXECUTOR_MODEL": "small",
            }  # fmt: skip
            with node(home, CONFIG, **more) as here:
                yield {name: heard(here, home, story, more) for name, story in STORIES.items()}
        finally:
            models.kill()


def heard(here: Node, home: Path, story: Story, more: dict[str, str]) -> Heard:
    """Send it, do what comes then, and be told of it all once more over each binding."""
    sent = message(*([{"text": story.words}] if story.words else []), {"data": story.data})
    found, wire = Heard(), here.wire("rest", **ACTIVE)
    for event in wire.stream("SendStreamingMessage", {"message": sent}):
        found.events.append(event)
        if story.then == "cancel" and "run.parked" in json.dumps(event):
            break
    task = found.tasks[0]["id"]
    found.events.append({"task": wire.call("GetTask", {"id": task})})
    if story.then == "cancel":
        wire.call("CancelTask", {"id": task})
    elif story.then == "resume":
        subprocess.run(
            [warm_command(), "resume", task], cwd=home, env=environment(home, **more), timeout=BOUND_S, capture_output=True
        )
    elif story.then:
        found.events += wire.stream("SendStreamingMessage", {"message": message(dict(story.then), taskId=task)})
    for binding in BINDINGS:
        again = here.wire(binding, **ACTIVE)
        found.events += again.stream("SendStreamingMessage", {"message": sent, "metadata": {URI: {"after": "0"}}})
        found.events.append({"task": again.call("GetTask", {"id": task})})
        found.plain.append({"task": here.wire(binding).call("GetTask", {"id": task})})
    found.plain += here.wire("rest").stream("SendStreamingMessage", {"message": sent, "metadata": {URI: {"after": "0"}}})
    return found


@cache
def closed(name: str, under: str = URI) -> Draft202012Validator:
    """The schema of that name, which here refuses what it does not know."""
    whole = [*schemas(closed=True).values(), *(json.loads(t) for n, t in plans().items() if n.endswith(".json"))]
    known: Any = Registry().with_resources([(s["$id"], Resource.from_contents(s)) for s in whole])
    return Draft202012Validator(known.contents(f"{under}/{name}.schema.json"), registry=known)


@pytest.mark.parametrize("story", STORIES)
def test_whatever_is_told_is_as_the_schemas_say(told: dict[str, Heard], story: str) -> None:
    here = told[story]
    assert here.tasks[-1]["status"]["state"] == f"TASK_STATE_{STORIES[story].ends}"
    for task in here.tasks:
        closed("task").validate(task["metadata"])
    for update in here.updates:
        closed("update").validate(update["metadata"])
    for artifact in here.artifacts:
        kind = {"plan": "plan", "result": "result"}.get(artifact["artifactId"], "step")
        if kind != "result":
            closed(kind).validate(artifact)
        if kind == "plan":
            for part in artifact["parts"][2:]:
                closed(part["filename"].removesuffix(".json"), WHOLE).validate(json.loads(part["text"]))


def test_whatever_the_schemas_know_is_told(told: dict[str, Heard]) -> None:
    updates = [u["metadata"][URI] for here in told.values() for u in here.updates]
    assert {u["event"] for u in updates if "event" in u} == {e.event for e in EVENTS}
    carried = {(u["event"], name) for u in updates if "event" in u for name in u}
    assert {(e.event, name) for e in EVENTS for name in e.carries} <= carried
    steps = [a["metadata"][URI] for here in told.values() for a in here.artifacts if a["artifactId"].startswith("step-")]
    assert {s["state"] for s in steps} == {"running", "done", "failed", "skipped"}
    tasks = {name for here in told.values() for t in here.tasks for name in (*t["metadata"], *t["metadata"][URI])}
    assert tasks == {URI, "questions", "partial", "ceiling", "seq", "revision"}


def test_who_does_not_activate_it_is_told_nothing_of_it(told: dict[str, Heard]) -> None:
    plain = [e for here in told.values() for e in here.plain]
    assert len(plain) > len(STORIES)
    assert URI not in json.dumps(plain)


@pytest.mark.parametrize("name", sorted(documents()))
def test_a_published_schema_is_what_the_code_makes(name: str) -> None:
    assert (DOCS / "a2a" / name).read_text(encoding="utf-8") == documents()[name], "run: python -m a2a_node.schemas docs/a2a"
    Draft202012Validator.check_schema(json.loads(documents()[name]))


def test_a_published_schema_lets_a_later_version_say_more() -> None:
    update = Draft202012Validator(schemas()["update"])
    update.validate({URI: {"seq": "3", "event": "step.delegated", "stepId": "a"}, "more": 1})
    with pytest.raises(ValidationError):
        update.validate({URI: {"seq": 3, "event": "step.started", "stepId": "a"}})


REQUESTS: list[tuple[dict[str, Any], bool]] = [
    ({"script": "answer(1)"}, True),
    ({"script": "answer(1)", "budget": {"usd": 0.5, "calls": 3}, "goal": "one", "params": {"a": 1}}, True),
    ({"playbook": "lead_list", "params": {"city": "Austin"}, "fresh": True}, True),
    ({"plan": {"version": 1, "statements": [{"kind": "call", "call": "answer", "args": ["1"]}]}}, True),
    ({"script": "answer(1)", "playbook": "lead_list"}, False),
    ({"script": "answer(1)", "sript": ""}, False),
    ({"script": 3}, False),
    ({"script": "answer(1)", "budget": {"dollars": 1}}, False),
    ({"script": "answer(1)", "budget": {"calls": -1}}, False),
    ({"script": "answer(1)", "probes": 51}, False),
    ({"plan": {"statements": "answer(1)"}}, False),
    ({"playbook": "lead_list", "params": ["Austin"]}, False),
]


@pytest.mark.parametrize(("data", "right"), REQUESTS)
def test_the_node_takes_the_requests_that_the_schema_does(data: dict[str, Any], right: bool) -> None:
    assert Draft202012Validator(schemas()["request"]).is_valid(data) == right
    sent = ParseDict(message({"data": data}), Message())
    if right:
        assert submission_of(sent, Principal())
    else:
        with pytest.raises(InvalidParamsError):
            submission_of(sent, Principal())
