"""Tables are read, related and written without loss, in lists or handles."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.artifacts import MemoryArtifacts
from executor.builtin.aggregate import total
from executor.builtin.csv_text import number
from executor.builtin.data import data_tools
from executor.builtin.tables import MAX_INLINE_ROWS, TABLE_TYPE
from executor.call import call_tool
from executor.tool import ToolContext, ToolDone, ToolFailed
from planner.toolspec import Json

TOOLS = data_tools()


def context() -> ToolContext:
    return ToolContext(key="k", artifacts=MemoryArtifacts())


async def give(name: str, in_context: ToolContext | None = None, /, **arguments: Json) -> Any:
    result = await call_tool(TOOLS[f"data.{name}"], arguments, in_context or context())
    assert isinstance(result, ToolDone), result
    return result.value


async def fail(name: str, **arguments: Json) -> ToolFailed:
    result = await call_tool(TOOLS[f"data.{name}"], arguments, context())
    assert isinstance(result, ToolFailed)
    return result


def test_all_are_pure_reads_that_stay_in_the_house_and_declare_no_labels() -> None:
    for spec in TOOLS.specs.values():
        assert (spec.effect, spec.open_world, dict(spec.labels)) == ("read", False, {})


async def test_csv_with_bom_semicolons_and_quoted_newlines() -> None:
    read = await give("read_csv", text='\ufeffname;note\r\n"Ärger; & Co";"two\r\nlines"\r\nB;"say ""hi"""\r\n')
    assert read == {
        "rows": [{"name": "Ärger; & Co", "note": "two\r\nlines"}, {"name": "B", "note": 'say "hi"'}],
        "columns": ["name", "note"],
        "count": 2,
        "rejected": [],
    }


async def test_ragged_rows_are_reported_with_line_reason_and_text() -> None:
    read = await give("read_csv", text='a,b\n1,2\n3\n\n4,5,6\n7,8,,\n"9"x,1\n10,11\n"open,1\n')
    assert read["rows"] == [{"a": "1", "b": "2"}, {"a": "7", "b": "8"}, {"a": "10", "b": "11"}]
    assert read["rejected"] == [
        {"line": 3, "reason": "1 cells under 2 columns", "text": "3\n"},
        {"line": 5, "reason": "3 cells under 2 columns", "text": "4,5,6\n"},
        {"line": 7, "reason": "',' expected after '\"'", "text": '"9"x,1\n'},
        {"line": 9, "reason": "unexpected end of data", "text": '"open,1\n'},
    ]


async def test_numbers_stay_text_unless_asked_for_and_then_by_column() -> None:
    text = "zip;amount;mixed;empty;id\n01234;1,5;1;;12345678901234567890\n99999;-2;x;;1\n10000;;3;;2\n"
    plain = await give("read_csv", text=text)
    assert plain["rows"][0] == {"zip": "01234", "amount": "1,5", "mixed": "1", "empty": "", "id": "12345678901234567890"}
    read = await give("read_csv", text=text, numbers=True)
    assert [row["zip"] for row in read["rows"]] == ["01234", "99999", "10000"]
    assert [row["amount"] for row in read["rows"]] == [1.5, -2, None]
    assert [row["mixed"] for row in read["rows"]] == ["1", "x", "3"]
    assert [row["id"] for row in read["rows"]] == ["12345678901234567890", "1", "2"]


async def test_columns_get_names_that_are_there_and_differ() -> None:
    read = await give("read_csv", text="sep=|\nname|name||x\n1|2|3|4\n")
    assert read["rows"] == [{"name": "1", "name_2": "2", "column_3": "3", "x": "4"}]


async def test_a_handle_is_read_in_its_encoding() -> None:
    here = context()
    handle = here.artifacts.put("näme\nö\n".encode("cp1252"), media_type="text/csv").handle()
    assert (await give("read_csv", here, text=handle, encoding="cp1252"))["rows"] == [{"näme": "ö"}]
    refused = await call_tool(TOOLS["data.read_csv"], {"text": handle}, here)
    assert refused == ToolFailed("The bytes are not utf-8; say another `encoding`.", "invalid")


async def test_no_text_is_an_empty_table() -> None:
    assert await give("read_csv", text="") == {"rows": [], "columns": [], "count": 0, "rejected": []}


async def test_a_long_table_is_a_handle_that_tools_see_through_and_that_pages() -> None:
    here = context()
    text = "n,g\n" + "".join(f"{n},{n % 2}\n" for n in range(MAX_INLINE_ROWS + 1))
    rows = (await give("read_csv", here, text=text, numbers=True))["rows"]
    assert (rows["media_type"], rows["rows"]) == (TABLE_TYPE, 501)
    assert await give("count", here, rows=rows) == 501
    assert await give("rows", here, handle=rows, offset=499, limit=5) == [{"n": 499, "g": 1}, {"n": 500, "g": 0}]
    few = await give("select", here, rows=rows, where={"g": 1}, sort_by="-n", limit=1, columns=["n"])
    assert few["rows"] == 1
    assert await give("rows", here, handle=few) == [{"n": 499}]


async def test_exactly_the_limit_travels_as_a_list() -> None:
    rows = [{"n": n} for n in range(MAX_INLINE_ROWS)]
    assert await give("select", rows=rows) == rows


async def test_json_lists_and_lines_are_read_and_what_is_no_object_is_rejected() -> None:
    from_list = await give("read_json", text='\ufeff[{"a": 1}, 2, {"b": null}]')
    assert from_list["rows"] == [{"a": 1}, {"b": None}]
    assert from_list["columns"] == ["a", "b"]
    assert from_list["rejected"] == [{"line": 2, "reason": "no object", "text": "2"}]
    from_lines = await give("read_json", text='{"a": 1}\n\nnope\n{"a": NaN}\n[1]\n')
    assert from_lines["rows"] == [{"a": 1}]
    assert [r["reason"] for r in from_lines["rejected"]] == ["not JSON", "not JSON", "no object"]
    assert (await fail("read_json", text="[1")).kind == "invalid"


LEFT = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": None, "name": "c"}]
RIGHT = [{"id": 1.0, "name": "x"}, {"id": 1, "name": "y"}, {"id": True, "name": "z"}, {"id": None, "name": "n"}]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("inner", []),
        ("left", [{"id": 2, "name": "b"}, {"id": None, "name": "c"}]),
        ("outer", [{"id": 2, "name": "b"}, {"id": None, "name": "c"}, {"id": True, "name": "z"}, {"id": None, "name": "n"}]),
    ],
)
async def test_joins_match_equal_values_and_never_null(how: str, expected: list[Json]) -> None:
    matched = [{"id": 1, "name": "a", "name_right": "x"}, {"id": 1, "name": "a", "name_right": "y"}]
    assert await give("join", left=LEFT, right=RIGHT, on="id", how=how) == matched + expected


async def test_a_join_on_differently_named_columns_keeps_both() -> None:
    joined = await give("join", left=[{"a": 1}], right=[{"b": 1, "c": 2}], on="a", right_on="b")
    assert joined == [{"a": 1, "b": 1, "c": 2}]


async def test_groups_aggregate_exactly_and_leave_nulls_out() -> None:
    rows = [{"g": "x", "v": 0.1, "w": "b"}, {"g": "x", "v": "0.2", "w": "a"}, {"g": "y", "v": 3}, {"g": "x", "v": None}]
    aggregates = {
        "n": "count", "known": "count v", "total": "sum v", "mean": "mean v", "low": "min w", "high": "max v",
        "first": "first w", "last": "last w", "kinds": "distinct w", "middle": "median v",
    }  # fmt: skip
    grouped = await give("group", rows=rows, by=["g"], aggregates=aggregates)
    assert grouped == [
        {"g": "x", "n": 3, "known": 2, "total": 0.3, "mean": 0.15, "low": "a", "high": 0.2,
         "first": "b", "last": "a", "kinds": 2, "middle": 0.15},
        {"g": "y", "n": 1, "known": 1, "total": 3, "mean": 3, "low": None, "high": 3,
         "first": None, "last": None, "kinds": 0, "middle": 3},
    ]  # fmt: skip


async def test_an_aggregate_that_is_none_and_a_value_that_is_no_number_are_named() -> None:
    assert "`average v` is no aggregate" in (await fail("group", rows=[], by=[], aggregates={"a": "average v"})).message
    failed = await fail("group", rows=[{"v": "n/a"}], by=[], aggregates={"a": "sum v"})
    assert failed == ToolFailed("`v` holds 'n/a', which is no number.", "invalid")
    assert (await fail("statistics", rows=[{"v": True}], column="v")).message == "`v` holds 'True', which is no number."


async def test_statistics_of_a_column() -> None:
    rows = [{"v": 1}, {"v": 2.5}, {"v": None}, {}, {"v": "4"}]
    assert await give("statistics", rows=rows, column="v") == {
        "count": 3, "sum": 7.5, "min": 1, "max": 4, "mean": 2.5, "median": 2.5,
    }  # fmt: skip
    assert (await give("statistics", rows=[], column="v"))["mean"] is None


async def test_sorting_puts_nulls_last_and_takes_mixed_types() -> None:
    rows = [{"v": v} for v in ("b", None, 2, "a", 1, [1])]
    up = await give("select", rows=rows, sort_by="v")
    down = await give("select", rows=rows, sort_by="-v")
    assert [r["v"] for r in up] == [1, 2, "a", "b", [1], None]
    assert [r["v"] for r in down] == [[1], "b", "a", 2, 1, None]


async def test_where_tells_one_from_true() -> None:
    rows = [{"v": 1}, {"v": True}, {"v": 1.0}, {}]
    assert await give("select", rows=rows, where={"v": True}) == [{"v": True}]
    assert await give("select", rows=rows, where={"v": 1}) == [{"v": 1}, {"v": 1.0}]
    assert await give("select", rows=rows, where={"v": None}) == [{}]


async def test_tables_are_written_as_csv_and_json() -> None:
    rows = [{"a": 1, "b": "x;y"}, {"a": None, "c": [True]}]
    assert await give("to_csv", rows=rows, delimiter=";") == 'a;b;c\r\n1;"x;y";\r\n;;[true]\r\n'
    assert await give("to_json", rows=rows) == '[{"a": 1, "b": "x;y"}, {"a": null, "c": [true]}]'


async def test_long_text_is_a_handle() -> None:
    written = await give("to_csv", rows=[{"a": "x" * 1000}] * 100)
    assert written["media_type"] == "text/csv"


async def test_handles_that_are_no_table_say_so() -> None:
    here = context()
    csv_handle = here.artifacts.put(b"a\n1\n", media_type="text/csv").handle()
    broken = here.artifacts.put(b'{"a":1}\n[]\n', media_type=TABLE_TYPE).handle()
    gone = {"$artifact": "0" * 64, "media_type": TABLE_TYPE, "size": 1}
    messages = []
    for handle in (csv_handle, broken, gone):
        result = await call_tool(TOOLS["data.count"], {"rows": handle}, here)
        assert isinstance(result, ToolFailed)
        messages.append(result.message)
    assert messages == [
        "The handle is text/csv, no table; data.read_csv or data.read_json make one of it.",
        "The handle is no table: line 2 is no object.",
        "No artifact has the hash 000000000000….",
    ]


@pytest.mark.parametrize("size", [5_000_000, pytest.param(100_000_000, marks=pytest.mark.proof)])
async def test_megabytes_of_csv_are_read_in_bounded_time(size: int) -> None:
    here = context()
    line = b"some name,12.5," + b"x" * 80 + b"\n"
    lines = size // len(line)
    handle = here.artifacts.put(b"name,amount,note\n" + line * lines, media_type="text/csv").handle()
    started = time.monotonic()
    read = await give("read_csv", here, text=handle)
    assert (read["count"], read["rejected"]) == (lines, [])
    assert time.monotonic() - started < 60


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.text("abcäß_", min_size=1, max_size=4), min_size=2, max_size=4, unique=True),
    cells=st.lists(st.lists(CELLS, min_size=4, max_size=4), max_size=6),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
async def test_csv_makes_the_round_trip(names: list[str], cells: list[list[str]], delimiter: str) -> None:
    rows = [dict(zip(names, row, strict=False)) for row in cells]
    text = await give("to_csv", rows=rows, delimiter=delimiter)
    assert (await give("read_csv", text=text))["rows"] == rows
    if rows:
        independent = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        assert independent[1:] == [list(r.values()) for r in rows]


@given(st.integers(-(10**15) + 1, 10**15 - 1) | st.decimals(-1000, 1000, places=3).map(float))
def test_a_number_written_is_the_number_read(value: float) -> None:
    assert number(str(value)) == value


@given(st.lists(st.integers(-(10**6), 10**6), max_size=30))
def test_a_sum_of_cents_is_exact(cents: list[int]) -> None:
    assert total([c / 100 for c in cents]) == sum(cents) / 100
