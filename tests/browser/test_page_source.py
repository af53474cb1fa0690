"""The console's page as it is written: text alone becomes elements, nothing comes from elsewhere, its colours can be read."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "planrail" / "console" / "static"
MODULES = sorted(STATIC.glob("*.js"))
MARKUP = re.compile(  # what makes elements of text, or code of it
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc\s*=|\beval\s*\(|\bFunction\s*\("
    r"|setTimeout\(\s*[\"'`]|setInterval\(\s*[\"'`]|javascript:|\bon[a-z]+\s*=(?!=|>)|importScripts|serviceWorker|postMessage"
)
ELSEWHERE = re.compile(r"https?://(?!www\.w3\.org/2000/svg)|//cdn|@import|url\((?!\"?data:)")
LINES = 400


def test_no_module_makes_elements_or_code_of_text() -> None:
    found = [
        (m.name, n, line)
        for m in MODULES
        for n, line in enumerate(m.read_text(encoding="utf-8").splitlines(), 1)
        if MARKUP.search(line)
    ]
    assert found == []


def test_nothing_of_the_page_comes_from_elsewhere() -> None:
    found = [
        (p.name, m[0])
        for p in STATIC.iterdir()
        if p.suffix != ".svg"
        for m in ELSEWHERE.finditer(p.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_a_module_says_what_it_is_and_imports_what_is_there(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert re.match(r"// [A-Z][A-Za-z-]*: ", text)
    assert text.count("\n") <= LINES
    for names, target in re.findall(r"^import \{([^}]*)\} from \"\./([^\"]+)\";", text, re.M):
        exported = set(
            re.findall(r"^export (?:async )?(?:function|const|let|class) (\w+)", (STATIC / target).read_text(), re.M)
        )
        wanted = {n.split(" as ")[0].strip() for n in names.split(",") if n.strip()}
        assert wanted <= exported, target
        for name in wanted:
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is imported and not used"


def test_the_document_holds_no_code_and_no_style_of_its_own() -> None:
    class Seen(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            assert not [a for a in given if a.startswith("on") or a == "style"]
            assert tag != "style"
            assert tag != "script" or given.get("src")
            for address in (given.get("src"), given.get("href")):
                if address and address.startswith("/"):
                    assert (STATIC / address.removeprefix("/console/static/")).is_file()

        def handle_data(self, data: str) -> None:
            assert self.lasttag != "script" or not data.strip()

    Seen().feed((STATIC / "index.html").read_text(encoding="utf-8"))


def schemes() -> tuple[dict[str, str], dict[str, str]]:
    """The colours, light and dark."""
    text = (STATIC / "tokens.css").read_text(encoding="utf-8")
    found = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", text)
    return {name: light for name, light, _ in found}, {name: dark for name, _, dark in found}


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_stands_out_from_every_ground_that_it_is_put_on_in_both_schemes() -> None:
    light, dark = schemes()
    grounds = ("ground", "surface", "sunken", "hover")
    pairs = [
        (text, ground)
        for text in ("text", "soft", "accent", "done", "wait", "bad", "word", "string", "figure")
        for ground in grounds
    ]
    pairs += [(f, f"{f}-ground") for f in ("accent", "done", "wait", "bad")] + [("on-accent", "accent")]
    pairs += [(t, f"{f}-ground") for t in ("text", "soft", "word", "string", "figure") for f in ("accent", "wait", "bad")]
    poor = [(t, g, round(contrast(s[t], s[g]), 2)) for s in (light, dark) for t, g in pairs if contrast(s[t], s[g]) < 4.5]
    assert poor == []
