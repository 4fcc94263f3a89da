"""Train, prune, refine; and again, from the pruned network on.

Every round fits with penalties and prunes, and then refines the grid step by step, fitting without penalties; the next
round begins with what the pruning left. Deviations from pykan: arguments are checked before the first fit, and a loss
that is not a number is kept as it is.

Source: Liu et al. 2024, arXiv 2404.19756, sec. 2.5 and 3, for the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kan.common.errors import ArgumentError
from kan.models import KAN
from kan.training.record import named_metrics

if TYPE_CHECKING:
    import numpy as np


def runner1(
    width: Any,
    dataset: dict[str, Any],
    grids: Sequence[int] = (5, 10, 20),
    steps: int = 20,
    lamb: float = 0.001,
    prune_round: int = 3,
    refine_round: int = 3,
    edge_th: float = 1e-2,
    node_th: float = 1e-2,
    metrics: Sequence[Callable[[Any, Any], Any]] | None = None,
    seed: int = 1,
    *,
    ckpt_path: str | None = None,
    progress: bool = True,
) -> dict[str, np.ndarray[Any, Any]]:
    """Train, prune and refine in rounds, and return the results of every stage.

    Parameters
    ----------
    width : list
        As for `KAN`.
    dataset : dict
        With a test set.
    grids : sequence of int
        Grid intervals: of the network at the start, which are also the first refinement, and of the refinements after.
    steps : int
        Steps of every fit.
    lamb : float
        Weight of the penalties before pruning.
    prune_round, refine_round : int
        How many rounds, and how many refinements in each.
    edge_th, node_th : float
        As for `KAN.prune`.
    metrics : sequence of callables, optional
        ``metric(model, dataset)``, recorded under their names at every stage.
    seed : int
        Of the network.
    ckpt_path : str, optional
        A folder, into which every version is written; 'id' in the results says which. None keeps the numbers only.
    progress : bool
        Show progress bars.

    Returns
    -------
    dict of 1-D arrays
        'test_loss' (RMSE), 'c' (edges), 'G' (grid intervals), 'id' (version) and the metrics, one entry per stage.

    Raises
    ------
    ArgumentError
        For arguments that cannot be used, before anything is trained.
    StateError
        If pruning would leave nothing.

    Examples
    --------
    >>> from kan import create_dataset
    >>> from kan.experiment import runner1
    >>> dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2, train_num=100, test_num=50)
    >>> rounds = {"prune_round": 1, "refine_round": 2}
    >>> results = runner1([2, 3, 1], dataset, grids=[3, 5], steps=3, **rounds, progress=False)
    >>> results["G"].tolist(), results["id"].tolist()
    ([3, 3, 5], ['0.2', '0.4', '0.6'])
    """
    import numpy as np

    _check(dataset, grids=grids, prune_round=prune_round, refine_round=refine_round)
    named = named_metrics(metrics, taken=("test_loss", "c", "G", "id"))
    stages: list[dict[str, Any]] = []

    def collect(model: KAN) -> None:
        evaluation = model.evaluate(dataset)
        stage = {"test_loss": evaluation["test_loss"], "c": evaluation["n_edge"], "G": evaluation["n_grid"]}
        stage["id"] = f"{model.round}.{model.state_id}"
        stages.append({**stage, **{name: float(metric(model, dataset)) for name, metric in named.items()}})

    model = KAN(width=width, grid=grids[0], seed=seed, ckpt_path=ckpt_path)
    pruned = ""
    for number in range(prune_round):
        if number > 0:
            model = model.rewind(pruned)
        model.fit(dataset, steps=steps, lamb=lamb, progress=progress)
        model = model.prune(edge_th=edge_th, node_th=node_th)
        pruned = f"{model.round}.{model.state_id}"
        collect(model)
        for grid in grids[:refine_round]:
            model = model.refine(grid)
            model.fit(dataset, steps=steps, progress=progress)
            collect(model)
    return {name: np.array([stage[name] for stage in stages]) for name in stages[0]}


def _check(dataset: Any, *, grids: Sequence[int], prune_round: int, refine_round: int) -> None:
    """Raise an ArgumentError for arguments that make no run."""
    if prune_round < 1 or refine_round < 0:
        raise ArgumentError(
            f"`prune_round` must be at least 1 and `refine_round` at least 0; got {prune_round!r} and {refine_round!r}."
        )
    if len(grids) < max(refine_round, 1):
        raise ArgumentError(f"`grids` must hold a grid for each of the {refine_round} refinements; got {grids!r}.")
    if "test_input" not in dataset or "test_label" not in dataset:
        raise ArgumentError("`dataset` must hold 'test_input' and 'test_label', by which every stage is judged.")
