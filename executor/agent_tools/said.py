"""Said: what an agent has said in a task so far, of bounded size, and the result that is made of it. All of it is untrusted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from a2a.types import Artifact, Message, Part, Task
from google.protobuf.json_format import MessageToDict

from executor.agent_tools.order import Delivered, Outcome, Refused
from planner.llm.json_reply import ModelReplyInvalid, parse_json_reply
from planner.misfit import BadSchema, misfit
from planner.toolspec import Json, JsonSchema

_RESULT = "result"  # the artifact that is the answer, where there are others beside it
_FILES = ("raw", "url")  # what a part may hold besides text and data
_EXACT = 2.0**53  # whole numbers below are exactly what was sent: JSON's numbers travel as floats
MAX_TOLD = 4_000  # characters of a question or a failure that are shown


@dataclass
class Said:
    """The artifacts of a task, piece by piece. `most` bounds their size; `over` says that it was too small."""

    most: int
    over: bool = False
    _size: int = 0
    _artifacts: dict[str, list[list[Part]]] = field(default_factory=dict)  # id → what was added to it, one after the other
    _names: dict[str, str] = field(default_factory=dict)

    def begin_with(self, task: Task) -> None:
        """Take a task as it is now in the place of all that was said before."""
        self._artifacts, self._names, self._size = {}, {}, 0
        for artifact in task.artifacts:
            self.add(artifact, append=False)

    def add(self, artifact: Artifact, *, append: bool) -> None:
        """Take an artifact, or a further piece of one."""
        self._size += artifact.ByteSize()
        if self._size > self.most:
            self.over = True
            self._artifacts.clear()
            return
        parts = self._artifacts.setdefault(artifact.artifact_id, [])
        if not append:
            parts.clear()
        parts.append(list(artifact.parts))
        self._names.setdefault(artifact.artifact_id, artifact.name)

    def result(self, returns: JsonSchema | None, last: Message) -> Outcome:
        """The result, of the type that is wanted; the agent's last words are it where there is no artifact."""
        if self.over:
            return Refused(f"Its result has more than {self.most:,} bytes.")
        named = [i for i, name in self._names.items() if _RESULT in (i, name)]
        chosen = [self._artifacts[i] for i in named or self._artifacts]
        return result_of(chosen or [[list(last.parts)]], returns)


def result_of(artifacts: list[list[list[Part]]], returns: JsonSchema | None) -> Outcome:
    """What artifacts, each in pieces, give of that type; of None as they are."""
    data = [value for pieces in artifacts for value in _data(part for piece in pieces for part in piece)]
    text = "\n".join(filter(None, (_text(pieces) for pieces in artifacts)))
    if returns is None:
        files = [
            _file(part) for pieces in artifacts for piece in pieces for part in piece if part.WhichOneof("content") in _FILES
        ]
        return Delivered(data[0] if len(data) == 1 and not (text or files) else _lines(text, data, files))
    if returns.get("type") == "string" and "enum" not in returns:
        return Delivered(text or _lines("", data, []))
    fitting = [value for value in data if _fits(value, returns)]
    if fitting:
        return Delivered(fitting[-1])
    try:
        return Delivered(parse_json_reply(text, returns))
    except ModelReplyInvalid as invalid:
        return Refused(f"Its result is not of the type that was asked for: {invalid.message}"[:MAX_TOLD], "invalid")


def words(message: Message, otherwise: str) -> str:
    """The words of a message, of bounded length."""
    found = _text([list(message.parts)]).strip()
    return found[:MAX_TOLD] if found else otherwise


def _text(pieces: Iterable[list[Part]]) -> str:
    """Parts that came together stand on lines of their own; what is appended goes on where the text was."""
    return "".join("\n".join(part.text for part in piece if part.HasField("text")) for piece in pieces)


def _lines(text: str, data: list[Json], files: list[str]) -> str:
    return "\n".join(filter(None, (text, *(json.dumps(value, ensure_ascii=False) for value in data), *files)))


def _file(part: Part) -> str:
    """A file by its name, kind and size, or where it lies."""
    where = part.url or f"{len(part.raw):,} bytes"
    return f"[{', '.join(filter(None, (part.filename or 'a file', part.media_type, where)))}]"


def _data(parts: Iterable[Part]) -> Iterator[Json]:
    for part in parts:
        if part.HasField("data"):
            yield whole(MessageToDict(part.data))
        elif part.HasField("raw") and part.media_type.partition(";")[0] == "application/json":
            try:
                yield json.loads(part.raw)
            except (ValueError, RecursionError):
                continue


def whole(value: Json) -> Json:
    """The value, with whole numbers for the floats that the protocol has made of them."""
    match value:
        case float() if value.is_integer() and abs(value) < _EXACT:
            return int(value)
        case list():
            return [whole(v) for v in value]
        case dict():
            return {k: whole(v) for k, v in value.items()}
        case _:
            return value


def _fits(value: Json, returns: JsonSchema) -> bool:
    try:
        return not misfit(value, returns)
    except BadSchema:
        return False
