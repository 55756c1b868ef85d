"""The batched root searches: equations whose root is known, at the ends, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from meta.stats.numeric.roots import bracketed_root, newton_root

EPS = np.finfo(float).eps


def solve(equation, low, high, **options):
    return bracketed_root(equation, np.array(low, dtype=float), np.array(high, dtype=float), **options)


def test_solves_each_equation_of_a_batch_with_its_own_parameters():
    target = np.array([1e-6, 0.5, 2.0, 30.0])
    root, converged = solve(lambda t, i: target[i] - t**3, [0] * 4, [10] * 4)
    assert converged.all()
    assert np.cbrt(target) == pytest.approx(root, rel=8 * EPS)


def test_equations_leave_the_batch_as_they_are_solved():
    asked = []

    def equation(t, rows):
        assert t.shape == rows.shape
        asked.append(len(rows))
        return np.where(rows == 0, 0.5 - t, np.exp(-t) - 0.3)  # the first is solved at once

    root, converged = solve(equation, [0, 0], [1, 5])
    assert converged.all()
    assert root == pytest.approx([0.5, -np.log(0.3)], rel=8 * EPS)
    assert asked[-1] == 1


@pytest.mark.parametrize("root", [0.0, 1.0])
def test_an_end_that_is_the_root_is_found(root):
    found, converged = solve(lambda t, _: root - t, [0.0], [1.0])
    assert converged.all()
    assert found[0] == pytest.approx(root, abs=1e-300)


def test_a_bracket_without_width_is_its_own_root():
    found, converged = solve(lambda t, _: 2.0 - t, [2.0], [2.0])
    assert converged.all()
    assert found[0] == 2.0


def test_a_steep_and_a_flat_equation_are_solved_as_exactly():
    power = np.array([1 / 9, 1, 9])
    root, converged = solve(lambda t, i: np.sign(0.7 - t) * np.abs(0.7 - t) ** power[i], [0] * 3, [1e6] * 3)
    assert converged.all()
    assert root == pytest.approx(np.full(3, 0.7), rel=4 * EPS)


def test_too_few_iterations_are_reported():
    _, converged = solve(lambda t, _: np.exp(-t) - 1e-3, [0.0], [1e9], maxiter=3)
    assert not converged.any()


def test_an_empty_batch_is_an_empty_answer():
    root, converged = solve(lambda t, _: t, [], [])
    assert root.shape == converged.shape == (0,)


def newton(function, low, start, high, **options):
    """Solve value and slope without rounding error, the given target being the only data."""
    ends = (np.array(z, dtype=float) for z in (low, start, high))

    def equation(target, t):
        value, slope = function(target, t)
        return value, slope, np.zeros(len(t))

    return lambda target: newton_root(equation, (np.array(target, dtype=float),), *ends, **options)


def cubic(target, t):
    return target - t**3, -3 * t**2


def test_newton_solves_each_equation_of_a_batch():
    target = [1e-6, 0.5, 2.0, 30.0]
    root, converged = newton(cubic, [0] * 4, [1] * 4, [10] * 4)(target)
    assert converged.all()
    assert root == pytest.approx(np.cbrt(target), rel=4 * EPS)


def test_newton_is_kept_in_the_bracket():
    """The slope of arctan is too small far out: each step would go further to the other side."""
    root, converged = newton(lambda c, t: (-np.arctan(t - c), -1 / (1 + (t - c) ** 2)), [-9], [7], [9])([0.3])
    assert converged.all()
    assert root[0] == pytest.approx(0.3, rel=4 * EPS)


def test_newton_where_the_value_rises_at_first():
    """t - t^3 + c rises up to 0.58: there its tangent leads away from the root."""
    root, converged = newton(lambda c, t: (t - t**3 + c, 1 - 3 * t**2), [0] * 2, [0.1, 0.5], [3] * 2)(
        [0.1, 2.0]
    )
    assert converged.all()
    assert root - root**3 == pytest.approx([-0.1, -2.0], rel=1e-14)


@pytest.mark.parametrize(("level", "end"), [(-1.0, 0.0), (1e6, 5.0)])
def test_newton_ends_where_there_is_no_root_inside(level, end):
    for start in (0.0, 2.5, 5.0):
        root, converged = newton(cubic, [0], [start], [5])([level])
        assert converged.all()
        assert root[0] == end


def test_newton_stops_at_rounding_error():
    noise = np.random.default_rng(1)

    def equation(target, t):
        return (
            target - t + 1e-12 * noise.uniform(-1, 1, len(t)),
            np.full(len(t), -0.5),
            np.full(len(t), 1e-12),
        )

    root, converged = newton_root(equation, (np.array([1.0]),), np.zeros(1), np.zeros(1), np.full(1, 3.0))
    assert converged.all()
    assert root[0] == pytest.approx(1.0, abs=1e-11)


def test_newton_reports_too_few_iterations():
    _, converged = newton(lambda c, t: (np.exp(-t) - c, -np.exp(-t)), [0], [0], [1e3], maxiter=2)([1e-9])
    assert not converged.any()


def test_newton_without_equations():
    root, converged = newton(cubic, [], [], [])([])
    assert root.shape == converged.shape == (0,)
