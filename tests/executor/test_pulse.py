"""Hearing: who is dead, judged by counters and the listener's own time."""

from __future__ import annotations

from executor.engine.pulse import BEAT_SECONDS, DEAD_SECONDS, Hearing


def listen(hearing: Hearing, start: float, seconds: float, beats: dict[str, list[int]], owners: tuple[str, ...] = ()) -> float:
    """Listen each half second, with the counters going through their lists (the last one stays); when it ended."""
    looks = int(seconds / BEAT_SECONDS)
    for look in range(looks):
        counters = {name: counts[min(look, len(counts) - 1)] for name, counts in beats.items()}
        hearing.listen(owners, counters, start + look * BEAT_SECONDS)
    return start + looks * BEAT_SECONDS


def test_a_worker_whose_counter_moves_lives_and_one_whose_stands_still_is_dead() -> None:
    hearing = Hearing()

    listen(hearing, 100.0, DEAD_SECONDS + 1, {"a": list(range(20)), "b": [5]})

    assert hearing.dead == {"b"}
    assert hearing.living == {"a"}


def test_nobody_is_dead_before_the_time() -> None:
    hearing = Hearing()

    listen(hearing, 100.0, DEAD_SECONDS, {"b": [5]})

    assert hearing.dead == set()


def test_an_owner_without_a_counter_is_dead_at_once() -> None:
    hearing = Hearing()

    hearing.listen(["gone", "a"], {"a": 1}, 100.0)

    assert hearing.dead == {"gone"}


def test_a_dead_worker_that_beats_again_lives() -> None:
    hearing = Hearing()
    end = listen(hearing, 100.0, DEAD_SECONDS + 1, {"b": [5]})

    hearing.listen([], {"b": 6}, end)

    assert hearing.dead == set()


def test_after_a_gap_everybody_gets_the_benefit_of_the_doubt() -> None:
    hearing = Hearing()
    end = listen(hearing, 100.0, DEAD_SECONDS - 1, {"b": [5]})

    end = listen(hearing, end + 30.0, DEAD_SECONDS, {"b": [5]})
    assert hearing.dead == set()
    listen(hearing, end, 1.0, {"b": [5]})
    assert hearing.dead == {"b"}
