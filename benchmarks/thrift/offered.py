"""Offered: our workloads' tools as LangChain offers them to a model."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from langchain_core.tools import StructuredTool

from benchmarks.thrift.form import Form
from benchmarks.thrift.perfect import ERROR
from benchmarks.thrift.workloads import FUNCTIONS
from executor.tool import ToolFailed


def offered(form: Form) -> list[StructuredTool]:
    """The tools of a goal; what fails is told to the model."""
    return [_offered(name.replace(".", "_")) for name in form.tools.specs]


def _offered(name: str) -> StructuredTool:
    function: Callable[..., Coroutine[Any, Any, Any]] = FUNCTIONS[name]

    async def called(**arguments: Any) -> str:
        return told(await function(**arguments))

    described = StructuredTool.from_function(coroutine=function, name=name, description=function.__doc__ or "")
    return StructuredTool(name=name, description=described.description, args_schema=described.args_schema, coroutine=called)


def told(output: Any) -> str:
    """An output as a model reads it."""
    return f"{ERROR}{output.message}" if isinstance(output, ToolFailed) else str(output.model_dump_json())
