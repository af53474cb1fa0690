"""Labels: where a value comes from, kept by JSON path beside the value.

A label names origins in two ways. `data`: the value was made from what the origin gave. `choice`: the value was made from
something else, but the origin decided which value it is (a filter, a condition, a subscript's key). Labels join and never drop.

In a tree, `own` holds for a value and all below it; `shape` holds for how many children there are and what their keys are
called, and is not inherited: the ids of an untrusted search's hits may be trusted while their number is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from planner.toolspec import Json

Key = str | int


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Who a value stems from: "user", "agent", "tool crm.find_leads", "model ask mails", "person"."""

    source: str
    trusted: bool


_NOBODY: frozenset[Origin] = frozenset()


@dataclass(frozen=True, slots=True)
class Label:
    """The origins of one value."""

    data: frozenset[Origin] = _NOBODY
    choice: frozenset[Origin] = _NOBODY

    def join(self, other: Label) -> Label:
        """Everything that either names; the same object where that changes nothing."""
        if other is self or (other.data <= self.data and other.choice <= self.choice):
            return self
        if self.data <= other.data and self.choice <= other.choice:
            return other
        return Label(self.data | other.data, self.choice | other.choice)

    def as_choice(self) -> Label:
        """The label of what was decided by a value of this label."""
        return Label(_NOBODY, self.data | self.choice) if self.data else self

    @property
    def untrusted(self) -> bool:
        """Whether the value was made from something untrusted."""
        return any(not o.trusted for o in self.data)

    @property
    def chosen_by_untrusted(self) -> bool:
        """Whether something untrusted decided which value it is."""
        return any(not o.trusted for o in self.choice)


NO_LABEL = Label()


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a value and of everything in it. `each` stands for all children that `keys` does not name."""

    own: Label = NO_LABEL
    keys: Mapping[Key, Labels] = field(default_factory=dict)
    each: Labels | None = None
    shape: Label = NO_LABEL
    _whole: Label | None = field(default=None, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        return hash((self.own, self.shape, self.each, frozenset(self.keys.items())))

    @classmethod
    def of(cls, label: Label) -> Labels:
        """One label for a value and all below it."""
        return NO_LABELS if label is NO_LABEL else cls(label)

    def child(self, key: Key) -> Labels:
        """The labels of the child at a key or index, what holds for the whole joined in."""
        below = self.keys.get(key, self.each) if self.keys else self.each
        if below is not None:
            return below.under(self.own)
        return Labels.of(self.own) if self.keys or self.shape is not NO_LABEL else self

    def under(self, label: Label) -> Labels:
        """The same tree with one more label for all of it."""
        own = self.own.join(label)
        return self if own is self.own else Labels(own, self.keys, self.each, self.shape)

    def with_choice(self, label: Label) -> Labels:
        """The labels of this value after one of that label decided that it is this one."""
        return self.under(label.as_choice())

    def top(self) -> Label:
        """The label of the shape: how many children there are and what their keys are called."""
        return self.own if self.shape is NO_LABEL else self.own.join(self.shape)

    def whole(self) -> Label:
        """The join of everything in the tree."""
        if self._whole is None:
            whole = self.top()
            for below in self.keys.values():
                whole = whole.join(below.whole())
            object.__setattr__(self, "_whole", whole if self.each is None else whole.join(self.each.whole()))
        assert self._whole is not None
        return self._whole

    def join(self, other: Labels) -> Labels:
        """The tree that holds, at every path, what either holds there."""
        if other is self or other is NO_LABELS:
            return self
        if self is NO_LABELS:
            return other
        named = sorted({*self.keys, *other.keys}, key=_order)
        keys = {k: _joined(self.keys.get(k, self.each), other.keys.get(k, other.each)) for k in named}
        each = None if self.each is None and other.each is None else _joined(self.each, other.each)
        return Labels(self.own.join(other.own), keys, each, self.shape.join(other.shape))

    def to_json(self) -> Json:
        """A canonical JSON object: `origins` once, then nodes that name them by number; empty parts are left out."""
        whole = self.whole()
        origins = sorted(whole.data | whole.choice)
        number = {origin: i for i, origin in enumerate(origins)}
        head = {"origins": [[o.source, o.trusted] for o in origins]} if origins else {}
        return head | _tree_to_json(self, number)

    @classmethod
    def from_json(cls, document: Json) -> Labels:
        """The tree that `to_json` wrote."""
        return _tree_from_json(document, [Origin(source, trusted) for source, trusted in document.get("origins", ())])


NO_LABELS = Labels()


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value with its labels."""

    value: Json  # or a set, a date or a datetime while it is inside expressions
    labels: Labels = NO_LABELS


def join_all(labels: Iterable[Label]) -> Label:
    """The join of many labels."""
    joined = NO_LABEL
    for label in labels:
        joined = joined.join(label)
    return joined


def list_labels(children: Sequence[Labels], *, own: Label = NO_LABEL, shape: Label = NO_LABEL) -> Labels:
    """The labels of a list from those of its elements; what most have in common is said once, in `each`."""
    each = _commonest(children)
    keys: dict[Key, Labels] = {} if each is None else {i: c for i, c in enumerate(children) if c is not each and c != each}
    return _tree(own, keys, each, shape)


def dict_labels(children: Mapping[str, Labels], *, own: Label = NO_LABEL, shape: Label = NO_LABEL) -> Labels:
    """The labels of an object from those of its values; what most have in common is said once, in `each`."""
    each = _commonest(list(children.values()))
    keys: dict[Key, Labels] = {k: c for k, c in children.items() if c is not each and c != each}
    return _tree(own, keys, each, shape)


def _commonest(children: Sequence[Labels]) -> Labels | None:
    if not children:
        return None
    first = children[0]
    if all(c is first or c == first for c in children):
        return first
    return Counter(children).most_common(1)[0][0]


def _tree(own: Label, keys: Mapping[Key, Labels], each: Labels | None, shape: Label) -> Labels:
    if keys or (each is not None and each != NO_LABELS):
        return Labels(own, keys, each, shape)
    return NO_LABELS if own == shape == NO_LABEL else Labels(own, shape=shape)


def labels_from_paths(default: Label, paths: Mapping[str, Label]) -> Labels:
    """The labels a tool declares by output path (`items[].body`); a named path replaces the default for all below it."""
    root = _Declared()
    for path, label in paths.items():
        root.at(path).label = label
    return root.labels(default)


def _joined(one: Labels | None, other: Labels | None) -> Labels:
    return (one or NO_LABELS).join(other or NO_LABELS)


def _order(key: Key) -> tuple[bool, Key]:
    return (isinstance(key, str), key)


class _Declared:
    """A node of the tree that declared paths make, while it is being built."""

    def __init__(self) -> None:
        self.label: Label | None = None
        self.keys: dict[str, _Declared] = {}
        self.each: _Declared | None = None

    def at(self, path: str) -> _Declared:
        node = self
        for part in path.replace("[]", ".[]").split("."):
            if part == "[]":
                node.each = node = node.each or _Declared()
            elif part:
                node = node.keys.setdefault(part, _Declared())
        return node

    def labels(self, inherited: Label) -> Labels:
        label = inherited if self.label is None else self.label
        if not self.keys and self.each is None:
            return Labels.of(label)
        each = Labels.of(label) if self.each is None else self.each.labels(label)
        return Labels(NO_LABEL, {k: n.labels(label) for k, n in self.keys.items()}, each, label)


def _tree_to_json(tree: Labels, number: Mapping[Origin, int]) -> dict[str, Json]:
    node: dict[str, Json] = _label_to_json(tree.own, number)
    if tree.shape != NO_LABEL:
        node["shape"] = _label_to_json(tree.shape, number)
    for name, kind in (("keys", str), ("items", int)):
        named = {str(k): _tree_to_json(tree.keys[k], number) for k in sorted(tree.keys, key=_order) if type(k) is kind}
        if named:
            node[name] = named
    if tree.each is not None:
        node["each"] = _tree_to_json(tree.each, number)
    return node


def _label_to_json(label: Label, number: Mapping[Origin, int]) -> dict[str, Json]:
    parts = {"data": sorted(number[o] for o in label.data), "choice": sorted(number[o] for o in label.choice)}
    return {name: numbers for name, numbers in parts.items() if numbers}


def _tree_from_json(node: Json, origins: Sequence[Origin]) -> Labels:
    keys: dict[Key, Labels] = {int(k): _tree_from_json(n, origins) for k, n in node.get("items", {}).items()}
    keys |= {k: _tree_from_json(n, origins) for k, n in node.get("keys", {}).items()}
    each = _tree_from_json(node["each"], origins) if "each" in node else None
    return Labels(_label_from_json(node, origins), keys, each, _label_from_json(node.get("shape", {}), origins))


def _label_from_json(node: Json, origins: Sequence[Origin]) -> Label:
    data, choice = (frozenset(origins[i] for i in node.get(name, ())) for name in ("data", "choice"))
    return Label(data, choice) if data or choice else NO_LABEL
