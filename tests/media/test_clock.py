"""Time stamps come out present, strictly increasing and not negative, with good ones left alone."""

from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from redact.media.clock import Clock

TICKS = Fraction(1, 1000)


def stamp_all(clock: Clock, stamps: list[int | None], duration: int = 40) -> list[int]:
    return [clock.stamp(pts, None, duration)[0] for pts in stamps]


@given(st.lists(st.one_of(st.none(), st.integers(-(10**7), 10**7)), max_size=60), st.integers(0, 100))
def test_any_stamps_become_increasing_and_positive(stamps: list[int | None], duration: int) -> None:
    out = stamp_all(Clock(TICKS, None), stamps, duration)
    assert all(later > earlier for earlier, later in itertools.pairwise(out))
    assert all(value >= 0 for value in out)


@given(st.lists(st.integers(0, 10**7), unique=True, min_size=1).map(sorted))
def test_good_stamps_stay(stamps: list[int]) -> None:
    clock = Clock(TICKS, Fraction(25))
    assert stamp_all(clock, list(stamps)) == stamps
    assert clock.repaired == 0


def test_one_repeated_stamp_moves_alone() -> None:
    clock = Clock(TICKS, Fraction(25))
    assert stamp_all(clock, [0, 40, 40, 80, 120]) == [0, 40, 41, 80, 120]
    assert clock.repaired == 1


def test_stamps_that_never_move_become_one_frame_apart() -> None:
    assert stamp_all(Clock(TICKS, Fraction(25)), [0, 0, 0, 0]) == [0, 1, 41, 81]


def test_missing_stamps_follow_the_frame_rate_without_drift() -> None:
    clock = Clock(TICKS, Fraction(30_000, 1001))
    out = [clock.stamp(None, None, 0)[0] for _ in range(3001)]
    assert out[0] == 0
    assert abs(out[-1] - 3000 * 1001 / 30) <= 1
    assert clock.repaired == 3001


def test_decoding_time_stands_in_for_a_missing_presentation_time() -> None:
    assert Clock(TICKS, None).stamp(None, 77, 40)[0] == 77


def test_a_restarted_clock_goes_on() -> None:
    clock = Clock(TICKS, Fraction(25))
    assert stamp_all(clock, [5000, 5040, 0, 40, 80]) == [5000, 5040, 5080, 5120, 5160]
    assert clock.repaired == 1


def test_negative_start_moves_everything() -> None:
    clock = Clock(TICKS, Fraction(25))
    assert stamp_all(clock, [-80, -40, 0]) == [0, 40, 80]
    assert clock.shift == 80


def test_origin_is_subtracted() -> None:
    assert stamp_all(Clock(TICKS, None, origin=1400), [1400, 1440]) == [0, 40]


def test_unknown_duration_is_one_frame() -> None:
    assert Clock(TICKS, Fraction(25)).stamp(0, None, 0)[1] == 40
