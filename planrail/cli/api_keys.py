"""API keys: the commands that make, list and revoke them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from executor.api_keys import StoredKey
from executor.quota import QuotaUse
from planner.toolspec import Json
from planrail.cli.errors import DONE, UsageError
from planrail.cli.output import Output
from planrail.cli.running import settings_here
from planrail.cli.session import run_session
from planrail.cli.text import clean, dollars, line, moment
from planrail.keys import APPROVE, ApiKey, hash_of, new_key
from planrail.limit_settings import PrincipalLimits
from planrail.quota import Quotas, quotas_told
from planrail.settings import Settings

if TYPE_CHECKING:  # a second to load: `--toml` needs no database
    from executor.journal.sql import SqlJournal

_SPAN = re.compile(r"(\d{1,5})([dhm])")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


@dataclass(frozen=True)
class Wish:
    """What key is wanted."""

    name: str
    principal: str
    tenants: frozenset[str]
    scopes: frozenset[str]
    person: bool
    approve: bool
    expires: str


def create(output: Output, wish: Wish, *, as_toml: bool) -> int:
    """Make a key and show it; with `as_toml` it is for whoever configures it, and the database is left alone."""
    made, now = new_key(), datetime.now(UTC)
    key = _key(wish, made)
    if as_toml:
        if wish.expires:
            raise UsageError("A key in planrail.toml does not expire: remove its lines instead.")
        return _tell_toml(output, wish.name, made, key)
    stored = StoredKey(
        name=wish.name, created_at=now, expires_at=_until(wish.expires, now) if wish.expires else None, **key.model_dump()
    )

    async def work(journal: SqlJournal) -> int:
        if not await journal.keys.add(stored):
            raise UsageError(f"There is a key {wish.name} already.", hint=f"planrail keys revoke {wish.name} ends it.")
        if output.json:
            output.document({"key": made, **_document(stored)})
        else:
            until = "" if stored.expires_at is None else f", until {moment(stored.expires_at)}"
            told = f"{made}\n\nIt is shown this once. Whoever comes with it is {stored.principal}{until}."
            output.console.print(
                Text(f"{clean(told)}\nA server that knew no key before has to be started anew to ask for one.")
            )
        return DONE

    return _with_keys(settings_here(), work)


def _key(wish: Wish, made: str) -> ApiKey:
    """The key as wished; raises UsageError."""
    if not wish.name.isprintable() or not 0 < len(wish.name) <= 200:
        raise UsageError("The key's name has to be printable, and of at most 200 characters.")
    scopes = wish.scopes | ({APPROVE} if wish.approve else set())
    kind = "user" if wish.person else "agent"
    try:
        return ApiKey.model_validate(
            {"hash": hash_of(made), "principal": wish.principal, "kind": kind, "scopes": scopes, "tenants": wish.tenants}
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"The key's {first['loc'][0]}: {first['msg']}.") from None


def _until(text: str, now: datetime) -> datetime:
    """`90d`, `12h`, `30m` from now, or a date; raises UsageError."""
    if span := _SPAN.fullmatch(text):
        return now + int(span[1]) * _UNITS[span[2]]
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)  # without a zone: this machine's
    except (ValueError, OverflowError):
        raise UsageError(f"--expires {text}: no time.", hint="Like 90d, 12h, 2027-01-31 or 2027-01-31T12:00Z.") from None
    if at <= now:
        raise UsageError(f"--expires {text} is over already.")
    return at


def _tell_toml(output: Output, name: str, made: str, key: ApiKey) -> int:
    """Print a new key, and what to configure of it."""
    fields: dict[str, Json] = {k: v for k, v in key.model_dump(mode="json").items() if v}
    for several in ("scopes", "tenants"):
        if several in fields:
            fields[several] = sorted(key.model_dump()[several])
    if output.json:
        output.document({"key": made, "name": name, **fields})
        return DONE
    lines = [f"[auth.keys.{json.dumps(name)}]", *(f"{k} = {json.dumps(v)}" for k, v in fields.items())]
    told = "\n".join(lines)
    output.console.print(Text(f"{made}\n\nIt is shown this once. Put this into planrail.toml:\n\n{told}"), soft_wrap=True)
    return DONE


def listed(output: Output) -> int:
    """The keys of the database and of the configuration."""
    settings = settings_here()

    async def work(journal: SqlJournal) -> int:
        found = await journal.keys.find()
        configured = settings.auth.keys
        taken = await _taken(journal, settings, {*(k.principal for k in found), *(k.principal for k in configured.values())})
        if output.json:
            listed = [*map(_document, found), *({"name": n, **k.model_dump(mode="json")} for n, k in configured.items())]
            output.document([{**key, "limits": taken[str(key["principal"])].told()} for key in listed])
        elif found or configured:
            output.console.print(_table(found, configured.items()))
            if limited := [of for of in taken.values() if of.limits != PrincipalLimits()]:
                output.console.print(Text(""), _limits_table(limited))
        else:
            output.console.print("There is no key: planrail keys create NAME makes one.")
        return DONE

    return _with_keys(settings, work)


@dataclass(frozen=True)
class _Taken:
    """What a principal may take, and what it has taken."""

    limits: PrincipalLimits
    use: QuotaUse

    def told(self) -> Json:
        return quotas_told(self.limits, self.use)


async def _taken(journal: SqlJournal, settings: Settings, principals: Iterable[str]) -> dict[str, _Taken]:
    quotas = Quotas(settings.auth.limits)
    return {who: _Taken(quotas.limits(who), await journal.quota(who)) for who in sorted(principals)}


def _limits_table(taken: Iterable[_Taken]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("principal", "requests a minute", "runs at once", "$ today (UTC)"):
        table.add_column(heading)
    for of in taken:
        used = f"{dollars(of.use.used)}{f' and {dollars(of.use.reserved)} reserved' if of.use.reserved else ''}"
        most = "" if of.limits.usd_per_day is None else f" of {dollars(of.limits.usd_per_day)}"
        runs = f"{of.use.runs}" + ("" if of.limits.runs is None else f" of {of.limits.runs}")
        a_minute = "" if of.limits.requests_per_minute is None else f"{of.limits.requests_per_minute}"
        table.add_row(Text(line(of.use.account)), a_minute, runs, f"{used}{most}")
    return table


def _table(found: Iterable[StoredKey], configured: Iterable[tuple[str, ApiKey]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("key", "principal", "may", "tenants", "state", "last used"):
        table.add_column(heading)
    now = datetime.now(UTC)
    for key in found:
        table.add_row(*_cells(key.name, key.principal, key.scopes, key.tenants), _state(key, now), moment(key.used_at))
    for name, known in configured:
        table.add_row(*_cells(name, known.principal, known.scopes, known.tenants), "in planrail.toml", "")
    return table


def _cells(name: str, principal: str, *several: Iterable[str]) -> tuple[Text, ...]:
    return tuple(Text(line(text)) for text in (name, principal, *(", ".join(sorted(names)) for names in several)))


def _state(key: StoredKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {moment(key.revoked_at)}"
    if key.expires_at is None:
        return "good"
    return f"good until {moment(key.expires_at)}" if key.opens(now) else f"expired {moment(key.expires_at)}"


def _document(key: StoredKey) -> dict[str, Json]:
    whole: dict[str, Json] = key.model_dump(mode="json")
    return {**whole, "scopes": sorted(key.scopes), "tenants": sorted(key.tenants)}


def revoke(output: Output, name: str) -> int:
    """Revoke the key of that name."""
    settings = settings_here()

    async def work(journal: SqlJournal) -> int:
        found = await journal.keys.revoke(name, datetime.now(UTC))
        if found is None:
            where = (
                "It is in planrail.toml: remove its lines."
                if name in settings.auth.keys
                else "`planrail keys list` shows them."
            )
            raise UsageError(f"There is no key {name} in the database that could be revoked.", hint=where)
        if output.json:
            output.document(_document(found))
        else:
            output.console.print(Text(f"{clean(name)} is revoked; within a second no server takes it any more."))
        return DONE

    return _with_keys(settings, work)


def _with_keys(settings: Settings, work: Callable[[SqlJournal], Awaitable[int]]) -> int:
    """Do the work on the database's keys. Nothing else of the house is opened."""
    from planrail.engines import open_journal  # noqa: PLC0415  # a second to load: `--toml` needs no database

    async def session() -> int:
        async with open_journal(settings, f"keys-{os.getpid()}") as (journal, _):
            return await work(journal)

    return run_session(session())
