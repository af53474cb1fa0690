"""Cassette: what models answered, by the content of what they were asked, so that a suite runs again free and offline.

A file of JSON lines: `{"ask": digest, "model": …, "about": how the prompt ends, "reply": …}`. What is asked twice may have
two answers: they come in the order in which they were recorded, and the last one again and again.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from planner.errors import ModelMisconfigured
from planner.llm.port import Model, ModelReply, ModelRequest, Piece
from planner.models import Models, Role
from planner.toolspec import digest
from planner.worst import ModelTerms
from planrail.evals.suite import SuiteError

_ABOUT = 120
_TERMS = TypeAdapter(ModelTerms)


def content_of(request: ModelRequest) -> str:
    """The digest of what is asked: everything but how long one waits for the answer."""
    return digest(request.model_dump(mode="json", exclude={"timeout_s"}))


@dataclass
class Cassette:
    """The answers of one file, and the terms of the models that gave them."""

    path: Path
    terms: dict[str, ModelTerms] = field(default_factory=dict)  # by role
    replies: dict[str, list[ModelReply]] = field(default_factory=lambda: defaultdict(list))
    _given: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _begun: bool = False  # the file has been written to
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def read(cls, path: Path) -> Cassette:
        """What is recorded there; raises SuiteError."""
        cassette = cls(path)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SuiteError(f"The cassette {path} cannot be read: {error}.", hint="Record it with --record.") from error
        for number, line in enumerate(lines, 1):
            try:
                cassette._take(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                if number < len(lines):  # the last line of a recording that was killed may be half of one
                    raise SuiteError(f"{path}, line {number}: this is no answer of a model.", hint="Record it anew.") from None
        return cassette

    def _take(self, entry: dict[str, Any]) -> None:
        if "terms" in entry:
            self.terms = {role: _TERMS.validate_python(of) for role, of in entry["terms"].items()}
        else:
            self.replies[entry["ask"]].append(ModelReply.model_validate(entry["reply"]))

    def recording(self, models: Models) -> Models:
        """The models, each answer of which is written down as it comes; what the file had is gone."""
        roles = {name: role for name, role in (("planner", models.planner), ("executor", models.executor)) if role is not None}
        self.terms = {name: role.terms for name, role in roles.items()}
        head = {"terms": {name: _TERMS.dump_python(terms, mode="json") for name, terms in self.terms.items()}}
        if not self._begun:
            self._begun = True
            try:
                self.path.write_text(json.dumps(head) + "\n", encoding="utf-8")
            except OSError as error:
                raise SuiteError(f"The cassette {self.path} cannot be written: {error.strerror}.") from error
        taped = {name: Role(_Recorder(role.model, self), role.terms) for name, role in roles.items()}
        return Models(taped.get("planner"), taped.get("executor"))

    def playing(self, models: Models) -> Models:
        """The recorded answers in the models' place; nothing is asked of anybody."""
        played = {name: Role(_Player(self), terms) for name, terms in self.terms.items()}
        return Models(played.get("planner"), played.get("executor"))

    def keep(self, request: ModelRequest, reply: ModelReply) -> None:
        """Write one answer down."""
        entry = {
            "ask": content_of(request),
            "model": request.model,
            "about": _about(request),
            "reply": reply.model_dump(mode="json"),
        }
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def next(self, request: ModelRequest) -> ModelReply:
        """The recorded answer; raises ModelMisconfigured where there is none."""
        ask = content_of(request)
        with self._lock:
            known = self.replies.get(ask, [])
            number = self._given[ask]
            self._given[ask] += 1
        if not known:
            raise ModelMisconfigured(
                f"{self.path.name} has no answer of {request.model} to a prompt that ends with {_about(request)!r}.",
                hint="The prompt, a tool or the goal is another one than when it was recorded: record anew with --record.",
            )
        return known[min(number, len(known) - 1)]


@dataclass(frozen=True)
class _Recorder:
    """A model that is listened to."""

    model: Model
    cassette: Cassette

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        async with aclosing(self.model.stream(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, ModelReply):
                    await asyncio.to_thread(self.cassette.keep, request, piece)
                yield piece


@dataclass(frozen=True)
class _Player:
    """Gives recorded answers, whole."""

    cassette: Cassette

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        reply = self.cassette.next(request)
        if reply.text:
            yield reply.text
        yield reply


def _about(request: ModelRequest) -> str:
    return request.messages[-1].content[-_ABOUT:] if request.messages else ""
