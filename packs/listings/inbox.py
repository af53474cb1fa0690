"""Inbox: where the files lie that may be imported. Nothing leads out of these folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path

from executor.builtin import workspace
from executor.builtin.handle import Unfit

SAMPLES = Path(__file__).parent / "data"
MAX_BYTES = 256 * 1024 * 1024


class Inbox:
    """The run's own folder, the inbox, and the samples that come with the pack; the first that has the file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def opened(self, name: str, own: Path | None) -> Iterator[BufferedReader]:
        """The file, from its beginning; raises Unfit."""
        with ExitStack() as stack:
            yield self._found(stack, name, own)

    def _found(self, stack: ExitStack, name: str, own: Path | None) -> BufferedReader:
        for folder in (own, self._folder, SAMPLES):
            if folder is None or not folder.is_dir():
                continue
            try:
                file = stack.enter_context(workspace.opened(folder, name))
            except Unfit as unfit:
                if unfit.kind != "not_found":
                    raise
                continue
            if file.seek(0, 2) > MAX_BYTES:
                raise Unfit(f"{name} is larger than {MAX_BYTES:,} bytes.")
            file.seek(0)
            return file
        raise Unfit(
            f"There is no file {name} in the run's folder, nor in {self._folder}, where files to import are put.", "not_found"
        )
