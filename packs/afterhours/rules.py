"""Rules: how urgent a message is by its words alone, where no model says so or none is sure. Pure.

Leans towards waking somebody: what could be an emergency counts as one unless the message itself says that it can wait.
"""

from __future__ import annotations

import re

from packs.afterhours.told import Judged

_SUMMARY = 120
_NOW = re.compile(
    r"\b(fire|smoke|gas|flood(ed|ing)?|burst|leak(s|ing)?|bleed(s|ing)?|chest|unconscious|breath(e|ing)?|locked (out|in)|"
    r"break[- ]?in|no (heat|heating|power|water|oxygen)|stuck in|trapped|emergency|urgent(ly)?|severe|collapsed|alarm|asap|"
    r"right (now|away)|help me)\b",
    re.IGNORECASE,
)
_LATER = re.compile(
    r"\b(no rush|(is )?not urgent|isn'?t urgent|no hurry|can wait|whenever|next week|some ?time|tomorrow is fine|"
    r"when you (can|open))\b",
    re.IGNORECASE,
)
_NONE = re.compile(
    r"\b(unsubscribe|newsletter|casino|seo|backlinks?|crypto|out of office|automatic reply|do not reply)\b", re.IGNORECASE
)


def judged(text: str) -> Judged:
    """The urgency and a summary that is the message's own beginning.

    >>> judged("Water is leaking through the ceiling!").urgency, judged("Please call me back, no rush.").urgency
    ('now', 'morning')
    """
    flat = " ".join(text.split())
    summary = flat if len(flat) <= _SUMMARY else flat[: _SUMMARY - 1] + "…"
    if _NONE.search(flat):
        return Judged(urgency="none", summary=summary or "nothing")
    if _NOW.search(flat) and not _LATER.search(flat):
        return Judged(urgency="now", summary=summary)
    return Judged(urgency="morning", summary=summary or "nothing")
