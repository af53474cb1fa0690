"""What other agents may do wrong to whoever delegates or sends to them, and what comes of it: rows of docs/faults.md."""

from __future__ import annotations

from tests.fault_tables import HouseFault

_HOSTILE = "tests/executor/agent_tools/test_hostile_agents.py"
_SIGNED = "tests/executor/agent_tools/test_signed_cards.py"
_SEND = "tests/executor/agent_tools/test_send_foreign.py"
_TOLD = "fails, or takes its `otherwise`"
_CALL = "the call's `usd`"
_NOTHING = "nothing"

AGENTS = (
    HouseFault(
        "the connection breaks off, or the agent is killed and started again",
        "the conversation",
        "looks at the task, and listens on; the message is sent once",
        "goes on",
        _NOTHING,
        (
            f"{_SEND}::test_a_connection_that_breaks_off_is_nothing_and_the_message_goes_there_once",
            "tests/a2a_node/test_planrail_to_planrail.py::test_either_side_is_killed_and_the_task_is_one_and_done",
        ),
    ),
    HouseFault(
        "an agent says too much, without end, or packed",
        "the transport, by `max_bytes`",
        "reads no further, in bounded memory, and cancels the task",
        _TOLD,
        _CALL,
        (
            f"{_HOSTILE}::test_who_says_too_much_is_cut_off_in_bounded_memory",
            f"{_HOSTILE}::test_a_coding_that_was_not_asked_for_is_not_unfolded",
        ),
    ),
    HouseFault(
        "an agent drips",
        "the call's time",
        "gives up, and cancels the task",
        _TOLD,
        _CALL,
        (f"{_HOSTILE}::test_who_says_it_byte_by_byte_is_cut_off_when_the_time_is_up",),
    ),
    HouseFault(
        "an agent says what A2A does not have, or speaks of another task",
        "the conversation",
        "believes none of it",
        _TOLD,
        _CALL,
        (
            f"{_HOSTILE}::test_what_is_not_of_the_protocol_s_types_fails_the_step_and_nothing_else",
            f"{_HOSTILE}::test_an_agent_that_speaks_of_another_task_or_context_is_not_believed",
        ),
    ),
    HouseFault(
        "a card changes, or another key signs it",
        "the pin",
        "sends nothing until `planrail agents refresh` has shown what is new",
        _TOLD,
        _NOTHING,
        (
            f"{_HOSTILE}::test_a_card_that_changes_is_refused_and_nothing_is_sent",
            f"{_SIGNED}::test_another_key_is_refused_also_for_the_same_card_and_the_same_key_may_change_it",
        ),
    ),
    HouseFault(
        "a card, a name or a redirect leads into the house, or elsewhere",
        "the transport, after DNS",
        "asks nobody there, and gives the token to nobody else",
        _TOLD,
        _NOTHING,
        (
            f"{_HOSTILE}::test_an_interface_inside_the_house_that_its_card_names_is_not_asked",
            f"{_HOSTILE}::test_a_name_that_leads_into_the_house_is_refused_after_its_address_is_known",
            f"{_HOSTILE}::test_a_redirect_is_not_followed",
            f"{_HOSTILE}::test_the_token_goes_to_the_agent_s_own_host_and_to_no_other_that_its_card_names",
        ),
    ),
    HouseFault(
        "an agent says the token back",
        "the transport",
        "reads the secret's name in its place",
        "goes on",
        _NOTHING,
        (f"{_HOSTILE}::test_the_token_that_an_agent_says_back_is_in_nothing_that_is_kept",),
    ),
    HouseFault(
        "an agent's words would steer a terminal",
        "the screen",
        "leaves out what would",
        "goes on",
        _NOTHING,
        (f"{_SEND}::test_what_would_steer_a_terminal_is_left_out_of_all_that_is_shown",),
    ),
)
