"""The model of inflation: densities that sum to one, offsets that are drawn to zero, bounded likelihoods."""

from __future__ import annotations

import numpy as np
import pytest

from residency.evaluate.inflation import Inflation, learn_inflation, log_likelihood, pairs_of

APART = np.array([100.0, 500.0, 1_500.0, 4_000.0])


def times(factor: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return APART / 99.930819 * factor


def learned(count: int = 30) -> Inflation:
    return learn_inflation(pairs_of(rows(count)), np.ones(count, bool))


def rows(count: int = 30) -> list[tuple[tuple[str, ...], np.ndarray, np.ndarray]]:
    return [(("fast", "mid", "mid", "slow"), APART, times(1.8) * np.array([0.7, 1, 1, 2.0])) for _ in range(count)]


def test_densities_sum_to_one_where_there_are_pairs() -> None:
    model = learned()
    width = 5.2 / model.log_density.shape[1]
    sums = np.exp(model.log_density).sum(axis=1) * width
    with_pairs, without = sums[[1, 3, 5, 7]], sums[[0, 2, 4, 6, 8, 9]]
    assert with_pairs == pytest.approx(1.0 + 0.02 * 5.2, abs=0.02)  # the floor adds at most itself everywhere
    assert without == pytest.approx(0.02 * 5.2)


def test_the_place_that_fits_is_the_likeliest() -> None:
    model = learned()
    distances = np.array([[150.0, 500.0, 5_000.0]])
    found = log_likelihood(model, ("mid",), distances, np.array([500 / 99.930819 * 1.8]))
    assert found.argmax() == 1


def test_one_odd_time_is_bounded() -> None:
    model = learned()
    worst = log_likelihood(model, ("mid",), np.array([[20.0, 500.0]]), np.array([4_000.0]))
    assert (worst >= np.log(0.02) - 1e-9).all()


def test_without_pairs_every_place_is_equally_likely() -> None:
    model = learn_inflation(pairs_of([]), np.ones(0, bool))
    found = log_likelihood(model, ("new",), np.array([[10.0, 900.0]]), np.array([20.0]))
    assert found[0] == pytest.approx(found[1])
    assert model.offsets == {}


def test_offsets_are_drawn_to_zero_by_few_pairs() -> None:
    few, many = learned(2).offsets, learned(60).offsets
    assert set(few) == {"fast", "mid", "slow"}
    for name in few:
        assert abs(few[name]) <= abs(many[name]) + 1e-9
