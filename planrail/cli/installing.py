"""Installing: the entry by which an MCP client starts Planrail, written into its file or printed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planrail.cli.errors import DONE, UsageError
from planrail.cli.output import Output
from planrail.settings import SettingsError

NAME = "planrail"
CLIENTS = ("claude-desktop", "claude-code")


def install(output: Output, client: str, *, only_print: bool, file: Path | None) -> int:
    """Write the entry of a client's file, and say what has changed; Claude Code is told by its own command."""
    if client not in CLIENTS:
        raise UsageError(f"There is no client {client}.", hint=f"There are: {', '.join(CLIENTS)}.")
    entry = entry_here()
    if client == "claude-code":
        command = ["claude", "mcp", "add", NAME, "--", entry["command"], *entry["args"]]
        return _told(output, {"command": command}, shlex.join(command))
    path = file or claude_desktop_file(sys.platform, os.environ)
    if only_print:
        whole = {"mcpServers": {NAME: entry}}
        return _told(output, {"file": str(path), **whole}, f"{path}:\n{json.dumps(whole, indent=2)}")
    before = _written(path, entry)
    change = "added" if before is None else "as it was" if before == entry else "changed"
    told = f"{path}: the entry {NAME} is {change}. Start Claude Desktop anew to see it."
    return _told(output, {"file": str(path), "change": change, "entry": entry, "before": before}, told)


def entry_here() -> dict[str, Any]:
    """What starts this very Planrail: absolute, since a desktop program has another PATH."""
    script = shutil.which(sys.argv[0]) or shutil.which(NAME)
    if script is not None and Path(script).name == NAME:
        return {"command": str(Path(script).absolute()), "args": ["mcp"]}
    return {"command": sys.executable, "args": ["-m", NAME, "mcp"]}


def claude_desktop_file(platform: str, environment: Mapping[str, str]) -> Path:
    """Where Claude Desktop keeps its servers."""
    if platform == "win32":
        return Path(environment.get("APPDATA", "")) / "Claude" / "claude_desktop_config.json"
    home = Path(environment.get("HOME", "~")).expanduser()
    if platform == "darwin":
        return home / "Library" / "Application Support" / "Claude" / "claude_desktop_config.json"
    return Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "Claude" / "claude_desktop_config.json"


def _written(path: Path, entry: dict[str, Any]) -> Any:
    """Put the entry into the file, whole or not at all, and leave the rest as it is; the entry that was there before."""
    try:
        document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        servers = document.setdefault("mcpServers", {})
        before = servers.get(NAME)
        servers[NAME] = entry
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".planrail-new")
        scratch.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        scratch.replace(path)
    except (OSError, ValueError, AttributeError) as error:
        raise SettingsError(
            f"{path} cannot be changed: {error}.", hint="--print shows the entry, to be put there by hand."
        ) from error
    return before


def _told(output: Output, document: dict[str, Any], text: str) -> int:
    if output.json:
        output.document(document)
    else:
        output.console.print(text, soft_wrap=True, markup=False)
    return DONE
