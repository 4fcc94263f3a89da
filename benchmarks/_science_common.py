"""What the examples of `science.py` have in common."""

import math
from statistics import median_high

import kan

# The seeds of examples whose figures depend on the start.
SEEDS = range(8)

# Whether this is not pykan.
HERE = hasattr(kan, "LevenbergMarquardt")


def fit(model, dataset, **options):
    """Fit, and return the test loss at the end: the RMSE, unless a loss of its own is given."""
    return float(model.fit(dataset, **options)["test_loss"][-1])


def over_seeds(name, errors, *, drawn="seeds"):
    """Return the least and the median of what several seeds, or draws of the data, lead to.

    A seed draws other numbers in every version of a library: of a start that somebody else drew there is only a spread.
    """
    errors = [math.inf if math.isnan(error) else error for error in errors]
    of_all = f"of {len(errors)} {drawn}"
    return {f"{name}, least {of_all}": f"{min(errors):.2e}", f"{name}, median {of_all}": f"{median_high(errors):.2e}"}


def both_optimisers(prefix, dataset):
    """Fit five sums of two inputs with a penalty, by L-BFGS and, where there is it, by Levenberg-Marquardt."""
    figures = {}
    for optimiser, name in {"LBFGS": "", **({"LM": "LM, "} if HERE else {})}.items():
        models = (kan.KAN(width=[2, 5, 1], seed=seed) for seed in SEEDS)
        errors = [fit(model, dataset, opt=optimiser, steps=20, lamb=1e-3) for model in models]
        figures.update(over_seeds(f"{prefix}{name}test RMSE", errors))
    return figures


def attempt(run, *arguments, failed):
    """Return what a run returns, or `failed` where pykan breaks off, as its L-BFGS does when it meets NaN."""
    try:
        return run(*arguments)
    except Exception:
        if HERE:
            raise
        return failed


def brief(formula, longest=60):
    """Return a formula as text, or how long it is."""
    text = str(formula)
    return text if len(text) < longest else f"{len(formula.as_ordered_terms())} terms"
