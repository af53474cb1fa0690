"""NightRows: messages, incidents, pages and reports in the pack's tables."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select, update

from executor.pack_store import PackStore, insert_or
from executor.tool import ToolContext, ToolFailed
from packs.afterhours import tables
from packs.afterhours.arguments import Urgency
from packs.afterhours.told import Incident, Message, Messages, Paged, Person, Rota, Through, Waiting, Written

_INBOX = "inbox"
_TIERS = 5


class NightRows:
    """What the pack's tools read and write; the context's key makes a repeated effect the same one."""

    def __init__(self, store: PackStore) -> None:
        self._store = store

    def new(self, limit: int) -> Messages:
        """What came in after the place that the inbox has been gone through to, oldest first."""
        with self._store.reading() as connection:
            after = _through(connection)
            newer = tables.message.c.id > after
            found = connection.execute(select(tables.message).where(newer).order_by(tables.message.c.id).limit(limit)).all()
            count = connection.scalar(select(func.count()).select_from(tables.message).where(newer)) or 0
        items = [Message.model_validate(dict(row._mapping)) for row in found]
        return Messages(items=items, through=items[-1].id if items else after, more=count - len(items))

    def advance(self, context: ToolContext, through: int) -> Through | ToolFailed:
        """Note that the inbox has been gone through to there; it never goes back."""

        def work(connection: Connection) -> Through:
            row = {"name": _INBOX, "through": through}
            connection.execute(insert_or(connection, tables.cursor).values(row).on_conflict_do_nothing())
            it = tables.cursor.c.name == _INBOX
            further = update(tables.cursor).where(it, tables.cursor.c.through < through).values(through=through)
            connection.execute(further)
            return Through(through=_through(connection))

        return self._store.once(context, "inbox.advance", Through, work)

    def rota(self) -> Rota:
        """Who is on duty, the lowest tier first."""
        person = tables.person.c
        with self._store.reading() as connection:
            rows = connection.execute(
                select(person.id, person.name).where(person.on_duty).order_by(person.tier, person.id).limit(_TIERS)
            )
            return Rota(people=[Person(id=row.id, name=row.name) for row in rows])

    def open(self, context: ToolContext, message: int, urgency: Urgency, summary: str) -> Incident | ToolFailed:
        """The message's incident: a new one, unless it has one."""

        def work(connection: Connection) -> Incident | ToolFailed:
            if connection.scalar(select(tables.message.c.id).where(tables.message.c.id == message)) is None:
                return ToolFailed(f"There is no message {message}.", "not_found")
            row = {"message_id": message, "urgency": urgency, "summary": summary, "opened": self._store.stamp()}
            mine = insert_or(connection, tables.incident).values(row).on_conflict_do_nothing()
            new = connection.execute(mine.returning(tables.incident.c.id)).first() is not None
            incident = tables.incident.c
            known = connection.execute(select(incident.id, incident.urgency).where(incident.message_id == message)).one()
            return Incident(id=known.id, urgency=known.urgency, new=new)

        return self._store.once(context, "oncall.open_incident", Incident, work)

    def page(self, context: ToolContext, person: int, incidents: Sequence[int]) -> Paged | ToolFailed:
        """Page somebody for incidents, for each of them once."""

        def work(connection: Connection) -> Paged | ToolFailed:
            who = connection.execute(select(tables.person).where(tables.person.c.id == person)).one_or_none()
            if who is None:
                return ToolFailed(f"There is nobody with the number {person}.", "not_found")
            known = set(connection.scalars(select(tables.incident.c.id).where(tables.incident.c.id.in_(incidents))))
            if missing := sorted(set(incidents) - known):
                return ToolFailed(f"There is no incident {missing[0]}.", "not_found")
            sent = [i for i in dict.fromkeys(incidents) if self._sent(connection, i, person)]
            if who.picks_up:
                _take(connection, incidents, person, self._store.stamp())
            return Paged(person=who.name, incidents=sent, again=[i for i in dict.fromkeys(incidents) if i not in sent])

        return self._store.once(context, "oncall.page", Paged, work)

    def _sent(self, connection: Connection, incident: int, person: int) -> bool:
        row = {"incident_id": incident, "person_id": person, "sent": self._store.stamp()}
        mine = insert_or(connection, tables.page).values(row).on_conflict_do_nothing()
        return connection.execute(mine.returning(tables.page.c.id)).first() is not None

    def take(self, context: ToolContext, incidents: Sequence[int], person: int) -> Waiting | ToolFailed:
        """Note that somebody looks after incidents; who came first has them."""

        def work(connection: Connection) -> Waiting | ToolFailed:
            if connection.scalar(select(tables.person.c.id).where(tables.person.c.id == person)) is None:
                return ToolFailed(f"There is nobody with the number {person}.", "not_found")
            _take(connection, incidents, person, self._store.stamp())
            return _waiting(connection, incidents)

        return self._store.once(context, "oncall.take", Waiting, work)

    def waiting(self, incidents: Sequence[int]) -> Waiting:
        """Which of the incidents nobody has taken."""
        with self._store.reading() as connection:
            return _waiting(connection, incidents)

    def report(self, context: ToolContext, text: str) -> Written | ToolFailed:
        """Keep a report."""

        def work(connection: Connection) -> Written:
            made = insert(tables.report).values(text=text, written=self._store.stamp()).returning(tables.report.c.id)
            return Written(id=connection.execute(made).scalar_one())

        return self._store.once(context, "oncall.write_report", Written, work)


def _through(connection: Connection) -> int:
    return connection.scalar(select(tables.cursor.c.through).where(tables.cursor.c.name == _INBOX)) or 0


def _take(connection: Connection, incidents: Sequence[int], person: int, now: str) -> None:
    incident = tables.incident.c
    free = incident.id.in_(incidents), incident.taken_by.is_(None)
    connection.execute(update(tables.incident).where(*free).values(taken_by=person, taken=now))


def _waiting(connection: Connection, incidents: Sequence[int]) -> Waiting:
    incident, person = tables.incident.c, tables.person.c
    named = incident.id.in_(incidents)
    open_ones = select(incident.id).where(named, incident.taken_by.is_(None)).order_by(incident.id)
    takers = select(person.name).join_from(tables.person, tables.incident, incident.taken_by == person.id).where(named)
    return Waiting(
        incidents=list(connection.scalars(open_ones)), taken_by=sorted(set(connection.scalars(takers)))
    )  # fmt: skip
