"""The pack `gtm`, called as plans call it: by name, through the toolset, over a real database file."""

from __future__ import annotations

import asyncio
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, create_engine, event, func, inspect, select

from executor.call import call_tool, probe_tool
from executor.pack import PackHost, load_packs
from executor.tool import ToolContext, ToolDone, ToolFailed, ToolResult
from executor.toolset import Toolset
from packs.gtm import pack, tables
from packs.gtm.businesses import FILE, businesses
from packs.gtm.score import fit

PLAYBOOKS = sorted((Path(FILE).parents[1] / "playbooks").glob("*.plan"))
SEED_ONCE = """
import sys
from pathlib import Path
from sqlalchemy import create_engine
from executor.pack import PackHost
from packs.gtm import pack
tools = pack(PackHost(create_engine(sys.argv[1]), Path("."))).tools
print("ready", flush=True)
sys.stdin.readline()
print(len(tools["crm.list_leads"].function(limit=100).items))
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'planrail.db'}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA journal_mode=WAL"))
    yield engine
    engine.dispose()


@pytest.fixture
def tools(engine: Engine, tmp_path: Path) -> Toolset:
    return pack(PackHost(engine, tmp_path)).tools


async def call(tools: Toolset, name: str, /, *, key: str = "a key", **arguments: Any) -> ToolResult:
    return await call_tool(tools[name], arguments, ToolContext(key=key))


async def done(tools: Toolset, name: str, /, *, key: str = "a key", **arguments: Any) -> Any:
    result = await call(tools, name, key=key, **arguments)
    assert isinstance(result, ToolDone), result
    return result.value


async def failure(tools: Toolset, name: str, /, *, key: str = "a key", **arguments: Any) -> str:
    result = await call(tools, name, key=key, **arguments)
    assert isinstance(result, ToolFailed), result
    return result.kind


def rows(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


A_MAIL: dict[str, Any] = {"lead_id": 1, "to": "ben@cedar.example", "subject": "Hello", "body": "A line."}
A_LEAD: dict[str, Any] = {"name": "Cedar Dental", "vertical": "dental", "city": "Austin", "email": "ben@cedar.example"}
EFFECTS: dict[str, dict[str, Any]] = {
    "crm.save_score": {"id": 1, "score": 80},
    "crm.upsert_lead": A_LEAD,
    "crm.add_note": {"lead_id": 1, "text": "Call on Monday."},
    "mail.draft": A_MAIL,
    "mail.send": {"draft_id": 1},
}
TABLE = {"crm.save_score": tables.score, "crm.upsert_lead": tables.lead, "crm.add_note": tables.note}


# ── the pack


def test_the_installed_pack_is_found_and_leaves_the_database_alone(tmp_path: Path) -> None:
    file = tmp_path / "planrail.db"
    (gtm,) = load_packs(PackHost(create_engine(f"sqlite:///{file}"), tmp_path), only=["gtm"])
    assert (gtm.name, {spec.namespace for spec in gtm.tools.specs.values()}) == ("gtm", {"crm", "mail"})
    assert not file.exists()


def test_the_shipped_businesses_are_what_their_script_makes() -> None:
    made = runpy.run_path(str(FILE.with_name("make_businesses.py")))
    assert made["as_json"](made["make_businesses"](made["SEED"])) == FILE.read_text("utf-8")


def test_the_shipped_businesses_can_reach_nobody() -> None:
    for b in businesses():
        assert b.email.endswith(".example")
        assert b.website.endswith(".example")
        assert re.search(r" 555-01\d\d$", b.phone)
        assert 3 <= b.rating <= 5
    dental = [b for b in businesses() if (b.vertical, b.city) == ("dental", "Austin")]
    assert len(dental) >= 14
    assert sum(b.rating >= 4.5 for b in dental) >= 8


# ── the sample data


async def test_threads_that_come_first_together_seed_once(tools: Toolset, engine: Engine) -> None:
    await asyncio.gather(*(done(tools, "crm.list_leads") for _ in range(8)))
    assert rows(engine, tables.lead) == len(businesses())


def test_processes_that_come_first_together_seed_once(url: str, engine: Engine) -> None:
    command = [sys.executable, "-c", SEED_ONCE, url]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in started] == ["100\n"] * 4
    assert rows(engine, tables.lead) == len(businesses())


async def test_a_later_process_does_not_bring_deleted_samples_back(tools: Toolset, engine: Engine, tmp_path: Path) -> None:
    await done(tools, "crm.list_leads")
    with engine.begin() as connection:
        connection.execute(tables.lead.delete())
    assert await done(pack(PackHost(engine, tmp_path)).tools, "crm.list_leads") == {"items": []}


# ── reads


async def test_leads_are_found_by_vertical_city_and_rating_best_first(tools: Toolset) -> None:
    asked: dict[str, Any] = {"vertical": "dental", "city": "austin", "min_rating": 4.5}
    found = await done(tools, "crm.find_leads", **asked)
    expected = sorted(
        (b for b in businesses() if (b.vertical, b.city) == ("dental", "Austin") and b.rating >= 4.5),
        key=lambda b: (-b.rating, -b.reviews),
    )
    assert [lead["name"] for lead in found["items"]] == [b.name for b in expected]
    assert (await done(tools, "crm.find_leads", **asked, limit=5))["items"] == found["items"][:5]


async def test_leads_are_listed_by_status(tools: Toolset) -> None:
    await done(tools, "crm.upsert_lead", **A_LEAD, status="won")
    won = await done(tools, "crm.list_leads", status="won")
    assert [lead["name"] for lead in won["items"]] == ["Cedar Dental"]


async def test_a_score_is_computed_from_the_row_and_saves_nothing(tools: Toolset, engine: Engine) -> None:
    lead = await done(tools, "crm.get_lead", id=1)
    scored = await done(tools, "crm.score_lead", id=1)
    score, reasons = fit(rating=lead["rating"], reviews=lead["reviews"], employees=lead["employees"])
    assert scored == {"id": 1, "name": lead["name"], "email": lead["email"], "score": score, "reasons": reasons}
    assert rows(engine, tables.score) == 0


def test_a_score_goes_from_0_to_100_and_is_the_sum_of_its_reasons() -> None:
    assert fit(rating=0, reviews=0, employees=0).score == 0
    assert fit(rating=5, reviews=500, employees=20).score == 100
    score, reasons = fit(rating=4.6, reviews=80, employees=4)
    assert score == sum(int(reason.rpartition(" ")[2]) for reason in reasons)


async def test_a_lead_is_enriched_from_the_directory(tools: Toolset) -> None:
    lead = await done(tools, "crm.get_lead", id=1)
    known = next(b for b in businesses() if b.name == lead["name"])
    assert await done(tools, "crm.enrich_lead", id=1) == {
        "id": 1,
        "employees": known.employees,
        "services": known.services,
        "hours": known.hours,
        "contact": known.contact,
        "summary": known.summary,
    }


async def test_of_a_lead_that_no_directory_lists_nothing_is_invented(tools: Toolset) -> None:
    lead = await done(tools, "crm.upsert_lead", **A_LEAD, employees=7)
    nothing = {"services": [], "hours": "", "contact": "", "summary": ""}
    assert await done(tools, "crm.enrich_lead", id=lead["id"]) == {"id": lead["id"], "employees": 7, **nothing}


# ── effects


async def test_a_lead_that_is_known_is_changed_and_keeps_what_is_left_out(tools: Toolset) -> None:
    first = await done(tools, "crm.upsert_lead", key="1", **A_LEAD, phone="(512) 555-0199", rating=4.5)
    second = await done(tools, "crm.upsert_lead", key="2", **{**A_LEAD, "email": "new@cedar.example"}, reviews=3)
    assert second == first | {"email": "new@cedar.example", "reviews": 3}


async def test_a_saved_score_tells_the_one_it_replaces(tools: Toolset) -> None:
    assert (await done(tools, "crm.save_score", key="1", id=1, score=60))["previous"] is None
    assert await done(tools, "crm.save_score", key="2", id=1, score=70) == {"id": 1, "score": 70, "previous": 60}
    assert (await done(tools, "crm.get_lead", id=1))["score"] == 70


async def test_notes_are_shown_newest_first(tools: Toolset) -> None:
    for text in ("first", "second"):
        await done(tools, "crm.add_note", key=text, lead_id=1, text=text)
    assert (await done(tools, "crm.get_lead", id=1))["notes"] == ["second", "first"]


async def test_a_draft_is_sent_once_and_its_lead_is_contacted(tools: Toolset) -> None:
    draft = await done(tools, "mail.draft", key="1", **A_MAIL)
    assert draft == {"id": 1, "status": "draft"}
    assert await done(tools, "mail.send", key="2", draft_id=1) == {"id": 1, "status": "sent", "to": A_MAIL["to"]}
    assert await failure(tools, "mail.send", key="3", draft_id=1) == "refused"
    assert (await done(tools, "crm.get_lead", id=1))["status"] == "contacted"
    assert await done(tools, "mail.list_outbox", status="draft") == {"items": []}


async def test_a_subject_is_one_line(tools: Toolset) -> None:
    await done(tools, "mail.draft", **{**A_MAIL, "subject": "Hello\r\nBcc: all@leads.example"})
    (mail,) = (await done(tools, "mail.list_outbox"))["items"]
    assert mail["subject"] == "Hello Bcc: all@leads.example"


@pytest.mark.parametrize("name", EFFECTS)
async def test_the_same_key_twice_is_one_effect_with_one_result(tools: Toolset, engine: Engine, name: str) -> None:
    await done(tools, "mail.draft", key="the draft to send", **A_MAIL)
    first = await done(tools, name, key="k", **EFFECTS[name])
    after = rows(engine, TABLE.get(name, tables.outbox))
    assert await done(tools, name, key="k", **EFFECTS[name]) == first
    assert rows(engine, TABLE.get(name, tables.outbox)) == after


async def test_the_same_key_at_the_same_time_is_one_effect(tools: Toolset, engine: Engine) -> None:
    results = await asyncio.gather(*(done(tools, "mail.draft", key="k", **A_MAIL) for _ in range(8)))
    assert results == [{"id": 1, "status": "draft"}] * 8
    assert rows(engine, tables.outbox) == 1


async def test_other_keys_are_other_effects_also_at_the_same_time(tools: Toolset, engine: Engine) -> None:
    results = await asyncio.gather(*(done(tools, "mail.draft", key=str(n), **A_MAIL) for n in range(16)))
    assert sorted(draft["id"] for draft in results) == list(range(1, 17))


@pytest.mark.parametrize("name", EFFECTS)
async def test_a_probe_tells_whether_a_call_took_effect(tools: Toolset, name: str) -> None:
    assert await probe_tool(tools[name], "k") is False
    await done(tools, "mail.draft", key="the draft to send", **A_MAIL)
    await done(tools, name, key="k", **EFFECTS[name])
    assert await probe_tool(tools[name], "k") is True


async def test_a_failed_effect_leaves_no_trace_so_that_its_key_may_try_again(tools: Toolset) -> None:
    assert await failure(tools, "mail.send", key="k", draft_id=1) == "not_found"
    assert await probe_tool(tools["mail.send"], "k") is False
    await done(tools, "mail.draft", key="the draft to send", **A_MAIL)
    assert (await done(tools, "mail.send", key="k", draft_id=1))["status"] == "sent"


async def test_a_key_of_another_tool_or_none_at_all_is_refused(tools: Toolset) -> None:
    await done(tools, "mail.draft", key="k", **A_MAIL)
    assert await failure(tools, "crm.add_note", key="k", lead_id=1, text="x") == "refused"
    assert await failure(tools, "crm.add_note", key="", lead_id=1, text="x") == "invalid"


async def test_a_busy_database_is_a_transient_failure(tools: Toolset, engine: Engine, tmp_path: Path) -> None:
    await done(tools, "crm.list_leads")
    impatient = create_engine(engine.url, connect_args={"timeout": 0})
    with engine.connect() as holder:
        holder.exec_driver_sql("BEGIN IMMEDIATE")
        assert await failure(pack(PackHost(impatient, tmp_path)).tools, "mail.draft", **A_MAIL) == "transient"
    impatient.dispose()


# ── contracts


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("crm.get_lead", {"id": 9999}),
        ("crm.enrich_lead", {"id": 9999}),
        ("crm.score_lead", {"id": 9999}),
        ("crm.save_score", {"id": 9999, "score": 1}),
        ("crm.add_note", {"lead_id": 9999, "text": "x"}),
        ("mail.draft", {**A_MAIL, "lead_id": 9999}),
        ("mail.send", {"draft_id": 9999}),
    ],
)
async def test_what_is_not_there_is_told_apart_from_other_failures(
    tools: Toolset, name: str, arguments: dict[str, Any]
) -> None:
    assert tools[name].spec.not_found
    assert await failure(tools, name, **arguments) == "not_found"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("crm.find_leads", {"vertical": "banks", "city": "Austin"}),
        ("crm.find_leads", {"vertical": "dental", "city": "https://x"}),
        ("crm.find_leads", {"vertical": "dental", "city": "Austin", "limit": 101}),
        ("crm.find_leads", {"vertical": "dental", "city": "Austin", "min_rating": 6}),
        ("crm.get_lead", {"id": 2**31}),
        ("crm.save_score", {"id": 1, "score": 101}),
        ("crm.upsert_lead", {**A_LEAD, "email": "not an address"}),
        ("crm.upsert_lead", {**A_LEAD, "name": "Cedar\x00Dental"}),
        ("mail.draft", {**A_MAIL, "to": "a@b.example, c@d.example"}),
        ("mail.draft", {**A_MAIL, "body": ""}),
    ],
)
async def test_a_bad_argument_is_refused_before_anything_runs(
    tools: Toolset, engine: Engine, name: str, arguments: dict[str, Any]
) -> None:
    assert await failure(tools, name, **arguments) == "invalid"
    assert inspect(engine).get_table_names() == []


def test_every_effect_honours_its_key_and_can_be_probed(tools: Toolset) -> None:
    effects = {name: spec for name, spec in tools.specs.items() if spec.has_effect}
    assert effects.keys() == EFFECTS.keys()
    assert all(spec.idempotent and spec.probed for spec in effects.values())
    assert [name for name, spec in effects.items() if spec.effect == "irreversible"] == ["mail.send"]
    assert [name for name, spec in effects.items() if spec.commutes] == ["crm.add_note", "mail.draft"]


def test_text_of_strangers_is_untrusted_and_our_records_are_trusted(tools: Toolset) -> None:
    untrusted = {
        (name, path) for name, spec in tools.specs.items() for path, trust in spec.labels.items() if trust == "untrusted"
    }
    assert untrusted == {
        ("crm.get_lead", "notes"),
        ("crm.enrich_lead", "summary"),
        ("mail.list_outbox", "items[].subject"),
        ("mail.list_outbox", "items[].body"),
    }
    assert all(spec.labels[""] == "trusted" for spec in tools.specs.values())


def test_what_the_records_vouch_for_later_is_a_sensitive_argument(tools: Toolset) -> None:
    sensitive = {name: set(spec.sensitive) for name, spec in tools.specs.items() if spec.sensitive}
    assert sensitive == {
        "crm.upsert_lead": {"name", "city", "email", "address", "phone", "website"},
        "mail.draft": {"to"},
    }


def test_every_list_has_a_bound_that_the_checker_can_see(tools: Toolset) -> None:
    for name in ("crm.find_leads", "crm.list_leads", "mail.list_outbox"):
        spec = tools[name].spec
        assert spec.output_schema is not None
        assert spec.output_schema["properties"]["items"]["maxItems"] == 100
        assert spec.bounds == {"items": "limit"}


# ── playbooks


@pytest.mark.parametrize("file", PLAYBOOKS, ids=lambda file: file.name)
def test_a_playbook_names_only_tools_slots_and_fallbacks_that_exist(tools: Toolset, file: Path) -> None:
    _, front, body = file.read_text("utf-8").split("---\n", 2)
    meta = yaml.safe_load(front)
    called = set(re.findall(r"\b(?:crm|mail)\.\w+(?=\()", body))
    assert called
    assert called <= tools.specs.keys()
    assert {name.partition(".")[0] for name in called} == set(meta["tools"])
    for goal in meta["goal"].splitlines():
        assert {"vertical", "city"} <= set(re.findall(r"{(\w+)}", goal)) <= meta["params"].keys()
    assert meta.get("fallback", file.name) in {other.name for other in PLAYBOOKS}


@pytest.mark.parametrize("file", PLAYBOOKS, ids=lambda file: file.name)
def test_a_playbook_takes_exactly_the_verticals_that_its_tools_take(tools: Toolset, file: Path) -> None:
    vertical = yaml.safe_load(file.read_text("utf-8").split("---\n")[1])["params"]["vertical"]
    schema = tools["crm.find_leads"].spec.input_schema
    assert [json.loads(member) for member in vertical.split(" | ")] == schema["properties"]["vertical"]["enum"]


def test_the_fallback_has_no_effects(tools: Toolset) -> None:
    body = next(file for file in PLAYBOOKS if file.name == "lead_list.plan").read_text("utf-8")
    called = re.findall(r"\b(?:crm|mail)\.\w+(?=\()", body)
    assert not any(tools[name].spec.has_effect for name in called)
