"""Parameters: the values of a playbook's, as they were submitted or said since; what is lacking is asked for. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from executor.drafting import NotPlanned
from executor.events import Question, QuestionAnswered
from executor.run import Run
from planner.playbook import Lack, Playbook
from planner.toolspec import Json

PARAMS = "$params"  # what such a question is of: there is no step yet
_NAME = "@params"  # of the first such question; a shell takes it as it is, and no step is called so


class Unanswered(NotPlanned):
    """There is no plan before `question` is answered."""

    def __init__(self, message: str, *, hint: str, question: Question) -> None:
        super().__init__(message, hint=hint)
        self.question = question


def parameters_of(playbook: Playbook, run: Run) -> dict[str, Json]:
    """The values of all parameters; raises Unanswered where some are to be asked for, NotPlanned where nobody says them.

    Raises PlaybookError for one that there is not.
    """
    given = {**run.submission.params, **{n: v for n, (v, _) in said(run).items() if n in playbook.names}}
    lacking = playbook.lacking(given)
    if not lacking:
        return playbook.bind(given)
    needs = f"{playbook.name} needs {', '.join(f'{k.parameter.name}: {k.parameter.type}' for k in lacking)}."
    asked = [q for q in run.questions.values() if q.of == PARAMS]
    for question in asked:
        answer = run.answers.get(question.id)
        if question.id in run.expired or (answer is not None and answer.refused):
            who = "Nobody said so in time" if answer is None else f"{answer.by} would not say"
            raise NotPlanned(f"{needs} {who}.", hint=f"planrail resume {run.id} asks again.")
    question = next((q for q in asked if q.id not in run.answers), None) or _question(playbook, lacking, len(asked))
    first = lacking[0]
    told = f"{playbook.name}: {first.parameter.name} is {first.parameter.type}: {first.problem}." if first.problem else needs
    raise Unanswered(told, hint=f"Give it with -p {first.parameter.name}=….", question=question)


def said(run: Run) -> dict[str, tuple[Json, QuestionAnswered]]:
    """The parameters that people or agents have said, each with the answer that says it."""
    found: dict[str, tuple[Json, QuestionAnswered]] = {}
    for name, answer in run.answers.items():
        if run.questions[name].of == PARAMS and not answer.refused and isinstance(answer.answer, dict):
            found |= {parameter: (value, answer) for parameter, value in answer.answer.items()}
    return found


def _question(playbook: Playbook, lacking: Sequence[Lack], before: int) -> Question:
    """The one question about all that is lacking."""
    names = [lack.parameter.name for lack in lacking]
    problems = "".join(f" {k.parameter.name} does not fit: {k.problem}." for k in lacking if k.problem)
    listed = ", ".join(f"{k.parameter.name} ({k.parameter.type})" for k in lacking)
    schema: Json = {
        "type": "object",
        "properties": {k.parameter.name: {**k.parameter.schema, "title": k.parameter.name} for k in lacking},
        "required": names,
        "additionalProperties": False,
    }
    return Question(
        id=_NAME if not before else f"{_NAME}:{before + 1}",
        kind="ask_user",
        of=PARAMS,
        text=f"The playbook {playbook.name} needs {listed}.{problems}",
        answer_schema=schema,
    )
