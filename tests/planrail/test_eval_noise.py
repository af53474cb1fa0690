"""Noise: equal seeds garble equally, and what a goal must not lose stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planrail.evals.noise import NOISES, Noise, garbled

GOAL = 'Find 20 dental leads in Austin and draft introductions for "Maple Smiles", please, by 09:30, and mail ann@example.com'
TEXTS = st.text(st.characters(codec="utf-8"), max_size=200)


@given(TEXTS, st.sampled_from(NOISES), st.integers())
def test_any_text_can_be_garbled_and_equal_seeds_garble_equally(text: str, noise: Noise, seed: int) -> None:
    assert garbled(text, noise, seed) == garbled(text, noise, seed)


@pytest.mark.parametrize("noise", NOISES)
def test_each_noise_does_something_and_not_the_same_for_every_seed(noise: Noise) -> None:
    made = {garbled(GOAL, noise, seed) for seed in range(20)}
    assert len(made - {GOAL}) > 3 or noise == "duplicated"
    assert GOAL not in made or noise in ("typos", "mixed")


@pytest.mark.parametrize("noise", [n for n in NOISES if n != "truncated"])
def test_numbers_quoted_names_and_addresses_stay(noise: Noise) -> None:
    for seed in range(50):
        said = garbled(GOAL, noise, seed)
        found = re.findall(r"\d+|maple smiles|\S+@\S+", said.lower())
        assert [f for f in found if f != "ann@example.com"][:2] == ["20", "maple smiles"], said
        assert "ann@example.com" in said.lower()
