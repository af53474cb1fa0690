"""The node that most tests of the protocol talk to: one for all of them, and its three bindings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.a2a_node.nodes import Node, node
from tests.a2a_node.wire import BINDINGS, Wire


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with node(tmp_path_factory.mktemp("node")) as started:
        yield started


@pytest.fixture(params=BINDINGS)
def wire(request: pytest.FixtureRequest, served: Node) -> Wire:
    return served.wire(request.param)
