"""Page: what the tools of the namespace `http` give."""

from __future__ import annotations

from pydantic import BaseModel

from executor.builtin.handle import Text


class Page(BaseModel):
    """`content` is a handle when long or no text."""

    url: str
    status: int
    content_type: str
    content: Text
