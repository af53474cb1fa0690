"""Kept plans in the SQL journal: one row a template, counted in the transaction that appends the events of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, delete, select, update

from executor.events import Event, PlanDoubted, PlanVerified
from executor.journal.dialect import Dialect
from executor.journal.readers import Readers
from executor.journal.tables import plan_table as plan
from executor.journal.writer import Writer
from executor.kept import Counted, Kept, newly
from planner.template import Owner, Template, anchors, has_pieces, plain

MOST = 1_000  # templates that are looked at for one goal; those that ran well most often

_OWNED = and_(plan.c.principal == bindparam("principal"), plan.c.kind == bindparam("kind"))
_BODY = select(plan.c.body).where(plan.c.id == bindparam("of")).with_for_update()
_SET = (
    update(plan)
    .where(plan.c.id == bindparam("of"))
    .values(runs=bindparam("now"), used_at=bindparam("at"), body=bindparam("to"))
)
_LIKE = (
    select(plan.c.id, plan.c.goal)
    .where(
        _OWNED, plan.c.anchor.in_(bindparam("anchors", expanding=True)), plan.c.runs >= bindparam("least"),
        plan.c.least_words <= bindparam("words"), plan.c.most_words >= bindparam("words"),
    )
    .order_by(plan.c.runs.desc(), plan.c.used_at, plan.c.id)
    .limit(MOST)
)  # fmt: skip
_BODIES = select(plan.c.body).where(plan.c.id.in_(bindparam("ids", expanding=True)))
_FIND = select(plan.c.body).where(_OWNED).order_by(plan.c.used_at.desc(), plan.c.id).limit(bindparam("most"))
_FORGET = delete(plan).where(_OWNED, plan.c.id == bindparam("of"))


def count(connection: Connection, dialect: Dialect, event: Event, at: datetime) -> None:
    """Take an event of a run into account, if it is one that counts."""
    if not isinstance(event, PlanVerified | PlanDoubted):
        return
    if isinstance(event, PlanVerified) and event.template is not None:
        connection.execute(dialect.insert_once(plan, "id").values(_row(event.template, at)))
    _counted(connection, event, at)


def _counted(connection: Connection, event: Counted, at: datetime) -> None:
    body = connection.execute(_BODY, {"of": event.plan}).scalar_one_or_none()
    if body is not None:  # else it was forgotten, or never ran well
        kept = Kept.model_validate_json(body).with_(event, at)
        connection.execute(_SET, {"of": event.plan, "now": kept.runs, "at": kept.used_at, "to": kept.model_dump_json()})


def _row(template: Template, at: datetime) -> dict[str, object]:
    least, most = template.length
    return {
        "id": template.id, "principal": template.owner.principal, "kind": template.owner.kind, "anchor": template.anchor,
        "goal": template.goal, "least_words": least, "most_words": most, "runs": 0, "used_at": at,
        "body": newly(template, at).model_dump_json(),
    }  # fmt: skip


def _like(connection: Connection, wanted: Mapping[str, object], words: str) -> Sequence[str]:
    """The bodies of those that are wanted and have the words' pieces."""
    near = [row.id for row in connection.execute(_LIKE, wanted) if has_pieces(row.goal, words)]
    return connection.execute(_BODIES, {"ids": near}).scalars().all() if near else []


class SqlKept:
    """What is kept, in the journal's database."""

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    async def like(self, owner: Owner, goal: str, *, runs: int) -> list[Kept]:
        words = plain(goal)
        if words is None:
            return []
        wanted = {**owner.model_dump(), "anchors": sorted(anchors(words)), "least": runs, "words": len(words.split(" "))}
        bodies = await self._readers.read(lambda c: _like(c, wanted, words))
        return sorted((Kept.model_validate_json(body) for body in bodies), key=lambda k: (-k.runs, k.first_at))

    async def find(self, owner: Owner, *, limit: int = 1_000) -> list[Kept]:
        wanted = {**owner.model_dump(), "most": limit}
        return [
            Kept.model_validate_json(b) for b in await self._readers.read(lambda c: c.execute(_FIND, wanted).scalars().all())
        ]

    async def forget(self, owner: Owner, plan: str) -> bool:
        wanted = {**owner.model_dump(), "of": plan}
        return await self._writer.write(lambda c: c.execute(_FORGET, wanted).rowcount > 0, order=plan)
