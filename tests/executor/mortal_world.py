"""A world of files that outlives every process: its tools note each call and each effect in a way that no kill can tear.

Effects are files whose names say all: an effect with a key is made by creating its file, which works once; one without makes a
file of its own each time. So what is there tells what happened, however the process that did it ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from executor.tool import ToolContext, tool
from executor.toolset import Toolset
from planner.llm.function import ToolCall
from planner.llm.port import ModelRequest
from planner.llm.scripted import ScriptedModel, ScriptedReply
from planner.models import Models, Role
from planner.prices import FixedPrices, Rates
from planner.worst import ModelTerms

SCRIPT = """\
ids = shop.items()
infos = [shop.look(x=i) for i in ids]
prices = [shop.price(x=i) for i in ids[:2]]
says = [ask("Say.", x=i, returns={"x": int}) for i in ids[:2]]
approve("book " + str(len(ids)))
booked = [shop.book(x=i) for i in infos]
sent = shop.send(x=sum(prices))
rung = shop.ring(x=ids[2])
answer({"booked": booked, "says": [s.x for s in says]})
"""
LOOP = 'answer(do("Buy.", tools=[shop.look, shop.book, shop.send, shop.ring], max_calls=8))\n'
TURNS = (  # of the model in the loop: what it asks for, whatever it is told
    (("look", 1), ("look", 2)), (("book", 1), ("book", 2)), (("send", 3),), (("ring", 3),),
)  # fmt: skip
LOOP_EFFECTS = Counter({("book", 1): 1, ("book", 2): 1, ("send", 3): 1, ("ring", 3): 1})
ANSWER = {"booked": [1, 2, 3], "says": [1, 2]}
EFFECTS = Counter({("book", 1): 1, ("book", 2): 1, ("book", 3): 1, ("send", 3): 1, ("ring", 3): 1})
ACTS = 13  # calls of tools and models in a run that nothing disturbs
RATES = Rates(input=1.0, cached_input=1.0, output=4.0)


@dataclass(frozen=True)
class Call:
    """A call that was begun: `word` is the worker's."""

    word: str
    run: str
    tool: str
    x: int
    key: str


@dataclass(frozen=True)
class MortalWorld:
    """The folder."""

    folder: Path

    def note(self, call: Call) -> None:
        """One line, in one write."""
        handle = os.open(self.folder / "calls", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{call.word} {call.run or '-'} {call.tool} {call.x} {call.key}\n".encode())
        os.close(handle)

    def act(self, run: str, name: str, x: int, key: str, *, once: bool) -> None:
        """The effect; `once`: not if it has happened with that key."""
        path = self.folder / f"{run},{name},{x},{key},{'' if once else secrets.token_hex(8)}"
        path.touch(exist_ok=once)

    def happened(self, key: str) -> bool:
        return any(path.name.split(",")[3] == key for path in self.folder.iterdir() if "," in path.name)

    def effects(self) -> Counter[tuple[str, str, int]]:
        """(run, tool, x) → how often it happened."""
        told = (path.name.split(",") for path in self.folder.iterdir() if "," in path.name)
        return Counter((run, name, int(x)) for run, name, x, *_ in told)

    def effects_of(self, run: str) -> Counter[tuple[str, int]]:
        return Counter({(name, x): n for (of, name, x), n in self.effects().items() if of == run})

    def calls(self) -> list[Call]:
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [Call(word, run, name, int(x), key) for word, run, name, x, key in map(str.split, lines)]


@dataclass(frozen=True)
class Shop:
    """The tools of one worker. `acted` is called when a call has had its effect and has not told anybody."""

    world: MortalWorld
    word: str
    acted: Callable[[], None] = lambda: None
    pause_s: float = 0.0

    async def _call(self, name: str, x: int, context: ToolContext, *, effect: bool = False, once: bool = False) -> int:
        self.world.note(Call(self.word, context.run, name, x, context.key))
        await asyncio.sleep(self.pause_s)
        if effect:
            self.world.act(context.run, name, x, context.key, once=once)
        self.acted()
        await asyncio.sleep(self.pause_s)
        return x

    @tool(effect="read")
    async def items(self, context: ToolContext) -> list[int]:
        """What there is."""
        await self._call("items", 0, context)
        return [1, 2, 3]

    @tool(effect="read")
    async def look(self, x: int, context: ToolContext) -> int:
        """A read that costs nothing."""
        return await self._call("look", x, context)

    @tool(effect="read", usd=0.01)
    async def price(self, x: int, context: ToolContext) -> int:
        """A read that costs a cent."""
        return await self._call("price", x, context)

    @tool(effect="write", idempotent=True)
    async def book(self, x: int, context: ToolContext) -> int:
        """An effect that knows its keys."""
        return await self._call("book", x, context, effect=True, once=True)

    def sent(self, key: str) -> bool:
        """Whether that letter has gone out."""
        return self.world.happened(key)

    @tool(effect="irreversible", probe=sent, timeout_s=2.0)
    async def send(self, x: int, context: ToolContext) -> int:
        """An effect that can be looked up."""
        await self._call("send", x, context, effect=True)
        return x

    @tool(effect="irreversible", timeout_s=2.0)
    async def ring(self, x: int, context: ToolContext) -> int:
        """An effect of which only a person can tell whether it happened."""
        await self._call("ring", x, context, effect=True)
        return x

    def turn(self, request: ModelRequest) -> ScriptedReply:
        """What the model in the loop says at its turn."""
        number = sum(1 for m in request.messages if m.role == "assistant")
        self.world.note(Call(self.word, "", "turn", number + 1, "-"))
        self.acted()
        if number == len(TURNS):
            return "bought"
        return tuple(
            ToolCall(id=f"c{number}_{n}", name=f"shop.{name}", arguments=json.dumps({"x": x}))
            for n, (name, x) in enumerate(TURNS[number])
        )

    def reply(self, request: ModelRequest) -> ScriptedReply:
        """The model's answer, which is the number that it is asked about; its calls stand beside the tools'."""
        if request.tools:
            return self.turn(request)
        text = next(m.content for m in request.messages if "Inputs: " in m.content)
        inputs = json.loads(text.partition("Inputs: ")[2].partition("\n")[0])
        self.world.note(Call(self.word, "", "ask", inputs["x"], "-"))
        self.acted()
        return json.dumps({"x": inputs["x"]})

    def toolset(self) -> Toolset:
        return Toolset.of("shop", self)

    def models(self) -> Models:
        terms = ModelTerms(model="small", rates=RATES, max_output_tokens=60)
        return Models(executor=Role(ScriptedModel(self.reply, prices=FixedPrices({"small": RATES})), terms))
