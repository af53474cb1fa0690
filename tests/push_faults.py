"""Push faults: what happens to notifications, and the tests that hold what Planrail does then."""

from __future__ import annotations

from tests.fault_tables import HouseFault

_WORKERS = "tests/a2a_node/test_push_workers.py"
_RECEIVERS = "tests/a2a_node/test_push_receivers.py"
_TARGETS = "tests/a2a_node/test_push_targets.py"
_OUTBOX = "tests/executor/test_outbox.py"

NOTIFICATIONS = (
    HouseFault(
        "a receiver answers 4xx or 5xx, redirects, or does not answer",
        "the courier",
        "tries again, with growing waits, the same before anything else; that place gets one at a time",
        "arrives, or is given up after `push_give_up_s`",
        "other receivers nothing",
        (
            "tests/a2a_node/test_push.py::test_what_does_not_arrive_is_sent_again_before_anything_else_and_is_the_same",
            "tests/a2a_node/test_push.py::test_no_stream_and_no_other_receiver_waits_for_a_slow_one",
            f"{_RECEIVERS}::test_what_a_status_means",
        ),
    ),
    HouseFault(
        "a receiver says when it wants it again (429, 503 with Retry-After)",
        "the courier",
        "waits as long as it asks, at most an hour",
        "arrives later",
        "nothing",
        (f"{_RECEIVERS}::test_what_a_status_means",),
    ),
    HouseFault(
        "a receiver is gone for good (410)",
        "the courier",
        "gives up at once; `planrail push retry` tries again",
        "is given up",
        "nothing",
        (f"{_WORKERS}::test_a_receiver_that_is_gone_for_good_is_left_alone_at_once",),
    ),
    HouseFault(
        "a receiver is away for longer than `push_give_up_s`",
        "the courier",
        "gives up; `planrail push list` and `planrail doctor` say so, `planrail push retry` goes on where it was",
        "is given up until somebody says so",
        "nothing",
        (f"{_WORKERS}::test_what_is_given_up_is_seen_and_tried_again_when_somebody_says_so",),
    ),
    HouseFault(
        "a receiver answers with 30 MB, or byte by byte",
        "the wire",
        "takes the status, reads 64 kB and half a second of the rest at most, and closes the connection",
        "has arrived",
        "a connection",
        (
            f"{_RECEIVERS}::test_an_answer_of_30_mb_counts_by_its_status_and_is_not_read",
            f"{_RECEIVERS}::test_an_answer_that_drips_counts_by_its_status_and_its_body_is_not_waited_for",
        ),
    ),
    HouseFault(
        "a receiver's answer has no end of its head, or is no HTTP",
        "the wire",
        "hangs up after `push_timeout_s` or 64 kB, and tries again later",
        "arrives, or is given up after `push_give_up_s`",
        "nothing",
        (
            f"{_RECEIVERS}::test_a_head_that_does_not_end_is_a_time_out",
            f"{_RECEIVERS}::test_what_is_no_answer_is_a_failure",
        ),
    ),
    HouseFault(
        "a connection that was kept has been closed at the other end",
        "the wire",
        "makes a new one at once; that is no failed attempt",
        "arrives",
        "a connection",
        (f"{_RECEIVERS}::test_connections_are_kept_and_one_that_was_closed_meanwhile_is_no_failure",),
    ),
    HouseFault(
        "a receiver's name leads into the house by now",
        "the wire",
        "sends nothing",
        "is given up after `push_give_up_s`",
        "nothing",
        (f"{_TARGETS}::test_a_name_that_leads_into_the_house_by_now_is_not_notified",),
    ),
    HouseFault(
        "the database is locked or gone while a notification is under way",
        "the outbox",
        "waits for it; what was not settled is told again",
        "arrives, the one that was under way perhaps twice",
        "no attempt of the receiver's",
        (
            f"{_RECEIVERS}::test_a_database_that_is_locked_meanwhile_costs_the_receiver_nothing_but_time",
            f"{_RECEIVERS}::test_a_database_that_is_gone_meanwhile_costs_the_receiver_nothing_but_time",
        ),
    ),
    HouseFault(
        "a worker that notifies is killed",
        "the next worker",
        "takes its receivers over when the lease ends, within ten seconds",
        "arrives, the one that was under way twice",
        "nothing",
        (f"{_WORKERS}::test_a_worker_that_is_killed_while_it_notifies_is_replaced_and_nothing_is_lost",),
    ),
    HouseFault(
        "a worker that notifies is frozen and goes on later",
        "the lease",
        "lets it settle nothing more",
        "arrives, the one that was under way twice",
        "nothing",
        (f"{_OUTBOX}::test_a_clock_that_is_set_forward_ends_leases_and_who_had_one_settles_nothing",),
    ),
    HouseFault(
        "the database's clock is set back",
        "the outbox",
        "ends, within a minute, waits and leases that no rule gives",
        "arrives",
        "nothing",
        (f"{_OUTBOX}::test_a_clock_that_is_set_back_holds_nothing_up",),
    ),
    HouseFault(
        "the database's clock is set forward",
        "the lease",
        "takes what is under way for left, and tells it again; the first worker settles nothing more",
        "arrives, the one that was under way twice",
        "nothing",
        (f"{_OUTBOX}::test_a_clock_that_is_set_forward_ends_leases_and_who_had_one_settles_nothing",),
    ),
)
