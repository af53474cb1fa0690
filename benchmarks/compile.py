"""A script of thirty steps compiled and certified, in CPU, beside Python's own parser: `python -m benchmarks.compile`."""

from __future__ import annotations

import ast
import itertools
import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.databases import folder
from benchmarks.session import Measure, Options, interleaved, main
from benchmarks.table import Bar, Table, compared
from executor.compiled import Scripts
from planner.budget import Budget
from planner.hand import NOBODY
from planner.tokens import count_tokens
from planner.worst import ModelTerms, Terms
from planrail.settings import load_settings
from planrail.toolbox import packs_of, toolset_of, unopened_database

BAR = Bar("≤", 10, "ms")
ROOM = Budget(steps=1_000, calls=1_000_000, model_calls=100_000, tokens=1_000_000_000, usd=1e6, seconds=1e6)
TERMS = Terms(ModelTerms(model="big"), ModelTerms(model="small"))
Write = Callable[[int], str]


async def measured(options: Options) -> Table:
    count = options.size(100, 10)
    numbers = itertools.count()
    with folder() as place:
        settings = load_settings({"PLANRAIL_HOME": str(place), "PLANRAIL_PACKS": "gtm"}, place)
        tools = toolset_of(settings, packs_of(settings, unopened_database(settings))).specs
    certified = partial(_certified, Scripts(tools, TERMS))
    works: dict[str, Measure] = {}
    for what, write in SCRIPTS.items():
        works[what] = partial(cpu_ms, certified, write, numbers, count)
        works[f"python {what}"] = partial(cpu_ms, ast.parse, write, numbers, count)
    for work in works.values():
        await work()  # warm: what is kept of a tool's contract, the grammar
    taken = await interleaved(works, options)
    rows = tuple(
        compared(f"{what} ({count_tokens(write(0))} tokens)", taken[what], "ms", "`ast.parse`", taken[f"python {what}"], BAR)
        for what, write in SCRIPTS.items()
    )
    notes = (
        "CPU of the process, the mean of a hundred scripts, of which no two are equal: nothing is kept but what is "
        "known of the tools. Parsed, compiled, made a Plan, ordered, certified. `ast.parse` only parses.",
    )
    return Table("Compile and certify thirty steps", rows, notes)


async def cpu_ms(work: Callable[[str], object], write: Write, numbers: Iterator[int], count: int) -> float:
    """CPU of one script, each with literals of its own."""
    scripts = [write(next(numbers)) for _ in range(count)]
    begun = time.process_time()
    for script in scripts:
        work(script)
    return (time.process_time() - begun) / count * 1e3


def _certified(scripts: Scripts, script: str) -> object:
    return scripts.certified(script, {}, ROOM, NOBODY)


def row(number: int) -> str:
    """Ten lists, each read, narrowed and counted: every call stands on the one before."""
    lines: list[str] = []
    for i in range(10):
        lines += [
            f'rows{i} = data.read_json(text=\'[{{"n": {number}}}, {{"n": {i}}}]\')',
            f"few{i} = data.select(rows=rows{i}, limit={i + 1})",
            f"count{i} = data.count(rows=few{i})",
        ]
    return "\n".join([*lines, f"answer([{', '.join(f'count{i}' for i in range(10))}])", ""])


def leads(number: int) -> str:
    """Lead generation in five cities: six steps each, of which four are maps, and a filter."""
    lines: list[str] = []
    for i in range(5):
        lines += [
            f'leads{i} = crm.find_leads(vertical="dental", city="Austin", min_rating=4.{i}, limit=20)',
            f"scored{i} = [crm.score_lead(id=l.id) for l in leads{i}.items]",
            f"best{i} = [s for s in scored{i} if s.score >= 70]",
            f'expect(len(best{i}) >= 1, "no lead scores 70 or more ({number})")',
            f"facts{i} = [crm.enrich_lead(id=b.id) for b in best{i}]",
            f"mails{i} = [ask('Write a friendly introduction.', lead={{'name': b.name, 'services': e.services, "
            f"'about': e.summary}}, returns={{'subject': str, 'body': str}}) for b, e in zip(best{i}, facts{i})]",
            f"drafts{i} = [mail.draft(lead_id=b.id, to=b.email, subject=m.subject, body=m.body) "
            f"for b, m in zip(best{i}, mails{i})]",
        ]
    return "\n".join([*lines, f"answer(f'{{{' + '.join(f'len(drafts{i})' for i in range(5))}}} drafted')", ""])


def branches(number: int) -> str:
    """Six leads looked up, each with what depends on what was found."""
    lines: list[str] = []
    for i in range(6):
        lines += [
            f"lead{i} = attempt(crm.get_lead(id={number + i}), default=None)",
            f'expect(lead{i} is not None, f"lead {{{number + i}}} is not there")',
            f"score{i} = crm.score_lead(id={number + i})",
            f"if score{i}.score >= 70 and lead{i}.rating > 4.{i}:",
            f'    note{i} = crm.add_note(lead_id={number + i}, text=f"{{lead{i}.name}} scores {{score{i}.score}}")',
            "else:",
            f"    less{i} = crm.save_score(id={number + i}, score=min(score{i}.score, {i}))",
        ]
    return "\n".join([*lines, f"answer([{', '.join(f'score{i}.score' for i in range(6))}])", ""])


SCRIPTS: dict[str, Write] = {"thirty reads": row, "lead generation in five cities": leads, "lookups and branches": branches}

if __name__ == "__main__":
    main(measured)
