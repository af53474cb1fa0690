"""PostgreSQL's part of the SQL journal: LISTEN/NOTIFY, a lock for migrations, what its errors mean."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection
from typing import Any

from sqlalchemy import URL, Connection, Engine, Insert, Table, create_engine, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from executor.errors import JournalUnreachable
from executor.journal.bell import Changed
from executor.journal.space import Space, reclaim_postgres
from executor.journal.tables import metadata

CHANNEL = "planrail_journal"
DRIVER = "postgresql+psycopg"

_NEWS = "!"
_MAX_PAYLOAD = 7_900  # bytes; PostgreSQL takes less than 8,000
_LOOK_SECONDS = 0.2  # between two looks of the watch whether it should stop
_SCHEMA_LOCK = 0x706C616E7261696C  # "planrail": the advisory lock of whoever migrates
_NAMES = 0x706C616E  # "plan": the space of the advisory locks of names

_TRANSIENT = frozenset(("40001", "40P01", "55P03"))  # serialization, deadlock, lock time-out
_AWAY = frozenset(("57P01", "57P02", "57P03", "57P05"))  # shut down by an admin, crashed, starting up, idle session ended
_MEANINGS: dict[str, tuple[str, str]] = {
    "28000": ("does not let this user in", "Check user and password in PLANRAIL_DATABASE_URL."),
    "28P01": ("does not accept the password", "Check user and password in PLANRAIL_DATABASE_URL."),
    "3D000": ("does not exist", "Create it (createdb), or name another one in PLANRAIL_DATABASE_URL."),
    "42501": ("refuses permission", "Grant this user the right to create and change tables there."),
    "53100": ("cannot grow: the disk is full", "Free some space on its disk."),
    "53300": ("has no connection left", "Raise its max_connections, or run fewer workers."),
    "25006": ("cannot be written: it is read-only", "Name the primary server in PLANRAIL_DATABASE_URL, not a standby."),
    "55P03": ("is locked by another process", "Try again; if it stays, look for a long transaction in pg_stat_activity."),
    "40P01": ("is locked by another process", "Try again; if it stays, look for a long transaction in pg_stat_activity."),
    "40001": ("is locked by another process", "Try again; if it stays, look for a long transaction in pg_stat_activity."),
}
_REFUSALS = (  # how libpq words a failed connection, which has no SQLSTATE
    ("password authentication failed", "28P01"),
    ("no password supplied", "28P01"),
    ("no pg_hba.conf entry", "28000"),
    ('role "', "28000"),
    ('database "', "3D000"),
    ("too many clients", "53300"),
    ("remaining connection slots", "53300"),
)
_GONE = ("cannot be reached", "Check that the server runs, and host and port in PLANRAIL_DATABASE_URL.")


class PostgresDialect:
    """PostgreSQL ≥ 13 through psycopg 3: READ COMMITTED, rows locked one by one. One object serves one journal."""

    begin_write = "BEGIN"
    hears_itself = False
    clock_ms = "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"

    def __init__(self) -> None:
        self._name = secrets.token_hex(6)  # tells its own notifications from others'

    def engine(self, url: URL, *, timeout_s: float) -> Engine:
        milliseconds = int(timeout_s * 1000)
        settings = {
            "application_name": "planrail",
            "connect_timeout": 5,
            "keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 15_000,
            "options": f"-c lock_timeout={milliseconds}",
        }  # fmt: skip
        try:
            return create_engine(
                url.set(drivername=DRIVER), connect_args=settings, pool_size=10, max_overflow=20, pool_pre_ping=True
            )
        except ModuleNotFoundError as error:
            raise JournalUnreachable(
                "The driver for PostgreSQL is not installed.", hint='pip install "planrail[postgres]"'
            ) from error

    def prepare(self, connection: Connection) -> None:
        """Nothing: the server's settings are its owner's."""

    def lock_schema(self, connection: Connection) -> None:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _SCHEMA_LOCK})

    def lock_name(self, connection: Connection, name: str) -> None:
        connection.execute(text("select pg_advisory_xact_lock(:space, hashtext(:name))"), {"space": _NAMES, "name": name})

    def insert_once(self, table: Table, *conflict: str) -> Insert:
        return insert(table).on_conflict_do_nothing(index_elements=conflict)

    def announce(self, connection: Connection, runs: Collection[str], *, news: bool) -> str:
        """Notify, on commit, with `<who> <! or -> <run> …`; the transaction's number."""
        payload = " ".join((self._name, _NEWS if news else "-", *sorted(runs)))
        if len(payload.encode()) > _MAX_PAYLOAD or any(" " in run for run in runs):
            payload = self._name
        told = connection.exec_driver_sql("select pg_notify(%s, %s), pg_current_xact_id()::text", (CHANNEL, payload))
        return str(told.one()[1])

    def version(self, connection: Connection) -> None:
        """Nothing: notifications name who sent them."""

    def was_committed(self, connection: Connection, transaction: str) -> bool | None:
        status = connection.execute(text("select pg_xact_status(cast(:id as xid8))"), {"id": transaction}).scalar_one_or_none()
        return {"committed": True, "aborted": False}.get(str(status))

    def watch(self, engine: Engine, changed: Changed, stop: threading.Event) -> None:
        """Listens until the connection breaks or `stop` is set; what came between two connections is one change."""
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            try:
                connection.exec_driver_sql(f"LISTEN {CHANNEL}")
                driver: Any = connection.connection.driver_connection
                changed()
                while not stop.is_set():
                    for notification in driver.notifies(timeout=_LOOK_SECONDS):
                        who, *said = notification.payload.split(" ")
                        if who != self._name:
                            changed(said[1:] if said else None, news=not said or said[0] == _NEWS)
                        if stop.is_set():
                            break
            except driver_error(engine):
                stop.wait(_LOOK_SECONDS)  # the caller connects again
            finally:
                connection.invalidate()  # nobody else gets a connection that listens

    def reclaim(self, engine: Engine, *, anew: bool, alone: bool) -> Space:
        return reclaim_postgres(engine, (table.name for table in metadata.sorted_tables))

    def is_transient(self, error: DBAPIError) -> bool:
        return _state(error) in _TRANSIENT

    def is_away(self, error: DBAPIError) -> bool:
        state = _state(error)
        if state:
            return state in _AWAY or state.startswith("08")
        return error.connection_invalidated or _is_operational(error)

    def explain(self, error: DBAPIError, url: URL) -> JournalUnreachable | None:
        meaning = _GONE if self.is_away(error) else _MEANINGS.get(_state(error))
        if meaning is None:
            return None
        what, hint = meaning
        return JournalUnreachable(f"The database {_place(url)} {what}.", hint=hint)


def driver_error(engine: Engine) -> type[Exception]:
    """The driver's own base of errors, for what does not go through SQLAlchemy."""
    base: type[Exception] = engine.dialect.loaded_dbapi.Error
    return base


def _state(error: DBAPIError) -> str:
    """The SQLSTATE; "" for an error that the server did not send."""
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return str(state)
    told = str(error.orig)
    return next((code for words, code in _REFUSALS if words in told), "")


def _is_operational(error: DBAPIError) -> bool:
    """No SQLSTATE, yet an error of the connection: it broke, or was never made."""
    return type(error.orig).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")


def _place(url: URL) -> str:
    host = url.host or url.query.get("host") or "the local socket"
    return f"{url.database or 'postgres'} on {host}" + (f":{url.port}" if url.port else "")
