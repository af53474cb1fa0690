"""Stage: a pack whose tools wait, act and lie as a test wants it, playbooks that use them, and `planrail serve` over both."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.planrail.command import Command, finish

HOSTILE = (
    "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script></script>"
    "<svg onload=alert(1)>javascript:alert(1) \u202egnp.elif\u202c\u200b{{7*7}}${7*7}"
)
LONG = "x" * 100_000
_PACK = f'''
import time
from pathlib import Path
from executor.pack import Pack
from executor.tool import tool
from executor.toolset import Toolset

@tool(effect="read", timeout_s=60)
def scene(number: int) -> int:
    """Return the number as soon as its curtain is up."""
    while not Path(f"open-{{number}}").exists():
        time.sleep(0.01)
    return number

@tool(effect="irreversible", sensitive=("to",))
def post(to: str, text: str) -> str:
    """Post a text to somebody."""
    with Path("posted").open("a", encoding="utf-8") as posted:
        posted.write(f"{{to}}: {{text}}\\n")
    return "posted to " + to

@tool(effect="read", open_world=True)
def stranger(about: int = 0) -> dict[str, str]:
    """What a stranger wrote."""
    return {{"name": {HOSTILE!r}, "long": "x" * 100_000, {HOSTILE!r}: "a key"}}

def pack(host):
    return Pack("stage", "A stage.", Toolset.of("stage", [scene, post, stranger]))
'''
_PLAYBOOKS = {
    "scenes": """Play the scenes
opening = stage.scene(number=1)
rest = [stage.scene(number=n) for n in [2, 3, 4]]
answer(f"{len(rest)} scenes after {opening}")""",
    "post": """Post the note
approve("post the note")
done = stage.post(to="ann@example.org", text="the note")
answer(done)""",
    "gossip": """Pass the gossip on
heard = stage.stranger()
done = stage.post(to=heard.name, text="psst", otherwise="kept it")
answer([heard, {"name": done, "long": ""}])""",
    "rumours": """Pass the rumours on
heard = [stage.stranger(about=n) for n in [1, 2]]
done = [stage.post(to=h.name, text="psst", otherwise="kept it") for h in heard]
answer(done)""",
    "form": """Fill in the form
said = ask_user(
    "How shall it be?", returns={"slot": "early" | "late", "guests": int, "quiet": bool, "note": str | None, "names": [str]}
)
answer(said)""",
    "hasty": """Be hasty
scenes = [1, 2]
expect(len(scenes) > 9, "too few scenes")
answer(len(scenes))""",
}


def staged(folder: Path) -> Command:
    """`planrail` over a new data folder, with the pack and its playbooks."""
    (folder / "stage_pack.py").write_text(_PACK, encoding="utf-8")
    info = folder / "stage_pack-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stage-pack\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[planrail.packs]\nstage = stage_pack:pack\n")
    command = Command(folder)
    plans = command.home / "playbooks"
    plans.mkdir(parents=True)
    for name, (goal, _, script) in ((name, text.partition("\n")) for name, text in _PLAYBOOKS.items()):
        (plans / f"{name}.plan").write_text(f'---\ngoal: "{goal}"\nparams: {{}}\ntools: [stage]\n---\n{script}\n')
    return command


@dataclass
class Served:
    """A server that runs, and what it stands on."""

    command: Command
    address: str
    way_in: str  # the link that it was started with, good once

    def link(self) -> str:
        """Another way in, good once."""
        told: str = self.command("console", "--at", self.address, "--json").json["url"]
        return told

    def curtain(self, *numbers: int) -> None:
        """Let these scenes end."""
        for number in numbers:
            (self.command.folder / f"open-{number}").touch()

    def close(self) -> None:
        """Let none end."""
        for path in self.command.folder.glob("open-*"):
            path.unlink()

    def posted(self) -> list[str]:
        """What was posted, for everybody to see."""
        path = self.command.folder / "posted"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@contextmanager
def served(command: Command) -> Iterator[Served]:
    """`planrail serve` as a process of its own."""
    process = command.start("serve", "--port", "0", "--json")
    assert process.stdout is not None
    told = ""
    while not told.rstrip().endswith("}"):
        line = process.stdout.readline()
        assert line, process.communicate()
        told += line
    try:
        where = json.loads(told)
        yield Served(command, where["address"], where["console"])
    finally:
        process.send_signal(signal.SIGTERM)
        finish(process)
