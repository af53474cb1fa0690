"""Fixtures that every test may use."""

from __future__ import annotations

from hypothesis import settings
from postgres import mortal_postgres, postgres, postgres_url

__all__ = ["mortal_postgres", "postgres", "postgres_url"]

# An example has no stopwatch: others on the machine decide how long it takes. What is to be quick has a test that says so.
settings.register_profile("planrail", deadline=None)
settings.load_profile("planrail")
