"""Planrail over MCP, seen through the official client: the same for both eras of the protocol."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from mcp.shared.exceptions import MCPError

from executor.errors import NotAnswerable
from executor.submission import Principal, Submission
from mcp_server.door import DoorTerms
from mcp_server.offer import tokens_of
from mcp_server.teaching import PLAN_LANGUAGE
from planner.tokens import count_tokens
from tests.mcp_server.doors import ERAS, LOCAL, MODEL, client_of, opened, text_of

GOAL = "List the gym leads in Austin"
ASKS = 'who = ask_user("Who are you?", returns=str)\nanswer(f"Hello {who}")'
APPROVES = 'approve("save a score")\nsaved = crm.save_score(id=8, score=50)\nanswer(saved.score)'
LONG = 'wait("1h")\nanswer("late")'
HASTY = DoorTerms(wait_s=0.2)
ALL = DoorTerms(tools_tokens=100_000, effects=frozenset(("*",)))

pytestmark = pytest.mark.parametrize("era", ERAS)


async def test_a_client_sees_few_tools_each_with_its_hints_and_schemas_within_a_budget(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path) as door, client_of(door, era) as c:
        tools = (await c.client.list_tools()).tools
        again = (await c.client.list_tools()).tools
    assert [t.name for t in tools[:3]] == ["run_goal", "plan_goal", "run_plan"]
    assert [t.name for t in tools] == [t.name for t in again]
    assert sum(tokens_of(o) for o in door.offers().values()) <= door.door.terms.tools_tokens
    assert count_tokens(PLAN_LANGUAGE) < 400
    for tool in tools:
        Draft202012Validator.check_schema(tool.input_schema)
        hints = tool.annotations
        assert tool.title
        assert hints is not None
        assert None not in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)


async def test_a_goal_is_run_with_progress_and_its_answer_is_told_once(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path) as door, client_of(door, era) as c:
        result = await c.call("run_goal", goal=GOAL)
    told = result.structured_content
    assert (told["status"], told["next"], told["tool_calls"]) == ("done", "nothing", 1)
    whole = json.dumps(told["answer"], ensure_ascii=False)
    assert whole not in text_of(result)
    assert c.progress == sorted(c.progress, key=lambda p: p[0])


async def test_the_clients_own_model_writes_the_plan_and_is_told_what_is_wrong_with_it(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path) as door, client_of(door, era) as c:
        await c.client.list_tools()  # from here on the client holds results against their schemas
        refused = await c.call("run_plan", script="lead = crm.get_leed(id=8)\nanswer(lead.name)")
        dry = await c.call("run_plan", script="lead = crm.get_lead(id=8)\nanswer(lead.name)", dry=True)
        done = await c.call("run_plan", script="lead = crm.get_lead(id=8)\nanswer(lead.name)")
        runs = await c.run("list_runs")
    assert refused.is_error
    assert "1:8" in text_of(refused)
    assert "Nearest: crm.get_lead" in text_of(refused)
    assert dry.structured_content["worst_case"]["calls"] == 1
    assert "Cedar Family Dentistry" in text_of(done)
    assert "answer" not in done.structured_content
    assert len(runs["runs"]) == 1


async def test_an_unknown_tool_is_a_protocol_error_and_wrong_arguments_are_the_tools(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path) as door, client_of(door, era) as c:
        with pytest.raises(MCPError) as unknown:
            await c.call("run_gaol", goal="x")
        wrong = await c.call("run_goal", gaol="x")
        missing = await c.call("get_run", run_id="nosuchrun")
    assert unknown.value.code == -32602
    assert wrong.is_error
    assert "gaol" in text_of(wrong)
    assert "There is no run nosuchrun" in text_of(missing)


async def test_a_person_in_front_of_the_client_approves_and_is_shown_what(tmp_path: Path, era: str) -> None:
    shown: list[str] = []

    def person(question: str) -> dict[str, bool]:
        shown.append(question)
        return {"answer": True}

    async with opened(tmp_path) as door, client_of(door, era, person) as c:
        done = await c.call("run_plan", script=APPROVES)
    assert (done.structured_content["status"], done.structured_content["answer"]) == ("done", 50)
    assert len(shown) == 1
    assert "crm.save_score" in shown[0]


async def test_a_person_who_declines_ends_the_run(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path) as door, client_of(door, era, lambda _: "decline") as c:
        refused = await c.run("run_plan", script=APPROVES)
    assert refused["status"] == "failed"


async def test_the_model_answers_what_is_asked_of_its_user_and_never_an_approval(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path) as door, client_of(door, era) as c:
        asked = await c.run("run_plan", script=ASKS)
        question = asked["questions"][0]
        done = await c.call("answer_run", run_id=asked["run_id"], question=question["id"], answer="Ann")
        approval = await c.run("run_plan", script=APPROVES)
        tried = await c.call("answer_run", run_id=approval["run_id"], question="approve", answer=True)
        with pytest.raises(NotAnswerable):
            await door.door.house.runs.answer(approval["run_id"], MODEL, True)
        still = await c.run("get_run", run_id=approval["run_id"])
    assert (question["answered_by"], approval["questions"][0]["answered_by"]) == ("you", "a person")
    assert "Hello Ann" in text_of(done)
    assert tried.is_error
    assert still["status"] == "waiting"


async def test_who_asks_again_gets_the_run_that_is_under_way_and_a_key_finds_it_always(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path, HASTY) as door, client_of(door, era) as c:
        first, second = [await c.run("run_plan", script=LONG) for _ in range(2)]
        await c.run("cancel_run", run_id=first["run_id"])
        third = await c.run("run_plan", script=LONG)
        done, again = [await c.run("run_goal", goal=GOAL, key="k") for _ in range(2)]
        other = await c.call("run_goal", goal="List the law leads in Austin", key="k")
    assert first["run_id"] == second["run_id"] != third["run_id"]
    assert done["run_id"] == again["run_id"]
    assert other.is_error


async def test_a_request_that_is_cancelled_only_detaches(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path) as door, client_of(door, era) as c:
        request = asyncio.create_task(c.call("run_plan", script=LONG))
        async for _ in door.door.house.journal.changes():
            if (found := await door.door.house.runs.find(LOCAL)) and found[0].status == "waiting":
                break
        request.cancel()
        await asyncio.wait((request,))
        still = await c.run("get_run", run_id=found[0].id)
    assert still["status"] == "waiting"


async def test_runs_plans_playbooks_and_their_ids_have_addresses(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path) as door, client_of(door, era) as c:
        run = (await c.run("run_goal", goal=GOAL))["run_id"]
        listed = {str(r.uri) for r in (await c.client.list_resources()).resources}
        view = json.loads((await c.client.read_resource(f"run://{run}")).contents[0].text)  # type: ignore[union-attr]  # a text
        events = json.loads((await c.client.read_resource(f"run://{run}/events")).contents[0].text)  # type: ignore[union-attr]
        plan = (await c.client.read_resource(f"plan://{run}")).contents[0].text  # type: ignore[union-attr]
        stranger = await door.door.house.runs.submit(Submission(script="answer(1)", principal=Principal(id="eve")))
        for uri in (f"run://{stranger.id}", "run://nosuch", "plan://", "file:///etc/passwd"):
            with pytest.raises(MCPError) as missing:
                await c.client.read_resource(uri)
            assert missing.value.code == -32602
    assert {f"run://{run}", "playbook://lead_list"} <= listed
    assert (view["status"], events[0]["event"]["type"], events[-1]["event"]["type"]) == ("done", "run_submitted", "run_ended")
    assert "crm.find_leads" in plan


async def test_each_playbook_is_a_prompt_and_one_prompt_teaches_the_language(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path) as door, client_of(door, era) as c:
        names = [p.name for p in (await c.client.list_prompts()).prompts]
        book = await c.client.get_prompt("lead_list", {"vertical": "gym", "city": "Austin"})
        write = await c.client.get_prompt("write_a_plan", {"goal": "Count the gyms"})
        with pytest.raises(MCPError):
            await c.client.get_prompt("lead_list", {"city": "Austin"})
    assert {"lead_generation", "lead_list", "rescore_list", "write_a_plan"} <= set(names)
    assert len(names) == len(set(names))
    assert "gym leads in Austin" in book.messages[0].content.text  # type: ignore[union-attr]  # a text
    assert "crm.find_leads(" in write.messages[0].content.text  # type: ignore[union-attr]


async def test_reads_are_called_and_effects_are_runs_where_the_configuration_says_so(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path, ALL) as door, client_of(door, era) as c:
        leads = await c.call("crm_find_leads", vertical="gym", city="Austin", limit=2)
        note = await c.run("crm_add_note", lead_id=8, text="called")
        kept = await c.run("crm_get_lead", id=8)
        runs = await c.run("list_runs")
    async with opened(tmp_path, DoorTerms(tools_tokens=100_000)) as door, client_of(door, era) as c:
        offered = {t.name for t in (await c.client.list_tools()).tools}
    assert len(leads.structured_content["items"]) == 2
    assert "Austin" not in text_of(leads)
    assert note["status"] == "done"
    assert kept["notes"] == ["called"]
    assert len(runs["runs"]) == 1
    assert {"crm_find_leads", "crm_add_note"} & offered == {"crm_find_leads"}


async def test_too_many_tools_are_searched_described_and_called_by_name(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path, DoorTerms(tools_tokens=2_500)) as door, client_of(door, era) as c:
        names = [t.name for t in (await c.client.list_tools()).tools]
        found = await c.run("search_tools", query="leads of a city")
        told = await c.run("describe_tool", name="crm_find_leads")
        called = await c.run("call_tool", name="crm_find_leads", arguments={"vertical": "gym", "city": "Austin", "limit": 1})
        wrong = await c.call("call_tool", name="crm_find_leads", arguments={"city": 7})
    assert names[-3:] == ["search_tools", "describe_tool", "call_tool"]
    assert found["tools"][0]["name"] == "crm_find_leads"
    assert "vertical" in told["input_schema"]["properties"]
    assert len(called["items"]) == 1
    assert wrong.is_error


async def test_an_answer_that_is_too_long_for_a_client_is_cut_and_linked(tmp_path: Path, era: str) -> None:
    async with opened(tmp_path) as door, client_of(door, era) as c:
        result = await c.call("run_plan", script='answer([f"line {i} of many, many words" for i in range(9000)])')
    assert [b.type for b in result.content] == ["text", "resource_link"]
    assert count_tokens(text_of(result)) < 25_000
    assert "answer" not in result.structured_content
