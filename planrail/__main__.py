"""The command `planrail`: exit codes, errors, Ctrl-C. See `planrail.cli.app` for the commands."""

# ruff: noqa: PLC0415  # everything is imported when it is needed, so that --help is quick and Ctrl-C is heard at once

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from planrail.process import settle

if TYPE_CHECKING:
    from planrail.cli.output import Output


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 usage, 3 waiting, 4 partial, 130 interrupted."""
    settle()
    signal.signal(signal.SIGINT, _leave)  # until a session begins, there is nothing to tidy up
    code = _run(sys.argv[1:])
    _flush()
    sys.exit(code)


def _leave(*_: object) -> NoReturn:
    os.write(2, b"planrail: Interrupted.\n")
    os._exit(130)


def _run(arguments: list[str]) -> int:
    from typer import Exit
    from typer.main import get_command

    from planrail.cli.app import app
    from planrail.cli.output import Output

    output = Output(as_json="--json" in arguments)
    try:
        code = get_command(app).main(arguments, prog_name="planrail", standalone_mode=False, obj=output)
        return code if isinstance(code, int) else 0
    except Exit as end:
        return end.exit_code
    except BrokenPipeError:
        return 1
    except Exception as error:
        if os.environ.get("PLANRAIL_DEBUG"):
            raise
        return _told(error, output)


def _told(error: Exception, output: Output) -> int:
    """Tell an error that is expected; raises any other."""
    from typer.exceptions import TyperException  # the tree of usage errors

    from planner.errors import PlanrailError
    from planrail.cli.errors import FAILED, INTERRUPTED, USAGE, Interrupted, UsageError

    if isinstance(error, TyperException):
        error = UsageError(str(error), hint="planrail --help lists the commands.")
    if not isinstance(error, PlanrailError):
        raise error
    output.error(error)
    return USAGE if isinstance(error, UsageError) else INTERRUPTED if isinstance(error, Interrupted) else FAILED


def _flush() -> None:
    """Write what is left; a reader that has gone away is no error of ours."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
