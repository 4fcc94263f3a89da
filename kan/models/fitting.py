"""Training: `fit`, its old name `train`, and the penalties."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Tensor, nn

from kan.common.errors import ArgumentError, check_whole
from kan.models.observed import Observed
from kan.models.versions import Versions
from kan.training import Expectation, GridSchedule, StartSearch, StopRule, Training, penalty

if TYPE_CHECKING:
    from kan.training.record import Results

Self = TypeVar("Self", bound="Fitting")


class Fitting(Observed, Versions):
    """The part of a model that learns."""

    def fit(
        self,
        dataset: Any,
        opt: str = "LBFGS",
        steps: int = 100,
        log: int = 1,
        lamb: float = 0.0,
        lamb_l1: float = 1.0,
        lamb_entropy: float = 2.0,
        lamb_coef: float = 0.0,
        lamb_coefdiff: float = 0.0,
        update_grid: bool = True,
        grid_update_num: int = 10,
        loss_fn: Callable[[Tensor, Tensor], Tensor] | None = None,
        lr: float | None = None,
        start_grid_update_step: int = -1,
        stop_grid_update_step: int = 50,
        batch: int = -1,
        metrics: Sequence[Callable[[], Any]] | None = None,
        save_fig: bool = False,
        in_vars: Sequence[Any] | None = None,
        out_vars: Sequence[Any] | None = None,
        beta: float = 3,
        save_fig_freq: int = 1,
        img_folder: str = "./video",
        singularity_avoiding: bool = False,
        y_th: float = 1000.0,
        reg_metric: str = "edge_forward_spline_n",
        display_metrics: Sequence[str] | None = None,
        *,
        pred_fn: Callable[..., Tensor] | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        restore_best: bool = False,
        progress: bool = True,
        grids: Sequence[Any] | None = None,
        n_starts: int = 1,
    ) -> Results:
        """Train the model.

        Parameters
        ----------
        dataset : dict or DataLoader
            'train_input' (N, inputs) and 'train_label' (N, outputs), and
            optionally 'test_input' and 'test_label'; or a DataLoader of such
            pairs; or 'train_loader', with 'test_loader' or test data as before.
        opt : str
            'LBFGS' (full batches, small models), 'Adam', or 'LM'
            (Levenberg-Marquardt: the most accurate, for models of up to a few
            thousand parameters and the default loss), in small or capital letters.
        steps : int
            Steps of the optimiser.
        log : int
            Steps between updates of the progress bar.
        lamb : float
            Weight of all penalties together; 0 skips them.
        lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff : float
            Weights of the size of the edges, their entropy, the size and the
            roughness of the coefficients.
        update_grid : bool
            Move the grids to the data before some of the steps.
        grid_update_num : int
            How many times, evenly spread over the steps before
            `stop_grid_update_step`.
        loss_fn : callable, optional
            ``loss_fn(prediction, label)``; by default the mean square error,
            recorded as its root. The prediction is (N, outputs), the labels are
            what they are in the data set: integers stay integers, and (N,) stays
            (N,), so that the difference from (N, 1) would be (N, N).
        lr : float, optional
            Learning rate; by default 0.01 for 'Adam', and 1 for 'LBFGS' and 'LM',
            where it is the length of full steps.
        start_grid_update_step, stop_grid_update_step : int
            Grids move only from the first and before the second of these steps.
        batch : int
            Rows drawn afresh for every step, -1 for all.
        metrics : sequence of callables, optional
            Functions without arguments, recorded after every step under their
            names (taken names get a number).
        save_fig : bool
            Save a picture of the network every `save_fig_freq` steps into
            `img_folder`.
        in_vars, out_vars, beta
            For these pictures, see `plot`.
        singularity_avoiding, y_th
            See `forward`.
        reg_metric : str
            How the size of edges is measured: 'edge_forward_spline_n',
            'edge_forward_spline_u', 'edge_forward_sum', 'edge_backward' or
            'node_backward'.
        display_metrics : sequence of str, optional
            What the progress bar shows instead of losses and penalty.
        pred_fn : callable, optional
            ``pred_fn(x)`` or ``pred_fn(model, x)`` computes the prediction from
            the inputs instead of `forward`, for physics losses. The labels have
            the shape of what it returns, and grids are left alone.
        epochs : int, optional
            Passes over the data instead of `steps`; with `batch`, rows come in
            random order without repetition.
        patience : int, optional
            Stop after this many steps without a better test loss (training loss
            where there is no test set); with `grids`, go on to the next one.
        restore_best : bool
            End with the parameters of the best step instead of those of the last.
        progress : bool
            Show a progress bar.
        grids : sequence of int or of list, optional
            Numbers of grid intervals to train on, one after the other, such as
            ``[5, 10, 20]``, `steps` on each. The model itself is refined, and its
            function kept; 'grid' is recorded with every step.
        n_starts : int
            Train this many starts, the model as it is and others drawn afresh, and
            keep the best. After every eighth of the steps three in four are given
            up, by loss and penalties on the test set, or on a fifth of the
            training data if there is none. The model as it is stays to the end: it
            takes the steps that it would take alone, and is then compared with the
            best of the others, on the test set, or on the training data. So the
            result is never worse there than with one start (except by the luck of
            a loader that shuffles). 16 starts take four times the steps of one;
            `grids` after the first take twice the steps.

        Returns
        -------
        dict of 1-D arrays
            'train_loss', 'test_loss' (if there is a test set), 'reg' and the
            metrics, one number per step. With `n_starts` also 'starts': loss plus
            `lamb` times penalty at which each start was given up or ended, on the
            scale of 'train_loss'.

        Raises
        ------
        ArgumentError
            For data or arguments that cannot be used; the model is then as it was.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2, train_num=200, test_num=50)
        >>> model = KAN(width=[2, 2, 1], seed=0)
        >>> results = model.fit(dataset, steps=10, progress=False)
        >>> bool(results["train_loss"][-1] < results["train_loss"][0])
        True
        """
        weights = {
            "reg_metric": reg_metric,
            "lamb_l1": lamb_l1,
            "lamb_entropy": lamb_entropy,
            "lamb_coef": lamb_coef,
            "lamb_coefdiff": lamb_coefdiff,
        }
        own_penalty = partial(self.get_reg, reg_metric, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff)
        update_grids = cast("Any", self).update_grid
        save_frame = None
        if save_fig:
            save_frame = _FrameSaver(self, img_folder, save_fig_freq, in_vars=in_vars, out_vars=out_vars, beta=beta)
        training = Training(
            self,
            dataset,
            parameters=self.get_params(),
            opt=opt,
            steps=steps,
            epochs=epochs,
            log=log,
            lamb=lamb,
            penalty_weights=weights,
            grids=GridSchedule(update_grid, grid_update_num, start_grid_update_step, stop_grid_update_step),
            refinements=grids,
            loss_fn=loss_fn,
            pred_fn=pred_fn,
            lr=lr,
            batch=batch,
            metrics=metrics,
            display_metrics=display_metrics,
            singularity={"singularity_avoiding": singularity_avoiding, "y_th": y_th},
            stop_rule=StopRule(patience, restore_best),
            on_step=save_frame,
            progress=progress,
            own_penalty=own_penalty if self._replaces("get_reg", "reg") else None,
            own_grid_update=update_grids if self._replaces("update_grid", "update_grid_from_samples") else None,
        )
        if save_frame is not None:
            save_frame.folder.mkdir(parents=True, exist_ok=True)
        results = self._learn(training, training if n_starts == 1 else StartSearch(training, n_starts))
        self.log_history("fit")
        return results

    def _replaces(self, *names: str) -> bool:
        """Whether any of these methods is the subclass's or the instance's own, and not the library's."""
        own = (vars(self).get(name) or getattr(type(self), name) for name in names)
        return not all(getattr(method, "__module__", "").startswith("kan.models.") for method in own)

    def train(self: Self, mode: Any = True, *args: Any, **kwargs: Any) -> Any:
        """Set training mode, like any `nn.Module`; given a data set, do what `fit` does (its name in pykan 0.0).

        In that case `sglr_avoid` stands for `singularity_avoiding`, and the model is first moved to `device`.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 1])
        >>> model.train(False).training
        False
        """
        if isinstance(mode, bool) and not kwargs:
            return super().train(mode)
        if isinstance(mode, bool) and "dataset" not in kwargs:
            raise ArgumentError(
                f"`train` with {', '.join(map(repr, kwargs))} also needs a data set: `model.fit(dataset, ...)`."
            )
        warnings.warn("`model.train(dataset, ...)` is now `model.fit(dataset, ...)`.", DeprecationWarning, stacklevel=2)
        if "device" in kwargs:
            self.to(kwargs.pop("device"))
        if "sglr_avoid" in kwargs:
            kwargs["singularity_avoiding"] = kwargs.pop("sglr_avoid")
        return self.fit(*(args if "dataset" in kwargs else (mode, *args)), **kwargs)

    def reg(
        self,
        reg_metric: str = "edge_forward_spline_n",
        lamb_l1: float = 1.0,
        lamb_entropy: float = 2.0,
        lamb_coef: float = 0.0,
        lamb_coefdiff: float = 0.0,
        *,
        entropy_offset: float = 1e-4,
        x: Any = None,
    ) -> Tensor:
        """Return the penalty, without `lamb`, on the data last seen; it is differentiable.

        Parameters
        ----------
        reg_metric : str
            What is penalised, as in `fit`.
        lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff : float
            Weights of its terms, as in `fit`.
        entropy_offset : float
            Keeps the logarithm of a vanishing share finite.
        x : Tensor (N, inputs), optional
            Other data than those last seen.

        Returns
        -------
        Tensor ()

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[2, 3, 1], seed=0)
        >>> _ = model(torch.rand(100, 2))
        >>> model.reg("edge_forward_spline_n", 1.0, 2.0, 0.0, 0.0).ndim
        0
        """
        data = self.reference_data(self.cache_data if x is None else x)
        return penalty(
            self,
            self.trace(data),
            reg_metric=reg_metric,
            lamb_l1=lamb_l1,
            lamb_entropy=lamb_entropy,
            lamb_coef=lamb_coef,
            lamb_coefdiff=lamb_coefdiff,
            entropy_offset=entropy_offset,
        )

    def get_reg(
        self,
        reg_metric: str = "edge_forward_spline_n",
        lamb_l1: float = 1.0,
        lamb_entropy: float = 2.0,
        lamb_coef: float = 0.0,
        lamb_coefdiff: float = 0.0,
        **options: Any,
    ) -> Tensor:
        """Return what `reg` returns for the same arguments.

        Parameters
        ----------
        reg_metric, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff, options
            See `reg`.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[2, 3, 1], seed=0)
        >>> _ = model(torch.rand(100, 2))
        >>> bool(model.get_reg("edge_backward", 1.0, 2.0, 0.0, 0.0) > 0)
        True
        """
        return self.reg(reg_metric, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff, **options)

    def disable_symbolic_in_fit(self, lamb: float) -> tuple[bool, bool]:
        """Switch off what training does not need: symbolic edges that carry no function, `save_act` without penalty.

        Only pykan's scripts call it: here neither costs anything.

        Parameters
        ----------
        lamb : float
            The weight of the penalty.

        Returns
        -------
        save_act, symbolic_enabled : bool
            What was set before.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 1])
        >>> model.disable_symbolic_in_fit(lamb=0.0)
        (True, True)
        >>> model.save_act, model.symbolic_enabled
        (False, False)
        """
        before = self.save_act, self.symbolic_enabled
        if lamb == 0:
            self.save_act = False
        if not self.has_symbolic:
            self.symbolic_enabled = False
        return before

    def get_params(self) -> Iterator[nn.Parameter]:
        """Return the parameters that `fit` gives to its optimiser.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> optimizer = torch.optim.Adam(KAN(width=[2, 1]).get_params(), lr=0.01)
        """
        return self.parameters()

    def evaluate(self, dataset: dict[str, Any]) -> dict[str, Any]:
        """Return the test loss (RMSE), the number of edges and the number of grid intervals, as a dictionary.

        Parameters
        ----------
        dataset : dict
            Holds 'test_input' (N, inputs) and 'test_label' (N, outputs).

        Returns
        -------
        dict
            'test_loss', 'n_edge' and 'n_grid'.

        Raises
        ------
        ArgumentError
            If 'test_input' or 'test_label' is missing, or cannot be used.

        Examples
        --------
        >>> from kan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] + x[:, [1]], n_var=2, train_num=10, test_num=10)
        >>> sorted(KAN(width=[2, 1]).evaluate(dataset))
        ['n_edge', 'n_grid', 'test_loss']
        """
        if not {"test_input", "test_label"} <= set(dataset):
            raise ArgumentError(f"`dataset` must hold 'test_input' and 'test_label'; got {sorted(dataset)}.")
        x, label = Expectation().read(self, "test", dataset["test_input"], dataset["test_label"])
        with torch.no_grad():
            loss = (self.trace(x).output - label).square().mean().sqrt()
        return {"test_loss": float(loss), "n_edge": self.n_edge, "n_grid": self.grid}


class _FrameSaver:
    """Draws the network into numbered files, one a call; what cannot be drawn is an error before the first."""

    def __init__(
        self,
        model: Any,
        folder: str,
        every: Any,
        *,
        in_vars: Sequence[Any] | None,
        out_vars: Sequence[Any] | None,
        beta: float,
    ) -> None:
        from kan.plotting.labels import check_names

        every = check_whole("save_fig_freq", every, 1)
        if in_vars is not None:
            model.per_input("in_vars", in_vars)
        check_names("out_vars", out_vars, model.width_in[-1])
        self.model, self.folder, self.every = model, Path(folder), every
        self.options = {"in_vars": in_vars, "out_vars": out_vars, "beta": beta}

    def __call__(self, step: int) -> None:
        """Save the picture of a step, if it is one of those to be saved."""
        if step % self.every:
            return
        # The last input may have been the test set, or a batch.
        self.model.cache_data = self.model.reference_data()
        figure = self.model.draw(title=f"Step {step}", **self.options)
        figure.savefig(self.folder / f"{step}.jpg", dpi=200)
