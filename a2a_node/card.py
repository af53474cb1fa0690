"""Card: what the node says of itself."""

from __future__ import annotations

from importlib.metadata import version

from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentExtension, AgentInterface, AgentSkill

from a2a_node.extension import URI
from a2a_node.parts import JSON, TEXT


def card_of(url: str, *, strict: bool) -> AgentCard:
    """The card of a node that is reached at that URL."""
    spoken = [("JSONRPC", "1.0"), ("HTTP+JSON", "1.0"), *([] if strict else [("JSONRPC", "0.3"), ("HTTP+JSON", "0.3")])]
    modes = [TEXT, JSON]
    return AgentCard(
        name="Planrail",
        description="Turns a goal into a small checked program once, and runs it inside hard ceilings.",
        version=version("planrail"),
        supported_interfaces=[AgentInterface(url=url, protocol_binding=b, protocol_version=v) for b, v in spoken],
        capabilities=AgentCapabilities(
            streaming=True,
            push_notifications=True,
            extensions=[AgentExtension(uri=URI, description="The plan, and each step's result.")],
        ),
        default_input_modes=modes,
        default_output_modes=modes,
        skills=[
            AgentSkill(
                id="plan-execute",
                name="Plan and execute",
                description="Plans a goal and carries it out.",
                tags=["planning"],
                input_modes=modes,
                output_modes=modes,
            )
        ],
    )
