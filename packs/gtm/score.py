"""Score: how well a business fits, from what everybody can see of it. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

RATING_POINTS = 45  # from none at 3.0 stars to all at 5.0
REVIEW_POINTS = 30  # from none without reviews to all at 500, by the logarithm: the tenth review says more than the 400th
SIZE_POINTS = 25  # all for a team that can decide quickly and pay: 8 to 50 people
MANY_REVIEWS = 500


class Fit(NamedTuple):
    """A score from 0 to 100 and its parts in words, which add up to it."""

    score: int
    reasons: list[str]


def fit(*, rating: float, reviews: int, employees: int) -> Fit:
    """The fit of a business; a rating or a team of 0 is one that nobody knows and gives no points."""
    parts = [
        (_rating(rating), f"{rating:.1f} stars" if rating else "no rating"),
        (_reviews(reviews), f"{reviews} reviews"),
        (_size(employees), f"{employees} employees" if employees else "size unknown"),
    ]
    return Fit(sum(points for points, _ in parts), [f"{what}: {points}" for points, what in parts])


def _rating(rating: float) -> int:
    return round(RATING_POINTS * min(1.0, max(0.0, (rating - 3) / 2)))


def _reviews(reviews: int) -> int:
    return round(REVIEW_POINTS * min(1.0, math.log1p(max(0, reviews)) / math.log1p(MANY_REVIEWS)))


def _size(employees: int) -> int:
    if 8 <= employees <= 50:
        return SIZE_POINTS
    if employees > 50:
        return SIZE_POINTS // 2
    return SIZE_POINTS // 3 if employees > 0 else 0
