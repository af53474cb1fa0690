"""The scripted server as a process of its own, and the live suite, which passes against it as against a real model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

from planner.errors import ModelError, ModelMisconfigured
from planner.llm.openai import OpenAIModel
from planner.llm.port import Message, ModelRequest, complete
from tests.model_server import ModelServer, Reply, Rule, Script, by_rules

NUMBERS = "one, two, three, nineteen, twenty"
LIVE = {
    "rules": [
        {"match": "one to twenty", "replies": [{"text": NUMBERS}]},
        {"match": "Japan", "replies": [{"json": {"city": "Tokyo", "population_over_a_million": True}}]},
        {"match": "two hundred", "replies": [{"text": "one, two", "finish": "length"}]},
    ],
    "models": ["big", "small"],
}


def asking(question: str, model: str = "big") -> ModelRequest:
    return ModelRequest(model=model, messages=(Message(role="user", content=question),), timeout_s=10)


@contextmanager
def server_process(script: dict[str, object], folder: Path) -> Iterator[str]:
    file = folder / "script.json"
    file.write_text(json.dumps(script))
    command = [sys.executable, "-m", "tests.model_server", "--script", str(file), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@asynccontextmanager
async def model_at(url: str) -> AsyncIterator[OpenAIModel]:
    model = OpenAIModel(None, url)
    try:
        yield model
    finally:
        await model.aclose()


async def test_the_server_runs_beside_and_tells_what_it_was_asked(tmp_path: Path) -> None:
    with server_process(LIVE, tmp_path) as url:
        async with model_at(url) as model:
            reply = await complete(model, asking("Write the numbers from one to twenty."))
        async with httpx.AsyncClient() as client:
            models = (await client.get(f"{url}/models")).json()
            requests = (await client.get(f"{url.removesuffix('/v1')}/requests")).json()
    assert reply.text == NUMBERS
    assert [m["id"] for m in models["data"]] == ["big", "small"]
    assert [r["body"]["messages"][-1]["content"] for r in requests] == ["Write the numbers from one to twenty."]


async def test_rules_answer_in_order_and_their_last_reply_stays() -> None:
    rules = (
        Rule(match="hello", model="^small$", replies=(Reply(text="small hello"),)),
        Rule(match="hello", replies=(Reply(text="first"), Reply(text="then"))),
    )
    async with ModelServer(by_rules(rules)) as server, model_at(server.url) as model:
        texts = [(await complete(model, asking("hello", name))).text for name in ("big", "small", "big", "big")]
        with pytest.raises(ModelError, match="No reply is scripted for: 'goodbye'"):
            await complete(model, asking("goodbye"))
    assert texts == ["first", "small hello", "then", "then"]


async def test_a_model_that_is_not_listed_does_not_exist() -> None:
    async with ModelServer(script=Script(models=("big",))) as server, model_at(server.url) as model:
        with pytest.raises(ModelMisconfigured, match="`huge` does not exist"):
            await complete(model, asking("hello", "huge"))


async def test_a_client_that_does_not_stream_gets_a_whole_answer() -> None:
    async with ModelServer(by_rules((Rule(replies=(Reply(json={"n": 1}),)),))) as server, httpx.AsyncClient() as client:
        body = {"model": "big", "messages": [{"role": "user", "content": "hello"}]}
        answer = (await client.post(f"{server.url}/chat/completions", json=body)).json()
    assert answer["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": '{"n": 1}', "refusal": None}, "finish_reason": "stop"}
    ]
    assert answer["usage"] == {"prompt_tokens": 8, "completion_tokens": 6, "total_tokens": 14}


def test_the_live_suite_passes_against_a_model_that_behaves(tmp_path: Path) -> None:
    with server_process(LIVE, tmp_path) as url:
        done = live({"OPENAI_BASE_URL": url, "PLANRAIL_PLANNER_MODEL": "big", "PLANRAIL_EXECUTOR_MODEL": "small"})
    assert done.stdout.startswith("trying big, small at http://127.0.0.1:")
    assert "7 passed" in done.stdout
    assert done.returncode == 0


def test_the_live_suite_says_so_when_no_model_is_configured() -> None:
    done = live({})
    assert done.stdout.startswith("no model is configured: set PLANRAIL_PLANNER_MODEL or PLANRAIL_EXECUTOR_MODEL, and")
    assert done.returncode == 0


def live(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "PLANRAIL_", "PYTEST_"))}
    command = [
        sys.executable,
        "-m",
        "tests.live",
        "-p",
        "no:cacheprovider",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
    ]
    return subprocess.run(command, env=bare | settings, capture_output=True, text=True, timeout=120, check=False)
