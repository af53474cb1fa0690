"""Which real model the environment names, if any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MODEL_SETTINGS = ("PLANRAIL_PLANNER_MODEL", "PLANRAIL_EXECUTOR_MODEL")


@dataclass(frozen=True)
class LiveSettings:
    """An endpoint and the models to try there, each once."""

    models: tuple[str, ...]
    api_key: str | None
    base_url: str | None


def live_settings(environment: Mapping[str, str]) -> LiveSettings | None:
    """The settings; None where no model is named, or neither a key nor an address."""
    models = tuple(dict.fromkeys(m for name in MODEL_SETTINGS if (m := environment.get(name))))
    api_key, base_url = environment.get("OPENAI_API_KEY") or None, environment.get("OPENAI_BASE_URL") or None
    return LiveSettings(models, api_key, base_url) if models and (api_key or base_url) else None
