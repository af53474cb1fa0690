"""What A2A 1.0 demands, by section, and the tests that hold it: each MUST of it, and the SHOULDs that matter here.

A test says by `@pytest.mark.requirement(id, …)` what it holds; test_requirements.py holds that both sides agree. Where there is
no test, `why` says why: most such rows bind somebody else (clients, other bindings, documents, those who run a server).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["server", "client", "neither"]


@dataclass(frozen=True)
class Requirement:
    """One demand: its id is the section and a letter."""

    id: str
    words: str  # ours, short
    tests: tuple[str, ...] = ()  # module (without test_ and .py), a colon, the test's name without test_
    side: Side = "server"  # whom it binds: us as a server, us as a client, or neither
    why: str = ""  # why no test of ours holds it
    level: Literal["MUST", "SHOULD"] = "MUST"

    @property
    def section(self) -> str:
        return self.id.rstrip("abcdefghijklmnopqrstuvwxyz")


def _must(id: str, words: str, *tests: str) -> Requirement:
    return Requirement(id, words, tests)


def _should(id: str, words: str, *tests: str) -> Requirement:
    return Requirement(id, words, tests, level="SHOULD")


def _of_clients(id: str, words: str, *tests: str, why: str = "") -> Requirement:
    return Requirement(id, words, tests, side="client", why=why)


def _for_others(id: str, words: str, why: str) -> Requirement:
    return Requirement(id, words, side="neither", why=why)


_DOCUMENT = "binds the specification's own documents"
_OTHER_BINDING = "binds who invents another binding; there is none here"
_TASKS_ONLY = "the agent answers every message with a task, never with a bare message"
_OPERATOR = "is for whoever runs the server: docs/a2a.md says how"

OPERATIONS = (
    _for_others("1.4a", "A breaking change comes with a guide for those who migrate.", _DOCUMENT),
    _for_others("1.4b", "Anchors of older documents stay.", _DOCUMENT),
    _must(
        "3.1.1a", "Sending gives back at once a task, or a message.", "spec_sending:a_message_makes_a_task_that_is_given_back"
    ),
    _must(
        "3.1.1b",
        "A media type that is not taken is refused: ContentTypeNotSupported.",
        "spec_sending:a_media_type_that_the_agent_does_not_take_is_refused",
    ),
    _must(
        "3.1.1c",
        "A message to a task that is over is refused: UnsupportedOperation.",
        "spec_sending:a_message_to_a_task_that_is_over_is_refused",
    ),
    _must(
        "3.1.1d",
        "A message to a task that is not there is refused: TaskNotFound.",
        "spec_sending:a_message_to_a_task_that_is_not_there_is_refused",
    ),
    _must(
        "3.1.2a", "A streaming send opens a stream.", "spec_sending:a_stream_begins_with_the_task_and_ends_with_its_last_status"
    ),
    _for_others("3.1.2b", "A stream with a message has exactly one, then closes.", _TASKS_ONLY),
    _must(
        "3.1.2c",
        "A stream of a task begins with the task.",
        "spec_sending:a_stream_begins_with_the_task_and_ends_with_its_last_status",
    ),
    _must(
        "3.1.2d",
        "It closes when the task has reached a terminal state.",
        "spec_sending:a_stream_begins_with_the_task_and_ends_with_its_last_status",
    ),
    _must(
        "3.1.2e",
        "It tells at once of progress and intermediate results.",
        "spec_sending:a_stream_tells_of_progress_while_the_task_works",
    ),
    _must(
        "3.1.3a",
        "A task that is not there, or is another's, is TaskNotFound.",
        "spec_tasks:a_task_that_is_not_there_is_not_found_by_any_operation",
    ),
    _must(
        "3.1.4a",
        "A list leaves artifacts out entirely, unless they are asked for.",
        "spec_tasks:a_list_has_artifacts_only_where_they_are_asked_for",
    ),
    _must(
        "3.1.4b",
        "A list always has nextPageToken; the last page's is empty.",
        "spec_tasks:a_list_is_paged_by_tokens_newest_status_first",
    ),
    _must(
        "3.1.4c",
        "A list has only what its caller may see.",
        "authorization:a_new_task_is_the_callers_own_and_a_list_has_no_others",
    ),
    _must("3.1.4d", "A list is paged by a cursor.", "spec_tasks:a_list_is_paged_by_tokens_newest_status_first"),
    _must(
        "3.1.4e",
        "A list is sorted by the time of the last status, newest first.",
        "spec_tasks:a_list_is_paged_by_tokens_newest_status_first",
    ),
    _must("3.1.5a", "Cancelling gives back the task as it is then.", "spec_tasks:a_task_is_cancelled_once_and_then_no_more"),
    _must(
        "3.1.5b", "Cancelling a task that is over: TaskNotCancelable.", "spec_tasks:a_task_is_cancelled_once_and_then_no_more"
    ),
    _must(
        "3.1.6a",
        "A subscription ends when the task has reached a terminal state.",
        "spec_tasks:a_subscription_begins_with_the_task_as_it_is_and_ends_with_it",
    ),
    _must(
        "3.1.6b",
        "Its first event is the task as it is then.",
        "spec_tasks:a_subscription_begins_with_the_task_as_it_is_and_ends_with_it",
    ),
    _must(
        "3.1.6c",
        "Subscribing to a task that is over: UnsupportedOperation.",
        "spec_tasks:a_task_that_is_over_takes_no_subscription",
    ),
    _must(
        "3.1.7a",
        "A webhook that is configured is told of updates.",
        "spec_push:a_webhook_is_configured_read_listed_and_deleted",
        "spec_push:a_webhook_of_a_task_that_there_is_not_is_an_error",
        "push:a_receiver_hears_the_task_and_then_in_order_what_a_stream_gives",
    ),
    _must(
        "3.1.8a",
        "A configuration is given back whole; one that is not there, or another's, is an error.",
        "spec_push:a_webhook_is_configured_read_listed_and_deleted",
        "spec_push:a_webhook_of_a_task_that_there_is_not_is_an_error",
    ),
    _must(
        "3.1.9a",
        "All active configurations of a task are listed.",
        "spec_push:a_webhook_is_configured_read_listed_and_deleted",
        "spec_push:a_webhook_of_a_task_that_there_is_not_is_an_error",
        "spec_push:webhooks_are_listed_page_by_page",
    ),
    _must(
        "3.1.10a",
        "A configuration that is deleted is gone; nothing more is sent to it.",
        "spec_push:a_webhook_is_configured_read_listed_and_deleted",
        "spec_push:a_webhook_of_a_task_that_there_is_not_is_an_error",
        "push:a_configuration_that_is_deleted_hears_no_more",
    ),
    _must(
        "3.1.10b", "Deleting again does what deleting once does.", "spec_push:a_webhook_is_configured_read_listed_and_deleted"
    ),
    _of_clients(
        "3.1.11a",
        "The extended card is asked for with credentials of a scheme that the public card declares.",
        why="no use is made of other agents' extended cards",
    ),
    _must(
        "3.2.2a",
        "A send waits until the task is over or interrupted.",
        "spec_sending:a_send_waits_until_the_task_is_over_or_asks",
    ),
    _must(
        "3.2.2b",
        "What it gives then has the latest state, with all artifacts.",
        "spec_sending:a_send_waits_until_the_task_is_over_or_asks",
    ),
    _must("3.2.2c", "With returnImmediately it does not wait.", "spec_sending:a_send_that_need_not_wait_does_not"),
    _should(
        "3.2.4a",
        "historyLength 0 leaves the history out; a number is the most that comes, the latest.",
        "spec_sending:history_is_as_long_as_is_asked_for",
    ),
    _for_others("3.2.6a", "A binding of one's own says how it carries service parameters.", _OTHER_BINDING),
)

SEMANTICS = (
    _must("3.3.2a", "An error fits what was wrong.", "spec_errors:each_error_has_its_code_in_each_binding"),
    _must(
        "3.3.2b",
        "Without valid credentials nothing is done.",
        "authorization:what_is_refused_before_any_operation_says_how_to_come_in",
    ),
    _must("3.3.2c", "Who lacks a permission is told that.", "a2a_tasks:an_agent_does_not_approve_what_it_has_asked_for"),
    _must(
        "3.3.2d",
        "Nobody learns whether there is what they may not see.",
        "authorization:whoever_has_no_task_cannot_tell_it_from_none_nor_touch_it",
    ),
    _must(
        "3.3.2e",
        "All parameters are validated before anything is done.",
        "spec_errors:wrong_parameters_are_refused_before_anything_is_done",
    ),
    _must(
        "3.3.2f",
        "What is not there, or not accessible, is not found.",
        "spec_tasks:a_task_that_is_not_there_is_not_found_by_any_operation",
    ),
    _must("3.3.2g", "Every error has a code and a message.", "spec_errors:each_error_has_its_code_in_each_binding"),
    _must("3.3.2h", "Each detail of an error has its @type.", "spec_errors:each_error_has_its_code_in_each_binding"),
    _should(
        "3.3.2i",
        "An error of authentication has a challenge, with the scheme.",
        "authorization:what_is_refused_before_any_operation_says_how_to_come_in",
    ),
    _should(
        "3.3.2j",
        "An error of validation names the parameter.",
        "spec_errors:wrong_parameters_are_refused_before_anything_is_done",
    ),
    _must(
        "3.3.4a",
        "Without the capability each push operation is PushNotificationNotSupported.",
        "spec_capabilities:what_the_card_does_not_declare_is_refused",
    ),
    _for_others("3.3.4b", "Without streaming, streams are UnsupportedOperation.", "the agent always streams"),
    _must(
        "3.3.4c",
        "Without the capability the extended card is UnsupportedOperation.",
        "spec_capabilities:what_the_card_does_not_declare_is_refused",
    ),
    _for_others(
        "3.3.4d",
        "Declared but not configured: ExtendedAgentCardNotConfigured.",
        "the card declares it if and only if there is one",
    ),
    _must(
        "3.3.4e",
        "Who does not name a required extension is refused: ExtensionSupportRequired.",
        "spec_capabilities:a_required_extension_has_to_be_named",
    ),
    _must(
        "3.4.1a",
        "A contextId that the agent made stands in the answer.",
        "spec_sending:a_message_makes_a_task_that_is_given_back",
    ),
    _must(
        "3.4.1b",
        "A contextId that cannot be taken is refused, never replaced.",
        "bad_input:ids_are_taken_as_they_are_or_refused",
    ),
    _must(
        "3.4.2a",
        "Every task has a taskId of its own, made by the server.",
        "spec_sending:a_message_makes_a_task_that_is_given_back",
    ),
    _must("3.4.2b", "The taskId stands in the task.", "spec_sending:a_message_makes_a_task_that_is_given_back"),
    _must(
        "3.4.2c", "A taskId that is not there is TaskNotFound.", "spec_sending:a_message_to_a_task_that_is_not_there_is_refused"
    ),
    _must(
        "3.4.3a",
        "A message with a taskId alone is of that task's context.",
        "spec_sending:a_message_with_the_task_alone_is_of_its_context",
    ),
    _must(
        "3.4.3b",
        "A contextId that is not the task's is refused.",
        "spec_sending:a_message_of_another_context_than_its_tasks_is_refused",
    ),
    _must(
        "3.5.2a", "Events come in the order they happened.", "spec_tasks:all_streams_of_a_task_tell_the_same_in_the_same_order"
    ),
    _must(
        "3.5.2b",
        "All active streams of a task get its events.",
        "spec_tasks:all_streams_of_a_task_tell_the_same_in_the_same_order",
    ),
    _must(
        "3.5.2c",
        "Each gets the same ones in the same order.",
        "spec_tasks:all_streams_of_a_task_tell_the_same_in_the_same_order",
    ),
    _must(
        "3.5.2d", "A stream that is closed closes no other.", "spec_tasks:all_streams_of_a_task_tell_the_same_in_the_same_order"
    ),
    _must("3.6a", "A version's patch number counts for nothing.", "spec_errors:a_version_that_is_not_spoken_is_refused"),
    _of_clients(
        "3.6.1a",
        "Every request names its version.",
        "client_rules:every_request_to_an_agent_names_its_version_by_its_two_numbers",
    ),
    _must(
        "3.6.2a",
        "A request is understood by the version it names.",
        "spec_errors:without_a_version_a_request_is_of_the_older_one",
    ),
    _must(
        "3.6.2b", "A version that is not spoken is VersionNotSupported.", "spec_errors:a_version_that_is_not_spoken_is_refused"
    ),
    _must("3.6.2c", "An empty version is 0.3.", "spec_errors:without_a_version_a_request_is_of_the_older_one"),
    _for_others("3.6.3a", "SDKs help to choose a version.", "binds SDKs; the one here does"),
    _must(
        "3.7a",
        "Nothing critical is only in a message: results are artifacts.",
        "spec_sending:a_send_waits_until_the_task_is_over_or_asks",
    ),
    _of_clients("3.7b", "Clients do not rely on messages being kept.", why="a delegated step takes its result from artifacts"),
)

MODEL = (
    _must("4a", "All bindings represent the same data.", "spec_tasks:a_task_reads_alike_in_every_binding"),
    _must(
        "4.3.3a",
        "A webhook is sent the credentials of its configuration.",
        "push:the_subscriber_is_known_by_its_credentials_and_we_by_our_signature",
    ),
    _of_clients(
        "4.3.3b", "A webhook answers 2xx to what it has received.", why="the node has no webhook of its own: it streams"
    ),
    _of_clients(
        "4.3.3c", "A webhook checks that the task is one that it expects.", why="the node has no webhook of its own: it streams"
    ),
    _must(
        "4.3.3d",
        "Each webhook is tried at least once.",
        "push:what_does_not_arrive_is_sent_again_before_anything_else_and_is_the_same",
    ),
    _should(
        "4.3.3e", "A webhook has a time-out of 10 to 30 seconds.", "push:no_stream_and_no_other_receiver_waits_for_a_slow_one"
    ),
    _for_others("4.6.3a", "An extension that breaks has a new URI.", "the URI ends in its version; there is one so far"),
    _must(
        "4.6.3b",
        "An extension in another version is not replaced by an older one.",
        "spec_capabilities:an_extension_in_another_version_is_not_activated",
    ),
    _must(
        "4.6.3c",
        "A required extension in a version that is not supported is an error.",
        "spec_capabilities:a_required_extension_has_to_be_named",
    ),
    _must("5.1a", "All bindings have the same operations and capabilities.", "spec_tasks:a_task_reads_alike_in_every_binding"),
    _must("5.1b", "All give equivalent results.", "spec_tasks:a_task_reads_alike_in_every_binding"),
    _must("5.1c", "All map errors alike.", "spec_errors:each_error_has_its_code_in_each_binding"),
    _must("5.1d", "All take the same credentials.", "authorization:the_owner_may_do_everything"),
    _must(
        "5.2a",
        "The card declares every binding that is served.",
        "spec_card:the_card_declares_what_is_served_where_it_is_served",
    ),
    _must("5.4a", "A2A's errors have their codes in each binding.", "spec_errors:each_error_has_its_code_in_each_binding"),
    _for_others("5.4b", "A binding of one's own maps the errors.", _OTHER_BINDING),
    _must("5.5a", "JSON has camelCase names.", "spec_json:json_has_the_names_and_forms_of_the_specification"),
    _must(
        "5.5b",
        "Enumerations are their names of the protocol buffer.",
        "spec_json:json_has_the_names_and_forms_of_the_specification",
    ),
    _must(
        "5.6.1a",
        "Timestamps are ISO 8601 in UTC, read and written.",
        "spec_json:json_has_the_names_and_forms_of_the_specification",
    ),
    _must("5.6.1b", "They end in Z.", "spec_json:json_has_the_names_and_forms_of_the_specification"),
    _must("5.7a", "Required fields are there.", "spec_json:json_fits_the_schema_of_the_specification"),
    _must("5.7b", "Required arrays have an element.", "spec_json:json_fits_the_schema_of_the_specification"),
    _should(
        "5.7c",
        "Messages without required fields are refused.",
        "spec_errors:wrong_parameters_are_refused_before_anything_is_done",
    ),
    _should("5.7d", "Unknown fields are ignored.", "spec_json:fields_that_nobody_knows_are_ignored"),
    _for_others("5.8a", "A breaking change of a binding has a new URI.", _OTHER_BINDING),
)

SECURITY_AND_CARD = (
    _for_others("7.1a", "Production is encrypted.", _OPERATOR),
    _must("7.4a", "Every request is authenticated.", "authorization:what_is_refused_before_any_operation_says_how_to_come_in"),
    _must(
        "7.6.1a",
        "A task tracks what needs authorization …",
        "questions:a_secret_that_is_not_set_is_auth_required_and_no_message_of_the_submitter_answers_it",
    ),
    _must(
        "7.6.1b",
        "… and goes to AUTH_REQUIRED …",
        "questions:a_secret_that_is_not_set_is_auth_required_and_no_message_of_the_submitter_answers_it",
    ),
    _must(
        "7.6.1c",
        "… with a message that explains it.",
        "questions:a_secret_that_is_not_set_is_auth_required_and_no_message_of_the_submitter_answers_it",
    ),
    _must(
        "7.6.1d",
        "Credentials come another way than by message.",
        "questions:a_secret_that_is_not_set_is_auth_required_and_no_message_of_the_submitter_answers_it",
    ),
    _must(
        "7.6.4a",
        "AUTH_REQUIRED alone authorizes nothing.",
        "questions:a_secret_that_is_not_set_is_auth_required_and_no_message_of_the_submitter_answers_it",
    ),
    _must(
        "7.6.4b",
        "What is given for one operation is not taken for later messages.",
        "questions:a_secret_that_is_not_set_is_auth_required_and_no_message_of_the_submitter_answers_it",
    ),
    _must("8.1a", "There is a card.", "spec_card:the_card_declares_what_is_served_where_it_is_served"),
    _must(
        "8.3a",
        "It declares the bindings that are supported, …",
        "spec_card:the_card_declares_what_is_served_where_it_is_served",
    ),
    _must("8.3.1a", "… each with its true URL.", "spec_card:the_card_declares_what_is_served_where_it_is_served"),
    _of_clients(
        "8.3.2a",
        "The first interface that one speaks is taken, with its URL and its tenant.",
        "client_rules:the_first_interface_that_is_spoken_here_is_taken_with_its_url_and_its_tenant",
    ),
    _must(
        "8.4.1a",
        "A card is canonicalized (RFC 8785) before it is signed.",
        "card_served:a_strict_card_is_verified_as_the_raw_json_that_it_is",
    ),
    _must(
        "8.4.1b",
        "Presence of fields counts: required ones always, optional ones where they are set, no defaults else.",
        "card_served:a_strict_card_is_verified_as_the_raw_json_that_it_is",
    ),
    _must("8.4.1c", "Signatures are not signed.", "card_served:a_strict_card_is_verified_as_the_raw_json_that_it_is"),
    _must(
        "8.4.2a",
        "The protected header has alg and kid (and typ).",
        "card_served:a_client_verifies_the_card_by_the_keys_that_its_signature_names",
    ),
    _of_clients(
        "8.4.3a",
        "Verifying takes the key by kid, and canonicalizes without defaults and signatures.",
        "client_rules:a_signature_is_verified_by_the_key_that_it_names_whatever_defaults_the_card_spells_out",
    ),
    _of_clients(
        "8.4.3b", "Revoked keys verify nothing.", "client_rules:a_key_that_its_host_publishes_no_more_verifies_nothing"
    ),
    _should(
        "8.6.1a",
        "The card has Cache-Control with max-age, and an ETag.",
        "spec_card:the_card_is_cached_and_asked_for_by_its_tag",
    ),
)

BINDINGS = (
    _must("9.2a", "JSON-RPC: service parameters are HTTP headers.", "spec_errors:a_version_that_is_not_spoken_is_refused"),
    _must(
        "9.3a",
        "JSON-RPC: requests and answers are those of JSON-RPC 2.0.",
        "spec_errors:what_is_no_request_of_json_rpc_is_refused_by_its_code",
    ),
    _must("9.5a", "JSON-RPC: each detail of an error has its @type.", "spec_errors:each_error_has_its_code_in_each_binding"),
    _must("10.2a", "gRPC: service parameters are metadata.", "spec_errors:a_version_that_is_not_spoken_is_refused"),
    _must("10.2b", "gRPC: they are read from there.", "spec_errors:a_version_that_is_not_spoken_is_refused"),
    _must(
        "10.6a",
        "gRPC: an error of A2A has an ErrorInfo with reason and domain.",
        "spec_errors:each_error_has_its_code_in_each_binding",
    ),
    _must("11.2a", "REST: service parameters are HTTP headers.", "spec_errors:a_version_that_is_not_spoken_is_refused"),
    _must(
        "11.5a",
        "REST: GET and DELETE have their parameters in the path and the query, …",
        "spec_json:a_query_has_the_names_and_forms_of_the_specification",
    ),
    _must("11.5b", "… in camelCase, URL-encoded.", "spec_json:a_query_has_the_names_and_forms_of_the_specification"),
    _must("11.6a", "REST: each detail of an error has its @type.", "spec_errors:each_error_has_its_code_in_each_binding"),
    _must(
        "11.6b",
        "REST: an error of A2A has an ErrorInfo with reason and domain.",
        "spec_errors:each_error_has_its_code_in_each_binding",
    ),
    _should("11.1a", "REST: application/a2a+json.", "spec_json:json_has_the_names_and_forms_of_the_specification"),
    _for_others("12a", "What bindings of one's own have to do.", _OTHER_BINDING),
)

SECURITY = (
    _must("13.1a", "Every operation is authorized.", "authorization:whoever_has_no_task_cannot_tell_it_from_none_nor_touch_it"),
    _must(
        "13.1b",
        "Results are the caller's own, with filters or without.",
        "authorization:a_new_task_is_the_callers_own_and_a_list_has_no_others",
    ),
    _must(
        "13.1c",
        "Lists, reads and every other operation on a task check its owner.",
        "authorization:whoever_has_no_task_cannot_tell_it_from_none_nor_touch_it",
    ),
    _must(
        "13.1d",
        "Nothing is asked of the database that could tell of others' tasks.",
        "authorization:whoever_has_no_task_cannot_tell_it_from_none_nor_touch_it",
    ),
    _must(
        "13.2a",
        "Webhooks are sent their credentials.",
        "push:the_subscriber_is_known_by_its_credentials_and_we_by_our_signature",
    ),
    _should(
        "13.2b",
        "Failed deliveries are tried again, later and later.",
        "push_targets:waits_double_up_to_an_hour_with_some_chance_and_end_after_a_day",
    ),
    _should(
        "13.2c",
        "Webhooks at private, loopback and link-local addresses are refused.",
        "push_targets:a_hostile_url_is_refused",
    ),
    _should("13.2d", "Configurations and credentials are stored securely.", "push:what_a_webhook_is_sent_is_kept_encrypted"),
    _of_clients("13.2e", "A webhook checks who sends.", why="the node has no webhook of its own: it streams"),
    _must(
        "13.3a",
        "The extended card is for those who authenticate, by a declared scheme.",
        "card_served:nobody_else_is",
    ),
    _must(
        "13.3b",
        "What is privileged in it is given to those alone who may have it.",
        "card_served:a_caller_is_told_who_it_is_and_what_it_may_use",
    ),
    _must("13.3c", "Not declared, it is UnsupportedOperation.", "spec_capabilities:what_the_card_does_not_declare_is_refused"),
    _for_others(
        "13.3d",
        "Declared but not configured: ExtendedAgentCardNotConfigured.",
        "the card declares it if and only if there is one",
    ),
    _for_others("13.4a", "Production is encrypted.", _OPERATOR),
    _must(
        "13.4b",
        "All parameters are validated before anything is done.",
        "spec_errors:wrong_parameters_are_refused_before_anything_is_done",
    ),
    _should(
        "13.4c",
        "Sizes of messages, and requests, are limited.",
        "bad_input:what_is_too_large_is_refused_and_not_kept_in_memory",
    ),
    _must("13.4d", "Keys and tokens are secrets.", "cli_keys:a_key_is_shown_once_and_listed_until_it_is_revoked_and_after"),
    _should("13.4e", "Credentials can be revoked.", "cli_keys:a_key_is_shown_once_and_listed_until_it_is_revoked_and_after"),
    _should("13.4f", "Failed authentication is logged.", "auth:who_is_refused_is_logged_and_not_what_it_sent"),
    _must("13.4g", "Logs have no secrets.", "auth:who_is_refused_is_logged_and_not_what_it_sent"),
    _should(
        "13.4h",
        "Operations have rate limits, and an error beyond them.",
        "limits:who_asks_too_often_is_told_when_to_come_again",
    ),
    _for_others("13.4i", "Laws of data protection are kept.", _OPERATOR),
    _for_others("13.4j", "Bindings of one's own document their security.", _OTHER_BINDING),
    _must("14.1.1a", "a2a+json is UTF-8.", "bad_input:what_is_no_json_is_refused"),
    _must(
        "14.1.1b",
        "What comes is validated by the schema first.",
        "spec_errors:wrong_parameters_are_refused_before_anything_is_done",
    ),
    _must("14.1.1c", "What users send cannot inject.", "spec_sending:what_a_message_says_is_data"),
    _must(
        "14.1.1d",
        "References to files are no way into the network.",
        "spec_sending:a_media_type_that_the_agent_does_not_take_is_refused",
    ),
    _for_others("14.1.1e", "Authentication is enforced; sensitive data is protected by law.", "is 7.4a and 13.4i"),
    _of_clients(
        "14.2.1a", "A2A-Version is Major.Minor.", "client_rules:every_request_to_an_agent_names_its_version_by_its_two_numbers"
    ),
    _must(
        "14.3a", "/.well-known/agent-card.json gives the card.", "spec_card:the_card_declares_what_is_served_where_it_is_served"
    ),
    _must("14.3b", "Extended cards enforce access.", "card_served:nobody_else_is"),
    _for_others("Aa", "Older names resolve until they are removed; the appendix is kept by hand.", _DOCUMENT),
)

REQUIREMENTS = (*OPERATIONS, *SEMANTICS, *MODEL, *SECURITY_AND_CARD, *BINDINGS, *SECURITY)
