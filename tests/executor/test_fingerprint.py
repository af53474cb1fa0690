"""Fingerprint: a run goes to workers that have its tools, as they were certified."""

from __future__ import annotations

from executor.fingerprint import covers, fingerprint_of
from executor.tool import tool
from executor.toolset import Toolset


@tool(effect="read")
def find(name: str) -> str:
    """Find somebody."""
    return name


@tool(effect="read")
def count(name: str) -> int:
    """Count somebody."""
    return len(name)


def contracts(toolset: Toolset) -> dict[str, str]:
    return {name: spec.fingerprint() for name, spec in toolset.specs.items()}


def test_a_toolset_covers_what_it_has_and_nothing_else() -> None:
    both, one = Toolset.of("crm", [find, count]), Toolset.of("crm", [find])

    assert covers(both, fingerprint_of(contracts(both)))
    assert covers(both, fingerprint_of(contracts(one)))
    assert not covers(one, fingerprint_of(contracts(both)))
    assert covers(one, "")


def test_a_tool_that_has_changed_is_not_covered() -> None:
    @tool(effect="read", name="find")
    def changed(name: str, city: str) -> str:
        """Find somebody in a city."""
        return name

    now = Toolset.of("crm", [changed])
    assert "crm.find" in now
    assert not covers(now, fingerprint_of(contracts(Toolset.of("crm", [find]))))
