"""The bell to drag about: its divergences are those of the closed forms and of the known best fits."""

import math

import pytest

from course.chapters.distillation.divergences import TEACHER, Match, bell, divergence


def test_between_two_bells_it_is_the_closed_form():
    for (m, s), (n, t) in (((0, 1), (1, 2)), ((-1, 0.5), (0.5, 0.8))):
        exact = math.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - 0.5
        assert divergence(bell(m, s), bell(n, t)) == pytest.approx(exact, rel=1e-4)


def test_forward_covers_both_peaks_and_reverse_settles_on_one():
    """The best bell by each: spread over both, standard deviation sqrt(2^2 + .5^2); or one peak, for log 2."""
    spread, settled = bell(0, math.sqrt(4.25)), bell(2, 0.5)
    best = divergence(TEACHER, spread)
    assert best == pytest.approx(0.5 * math.log(4.25 / 0.25) - math.log(2), abs=1e-3)  # entropies apart
    assert all(divergence(TEACHER, bell(m, s)) > best for m, s in ((0.2, 2.06), (0, 1.8), (0, 2.4), (2, 0.5)))
    best = divergence(settled, TEACHER)
    assert best == pytest.approx(math.log(2), abs=2e-3)
    assert all(divergence(bell(m, s), TEACHER) > best for m, s in ((1.8, 0.5), (2, 0.4), (2, 0.7), (0, 2.06)))


@pytest.mark.slow
def test_every_position_of_the_sliders_says_its_divergences():
    match = Match()
    frame = match.frames[2.0, 0.5]
    assert "at 2, 0.5 wide" in frame.said and "reverse KL 0.69" in frame.title
    assert max(frame.lines["student"]) == pytest.approx(1 / (0.5 * math.sqrt(2 * math.pi)), rel=1e-3)
    line = frame.lines["student"]
    assert line.index(max(line)) == match.state["axes"]["x"].index(2.0)
    assert match.text == match.frames[0.0, 1.0].said and "Forward KL" in match.still
