"""Hours in which everything is covered: over midnight, over clocks that are put back, and whatever is no hours."""

import contextlib
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redact.errors import ConfigError
from redact.live.schedule import DAYS, Hours, Schedule

VIENNA = ZoneInfo("Europe/Vienna")
ZONES = ("Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu", "UTC")
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


def vienna(*parts, fold=0):
    return datetime(*parts, tzinfo=VIENNA, fold=fold)


OFFICE = Schedule(("mon-fri 08:00-18:00",), "Europe/Vienna")


@pytest.mark.parametrize(
    ("moment", "covered"),
    [
        (vienna(2026, 11, 23, 7, 59, 59), True),  # a Monday
        (vienna(2026, 11, 23, 8, 0), False),
        (vienna(2026, 11, 23, 17, 59, 59), False),
        (vienna(2026, 11, 23, 18, 0), True),
        (vienna(2026, 11, 22, 12, 0), True),  # a Sunday
        (datetime(2026, 11, 23, 7, 30, tzinfo=UTC), False),  # half past eight in Vienna
        (datetime(2026, 7, 20, 6, 30, tzinfo=UTC), False),  # and so in summer
    ],
)
def test_everything_is_covered_outside_the_hours(moment, covered):
    assert OFFICE.everything(moment) is covered


def test_hours_over_midnight_belong_to_the_day_they_begin():
    night = Schedule(("fri 22:00-06:00",), "Europe/Vienna")
    assert night.everything(vienna(2026, 11, 27, 5, 0))  # Friday morning
    assert not night.everything(vienna(2026, 11, 27, 23, 0))
    assert not night.everything(vienna(2026, 11, 28, 5, 59))  # Saturday morning
    assert night.everything(vienna(2026, 11, 28, 6, 0))
    assert night.everything(vienna(2026, 11, 28, 23, 0))


def test_days_may_be_listed_and_go_over_the_week():
    assert Hours.of("sat-mon 00:00-24:00").days == {5, 6, 0}
    assert Hours.of("Tue,thu-fri 9:00 - 10:00").days == {1, 3, 4}
    assert Hours.of("00:00-24:00").days == set(range(7))


def test_a_clock_put_back_uncovers_as_little_as_can_be_meant():
    # on 2026-10-25 the clock of Vienna shows 02:00 to 03:00 twice
    until = Schedule(("sun 01:00-02:30",), "Europe/Vienna")
    assert not until.everything(vienna(2026, 10, 25, 2, 29, fold=0))
    assert until.everything(vienna(2026, 10, 25, 2, 31, fold=0))
    assert until.everything(vienna(2026, 10, 25, 2, 29, fold=1))
    since = Schedule(("sun 02:30-04:00",), "Europe/Vienna")
    assert since.everything(vienna(2026, 10, 25, 2, 31, fold=0))
    assert not since.everything(vienna(2026, 10, 25, 2, 31, fold=1))


def test_an_hour_that_a_clock_leaves_out_neither_begins_nor_ends_early():
    # on 2026-03-29 the clock of Vienna goes from 02:00 to 03:00
    assert Schedule(("sun 02:30-04:00",), "Europe/Vienna").everything(vienna(2026, 3, 29, 3, 15))
    assert not Schedule(("sun 02:30-04:00",), "Europe/Vienna").everything(vienna(2026, 3, 29, 3, 45))
    assert Schedule(("sun 01:00-02:30",), "Europe/Vienna").everything(vienna(2026, 3, 29, 1, 45))


@given(
    MOMENTS,
    st.sampled_from(ZONES),
    st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True),
    st.integers(0, 1439),
    st.integers(1, 1440),
)
def test_clear_is_never_more_than_the_clock_on_the_wall_allows(moment, zone, days, first, length):
    last = (first + length - 1) % 1440 + 1
    if last == first:
        return
    text = f"{','.join(days)} {first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}"
    schedule = Schedule((text,), zone)
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    minute = wall.hour * 60 + wall.minute

    def meant(day: date, at: int) -> bool:
        if DAYS[day.weekday()] not in days:
            return False
        return first <= at < (last if last > first else last + 1440)

    allowed = meant(wall.date(), minute) or meant(wall.date() - timedelta(days=1), minute + 1440)
    changes = len(
        {(moment + timedelta(hours=hours)).astimezone(ZoneInfo(zone)).utcoffset() for hours in range(-30, 31)}
    )
    if not schedule.everything(moment):
        assert allowed
    elif changes == 1:  # and on a day without a change of clocks exactly as much
        assert not allowed


@pytest.mark.parametrize("zone", ZONES)
def test_in_a_whole_year_every_minute_is_like_the_wall_clock_but_where_it_changes(zone):
    schedule = Schedule(("mon-fri 08:00-18:00", "sat 22:00-06:00"), zone)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    differ = 0
    for _ in range(365 * 48):
        wall = moment.astimezone(ZoneInfo(zone))
        day, clock = wall.weekday(), wall.time()
        clear = (day < 5 and time(8) <= clock < time(18)) or (day == 5 and clock >= time(22))
        clear |= day == 6 and clock < time(6)
        differ += schedule.everything(moment) is clear
        moment += timedelta(minutes=30)
    assert differ <= 2


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        OFFICE.everything(datetime(2026, 11, 23, 9, 0))


@pytest.mark.parametrize(
    ("hours", "zone"),
    [
        ((), "UTC"),
        (("",), "UTC"),
        (("always",), "UTC"),
        (("mon",), "UTC"),
        (("08:00",), "UTC"),
        (("08:00-08:00",), "UTC"),
        (("24:00-06:00",), "UTC"),
        (("08:00-25:00",), "UTC"),
        (("08:60-09:00",), "UTC"),
        (("monday 08:00-09:00",), "UTC"),
        (("mon- 08:00-09:00",), "UTC"),
        (("mon,,fri 08:00-09:00",), "UTC"),
        (("08:00-09:00",), "Europe/Vindobona"),
        (("08:00-09:00",), ""),
        (("08:00-09:00",), "../etc/passwd"),
    ],
)
def test_what_are_no_hours_is_refused_with_an_example(hours, zone):
    with pytest.raises(ConfigError) as caught:
        Schedule(hours, zone)
    assert caught.value.hint


@given(st.text(max_size=30) | st.from_regex(r"[a-z,-]{0,8} ?[0-9:]{0,6}-[0-9:]{0,6}", fullmatch=True))
def test_no_text_makes_anything_but_hours_or_one_error(text):
    with contextlib.suppress(ConfigError):
        Hours.of(text)
