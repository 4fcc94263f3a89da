"""What the examples of `science.py` have in common."""


def fit(model, dataset, **options):
    """Fit, and return the test loss at the end: the RMSE, unless a loss of its own is given."""
    return float(model.fit(dataset, **options)["test_loss"][-1])


def brief(formula, longest=60):
    """Return a formula as text, or how long it is."""
    text = str(formula)
    return text if len(text) < longest else f"{len(formula.as_ordered_terms())} terms"
