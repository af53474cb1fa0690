"""The house holds: who imports whom, what importing does, how large things are, and what no file may name."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ("planner", "executor", "planrail", "mcp_server", "a2a_node", "packs")
MODULE_LINES = 400
FUNCTION_LINES = 60
RUN_BY_ALEMBIC = "migrations"  # scripts, which are meant to act when they are loaded
FOREIGN = re.compile(r"/(?:home|root|Users|work)/\w|--(?:extra-)?index\b")  # a machine's folders, a place to install from


def sources() -> list[Path]:
    return sorted(p for floor in FLOORS for p in (ROOT / floor).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def in_order(name: str) -> tuple[int, str]:
    """Constants, classes, functions, as the linter sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def tracked_files() -> list[Path]:
    """The repository's files, new ones too; everything below the root where there is no git."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return [p for floor in (*FLOORS, "tests", "docs") for p in (ROOT / floor).rglob("*") if p.is_file()]
    listed = subprocess.run(
        [git, "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_imports_look_down_the_floors() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Contracts: [2-9] kept, 0 broken", done.stdout)


def test_importing_any_module_does_nothing() -> None:
    modules = [
        module_of(p)
        for p in sources()
        if RUN_BY_ALEMBIC not in p.parts and all(part.isidentifier() for part in p.with_suffix("").parts[-1:])
    ]
    done = subprocess.run(
        [sys.executable, "-B", "-m", "tests.imports_quietly", *modules],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize("path", [p for p in sources() if p.name == "__init__.py"], ids=name_of)
def test_what_a_package_gives_on_stands_in_its_sorted_all(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in FLOORS
        for alias in node.names
    }
    listed = [
        ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"
    ]
    assert listed or not imported, f"{name_of(path)} gives on {sorted(imported)} without an __all__"
    for names in listed:
        assert list(names) == sorted(names, key=in_order)
        assert set(names) <= imported | {getattr(n, "name", "") for n in tree.body}


def test_modules_and_functions_fit_on_a_few_screens() -> None:
    long = [
        f"{name_of(p)}: {n} lines" for p in sources() if (n := len(p.read_text(encoding="utf-8").splitlines())) > MODULE_LINES
    ]
    for path in sources():
        for f in functions(path):
            lines = (f.end_lineno or f.lineno) - f.lineno + 1
            if lines > FUNCTION_LINES:
                long.append(f"{name_of(path)}:{f.lineno} {f.name}: {lines} lines")
    assert long == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        name_of(p)
        for p in sources()
        if (text := p.read_text(encoding="utf-8")).strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []


def test_no_file_names_a_place_on_one_machine_or_a_package_registry() -> None:
    found = []
    for path in tracked_files():
        if path in (Path(__file__).resolve(), ROOT / "LICENSE"):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name_of(path)}:{n}: {m[0]}" for n, line in enumerate(text.splitlines(), 1) for m in FOREIGN.finditer(line)]
    assert found == []
