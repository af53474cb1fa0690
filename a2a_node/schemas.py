"""Schemas: what the extension's artifacts, metadata, requests and answers look like, as JSON Schemas for those who read them.

    python -m a2a_node.schemas docs/a2a

writes them. They are open: who reads a later version meets fields and events that these do not know. `closed` they know all.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from a2a_node.extension import URI
from a2a_node.received import FIELDS, PLANS
from executor.submission import Submission
from planner.toolspec import Json, JsonSchema

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DOCS = "https://w3id.org/planrail"  # where the schemas of plan and certificate are
_NUMBER = {"type": "string", "pattern": "^[0-9]+$"}
_REAL = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$"}
_TEXT = {"type": "string"}
_WORD = {"type": "string", "minLength": 1}
_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_JSON_TYPE = {"const": "application/json"}
_EXTENSIONS = {"const": [URI]}


@dataclass(frozen=True)
class Told:
    """An event as the extension tells it: its name, what has happened, and what it carries."""

    event: str
    about: str
    carries: Mapping[str, JsonSchema] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()


_STEP = {"stepId": _WORD}
EVENTS = (
    Told("run.started", "a worker has begun"),
    Told(
        "goal.routed",
        "who takes the goal was decided; `specialist` is empty where nobody in particular does",
        {"specialist": _TEXT, "how": {"enum": ["skill", "structure", "model", "general"]}, "by": _TEXT, "sure": _REAL},
        frozenset(("sure",)),
    ),
    Told("plan.certified", "the plan was checked, and runs", {"revision": {"const": "1"}, "certificateHash": _HASH}),
    Told("plan.revised", "a replan was checked; the run goes on by it", {"revision": _NUMBER, "certificateHash": _HASH}),
    Told("step.started", "its first call begins", _STEP),
    Told("step.retried", "an attempt failed; this is the next one's number", {**_STEP, "attempt": _NUMBER, "reason": _TEXT}),
    Told("step.skipped", "the branch that it is in was not taken", _STEP),
    Told(
        "surprise",
        "something did not go as the plan said (expect, failed, expression, fan_out, refused, shape); a replan may follow",
        {**_STEP, "kind": _WORD, "message": _TEXT},
    ),
    Told("ceiling.reached", "nothing more starts", {"ceiling": _WORD, "limit": _REAL}),
    Told(
        "confidence.fell",
        "a model is not relied on; where no step is named, by the run as a whole",
        {"stepId": _TEXT, "measure": _WORD, "value": _REAL, "floor": _REAL},
    ),
    Told("question.asked", "it stands in `questions`", {"questionId": _WORD}),
    Told("question.answered", "and the task is in another state now"),
    Told(
        "run.parked",
        "people are awaited, or the clock, which wakes it at `until`",
        {"until": {"type": "string", "format": "date-time"}},
        frozenset(("until",)),
    ),
    Told("run.resumed", "somebody asked a task that was over to go on"),
    Told("run.ended", "the task is over", {"ended": {"enum": ["done", "partial", "failed", "cancelled"]}}),
)  # fmt: skip


def schemas(*, closed: bool = False) -> dict[str, JsonSchema]:
    """The schemas by their names; `closed` ones refuse what they do not know."""
    made = _Shapes(closed=closed)
    return {
        name: {"$schema": _DRAFT, "$id": f"{URI}/{name}.schema.json", **schema}
        for name, schema in {
            "plan": made.plan(),
            "step": made.step(),
            "update": made.update(),
            "task": made.task(),
            "question": made.question(),
            "request": _request(),
            "answer": _answer(),
        }.items()
    }


@dataclass(frozen=True)
class _Shapes:
    """What the node tells."""

    closed: bool

    def plan(self) -> JsonSchema:
        """The artifact `plan`."""
        told = self._of(
            {
                "revision": _said(_NUMBER, "1 is the first plan; a replan's is one more"),
                "goal": _said(_TEXT, "as it was given; empty where only a plan was"),
                "certificateHash": _said(_HASH, "of the certificate below"),
                "steps": {"type": "array", "items": self._step()},
            }
        )
        whole = {
            "plan.json": f"{_DOCS}/plan.schema.json",
            "certificate.json": f"{_DOCS}/certificate.schema.json",
        }  # fmt: skip
        parts = [
            self._of({"data": told, "mediaType": _JSON_TYPE}),
            self._of({"text": _TEXT, "mediaType": {"const": "text/x-python"}, "filename": {"const": "plan.script"}}),
            *(
                self._of({"text": _json_text(of), "mediaType": _JSON_TYPE, "filename": {"const": name}})
                for name, of in whole.items()
            ),
        ]
        artifact = self._of(
            {
                "artifactId": {"const": "plan"},
                "name": {"const": "plan"},
                "extensions": _EXTENSIONS,
                "parts": {"type": "array", "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)},
                "metadata": self._under({"kind": {"const": "plan"}, "revision": _NUMBER, "seq": _NUMBER}),
            }
        )
        return _titled(
            "The artifact `plan`", "The plan as data, then its script, itself and its certificate as texts.", artifact
        )

    def _step(self) -> JsonSchema:
        return self._of(
            {
                "id": _said(_WORD, "its artifact is step-ID; a step that a replan keeps keeps its id"),
                "title": _said(_WORD, "the tool, or else the kind"),
                "kind": _said(_WORD, "tool, ask, choose, expect, approve, ask_user, wait, answer, …"),
                "source": _said(_TEXT, "its line of the script"),
                "dependsOn": {"type": "array", "items": _WORD, "uniqueItems": True},
            }
        )

    def step(self) -> JsonSchema:
        """The artifact of a step."""
        item = self._under(
            {"item": _said(_WORD, "its place, from 0; in a map of maps like 0/2"), "failed": {"const": True}}, "failed"
        )
        states: dict[str, tuple[str, JsonSchema]] = {
            "running": ("items of a map that have ended", {"items": self._part(metadata=item)}),
            "done": ("the result", {"items": self._part(), "maxItems": 1}),
            "failed": ("why", {"items": self._part(), "maxItems": 1}),
            "skipped": ("a word that says so", {"items": self._part(), "maxItems": 1}),
        }
        variants = [
            _said(
                self._of(
                    {
                        "artifactId": {"type": "string", "pattern": "^step-."},
                        "name": _said(_WORD, "the step's id"),
                        "extensions": _EXTENSIONS,
                        "parts": {"type": "array", "minItems": 1, **parts},
                        "metadata": self._under(
                            {
                                "kind": {"const": "stepResult"}, **_STEP, "state": {"const": state}, "revision": _NUMBER,
                                "seq": _NUMBER,
                            }
                        ),
                    }
                ),
                about,
            )
            for state, (about, parts) in states.items()
        ]  # fmt: skip
        about = (
            "A step's result. A map's items come as parts to append, while it runs; then the whole list takes their place. "
            "A text of more than 256 KiB is cut; of larger JSON the size is told: {tooLarge: true, characters, items}."
        )
        return _titled("The artifact of a step", about, {"oneOf": variants})

    def _part(self, **more: Any) -> JsonSchema:
        """A text, or data; JSON that is nested too deeply for a data part is a text of that type."""
        text = self._of({"text": _TEXT, "mediaType": _JSON_TYPE, **more}, "mediaType")
        return {"oneOf": [text, self._of({"data": True, "mediaType": _JSON_TYPE, **more})]}

    def update(self) -> JsonSchema:
        """The metadata of an update."""
        known = [told.event for told in EVENTS]
        variants = [_said(self._numbered({"event": False}, "event"), "of an artifact's update: the artifact says the rest")]
        for told in EVENTS:
            carried = {"event": {"const": told.event}, **told.carries}
            variants.append(_said(self._numbered(carried, *told.optional), told.about))
        if not self.closed:
            variants.append(_said(self._numbered({"event": {"not": {"enum": known}}}), "of a later version"))
        told_of = self._of({URI: {"oneOf": variants}, **self._for_all()}, "questions", "partial")
        return _titled("The metadata of an update", "Of a status update, or of an artifact's.", told_of)

    def task(self) -> JsonSchema:
        """The metadata of a task."""
        under = {
            "seq": _said(_NUMBER, "of the last event: a stream goes on after it"),
            "revision": _said(_NUMBER, "of its plan"),
        }
        told = {URI: self._of(under, "revision"), **self._for_all(), "ceiling": _said(_TEXT, "that a partial one has met")}
        return _titled("The metadata of a task", "Of a task as it is.", self._of(told, "questions", "partial", "ceiling"))

    def question(self) -> JsonSchema:
        """A question that a task asks."""
        told = {
            "id": _said(_WORD, "what an answer names"),
            "kind": _said(_WORD, "ask_user, approve, reconcile, repeat, flow, credential"),
            "text": _said(_TEXT, "for people"),
            "stepId": _said(_TEXT, "the step that waits"),
            "item": _said(_WORD, "of a map"),
            "answerSchema": _said(
                {"type": ["object", "boolean", "string"]},
                "a JSON Schema: what an answer has to fit; one that is nested very deeply is a text",
            ),
            "shown": {"description": "what it is about; of an approval, exactly what is approved"},
        }
        return _titled(
            "A question",
            "One that is open, in the metadata of tasks and updates.",
            self._of(told, "item", "answerSchema", "shown"),
        )

    def _for_all(self) -> dict[str, JsonSchema]:
        """What is told without the extension, too."""
        questions = {"type": "array", "minItems": 1, "items": {"$ref": "question.schema.json"}}
        return {
            "questions": _said(questions, "that are open; told without the extension too"),
            "partial": _said({"const": True}, "it met a ceiling; told without the extension too"),
        }

    def _numbered(self, told: Mapping[str, Any], *optional: str) -> JsonSchema:
        more = _said({"const": True}, "further updates tell of the same event")
        return self._of({**told, "seq": _said(_NUMBER, "the event's; they grow, with gaps"), "more": more}, "more", *optional)

    def _under(self, told: Mapping[str, JsonSchema], *optional: str) -> JsonSchema:
        return self._of({URI: self._of(told, *optional)})

    def _of(self, properties: Mapping[str, Any], *optional: str) -> JsonSchema:
        """An object with these properties."""
        return {
            "type": "object",
            "required": [name for name in properties if name not in optional],
            "properties": dict(properties),
            **({"additionalProperties": False} if self.closed else {}),
        }


def _request() -> JsonSchema:
    """What the node reads: exactly this, whatever its version."""
    whole = Submission.model_json_schema()
    needed, properties = ("Budget", "Plan", "CallStatement", "Let", "If", "For"), whole["properties"]
    schema = {
        "type": "object",
        "properties": {name: properties[name] for name in properties if name in FIELDS},
        "oneOf": [{"required": [name]} for name in sorted(PLANS)],
        "additionalProperties": False,
        "$defs": {name: whole["$defs"][name] for name in needed},
    }
    return _titled("A request", "The data part of a message that brings its plan; texts beside it are the goal.", schema)


def _answer() -> JsonSchema:
    question = _said(_WORD, "the question's id; it may be left out where one alone is open")
    refused = {"required": ["question", "refused"], "properties": {"answer": False}}
    only = {"required": ["question"], "properties": {"answer": False, "refused": False}}
    schema = {
        "type": "object",
        "properties": {
            "question": question,
            "answer": {"description": "what fits the question's answerSchema"},
            "refused": _said({"const": True}, "it is not answered"),
        },
        "oneOf": [{"required": ["answer"]}, refused, only],
        "additionalProperties": False,
    }  # fmt: skip
    about = (
        "The data part of a message to a task. Of a question alone the answer is the text beside it. Other data is the answer."
    )
    return _titled("An answer", about, schema)


def _json_text(of: str) -> JsonSchema:
    return {"type": "string", "contentMediaType": "application/json", "contentSchema": {"$ref": of}}


def _said(schema: JsonSchema, about: str) -> JsonSchema:
    return {**schema, "description": about}


def _titled(title: str, about: str, schema: JsonSchema) -> JsonSchema:
    return {"title": title, "description": about, **schema}


def documents() -> dict[str, str]:
    """Every schema as the text of its file."""
    return {f"{name}.schema.json": _text(schema) for name, schema in schemas().items()}


def _text(schema: Json) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the schemas into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
