"""Report: runs the benchmarks, one after the other, and writes their tables and plots: `python -m benchmarks.report`.

python -m benchmarks.report                 all of them, whole: an hour on a quiet machine
python -m benchmarks.report engine cold     these; the other tables stay
python -m benchmarks.report --quick --print small, and on the terminal only
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.table import table_of

NAMES = (
    "thrift",
    "engine",
    "workers",
    "makespan",
    "follow",
    "scale",
    "cold",
    "expression",
    "compile",
    "catalog",
    "kept",
    "journal",
    "injection",
    "mcp",
    "push",
    "traces",
)
README = Path(__file__).with_name("README.md")
PLOTS = README.with_name("plots")
FAILED = 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--rounds", type=int, metavar="N", help="of each")
    parser.add_argument("--quick", action="store_true", help="everything smaller; not to be quoted")
    parser.add_argument("--print", action="store_true", help="leave README.md as it is")
    given = parser.parse_args()
    unknown = set(given.names) - set(NAMES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    options = (["--quick"] if given.quick else []) + (["--rounds", str(given.rounds)] if given.rounds else [])
    failed = []
    for name in given.names or NAMES:
        document = measured(name, options)
        if document is None:
            failed.append(name)
            continue
        told = text_of(document)
        print(f"{document['title']}\n\n{told}", flush=True)
        if not given.print:
            README.write_text(with_table(README.read_text(encoding="utf-8"), name, told), encoding="utf-8")
            for plot, svg in document["plots"].items():
                (PLOTS / f"{plot}.svg").write_text(svg, encoding="utf-8")
    if failed:
        print(f"Not measured: {', '.join(failed)}.", file=sys.stderr)
    return FAILED if failed else 0


def measured(name: str, options: list[str]) -> dict[str, Any] | None:
    """The benchmark's JSON document; None if it failed, which it has said on stderr."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *options]
    done = subprocess.run(command, cwd=README.parents[1], stdout=subprocess.PIPE, text=True, check=False)
    document: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return document


def text_of(document: dict[str, Any]) -> str:
    """The table as Markdown, with where and when it was measured."""
    return f"{document['environment']}.\n\n{table_of(document)}"


def with_table(text: str, name: str, told: str) -> str:
    """The text, with what stands between the marks of that name replaced."""
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not place.search(text):
        raise ValueError(f"README.md has no place <!-- {name} -->")
    return place.sub(lambda match: f"{match[1]}{told}{match[2]}", text)


if __name__ == "__main__":
    sys.exit(main())
