"""Dialects: how a request is spelt for the many endpoints that call themselves OpenAI-compatible.

A call starts in the richest spelling; where the endpoint answers 400 and names what it does not know, the call is spelt again
without it. There are six such things, hence at most six repeats, once per model and process.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from planner.llm.plain_calls import plainly
from planner.llm.port import Message, ModelRequest
from planner.toolspec import JsonSchema

_MAX_NAME = 64
Parameters = dict[str, Any]  # the keywords of `chat.completions.create`: foreign by nature, hence untyped


@dataclass(frozen=True)
class Dialect:
    """What an endpoint understands."""

    schemas: bool = True  # response_format: json_schema; else the schema stands in the system prompt
    usage: bool = True  # stream_options: include_usage; else tokens are counted here
    newer_limit: bool = True  # max_completion_tokens (OpenAI's reasoning models demand it); else max_tokens
    temperature: bool = True  # else the model's own
    functions: bool = True  # tools; else they stand in the system prompt, and calls are JSON: planner.llm.plain_calls
    single_calls: bool = True  # parallel_tool_calls; else further calls are dropped, and nobody was told

    @classmethod
    def of(cls, base_url: str) -> Dialect:
        """The spelling to try first: most endpoints know only the older limit, and some drop the newer one silently."""
        return cls(newer_limit=urlsplit(base_url).hostname == "api.openai.com")

    def without(self, complaint: str, *, called: bool = False) -> Dialect | None:
        """The spelling that avoids what a 400's message complains of; None when it complains of something else.

        `called` says that the request offered functions.
        """
        text = complaint.lower()
        if self.schemas and any(word in text for word in ("response_format", "json_schema", "structured output")):
            return replace(self, schemas=False)
        if self.usage and any(word in text for word in ("stream_options", "include_usage")):
            return replace(self, usage=False)
        if called and self.single_calls and "parallel_tool_calls" in text:
            return replace(self, single_calls=False)
        if called and self.functions and any(word in text for word in ("tool", "function")):
            return replace(self, functions=False)
        if "max_tokens" in text or "max_completion_tokens" in text:
            return replace(self, newer_limit=not self.newer_limit)
        if self.temperature and "temperature" in text:
            return replace(self, temperature=False)
        return None

    def parameters(self, request: ModelRequest) -> Parameters:
        """The request in this spelling."""
        if request.tools and not self.functions:
            request = plainly(request)
        schema = request.response_schema
        native = schema is not None and self.schemas and schema.get("type") == "object"  # the only root that OpenAI takes
        spelt: Parameters = {"model": request.model, "messages": _messages(request, None if native else schema)}
        if request.tools:
            spelt |= self._functions(request)
        if native and schema is not None:
            spelt["response_format"] = _response_format(schema)
        if self.usage:
            spelt["stream_options"] = {"include_usage": True}
        spelt["max_completion_tokens" if self.newer_limit else "max_tokens"] = request.max_output_tokens
        if self.temperature and request.temperature is not None:
            spelt["temperature"] = request.temperature
        return spelt

    def _functions(self, request: ModelRequest) -> Parameters:
        functions = [t.model_copy(update={"name": spelt_name(t.name)}).model_dump() for t in request.tools]
        spelt: Parameters = {"tools": [{"type": "function", "function": f} for f in functions]}
        if not request.may_call:
            spelt["tool_choice"] = "none"
        elif not request.parallel_calls and self.single_calls:
            spelt["parallel_tool_calls"] = False
        return spelt


def spelt_name(name: str) -> str:
    """A tool's name as the API takes it: at most 64 letters, digits, hyphens and underscores.

    >>> spelt_name("crm.find_leads")
    'crm-find_leads'
    """
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    if len(plain) <= _MAX_NAME:
        return plain
    return f"{plain[: _MAX_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _message(message: Message) -> Parameters:
    spelt: Parameters = {"role": message.role, "content": message.content}
    if message.calls:
        spelt["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": spelt_name(c.name), "arguments": c.arguments}}
            for c in message.calls
        ]
    if message.role == "tool":
        spelt["tool_call_id"] = message.call_id
    return spelt


def _messages(request: ModelRequest, schema: JsonSchema | None) -> list[Parameters]:
    messages = [_message(m) for m in request.messages]
    if schema is None:
        return messages
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    demand = f"Answer with one JSON document and nothing else. It has to be valid against this JSON Schema:\n{text}"
    if messages and messages[0]["role"] == "system":
        return [{"role": "system", "content": f"{messages[0]['content']}\n\n{demand}"}, *messages[1:]]
    return [{"role": "system", "content": demand}, *messages]


def _response_format(schema: JsonSchema) -> Parameters:
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": _is_strict(schema)}}


def _is_strict(schema: Any) -> bool:
    """Whether OpenAI can promise this schema: every object closed, every property required.

    https://platform.openai.com/docs/guides/structured-outputs (supported schemas)
    """
    match schema:
        case dict():
            properties = schema.get("properties", {})
            if schema.get("type") == "object" and (
                schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties)
            ):
                return False
            return all(_is_strict(part) for part in schema.values())
        case list() | tuple():
            return all(_is_strict(part) for part in schema)
        case _:
            return True
