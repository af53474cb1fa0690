"""Kit findings: what the official compatibility kits find wrong or leave out at our node, each with its reason.

A failure goes by the test's name; what is skipped by what the kit says of it.
"""

from __future__ import annotations

_NO_SUCCESS = "the kit wants success of what it says itself has to be ContentTypeNotSupported (its requirement names no error)"
FAILS_10 = {
    "test_requirements::test_must_requirement[CORE-SEND-003-jsonrpc]": _NO_SUCCESS,
    "test_requirements::test_must_requirement[CORE-SEND-003-http_json]": _NO_SUCCESS,
    "test_requirements::test_must_requirement[CORE-SEND-003-grpc]": _NO_SUCCESS,
    "TestRestFormat::test_response_content_type": "stale: section 11.1 says application/a2a+json",
    "TestGrpcStatusCodes::test_version_not_supported_returns_unimplemented": "stale: section 5.4 says FAILED_PRECONDITION",
}
SKIPPED_10 = {
    r"supports (push|streaming)": "it is for an agent without what the node has",
    r"filtered by --transport": "the kit cannot be given credentials, and over gRPC no gateway adds them",
    r"No requirements at this level": "the kit has no such requirement",
}

_CARD = "the kit looks for the card at the agent's own URL"
_ENVELOPE = "the kit looks for the capabilities beside the result instead of in it, and takes them for missing"
_METHOD = "the kit sends a whole request as the name of a method, which is an invalid request"
_PLACE = "the kit takes 127.0.0.1 and the words `API key` in a card for secrets"
_EXTENDED = "the kit asks for the extended card, which a node without authentication has not"
_RESTS = "the kit wants a task that has not begun; a send is answered when the task rests"
_BOTH_03 = {
    "test_a2a_error_codes_enhanced::test_push_notification_not_supported_error_32003_enhanced": _ENVELOPE,
    "test_error_validation_enhanced::test_invalid_method_error_validation": _METHOD,
    "test_agent_card_security::test_public_agent_card_access_control": _CARD,
    "test_agent_card_security::test_sensitive_information_protection": _PLACE,
    "test_multi_transport_equivalence::test_agent_card_access_equivalence": _EXTENDED,
    "test_authentication::test_invalid_authentication": "the kit's own HTTP library refuses the header that it makes",
    "test_task_state_quality::test_task_state_transitions": _RESTS,
}
FAILS_03 = {
    **_BOTH_03,
    "test_push_notification_config_methods::test_get_push_notification_config": (
        "the kit asks for the configuration `default`; the one that it made without an id is told to have the task's"
    ),
    "test_invalid_business_logic::test_unsupported_part_kind": "a part with a text and without its kind is read as text",
}
FAILS_03_REST = {
    **_BOTH_03,
    "test_a2a_error_codes::test_push_notification_not_supported_error_32003": "the kit's REST client has no such method",
    "TestTasksList::test_tasks_list_with_existing_tasks": "the kit sends a text for a message; and A2A 0.3 lists no tasks",
    "test_message_send_capabilities::test_message_send_continue_with_contextid": (
        "the kit loses the contextId of a REST answer and sends another one, which is refused"
    ),
}
SKIPPED_03 = {
    r"HTTPS|localhost|testing environments|testing locally": "it is about TLS, which a proxy in front ends",
    r"specific to \S+ transport|applicable to (gRPC|REST|JSON-RPC)|got rest|client implementation required": (
        "it is of the other binding, or the kit has no client for it"
    ),
    r"[Nn]o (authentication|security) schemes|No OAuth2|credentials|authentication section|extended card": (
        "it is about schemes that the card does not name, or the kit would need credentials, which it cannot be given"
    ),
    r"rigger|appears to support push": "the kit found no way to that error",
    r"modality not supported": "the kit looks for the words `file` and `data` in a card that names media types",
    r"did not require|Could not create test task": "no task of the fixture asks for credentials",
    r"tasks/list not supported": "A2A 0.3 lists no tasks",
    r"flaky|Many A2A SDK": "the kit leaves it out itself",
    r"Failed to create reference task": "the kit's message has neither an id nor a role, and is refused",
    r"Need at least 2|direct transport access|capture task ID": "the kit compares bindings, and has one at a time",
}
