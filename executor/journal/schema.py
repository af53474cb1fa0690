"""Bring a database to this build's tables when it is opened; one at head is recognised without importing Alembic."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from executor.errors import JournalNewer
from executor.journal.dialect import Dialect
from executor.journal.tables import HEAD, REVISION_TABLE

log = logging.getLogger(__name__)

_RETRY_SECONDS = 0.02

MIGRATIONS = Path(__file__).parent / "migrations"


def bring_to_head(engine: Engine, dialect: Dialect, *, timeout_s: float) -> None:
    """Migrate the database if it is older than this build; raises JournalNewer if it is newer.

    Any number of processes may do this at once: the first one migrates under a lock, the others find it done.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return _bring_to_head(engine, dialect)
        except DBAPIError as error:  # SQLite does not wait for a lock when it switches to WAL
            if not dialect.is_transient(error) or time.monotonic() >= deadline:
                raise
        time.sleep(_RETRY_SECONDS)


def _bring_to_head(engine: Engine, dialect: Dialect) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        dialect.prepare(connection)
        if stored_revision(connection) == HEAD:
            return
        connection.exec_driver_sql(dialect.begin_write)
        try:
            dialect.lock_schema(connection)
            if stored_revision(connection) != HEAD:
                _migrate(connection)
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            with suppress(DBAPIError):  # some errors have rolled back already
                connection.exec_driver_sql("ROLLBACK")
            raise


def stored_revision(connection: Connection) -> str | None:
    """The revision of the database's tables; None for a new database."""
    if not inspect(connection).has_table(REVISION_TABLE):
        return None
    return connection.execute(select(column("version_num")).select_from(table(REVISION_TABLE))).scalar_one_or_none()


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  # half a second, needed once in a database's life
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    stored = stored_revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if stored is not None and stored not in known:
        raise JournalNewer(
            f"The database was written by a newer Planrail (revision {stored}).",
            hint=f"Upgrade planrail, or name another database; this build knows revisions up to {HEAD}.",
        )
    log.info("migrating the journal from revision %s to %s", stored, HEAD)
    command.upgrade(config, "head")
