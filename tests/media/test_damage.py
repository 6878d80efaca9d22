"""Which pictures damage may show in: after its place, and before it where they were decoded from it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from redact.media.damage import Suspicion


def picture(pts: int | None, *, bad: bool = False, key: bool = False) -> Any:
    return SimpleNamespace(pts=pts, is_corrupt=bad, key_frame=key)


def judged(decoding: list[int], shown: list[Any]) -> dict[int, bool]:
    """stamp → damaged, of pictures that are shown once everything was sent to the decoder."""
    suspicion = Suspicion()
    for pts in decoding:
        suspicion.sent(pts)
    out = [pair for one in shown for pair in suspicion.passed(one)] + suspicion.rest()
    assert [one.pts for one, _ in out] == [one.pts for one in shown]
    return {one.pts: damaged for one, damaged in out if one.pts is not None}


def test_what_is_shown_before_the_damage_it_was_made_from_is_suspect() -> None:
    shown = [picture(0, key=True), picture(1), picture(2), picture(3), picture(4, bad=True), picture(5), picture(6)]
    answer = judged([0, 4, 2, 1, 3, 5, 6], shown)
    assert answer == {0: False, 1: True, 2: True, 3: True, 4: True, 5: True, 6: True}


def test_without_reordering_only_what_follows_is_suspect() -> None:
    shown = [picture(0, key=True), picture(1), picture(2, bad=True), picture(3), picture(4, key=True), picture(5)]
    answer = judged([0, 1, 2, 3, 4, 5], shown)
    assert answer == {0: False, 1: False, 2: True, 3: True, 4: False, 5: False}


def test_a_damaged_key_frame_clears_nothing() -> None:
    answer = judged([0, 1, 2], [picture(0, bad=True, key=True), picture(1), picture(2, key=True)])
    assert answer == {0: True, 1: True, 2: False}


def test_a_lost_packet_makes_what_waits_suspect() -> None:
    suspicion = Suspicion()
    for pts in (0, 3, 1):
        suspicion.sent(pts)
    assert suspicion.passed(picture(0, key=True)) == [(picture(0, key=True), False)]
    assert suspicion.passed(picture(1)) == []
    suspicion.lost()
    assert [damaged for _, damaged in suspicion.rest()] == [True]


@given(st.lists(st.one_of(st.none(), st.integers(-50, 50)), max_size=80), st.lists(st.integers(-50, 50), max_size=80))
def test_every_picture_comes_out_once_and_soon(shown: list[int | None], decoding: list[int]) -> None:
    """Whatever the stamps are: nothing is lost, nothing changes place, and few wait."""
    suspicion = Suspicion()
    for pts in decoding:
        suspicion.sent(pts)
    out = []
    for count, pts in enumerate(shown, 1):
        out += suspicion.passed(picture(pts))
        assert count - len(out) < 16
    out += suspicion.rest()
    assert [one.pts for one, _ in out] == shown
