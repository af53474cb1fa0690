"""`planrail cost`: what runs took, and what the same tokens would cost, from journals alone."""

from __future__ import annotations

import pytest
import yaml

from tests.planrail.command import Command

SUITE = {
    "suite": "desk",
    "models": {"executor": {"model": "gpt-5", "replies": [{"says": "Hello."}]}},
    "cases": [{"name": "a", "script": 't = ask("Say hello.")\nanswer(t)', "expect": {"answer": "Bye."}}],
}


@pytest.fixture
def spent(command: Command) -> Command:
    """A data folder with one run, which asked a model once."""
    (command.folder / "desk.yaml").write_text(yaml.safe_dump(SUITE))
    (trial,) = command("eval", "desk.yaml", "--keep", "kept", "--json").json["trials"]
    command.env["PLANRAIL_HOME"] = trial["kept"]
    return command


def test_what_runs_took_is_told_by_model_and_what_it_would_cost_with_another_price(spent: Command) -> None:
    told = spent("cost", "--with", "*=house", "--price", "house=1000/2000", "--json").json
    (used,) = told["models"]
    tokens = used["usage"]
    assert (used["model"], tokens["model_calls"], used["priced_as"]) == ("gpt-5", 1, "house")
    assert 0 < told["usd"] == pytest.approx(tokens["usd"])
    assert told["would_cost"] == pytest.approx(tokens["input_tokens"] * 0.001 + tokens["output_tokens"] * 0.002)
    shown = spent("cost", "--with", "gpt-5=nobody-knows-it")
    assert shown.code == 0, shown.err
    assert "give it with --price" in shown.out


def test_a_time_without_runs_took_nothing(spent: Command) -> None:
    told = spent("cost", "--since", "0s", "--json").json
    assert (told["models"], told["usd"]) == ([], 0.0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--since", "soon"), "like 30d or 12h"),
        (("--with", "a"), "write MODEL=OTHER"),
        (("--price", "a=1"), "write MODEL=IN/OUT"),
        (("--price", "a=-1/2"), "write MODEL=IN/OUT"),
    ],
)
def test_what_cannot_be_meant_is_told(command: Command, options: tuple[str, str], told: str) -> None:
    done = command("cost", *options)
    assert (done.code, told in done.err) == (2, True), done.err
