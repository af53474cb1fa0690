"""Fingerprint: which tools a run needs, by name and contract, as the text that its record keeps."""

from __future__ import annotations

from collections.abc import Mapping

from executor.toolset import Toolset

_DIGITS = 12  # of a contract's digest: it tells two versions of one tool apart, no more


def fingerprint_of(contracts: Mapping[str, str]) -> str:
    """The text for these tools: full name → digest of the contract. "" stands for a run that needs none, or none yet."""
    return " ".join(f"{name}={digest[:_DIGITS]}" for name, digest in sorted(contracts.items()))


def covers(toolset: Toolset, fingerprint: str) -> bool:
    """Whether the toolset has every one of the tools, as it was when the plan was certified."""
    for entry in fingerprint.split():
        name, _, digest = entry.partition("=")
        if name not in toolset or toolset[name].fingerprint[:_DIGITS] != digest:
            return False
    return True
