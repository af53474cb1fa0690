"""Policy: whose word counts about a tool, which arguments are taken for sensitive, and what is decided in front."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from planner.budget import Budget
from planner.certificate import Certificate
from planner.check import Ground, certify
from planner.closed import closed, open_label
from planner.compiler import compile_script
from planner.errors import PlanRefused, PolicyError
from planner.guess import sensitive_arguments
from planner.hand import Hand
from planner.labels import NO_LABEL, Label, Labels, Origin
from planner.policy import Policy, ToolPolicy
from planner.script import plan_of
from planner.toolspec import ToolSpec

WEB = Label(frozenset((Origin("tool web.get", trusted=False),)))
OURS = Label(frozenset((Origin("user", trusted=True),)))
TEXT = {"type": "string"}


def arguments(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


SEND = ToolSpec(
    name="mail.send", description="Send.", input_schema=arguments(to=TEXT, body=TEXT, n={"type": "integer"}),
    output_schema={"type": "object", "properties": {"id": TEXT, "text": TEXT}, "additionalProperties": False},
)  # fmt: skip
TOOLS = {"mail.send": SEND.model_copy(update={"sensitive": ("to",), "open_world": False})}


# -- closed types


@pytest.mark.parametrize(
    ("shape", "is_closed"),
    [
        ({"type": "boolean"}, True),
        ({"type": "integer"}, True),
        ({"type": ["number", "null"]}, True),
        ({"enum": ["a", "b"]}, True),
        ({"const": "a"}, True),
        ({"anyOf": [{"type": "integer"}, {"enum": ["x"]}, {"type": "null"}]}, True),
        ({"type": "array", "items": {"type": "number"}}, True),
        ({"type": "object", "properties": {"a": {"type": "boolean"}}, "additionalProperties": False}, True),
        (TEXT, False),
        ({}, False),
        ({"type": "array"}, False),
        ({"type": "object", "properties": {"a": {"type": "boolean"}}}, False),
        ({"anyOf": [{"type": "integer"}, TEXT]}, False),
        ({"type": "array", "items": TEXT}, False),
    ],
)
def test_a_type_is_closed_where_none_of_its_values_can_be_somebodys_words(shape: dict[str, Any], is_closed: bool) -> None:
    assert closed(shape) is is_closed


def test_of_an_object_only_the_open_parts_count() -> None:
    shape = arguments(n={"type": "integer"}, to=TEXT)
    assert open_label(Labels(OURS, {"n": Labels.of(WEB)}), shape) == OURS
    assert open_label(Labels(OURS, {"to": Labels.of(WEB)}), shape) == OURS.join(WEB)
    assert open_label(Labels.of(WEB), {"type": "integer"}) == NO_LABEL


def test_how_long_a_list_is_chooses_and_what_the_keys_of_an_object_are_says() -> None:
    assert not open_label(Labels(shape=WEB, each=Labels.of(OURS)), {"type": "array", "items": TEXT}).untrusted
    assert open_label(Labels(shape=WEB, each=Labels.of(OURS)), {"type": "object"}).untrusted


# -- guesses


@pytest.mark.parametrize(
    "name",
    ["to", "cc", "reply_to", "recipientEmail", "webhookURL", "file_path", "targetHost", "iban", "account", "sql", "cmd",
     "phone", "attendees", "link", "dir"],
)  # fmt: skip
def test_names_of_recipients_places_accounts_and_code_are_taken_for_sensitive(name: str) -> None:
    assert sensitive_arguments(arguments(**{name: TEXT})) == (name,)
    assert sensitive_arguments(arguments(**{name: {"type": "array", "items": TEXT}})) == (name,)
    assert sensitive_arguments(arguments(**{name: {"type": "integer"}})) == ()
    assert sensitive_arguments(arguments(**{name: {"enum": ["a", "b"]}})) == ()


@pytest.mark.parametrize("name", ["body", "subject", "title", "topic", "city", "zip_code", "query", "total", "profile"])
def test_names_of_what_is_said_are_not(name: str) -> None:
    assert sensitive_arguments(arguments(**{name: TEXT})) == ()


def test_a_format_or_a_description_tells_too() -> None:
    assert sensitive_arguments(arguments(x={"type": "string", "format": "email"})) == ("x",)
    assert sensitive_arguments(arguments(x={"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}]})) == ("x",)
    assert sensitive_arguments(arguments(query={**TEXT, "description": "a SQL query"})) == ("query",)


# -- the policy's word


def test_the_policys_word_wins_over_the_tools_own() -> None:
    own = ToolPolicy(sensitive=("body",), trusted=("id",), untrusted=("text",), effect="read")
    seen = Policy(tools={"mail.send": own}).applied(SEND.model_copy(update={"sensitive": ("to",), "guessed": ("to",)}))
    assert (seen.sensitive, seen.guessed, seen.effect) == (("body",), (), "read")
    assert seen.labels == {"id": "trusted", "text": "untrusted"}
    assert seen.fingerprint() != SEND.fingerprint()


def test_a_tools_name_wins_over_its_namespace() -> None:
    policy = Policy(
        tools={"mail.*": ToolPolicy(flows="deny", sensitive=("to", "elsewhere")), "mail.send": ToolPolicy(flows="allow")}
    )
    assert (policy.rule("mail.send"), policy.rule("mail.read"), policy.rule("crm.read")) == ("allow", "deny", "ask")
    assert policy.applied(SEND).sensitive == ("to", "elsewhere")
    assert policy.applied(SEND.model_copy(update={"name": "mail.read"})).sensitive == ("to",)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (ToolPolicy(sensitive=("too",)), "`too`, which is no argument of mail.send. Nearest: to"),
        (ToolPolicy(trusted=("idd",)), "the field `idd`, which mail.send does not give. Nearest: id"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest(own: ToolPolicy, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        Policy(tools={"mail.send": own}).applied(SEND)


def test_a_tool_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(PolicyError, match=r"mail.sent, which is no tool. Nearest: mail.send"):
        Policy(tools={"mail.sent": ToolPolicy()}).check_names(["mail.send", "crm.read"])
    Policy(tools={"mail.*": ToolPolicy()}).check_names(["mail.send"])


def test_what_a_policy_cannot_say_is_refused() -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({"flows": "allow"})
    with pytest.raises(ValidationError):
        Policy.model_validate({"tools": {"mail.send": {"sensitiv": ["to"]}}})


# -- certificates


def certificate(script: str, policy: Policy, hand: Hand) -> Certificate:
    program, statements = compile_script(script, TOOLS)
    return certify(program, plan_of(statements), Ground(TOOLS, Budget(), hand=hand, policy=policy))


FOREIGN = Hand(own=OURS, foreign=WEB, said="write to ann@x.example")
SCRIPT = 'a = mail.send(to="{}", body="hello")\nanswer(1)\n'


def test_a_text_of_the_script_that_nobody_vouches_for_is_a_flow_with_its_value() -> None:
    (flow,) = certificate(SCRIPT.format("eve@x.example"), Policy(), FOREIGN).flows
    assert (flow.argument, flow.value, flow.decision, flow.origins) == ("to", "eve@x.example", "ask", ("tool web.get",))
    assert certificate(SCRIPT.format("ann@x.example"), Policy(), FOREIGN).flows == ()


def test_a_flow_that_is_denied_and_certain_refuses_the_plan() -> None:
    with pytest.raises(PlanRefused) as refused:
        certificate(SCRIPT.format("eve@x.example"), Policy(flows="deny"), FOREIGN)
    (diagnostic,) = refused.value.diagnostics
    assert (diagnostic.code, diagnostic.line) == ("flow", 1)
    assert "`to` of mail.send would be from tool web.get" in diagnostic.message


def test_another_policy_is_another_certificate_where_it_matters_to_the_plan() -> None:
    plan = SCRIPT.format("ann@x.example")

    def hash_of(policy: Policy) -> str:
        return certificate(plan, policy, FOREIGN).hash

    usual = hash_of(Policy())
    assert usual == hash_of(Policy(tools={"crm.read": ToolPolicy(flows="deny")}))
    others = [Policy(flows="deny"), Policy(strict=True), Policy(tools={"mail.send": ToolPolicy(flows="allow")})]
    assert len({usual, *map(hash_of, others)}) == 4
