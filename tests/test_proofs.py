"""docs/proofs.md names tests that there are, where it says, and every test that is marked as a proof."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`(test_\w+)` \| `(tests/[\w/]+\.py)`")


def named() -> set[tuple[str, str]]:
    return set(NAMED.findall((ROOT / "docs" / "proofs.md").read_text(encoding="utf-8")))


def written() -> Iterator[tuple[str, str, bool]]:
    """Every test with its file, and whether it, or one of its cases, is marked as a proof."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                marks = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
                yield node.name, path.relative_to(ROOT).as_posix(), "mark.proof" in marks


def test_every_test_that_the_document_names_is_there() -> None:
    text = (ROOT / "docs" / "proofs.md").read_text(encoding="utf-8")
    assert {name for name, _ in named()} == set(re.findall(r"\btest_\w+\b(?!\.py)", text))
    assert named() <= {(name, path) for name, path, _ in written()}


def test_every_proof_is_in_the_document() -> None:
    assert {(name, path) for name, path, proof in written() if proof} <= named()
