"""Limited-memory BFGS, in the place of ``torch.optim.LBFGS`` and of pykan's own copy of it.

Implements algorithm 7.5 of Nocedal & Wright, *Numerical Optimization* (2nd edition, 2006): the iterations are in
`kan.training.descent`, the direction in compact form in `kan.training.curvature`, the strong Wolfe line search in
`kan.training.line_search`. Here are the options and what outlives a call. The constructor and the meaning of its
arguments are pykan's. What differs, and why:

- The optimiser's own work is a few small matrix products an iteration instead of a few hundred calls into torch;
  on a small KAN those calls took as long as the model.
- A loss or gradient that is not finite is never accepted. After a failed search the history is dropped and steepest
  descent is tried once; if that fails too, `stagnated` tells the training loop that it can stop.
- An exception in the closure, Ctrl-C included, leaves the parameters at the last accepted point.
- Thresholds on curvature are relative to the pair, so that losses of 1e-26 are as good as any.
- Nothing is seeded; pykan reset torch's global generator in every step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from kan.common.errors import ArgumentError, check_choice, check_positive, check_whole
from kan.training.curvature import CurvatureHistory
from kan.training.descent import Closure, Descent
from kan.training.flat_vectors import TensorVectors, flat_vectors, layout_of
from kan.training.one_group import OneGroupOptimiser


class LBFGS(OneGroupOptimiser):
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
        How many pairs are kept.
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
        counts = {"max_iter": max_iter, "max_eval": max_eval, "history_size": history_size}
        limits = {
            "lr": check_positive("lr", lr),
            **{name: check_whole(name, value, 1) for name, value in counts.items()},
        }
        defaults = {
            **limits,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "tolerance_ys": tolerance_ys,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)

    def reset_history(self) -> None:
        """Forget the curvature, for example after the meaning of the parameters has changed."""
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

        Examples
        --------
        >>> import torch
        >>> from kan import LBFGS
        >>> x = torch.nn.Parameter(torch.tensor([3.0]))
        >>> optimizer = LBFGS([x], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (x**2 - 4).square().sum()
        ...     loss.backward()
        ...     return loss
        >>> optimizer.step(closure).item()
        25.0
        >>> round(x.item(), 4)
        2.0
        """
        group = self.param_groups[0]
        vectors, history = self._prepare(group)
        run = Descent(closure, vectors, history, group, self.state[self._first])
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
        """Return the state as plain containers and tensors, including the history, in double precision."""
        result = super().state_dict()
        exported = self._export()
        if exported is not None:
            # torch numbers the parameters from 0, in the order of the group.
            result["state"] = {**result["state"], 0: {**result["state"].get(0, {}), "history": exported}}
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a state; one written by torch's LBFGS gives its options but no history."""
        known = ("func_evals", "n_iter", "loss", "stagnated")
        state = state_dict["state"]
        record: dict[str, Any] = next(iter(state.values()), {})
        exported = record.get("history")
        self._check_fit(exported, state_dict["param_groups"][0])
        plain = {index: {key: values[key] for key in known if key in values} for index, values in state.items()}
        super().load_state_dict({**state_dict, "state": plain})
        group = self.param_groups[0]
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        self._memory = None
        self._import(exported)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_exported": self._export()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        exported = state.pop("_exported", None)
        super().__setstate__(state)
        self._memory = None
        self._import(exported)

    _memory: tuple[TensorVectors, CurvatureHistory] | None = None

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
        vectors.import_pairs(exported["pairs"])
        numbers = {key: exported[key].cpu().numpy() for key in ("inverse", "changes")}
        history.restore({**exported, **numbers})

    def _check_fit(self, exported: dict[str, Any] | None, group: dict[str, Any]) -> None:
        """Refuse a history of other parameters before anything is changed."""
        size = sum(parameter.numel() for parameter in self.param_groups[0]["params"])
        limit = group.get("history_size", self.defaults["history_size"])
        if exported is not None and (exported["pairs"].shape[1] != size or exported["count"] > limit):
            raise ArgumentError(
                f"the state holds {exported['count']} pairs of {exported['pairs'].shape[1]} parameters; expected at "
                f"most {limit} pairs of {size}. Load it into the optimiser of the same model."
            )
