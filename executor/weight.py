"""Weight: whether a value is so large that it is put away in a thread, lest it hold up the loop."""

from __future__ import annotations

from planner.toolspec import Json

_WEIGHTY = 1_000  # nodes or 16 characters each


def is_weighty(value: Json) -> bool:
    """Whether a value may be large; a quick look, not a count."""
    weight, left = 0, [value]
    while left and weight <= _WEIGHTY:
        item = left.pop()
        weight += 1 + (len(item) // 16 if isinstance(item, str) else 0)
        if isinstance(item, dict):
            left.extend(item)
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item[:_WEIGHTY])
    return weight > _WEIGHTY
