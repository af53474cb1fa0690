"""Hand: who wrote a script, and therefore whose words its literals are.

A script that a principal submitted, a playbook, or a plan that a model wrote from the goal alone is in the principal's own
hand. A planner that has read what strangers wrote (a replan, a probe, a loop of a model with tools) may repeat it: its literals
stem from what it read as well, unless they stand verbatim in what the principal had said before: the goal, the script, the
playbook.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from planner.labels import NO_LABEL, Label, Labels
from planner.toolspec import Json

_JOINED = r"[\w@.+/:%&=#~-]"  # what makes one word of an address, a path, a number


@dataclass(frozen=True)
class Hand:
    """The labels of literals. `foreign` is what the writer had read and nobody vouches for; without it all are `own`."""

    own: Label = NO_LABEL
    foreign: Label = NO_LABEL
    literals: frozenset[str] = frozenset()  # texts that the script before had, as they stand there
    said: str = ""  # the words in which the principal said what is wanted
    deciding: Label = NO_LABEL  # the strangers whom the writer had read to the letter: they may have decided on its effects
    _known: dict[str, bool] = field(default_factory=dict, init=False, compare=False, repr=False)

    def label(self, value: Json) -> Label:
        """The label of a literal of the script."""
        if not self.foreign.data or self.vouched(value):
            return self.own
        return self.own.join(self.foreign)

    def labels(self, value: Json) -> Labels:
        """The same, as the labels of a value."""
        return Labels.of(self.label(value))

    def vouched(self, value: Json) -> bool:
        """Whether the principal has said so, to the letter; true, false and null say nothing that could be somebody's."""
        if value is None or isinstance(value, bool):
            return True
        text = str(value)
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = not text.strip() or text in self.literals or stands_in(text, self.said)
        return known

    def label_of_all(self, literals: Iterable[Json]) -> Label:
        """The label of what is written side by side: of a text made of these parts, of how many elements a list has."""
        if not self.foreign.data or all(self.vouched(v) for v in literals):
            return self.own
        return self.own.join(self.foreign)


def stands_in(text: str, said: str) -> bool:
    """Whether the text stands in the words as words of its own: `ann@x.com` does not stand in `joann@x.com`."""
    pattern = rf"(?<!{_JOINED}){re.escape(text)}(?![\w@/&=#~-])(?![.+:%?!-]\w)"
    return text in said and re.search(pattern, said) is not None


NOBODY = Hand()
