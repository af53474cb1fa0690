"""Settings: read once, from planrail.toml and the environment; everybody else receives values.

The environment wins over the file. The file is ./planrail.toml, or the one that PLANRAIL_CONFIG names:

    database_url = "sqlite:////srv/planrail.db"
    packs = ["gtm"]
    [planner]
    model = "big"
    base_url = "http://localhost:11434/v1"
    [prices.big]
    input = 2.5
    cached_input = 1.25
    output = 10.0
    [policy.tools."mail.send"]
    sensitive = ["to", "cc"]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from executor.agent_tools.agent import NAME, AgentSettings
from executor.builtin.sql_settings import NAME as SQL_NAME
from executor.builtin.sql_settings import SqlSettings
from executor.confidence import Floors
from executor.mcp_tools.server import McpServer, mcp_servers, read_mcp_servers
from executor.router_settings import RouterSettings
from executor.session import SessionLimits
from planner.budget import Budget
from planner.errors import PlanrailError
from planner.policy import Policy
from planner.prices import Rates
from planner.program import MAX_STANDING_S
from planrail.a2a import A2aSettings
from planrail.keys import AuthSettings
from planrail.log_settings import LogSettings
from planrail.retention_settings import RetentionSettings
from planrail.secret_files import SECRET_PREFIX, secret_in
from planrail.telemetry_settings import TelemetrySettings, telemetry_of

SqlName = Annotated[str, Field(pattern=f"^{SQL_NAME}$")]
AgentName = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]


class SettingsError(PlanrailError):
    """A setting is missing, unknown or of the wrong type; the message names it."""

    fault = "user"


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSettings(_Settings):
    """One role's model: any OpenAI-compatible endpoint. Without `api_key` and `base_url` there is none."""

    model: str = ""
    base_url: str | None = None
    api_key: SecretStr | None = None
    output: Literal["script", "json"] = "script"  # the planner only: json answers in the schema of Plan
    tools_tokens: int = Field(default=4_000, ge=1)  # the planner only: of the tools in its prompt; the best of more are chosen
    max_input_tokens: int = Field(default=8_000, ge=1)  # of a step's prompt; a longer one is a failed step
    max_output_tokens: int = Field(default=1_000, ge=1)  # the vendor stops there; the planner has four times as much
    calls_per_minute: int | None = Field(default=None, ge=1)  # of this process; a further one waits for its turn
    parallel: int | None = Field(default=None, ge=1)  # calls at once, of this process; a further one waits for its turn

    @property
    def configured(self) -> bool:
        return bool(self.model) and (self.api_key is not None or self.base_url is not None)


class ServerSettings(_Settings):
    """The server behind a namespace of tools: how much it is asked, when it is left alone. Each process counts alone."""

    parallel: int | None = Field(default=None, ge=1)  # calls at once; a further one waits for its turn
    calls_per_minute: int | None = Field(default=None, ge=1)  # a further one waits for its turn
    failures: int = Field(default=5, ge=1)  # in a row, time-outs or "try later"; then it is left alone for a while
    cool_down_s: float = Field(default=5.0, gt=0)  # how long at first; doubled up to a minute while it stays sick


class McpSettings(_Settings):
    """What an MCP client of this server sees, and how long its requests last."""

    wait_s: float = Field(default=20.0, ge=0)  # a request waits so long for its run, then gives its id; clients cut at 60
    tools_tokens: int = Field(default=6_000, ge=1)  # of a client's list of tools; where all take more, they are searched
    effects: frozenset[str] = frozenset()  # tools with effects to be offered one by one, each call a run; `["*"]`: all


class Settings(_Settings):
    """Everything that can be set."""

    home: Path
    database_url: str = ""  # empty: a SQLite file in `home`
    artifacts_url: str = ""  # s3://…, gs://…, file:///…: where large values are kept; empty: in the database
    planner: ModelSettings = ModelSettings()
    executor: ModelSettings = ModelSettings()
    packs: tuple[str, ...] | None = None  # None: every pack that is installed
    playbooks: tuple[Path, ...] = ()  # folders of .plan files, besides the packs' own and `home`/playbooks
    plans_after: int = Field(default=3, ge=0)  # times that a plan has to run well before goals of its form take it; 0: never
    prices: Mapping[str, Rates] = Field(default_factory=dict)  # in $ per million tokens; they win over the price list
    budget: Budget = Budget()  # of a run that names none
    confidence: Floors = Floors()  # how sure models have to be
    router: RouterSettings = RouterSettings()  # whether goals are sent to packs' specialists: a table of the settings below
    http_allow_private: tuple[str, ...] = ()  # hosts inside the house that http.fetch may reach
    read_ahead: bool = True  # reads that are free, closed-world and without effect start while the plan is still being written
    runs: int = Field(default=64, ge=1)  # at once in this process; more stay queued
    principal_runs: int | None = Field(default=None, ge=1)  # of one principal at once, in all processes; more stay queued
    session_calls: int | None = Field(default=None, ge=0)  # of tools and models, of all runs of a session; see Sessions
    session_usd: float | None = Field(default=None, ge=0)  # of all runs of a session; once it is used up, none is taken
    database_away_s: float = Field(default=60.0, ge=0)  # a PostgreSQL or an artifact store that is away for longer is an error
    question_timeout_s: float | None = Field(default=None, gt=0, le=MAX_STANDING_S)  # of questions whose step names none
    servers: Mapping[str, ServerSettings] = Field(default_factory=dict)  # by namespace of tools: a table of the settings below
    policy: Policy = Policy()  # what is done about untrusted values: a table of the settings below; in the file alone
    mcp_servers: Mapping[str, McpServer] = Field(default_factory=dict)  # as Claude Desktop's `mcpServers` has them, by name
    agents: Mapping[AgentName, AgentSettings] = Field(default_factory=dict)  # that plans may delegate to, by name
    sql: Mapping[SqlName, SqlSettings] = Field(default_factory=dict)  # databases that plans may read, by name
    mcp: McpSettings = McpSettings()  # what MCP clients of this server see: a table of the settings below
    a2a: A2aSettings = A2aSettings()  # how it shows itself as an A2A agent: a table of the settings below
    auth: AuthSettings = AuthSettings()  # who may come from outside: a table, see docs/a2a.md
    log: LogSettings = LogSettings()  # what processes tell of themselves: a table, see docs/operations.md
    retention: RetentionSettings = RetentionSettings()  # which runs are removed by themselves: a table, see docs/retention.md
    telemetry: TelemetrySettings = TelemetrySettings()  # whether runs are traced: a table, see docs/operations.md
    secrets: Mapping[str, SecretStr] = Field(default_factory=dict)
    secrets_dir: Path | None = None  # files, one a secret, read when a call needs it; None: `secrets` in `home`

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.home / 'planrail.db'}"

    @property
    def session(self) -> SessionLimits:
        """The ceilings of every session."""
        return SessionLimits(calls=self.session_calls, usd=self.session_usd)

    def secret(self, name: str) -> str | None:
        """The value behind `secret("name")`; None if it is not set. A file's is read anew each time: it may come later."""
        found = self.secrets.get(name.lower())
        if found is not None:
            return found.get_secret_value()
        return secret_in(self.secrets_dir or self.home / "secrets", name)


def load_settings(environment: Mapping[str, str], folder: Path) -> Settings:
    """The settings of a process with that environment and working folder; raises SettingsError."""
    path = file_of(environment, folder)
    read = {} if path is None else _file(path)
    merged = _merged(read, environment)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where, name = ".".join(str(p) for p in first["loc"]), "planrail.toml" if path is None else path.name
        raise SettingsError(f"The setting {where}: {first['msg']}.", hint=f"Look at the environment and {name}.") from None


def file_of(environment: Mapping[str, str], folder: Path) -> Path | None:
    """The file that is read; None where there is none, and none is named."""
    named = environment.get("PLANRAIL_CONFIG")
    path = Path(named) if named else folder / "planrail.toml"
    return path if named or path.exists() else None


def _file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.") from error


_PLAIN = (  # settings of one value, which the environment may give
    "database_url", "artifacts_url", "database_away_s", "read_ahead", "runs", "principal_runs", "question_timeout_s",
    "session_calls", "session_usd", "plans_after", "secrets_dir",
)  # fmt: skip


_A2A = ("url", "secret_key")
_LISTED = ("packs", "http_allow_private")
_ROLE = ("model", "output", "tools_tokens", "calls_per_minute", "parallel")
_OTHER = (
    "config", "home", "mcp_config", "playbooks", "a2a_push_allow_private", "debug", "router", "log", "log_level", "log_to",
)  # fmt: skip


def variables() -> frozenset[str]:
    """The variables of the environment that are read, but for those of secrets and those that other products name, too."""
    roles = [f"{role}_{name}" for role in ("planner", "executor") for name in ("base_url", "api_key", *_ROLE)]
    names = (*_PLAIN, *_LISTED, *_OTHER, *roles, *(f"a2a_{name}" for name in _A2A))
    return frozenset(f"PLANRAIL_{name.upper()}" for name in names)


def _merged(read: dict[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    home = env.get("PLANRAIL_HOME") or read.get("home") or platformdirs.user_data_dir("planrail", appauthor=False)
    servers = mcp_servers(read.pop("mcpServers", {}), "planrail.toml")
    for file in filter(None, env.get("PLANRAIL_MCP_CONFIG", "").split(":")):
        servers |= read_mcp_servers(Path(file))
    secrets = _secrets(read.get("secrets", {}), env)
    merged = {**read, "mcp_servers": servers, "home": Path(home).expanduser(), "secrets": secrets}
    for name in _PLAIN:
        if env.get(f"PLANRAIL_{name.upper()}"):
            merged[name] = env[f"PLANRAIL_{name.upper()}"]
    for name in _LISTED:
        if f"PLANRAIL_{name.upper()}" in env:
            merged[name] = tuple(p.strip() for p in env[f"PLANRAIL_{name.upper()}"].split(",") if p.strip())
    if env.get("PLANRAIL_PLAYBOOKS"):
        merged["playbooks"] = tuple(Path(p) for p in env["PLANRAIL_PLAYBOOKS"].split(":") if p)
    if env.get("PLANRAIL_ROUTER"):
        merged["router"] = {**read.get("router", {}), "mode": env["PLANRAIL_ROUTER"]}
    merged["a2a"] = dict(read.get("a2a", {}))
    for name in _A2A:
        if env.get(f"PLANRAIL_A2A_{name.upper()}"):
            merged["a2a"][name] = env[f"PLANRAIL_A2A_{name.upper()}"]
    if "PLANRAIL_A2A_PUSH_ALLOW_PRIVATE" in env:
        hosts = env["PLANRAIL_A2A_PUSH_ALLOW_PRIVATE"].split(",")
        merged["a2a"]["push_allow_private"] = tuple(host.strip() for host in hosts if host.strip())
    if isinstance(read.get("log", {}), Mapping):
        given = {name: env.get(f"PLANRAIL_LOG{of}") for name, of in (("format", ""), ("level", "_LEVEL"), ("to", "_TO"))}
        merged["log"] = {**read.get("log", {}), **{name: value for name, value in given.items() if value}}
    if isinstance(read.get("telemetry", {}), Mapping):
        merged["telemetry"] = telemetry_of(read.get("telemetry", {}), env)
    for role, default in (("planner", "gpt-5"), ("executor", "gpt-5-mini")):
        merged[role] = _role(dict(read.get(role, {})), role.upper(), default, env)
    return merged


def _role(read: dict[str, Any], role: str, default: str, env: Mapping[str, str]) -> dict[str, Any]:
    for name, shared in (("base_url", "OPENAI_BASE_URL"), ("api_key", "OPENAI_API_KEY"), *((n, None) for n in _ROLE)):
        value = env.get(f"PLANRAIL_{role}_{name.upper()}")
        if value:
            read[name] = value
        elif shared and env.get(shared) and name not in read:
            read[name] = env[shared]
    if read.get("api_key") and not read.get("base_url"):
        read.setdefault("model", default)
    return read


def _secrets(read: Any, env: Mapping[str, str]) -> Any:
    if not isinstance(read, Mapping):
        return read  # which is refused, by its name
    given = {k.removeprefix(SECRET_PREFIX): v for k, v in env.items() if k.startswith(SECRET_PREFIX)}
    return {name.lower(): value for name, value in (*read.items(), *given.items())}
