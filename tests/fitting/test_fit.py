"""The model that loses least, beside closed forms, scipy's fits and brute force; and what a fit says of itself."""

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import streamkl
from streamkl.errors import InputError
from streamkl.fitting.cells import cut
from streamkl.fitting.families import FAMILIES
from streamkl.fitting.optimum import best, lost

TEETH, WORMS = range(11), [4, 1, 1, 8, 17, 16, 17, 12, 12, 7, 5]
N = 2_000

# A law, and draws from it.
TRUTHS: dict[str, Callable[[np.random.Generator], Any]] = {
    "uniform": lambda rng: rng.uniform(-3, 5, N),
    "exponential": lambda rng: rng.exponential(3, N),
    "normal": lambda rng: rng.normal(100, 5, N),
    "lognormal": lambda rng: rng.lognormal(1, 0.6, N),
    "gamma": lambda rng: rng.gamma(3, 2, N),
    "mixture": lambda rng: np.r_[rng.normal(0, 1, N // 2), rng.normal(5, 2, N // 2)],
    "poisson": lambda rng: rng.poisson(3, N),
    "binomial": lambda rng: rng.binomial(10, 0.3, N),
    "geometric": lambda rng: rng.geometric(0.3, N) - 1,
    "negative-binomial": lambda rng: rng.negative_binomial(3, 0.4, N),
}

# --- the minimum ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "expected"), [("binomial", 0.57), ("poisson", 5.7), ("geometric", 1 / 6.7), ("step", 0.53)])
def test_the_minimum_in_closed_form_is_what_a_search_and_a_grid_find(model: str, expected: float) -> None:
    cells = cut(list(TEETH), WORMS, "auto", None)
    family, ends = FAMILIES[model], (0.0, 10.0)
    (known,), (searched,) = best(family, cells, ends), best(family, cells, ends, search=True)
    assert known == pytest.approx(expected, rel=1e-12)
    assert searched == pytest.approx(expected, abs=1e-6)
    grid = np.linspace(0.001, 0.999, 999) * (1 if expected < 1 else 10)
    losses = [lost(family, cells, ends, [each]) for each in grid]
    assert grid[int(np.argmin(losses))] == pytest.approx(expected, abs=grid[1] - grid[0])
    assert min(losses) >= lost(family, cells, ends, [known])


@settings(max_examples=30)
@given(st.lists(st.integers(0, 12), min_size=2, max_size=80).filter(lambda values: len(set(values)) > 1))
def test_the_best_binomial_has_the_mean_of_the_data(values: list[int]) -> None:
    fit = streamkl.fit(values, models="binomial", range=(0, 12), kind="discrete")["binomial"]
    assert fit.parameters["p"] == pytest.approx(sum(values) / len(values) / 12)
    assert fit.parameters["trials"] == 12
    nats = -np.mean(stats.binom.logpmf(values, 12, fit.parameters["p"]))
    assert fit.cross_entropy_nats == pytest.approx(nats, rel=1e-9)


@pytest.mark.parametrize(
    ("model", "law", "given_"),
    [
        ("normal", lambda p: stats.norm(p["mean"], p["sd"]), {}),
        ("lognormal", lambda p: stats.lognorm(p["sigma"], scale=p["median"]), {"floc": 0}),
        ("gamma", lambda p: stats.gamma(p["shape"], scale=p["scale"]), {"floc": 0}),
        ("exponential", lambda p: stats.expon(scale=p["mean"]), {"floc": 0}),
    ],
)
def test_the_search_over_cells_is_a_minimum_near_the_fit_by_maximum_likelihood(model: str, law: Any, given_: dict[str, float]) -> None:
    values = TRUTHS[model](np.random.default_rng(5))
    report = streamkl.fit(values, models=[model])
    fit = report[model]
    edges = np.array([-np.inf, *(cell.high for cell in report.cells[:-1]), np.inf])
    shares = np.array([cell.share for cell in report.cells])
    np.testing.assert_allclose(shares, np.histogram(values, edges)[0] / N)

    def kl(parameters: dict[str, float]) -> float:
        return float(stats.entropy(shares, np.diff(law(parameters).cdf(edges))))

    assert fit.kl_nats == pytest.approx(kl(fit.parameters), rel=1e-6)
    np.testing.assert_allclose(fit.shares, np.diff(law(fit.parameters).cdf(edges)), rtol=1e-8)
    for name in fit.parameters:
        for factor in (0.99, 1.01):
            assert kl(fit.parameters | {name: fit.parameters[name] * factor}) > fit.kl_nats
    likely = law(fit.parameters).dist.fit(values, **given_)
    # Both lose about the same of the raw values; more than 1/n would be more than the difference of half a parameter.
    ours, theirs = (-np.mean(frozen.logpdf(values)) for frozen in (law(fit.parameters), law(fit.parameters).dist(*likely)))
    assert theirs <= ours < theirs + 1 / N


def test_a_model_of_continuous_values_gives_a_number_its_unit() -> None:
    fit = streamkl.fit(list(TEETH), WORMS, models="normal,exponential,gamma,lognormal")
    shares = np.array(WORMS) / 100
    for model, law in (
        ("normal", lambda p: stats.norm(p["mean"], p["sd"])),
        ("exponential", lambda p: stats.expon(scale=p["mean"])),
        ("gamma", lambda p: stats.gamma(p["shape"], scale=p["scale"])),
        ("lognormal", lambda p: stats.lognorm(p["sigma"], scale=p["median"])),
    ):
        frozen = law(fit[model].parameters)
        masses = frozen.cdf(np.arange(11) + 0.5) - frozen.cdf(np.arange(11) - 0.5)
        assert fit[model].kl_nats == pytest.approx(float(np.sum(shares * np.log(shares / masses))), rel=1e-8)


@pytest.mark.parametrize("truth", TRUTHS)
def test_draws_of_a_law_are_fitted_best_by_it_and_do_not_contradict_it(truth: str) -> None:
    values = TRUTHS[truth](np.random.default_rng(11))
    models = [name for name in FAMILIES if name != "step" and (truth not in ("uniform", "normal", "mixture") or not FAMILIES[name].whole)]
    report = streamkl.fit(values, models=models, range=(0, 10) if truth == "binomial" else None)
    assert report.best is not None
    assert report.best.model == truth
    assert report.best.p_value > 0.001


def test_the_p_value_is_that_of_groups_of_five_values() -> None:
    fit = streamkl.fit(list(TEETH), WORMS, models="binomial,normal,step,uniform", range=(0, 10))
    # 0..2 together are the first six, of which 0 and 1 are five already; 2 goes with 3.
    held = np.array([5, 9, 17, 16, 17, 12, 12, 7, 5])
    edges = np.array([1, 3, 4, 5, 6, 7, 8, 9])
    numbers = np.array([2, 2, 1, 1, 1, 1, 1, 1, 1])  # in each group; 4 and 5 are the last below the step
    masses = {
        "binomial": np.diff(stats.binom.cdf([-1, *edges, 10], 10, 0.57)),
        "normal": np.diff(stats.norm.cdf([-np.inf, *(edges + 0.5), np.inf], *fit["normal"].parameters.values())),
        "uniform": numbers / 11,
        "step": np.r_[numbers[:4] * 0.47 / 6, numbers[4:] * 0.53 / 5],
    }
    for model, expected in masses.items():
        statistic = 2 * np.sum(held * np.log(held / (100 * expected)))
        assert fit[model].p_value == pytest.approx(stats.chi2.sf(statistic, 8 - fit[model].free_parameters), rel=1e-6)


@pytest.mark.parametrize(("truth", "size"), [("geometric", 60), ("negative-binomial", 200), ("normal", 60), ("gamma", 1_000)])
def test_a_true_model_has_p_values_that_are_about_even(truth: str, size: int) -> None:
    values = [streamkl.fit(TRUTHS[truth](np.random.default_rng(seed))[:size], models=[truth])[truth].p_value for seed in range(100)]
    # A hundred even draws are further than 0.16 from even once in a hundred times; the law of the p-values is only about even.
    assert stats.kstest(values, "uniform").statistic < 0.2
    assert sum(value < 0.01 for value in values) <= 5


def test_a_mixture_loses_less_than_its_component_and_does_not_win_by_that() -> None:
    wins = 0
    for seed in range(5):
        report = streamkl.fit(np.random.default_rng(seed).normal(3, 2, 300), models="normal,mixture")
        assert report["mixture"].kl_nats <= report["normal"].kl_nats + 1e-9
        wins += report.models[0].model == "mixture"
    assert wins == 0


def test_an_outlier_is_rare_and_not_impossible() -> None:
    values = np.r_[np.repeat(np.arange(5), 20), 4_000, 4_000]
    for fit in streamkl.fit(values, models="normal,gamma,exponential,poisson,lognormal,mixture").models:
        assert fit.impossible is None
        assert math.isfinite(fit.kl_nats)


# --- what the figures mean -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [TRUTHS["poisson"](np.random.default_rng(3)), TRUTHS["gamma"](np.random.default_rng(3))])
def test_the_figures_hang_together(values: Any) -> None:
    report = streamkl.fit(values)
    shares = [cell.share for cell in report.cells]
    assert report.values == len(values)
    assert report.distinct == len(set(values.tolist()))
    assert report.entropy_nats == pytest.approx(stats.entropy(shares))
    assert report.entropy_bits == pytest.approx(stats.entropy(shares, base=2))
    possible = [fit for fit in report.models if fit.impossible is None]
    assert len(possible) >= 6
    assert [fit.description_nats for fit in possible] == sorted(fit.description_nats for fit in possible)
    for fit in possible:
        rest = max(1 - sum(fit.shares), 0.0)
        assert fit.kl_nats == pytest.approx(streamkl.kl_divergence([*shares, 0.0], [*fit.shares, rest]), rel=1e-6)
        assert fit.kl_bits == pytest.approx(fit.kl_nats / math.log(2))
        assert fit.cross_entropy_nats == pytest.approx(report.entropy_nats + fit.kl_nats)
        assert fit.cross_entropy_bits == pytest.approx(report.entropy_bits + fit.kl_bits)
        assert fit.aic_nats == pytest.approx(fit.kl_nats + fit.free_parameters / len(values))
        assert fit.description_nats == pytest.approx(fit.kl_nats + fit.free_parameters * math.log(len(values)) / 2 / len(values))
        if fit.curve is not None:
            assert min(fit.curve.nats) == pytest.approx(fit.kl_nats, abs=1e-9)
            assert fit.curve.at[int(np.argmin(fit.curve.nats))] == fit.parameters[fit.curve.parameter]
            assert fit.curve.parameter in fit.parameters


def test_ends_that_are_known_are_no_parameters() -> None:
    free, known = (streamkl.fit(list(TEETH), WORMS, models="uniform,binomial,step", range=ends) for ends in (None, (0, 10)))
    assert {fit.model: fit.free_parameters for fit in free.models} == {"uniform": 2, "binomial": 2, "step": 3}
    assert {fit.model: fit.free_parameters for fit in known.models} == {"uniform": 0, "binomial": 1, "step": 1}
    wide = streamkl.fit([1, 1, 2, 2], models="uniform", range=(1, 4))["uniform"]
    assert wide.kl_bits == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("kind", "values", "p", "half"),
    [
        ("discrete", [0, 0, 1, 1, 2], 0, (0, 4)),
        ("discrete", [7, 7, 8, 8, 9], 1, (5, 9)),
        ("continuous", [0, 0.5, 1, 1, 2], 0, (0, 4.5)),
        ("continuous", [7, 7, 8, 8.5, 9], 1, (4.5, 9)),
    ],
)
def test_a_step_with_one_half_empty_is_uniform_on_the_other(kind: Any, values: list[float], p: float, half: tuple[float, float]) -> None:
    fit = streamkl.fit(values, models="step", range=(0, 9), kind=kind)["step"]
    assert fit.parameters["p"] == pytest.approx(p, abs=1e-6)
    assert fit.kl_nats == pytest.approx(streamkl.fit(values, models="uniform", range=half, kind=kind)["uniform"].kl_nats, abs=1e-6)


def test_as_many_parameters_as_cells_say_nothing() -> None:
    assert streamkl.fit([0, 0, 1, 1, 2], models="mixture")["mixture"].p_value is None


def test_what_a_model_calls_impossible_is_said_in_words() -> None:
    report = streamkl.fit([-2, -1, -1, -2, 0, 0, 0, 7, 7], models="poisson,lognormal,binomial,normal,uniform", range=(-2, 5))
    assert report.models[0].model == "normal"
    assert report["poisson"].kl_nats == math.inf
    assert report["poisson"].parameters == {}
    assert report["poisson"].curve is None
    assert report["poisson"].impossible == "gives no probability to 4 of 9 values (-2 … -1), so its KL is infinite"
    assert report["lognormal"].impossible == "gives no probability to 4 of 9 values (-2 … -1), so its KL is infinite"
    assert report["binomial"].impossible == "gives no probability to 6 of 9 values (-2 … 7), so its KL is infinite"
    assert report["uniform"].impossible == "gives no probability to 2 of 9 values (7), so its KL is infinite"
    assert streamkl.fit([-1, -1, 3, 3], models="poisson").best is None
    assert streamkl.fit([0.0, 0.5, 1.5], models="lognormal")["lognormal"].impossible.startswith("gives no probability to 1 of 3 values (0)")
    assert streamkl.fit([0.0, 0.5, 1.5], models="exponential")["exponential"].impossible is None
    assert "whole numbers" in streamkl.fit([0.1, 0.2, 0.3], models="poisson")["poisson"].impossible
    assert "kind discrete would" in streamkl.fit([1, 2, 3], models="poisson")["poisson"].impossible


# --- data -----------------------------------------------------------------------------------------------------------

COUNTED = st.dictionaries(st.integers(-20, 20), st.integers(1, 9), min_size=2, max_size=12)


@given(COUNTED, st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_counts_are_the_same_as_values_that_often_in_any_order(counted: dict[int, int], order: Any) -> None:
    values = [value for value, often in counted.items() for _ in range(often)]
    order.shuffle(values)
    models = ("uniform", "normal", "poisson")
    assert streamkl.fit(list(counted), list(counted.values()), models=models) == streamkl.fit(values, models=models)


@given(
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: x if abs(x) > 1e-9 else 0.0), min_size=2, max_size=200).filter(
        lambda values: len(set(values)) > 1
    ),
    st.integers(2, 50),
)
def test_every_cell_holds_values_and_they_are_counted_where_they_lie(values: list[float], cells: int) -> None:
    data = cut(values, None, "continuous", cells)
    assert len(data.share) <= cells
    assert (data.low[0], data.high[-1]) == (-math.inf, math.inf)
    assert data.low[1:].tolist() == data.high[:-1].tolist()
    assert (data.share > 0).all()
    held = [
        sum(low < value <= high or value == low == -math.inf for value in values) for low, high in zip(data.low, data.high, strict=True)
    ]
    near = [abs(a - b) for a, b in zip(np.array(held), data.share * len(values), strict=True)]
    # Where neighbours are next to one another as doubles, half-way is one of them.
    assert sum(near) < 1e-6 or any(edge in values for edge in data.high.tolist())


def test_cells_hold_about_equally_many() -> None:
    values = np.random.default_rng(1).normal(size=1_000)
    assert [round(cell.share * 1_000) for cell in streamkl.fit(values, models="normal", cells=8).cells] == [125] * 8
    assert len(streamkl.fit(values, models="normal").cells) == round(2 * 1_000**0.4)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 1, 2, 3], "discrete"),
        ([1, 2, 3, 4, 5, 5], "continuous"),
        ([1.5, 1.5, 2, 2], "continuous"),
        ([True, False, True, False], "discrete"),
    ],
)
def test_whole_numbers_that_repeat_are_discrete(values: list[float], kind: str) -> None:
    assert streamkl.fit(values, models="uniform").kind == kind
    assert streamkl.fit(values, models="uniform", kind="continuous").kind == "continuous"


def test_another_unit_changes_the_parameters_and_not_the_loss() -> None:
    values = np.random.default_rng(2).gamma(2, 1, 500)
    one, other = streamkl.fit(values), streamkl.fit(values * 1e6)
    for fit in one.models:
        assert other[fit.model].kl_nats == pytest.approx(fit.kl_nats, rel=1e-4)
    assert other["gamma"].parameters["scale"] == pytest.approx(1e6 * one["gamma"].parameters["scale"], rel=1e-4)
    assert streamkl.fit(values) == one


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([],), {}, r"^values must be a list of at least one number, but has the shape \(0,\)"),
        (([[1, 2]],), {}, r"^values must be a list of at least one number, but has the shape \(1, 2\)"),
        ((["a", "b"],), {}, r"^values must hold plain numbers in rows of equal length: got <U1"),
        (([1, math.nan],), {}, r"^values must be finite, but values\[1\] is nan: drop or fill"),
        (([3, 3, 3],), {}, r"^values must differ, but each of the 3 is 3"),
        (([1e200, 1],), {}, r"^values must lie within ±1e\+100"),
        (([1e-150, 2e-150],), {}, r"further apart than 1e-100"),
        (([1, 2], [1]), {}, r"^counts must be as many as values \(2\), but are 1"),
        (([1, 2], [1, 0.5]), {}, r"^counts must be whole numbers of 0 or more, but one is 0.5"),
        (([1, 2], [1, -1]), {}, r"^counts must be whole numbers of 0 or more, but one is -1"),
        (([1, 2], [0, 0]), {}, r"^counts must not all be 0"),
        (([1, 2],), {"models": "gausian"}, r"^models: there is no 'gausian'; choose from uniform, step, binomial"),
        (([1, 2],), {"models": []}, r"^models must name at least one"),
        (([1, 2],), {"kind": "ordinal"}, r"^kind must be one of auto, discrete, continuous, not 'ordinal'"),
        (([1, 2.5],), {"kind": "discrete"}, r"^values must be whole numbers to be discrete, but one is 2.5"),
        (([1, 2],), {"cells": 1}, r"^cells must be between 2 and 1000, not 1"),
        (([1, 1, 2, 2],), {"cells": 5}, r"^cells has no effect on discrete values"),
        (([1, 2],), {"range": (3, 1)}, r"^range must be a lower and a higher number, not 3 and 1"),
        (([1, 2],), {"range": 7}, r"^range must be two numbers"),
        (([1, 1, 2, 2],), {"range": (0.5, 3)}, r"^range must be whole numbers for discrete values, not 0.5 and 3"),
    ],
)
def test_a_mistake_is_named_with_its_fix(arguments: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        streamkl.fit(*arguments, **options)


def test_without_scipy_it_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['scipy'] = None; from streamkl.cli import main; sys.argv[1:] = ['fit', 'docs/space-worms.csv']; main()"
    )
    done = subprocess.run([sys.executable, "-c", script + "\n"], capture_output=True, text=True, input="1\n2\n", check=False)
    assert done.returncode == 2  # two columns: said first
    script = script.replace("docs/space-worms.csv", "-")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, input="1\n2\n", check=False)
    assert (done.returncode, done.stderr) == (1, "error: fit needs scipy, which is an extra: pip install 'streamkl[fit]'\n")
