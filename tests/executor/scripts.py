"""Scripts that compile, drawn by hypothesis: names of three types over the world's tools.

What a reader could not foretell is left out: a read and an effect of one namespace in the body of one map, whose items are free
among themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st
from worlds import SPACES

Draw = Callable[[st.SearchStrategy], object]
EFFECTS = ("put", "add", "send", "try_put")
READS = ("look", "look", "fetch", "flaky", "broken")
NONE = '{"id": 0, "n": 0, "flag": False, "seen": 0}'


@dataclass
class Writer:
    """Writes one script; `ints`, `recs` and `lists` are the names that it may read from here on."""

    draw: Callable[..., object]
    people: bool = False
    models: bool = False
    timers: bool = False
    loops: bool = False
    once: bool = False  # every effect's result is read only where its call may be repeated; others are made for themselves
    lines: list[str] = field(default_factory=list)
    ints: list[str] = field(default_factory=list)
    recs: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    _count: int = 0

    def pick(self, *options: str) -> str:
        return self.draw(st.sampled_from(options))  # type: ignore[return-value]

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == one_in

    def name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    # -- expressions

    def integer(self) -> str:
        options = [str(self.draw(st.integers(1, 9)))]
        if self.recs:
            options += [f"{r}.{k}" for r in self.recs[-3:] for k in ("id", "n")]
        if self.lists:
            options += [f"len({x})" for x in self.lists[-3:]] + [f"sum([r.n for r in {x}])" for x in self.lists[-2:]]
            options.append(f"{self.lists[-1]}[0].id")
        return self.pick(*options, *self.ints[-3:])

    def condition(self) -> str:
        options = [f"{self.integer()} >= 0", f"{self.integer()} < {self.draw(st.integers(1, 40))}"]
        options += [f"{r}.flag" for r in self.recs[-2:]]
        options += [f"len({x}) > {self.draw(st.integers(0, 2))}" for x in self.lists[-2:]]
        return self.pick(*options)

    def filter(self, item: str) -> str:
        if not self.chance(2):
            return ""
        outer = f" and {self.pick(*self.ints)} >= 0" if self.ints and self.chance(3) else ""
        return f" if {item}.{self.pick('flag', 'n > 1', 'id % 3 != 1')}{outer}"

    def read(self, x: str, space: str | None = None) -> str:
        space = space or self.pick(*SPACES)
        match self.pick(*READS, "find", "attempt"):
            case "attempt":
                return f"attempt({space}.find(x={x}), default={NONE})"
            case "broken" | "find" | "flaky" as verb:
                return f"{space}.{verb}(x={x}, otherwise={NONE})" if not self.chance(4) else f"{space}.{verb}(x={x})"
            case verb:
                return f"{space}.{verb}(x={x})"

    def effect(self, x: str, space: str | None = None) -> str:
        space, verb = space or self.pick(*SPACES), "add" if self.once else self.pick(*EFFECTS)
        return f"{space}.{verb}(x={x})"

    def call(self, x: str) -> str:
        """A call, or a chain of two where the first is a read of another namespace."""
        if self.chance(4):
            one, other = self.draw(st.permutations(SPACES))[:2]  # type: ignore[index]
            more = self.pick("1", "1", f"len({self.lists[-1]})" if self.lists else "2")
            return self.pick(*(f(f"{self.read(x, one)}.n + {more}", other) for f in (self.read, self.effect)))
        return self.read(x) if self.chance(2) else self.effect(x)

    # -- statements

    def statement(self, depth: int) -> None:
        kinds = [self.new_list, self.new_rec, self.mapped, self.mapped, self.mapped, self.let, self.let_list, self.expect]
        kinds += [self.branch] if depth < 2 else []
        kinds += [self.blind] * 3 if self.once else []
        kinds += [self.asked] if self.models else []
        kinds += [self.loop] * 3 if self.loops else []
        kinds += [self.wait, self.poll, self.first] if self.timers else []
        kinds += [self.approve, self.ask_user] if self.people else []
        kind = self.draw(st.sampled_from(kinds))
        kind(depth)  # type: ignore[operator]

    def add(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def bind(self, depth: int, kind: list[str], value: str) -> None:
        name = self.name()
        self.add(depth, f"{name} = {value}")
        kind.append(name)

    def new_list(self, depth: int) -> None:
        if self.chance(4):
            self.bind(depth, self.lists, f"pages({self.pick(*SPACES)}.page(start={self.draw(st.integers(1, 3))}), limit=50)")
        else:
            self.bind(depth, self.lists, f"{self.pick(*SPACES)}.some(x={self.draw(st.integers(0, 5))})")

    def new_rec(self, depth: int) -> None:
        self.bind(depth, self.recs, self.call(self.integer()))

    def mapped(self, depth: int) -> None:
        if not self.lists:
            return self.new_list(depth)
        x = self.pick(*self.lists[-4:])
        other = self.pick(*self.lists[-4:])
        match self.draw(st.integers(0, 6)):
            case 0 | 1 | 2:
                value = f"[{self.call('r.id')} for r in {x}{self.filter('r')}]"
            case 3:
                value = f"[{self.call('r.id + q.n')} for r, q in zip({x}, {other}){self.filter('q')}]"
            case 4:
                value = f"[r if r.{self.pick('flag', 'n > 2')} else {self.read('r.n')} for r in {x}{self.filter('r')}]"
            case 5:
                second = self.filter("q")
                value = f"[{self.read('r.id + q.n')} for r in {x}[:3]{self.filter('r')} for q in {other}[:2]{second}]"
            case _:
                value = f"[{self.call(f'r.id + {self.integer()}')} for r in {x}{self.filter('r')}]"
        self.bind(depth, self.lists, value)
        return None

    def blind(self, depth: int) -> None:
        """Effects whose results nobody reads."""
        call = f"{self.pick(*SPACES)}.{self.pick(*EFFECTS[:3])}"
        if self.lists and self.chance(2):
            self.add(depth, f"{self.name()} = [{call}(x=r.id) for r in {self.pick(*self.lists[-3:])}{self.filter('r')}]")
        else:
            self.add(depth, f"{call}(x={self.integer()})")

    def let(self, depth: int) -> None:
        self.bind(depth, self.ints, f"{self.integer()} + {self.integer()}")

    def let_list(self, depth: int) -> None:
        if not self.lists:
            return
        x, other = self.pick(*self.lists[-4:]), self.pick(*self.lists[-4:])
        changed = '{"id": r.id + 1, "n": r.n, "flag": not r.flag, "seen": r.seen}'
        options = [f"[r for r in {x}{self.filter('r')}]", f"[{changed} for r in {x}{self.filter('r')}]", f"{x}[:2]"]
        options.append(f"[r for r, q in zip({x}, {other}){self.filter('q')}]")
        options.append(f"sorted({x}, key=lambda r: r.n)")
        self.bind(depth, self.lists, self.pick(*options))

    def expect(self, depth: int) -> None:
        self.add(depth, f'expect({self.condition()}, "why")')

    def approve(self, depth: int) -> None:
        self.add(depth, f'approve("all of {self.name()}")')

    def ask_user(self, depth: int) -> None:
        self.bind(depth, self.ints, f'ask_user("how many for {self.name()}?", returns=int)')

    def wait(self, depth: int) -> None:
        duration = self.pick('"10m"', f"{self.integer()} * {self.integer()}")
        self.add(depth, f"wait({duration})")

    def poll(self, depth: int) -> None:
        """Until it is so after a few calls; never, in some."""
        otherwise = f", otherwise={NONE}" if not self.chance(4) else ""
        space, verb = self.pick(*SPACES), self.pick("ready", "ready", "flaky", "look", "broken")
        if verb == "ready":
            own = 100 + 4 * len(self.lines) + self.draw(st.integers(0, 3))  # type: ignore[operator]  # no other step looks at it
            call, more = f"{space}.ready(x={own}), until=lambda r: r.flag", 'every="1m", timeout="8h"'
        else:
            until = self.pick("r.flag", "r.n >= 0", "r.n > 9")
            call, more = f"{space}.{verb}(x={self.integer()}), until=lambda r: {until}", 'every="20s", timeout="2m"'
        self.bind(depth, self.recs, f"poll({call}, {more}{otherwise})")

    def first(self, depth: int) -> None:
        if not self.lists:
            return
        space = self.pick(*SPACES)
        verb = self.pick("look", "flaky", "broken", "add") if self.once else self.pick("look", "broken", "flaky", *EFFECTS)
        call = f"[{space}.{verb}(x=r.id + {self.integer()}) for r in {self.pick(*self.lists[-3:])}{self.filter('r')}]"
        otherwise = f", otherwise={NONE}" if not self.chance(4) else ""
        until = self.pick("q.flag", "q.n > 2", "q.id >= 0", "q.n > 9")
        self.bind(depth, self.recs, f"first({call}, until=lambda q: {until}{otherwise})")

    def asked(self, depth: int) -> None:
        returns = 'returns={"id": int, "n": int, "flag": bool, "seen": int}'
        if self.lists and self.chance(2):
            x = self.pick(*self.lists[-3:])
            self.bind(depth, self.lists, f'[ask("Say.", id=r.id, {returns}) for r in {x}{self.filter("r")}]')
        else:
            self.bind(depth, self.recs, f'ask("Say.", id={self.integer()}, {returns})')

    def loop(self, depth: int) -> None:
        """A model with some tools; what it calls is for nothing but the calls: see `agents.wander`."""
        mapped = self.lists and self.chance(3)
        spaces = self.draw(st.permutations(SPACES))
        reads = [f"{spaces[0]}.{v}" for v in ("look", "flaky", "broken", "find")[: self.draw(st.integers(1, 4))]]  # type: ignore[index, misc]
        effects = ("add",) if self.once else EFFECTS
        some = self.draw(st.integers(0, 2))
        acts = [f"{spaces[1] if mapped else self.pick(*SPACES)}.{self.pick(*effects)}" for _ in range(some)]  # type: ignore[index, call-overload]
        tools, name = ", ".join(dict.fromkeys([*reads, *acts])), self.name()
        most, more = self.draw(st.integers(1, 6)), ", parallel=False" if self.chance(4) else ""
        returns = 'returns={"id": int, "n": int, "flag": bool, "seen": int}'
        call = f'do("Go {name}.", tools=[{tools}], max_calls={most}, {returns}{more}, x='
        if mapped:
            x = self.pick(*self.lists[-3:])
            self.bind(depth, self.lists, f"[{call}r.id, limit=40) for r in {x}{self.filter('r')}]")
        else:
            self.bind(depth, self.recs, f"{call}{self.integer()})")

    def branch(self, depth: int) -> None:
        """An `if`: what its branches bind is not read after it, but for one number that both bind."""
        self.add(depth, f"if {self.condition()}:")
        kept = tuple(list(names) for names in (self.ints, self.recs, self.lists))
        both = self.name()
        for number in range(2):
            if number:
                self.add(depth, "else:")
            for _ in range(self.draw(st.integers(0, 2))):  # type: ignore[call-overload]
                self.statement(depth + 1)
            self.add(depth + 1, f"{both} = {self.integer()}")
            self.ints, self.recs, self.lists = (list(names) for names in kept)
        self.ints.append(both)


@st.composite
def scripts(
    draw: Callable[..., object],
    *,
    people: bool = False,
    models: bool = False,
    timers: bool = False,
    loops: bool = False,
    once: bool = False,
    most: int = 9,
) -> str:
    """A script that ends with an answer of everything that it has bound."""
    writer = Writer(draw, people, models, timers, loops, once)
    for _ in range(draw(st.integers(2, most))):  # type: ignore[call-overload]
        writer.statement(0)
    named = ", ".join(f'"{n}": {n}' for n in (*writer.ints, *writer.recs, *writer.lists))
    return "\n".join([*writer.lines, f"answer({{{named}}})"]) + "\n"
