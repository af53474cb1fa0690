"""Fixtures that every test may use."""

from __future__ import annotations

from postgres import mortal_postgres, postgres, postgres_url

__all__ = ["mortal_postgres", "postgres", "postgres_url"]
