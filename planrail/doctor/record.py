"""Record: what the doctor makes of what stands in the database: workers, schedules, keys, seals, notifications."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import version
from ipaddress import ip_address
from urllib.parse import urlsplit

from executor.builtin.addresses import Resolve, is_public
from executor.builtin.addresses import resolve as resolved
from executor.timetable import Schedule
from planner.errors import PlanrailError
from planner.playbook import Playbooks
from planrail.cron import CronError, zone_of
from planrail.doctor.database import Seen
from planrail.doctor.finding import Finding, note, problem, well
from planrail.seal import FILE, Seal, SealBroken, seal_of
from planrail.settings import Settings

LATE = timedelta(minutes=5)
QUEUED_S = 60.0
_SEALED = 5  # notifications whose seal is tried
_CARRIES = "Start `planrail worker` or `planrail serve`"


def workers(seen: Seen) -> Iterator[Finding]:
    """Whether somebody carries on what is queued, and in one version."""
    queued, waits = seen.figures.runs["queued"], seen.figures.queued_s
    if waits > QUEUED_S:
        told = f"{_counted(queued, 'run')} queued, the first for {_lasting(waits)}"
        if not seen.living:
            yield problem("workers", f"{told}, and no process carries runs on", f"{_CARRIES}.")
        else:
            remedy = "They are full, or lack a tool that the runs need: start more, with the same packs and servers everywhere."
            yield problem("workers", f"{told}, though {_counted(len(seen.living), 'process')} live", remedy)
    else:
        yield well("workers", f"{_counted(len(seen.living), 'process')} at work on the database, {queued:,} queued")
    here = version("planrail")
    others = {name: seen.versions[name] for name in sorted(seen.living) if seen.versions.get(name, here) != here}
    if others:
        name, other = next(iter(others.items()))
        told = f"{_counted(len(others), 'process')} of another version than {here}, like {name} of {other}"
        yield note("versions", told, "Run one version everywhere, once an upgrade is over.")


def schedules(seen: Seen, settings: Settings, playbooks: Playbooks | None) -> Iterator[Finding]:
    """What is submitted again and again: whether it is due in time, in a zone that is known, and finds a plan."""
    found = [s for s in seen.schedules if not s.paused]
    if not found:
        return
    late = [s for s in found if s.next_at < seen.at - LATE]
    if late:
        told = f"{_counted(len(late), 'schedule')} overdue since {late[0].next_at.astimezone():%Y-%m-%d %H:%M:%S}"
        yield problem("schedules", told, f"{_CARRIES}: it begins what is due.")
    else:
        told = f"{_counted(len(found), 'schedule')}, due next at {found[0].next_at.astimezone():%Y-%m-%d %H:%M:%S}"
        yield well("schedules", told)
    for schedule in found:
        yield from _schedule(schedule, seen, settings, playbooks)


def _schedule(schedule: Schedule, seen: Seen, settings: Settings, playbooks: Playbooks | None) -> Iterator[Finding]:
    what = f"schedule {schedule.name}"
    try:
        zone_of(schedule.zone)
    except CronError as error:
        yield problem(what, error.message, "pip install tzdata, or remove the schedule and add it with another --zone.")
    if schedule.problem:
        remedy = f"Mend what it says; the next due time, or `planrail schedule run-now {schedule.name}`, tries again."
        yield problem(what, f"the last due time brought no run: {schedule.problem}", remedy)
    if playbooks is not None and (lack := _lacks_plan(schedule, seen, settings, playbooks)):
        remedy = "Add the playbook, configure a planner's model, or `planrail schedule remove` it."
        yield problem(what, lack, remedy)


def _lacks_plan(schedule: Schedule, seen: Seen, settings: Settings, playbooks: Playbooks) -> str:
    """Why its runs find no plan; "" where they do, as far as one sees without asking a model."""
    of = schedule.submission
    if of.playbook is not None:
        try:
            playbooks.get(of.playbook).bind(of.params)
        except PlanrailError as error:
            return error.message
    if of.playbook or of.script or of.plan or settings.planner.configured or playbooks.match(of.goal):
        return ""
    kept = any(plan.kept and plan.plan.match(of.goal) is not None for plan in seen.plans)
    return "" if kept else "no playbook fits its goal, and no model is there to plan it"


def retention(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """Whether old runs leave as they are to."""
    of = settings.retention.older_than
    if seen.unpruned:
        told = f"{_counted(seen.unpruned, 'run')} older than {of} should have left days ago"
        remedy = f"{_CARRIES}: it removes them once a day; `planrail prune --older-than {of}` does now."
        yield problem("retention", told, remedy)
    elif of:
        yield well("retention", f"no run is older than {of}")


def people(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """Who may come from outside, where others are told to."""
    good = [key for key in seen.keys if key.opens(seen.at)]
    host = urlsplit(settings.a2a.url).hostname or ""
    if host and not _is_here(host) and not settings.auth.configured and not good:
        told = f"{settings.a2a.url} is told to others, and nobody is known who may come"
        remedy = "`planrail keys create NAME` makes a key; an issuer or a proxy is configured in [auth]."
        yield problem("authentication", told, remedy)
    elif seen.keys and not good and not settings.auth.configured:
        yield note("authentication", "every key is revoked or over: nobody can come", "`planrail keys create NAME` makes one.")
    elif good or settings.auth.keys:
        yield well("authentication", f"{_counted(len(good) + len(settings.auth.keys), 'key')} open this house")
    known = {key.principal for key in seen.keys} | {key.principal for key in settings.auth.keys.values()} | {"local"}
    for name in sorted(settings.auth.limits.principals):
        if name not in known and "#" not in name:
            remedy = "Write the principal of a key: `planrail keys list` shows them."
            yield note(f"limits of {name}", "no key is that principal's", remedy)


def sealed(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """Whether what is sealed in the database can be opened here, and on the other machines."""
    texts = [key.sealed for key in seen.signing[:1]] + [s.body for s in seen.subscribers[:_SEALED]]
    if not texts:
        return
    by_file = settings.a2a.secret_key is None
    remedy = "Set PLANRAIL_A2A_SECRET_KEY to the same value on all machines that share the database."
    if by_file and not (settings.home / FILE).exists():
        told = f"what is sealed in the database was sealed elsewhere: there is no {settings.home / FILE}"
        yield problem("secret key", told, remedy)
        return
    if broken := _broken(seal_of(settings), texts):
        yield problem("secret key", broken, remedy)
    elif by_file and not settings.url.startswith("sqlite"):
        yield note("secret key", "it is a file of this machine, which others cannot open", remedy)
    else:
        yield well("secret key", "it opens what is sealed in the database")


def _broken(seal: Seal, texts: list[str]) -> str:
    for text in texts:
        try:
            seal.open(text)
        except SealBroken as error:
            return error.message.rstrip(".")
    return ""


async def notifications(seen: Seen, settings: Settings, resolve: Resolve = resolved) -> list[Finding]:
    """Whether notifications of A2A tasks arrive; nothing where nobody wants any."""
    if not seen.subscribers:
        return []
    dead, failing = sum(s.dead for s in seen.subscribers), sum(s.attempts > 0 and not s.dead for s in seen.subscribers)
    told = f"{_counted(len(seen.subscribers), 'configuration')}, {failing} failing, {dead} given up"
    remedy = "`planrail push list --dead` says why; `planrail push retry` tries again."
    found = [note("notifications", told, remedy) if dead else well("notifications", told)]
    allowed = {host.lower().rstrip(".") for host in settings.a2a.push_allow_private}
    for host in sorted({urlsplit(s.place).hostname or "" for s in seen.subscribers} - allowed):
        if await _is_inside(host, resolve):
            told = "is not on the public internet, and nobody is notified there"
            found.append(problem(f"receiver {host}", told, f"Add {host} to a2a.push_allow_private, if it may be told."))
    return found


async def _is_inside(host: str, resolve: Resolve) -> bool:
    try:
        return not all(map(is_public, await resolve(host, 443)))
    except (OSError, UnicodeError):
        return False  # a name that nobody knows: the notifications say so


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _counted(count: int, word: str) -> str:
    plural = word if count == 1 else f"{word}es" if word.endswith("s") else f"{word}s"
    return f"{count:,} {plural}"


def _lasting(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 600 else f"{seconds / 60:,.0f} min"
