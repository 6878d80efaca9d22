"""What happens when there is no time: cadence, scale, waits, clocks and doubts, each on a clock that is a number."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redact.cadence import BUSY_INTERVAL
from redact.live.backoff import Backoff
from redact.live.doubt import BEHIND, STARTING, Doubt
from redact.live.keeping_up import LAG, KeepingUp, steps
from redact.live.stream_time import JUMP, StreamTime

LOOKAHEADS = st.sampled_from([0.0, 0.2, 0.4, 1.0, 2.0])


class Machine:
    """A camera of ``period`` seconds a frame before a detector that takes ``cost`` seconds at full scale."""

    def __init__(self, lookahead: float = 0.4, period: float = 1 / 15) -> None:
        self.keeping = KeepingUp(lookahead)
        self.keeping.period = period
        self.period = period
        self.now = 0.0
        self.levels: list[int] = []

    def run(self, seconds: float, cost: float) -> None:
        until = self.now + seconds
        frame = self.now  # when the next frame that is due came
        while self.now < until:
            step = self.keeping.step
            began = max(self.now, frame)
            self.now = began + cost / step.scale**2
            lag = min(began - frame, 0.4)  # what waits longer is dropped
            self.keeping.looked(self.now, self.now - began, lag)
            self.levels.append(self.keeping.level)
            frame = max(frame, began - 0.4) + max(self.keeping.step.interval, BUSY_INTERVAL, self.period)


@given(LOOKAHEADS)
def test_the_cadence_falls_before_the_scale_and_never_beyond_what_covering_reaches_back(lookahead):
    found = steps(lookahead)
    assert found[0].interval == 0
    assert found[0].scale == 1
    assert [step.scale for step in found] == sorted(step.scale for step in found)
    coarse = [step for step in found if step.scale > 1]
    assert len(coarse) >= 3
    assert all(step.interval == max(other.interval for other in found) for step in coarse)
    assert all(step.interval <= 0.75 * lookahead for step in found)


def test_nothing_is_cut_back_while_there_is_time():
    machine = Machine()
    machine.run(60, 0.04)
    assert set(machine.levels) == {0}


@given(st.lists(st.tuples(st.floats(1, 20), st.floats(0.001, 3)), min_size=1, max_size=8), LOOKAHEADS)
def test_steps_are_taken_one_at_a_time_and_taken_back(loads, lookahead):
    machine = Machine(lookahead)
    for seconds, cost in loads:
        machine.run(seconds, cost)
    assert all(abs(after - before) <= 1 for before, after in itertools.pairwise(machine.levels))
    machine.run(800, 0.005)
    assert machine.keeping.level == 0


@pytest.mark.parametrize("cost", [0.1, 0.3, 0.6])
def test_an_overload_is_met_within_seconds_and_then_rests(cost):
    machine = Machine()
    machine.run(10, cost)
    assert machine.keeping.level > 0
    step = machine.keeping.step
    assert cost / step.scale**2 <= 0.9 * max(step.interval, BUSY_INTERVAL)
    settled = machine.keeping.level
    count = len(machine.levels)
    machine.run(300, cost)
    later = machine.levels[count:]
    assert max(later) <= settled + 1
    changes = sum(1 for before, after in itertools.pairwise(later) if before != after)
    assert changes <= 12  # five minutes: it tries now and then, and does not swing


def test_a_frame_that_waits_too_long_is_enough():
    keeping = KeepingUp(0.4)
    keeping.looked(1.0, 0.01, LAG * 1.1)
    assert keeping.level == 1


@given(st.floats(0, 3600), st.integers(0, 1000))
def test_a_wait_is_short_against_the_outage_and_never_longer_than_a_minute(outage, seed):
    random.seed(seed)
    now = [0.0]
    backoff = Backoff(clock=lambda: now[0])
    backoff.failed()
    now[0] = outage
    wait = backoff.failed()
    assert 0.25 <= wait <= max(0.5, min(60.0, outage / 30))


def test_an_outage_ends_when_it_works_and_stays_working():
    now = [0.0]
    backoff = Backoff(1.0, 60.0, settled=30.0, clock=lambda: now[0])
    backoff.failed()
    now[0] = 900.0
    backoff.succeeded()
    now[0] = 910.0  # it worked for ten seconds only: the same outage
    assert backoff.failed() > 14
    backoff.succeeded()
    now[0] = 950.0
    backoff.succeeded()
    assert backoff.failed() <= 1.0


# when looks were completed, or failed with a reason; which frames may be shown then
@pytest.mark.parametrize(
    ("looks", "time", "doubt"),
    [
        ([], 0.0, STARTING),
        ([(0.0, "")], 0.0, ""),
        ([(0.0, "")], 0.1, BEHIND),  # whoever came in since is not known yet
        ([(0.0, ""), (0.2, "")], 0.1, ""),
        ([(0.0, ""), (0.5, "")], 0.05, BEHIND),  # covering does not reach back from there
        ([(0.0, ""), (0.5, "")], 0.15, ""),
        ([(0.0, "broke"), (0.2, "")], 0.1, "broke"),
        ([(0.0, ""), (0.2, "broke"), (0.3, "")], 0.1, "broke"),
        ([(0.0, ""), (0.2, "broke"), (0.3, "")], 0.2, "broke"),
        ([(0.0, ""), (0.2, "broke"), (0.3, "")], 0.25, "broke"),
        ([(0.0, ""), (0.2, "broke"), (0.3, "")], 0.3, ""),
        ([(0.5, "")], 0.4, BEHIND),  # nobody had looked before
        ([(0.0, ""), (2.0, ""), (2.1, "")], 1.7, BEHIND),  # whoever was there is held for a second only
    ],
)
def test_a_frame_is_trusted_between_two_looks(looks, time, doubt):
    asked = Doubt(lookahead=0.4, hold=1.0)
    for moment, reason in looks:
        asked.failed(moment, reason) if reason else asked.looked(moment)
    assert asked.about(time) == doubt


@given(st.lists(st.tuples(st.floats(0.01, 0.6), st.sampled_from(["", "", "", "broke"])), max_size=40))
def test_no_frame_is_trusted_whose_looks_do_not_hold(steps):
    looks, time = [], 0.0
    for step, reason in steps:
        time += step
        looks.append((time, reason))
    asked = Doubt(0.4, 1.0)
    for moment, reason in looks:
        asked.failed(moment, reason) if reason else asked.looked(moment)
    moment = 0.0
    while moment < time + 1:
        before = [look for look in looks if look[0] <= moment][-1:]
        after = [look for look in looks if look[0] >= moment][:1]
        good = before and after and not before[0][1] and not after[0][1]
        good = good and after[0][0] - moment <= 0.4 + 1e-5 and moment - before[0][0] <= 1 + 1e-5
        if not asked.about(moment):
            assert good
        moment += 0.037


FRAMES = st.lists(
    st.tuples(
        st.floats(0.001, 2.0),  # seconds to the next frame, as the camera has it
        st.sampled_from([0.0, 0.0, 0.0, 3600.0, -3600.0, 5.0]),  # by which its clock jumps
        st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.3, 1.5, 8.0]),  # for which the network is held up
    ),
    min_size=2,
    max_size=80,
)


@given(FRAMES)
def test_a_published_clock_only_grows_stays_by_the_real_one_and_squeezes_nothing(frames):
    clock, said, sent, arrives, true, last = StreamTime(100.0), 1000.0, 100.0, 100.0, {}, None
    for step, jump, held in frames:
        said, sent = said + step + jump, sent + step
        arrives = max(arrives, sent) + held  # what was held up comes at once afterwards
        placed = clock.place(said, arrives)
        if placed is None:
            continue
        assert placed.late >= 0
        assert abs(arrives - 100.0 - placed.time) <= JUMP + 0.1
        if last is not None:
            assert placed.time > last
            if not placed.torn:  # nobody has walked further than the times say
                assert placed.time - last >= 0.5 * (sent - true[last]) - 1e-6
        last = placed.time
        true[last] = sent


def after(clock, seconds):
    """The clock after so many seconds of a well-behaved camera."""
    for index in range(1, round(seconds * 15)):
        clock.place(index / 15, index / 15)
    return clock


def test_a_burst_after_a_stall_is_late_and_a_stopped_clock_is_not():
    clock = after(StreamTime(0.0), 10.0)
    assert clock.place(10.0, 11.5).late == pytest.approx(1.5)  # held up by the network
    assert clock.place(11.5, 11.5).late == 0
    lateness = [clock.place(11.5 + index / 15, 13.0 + index / 15).late for index in range(1, 120)]
    assert lateness[0] == pytest.approx(1.5)
    assert lateness[-1] < 0.1  # not late: the camera had stopped its clock


@pytest.mark.parametrize("pace", [0.001, 0.1, 10.0, 90_000.0])
def test_a_clock_that_counts_in_other_units_is_not_believed(pace):
    clock, places = StreamTime(0.0), []
    for index in range(300):
        placed = clock.place(pace * index / 15, index / 15)
        if placed is not None:
            places.append((placed.time, index, placed.torn))
    assert len(places) > (40 if pace > 1 else 280)
    for (time, index, _), (later, other, torn) in itertools.pairwise(places):
        assert torn or later - time >= 0.5 * (other - index) / 15 - 1e-6


def test_of_a_burst_that_begins_a_connection_one_frame_is_shown_and_the_next_is_torn():
    clock = StreamTime(0.0)
    burst = [clock.place(index / 15, 5.0) for index in range(30)]
    assert [placed is not None for placed in burst] == [True] + [False] * 29
    assert clock.place(30 / 15, 5.0 + 1 / 15).torn
    assert not clock.place(31 / 15, 5.0 + 2 / 15).torn
