"""Models: what the doctor sees of the planner's and the executor's model, and of what they may cost."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from planner.errors import PlanrailError
from planner.llm.port import Message, complete
from planner.worst import ModelTerms
from planrail.doctor.finding import Finding, note, problem, well
from planrail.doctor.shown import shown
from planrail.house import models_of
from planrail.limits import endpoint_of
from planrail.prices import GenaiPrices
from planrail.settings import ModelSettings, Settings
from planrail.terms import executor_terms, planner_terms

_REACH_S = 4.0
_ASKED_S = 30.0


async def model(role: str, settings: Settings, *, live: bool) -> list[Finding]:
    """Whether a role's model is there, what it costs, and with `live` whether it answers."""
    of = settings.planner if role == "planner" else settings.executor
    if not of.configured:
        return [_unconfigured(role, of)]
    prices = GenaiPrices(settings.prices)
    terms = planner_terms(settings, prices) if role == "planner" else executor_terms(settings, prices)
    assert terms is not None
    reached = await _asked(role, settings) if live else await _reached(role, of)
    return [_price(role, terms), reached, *_in_clear(role, of)]


def _unconfigured(role: str, of: ModelSettings) -> Finding:
    needed = "goals match playbooks only" if role == "planner" else "`ask` takes its otherwise="
    upper = role.upper()
    if of.base_url or of.api_key:
        return problem(f"{role} model", "has an address or a key, but no name", f"Set PLANRAIL_{upper}_MODEL.")
    if of.model:
        remedy = f"Set PLANRAIL_{upper}_API_KEY or OPENAI_API_KEY, or PLANRAIL_{upper}_BASE_URL for a local one."
        return problem(f"{role} model", f"{of.model} has a name, but neither key nor address", remedy)
    remedy = f"Set OPENAI_API_KEY, or PLANRAIL_{upper}_MODEL with OPENAI_BASE_URL for a local one."
    return note(f"{role} model", f"none is configured: {needed}", remedy)


def _price(role: str, terms: ModelTerms) -> Finding:
    rates, name = terms.rates, terms.model
    if rates is None:
        remedy = f"Add [prices.{name}] to planrail.toml; until then its calls count as $0.00."
        return note(f"{role} price", f"nobody knows what {name} costs", remedy)
    return well(f"{role} price", f"{name}: ${rates.input:g} in, ${rates.output:g} out, per million tokens")


async def _reached(role: str, of: ModelSettings) -> Finding:
    """Whether somebody listens at the model's address and lets this key in; nothing is asked that costs."""
    what, address = f"{role} model", endpoint_of(of).rstrip("/")
    place, setting = shown(address), f"PLANRAIL_{role.upper()}"
    key = "" if of.api_key is None else of.api_key.get_secret_value()
    try:
        async with httpx.AsyncClient(timeout=_REACH_S) as client:
            reply = await client.get(f"{address}/models", headers={"Authorization": f"Bearer {key}"} if key else {})
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        told = f"{of.model}: {place} cannot be reached ({type(error).__name__})"
        return problem(what, told, f"Start it, or correct {setting}_BASE_URL.")
    if reply.status_code in (401, 403):
        return problem(what, f"{of.model}: {place} refuses the key", f"Set {setting}_API_KEY or OPENAI_API_KEY.")
    if reply.status_code >= 500:
        return problem(what, f"{of.model}: {place} is down ({reply.status_code})", "Wait for it, or name another endpoint.")
    listed = _listed(reply)
    if listed and not any(name == of.model or name.startswith(f"{of.model}:") for name in listed):
        told = f"{of.model} is not among the {len(listed)} models that {place} lists"
        return note(what, told, f"Correct {setting}_MODEL; `planrail doctor --live` asks it something.")
    return well(what, f"{of.model} at {place} (reachable; --live asks it something)")


def _listed(reply: httpx.Response) -> list[str]:
    """The names that an endpoint lists; none where it lists nothing that can be read."""
    try:
        found: Any = reply.json()
        return [str(entry["id"]) for entry in found["data"]]
    except (ValueError, KeyError, TypeError):
        return []


async def _asked(role: str, settings: Settings) -> Finding:
    """A real, tiny request."""
    models = models_of(settings)
    found = models.planner if role == "planner" else models.executor
    assert found is not None
    request = found.request((Message(role="user", content="Answer with the word: ok"),))
    try:
        reply = await complete(found.model, request.model_copy(update={"timeout_s": _ASKED_S}))
    except PlanrailError as error:
        return problem(f"{role} model", f"{found.terms.model}: {error.message}", error.hint or "Correct the model's settings.")
    tokens = reply.usage.tokens
    return well(f"{role} model", f"{found.terms.model} answered ({tokens} tokens, ${reply.usage.usd:.6f})")


def _in_clear(role: str, of: ModelSettings) -> Iterator[Finding]:
    """A key that is sent over the open network in clear."""
    parts = urlsplit(endpoint_of(of))
    if of.api_key is not None and parts.scheme == "http" and not _is_near(parts.hostname or ""):
        told = f"its key goes to {shown(endpoint_of(of))} in clear"
        yield note(f"{role} key", told, f"Write PLANRAIL_{role.upper()}_BASE_URL with https, unless the network is your own.")


def _is_near(host: str) -> bool:
    """A host of this machine or its network, as far as its name says."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".lan", ".svc"))


def ceilings(settings: Settings) -> Iterator[Finding]:
    """Ceilings below what a single plan may cost: with them no goal is ever planned."""
    terms = planner_terms(settings, GenaiPrices(settings.prices))
    if terms is None or terms.rates is None:
        return
    least = (settings.planner.tools_tokens * terms.rates.input + settings.planner.max_output_tokens * terms.rates.output) / 1e6
    limits = settings.auth.limits
    told = {
        "budget.usd": settings.budget.usd,
        "session_usd": settings.session_usd,
        "auth.limits.usd_per_day": limits.usd_per_day,
        **{f"auth.limits.principals.{name}.usd_per_day": of.usd_per_day for name, of in limits.principals.items()},
    }
    for name, usd in told.items():
        if usd is not None and usd < least:
            said = f"${usd:g} is less than one plan of {terms.model} may cost (${least:.4f}): nothing is planned"
            yield problem(f"ceiling {name}", said, f"Raise {name}, or take a planner that costs less.")
