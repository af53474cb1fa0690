"""The official compatibility kits against a server process: what fails or is left out is known, each with its reason.

A2A_TCK=<a clone of a2aproject/a2a-tck> make tck
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.a2a_node.kit import Kit, Verdict, joined
from tests.a2a_node.kit_findings import FAILS_03, FAILS_03_REST, FAILS_10, SKIPPED_03, SKIPPED_10
from tests.a2a_node.nodes import node
from tests.a2a_node.tck_entry import KEY

CLONE = os.environ.get("A2A_TCK", "")
OPEN = '[a2a]\npush_allow_private = ["localhost"]\n'  # where the kit has its webhook
SECRET = "pr_" + "k" * 43
KEYED = f'{OPEN}[auth.keys.kit]\nhash = "sha256:{hashlib.sha256(SECRET.encode()).hexdigest()}"\nprincipal = "kit"\n'
REQUIRED = "urn:a2a:tck:required-extension"
ALL_03 = ("tests/mandatory", "tests/optional", "--test-scope=all")

pytestmark = [pytest.mark.foreign, pytest.mark.skipif(not CLONE, reason="A2A_TCK names no clone of a2aproject/a2a-tck")]


def demanding(folder: Path) -> str:
    """A configuration whose card requires an extension of its clients."""
    card = json.loads(Path("agent-card.json").read_text())
    card["capabilities"]["extensions"].append({"uri": REQUIRED, "required": True})
    (folder / "card.json").write_text(json.dumps(card))
    return f'{OPEN}card = "{folder}/card.json"\n'


def explained(title: str, results: Mapping[str, Verdict], fails: Mapping[str, str], skipped: Mapping[str, str]) -> None:
    """Show the result, and hold that all of it is known."""
    counted = Counter(v.went for v in results.values())
    print(f"\n{title}: " + ", ".join(f"{counted[went]} {went}" for went in ("passed", "failed", "skipped")))
    failed = {name: v.words for name, v in results.items() if v.went == "failed"}
    for name in failed:
        print(f"  fails, {fails.get(name, 'NOBODY KNOWS WHY')}: {name}\n    {failed[name][:300]}")
    left = Counter(
        next((why for words, why in skipped.items() if re.search(words, v.words)), f"NOBODY KNOWS WHY: {name}: {v.words[:200]}")
        for name, v in results.items()
        if v.went == "skipped"
    )
    for why, count in left.most_common():
        print(f"  {count} skipped, {why}")
    assert set(failed) == {name for name in fails if name in results}
    assert not [why for why in left if why.startswith("NOBODY")]


def test_the_kit_for_1_0_finds_nothing_on_three_bindings_that_is_not_known(tmp_path: Path) -> None:
    kit = Kit.of(Path(CLONE), "1.0-dev")
    homes = [tmp_path / name for name in ("whole", "known", "demanding")]
    for home in homes:
        home.mkdir()
    with node(homes[0], OPEN, "--conformance", "--strict") as served:
        whole = kit.run(tmp_path, "tests/compatibility/", f"--sut-host={served.address}")
    with node(homes[1], KEYED, "--conformance", "--strict", **{KEY: SECRET}) as served:
        known = kit.run(
            tmp_path, "tests/compatibility/", f"--sut-host={served.address}", "--transport=jsonrpc,http_json", "-k", "CARD-EXT"
        )
    with node(homes[2], demanding(homes[2]), "--conformance", "--strict") as served:
        wants = kit.run(tmp_path, "tests/compatibility/", f"--sut-host={served.address}", "-k", "ExtensionRequired")
    explained("A2A TCK, 1.0", joined(whole, known, wants), FAILS_10, SKIPPED_10)


@pytest.mark.parametrize(
    ("binding", "fails"), [("jsonrpc", FAILS_03), ("rest", FAILS_03_REST)], ids=["over_json_rpc", "over_rest"]
)
def test_the_kit_for_0_3_finds_nothing_that_is_not_known(tmp_path: Path, binding: str, fails: Mapping[str, str]) -> None:
    kit = Kit.of(Path(CLONE), "0.3.x")
    homes = [tmp_path / name for name in ("whole", "known")]
    for home in homes:
        home.mkdir()
    how = (*ALL_03, f"--transport-strategy=prefer_{binding}")
    with node(homes[0], OPEN, "--conformance") as served:
        whole = kit.run(tmp_path, *how, f"--sut-url={served.address}")
    with node(homes[1], KEYED, "--conformance") as served:
        known = kit.run(tmp_path, *how, f"--sut-url={served.address}", "-k", "auth or extended or scheme or security")
    explained(f"A2A TCK, 0.3, {binding}", joined(whole, known), fails, SKIPPED_03)
