"""Gone: which runs were removed. What stays of one is that it was there, and that its idempotency key is taken: no word of it.

Whose run it was, and by which key, stands as a digest with the database's own salt: it can be asked for, and not be read.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from executor.errors import KeyTaken, UnknownRun
from executor.journal.port import Gone, How
from executor.journal.tables import gone_table as row
from executor.journal.tables import run_table as run
from executor.journal.tables import salt_table as salts
from executor.submission import Submission

_SALT = select(salts.c.salt)
_OF = select(row).where(row.c.run == bindparam("of"))
_WITH_KEY = select(row).where(row.c.key == bindparam("digest")).limit(1)
_FORGET = delete(row).where(row.c.at < bindparam("before"))


class GoneRuns:
    """What of removed runs is remembered, for a while."""

    def __init__(self) -> None:
        self._salt: str | None = None

    def find(self, connection: Connection, run_id: str, principal: str) -> Gone | None:
        """The run of that principal, if it was removed."""
        found = connection.execute(_OF, {"of": run_id}).one_or_none()
        if found is None or found.whose != self._digest(connection, principal):
            return None
        return Gone(run=found.run, how=found.how, at=found.at)

    def note(
        self, connection: Connection, run_id: str, principal: str, key: str, how: How, *, created_at: datetime, at: datetime
    ) -> dict[str, object]:
        """The row of a run that is removed now."""
        digests = {"whose": self._digest(connection, principal), "key": self._digest(connection, f"{principal}\n{key}")}
        return {"run": run_id, **digests, "how": how, "created_at": created_at, "at": at}

    def admit(self, connection: Connection, submission: Submission, key: str) -> None:
        """Raise KeyTaken where a new run's key was a removed one's, UnknownRun where what it is forked from was removed.

        What was done with that key must not be done twice because nobody remembers it. To be called in the transaction that
        makes the run: nobody removes the other one until it ends.
        """
        principal = submission.principal.id
        digest = self._digest(connection, f"{principal}\n{key}")
        found = connection.execute(_WITH_KEY, {"digest": digest}).one_or_none()
        if found is not None:
            gone = Gone(run=found.run, how=found.how, at=found.at)
            raise KeyTaken(f"The idempotency key was used. {gone.told()}.", hint="Use a new key to have it done once more.")
        if submission.forked_from is not None:
            original = submission.forked_from.run
            held = select(run.c.id).where(run.c.id == original).with_for_update(read=True)
            if connection.execute(held).first() is None and connection.execute(_OF, {"of": original}).first() is not None:
                raise UnknownRun(f"The run {original} was removed.", hint="`planrail runs` lists those that are there.")

    def forget(self, connection: Connection, before: datetime) -> int:
        """Forget those that were removed before; how many."""
        return connection.execute(_FORGET, {"before": before}).rowcount

    def _digest(self, connection: Connection, text: str) -> str:
        if self._salt is None:
            self._salt = str(connection.execute(_SALT).scalar_one())
        return hashlib.sha256(f"{self._salt}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()
