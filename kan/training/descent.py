"""The iterations of L-BFGS: choose a direction, search along it, learn from the step.

Algorithm 7.5 of Nocedal & Wright, *Numerical Optimization* (2nd edition, 2006), with a fallback to steepest descent.
`kan.training.lbfgs` is the optimiser that runs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from kan.common.errors import ArgumentError
from kan.training.curvature import DIRECTION, GRADIENT, STEP, CurvatureHistory, Matrix
from kan.training.flat_vectors import TensorVectors
from kan.training.line_search import SHRINK, StrongWolfeSearch, Trial

Closure = Callable[[], Any]

MAX_EVALUATIONS = 25
"""Closure evaluations of one line search."""


class Descent:
    """The iterations of one call of `LBFGS.step`.

    Parameters
    ----------
    closure : callable
        Sets the gradients and returns the loss.
    vectors, history : TensorVectors, CurvatureHistory
        What the optimiser keeps between calls.
    group : dict
        The options.
    record : dict
        The counters, the final loss and `stagnated` are written here.

    Attributes
    ----------
    in_closure : bool
        Whether the closure is running, or was when an exception ended the call.
    """

    def __init__(
        self,
        closure: Closure,
        vectors: TensorVectors,
        history: CurvatureHistory,
        group: dict[str, Any],
        record: dict[str, Any],
    ) -> None:
        self.in_closure = False
        self._closure = closure
        self._vectors = vectors
        self._history = history
        self._group = group
        self._record = record
        self._evaluations = 0
        record.setdefault("func_evals", 0)
        record.setdefault("n_iter", 0)

    def begin(self) -> Any:
        """Evaluate the closure where the parameters are, and return its loss."""
        first_loss, loss, products = self._evaluate()
        self._loss = loss
        self._square = float(products[GRADIENT, 2])
        self._vectors.start()
        self._history.see_gradient(products)
        # A closure that returns a plain number has computed it in double precision.
        dtype = first_loss.dtype if isinstance(first_loss, torch.Tensor) else torch.float64
        self._resolution = torch.finfo(dtype if dtype.is_floating_point else torch.float64).eps
        self._record["loss"] = loss
        return first_loss

    def iterate(self) -> None:
        """Iterate until a limit or a tolerance is reached, or until the loss cannot be lowered."""
        self._record["stagnated"] = not self._lower_loss()

    def _lower_loss(self) -> bool:
        """Iterate; return False if nothing was gained or if the last search failed."""
        group, record = self._group, self._record
        search = self._search if group["line_search_fn"] else self._fixed_step
        lowered = False
        # A schedule may have set the step length to zero.
        if not (group["lr"] > 0 and math.isfinite(self._loss) and math.isfinite(self._square)):
            return False
        for _ in range(group["max_iter"]):
            if self._square == 0.0 or self._below(self._square, group["tolerance_grad"], GRADIENT):
                break
            record["n_iter"] += 1
            trial = self._descend(search)
            if trial is None:
                return False
            # Steps of fixed length may raise the loss on their way; they stagnate only where they cannot move.
            lowered = lowered or trial.loss < self._loss or not group["line_search_fn"]
            change = abs(trial.loss - self._loss)
            self._loss = record["loss"] = trial.loss
            if change < group["tolerance_change"] or self._below(self._moved, group["tolerance_change"], STEP):
                break
            if self._evaluations >= group["max_eval"]:
                break
        return lowered

    def _descend(self, search: Callable[[float, float], Trial | None]) -> Trial | None:
        """Take one iteration: along the quasi-Newton direction or else along the negative gradient."""
        lr, history = float(self._group["lr"]), self._history
        if history.count:
            coefficients, slope = history.direction()
            if -math.inf < slope < 0.0:
                self._vectors.combine(coefficients)
                trial = search(lr, slope)
                if trial is not None:
                    return self._accept(trial)
                self._vectors.return_to_point()
            history.reset()
        total = self._vectors.steepest_descent()
        trial = search(lr * min(1.0, 1.0 / total), -self._square)
        if trial is not None:
            return self._accept(trial)
        self._vectors.return_to_point()
        return None

    def _search(self, first_step: float, slope: float) -> Trial | None:
        """Look for a step that satisfies the strong Wolfe conditions."""
        search = StrongWolfeSearch(
            self._try,
            self._keep,
            Trial(0.0, self._loss, slope),
            max_evaluations=MAX_EVALUATIONS,
            resolution=self._resolution,
        )
        return search.run(first_step)

    def _fixed_step(self, step: float, _slope: float) -> Trial | None:
        """Take the step as it is, or a shorter one if the loss is not finite there."""
        for _ in range(MAX_EVALUATIONS):
            trial = self._try(step)
            if trial.loss < math.inf:
                return trial
            step *= SHRINK
        return None

    def _try(self, step: float) -> Trial:
        """Evaluate the closure at a step along the direction."""
        self._vectors.move(step)
        _, loss, products = self._evaluate()
        slope = float(products[DIRECTION, 2])
        # The gradient's square is finite only if all of the gradient is.
        if not (math.isfinite(loss) and math.isfinite(slope) and math.isfinite(products[GRADIENT, 2])):
            loss, slope = math.inf, math.nan
        self._last = Trial(step, loss, slope)
        self._products = products
        return self._last

    def _evaluate(self) -> tuple[Any, float, Matrix]:
        """Call the closure; return its loss, the loss as a number and the inner products."""
        self._evaluations += 1
        self._record["func_evals"] += 1
        self.in_closure = True
        with torch.enable_grad():
            loss = self._closure()
        if loss is None:
            raise ArgumentError("the closure must return the loss; it returned None.")
        self.in_closure = False
        self._vectors.read_gradients()
        number, products = self._vectors.measure(loss, self._history.count)
        return loss, number, products

    def _keep(self, _trial: Trial) -> None:
        """Store the trial just evaluated, for the case that the search comes back to it."""
        self._kept_products = self._products
        self._vectors.keep()

    def _accept(self, trial: Trial) -> Trial:
        """Make the trial's point the current one and learn from its pair."""
        vectors, history = self._vectors, self._history
        if trial is not self._last:
            vectors.go_to_kept()
            self._products = self._kept_products
        products = self._products
        history.see_gradient(products)
        added = history.add(products, smallest=self._group["tolerance_ys"])
        if added is not None:
            slot, scale = added
            if slot >= vectors.capacity:
                vectors.reserve(min(max(2 * slot, 8), history.limit))
            vectors.store_pair(slot, scale)
        self._square = float(products[GRADIENT, 2])
        self._moved = float(products[STEP, 0])
        vectors.accept()
        return trial

    def _below(self, square: float, tolerance: float, row: int) -> bool:
        """Tell whether no entry of a row of the table exceeds the tolerance, given the row's sum of squares."""
        # The Euclidean norm decides nearly always, and is here already.
        if math.sqrt(square) <= tolerance:
            return True
        return math.sqrt(square / self._vectors.size) <= tolerance and self._vectors.largest(row) <= tolerance
