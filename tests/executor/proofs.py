"""How many examples a property test tries: few in every run of the tests, many in a proof."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("PLANRAIL_PROOF_EXAMPLES", "2000"))
_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture)


def few(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=_CHECKS)


def many(share: float = 1.0) -> settings:
    return settings(max_examples=max(int(EXAMPLES * share), 1), deadline=None, suppress_health_check=_CHECKS)
