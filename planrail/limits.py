"""Limits: the gates in front of servers and models, from the settings."""

from __future__ import annotations

from executor.breaker import BreakerTerms
from executor.gate import Gates, GateTerms, model_key
from planner.llm.openai import OPENAI_URL
from planrail.settings import ModelSettings, ServerSettings, Settings


def gates_of(settings: Settings) -> Gates:
    """The gates of a process with these settings."""
    terms = {namespace: _server(of) for namespace, of in settings.servers.items()}
    for role in (settings.planner, settings.executor):
        key = model_key(role.model, endpoint_of(role))
        terms[key] = _least(terms.get(key, GateTerms()), role)
    return Gates(terms)


def endpoint_of(of: ModelSettings) -> str:
    """The address of a role's model."""
    return of.base_url or OPENAI_URL


def _server(of: ServerSettings) -> GateTerms:
    longest = max(of.cool_down_s, BreakerTerms().longest_s)
    return GateTerms(of.parallel, of.calls_per_minute, BreakerTerms(of.failures, of.cool_down_s, longest))


def _least(terms: GateTerms, of: ModelSettings) -> GateTerms:
    """Both roles may have one model: it is asked no more than the stricter of them allows."""
    at_once = min((n for n in (terms.at_once, of.parallel) if n is not None), default=None)
    a_minute = min((n for n in (terms.a_minute, of.calls_per_minute) if n is not None), default=None)
    return GateTerms(at_once, a_minute, terms.breaker)
