"""The tables in README and docs that are written from the code: `python -m tests.doc_tables` brings them up to date.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; tests/test_docs.py holds that it is the one of the code.
"""

from __future__ import annotations

import ast
import inspect
import re
import tokenize
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from a2a_node.schemas import EVENTS
from executor.agent_tools.agent import AgentSettings
from executor.builtin.sql_settings import SqlSettings, StatementSettings
from executor.confidence import Floors
from executor.events import Event
from executor.router_settings import RouterSettings
from planner.budget import Budget
from planner.policy import Policy, ToolPolicy
from planrail.a2a import A2aSettings
from planrail.keys import AuthSettings, ProxySettings
from planrail.limit_settings import LimitSettings, PrincipalLimits
from planrail.log_settings import LogSettings
from planrail.retention_settings import RetentionSettings
from planrail.settings import McpSettings, ModelSettings, ServerSettings, Settings
from planrail.telemetry_settings import TelemetrySettings
from tests.agent_faults import AGENTS
from tests.ailments import AILMENTS
from tests.fault_tables import HOUSE, MODELS, TOOLS, HouseFault, ModelFault, ToolFault
from tests.node_faults import NODE
from tests.push_faults import NOTIFICATIONS

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

# setting → the variable of the environment that names it; a test sets each and looks
VARIABLES = {
    "home": "PLANRAIL_HOME",
    "database_url": "PLANRAIL_DATABASE_URL",
    "artifacts_url": "PLANRAIL_ARTIFACTS_URL",
    "session_calls": "PLANRAIL_SESSION_CALLS",
    "session_usd": "PLANRAIL_SESSION_USD",
    "packs": "PLANRAIL_PACKS",
    "playbooks": "PLANRAIL_PLAYBOOKS",
    "http_allow_private": "PLANRAIL_HTTP_ALLOW_PRIVATE",
    "read_ahead": "PLANRAIL_READ_AHEAD",
    "plans_after": "PLANRAIL_PLANS_AFTER",
    "question_timeout_s": "PLANRAIL_QUESTION_TIMEOUT_S",
    "secrets": "PLANRAIL_SECRET_<NAME>",
    "secrets_dir": "PLANRAIL_SECRETS_DIR",
    "a2a.url": "PLANRAIL_A2A_URL",
    "a2a.secret_key": "PLANRAIL_A2A_SECRET_KEY",
    "a2a.push_allow_private": "PLANRAIL_A2A_PUSH_ALLOW_PRIVATE",
    "log.format": "PLANRAIL_LOG",
    "log.level": "PLANRAIL_LOG_LEVEL",
    "log.to": "PLANRAIL_LOG_TO",
    "router.mode": "PLANRAIL_ROUTER",
    "telemetry.endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT",
    "telemetry.traces_endpoint": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "telemetry.headers": "OTEL_EXPORTER_OTLP_HEADERS",
    "telemetry.protocol": "OTEL_EXPORTER_OTLP_PROTOCOL",
    "telemetry.service": "OTEL_SERVICE_NAME",
    "telemetry.content": "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
    "planner.model": "PLANRAIL_PLANNER_MODEL",
    "planner.base_url": "PLANRAIL_PLANNER_BASE_URL, OPENAI_BASE_URL",
    "planner.api_key": "PLANRAIL_PLANNER_API_KEY, OPENAI_API_KEY",
    "planner.output": "PLANRAIL_PLANNER_OUTPUT",
    "planner.tools_tokens": "PLANRAIL_PLANNER_TOOLS_TOKENS",
    "planner.calls_per_minute": "PLANRAIL_PLANNER_CALLS_PER_MINUTE",
    "planner.parallel": "PLANRAIL_PLANNER_PARALLEL",
}
MEANINGS = {
    "home": "the folder of the data: database, workspaces, playbooks; by default the user's data folder of the system",
    "planner": "the model that writes plans: a table of the settings below",
    "executor": "the model that answers `ask` and `choose`: a table of the settings below",
    "budget": "the ceilings of a run that names none: a table, see below",
    "router": "whether goals are sent to packs' specialists: a table, see docs/router.md",
    "confidence": "how sure models have to be: a table, see docs/confidence.md",
    "servers": "limits of the servers behind tools, by namespace: a table of the settings below",
    "mcp_servers": "MCP servers whose tools plans may call: `[mcpServers.NAME]`, see docs/mcp.md",
    "mcp": "what MCP clients of this server see: a table, see docs/mcp.md",
    "a2a": "how it shows itself as an A2A agent: a table, see docs/a2a.md",
    "agents": "the agents that plans may delegate to, by name: a table, see docs/a2a.md",
    "sql": "databases that plans may read, and write by named statements: `[sql.NAME]`, see docs/sql.md",
    "log": "what processes tell of themselves: a table, see docs/operations.md",
    "telemetry": "whether runs are traced: a table, see docs/operations.md",
    "auth": "who may come from outside, besides `planrail keys`: a table, see docs/a2a.md",
    "retention": "how long runs stay: a table, see docs/retention.md",
    "secrets": 'the values behind `secret("name")`; better in the environment than in this file',
    "secrets_dir": "a folder of files, one a secret, read when a call needs it; by default `secrets` in `home`",
    "model": "its name, as the endpoint knows it; with a key and no address: gpt-5 (planner), gpt-5-mini (executor)",
    "base_url": "of any OpenAI-compatible endpoint; empty: OpenAI's",
    "api_key": "its key; a local endpoint may need none",
}


@dataclass(frozen=True)
class Field:
    """A field as its class writes it: the comment after it says what it does."""

    name: str
    type: str
    default: str
    comment: str


def fields_of(model: type) -> Iterator[Field]:
    """The fields of a pydantic model, in order, from its source."""
    source = Path(inspect.getfile(model)).read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(StringIO(source).readline)
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    (node,) = (n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == model.__name__)
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            default = "" if line.value is None else _default(line.value)
            yield Field(line.target.id, ast.unparse(line.annotation), default, comments.get(line.lineno, ""))


def _default(value: ast.expr) -> str:
    if isinstance(value, ast.Call):
        given = [k.value for k in value.keywords if k.arg == "default"]
        return ast.unparse(given[0]) if given else ""
    return ast.unparse(value)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(c.replace("|", "\\|") for c in line) + " |\n" for line in lines)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def events() -> str:
    """Every event with what it means and what it carries."""
    union = typing.get_args(Event)[0]
    rows: list[tuple[str, ...]] = []
    for event in typing.get_args(union):
        carried = ", ".join(_code(name) for name in event.model_fields if name != "type")
        rows.append((_code(event.model_fields["type"].default), " ".join((event.__doc__ or "").split()), carried))
    return _table(("event", "what has happened", "carries"), rows)


def told() -> str:
    """Every event as the extension of A2A tells it."""
    rows = [(_code(e.event), e.about, ", ".join(_code(name) for name in e.carries)) for e in EVENTS]
    return _table(("`event`", "what has happened", "carries"), rows)


def settings() -> str:
    """Every setting, with its variable in the environment."""
    rows = [(_code(f.name), _variables(f.name), _code(f.default), _meaning(f)) for f in fields_of(Settings)]
    return _table(("planrail.toml", "environment", "default", "what it does"), rows)


def models() -> str:
    """The settings of a model."""
    rows = [(_code(f.name), _variables(f"planner.{f.name}"), _code(f.default), _meaning(f)) for f in fields_of(ModelSettings)]
    return _table(("in `[planner]`, `[executor]`", "environment (here: of the planner)", "default", "what it does"), rows)


def servers() -> str:
    """The settings of a server."""
    rows = [(_code(f.name), f.default, f.comment) for f in fields_of(ServerSettings)]
    return _table(("in `[servers.NAMESPACE]`", "default", "what it does"), rows)


def mcp() -> str:
    """What MCP clients of this server see."""
    rows = [(_code(f.name), _code(f.default), f.comment) for f in fields_of(McpSettings)]
    return _table(("in `[mcp]`", "default", "what it does"), rows)


def a2a() -> str:
    """How the house shows itself as an A2A agent."""
    rows = [(_code(f.name), _variables(f"a2a.{f.name}"), _code(f.default), f.comment) for f in fields_of(A2aSettings)]
    return _table(("in `[a2a]`", "environment", "default", "what it does"), rows)


def logs() -> str:
    """What processes tell of themselves."""
    rows = [(_code(f.name), _variables(f"log.{f.name}"), _code(f.default), f.comment) for f in fields_of(LogSettings)]
    return _table(("in `[log]`", "environment", "default", "what it does"), rows)


def telemetry() -> str:
    """Whether runs are traced, and where to."""
    rows = [
        (_code(f.name), _variables(f"telemetry.{f.name}"), _code(f.default), f.comment) for f in fields_of(TelemetrySettings)
    ]
    return _table(("in `[telemetry]`", "environment", "default", "what it does"), rows)


def agents() -> str:
    """The settings of an agent that plans may delegate to."""
    rows = [(_code(f.name), _code(f.default), f.comment) for f in fields_of(AgentSettings)]
    return _table(("in `[agents.NAME]`", "default", "what it does"), rows)


def limits() -> str:
    """How much each principal may ask for."""
    rows = [(_code(f.name), _code(f.default), f.comment) for f in (*fields_of(PrincipalLimits), *fields_of(LimitSettings))]
    return _table(("in `[auth.limits]`", "default", "what it does"), rows)


def retention() -> str:
    """How long what stays."""
    rows = [(_code(f.name), _code(f.default), f.comment) for f in fields_of(RetentionSettings)]
    return _table(("in `[retention]`", "default", "what it does"), rows)


def sql() -> str:
    """A database that plans may read."""
    rows = [(_code(f.name), _code(f.default), f.comment) for f in fields_of(SqlSettings)]
    return _table(("in `[sql.NAME]`", "default", "what it does"), rows)


def sql_statements() -> str:
    """A statement by which plans may write it."""
    rows = [(_code(f.name), _code(f.default), f.comment) for f in fields_of(StatementSettings)]
    return _table(("in `[sql.NAME.statements.STATEMENT]`", "default", "what it does"), rows)


def auth() -> str:
    """Who may come from outside."""
    rows = [(_code(f.name), _code(f.default), f.comment) for f in fields_of(AuthSettings)]
    rows += [(_code(f"proxy.{f.name}"), _code(f.default), f.comment) for f in fields_of(ProxySettings)]
    return _table(("in `[auth]`", "default", "what it does"), rows)


def policy() -> str:
    """What a policy says of all tools."""
    rows = [(_code(f.name), _code(f.default), f.comment) for f in fields_of(Policy)]
    return _table(("in `[policy]`", "default", "what it does"), rows)


def tool_policy() -> str:
    """What a policy says of one tool."""
    rows = [(_code(f.name), f.comment) for f in fields_of(ToolPolicy)]
    return _table(('in `[policy.tools."NAME"]`', "what it says"), rows)


def budget() -> str:
    """Every ceiling."""
    rows = [(_code(f.name), f.default, f.comment) for f in fields_of(Budget)]
    return _table(("ceiling", "default", "of what"), rows)


def router() -> str:
    """The settings of the router."""
    rows = [(_code(f.name), _variables(f"router.{f.name}"), _code(f.default), f.comment) for f in fields_of(RouterSettings)]
    return _table(("in `[router]`", "environment", "default", "what it does"), rows)


def confidence() -> str:
    """Every floor."""
    rows = [(_code(f.name), f.default, f.comment) for f in fields_of(Floors)]
    return _table(("in `[confidence]`", "default", "what it does"), rows)


def _faults(whose: str, faults: Sequence[ModelFault | ToolFault | HouseFault], ends: str = "the run ends") -> str:
    rows = [(f.fault, f.notices, f.does, f.ends, f.costs) for f in faults]
    return _table((whose, "who notices", "what Planrail does", ends, "what it costs"), rows)


def faults_of_models() -> str:
    """What models do wrong."""
    return _faults("a model …", MODELS)


def faults_of_tools() -> str:
    """What tools do wrong."""
    return _faults("a tool …", TOOLS)


def faults_of_the_house() -> str:
    """What happens to processes, databases, clocks."""
    return _faults("it happens that …", HOUSE)


def faults_of_agents() -> str:
    """Of other agents, to which goals are delegated or sent."""
    return _faults("it happens that …", AGENTS, "the step")


def faults_of_the_node() -> str:
    """What happens to the A2A node."""
    return _faults("it happens that …", NODE)


def faults_of_notifications() -> str:
    """What happens to push notifications."""
    return _faults("it happens that …", NOTIFICATIONS, "the notification")


def _variables(name: str) -> str:
    return ", ".join(_code(v) for v in VARIABLES.get(name, "").split(", ") if v)


def _meaning(field: Field) -> str:
    return MEANINGS.get(field.name) or field.comment


def misconfigurations() -> str:
    """What the doctor finds."""
    places = {"home": "<home>", "toml": "planrail.toml"}
    rows = [(a.case, _code(a.what.format(**places)), a.level, a.told, a.remedy) for a in AILMENTS]
    return _table(("what is wrong", "row", "", "it says …", "and to be done …"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "events": events,
    "told": told,
    "limits": limits,
    "settings": settings,
    "models": models,
    "servers": servers,
    "mcp": mcp,
    "a2a": a2a,
    "logs": logs,
    "telemetry": telemetry,
    "agents": agents,
    "auth": auth,
    "retention": retention,
    "sql": sql,
    "sql_statements": sql_statements,
    "budget": budget,
    "policy": policy,
    "tool_policy": tool_policy,
    "confidence": confidence,
    "router": router,
    "faults_of_models": faults_of_models,
    "faults_of_tools": faults_of_tools,
    "faults_of_the_house": faults_of_the_house,
    "faults_of_notifications": faults_of_notifications,
    "faults_of_agents": faults_of_agents,
    "faults_of_the_node": faults_of_the_node,
    "misconfigurations": misconfigurations,
}


def brought_up_to_date(text: str) -> str:
    """The document with the tables that the code gives today."""
    return MARKED.sub(lambda found: found[1] + TABLES[found[2]]() + found[4], text)


def documents() -> list[Path]:
    """README and everything in docs/."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def main() -> None:
    for path in documents():
        text = path.read_text(encoding="utf-8")
        new = brought_up_to_date(text)
        if new != text:
            path.write_text(new, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: tables written")


if __name__ == "__main__":
    main()
