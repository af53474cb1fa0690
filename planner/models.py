"""Models: which model plays which role in a run, on what terms."""

from __future__ import annotations

from dataclasses import dataclass

from planner.llm.function import ToolFunction
from planner.llm.port import Message, Model, ModelRequest
from planner.program import Step
from planner.tokens import count_messages, count_tools
from planner.toolspec import JsonSchema
from planner.usage import Usage
from planner.worst import ModelTerms, Terms


@dataclass(frozen=True)
class Role:
    """A model that can be asked, and the most that one call of it takes."""

    model: Model
    terms: ModelTerms

    def request(self, messages: tuple[Message, ...], schema: JsonSchema | None = None) -> ModelRequest:
        """A request within the role's terms."""
        return ModelRequest(
            model=self.terms.model, messages=messages, max_output_tokens=self.terms.max_output_tokens, response_schema=schema
        )

    def calling(
        self, messages: tuple[Message, ...], tools: tuple[ToolFunction, ...], *, may_call: bool = True, parallel: bool = True
    ) -> ModelRequest:
        """A request that offers functions."""
        offered = {"tools": tools, "may_call": may_call, "parallel_calls": parallel}
        return self.request(messages).model_copy(update=offered)

    def most(self, messages: tuple[Message, ...], tools: tuple[ToolFunction, ...] = ()) -> Usage:
        """The most that a call with these messages is billed; its input is known by now."""
        tokens, output = count_tools(tools) + count_messages(messages), self.terms.max_output_tokens
        return Usage(model_calls=1, input_tokens=tokens, output_tokens=output, usd=self.terms.usd(tokens, output))


@dataclass(frozen=True)
class Models:
    """The planner (strong) and the executor (cheap); None where none is configured."""

    planner: Role | None = None
    executor: Role | None = None

    def of(self, step: Step) -> Role | None:
        """The model that a step asks: the other one where only one is configured."""
        wanted, other = (self.planner, self.executor) if step.options.planner_model else (self.executor, self.planner)
        return wanted or other

    def terms(self, *, parallel: int) -> Terms:
        """What the checker may count on."""
        none = ModelTerms()
        planner = self.planner or self.executor
        executor = self.executor or self.planner
        return Terms(planner.terms if planner else none, executor.terms if executor else none, parallel)
