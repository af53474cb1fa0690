"""What others may do wrong, and what comes of it: the rows of docs/faults.md, each played or named by tests/test_faults.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from executor.events import RunStatus
from tests.model_server import Called, Reply

GOOD = Reply(json={"value": 7})
ASKS = 'n = ask("How many?", returns=int)\nanswer(n)\n'
PLAN = Reply(text="n = odd.good()\nanswer(n)\n")


@dataclass(frozen=True)
class ModelFault:
    """A model that misbehaves. The last reply stays; without any, nobody listens at its address."""

    fault: str
    replies: tuple[Reply, ...]
    notices: str
    does: str
    ends: RunStatus
    calls: int  # of the model, all of them counted
    says: str = ""  # part of why the run failed
    script: str | None = ASKS  # None: the model is to write the plan
    waits: tuple[float, ...] | None = None  # at least, between its attempts

    @property
    def costs(self) -> str:
        return _costs(self.calls, "model call", self.replies)


@dataclass(frozen=True)
class ToolFault:
    """A tool that misbehaves. Each call costs a cent."""

    fault: str
    call: str  # in a script, after `x = `
    notices: str
    does: str
    ends: RunStatus
    calls: int
    says: str = ""
    waits: tuple[float, ...] | None = None  # at least, between its attempts

    @property
    def costs(self) -> str:
        return f"{self.calls} call" + ("s" if self.calls != 1 else "")


@dataclass(frozen=True)
class HouseFault:
    """What happens to a process, its database, its clock, its network. `held_by` are tests, as path::name."""

    fault: str
    notices: str
    does: str
    ends: str
    costs: str
    held_by: tuple[str, ...] = field(default=())


def _costs(calls: int, what: str, replies: tuple[Reply, ...]) -> str:
    told = f"{calls} {what}" + ("s" if calls != 1 else "")
    silent = not replies or all(r.status != 200 or r.fault == "close" for r in replies)
    return f"{told}, no tokens" if silent else told


_AGAIN = "asks again, 3 times in all"
_REPAIRS = "asks once more, with what was wrong"
_PORT = "the model's port"
_TYPE = "the answer's type"
_CHECKER = "the checker"
_REWRITES = "sends it back with line, column and the nearest names, `repairs` times (2)"

MODELS = (
    ModelFault(
        "too many requests (429), with Retry-After",
        (Reply(status=429, retry_after="7"), GOOD),
        _PORT,
        "waits as long as it asks, at most 30 s, then asks again",
        "done",
        2,
        waits=(7.0,),
    ),
    ModelFault("is down (5xx) for good", (Reply(status=503),), _PORT, _AGAIN, "failed", 3, "503", waits=(0.5, 1.0)),
    ModelFault("does not answer in time", (Reply(fault="hang"),), _PORT, _AGAIN, "failed", 3, "did not answer within"),
    ModelFault("nobody listens at its address; no network", (), _PORT, _AGAIN, "failed", 3, "cannot be reached"),
    ModelFault("closes the connection without an answer", (Reply(fault="close"), GOOD), _PORT, _AGAIN, "done", 2),
    ModelFault("breaks off in the middle of a line", (Reply(text="7" * 64, fault="cut"), GOOD), _PORT, _AGAIN, "done", 2),
    ModelFault("ends its stream without an end", (Reply(text="7" * 64, fault="vanish"), GOOD), _PORT, _AGAIN, "done", 2),
    ModelFault("sends a line that is no JSON", (Reply(text="7" * 64, fault="garbage"), GOOD), _PORT, _AGAIN, "done", 2),
    ModelFault("falls silent half way", (Reply(text="7" * 64, fault="stall"), GOOD), _PORT, _AGAIN, "done", 2),
    ModelFault("refuses", (Reply(refusal="I will not."),), _PORT, "does not ask again", "failed", 1, "I will not"),
    ModelFault(
        "is stopped by its content filter",
        (Reply(text="7", finish="content_filter"),),
        _PORT,
        "does not ask again",
        "failed",
        1,
        "content filter",
    ),
    ModelFault(
        "refuses the key (401)",
        (Reply(status=401),),
        _PORT,
        "does not ask again, names the setting",
        "failed",
        1,
        "Check OPENAI_API_KEY",
    ),
    ModelFault(
        "is not there (404)",
        (Reply(status=404),),
        _PORT,
        "does not ask again, names the setting",
        "failed",
        1,
        "PLANRAIL_PLANNER_MODEL",
    ),
    ModelFault(
        "the account is empty (429 insufficient_quota)",
        (Reply(status=429, error={"code": "insufficient_quota"}),),
        _PORT,
        "does not ask again, names the account",
        "failed",
        1,
        "Fill the account",
    ),
    ModelFault("answers with broken JSON, once", (Reply(text='{"value": 7'), GOOD), _TYPE, _REPAIRS, "done", 2),
    ModelFault(
        "answers with another type, again and again",
        (Reply(json={"value": "seven"}),),
        _TYPE,
        _REPAIRS,
        "failed",
        2,
        "'seven' is not of type 'integer'",
    ),
    ModelFault("answers nothing", (Reply(text=""), GOOD), _TYPE, _REPAIRS, "done", 2),
    ModelFault(
        "calls a tool that nobody offered, instead of answering",
        (Reply(calls=(Called(name="search_web"),)), GOOD),
        _TYPE,
        _REPAIRS,
        "done",
        2,
    ),
    ModelFault(
        "answers without end",
        (Reply(text="and so on, ", fault="endless"),),
        _PORT,
        f"hangs up at twice the limit, {_REPAIRS}",
        "failed",
        2,
        "cut off",
    ),
    ModelFault(
        "is less sure of its answer than the step's `sure`",
        (Reply(json={"value": 7, "sure": 0.4}),),
        "the step's floor",
        "does not count the answer",
        "failed",
        1,
        "0.4 sure",
        script=ASKS.replace("=int", "=int, sure=0.8"),
    ),
    ModelFault(
        "answers most of a run's questions with another type",
        (Reply(json={"value": "seven"}),),
        "the run's floor (`share`)",
        "starts nothing more, though an `otherwise` stands for each",
        "failed",
        8,
        "0% of the models' answers count",
        script='ns = [ask("How many?", i=i, returns=int, otherwise=0) for i in range(4)]\nanswer(ns)\n',
    ),
    ModelFault(
        "writes a plan with a tool that does not exist",
        (Reply(text="n = odd.invented()\nanswer(n)\n"), PLAN),
        _CHECKER,
        _REWRITES,
        "done",
        2,
        script=None,
    ),
    ModelFault(
        "invents tools again and again",
        (Reply(text="n = odd.invented()\nanswer(n)\n"),),
        _CHECKER,
        _REWRITES,
        "failed",
        3,
        "The plan is refused",
        script=None,
    ),
    ModelFault(
        "writes prose instead of a plan",
        (Reply(text="Certainly! Here is what I would do."), PLAN),
        _CHECKER,
        _REWRITES,
        "done",
        2,
        script=None,
    ),
    ModelFault(
        "writes nothing instead of a plan",
        (Reply(text=""),),
        _CHECKER,
        _REWRITES,
        "failed",
        3,
        "The plan is refused",
        script=None,
    ),
    ModelFault(
        "writes a plan without end",
        (Reply(text="n = odd.good()\n", fault="endless"), PLAN),
        _PORT,
        "hangs up, asks for a shorter one",
        "done",
        2,
        script=None,
    ),
    ModelFault(
        "refuses to plan", (Reply(refusal="I will not."),), _PORT, "does not ask again", "failed", 1, "I will not", script=None
    ),
)

_CALL = "the call"
_RESULT = "the result's schema"

TOOLS = (
    ToolFault(
        "raises", "odd.raises()", _CALL, "does not call again; the details are in the log", "failed", 1, "crashed (ValueError)"
    ),
    ToolFault("calls exit", "odd.exits()", _CALL, "does not call again; the process lives", "failed", 1, "crashed"),
    ToolFault("says that it failed", "odd.fails()", "the tool", "does not call again", "failed", 1, "The box is full."),
    ToolFault(
        "says that it failed, and the script has an `otherwise`",
        "odd.fails(otherwise=7)",
        "the tool",
        "takes the script's value",
        "done",
        1,
    ),
    ToolFault(
        "is not available for a moment",
        "odd.later(times=2)",
        "the tool",
        "calls again with growing waits, up to its retries (2)",
        "done",
        3,
        waits=(0.1, 0.2),
    ),
    ToolFault(
        "is not available and says for how long (429, 503 with Retry-After)",
        "odd.later(times=1, wait=7.0)",
        "the tool",
        "waits as long as it asks, at most 30 s, and calls again",
        "done",
        2,
        waits=(7.0,),
    ),
    ToolFault(
        "is not available for good",
        "odd.later(times=99)",
        "the tool",
        "calls again, up to its retries (2)",
        "failed",
        3,
        "Come back later.",
    ),
    ToolFault(
        "a read hangs (async)",
        "odd.hangs()",
        "its time-out",
        "cancels it, and calls again up to its retries",
        "failed",
        2,
        "did not answer within",
    ),
    ToolFault(
        "a read hangs in its thread",
        "odd.hangs_in_a_thread()",
        "its time-out",
        "leaves the thread behind, and calls again up to its retries; what it gives later is a receipt",
        "failed",
        2,
        "did not answer within",
    ),
    ToolFault(
        "an effect hangs that knows no keys",
        "odd.sends()",
        "its time-out",
        "does not call again: it may have happened. A resume asks its probe, else a person",
        "failed",
        1,
        "did not answer within",
    ),
    ToolFault(
        "hangs in a process of its own (`killable`)",
        "odd.hangs_in_a_process()",
        "its time-out",
        "kills the process with all that it started",
        "failed",
        1,
        "did not answer within",
    ),
    ToolFault(
        "prints without end in a process of its own",
        "odd.prints()",
        "its time-out",
        "kills it; what it prints is no answer",
        "failed",
        1,
        "did not answer within",
    ),
    ToolFault("gives 100 MB", "odd.floods()", _RESULT, "takes none of it", "failed", 1, "returned more than"),
    ToolFault("gives an iterator without end", "odd.endless()", _RESULT, "takes none of it", "failed", 1, "an iterator"),
    ToolFault(
        "gives another type than it declares",
        "odd.wrong_type()",
        _RESULT,
        "takes none of it",
        "failed",
        1,
        "returned what it does not declare",
    ),
    ToolFault(
        "gives what is no JSON", "odd.no_json()", _RESULT, "takes none of it", "failed", 1, "returned what it does not declare"
    ),
    ToolFault("gives NaN", "odd.nan()", _RESULT, "takes none of it", "failed", 1, "NaN or infinity"),
)

_GATE = "tests/executor/test_gate.py"
_LATE = "tests/executor/test_late.py"
_CLOCK = "tests/executor/test_wall_clock.py"
_DATABASE = "tests/test_faulty_databases.py"
_JOURNAL = "tests/executor/test_journal_sqlite.py"
_ENGINE = "tests/executor/test_postgres_engine.py"
_INTERRUPT = "tests/planrail/test_cli_interrupt.py"

HOUSE = (
    HouseFault(
        "the collector of traces is away, or does not answer",
        "the thread that sends spans",
        "keeps 2,048 spans and drops the others; a process that ends tries for three seconds",
        "as it does anyway",
        "nothing of the run: spans are missing",
        (
            "tests/planrail/test_traces.py::test_a_collector_that_is_away_holds_up_neither_a_run_nor_the_end_of_its_process",
            "tests/planrail/test_traces.py::"
            "test_a_collector_that_does_not_answer_makes_nobody_wait_and_what_is_too_much_is_dropped",
        ),
    ),
    HouseFault(
        "a secret that a call needs is not set",
        "the worker, when the call is ready",
        "asks for it by its name while all else goes on, and looks for it again when it is said to be there",
        "done, once it is set",
        "nothing",
        (
            "tests/executor/test_credentials.py::test_a_secret_that_is_not_set_is_asked_for_once_by_name_while_all_else_runs",
            "tests/executor/test_credentials.py::test_where_it_is_said_to_be_set_and_is_not_it_is_asked_for_again",
        ),
    ),
    HouseFault(
        "a run is cancelled while it waits for another agent's question",
        "who ends the run",
        "tells the agent, for five seconds where it is away",
        "cancelled",
        "nothing; an agent that stays away keeps its task",
        (
            "tests/executor/agent_tools/test_delegate.py::"
            "test_a_run_that_waits_for_what_an_agent_asks_cancels_it_there_whoever_owns_it_then",
            "tests/executor/agent_tools/test_cli_agents.py::"
            "test_a_node_that_was_restarted_cancels_at_another_agent_what_waits_for_its_question",
        ),
    ),
    HouseFault(
        "a server fails again and again",
        "its breaker",
        "leaves it alone for a while, then lets one call probe",
        "as the script says of a failed call",
        "nothing for what was not called",
        (
            f"{_GATE}::test_a_server_that_failed_five_times_in_a_row_is_called_no_more",
            f"{_GATE}::test_an_effect_that_was_refused_is_not_uncertain_and_is_made_when_the_run_is_resumed",
            f"{_GATE}::test_a_sick_endpoint_is_left_alone_for_all_its_models_and_a_refused_call_is_not_billed",
        ),
    ),
    HouseFault(
        "a tool ends after its run was cancelled",
        "the thread",
        "keeps the result as a receipt",
        "cancelled; a resume takes the receipt",
        "its call, once",
        (f"{_LATE}::test_a_result_that_comes_after_a_cancel_is_adopted_and_nothing_is_called_again",),
    ),
    HouseFault(
        "SQLite is locked for longer than 5 s while a run goes",
        "the journal",
        "gives up what it was at, and goes on by itself when the lock is gone",
        "done, or failed where it can say so; `resume` goes on",
        "reads are made again, effects never blindly",
        (f"{_DATABASE}::test_a_database_that_is_locked_for_too_long_in_mid_run_makes_no_effect_twice",),
    ),
    HouseFault(
        "SQLite is locked when a command begins",
        "the journal",
        "waits, then says so",
        "the command exits with 1",
        "nothing",
        ("tests/planrail/test_cli_bad_input.py::test_a_locked_database_is_told_and_the_run_goes_on_later",),
    ),
    HouseFault(
        "the SQLite file is damaged",
        "the journal",
        "names the file and the way to save what is left",
        "the command exits with 1",
        "nothing",
        (
            f"{_JOURNAL}::test_a_damaged_database_is_named",
            f"{_DATABASE}::test_a_database_that_is_damaged_in_mid_run_is_named_and_nothing_is_made_on_it",
        ),
    ),
    HouseFault(
        "the disk is full",
        "the journal",
        "starts no effect whose claim it cannot write, and says that the disk is full",
        "failed, or once there is room done; `resume` goes on",
        "reads are made again, effects never blindly",
        (
            f"{_DATABASE}::test_a_disk_that_is_full_in_mid_run_lets_no_effect_happen_and_a_resume_goes_on",
            f"{_JOURNAL}::test_a_full_disk_is_told_to_each_that_does_not_fit",
        ),
    ),
    HouseFault(
        "PostgreSQL is away for 30 s",
        "journal and queue",
        "wait for it, up to `database_away_s`",
        "done",
        "nothing more",
        (
            f"{_ENGINE}::test_workers_outlive_a_database_that_goes_away",
            "tests/executor/test_postgres_journal.py::test_appends_wait_for_a_server_that_went_away",
        ),
    ),
    HouseFault(
        "the answer to a commit is lost",
        "the journal",
        "looks the transaction up before it would write again",
        "done",
        "nothing more",
        ("tests/executor/test_postgres_journal.py::test_a_commit_whose_answer_is_lost_is_neither_lost_nor_doubled",),
    ),
    HouseFault(
        "the clock is set, forwards or backwards",
        "nobody",
        "measures with a clock that nobody sets; a claim is waited for no longer than it can last",
        "done",
        "nothing more",
        (
            f"{_CLOCK}::test_a_clock_that_jumps_in_mid_run_meets_no_ceiling_and_changes_nothing",
            f"{_CLOCK}::test_a_claim_is_waited_for_no_longer_than_it_can_last_whatever_the_clock_says",
        ),
    ),
    HouseFault(
        "Ctrl-C",
        "the command",
        "gives the run back, exits with 130, says how to go on",
        "queued; `resume` goes on",
        "reads in flight are made again",
        (f"{_INTERRUPT}::test_ctrl_c_stops_cleanly_and_resume_goes_on",),
    ),
    HouseFault(
        "kill -9",
        "the next worker",
        "takes the run over within seconds",
        "done",
        "reads in flight are made again, effects never blindly",
        (
            f"{_INTERRUPT}::test_after_kill_9_resume_gives_the_answer_and_repeats_no_finished_step",
            "tests/executor/test_workers.py::test_a_killed_workers_run_goes_on_elsewhere_and_no_settled_step_is_executed_again",
        ),
    ),
    HouseFault(
        "a worker is frozen and goes on later",
        "the journal's fence",
        "lets it write nothing more; what it paid for is a receipt",
        "done",
        "what both had called",
        ("tests/executor/test_workers.py::test_a_stopped_worker_that_goes_on_changes_nothing",),
    ),
)
