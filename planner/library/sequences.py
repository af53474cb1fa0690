"""The library's lists, sets and objects: how many, which, in what order; elements keep their labels."""

from __future__ import annotations

from functools import cmp_to_key

from planner.comparison import equal, order
from planner.elements import elements, key_labels, listed
from planner.errors import ExpressionError
from planner.labels import NO_LABEL, Labels, Tagged, dict_labels, join_all
from planner.library.function import Arguments
from planner.values import OrderedSet, Value, kind


def length(a: Arguments) -> Tagged:
    (subject,) = a.positional
    if not isinstance(subject.value, str | list | dict | OrderedSet):
        raise ExpressionError(f"len() counts a list or a text, not {kind(subject.value)}")
    labels = subject.labels
    return Tagged(len(subject.value), Labels.of(labels.whole() if isinstance(subject.value, str) else labels.top()))


def every(a: Arguments) -> bool:
    return all(t.value for t in a.elements(0))


def some(a: Arguments) -> bool:
    return any(t.value for t in a.elements(0))


def ordered(a: Arguments) -> Tagged:
    """sorted(): the order is decided by the keys, so they are a choice on the list."""
    keyed = _keyed(a, a.elements(0))

    def compare(x: tuple[Tagged, Tagged], y: tuple[Tagged, Tagged]) -> int:
        return order(x[0].value, y[0].value, a.meter)

    ranked = sorted(keyed, key=cmp_to_key(compare), reverse=bool(a.value(1, "reverse", default=False)))
    decided = join_all(k.labels.whole() for k, _ in keyed).as_choice()
    return listed([t for _, t in ranked], own=decided, shape=a.positional[0].labels.top())


def smallest(a: Arguments) -> Tagged:
    return _extreme(a, -1)


def largest(a: Arguments) -> Tagged:
    return _extreme(a, 1)


def _extreme(a: Arguments, sign: int) -> Tagged:
    several = len(a.positional) > 1
    shape = NO_LABEL if several else a.positional[0].labels.top()
    candidates = _keyed(a, list(a.positional) if several else a.elements(0))
    if not candidates:
        default = a.named.get("default")
        if default is None:
            raise ExpressionError(f"{a.function}() of an empty list has no value", hint="Give default=.")
        return Tagged(default.value, default.labels.with_choice(shape))
    key, best = candidates[0]
    for other_key, other in candidates[1:]:
        if order(other_key.value, key.value, a.meter) * sign > 0:
            key, best = other_key, other
    decided = join_all(k.labels.whole() for k, _ in candidates) if len(candidates) > 1 else NO_LABEL
    return Tagged(best.value, best.labels.with_choice(decided.join(shape)))


def _keyed(a: Arguments, items: list[Tagged]) -> list[tuple[Tagged, Tagged]]:
    key = a.key
    return [(item if key is None else key(item), item) for item in items]


def zipped(a: Arguments) -> Tagged:
    columns = [a.elements(i) for i in range(len(a.positional))]
    a.meter.elements(min(map(len, columns)))
    shape = join_all(t.labels.top() for t in a.positional)
    return listed([listed(row) for row in zip(*columns, strict=False)], shape=shape)


def numbered(a: Arguments) -> Tagged:
    """enumerate()"""
    start = a.integer(1, "start")
    given = a.tagged(1, "start")
    label = Labels() if given is None else Labels.of(given.labels.whole())
    rows = a.elements(0)
    a.meter.elements(len(rows))
    pairs = [listed([Tagged(start + i, label), row]) for i, row in enumerate(rows)]
    return listed(pairs, shape=a.positional[0].labels.top())


def as_list(a: Arguments) -> Tagged:
    return listed(a.elements(0), shape=a.positional[0].labels.top()) if a.positional else Tagged([])


def as_set(a: Arguments) -> Tagged:
    if not a.positional:
        return Tagged(OrderedSet((), a.meter))
    return set_of(a.elements(0), a)


def set_of(items: list[Tagged], a: Arguments) -> Tagged:
    whole = join_all(t.labels.whole() for t in items).join(a.positional[0].labels.top())
    return Tagged(OrderedSet((t.value for t in items), a.meter), Labels.of(whole))


def as_dict(a: Arguments) -> Tagged:
    """dict(): of an object or of pairs."""
    (subject,) = a.positional or (Tagged({}),)
    if isinstance(subject.value, dict):
        a.meter.elements(len(subject.value))
        return Tagged(dict(subject.value), subject.labels)
    made: dict[str, Tagged] = {}
    names = subject.labels.top()
    for pair in a.elements(0):
        name, value = pair_of(pair)
        names = names.join(name.labels.whole()).join(pair.labels.top())
        made[name.value] = value
    labels = dict_labels({k: t.labels for k, t in made.items()}, own=names.as_choice(), shape=names)
    return Tagged({k: t.value for k, t in made.items()}, labels)


def pair_of(pair: Tagged) -> tuple[Tagged, Tagged]:
    """The two parts of a pair whose first is a text."""
    value = pair.value
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        raise ExpressionError("dict() is made of pairs of a text and a value")
    return Tagged(value[0], pair.labels.child(0)), Tagged(value[1], pair.labels.child(1))


def only(a: Arguments) -> Tagged:
    """only(): the one element; how many there were decided that it is this one."""
    (subject, *_) = a.positional
    what = a.text(1, "what", "elements")
    found = elements(subject, a.meter)
    if len(found) != 1:
        raise ExpressionError(f"{len(found)} {what[:80]} where exactly one was expected")
    return Tagged(found[0].value, found[0].labels.with_choice(subject.labels.top()))


# methods of lists and objects: the receiver is the first argument


def index(a: Arguments) -> int:
    for i, element in enumerate(_list(a)):
        if equal(element, a.value(1), a.meter):
            return i
    raise ExpressionError("The list has no such element", hint="Test with `in` first.")


def occurrences(a: Arguments) -> int:
    """count(): of an element in a list, of a text in a text."""
    if isinstance(a.value(0), str):
        a.meter.read(len(a.text(0)) + len(a.text(1)))
        return a.text(0).count(a.text(1))
    return sum(equal(element, a.value(1), a.meter) for element in _list(a))


def get(a: Arguments) -> Tagged:
    subject, key = a.positional[0], a.text(1)
    decided = a.positional[1].labels.whole().join(subject.labels.top())
    if key in subject.value:
        return Tagged(subject.value[key], subject.labels.child(key).with_choice(decided))
    default = a.tagged(2, "default") or Tagged(None)
    return Tagged(default.value, default.labels.with_choice(decided))


def keys(a: Arguments) -> Tagged:
    return listed(a.elements(0), shape=a.positional[0].labels.top())


def items(a: Arguments) -> Tagged:
    (subject,) = a.positional
    a.meter.elements(4 * len(subject.value))
    name = key_labels(subject.labels)
    pairs = [listed([Tagged(k, name), Tagged(v, subject.labels.child(k))]) for k, v in subject.value.items()]
    return listed(pairs, shape=subject.labels.top(), own=subject.labels.top().as_choice())


def values(a: Arguments) -> Tagged:
    (subject,) = a.positional
    a.meter.elements(len(subject.value))
    below = [Tagged(v, subject.labels.child(k)) for k, v in subject.value.items()]
    return listed(below, shape=subject.labels.top(), own=subject.labels.top().as_choice())


def _list(a: Arguments) -> list[Value]:
    found = a.value(0)
    if not isinstance(found, list):
        raise a.unfit("a list", found)
    return found
