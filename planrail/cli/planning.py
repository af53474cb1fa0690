"""Planning: the commands that look at a plan and run nothing: plan, check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from executor.compiled import Scripts
from executor.handing import Handed
from executor.specialists import HAND
from planner.certificate import Certificate
from planner.diagnostic import Diagnostic
from planner.errors import CompileError, PlanRefused
from planner.hand import Hand
from planner.labels import Label, Origin
from planner.playbook import Parameter, Playbook, parse_playbook
from planner.toolspec import Json
from planrail.cli.errors import DONE, FAILED
from planrail.cli.output import Output
from planrail.cli.request import budget_of, params_of, read_text
from planrail.cli.text import told
from planrail.settings import Settings
from planrail.terms import terms_of
from planrail.toolbox import handing_of, whole_toolset

_USER = Hand(Label(frozenset((Origin("user", trusted=True),))))  # a script is as trusted as whoever gives it
_SAMPLES: Mapping[str, Json] = {"string": "sample", "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}}


@dataclass(frozen=True)
class Checked:
    """What the checker says of a file."""

    certificate: Certificate | None
    diagnostics: tuple[Diagnostic, ...]
    params: Mapping[str, Json]


def check(output: Output, settings: Settings, file: str, *, params: Sequence[str], budget: str | None) -> int:
    """Compile and certify a script or a playbook file; the database is not opened."""
    source = read_text(file)
    name = "stdin" if file == "-" else file
    given = params_of(params)
    if source.lstrip("\ufeff").startswith("---"):
        playbook = parse_playbook(Path(name).stem, source)
        checked = _checked(settings, playbook.script, playbook.bind(sampled(playbook, given)), budget)
    else:
        checked = _checked(settings, source, given, budget)
    if output.json:
        output.document(_document(checked))
    else:
        _tell(output, checked, source, name)
    return FAILED if checked.certificate is None else DONE


def _checked(settings: Settings, script: str, params: Mapping[str, Json], budget: str | None) -> Checked:
    tools = whole_toolset(settings).specs
    handed = Handed(script)
    try:
        if f"{HAND}." in script:
            handed = handing_of(settings).expanded(script)
        scripts = Scripts(tools, terms_of(settings), settings.policy)
        certificate = scripts.certified(handed.script, params, budget_of(budget, settings.budget), _USER)
    except (CompileError, PlanRefused) as refused:
        return Checked(None, tuple(handed.placed(refused.diagnostics)), params)
    certificate = certificate.model_copy(update={"warnings": tuple(handed.placed(certificate.warnings))})
    return Checked(certificate, certificate.warnings, params)


def sampled(playbook: Playbook, given: Mapping[str, Json]) -> dict[str, Json]:
    """The parameters that are given, and a value of its type for each that is needed and is not."""
    needed = {p.name: _sample(p) for p in playbook.parameters if p.required and p.name not in given}
    return {**given, **needed}


def _sample(parameter: Parameter) -> Json:
    schema = parameter.schema
    return schema["enum"][0] if schema.get("enum") else _SAMPLES.get(str(schema.get("type")))


def _document(checked: Checked) -> Json:
    certificate = checked.certificate
    return {
        "ok": certificate is not None,
        "diagnostics": [d.model_dump(mode="json") for d in checked.diagnostics],
        "certificate": None if certificate is None else certificate.model_dump(mode="json"),
        "params": dict(checked.params),
    }


def _tell(output: Output, checked: Checked, source: str, name: str) -> None:
    from rich.text import Text  # noqa: PLC0415  # Rich takes 0.1 s to load, and --json needs none of it

    from planrail.cli.plan_text import certificate_text, diagnostics_text  # noqa: PLC0415  # it loads Rich

    console = output.console
    if checked.diagnostics:
        console.print(diagnostics_text(checked.diagnostics, source, name), soft_wrap=True)
    if checked.certificate is None:
        return
    bound = f"  with {', '.join(f'{k}={told(v, 40)}' for k, v in checked.params.items())}" if checked.params else ""
    console.print(Text.assemble((f"{told(name)}: ", "bold"), ("certified", "green"), (bound, "dim")), soft_wrap=True)
    console.print(certificate_text(checked.certificate.model_copy(update={"warnings": ()})))
