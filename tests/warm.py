"""Warm: a process that has imported everything, from which tests fork `planrail` and programs: `python -m tests.warm FOLDER`.

A fresh interpreter a command is most of what a command of a test costs. What is forked is a process of its own, with its own
arguments, environment, folder and streams, that runs `planrail.__main__.main`, or the file of a program, and exits as ever;
only its modules are there already. Signals reach it by its launcher, but for SIGSTOP, which nobody can pass on. What a fresh
interpreter does is held by tests that start one (test_cold, test_installing, test_cli_interrupt, …).
"""

from __future__ import annotations

import atexit
import gc
import marshal
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib import import_module, invalidate_caches
from pathlib import Path
from runpy import run_path

ROOT = Path(__file__).parents[1]
_LAZY = (
    "alembic.command", "jsonschema", "openai", "openai.resources.chat", "rich.live", "rich.markdown",
    "uvicorn.protocols.http.auto",
)  # fmt: skip
_LEFT = ("__main__", "migrations")
_LAUNCHER = """#!{python} -SE
import marshal, os, signal, socket, sys
warm = socket.socket(socket.AF_UNIX)
warm.connect({address!r})
told = marshal.dumps([[os.fsencode(a) for a in sys.argv], os.getcwdb(), dict(os.environb)])
socket.send_fds(warm, [len(told).to_bytes(4, "big")], [0, 1, 2])
warm.sendall(told)
answers = warm.makefile()
process = int(answers.readline())
if os.path.exists("/proc/self/comm"):
    with open("/proc/self/comm", "w") as name:
        name.write(str(process))
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, lambda got, _: os.kill(process, got))
code = int(answers.readline())
if code < 0:
    if code != -signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


@cache
def warm_command() -> Path:
    """The program `planrail`, in a folder with nothing else; its warm process is there until this one ends."""
    folder = tempfile.TemporaryDirectory(prefix="planrail-warm-")
    line = [sys.executable, "-m", "tests.warm", folder.name]
    process = subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"warm\n"

    def end() -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever a test has left behind as well
        process.communicate()
        folder.cleanup()

    atexit.register(end)
    return Path(folder.name) / "planrail"


def warm_python() -> Path:
    """The same for programs: what follows is a Python file and its arguments."""
    return warm_command().with_name("python")


def behind(launcher: int) -> int:
    """The process that a launcher stands for, on Linux: the launcher has its number as a name."""
    named = Path(f"/proc/{launcher}/comm")
    while not (name := named.read_text().strip()).isdigit():
        os.sched_yield()
    return int(name)


def serve(folder: Path) -> None:
    """Fork a process for each launcher that comes; returns in the forked ones alone."""
    for package in ("planner", "executor", "planrail", "mcp_server", "a2a_node", "packs"):
        for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not any(left in found.name for left in _LEFT):
                import_module(found.name)
    for name in _LAZY:
        import_module(name)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen()
    for name in ("planrail", "python"):
        program = folder / name
        program.write_text(_LAUNCHER.format(python=sys.executable, address=str(folder / "socket")))
        program.chmod(0o755)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    os.write(1, b"warm\n")
    while True:
        launcher, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            keep(launcher)
            return
        launcher.close()


def keep(launcher: socket.socket) -> None:
    """Fork the command and tell the launcher its id and how it ended; returns in the command alone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    length, streams, _, _ = socket.recv_fds(launcher, 4, 3)
    left, pieces = int.from_bytes(length, "big"), []
    while left:
        pieces.append(launcher.recv(left))
        left -= len(pieces[-1])
    process = os.fork()
    if process == 0:
        launcher.close()
        become(streams, *marshal.loads(b"".join(pieces)))
        return
    for stream in streams:
        os.close(stream)
    launcher.sendall(b"%d\n" % process)
    if hasattr(os, "pidfd_open"):  # a launcher that is killed takes its command with it, as one process would
        ended = os.pidfd_open(process)
        if ended not in select.select([launcher, ended], [], [])[0]:
            os.kill(process, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with suppress(OSError):
        launcher.sendall(b"%d\n" % code)
    os._exit(0)


def become(streams: list[int], arguments: list[bytes], folder: bytes, environment: dict[bytes, bytes]) -> None:
    """Take over what the launcher was given."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environb.clear()
    os.environb.update(environment)
    named, *given = map(os.fsdecode, arguments)
    sys.argv = given if Path(named).name == "python" else ["planrail", *given]
    sys.path[:0] = ["", *(p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p)]
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", errors="surrogateescape")
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape")
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace")
    invalidate_caches()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
    if sys.argv[0] != "planrail":
        sys.path.insert(0, str(Path(sys.argv[0]).parent))
        run_path(sys.argv[0], run_name="__main__")
        sys.exit()
    from planrail.__main__ import main  # the module is there by now

    main()
