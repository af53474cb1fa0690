"""JUnit: a report as the XML that build servers read (https://github.com/testmoapp/junitxml)."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from planrail.evals.report import Report

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """The document: a test case for each trial, and one that fails for each regression."""
    failures = sum(not t.passed for t in report.trials) + len(report.regressions)
    count = len(report.trials) + len(report.regressions)
    whole = Element("testsuites", name="planrail eval", tests=str(count), failures=str(failures))
    seconds = sum(t.seconds for t in report.trials)
    suite = SubElement(
        whole, "testsuite", name=report.suite, tests=str(count), failures=str(failures), time=f"{seconds:.3f}"
    )  # fmt: skip
    for trial in report.trials:
        case = SubElement(suite, "testcase", name=_plain(trial.name), classname=report.suite, time=f"{trial.seconds:.3f}")
        if trial.wrong:
            SubElement(case, "failure", message=_plain(trial.wrong[0])).text = _plain("\n".join(trial.wrong))
    for worse in report.regressions:
        of = worse.of or "the suite"
        case = SubElement(suite, "testcase", name=_plain(f"{worse.what} of {of}"), classname=report.suite)
        SubElement(case, "failure", message=f"{worse.now:g} instead of {worse.most:g}: {worse.why}")
    indent(whole)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(whole, encoding="unicode") + "\n"


def _plain(text: str) -> str:
    """Without what no XML may hold."""
    return _NOT_XML.sub("�", text)
