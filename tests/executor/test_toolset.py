"""A toolset finds tools by full name and says which are near."""

from __future__ import annotations

import pytest

from executor.call import call_tool, probe_tool
from executor.errors import ToolDeclarationError, UnknownTool
from executor.tool import ToolContext, ToolDone, tool
from executor.toolset import Toolset


@tool(effect="read")
def find(name: str) -> str:
    """Find it."""
    return name


class Crm:
    """A provider with state."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def took_effect(self, key: str) -> bool:
        return key == self.prefix

    @property
    def connection(self) -> str:
        raise ConnectionError("nobody asked for me")

    @tool(effect="write", probe=took_effect)
    def store(self, name: str, context: ToolContext) -> str:
        """Store a lead."""
        return self.prefix + name + context.key

    @tool(effect="read", name="load")
    async def load_one(self, name: str) -> str:
        """Load a lead."""
        return self.prefix + name

    @staticmethod
    @tool(effect="read")
    def version() -> int:
        """Tell the version."""
        return 2

    def helper(self) -> None:
        """Be no tool."""


async def test_methods_are_tools_of_their_object_and_properties_are_left_alone() -> None:
    crm = Toolset.of("crm", Crm("a"))
    assert list(crm.specs) == ["crm.load", "crm.store", "crm.version"]
    assert await call_tool(crm["crm.store"], {"name": "b"}, ToolContext(key="c")) == ToolDone("abc")
    assert await call_tool(crm["crm.load"], {"name": "b"}, ToolContext(key="c")) == ToolDone("ab")
    assert await call_tool(crm["crm.version"], {}, ToolContext(key="c")) == ToolDone(2)


async def test_a_probe_that_is_a_method_is_bound_to_the_same_object() -> None:
    store = Toolset.of("crm", Crm("a"))["crm.store"]
    assert [await probe_tool(store, key) for key in ("a", "b")] == [True, False]


async def test_a_probe_that_is_a_free_function_stays_one() -> None:
    class Mail:
        @tool(effect="irreversible", probe=lambda key: key == "sent")
        def send(self, to: str) -> str:
            """Send."""
            return to

    assert await probe_tool(Toolset.of("mail", Mail())["mail.send"], "sent") is True


def test_an_unknown_tool_names_the_nearest() -> None:
    with pytest.raises(UnknownTool) as unknown:
        Toolset.of("crm", [find])["crm.fnid"]
    assert str(unknown.value) == "There is no tool crm.fnid. Nearest: crm.find."


def test_toolsets_join_and_a_name_that_stands_twice_is_an_error() -> None:
    joined = Toolset.of("a", [find]) | Toolset.of("b", [find])
    assert (len(joined), "a.find" in joined, "find" in joined) == (2, True, False)
    with pytest.raises(ToolDeclarationError, match="Two tools are named"):
        joined | Toolset.of("a", [find])


@pytest.mark.parametrize("namespace", ["", "a.b", "my-crm", "class", "1a"])
def test_a_namespace_is_a_name(namespace: str) -> None:
    with pytest.raises(ToolDeclarationError, match="cannot be a namespace"):
        Toolset.of(namespace, [find])


def test_a_provider_without_tools_is_an_error() -> None:
    with pytest.raises(ToolDeclarationError, match="declares no tool"):
        Toolset.of("a", object())


def test_the_fingerprint_changes_with_a_contract_and_not_with_the_order() -> None:
    @tool(effect="write", name="find")
    def changed(name: str) -> str:
        """Find it."""
        return name

    a, b = Toolset.of("a", [find]), Toolset.of("b", [find])
    assert (a | b).fingerprint() == (b | a).fingerprint()
    assert a.fingerprint() != Toolset.of("a", [changed]).fingerprint()
    assert (a | b).fingerprint(["a.find"]) == a.fingerprint()


def test_a_set_that_is_only_declared_looks_at_a_tool_when_it_is_asked_for() -> None:
    @tool(effect="read")
    def broken(name) -> str:  # type: ignore[no-untyped-def]
        """Say no type."""
        return str(name)

    declared = Toolset.declared("a", [find]) | Toolset.declared("b", [broken])
    assert (list(declared.specs), "b.broken" in declared.specs, len(declared.specs)) == (["a.find", "b.broken"], True, 2)
    assert declared["a.find"] is declared["a.find"]
    assert declared.specs["a.find"] is (declared | Toolset.of("c", [find])).specs["a.find"]
    assert declared.fingerprint(["a.find"]) == Toolset.of("a", [find]).fingerprint()
    with pytest.raises(ToolDeclarationError, match=r"b\.broken does not say the type of name"):
        declared["b.broken"]
    with pytest.raises(ToolDeclarationError, match="does not say the type"):
        Toolset.of("b", [broken])
    with pytest.raises(ToolDeclarationError, match="cannot be a tool's name"):
        Toolset.declared("a", [tool(effect="read", name="a-b")(lambda: 1)])
