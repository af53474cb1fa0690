"""README and docs say what is so: every snippet is compiled, parsed or run, every table is the code's, every path exists.

A console block is a session: each `$ command` runs, and what it prints is compared. Ids, times and durations may differ; a line
`…` stands for any number of lines, and `…` at the end of a line for its rest. A document's blocks share a data folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from executor.builtin import builtin_tools
from executor.journal.tables import REVISION_TABLE, metadata
from executor.pack import PackHost
from packs.gtm import pack
from planner.check import Ground, certify
from planner.compiler import compile_script
from planner.playbook import parse_playbook
from planner.publish import documents as published
from planner.script import plan_of
from planrail.evals.suite import suite_of
from planrail.settings import Settings, load_settings
from tests.doc_tables import ROOT, VARIABLES, brought_up_to_date, documents
from tests.warm import warm_command

EXAMPLES = ROOT / "docs" / "examples"
LANGUAGES = frozenset(("", "text", "python", "plan", "console", "toml", "sh", "json", "yaml"))
FENCE = re.compile(r"^```([\w-]*)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
PATH = re.compile(r"`((?:planner|executor|planrail|packs|tests|docs|benchmarks)/[\w/.-]+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
ID = re.compile(r"\b0[0-9a-hjkmnp-tv-z]{15}\b")
VARYING = (
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|min)\b"), "<time>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "<when>"),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?\b"), "<when>"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "<hash>"),
    (re.compile(r"[━╸][━╸ ]*"), ""),  # the bars of `why`
    (re.compile(r"\babout [\d,]+ \+ [\d,]+ tokens\b"), "about <n> tokens"),  # hangs on the order in which calls started
)
STATEMENT = re.compile(r"^([✓✗·–?…] +\d+ .{24}).*")  # of `why`: what its line has room for depends on what things took
TOOK = re.compile(r"(?<=\S)(?: ·)? <time>$")  # what took no time tells none


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    document: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> Iterator[Block]:
    for document in documents():
        text = document.read_text(encoding="utf-8")
        for found in FENCE.finditer(text):
            if found[1] in languages or not languages:
                yield Block(document, text.count("\n", 0, found.start()) + 1, found[1], found[2])


def cases(*languages: str) -> list[object]:
    return [pytest.param(b, id=str(b)) for b in blocks(*languages)]


@pytest.mark.parametrize("document", documents(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_document_is_up_to_date(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert text.strip(), "it is empty"
    assert text == brought_up_to_date(text), "run `python -m tests.doc_tables`"
    missing = [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    missing += [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    assert missing == []
    assert {b.language for b in blocks() if b.document == document} <= LANGUAGES


def plan_texts() -> list[object]:
    files = [
        pytest.param(p.read_text(encoding="utf-8"), id=p.stem) for p in sorted(EXAMPLES.glob("*.plan")) if p.stem != "refused"
    ]
    written = [b for b in blocks("plan") if b.document.name not in published()]  # those are tests/planner/test_plan_schema.py's
    return [*files, *(pytest.param(b.text, id=str(b)) for b in written)]


@pytest.mark.parametrize("text", plan_texts())
def test_a_plan_compiles_and_is_certified(text: str, tmp_path: Path) -> None:
    tools = {**builtin_tools().specs, **pack(PackHost(create_engine("sqlite://"), tmp_path)).tools.specs}
    parameters: dict[str, object] = {}
    if text.startswith("---"):
        playbook = parse_playbook("snippet", text)
        parameters = {p.name: _some(p.schema) if p.required else p.default for p in playbook.parameters}
        assert all(playbook.match(_filled(goal, parameters)) is not None for goal in playbook.goals)
        text = playbook.script
    program, statements = compile_script(text, tools, parameters=frozenset(parameters))
    assert certify(program, plan_of(statements), Ground(tools, parameters=parameters)).hash


def _some(schema: object) -> object:
    """A value of a parameter's type."""
    assert isinstance(schema, dict)
    return (
        schema["enum"][0] if "enum" in schema else {"integer": 3, "number": 4.5, "boolean": True}.get(schema["type"], "Austin")
    )


def _filled(goal: str, parameters: dict[str, object]) -> str:
    return re.sub(r"\{(\w+)\}", lambda slot: str(parameters[slot[1]]), goal)


@pytest.mark.parametrize("block", cases("toml"))
def test_a_toml_snippet_is_read(block: Block, tmp_path: Path) -> None:
    if "[project" in block.text:
        assert block.text in (EXAMPLES / "shelf" / "pyproject.toml").read_text(encoding="utf-8")
        return
    (tmp_path / "planrail.toml").write_text(block.text, encoding="utf-8")
    assert load_settings({}, tmp_path) != load_settings({}, tmp_path / "nowhere")


@pytest.mark.parametrize("block", cases("yaml"))
def test_a_suite_is_read(block: Block) -> None:
    assert suite_of(block.text, str(block)).cases


@pytest.mark.parametrize("block", cases("sh"))
def test_shell_lines_name_what_there_is(block: Block) -> None:
    subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"\bmake (\w+)", block.text)) <= set(targets)
    for name in re.findall(r"\b(?:PLANRAIL|OPENAI)_[A-Z_]+", block.text):
        known = ", ".join([*VARIABLES.values(), *(v.replace("PLANNER", "EXECUTOR") for v in VARIABLES.values())])
        assert name in known or name.startswith("PLANRAIL_SECRET_")


def environment(home: Path) -> dict[str, str]:
    """An environment without settings, but for the data folder; wide enough for no line to be broken."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PLANRAIL", "OPENAI", "FORCE_COLOR", "CLICOLOR"))}
    path = os.pathsep.join((str(warm_command().parent), str(Path(sys.executable).parent), keep.get("PATH", "")))
    return {**keep, "PATH": path, "PLANRAIL_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "100", "TERM": "dumb"}


@pytest.mark.parametrize("block", cases("python"))
def test_a_python_snippet_runs(block: Block, tmp_path: Path) -> None:
    env = {**environment(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", block.text]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    promised = re.findall(r"^\s*print\(.*\)  # (.+)$", block.text, re.MULTILINE)
    assert done.stdout.splitlines()[: len(promised)] == promised


def test_every_table_of_the_database_is_told_of() -> None:
    told = (ROOT / "docs" / "journal.md").read_text(encoding="utf-8")
    assert [name for name in (*metadata.tables, REVISION_TABLE) if f"| `{name}` |" not in told] == []


@dataclass
class Session:
    """The console of one document: its data folder, the ids that stand for one another, the last exit code."""

    home: Path
    ids: dict[str, str] = field(default_factory=dict)
    code: int = 0

    def run(self, command: str) -> list[str]:
        if command == "echo $?":
            return [str(self.code)]
        for written, real in self.ids.items():
            command = command.replace(written, real)
        bash = ["bash", "-c", command]
        done = subprocess.run(
            bash, cwd=ROOT, env=environment(self.home), capture_output=True, text=True, timeout=60, check=False
        )
        self.code = done.returncode
        return [line.rstrip() for line in (done.stdout + done.stderr).rstrip().splitlines()]

    def compare(self, written: list[str], real: list[str]) -> None:
        """Raise AssertionError where they differ in more than may differ."""
        at, skipping = 0, False
        written, real = in_order(written), in_order(real)
        for line in written:
            if line.strip() == "…":
                skipping = True
                continue
            if skipping:
                at = next((i for i in range(at, len(real)) if self._same(line, real[i])), len(real))
                skipping = False
            assert at < len(real), f"not printed: {line!r}; printed:\n" + "\n".join(real)
            assert self._same(line, real[at]), f"written: {line!r}\nprinted: {real[at]!r}\nall:\n" + "\n".join(real)
            at += 1
        assert skipping or at == len(real), "also printed:\n" + "\n".join(real[at:])

    def _same(self, written: str, real: str) -> bool:
        ids, others = ID.findall(written), ID.findall(real)
        one, other = plain(written), plain(real)
        same = other.startswith(one[:-1]) if one.endswith("…") else one == other
        if same and len(ids) == len(others):
            self.ids.update({a: b for a, b in zip(ids, others, strict=True) if a not in self.ids})
        return same


def in_order(lines: list[str]) -> list[str]:
    """The lines with steps that were done next to one another sorted: any of them may have been done first."""
    groups = (list(group) for _, group in groupby(lines, key=lambda line: line.startswith("✓ ")))
    return [line for group in groups for line in (sorted(group) if group[0].startswith("✓ ") else group)]


def plain(line: str) -> str:
    """The line without what differs from run to run, and with one space for several."""
    line = STATEMENT.sub(r"\1", ID.sub("<id>", line))
    for pattern, name in VARYING:
        line = pattern.sub(name, line)
    return TOOK.sub("", " ".join(line.split()))


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *printed = part.rstrip().splitlines()
        yield command, [line.rstrip() for line in printed]


@pytest.mark.parametrize(
    "document", sorted({b.document for b in blocks("console")}), ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_a_console_session_prints_what_the_document_says(document: Path, tmp_path: Path) -> None:
    session = Session(tmp_path)
    for block in blocks("console"):
        if block.document == document:
            for command, printed in commands(block):
                session.compare(printed, session.run(command))


@pytest.mark.parametrize("setting", [s for s in VARIABLES if s != "home"])
def test_a_variable_of_the_settings_table_sets_it(setting: str, tmp_path: Path) -> None:
    for name in VARIABLES[setting].split(", "):
        special = {
            "planner.output": "json",
            "packs": "gtm",
            "a2a.secret_key": "0123456789abcdef0123456789abcdef",
            "question_timeout_s": "60",
            "planner.calls_per_minute": "60",
            "planner.parallel": "4",
            "planner.tools_tokens": "500",
            "session_calls": "5",
            "session_usd": "5",
            "plans_after": "5",
            "read_ahead": "false",
            "log.format": "json",
            "telemetry.headers": "api-key=sesame",
            "telemetry.content": "true",
            "log.level": "info",
            "log.to": "stderr",
            "router.mode": "off",
        }
        value = special.get(setting, "http://localhost:1/x")
        changed = load_settings({name.replace("<NAME>", "CRM"): value}, tmp_path).model_dump()
        usual = load_settings({}, tmp_path).model_dump()
        for part in setting.split("."):
            changed, usual = changed[part], usual[part]
        assert changed != usual


def test_the_data_folder_is_a_variable_too(tmp_path: Path) -> None:
    usual = load_settings({}, tmp_path)
    assert load_settings({"PLANRAIL_HOME": str(tmp_path)}, tmp_path) == usual.model_copy(update={"home": tmp_path})
    assert Settings(home=tmp_path).url == f"sqlite:///{tmp_path / 'planrail.db'}"


def test_the_pack_of_the_docs_is_found_and_its_playbook_runs(tmp_path: Path) -> None:
    """As an installation would: on the path, with the entry points of its pyproject.toml."""
    shelf = EXAMPLES / "shelf"
    declared = tomllib.loads((shelf / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = tmp_path / "site" / "planrail_shelf-0.1.0.dist-info"
    info.mkdir(parents=True)
    points = declared["entry-points"]["planrail.packs"]
    listed = "".join(f"{name} = {value}\n" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[planrail.packs]\n{listed}", encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planrail-shelf\nVersion: 0.1.0\n", encoding="utf-8")
    env = {**environment(tmp_path / "home"), "PYTHONPATH": os.pathsep.join((str(ROOT), str(shelf), str(info.parent)))}
    for expected in ("number 1", "number 2"):
        command = [sys.executable, "-m", "planrail", "run", "Reserve the best book about gardening"]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"Beans and Patience is reserved: you are {expected}" in done.stdout
