"""Page: a report as one HTML file that needs nothing else. What models and tools gave is text in it, never markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from planrail.evals.measured import Summary
from planrail.evals.report import Report

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c0362c; --good: #2e7d4f; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.bad { color: var(--bad); } .good { color: var(--good); }
.wide { overflow-x: auto; } ul { margin: 0; padding-left: 1.1rem; } code { white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def page(report: Report) -> str:
    """The whole document."""
    verdict = '<span class="good">passed</span>' if report.passed else '<span class="bad">failed</span>'
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(report.suite)}: evaluation</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>{escape(report.suite)}: {verdict}</h1>\n{_terms(report)}{_regressions(report)}{_cases(report)}{_trials(report)}"
        "</body></html>\n"
    )


def _terms(report: Report) -> str:
    parts = [f"{len(report.trials)} trials", f"seed {report.seed}"]
    parts += [f"noise: {', '.join(report.noise)}"] if report.noise else []
    parts += [f"faults: {', '.join(report.faults)}"] if report.faults else []
    return f"<p>{escape(' · '.join(parts))}</p>\n"


def _regressions(report: Report) -> str:
    if not report.regressions:
        return ""
    rows = (
        (escape(r.what), escape(r.of or "the suite"), f"{r.now:g}", f"{r.most:g}", escape(r.why)) for r in report.regressions
    )  # fmt: skip
    return "<h2>What is worse than it may be</h2>" + _table(("figure", "of", "is", "may be", "says"), rows, numbers=(2, 3))


def _cases(report: Report) -> str:
    named = [("the suite", report.summary), *report.cases.items()]
    return "<h2>Cases</h2>" + _table(
        ("case", "trials", "passed", "p50 s", "p95 s", "tokens", "$", "calls"),
        (_row(n, s) for n, s in named),
        numbers=range(1, 8),
    )


def _row(name: str, of: Summary) -> tuple[str, ...]:
    share = f'<span class="{"good" if of.quality == 1 else "bad"}">{of.quality:.0%}</span>'
    return (
        escape(name), str(of.trials), share, f"{of.p50_s:.2f}", f"{of.p95_s:.2f}", f"{of.tokens:,.0f}",
        f"{of.usd:.5f}", f"{of.calls:g}",
    )  # fmt: skip


def _trials(report: Report) -> str:
    failed = [t for t in report.trials if not t.passed]
    if not failed:
        return ""
    rows = (
        (escape(t.name), f"<code>{escape(t.goal)}</code>", "<ul>" + "".join(f"<li>{escape(w)}</li>" for w in t.wrong) + "</ul>")
        for t in failed
    )
    return "<h2>Trials that did not pass</h2>" + _table(("case", "goal", "what is wrong"), rows)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]], numbers: Iterable[int] = ()) -> str:
    kinds = dict.fromkeys(numbers, ' class="n"')
    head = "".join(f"<th{kinds.get(n, '')}>{escape(h)}</th>" for n, h in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(f"<td{kinds.get(n, '')}>{cell}</td>" for n, cell in enumerate(row)) + "</tr>\n" for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>\n'
