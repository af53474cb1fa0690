"""The published documents are what the code says."""

# ruff: noqa: E501  # a case stands on one line

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from planner.compiler import compile_script
from planner.language import STEPS
from planner.library import FUNCTIONS, METHODS, RE_FUNCTIONS
from planner.order import waits
from planner.publish import documents
from planner.script import compile_plan
from tests.planner.tools import TOOLS, WITH_AGENT, certificate

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = re.findall(r"^```plan\n(.*?)^```", documents()["language.md"], re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", sorted(documents()))
def test_a_published_document_is_what_the_code_makes(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == documents()[name], "run: python -m planner.publish docs"


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_certified(example: str) -> None:
    assert certificate(example, WITH_AGENT)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_s_plan_fits_the_published_schema(example: str) -> None:
    schema = json.loads(documents()["plan.schema.json"])
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(compile_plan(example).model_dump_json()))


@pytest.mark.parametrize("plan", [{}, {"statements": [{"kind": "loop"}]}, {"statements": [{"kind": "let", "to": [], "value": "1"}]},
                                  {"statements": [{"kind": "let", "to": ["a b"], "value": "1"}]}, {"statements": [], "more": 1}])  # fmt: skip
def test_the_published_schema_refuses_what_is_no_plan(plan: object) -> None:
    assert not Draft202012Validator(json.loads(documents()["plan.schema.json"])).is_valid(plan)


def test_the_language_s_description_has_every_step_and_function() -> None:
    text = documents()["language.md"].replace("\\|", "|")
    signatures = [f.signature for f in (*FUNCTIONS.values(), *METHODS.values(), *RE_FUNCTIONS.values())]
    signatures += [f.signature for f in STEPS.values()]
    assert [s for s in signatures if f"`{s}`" not in text] == []
    assert re.findall("<!-- [a-z]+ -->", text) == []


def test_what_the_description_says_of_its_last_example_is_so() -> None:
    program, _ = compile_script(EXAMPLES[-1], TOOLS)
    order = waits(program, TOOLS)
    assert (order["save"], order["after"], order["send"]) == (("lead",), ("save",), ("save", "expect"))
