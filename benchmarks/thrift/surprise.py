"""Surprise: in the middle one item fails, and says what would help: what was planned is not enough."""

from __future__ import annotations

from pydantic import BaseModel

from benchmarks.thrift.call import Call, Group, Part
from benchmarks.thrift.form import Beat, Form, Plan
from benchmarks.thrift.outputs import number, paced, passed
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset

_APART, _STALE = 40, 3  # of so many accounts one is stale: the fourth


class Account(BaseModel):
    id: int
    code: int
    text: str


class Reset(BaseModel):
    id: int
    text: str


@tool(effect="read")
async def account(id: int, fresh: bool = False) -> Account:
    """An account, with the code that resets it; fresh ones are asked for at the source."""
    return Account(id=id, code=_code(id, fresh=fresh), text=await paced(f"account {id}"))


@tool(effect="write", idempotent=True, commutes=True, sensitive=())
async def reset(id: int, code: int) -> Reset | ToolFailed:
    """Reset the password of an account."""
    if code != _code(id, fresh=True):
        await passed()
        return ToolFailed(f"The code of account {id} is stale; read it fresh.", "refused")
    return Reset(id=id, text=await paced(f"reset {id}"))


DESK = Toolset.of("desk", [account, reset])


class Surprise(Form):
    @property
    def name(self) -> str:
        return f"surprise among {self.width} × (account, reset)"

    @property
    def tools(self) -> Toolset:
        return DESK

    @property
    def goal(self) -> str:
        return f"Reset the passwords of the accounts {self._accounts[0]} to {self._accounts[-1]}. How many were reset?"

    @property
    def answer(self) -> str:
        return f"{self.width} were reset"

    @property
    def sentence(self) -> str:
        return self.answer

    @property
    def groups(self) -> list[Group]:
        read = [
            Part(f"{i}", [[Call("desk.account", {"id": i})]], f"{i} has the code {_code(i, fresh=False)}")
            for i in self._accounts
        ]
        reset = [self._reset(i) for i in self._accounts]
        return [
            Group("Read account", read),
            Group("Reset account", reset, ahead="each with its code", found=f"All {self.width} are reset."),
        ]

    def _reset(self, i: int) -> Part:
        """Where the code is stale, whoever sees the error knows what to do."""
        waves = [[Call("desk.reset", {"id": i, "code": _code(i, fresh=False)})]]
        if _stale(i):
            waves += [[Call("desk.account", {"id": i, "fresh": True})]]
            waves += [[Call("desk.reset", {"id": i, "code": _code(i, fresh=True)})]]
        return Part(f"{i} with the code {_code(i, fresh=False)}", waves, f"{i} is reset.", f"{i} with its code")

    @property
    def plans(self) -> list[Plan]:
        first, last = self._accounts[0], self._accounts[-1]
        script = (
            f"accounts = [desk.account(id=i) for i in range({first}, {last} + 1)]\n"
            "done = [desk.reset(id=a.id, code=a.code) for a in accounts]\n"
            'answer(f"{len(done)} were reset")'
        )
        plan = Plan(script, [Beat(0), Beat(1, 0, effect=True)])
        stale = [i for i in self._accounts if _stale(i)]
        return [plan, *(self._mended(i) for i in stale)]

    def _mended(self, stale: int) -> Plan:
        script = (
            f"fresh = desk.account(id={stale}, fresh=True)\n"
            f"done = [desk.reset(id=a.id, code=fresh.code if a.id == {stale} else a.code) for a in accounts]\n"
            'answer(f"{len(done)} were reset")'
        )
        return Plan(script, [Beat(2), Beat(2, 0, effect=True)])

    @property
    def lines(self) -> list[list[str]]:
        read = [f"desk_account({i})" for i in self._accounts]
        plan = [*read, *(f'desk_reset({i}, "${n}")' for n, i in enumerate(self._accounts, 1))]
        stale = [i for i in self._accounts if _stale(i)]
        return [plan, *([f"desk_account({i}, True)", f'desk_reset({i}, "$1")'] for i in stale)]

    @property
    def _accounts(self) -> range:
        first = 1_000 + _APART * self.seed + (_APART // 2 if self.calm else 0)
        return range(first, first + self.width)


def _stale(account: int) -> bool:
    return account % _APART == _STALE


def _code(account: int, *, fresh: bool) -> int:
    return 100_000 + number(f"code {account} {fresh and _stale(account)}", 900_000)
