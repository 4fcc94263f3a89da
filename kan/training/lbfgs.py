"""Limited-memory BFGS, in the place of ``torch.optim.LBFGS`` and of pykan's own copy of it.

Implements algorithm 7.5 of Nocedal & Wright, *Numerical Optimization* (2nd edition, 2006), with the direction in
compact form (`kan.training.curvature`) and a strong Wolfe line search (`kan.training.line_search`). The constructor
and the meaning of its arguments are pykan's. What differs, and why:

- The optimiser's own work is a few small matrix products an iteration instead of a few hundred calls into torch;
  on a small KAN those calls took as long as the model.
- A loss or gradient that is not finite is never accepted. After a failed search the history is dropped and steepest
  descent is tried once; if that fails too, `stagnated` tells the training loop that it can stop.
- An exception in the closure, Ctrl-C included, leaves the parameters at the last accepted point.
- Thresholds on curvature are relative to the pair, so that losses of 1e-26 are as good as any.
- Nothing is seeded; pykan reset torch's global generator in every step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch

from kan.common.errors import ArgumentError, check_choice
from kan.training.curvature import DIRECTION, GRADIENT, STEP, CurvatureHistory, Matrix
from kan.training.flat_vectors import TensorVectors, flat_vectors, layout_of
from kan.training.line_search import SHRINK, StrongWolfeSearch, Trial

Closure = Callable[[], Any]

MAX_EVALUATIONS = 25
"""Closure evaluations of one line search."""


class LBFGS(torch.optim.Optimizer):
    """Limited-memory BFGS with an optional strong Wolfe line search.

    Parameters
    ----------
    params : iterable of torch.Tensor
        The parameters, real and floating; one group only.
    lr : float
        The step length, or the first one tried by the line search. While there is no history it is multiplied by
        ``min(1, 1 / sum(|gradient|))``.
    max_iter : int
        Iterations of one call of :meth:`step`.
    max_eval : int, optional
        No further iteration begins after this many closure evaluations in one call; ``max_iter * 5 // 4`` by default.
    tolerance_grad, tolerance_change : float
        A call ends when no gradient exceeds the first, or when no parameter or the loss changed by more than the
        second.
    tolerance_ys : float
        Pairs with a smaller curvature s'y are left out of the history.
    history_size : int
        The number of pairs that are remembered.
    line_search_fn : {'strong_wolfe', None}
        None takes steps of fixed length, whether or not the loss falls; unlike torch, the last one is evaluated too.

    Attributes
    ----------
    stagnated : bool
        Whether the last call of :meth:`step` ended because the loss could not be lowered any more.
    last_loss : float
        The loss at the parameters as they are (NaN before the first step).

    Raises
    ------
    ArgumentError
        For an unknown line search, several groups, complex parameters, or limits that are not positive.

    Examples
    --------
    >>> import torch
    >>> x = torch.nn.Parameter(torch.tensor([3.0, -1.0]))
    >>> optimizer = LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((x - torch.tensor([1.0, 2.0])) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> first_loss = optimizer.step(closure)
    >>> optimizer.last_loss < 1e-9
    True

    References
    ----------
    J. Nocedal and S. J. Wright, *Numerical Optimization*, 2nd edition, Springer 2006, chapters 3 and 7.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-07,
        tolerance_change: float = 1e-09,
        tolerance_ys: float = 1e-32,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_choice("line_search_fn", line_search_fn, (None, "strong_wolfe"))
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        limits = {"lr": lr, "max_iter": max_iter, "max_eval": max_eval, "history_size": history_size}
        for name, value in limits.items():
            if not value > 0:
                raise ArgumentError(f"`{name}` must be positive; got {value!r}.")
        defaults = {
            **limits,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "tolerance_ys": tolerance_ys,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add the only group of parameters; called by the constructor."""
        if self.param_groups:
            raise ArgumentError("LBFGS takes one group of parameters only; pass all parameters in one list.")
        super().add_param_group(param_group)
        for parameter in self.param_groups[0]["params"]:
            if not parameter.is_floating_point():
                raise ArgumentError(
                    f"LBFGS needs real floating-point parameters; got one of dtype {parameter.dtype}. "
                    "Split a complex parameter into its real and imaginary parts."
                )

    @property
    def stagnated(self) -> bool:
        """Whether the last step could not lower the loss any more."""
        return bool(self._record().get("stagnated", False))

    @property
    def last_loss(self) -> float:
        """The loss at the parameters as the last step left them."""
        return float(self._record().get("loss", math.nan))

    def reset_history(self) -> None:
        """Forget the curvature, for example after the parameters' meaning has changed."""
        if self._memory is not None:
            self._memory[1].reset()

    @torch.no_grad()
    def step(self, closure: Closure) -> Any:  # type: ignore[override]
        """Take up to `max_iter` iterations.

        Parameters
        ----------
        closure : callable
            Clears the gradients, computes the loss, calls ``backward`` and returns the loss.

        Returns
        -------
        torch.Tensor or float
            The loss before the step, as the closure returned it; `last_loss` is the one after it.
        """
        group = self.param_groups[0]
        vectors, history = self._prepare(group)
        record = self._record()
        run = _Run(closure, vectors, history, group, record)
        vectors.read_parameters()
        started = False
        try:
            first_loss = run.begin()
            started = True
            run.iterate()
        except BaseException:
            if started:
                vectors.return_to_point()
            if not run.in_closure:
                # Interrupted in the middle of its own update, the history may be inconsistent.
                history.reset()
            raise
        return first_loss

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain containers and tensors; the history is among it, in double precision."""
        result = super().state_dict()
        exported = self._export()
        if exported is not None:
            first = self.param_groups[0]["params"][0]
            index = next(iter(result["state"]), 0) if first in self.state else 0
            result["state"] = {**result["state"], index: {**result["state"].get(index, {}), "history": exported}}
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; one written by torch's LBFGS gives its options but no history."""
        known = ("func_evals", "n_iter", "loss", "stagnated")
        state = state_dict["state"]
        record = next(iter(state.values()), {})
        plain = {index: {key: values[key] for key in known if key in values} for index, values in state.items()}
        super().load_state_dict({**state_dict, "state": plain})
        group = self.param_groups[0]
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        self._memory = None
        self._import(record.get("history"))

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_exported": self._export()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        exported = state.pop("_exported", None)
        super().__setstate__(state)
        self._memory = None
        self._import(exported)

    _memory: tuple[TensorVectors, CurvatureHistory] | None = None

    def _record(self) -> dict[str, Any]:
        """Return the counters, which live where torch's LBFGS has them: in the first parameter's state."""
        record: dict[str, Any] = self.state[self.param_groups[0]["params"][0]]
        return record

    def _prepare(self, group: dict[str, Any]) -> tuple[TensorVectors, CurvatureHistory]:
        """Return vectors and history that fit the parameters as they are now."""
        parameters, limit = group["params"], group["history_size"]
        memory = self._memory
        if memory is None or memory[1].limit != limit or memory[0].layout != layout_of(parameters):
            memory = self._memory = flat_vectors(parameters), CurvatureHistory(limit)
        return memory

    def _export(self) -> dict[str, Any] | None:
        """Return the history as tensors and numbers, None where there is none."""
        if self._memory is None or not self._memory[1].count:
            return None
        vectors, history = self._memory
        numbers = history.export()
        tensors = {key: torch.from_numpy(numbers[key]) for key in ("inverse", "changes")}
        return {**numbers, **tensors, "pairs": vectors.export_pairs(history.count)}

    def _import(self, exported: dict[str, Any] | None) -> None:
        """Take over an exported history."""
        if exported is None:
            return
        vectors, history = self._prepare(self.param_groups[0])
        pairs = exported["pairs"]
        if pairs.shape[1] != vectors.size or exported["count"] > history.limit:
            raise ArgumentError(
                f"The state holds {exported['count']} pairs of {pairs.shape[1]} parameters; expected at most "
                f"{history.limit} pairs of {vectors.size}. Load it into the optimiser of the same model."
            )
        vectors.import_pairs(pairs)
        numbers = {key: exported[key].cpu().numpy() for key in ("inverse", "changes")}
        history.restore({**exported, **numbers})


class _Run:
    """One call of `LBFGS.step`."""

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
        if not (math.isfinite(self._loss) and math.isfinite(self._square)):
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
            raise ArgumentError("The closure must return the loss; it returned None.")
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
