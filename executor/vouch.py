"""Vouch: where a value stems from that a model wrote, which had read what strangers wrote.

It may be anybody's words, unless it stands verbatim where somebody trusted has said it: in the goal, in the script, or as a
value of its own in what trusted tools gave. Then it is theirs, and what the model had read has chosen it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from planner.hand import Hand
from planner.labels import Label, Labels, Tagged, dict_labels, list_labels
from planner.toolspec import Json

_MAX_LEAVES = 50_000  # of what was read that are looked at; what comes after them vouches for nothing
_NAME = 40  # characters of a key that is only a name


@dataclass
class Vouch:
    """Labels what a model wrote that had `read` so much, and that saw these values."""

    read: Label
    hand: Hand  # in which a literal of the model stands: `foreign` is what it had read
    seen: Iterable[Tagged]
    _trusted: dict[str, Label] | None = field(default=None, init=False)

    def tagged(self, arguments: Mapping[str, Json]) -> dict[str, Tagged]:
        """The arguments of a call with their labels."""
        return {name: Tagged(value, self.labels(value)) for name, value in arguments.items()}

    def labels(self, value: Json) -> Labels:
        """The labels of a value that the model wrote."""
        if not self.read.untrusted:
            return Labels.of(self.read)
        chosen = self.read.as_choice()
        match value:
            case dict():
                own = self._keys(value).join(chosen)
                return dict_labels({k: self.labels(v) for k, v in value.items()}, own=own)
            case list():
                return list_labels([self.labels(v) for v in value], own=chosen)
            case _:
                return Labels.of(self._leaf(value))

    def _keys(self, value: Mapping[str, Json]) -> Label:
        """Keys that are names say nothing; any other is a text that the model wrote."""
        spoken = [k for k in value if not (len(k) <= _NAME and k.isascii() and k.replace("-", "_").isidentifier())]
        label = self.hand.own
        for key in spoken:
            label = label.join(self._leaf(key))
        return label

    def _leaf(self, value: Json) -> Label:
        chosen = self.hand.own.join(self.read.as_choice())
        if self.hand.vouched(value):
            return chosen
        known = self._known().get(str(value))
        return self.hand.own.join(self.read) if known is None else chosen.join(known)

    def _known(self) -> dict[str, Label]:
        """Texts and numbers that trusted origins gave, each with its label."""
        if self._trusted is None:
            self._trusted = {}
            for text, label in _leaves(self.seen):
                if not label.untrusted:
                    before = self._trusted.get(text)
                    self._trusted[text] = label if before is None else before.join(label)
        return self._trusted


def _leaves(values: Iterable[Tagged]) -> Iterator[tuple[str, Label]]:
    """The texts and numbers in the values, with their labels."""
    left, count = list(values), 0
    while left and count < _MAX_LEAVES:
        tagged = left.pop()
        count += 1
        match tagged.value:
            case dict():
                left.extend(Tagged(v, tagged.labels.child(k)) for k, v in tagged.value.items())
            case list():
                left.extend(Tagged(v, tagged.labels.child(i)) for i, v in enumerate(tagged.value))
            case str() | int() | float() if not isinstance(tagged.value, bool):
                yield str(tagged.value), tagged.labels.whole()
            case _:
                pass
