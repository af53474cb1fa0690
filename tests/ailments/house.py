"""Ailments of the house itself: settings, files, packs, playbooks, artifacts."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from typing import NamedTuple

from tests.ailments.ailment import ailment
from tests.ailments.ward import Ward

BOOK = '---\ngoal: "Say {word}"\nparams: {word: str}\n---\nanswer(word)\n'


class Usage(NamedTuple):
    """Of a disk."""

    total: int
    used: int
    free: int


@ailment("a setting that there is not", "settings", "problem", "databse_url", "Look at the environment and planrail.toml.")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml('databse_url = "sqlite:///x.db"\n')
    yield
    ward.toml(f'database_url = "sqlite:///{ward.folder}/x.db"\n')


@ailment("a setting of another type", "settings", "problem", "runs", "Look at the environment and planrail.toml.")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_RUNS"] = "many"
    yield
    ward.env["PLANRAIL_RUNS"] = "8"


@ailment("a planrail.toml that is no TOML", "settings", "problem", "cannot be read", "Correct it, and ask again.")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml("[planner\n")
    yield
    ward.toml("[planner]\n")


@ailment("PLANRAIL_CONFIG names a file that is not there", "settings", "problem", "No such file", "Correct it, and ask again.")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_CONFIG"] = str(ward.folder / "other.toml")
    yield
    (ward.folder / "other.toml").touch()


@ailment(
    "a variable of the environment whose name is misspelt", "variable PLANRAIL_DATABSE_URL", "note",
    "is no setting", "Did you mean PLANRAIL_DATABASE_URL?",
)  # fmt: skip
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_DATABSE_URL"] = f"sqlite:///{ward.folder}/x.db"
    yield
    ward.env["PLANRAIL_DATABASE_URL"] = ward.env.pop("PLANRAIL_DATABSE_URL")


@ailment("a data folder that cannot be written", "data folder", "problem", "cannot be written", "set PLANRAIL_HOME to another")
async def _(ward: Ward) -> AsyncIterator[None]:
    (ward.folder / "file").touch()
    ward.env["PLANRAIL_HOME"] = str(ward.folder / "file" / "below")
    yield
    ward.env["PLANRAIL_HOME"] = str(ward.folder / "other")


@ailment("a disk that is nearly full", "disk", "problem", "60 MB free", "Free some space")
async def _(ward: Ward) -> AsyncIterator[None]:
    with ward.patch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, (1 << 40) - (60 << 20), 60 << 20))
        yield


@ailment("secret.key, readable by others", "file {home}/secret.key", "note", "may read what is secret", "chmod 600")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.home.mkdir()
    (ward.home / "secret.key").write_text("f" * 64)
    (ward.home / "secret.key").chmod(0o644)
    yield
    (ward.home / "secret.key").chmod(0o600)


@ailment("a file of a secret, writable by others", "file {home}/secrets/token", "problem", "may write", "chmod 600")
async def _(ward: Ward) -> AsyncIterator[None]:
    (ward.home / "secrets").mkdir(parents=True)
    (ward.home / "secrets" / "token").write_text("hush-hush")
    (ward.home / "secrets" / "token").chmod(0o660)
    yield
    (ward.home / "secrets" / "token").chmod(0o600)


@ailment("a planrail.toml with a key in it, readable by others", "file {toml}", "note", "may read what is secret", "chmod 600")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml('[secrets]\ntoken = "hush-hush"\n')
    (ward.folder / "planrail.toml").chmod(0o644)
    yield
    (ward.folder / "planrail.toml").chmod(0o600)


@ailment("a pack that is not installed", "pack gtn", "problem", "is not installed", "Did you mean gtm?")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_PACKS"] = "gtn"
    yield
    ward.env["PLANRAIL_PACKS"] = "gtm"


@ailment("a pack that cannot be loaded", "pack torn", "problem", "cannot be loaded", "leave it out with PLANRAIL_PACKS")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.install("torn", "import nothing_of_that_name\n")
    ward.env["PLANRAIL_PACKS"] = "torn"
    yield
    ward.env["PLANRAIL_PACKS"] = ""


@ailment("a policy for a tool that there is not", "tools", "problem", "mail.sned", "mail.send")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_PACKS"] = "gtm"
    ward.toml('[policy.tools."mail.sned"]\nflows = "deny"\n')
    yield
    ward.toml('[policy.tools."mail.send"]\nflows = "deny"\n')


@ailment("limits of tools that there are not", "limits of htpp", "note", "no tools of that namespace", "Did you mean http?")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml("[servers.htpp]\nparallel = 4\n")
    yield
    ward.toml("[servers.http]\nparallel = 4\n")


@ailment("mcp.effects names a tool that there is not", "mcp.effects", "problem", "files.wirte", "Did you mean files.write?")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml('[mcp]\neffects = ["files.wirte"]\n')
    yield
    ward.toml('[mcp]\neffects = ["files.write"]\n')


@ailment("a folder of playbooks that is not there", "playbooks", "problem", "is no folder", "correct PLANRAIL_PLAYBOOKS")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_PLAYBOOKS"] = str(ward.folder / "plans")
    yield
    (ward.folder / "plans").mkdir()


@ailment("a playbook that is malformed", "playbooks", "problem", "say.plan", "")
async def _(ward: Ward) -> AsyncIterator[None]:
    (ward.home / "playbooks").mkdir(parents=True)
    (ward.home / "playbooks" / "say.plan").write_text("answer(1)\n")
    yield
    (ward.home / "playbooks" / "say.plan").write_text(BOOK)


@ailment(
    "an artifact store that cannot be written", "artifacts", "problem", "cannot be written", "Check PLANRAIL_ARTIFACTS_URL"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    (ward.folder / "file").touch()
    ward.env["PLANRAIL_ARTIFACTS_URL"] = f"file://{ward.folder}/file/below"
    yield
    ward.env["PLANRAIL_ARTIFACTS_URL"] = f"file://{ward.folder}/artifacts"


@ailment("an artifact store without its driver", "artifacts", "problem", "nowhere", "")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env["PLANRAIL_ARTIFACTS_URL"] = "nowhere://bucket"
    yield
    ward.env["PLANRAIL_ARTIFACTS_URL"] = f"file://{ward.folder}/artifacts"
