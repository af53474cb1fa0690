"""Text functions give what a reader would, in bounded time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from executor.artifacts import MemoryArtifacts
from executor.builtin.html_text import extracted
from executor.builtin.text import text_tools
from executor.call import call_tool
from executor.tool import ToolContext, ToolDone, ToolFailed
from planner.toolspec import Json

TOOLS = text_tools()
CONTEXT = ToolContext(key="k", artifacts=MemoryArtifacts())


async def give(name: str, **arguments: Json) -> Any:
    result = await call_tool(TOOLS[f"text.{name}"], arguments, CONTEXT)
    assert isinstance(result, ToolDone), result
    return result.value


async def test_html_becomes_text_title_and_links() -> None:
    html = """<!doctype html><html><head><title>A &amp; B</title><style>p {}</style></head><body>
      <h1>Head</h1><p>One <b>two</b>&nbsp;three<br>four</p><script>alert("<p>no</p>")</script><!-- <p>no</p> -->
      <ul><li><a href="/x?a=1&amp;b=2">The <i>x</i></a></li><li><a name="n">no link</a></ul></body></html>"""
    assert await give("extract_html", html=html) == {
        "title": "A & B",
        "text": "Head\n\nOne two three\nfour\n\nThe x\n\nno link",
        "links": [{"text": "The x", "url": "/x?a=1&b=2"}],
    }


async def test_html_may_be_a_handle() -> None:
    handle = CONTEXT.artifacts.put(b"<p>stored", media_type="text/html").handle()
    assert (await give("extract_html", html=handle))["text"] == "stored"


@pytest.mark.parametrize(
    "unit", ["<!--", "<![CDATA[", "<?", "<a ", '<a b="', "<script>", "&#", "<!x", "</", "<svg>", "<!-- x >", "<a href=x>"]
)
def test_broken_html_takes_no_more_than_linear_time(unit: str) -> None:
    started = time.process_time()
    for end in ("", ">", "-->"):
        extracted(unit * (300_000 // len(unit)) + end)
    assert time.process_time() - started < 10


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["<", ">", "!", "--", "[", "a", "/", '"', "=", "&", ";", "title", "script", " ", "x"])).map(
        "".join
    )
)
def test_no_html_raises(html: str) -> None:
    extracted(html)


@settings(deadline=None)
@given(st.text(alphabet="ab \n.ä", max_size=2_000), st.integers(100, 400))
async def test_chunks_are_short_and_together_the_text(text: str, size: int) -> None:
    chunks = await give("split_chunks", text=text, max_characters=size)
    assert "".join(chunks) == text
    assert all(0 < len(chunk) <= size for chunk in chunks)


async def test_chunks_end_at_paragraphs_where_they_can() -> None:
    text = "a" * 70 + "\n\n" + "b c " * 20
    assert (await give("split_chunks", text=text, max_characters=100))[0] == "a" * 70 + "\n\n"


async def test_a_diff_shows_what_changed() -> None:
    assert await give("diff", a="x\ny\n", b="x\nz\n") == "--- a\n+++ b\n@@ -1,2 +1,2 @@\n x\n-y\n+z"
    assert await give("diff", a="x", b="x") == ""


async def test_a_diff_of_too_many_lines_is_refused() -> None:
    result = await call_tool(TOOLS["text.diff"], {"a": "x\n" * 5_001, "b": ""}, CONTEXT)
    assert result == ToolFailed("A diff takes at most 5,000 lines of each text.", "invalid")


async def test_likeness_takes_case_order_and_punctuation_lightly() -> None:
    assert await give("similarity", a="Dr. Anna Müller", b="MÜLLER, anna dr") == 1
    assert await give("similarity", a="abc", b="xyz") == 0
    assert await give("similarity", a="", b="") == 1


@given(st.text(max_size=30), st.text(max_size=30))
@example("tide", "diet")
async def test_likeness_is_symmetric(a: str, b: str) -> None:
    if all(ord(c) < 0xD800 or ord(c) > 0xDFFF for c in a + b):
        assert await give("similarity", a=a, b=b) == await give("similarity", a=b, b=a)


async def test_the_closest_candidate_is_found_or_said_to_be_missing() -> None:
    names = ["Bright Smiles Dental", "Dental Care Austin", "Austin Dental Care"]
    assert await give("closest", text="austin dental care", candidates=names) == {
        "value": "Dental Care Austin", "index": 1, "score": 1.0,
    }  # fmt: skip
    for candidates in (["zzz"], []):
        result = await call_tool(TOOLS["text.closest"], {"text": "abc", "candidates": candidates}, CONTEXT)
        assert result == ToolFailed("No candidate is as alike as 0.6.", "not_found")


async def test_tables_in_markdown_and_in_columns_are_read() -> None:
    markdown = "Prices:\n\n| name | price |\n|:-----|------:|\n| a \\| b | 1 |\n| c |\n\nThat is all."
    assert await give("parse_table", text=markdown) == [{"name": "a | b", "price": "1"}, {"name": "c", "price": ""}]
    columns = "NAME      READY\n----      -----\nweb one   1/1\n"
    assert await give("parse_table", text=columns) == [{"NAME": "web one", "READY": "1/1"}]
    assert await give("parse_table", text="") == []


def test_all_are_pure_and_stay_in_the_house() -> None:
    assert {(s.effect, s.open_world) for s in TOOLS.specs.values()} == {("read", False)}
