"""Ranking: how well each of many tools suits a goal, by the words of both: BM25 over an index in memory (SQLite's FTS5).

What is indexed is what a planner would be shown, a word counted once a field: neither a long description nor a word that is
said again and again lifts a tool. The words of a goal weigh most; words of the same meaning (`planner.thesaurus`) less; and a
tool is lifted a little by its namespace's best, since what a goal needs is often found side by side.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009; https://sqlite.org/fts5.html#the_bm25_function
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from planner.shape import resolved
from planner.thesaurus import groups
from planner.tool_line import described
from planner.toolspec import Json, JsonSchema, ToolSpec

_WEIGHTS = {"own": 4.0, "namespace": 3.0, "about": 2.0, "takes": 1.0, "gives": 0.7}
_ALIKE = 0.5  # what a word of the same meaning weighs beside the goal's own
_LIFT, _BEST = 1.0, 5  # of the mean score of its namespace's best tools, so many, what a tool gets on top
_FIELD_WORDS = 60  # of a field; beyond that a stranger's schema says no more of a tool
_GOAL_WORDS = 200
_WORD = re.compile(r"[^\W\d_]+|\d+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SAID_BY_ALL = """
a an and any are as at be been but by can could do does did each every for from had has have he her him his how i if in into is
it its let me my no nor not of on one or other our own over she should so some than that the their them then there these they
this those to too us was we were what whatever when where which who whose will with would you your
"""
_IDLE = frozenset(_SAID_BY_ALL.split())


class Ranking:
    """Scores tools; those of one set, which stays as it is."""

    def __init__(self, tools: Mapping[str, ToolSpec]) -> None:
        import sqlite3  # noqa: PLC0415  # some ms that a check has no use for

        self._names = list(tools)
        self._sizes = Counter(map(_namespace, self._names))
        self._index = sqlite3.connect(":memory:", check_same_thread=False)
        self._index.execute(f"CREATE VIRTUAL TABLE tool USING fts5({', '.join(_WEIGHTS)}, tokenize='porter unicode61')")
        rows = ((number, *_fields(spec)) for number, spec in enumerate(tools.values()))
        self._index.executemany(f"INSERT INTO tool(rowid, {', '.join(_WEIGHTS)}) VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._index.execute("CREATE VIRTUAL TABLE alike USING fts5(words, tokenize='porter unicode61')")
        self._index.executemany("INSERT INTO alike(words) VALUES (?)", ((" ".join(group),) for group in groups()))

    def scores(self, goal: str) -> Mapping[str, float]:
        """Each tool that has something to do with the goal, by name; the higher the better."""
        said = [w for w in _words(goal)[:_GOAL_WORDS] if w not in _IDLE]
        found = defaultdict(float, self._matches(said))
        for name, score in self._matches(self._alike(said)).items():
            found[name] += _ALIKE * score
        lifts = self._lifts(found)
        mates = (name for name in self._names if _namespace(name) in lifts)
        return {name: found.get(name, 0.0) + lifts[_namespace(name)] for name in mates}

    def _matches(self, words: Iterable[str]) -> dict[str, float]:
        """The tools that have one of the words, each with how well."""
        wanted = " OR ".join(f'"{word}"' for word in words)
        if not wanted:
            return {}
        weights = ", ".join(map(str, _WEIGHTS.values()))
        rows = self._index.execute(f"SELECT rowid, -bm25(tool, {weights}) FROM tool WHERE tool MATCH ?", (wanted,))
        return {self._names[number]: score for number, score in rows}

    def _lifts(self, scores: Mapping[str, float]) -> dict[str, float]:
        """By namespace, what its tools get on top of their own scores: a mean, or large ones would push out small ones."""
        by: defaultdict[str, list[float]] = defaultdict(list)
        for name, score in scores.items():
            by[_namespace(name)].append(score)
        return {
            space: _LIFT * sum(sorted(all_of_it)[-_BEST:]) / min(_BEST, self._sizes[space]) for space, all_of_it in by.items()
        }

    def _alike(self, words: list[str]) -> list[str]:
        """Other words of the same meanings."""
        wanted = " OR ".join(f'"{word}"' for word in words)
        rows = self._index.execute("SELECT words FROM alike WHERE alike MATCH ?", (wanted,)) if wanted else ()
        return [word for word in dict.fromkeys(w for (group,) in rows for w in group.split()) if word not in words]


def _namespace(name: str) -> str:
    return name.partition(".")[0]


def _fields(spec: ToolSpec) -> tuple[str, ...]:
    """What is indexed of a tool, in the order of the weights."""
    namespace, _, own = spec.name.partition(".")
    takes = resolved(spec.input_schema).get("properties", {})
    words = [word for schema in takes.values() if isinstance(schema, Mapping) for word in _enumerated(schema)]
    output = {} if spec.output_schema is None else resolved(spec.output_schema)
    texts = (own, namespace, described(spec.description), " ".join([*takes, *words]), " ".join(_keys(output)))
    return tuple(" ".join(_words(text)[:_FIELD_WORDS]) for text in texts)


def _enumerated(schema: JsonSchema) -> list[str]:
    values: Json = schema.get("enum", ())
    return [v for v in values if isinstance(v, str)] if isinstance(values, list | tuple) else []


def _keys(schema: JsonSchema) -> list[str]:
    """The keys of what a tool gives, of its elements where it is a list."""
    if isinstance(schema.get("items"), Mapping):
        return _keys(schema["items"])
    properties = schema.get("properties", {})
    below = [p["items"] for p in properties.values() if isinstance(p, Mapping) and isinstance(p.get("items"), Mapping)]
    return [*properties, *(key for items in below for key in items.get("properties", {}))]


def _words(text: str) -> list[str]:
    """The text's distinct words in small letters, names taken apart at their humps and underscores."""
    return list(dict.fromkeys(word.lower() for word in _WORD.findall(_HUMP.sub(" ", text))))
