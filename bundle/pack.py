"""Pack: makes dist/planrail.mcpb, validated by the official packer, which needs Node: `python -m bundle.pack [FILE]`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

PACKER = "@anthropic-ai/mcpb@2.1.2"
_ROOT = Path(__file__).parents[1]
_BESIDE = ("pyproject.toml", "README.md", "LICENSE", "agent-card.json")


def packed(target: Path) -> Path:
    """Write the bundle: the source of the wheel, from which uv installs it where it is started."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "planrail"
        for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
            shutil.copytree(_ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        for file in _BESIDE:
            shutil.copy(_ROOT / file, folder / file)
        manifest = json.loads(Path(__file__).with_name("manifest.json").read_text(encoding="utf-8"))
        manifest["version"] = project["project"]["version"]
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        packer("validate", str(folder / "manifest.json"))
        packer("pack", str(folder), str(target.absolute()))
    return target


def packer(*arguments: str) -> None:
    """Run the official packer; raises CalledProcessError, with what it says on stderr."""
    npx = shutil.which("npx")
    if npx is None:
        raise FileNotFoundError("the packer needs Node: npx is not on the path")
    subprocess.run([npx, "--yes", PACKER, *arguments], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


if __name__ == "__main__":
    print(packed(Path(sys.argv[1]) if len(sys.argv) > 1 else _ROOT / "dist" / "planrail.mcpb"))
