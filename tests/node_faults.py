"""What clients, receivers and replicas of the A2A node may do wrong, and what comes of it: rows of docs/faults.md."""

from __future__ import annotations

from tests.fault_tables import HouseFault

_BAD = "tests/a2a_node/test_bad_input.py"
_KILLS = "tests/a2a_node/test_a2a_kills.py"
_NOTHING = "nothing more"
_REFUSED = "none begins"

NODE = (
    HouseFault(
        "the node that carries a task is killed, or told to stop, with streams open",
        "another node on the database",
        "takes the task over; whoever subscribes there after the last number that it has goes on without a gap",
        "done",
        "reads in flight are made again, effects never blindly",
        (
            f"{_KILLS}::test_the_owner_of_a_task_dies_and_its_watchers_reach_the_end_at_another_node",
            f"{_KILLS}::test_a_node_that_is_told_to_stop_with_fifty_streams_open_stops_and_they_go_on_at_another",
        ),
    ),
    HouseFault(
        "a newer node on the database goes on with a task, an older one is asked for it",
        "the older node",
        "says so (`InternalError`), lists it as far as it can read it, serves all others",
        "as at the newer one",
        _NOTHING,
        (
            "tests/a2a_node/test_newer_replica.py::test_a_task_that_a_newer_node_goes_on_with_is_left_to_it_and_all_others_are_served",
        ),
    ),
    HouseFault(
        "a client goes away in mid-stream",
        "the node",
        "ends the stream; the run goes on",
        "done",
        _NOTHING,
        (
            f"{_BAD}::test_clients_that_vanish_take_nothing_with_them",
            "tests/a2a_node/test_heartbeat.py::test_clients_that_vanish_leave_no_task_no_socket_and_no_follower",
        ),
    ),
    HouseFault(
        "a client reads slowly",
        "the node",
        "waits with its stream, holds nothing back for it, tells it everything",
        "done",
        _NOTHING,
        (
            f"{_BAD}::test_a_slow_reader_of_many_chunks_gets_them_all_and_costs_no_memory",
            "tests/a2a_node/test_channel.py::test_a_listener_that_does_not_take_what_it_is_told_holds_up_nobody_and_is_kept_nothing_for",
        ),
    ),
    HouseFault(
        "a step says nothing for longer than clients wait",
        "the heart of its stream, or of the call that waits",
        "beats: comments, or blanks before the answer; the client waits on",
        "done",
        _NOTHING,
        (
            "tests/a2a_node/test_heartbeat.py::test_a_quiet_stream_is_kept_alive_by_comments",
            "tests/a2a_node/test_heartbeat.py::test_a_quiet_call_that_waits_is_kept_alive_by_blanks",
        ),
    ),
    HouseFault(
        "a message comes twice",
        "its `messageId`",
        "gives the same task; another message of that id is `InvalidParams`",
        "as it did",
        _NOTHING,
        (f"{_BAD}::test_the_same_message_is_the_same_task_and_another_with_its_id_is_refused",),
    ),
    HouseFault(
        "a body is longer than `max_body`, without end, or no JSON",
        "the node",
        "reads no further, and refuses it in the words of its binding",
        _REFUSED,
        "nothing",
        (f"{_BAD}::test_what_is_too_large_is_refused_and_not_kept_in_memory", f"{_BAD}::test_what_is_no_json_is_refused"),
    ),
    HouseFault(
        "a web page in a browser on the machine posts to the node",
        "the body's type, the host's name, the origin",
        "refuses what does not say that it is JSON, names another host, or is of another site",
        _REFUSED,
        "nothing",
        (
            f"{_BAD}::test_what_any_page_in_a_browser_could_send_is_refused",
            f"{_BAD}::test_a_page_whose_site_calls_this_machine_its_own_is_refused",
        ),
    ),
    HouseFault(
        "the key of an open stream is revoked",
        "the node",
        "tells it no more, within a second",
        "as it would",
        _NOTHING,
        ("tests/a2a_node/test_authorization.py::test_a_stream_of_a_key_that_is_revoked_meanwhile_tells_no_more",),
    ),
    HouseFault(
        "a caller asks too often",
        "the node, by its principal",
        "says 429 or `RESOURCE_EXHAUSTED`, and when to come again; others are not bothered",
        "as it would",
        _NOTHING,
        ("tests/a2a_node/test_limits.py::test_who_asks_too_often_is_told_when_to_come_again",),
    ),
    HouseFault(
        "a principal has as many runs at once, or $ today, as it may",
        "the database",
        "takes no further message that would begin a task, and says when to come again; the same message begins it then",
        "none begins; one that meets the day's end is `partial`",
        _NOTHING,
        (
            "tests/a2a_node/test_limits.py::test_who_has_as_many_runs_as_it_may_gets_no_further_one_until_one_ends",
            "tests/a2a_node/test_limits.py::test_who_has_used_the_day_up_begins_nothing_and_leaves_nothing",
        ),
    ),
    HouseFault(
        "the clock that says which day it is is set",
        "the database's clock",
        "gives no date twice: what was taken on it stands there",
        "as it would",
        _NOTHING,
        ("tests/executor/test_quota.py::test_a_clock_that_is_set_gives_no_day_twice",),
    ),
    HouseFault(
        "a node behind a proxy is killed with a message, or a stream, on its way to it",
        "the proxy",
        "sends it to another node, as docs/deploy.md has it: the same id is the same task",
        "as it would",
        _NOTHING,
        ("tests/planrail/test_deployed.py::test_a_node_that_is_killed_breaks_its_streams_and_they_go_on_at_the_other",),
    ),
    HouseFault(
        "a node is started whose card calls others to it, and nobody is known who may come",
        "`planrail serve`",
        "does not start, and says how a key is made",
        "none begins",
        _NOTHING,
        ("tests/planrail/test_auth.py::test_a_server_that_tells_others_where_it_is_knows_who_may_come",),
    ),
)
