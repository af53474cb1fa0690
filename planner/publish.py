"""Publish: the documents that are made from the language's own tables.

    python -m planner.publish docs

writes `plan.schema.json` and `certificate.schema.json` (the JSON Schemas of a Plan and its Certificate) and `language.md` (the
language for people).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from planner.certificate import Certificate
from planner.language import GRAMMAR, RULES, STEPS, TOOL, TYPES, StepForm
from planner.library import FUNCTIONS, METHODS, RE_FUNCTIONS, LibraryFunction
from planner.plan import Plan
from planner.reading import MAX_DEPTH, MAX_LINES, MAX_SCRIPT
from planner.toolspec import JsonSchema

_DOCS = "https://w3id.org/planrail"
_LANGUAGE = Path(__file__).with_name("language.md.in")


def plan_schema() -> str:
    """The JSON Schema of a Plan, as the text of its file."""
    return _schema("plan", Plan.model_json_schema())


def certificate_schema() -> str:
    """The JSON Schema of a Certificate, as it is written."""
    return _schema("certificate", Certificate.model_json_schema(mode="serialization"))


def _schema(name: str, schema: JsonSchema) -> str:
    of = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{_DOCS}/{name}.schema.json"}
    return json.dumps({**of, **schema}, indent=2, ensure_ascii=False) + "\n"


def language() -> str:
    """The description of the language, its tables filled in."""
    text = _LANGUAGE.read_text(encoding="utf-8")
    for mark, content in _tables().items():
        text = text.replace(f"<!-- {mark} -->", content)
    return text


def _tables() -> Mapping[str, str]:
    now = [TOOL, *STEPS.values()]
    return {
        "grammar": f"```\n{GRAMMAR}\n```",
        "steps": _steps(now),
        "types": f"`{TYPES}`",
        "functions": _functions(FUNCTIONS.values()),
        "methods": _functions(METHODS.values()),
        "re": _functions(RE_FUNCTIONS.values()),
        "rules": "\n".join(f"* {rule}" for rule in RULES.splitlines()),
        "limits": f"{MAX_LINES:,} lines, {MAX_SCRIPT:,} characters, expressions nested {MAX_DEPTH} deep",
    }


def _steps(forms: Iterable[StepForm]) -> str:
    rows = (f"| {_cell(f.signature)} | {f.summary} |" for f in forms)
    return "\n".join(("| step | what it does |", "|---|---|", *rows))


def _functions(functions: Iterable[LibraryFunction]) -> str:
    rows = (f"| {_cell(f.signature)} | {f.summary} |" for f in functions)
    return "\n".join(("| function | gives |", "|---|---|", *rows))


def _cell(code: str) -> str:
    return "`" + code.replace("|", "\\|") + "`"


def documents() -> Mapping[str, str]:
    """Every published document by its file's name."""
    return {
        "plan.schema.json": plan_schema(),
        "certificate.schema.json": certificate_schema(),
        "language.md": language(),
    }


def main() -> None:
    """Write the documents into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
