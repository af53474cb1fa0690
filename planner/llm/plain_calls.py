"""Plain calls: function calling for endpoints that have none. The tools are told in the prompt, and calls are JSON."""

from __future__ import annotations

from planner.llm.function import ToolCall, call_text, compact, functions_text
from planner.llm.json_reply import ModelReplyInvalid, parse_json_reply
from planner.llm.port import Message, ModelRequest

_SCHEMA = {
    "type": "object",
    "properties": {
        "calls": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "arguments": {"type": "object"}},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["calls"],
    "additionalProperties": False,
}


def plainly(request: ModelRequest) -> ModelRequest:
    """The same request without functions: the tools stand at the end of the system prompt, what they gave in user turns."""
    system, rest = "", request.messages
    if rest and rest[0].role == "system":
        system, rest = rest[0].content, rest[1:]
    told = "\n\n".join(part for part in (system, _demand(request)) if part)
    messages = (Message(role="system", content=told), *(_plain(m) for m in rest))
    return request.model_copy(update={"messages": messages, "tools": ()})


def _demand(request: ModelRequest) -> str:
    some = "one or more calls" if request.parallel_calls else "one call"
    how = f'To call tools answer with {some}, as {{"calls":[{{"name":"…","arguments":{{…}}}}]}} and nothing else.'
    return f"Tools: {functions_text(request.tools)}\n{how if request.may_call else 'They are not to be called any more.'}"


def _plain(message: Message) -> Message:
    if message.role == "tool":
        return Message(role="user", content=f"Output of call {message.call_id}: {message.content}")
    if message.calls:
        calls = ",".join(call_text(c) for c in message.calls)
        return Message(role="assistant", content=f'{message.content}{{"calls":[{calls}]}}')
    return message


def plain_calls(text: str, turn: int) -> tuple[ToolCall, ...]:
    """The calls that a reply is; none where it is an answer. `turn` makes their ids one of a kind."""
    try:
        found = parse_json_reply(text, _SCHEMA)
    except ModelReplyInvalid:
        return ()
    return tuple(
        ToolCall(id=f"call_{turn}_{number}", name=call["name"], arguments=compact(call["arguments"]))
        for number, call in enumerate(found["calls"])
    )
