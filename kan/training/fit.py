"""The training loop: loss and penalties, grids, one optimiser step after the other, and a record of it.

Deviations from pykan: every optimiser has its own learning rate; the recorded losses are those of the parameters that a
step ends with; a custom loss is recorded as it is; when L-BFGS can no longer improve on fixed data, the remaining
steps are not computed again; early stopping, the best parameters and a schedule of finer grids on request.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from kan.common.console import progress_bar
from kan.common.errors import ArgumentError, check_choice, check_number, check_whole
from kan.network import Model, Network
from kan.surgery import refine_in_place, update_grid
from kan.training.data import Batch, Expectation, LoaderData, TensorData, as_mapping, read_dataset
from kan.training.lbfgs import LBFGS
from kan.training.least_squares import PredictedSquares, SquaresPoint, check_squares, squares_at
from kan.training.levenberg_marquardt import LevenbergMarquardt
from kan.training.objective import AdjointPoint, LossFunction, Objective, Point, read_loss, read_prediction
from kan.training.optimisers import make_optimiser, optimiser_name
from kan.training.record import BestModel, Record, named_metrics
from kan.training.schedule import GridSchedule, read_grids
from kan.training.threads import threads_for

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

    from kan.training.record import Results

# How far grids reach beyond the training data, as a fraction of their range. What hidden layers get of other data of
# the same kind lies up to some hundredths beyond that of 3000 samples, and there a curve of many intervals fades fast,
# which shows where errors are as small as Levenberg-Marquardt makes them. A margin costs intervals (0.03 makes errors
# of cubic splines a quarter larger), and with the wider one penalties left other edges in docs/start.md. Grids up to
# all that the corners of the data lead to were tried: intervals without samples make fits of deep networks worse. Knots
# farther apart beyond the ends, where a spline then fades over the length of its grid, were tried too: after a fit they
# lower test errors of exact data by a fifth and raise those of noisy, normally distributed data by up to nine tenths;
# in Levenberg-Marquardt they halve the errors of single starts, and double those of docs/accuracy.md, the best of 24.
_MARGIN = 0.01
_MARGIN_OF_LEAST_SQUARES = 0.03


@dataclass(frozen=True)
class _Points:
    """The objective on the data of a step, how that is taken, and the batch and the grids for which all of it holds."""

    batch: Batch
    grids: list[Tensor]
    train: Point | AdjointPoint | SquaresPoint | PredictedSquares
    step: Callable[[], Any]
    test: Point | AdjointPoint | None

    def hold(self, network: Model, batch: Batch) -> bool:
        """Whether this is the batch, and the grids are where they were, also after a user's own function ran."""
        return self.batch[0] is batch[0] and all(map(torch.equal, _grids(network), self.grids))


@dataclass(frozen=True)
class StopRule:
    """Leave a grid after `patience` steps without improvement; go back to the best parameters if `restore_best`."""

    patience: int | None = None
    restore_best: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether it asks for nothing."""
        return self.patience is None and not self.restore_best


class Training:
    """One run of `fit`: `steps` on every grid of `refinements`, or on the grids that the network has.

    After an exception or an interrupt the model has the parameters of the last step, and `record` what came before.
    """

    def __init__(
        self,
        network: Model,
        dataset: Any,
        *,
        parameters: Iterable[nn.Parameter] | None = None,
        opt: str = "LBFGS",
        steps: int = 100,
        epochs: int | None = None,
        log: int = 1,
        lamb: float = 0.0,
        penalty_weights: dict[str, Any] | None = None,
        grids: GridSchedule,
        refinements: Sequence[Any] | None = None,
        loss_fn: LossFunction | None = None,
        pred_fn: Callable[..., Tensor] | None = None,
        lr: float | None = None,
        batch: int = -1,
        metrics: Sequence[Callable[[], Any]] | None = None,
        display_metrics: Sequence[str] | None = None,
        singularity: dict[str, Any] | None = None,
        stop_rule: StopRule | None = None,
        on_step: Callable[[int], None] | None = None,
        progress: bool = True,
        objective: type[Objective] = Objective,
        own_penalty: Callable[[], Tensor] | None = None,
        own_grid_update: Callable[[Tensor], Any] | None = None,
    ) -> None:
        weights = dict(penalty_weights or {})
        self.stop_rule = stop_rule or StopRule()
        dataset = as_mapping(dataset)  # before `opt` is read, which is where `fit(inputs, labels)` puts the labels
        _check_arguments(opt, steps, epochs, log, lamb, self.stop_rule.patience)
        _check_functions(loss_fn=loss_fn, pred_fn=pred_fn)
        if "reg_metric" in weights:
            check_choice("reg_metric", weights["reg_metric"], objective.reg_metrics)
        self.network = network
        self.data = read_dataset(
            network,
            dataset,
            batch=batch,
            in_epochs=epochs is not None,
            whole_test=not self.stop_rule.is_idle,
            expectation=Expectation(free_labels=loss_fn is not None, free_inputs=pred_fn is not None),
        )
        self.steps = int(steps if epochs is None else epochs * self.data.steps_per_epoch)
        self.stages: list[int | list[int]] | None = None
        if refinements is not None:
            assert isinstance(network, Network)
            self.stages = read_grids(network, refinements)
        self.metrics = named_metrics(metrics, taken=("train_loss", "test_loss", "reg", "grid", "starts"))
        losses = ["train_loss", "test_loss"] if self.data.test is not None else ["train_loss"]
        grid = [] if self.stages is None else ["grid"]
        self.record = Record([*losses, "reg", *self.metrics, *grid], shown=display_metrics)
        own_loss, own_prediction = read_loss(loss_fn), read_prediction(network, pred_fn)
        self.objective = objective(
            network, own_loss, own_prediction, float(lamb), weights, singularity or {}, own_penalty
        )
        self._own_grid_update = own_grid_update
        trained = list(network.parameters() if parameters is None else parameters)
        if optimiser_name(opt) == "LM":
            trained = _without_idle(network, trained)
        self._make_optimiser = partial(make_optimiser, opt, trained, lr)
        self.optimiser = self._make_optimiser()
        if self._by_squares:
            check_squares(self.objective)
        self.grids, self.log = grids, log
        self._best = None if self.stop_rule.is_idle else BestModel(network)
        self.on_step, self.progress = on_step, progress
        # Training and test data for as long as the grids stay, and the batches that they are made of.
        self._points: _Points | None = None
        self._batches = self.data.steps()
        # The batch of the last step.
        self._last: Batch | None = None

    @property
    def total(self) -> int:
        """The steps on all grids together."""
        return self.steps * (1 if self.stages is None else len(self.stages))

    def run(self) -> Record:
        """Train, and return the record of all steps."""
        self.begin()
        bar = progress_bar(self.advance(), shown=self.progress, total=self.total, ncols=100)
        with bar:
            for step in bar:
                if step % self.log == 0 or step == self.total - 1:
                    bar.set_description(self.record.describe())
        return self.record

    def advance(self) -> Iterator[int]:
        """Take one step after the other, and yield their numbers; between two of them others may use the network."""
        number = 0
        for stage in range(1 if self.stages is None else len(self.stages)):
            self._enter(stage)
            for step in range(self.steps):
                train, test = next(self._batches)
                with threads_for(self._products(train)):
                    self._take_step(step, train, test)
                has_waited = self._has_waited("train_loss" if test is None else "test_loss")
                if self.on_step is not None:
                    self.on_step(number)
                yield number
                number += 1
                if has_waited:
                    break
        if self._best is not None and self.stop_rule.restore_best:
            self._best.restore()

    def _products(self, train: Batch) -> int:
        """Return about how many products one evaluation of the loss, or of all residuals' derivatives, takes."""
        weights = sum(parameter.numel() for parameter in self.network.parameters() if parameter.requires_grad)
        return len(train[0]) * weights ** (2 if self._by_squares else 1)

    @property
    def _by_squares(self) -> bool:
        """Whether steps are those of least squares, and not along gradients."""
        return isinstance(self.optimiser, LevenbergMarquardt)

    def begin(self) -> None:
        """Give the network the first of the grids, and the data their random numbers."""
        self._refine(0)
        self.data.begin()

    def twin(self) -> Training:
        """Return a run of the same arguments, data and network, at its beginning."""
        twin = copy.copy(self)
        twin.record, twin.optimiser = Record(list(self.record.values), shown=self.record.shown), self._make_optimiser()
        twin.use(self.data.twin())
        return twin

    def use(self, data: TensorData | LoaderData, *, watch: bool = True) -> None:
        """Go on with other data, with whose losses earlier ones do not compare; the stop rule holds if `watch`."""
        self.data, self._batches = data, data.steps()
        self._best = BestModel(self.network) if watch and not self.stop_rule.is_idle else None
        self.release()

    def release(self) -> None:
        """Forget what can be computed again."""
        self._points = None

    def value_at(self, batch: Batch) -> float:
        """Return the objective, loss and penalties, on some data, on the scale of the recorded losses."""
        with self._grad_mode():
            loss, reg = self.objective.at(*batch, repeatedly=False).terms()
            return self._on_scale(_number(loss + self.objective.lamb * reg))

    def last_value(self) -> float:
        """Return the same from the record of the last step; infinity before the first."""
        if not self.record.values["train_loss"]:
            return math.inf
        loss, reg = (self.record.values[name][-1] for name in ("train_loss", "reg"))
        return self._on_scale((loss**2 if self.objective.loss_fn is None else loss) + self.objective.lamb * reg)

    def _on_scale(self, objective: float) -> float:
        """Return an objective on the scale of the losses; with penalties of a user's own it may be negative."""
        if self.objective.loss_fn is not None:
            return objective
        return math.copysign(math.sqrt(abs(objective)), objective)

    def results(self) -> Results:
        """Return what was recorded."""
        return self.record.series()

    def _enter(self, stage: int) -> None:
        """Go on to the next grid, with an optimiser that knows nothing of the parameters' old shapes."""
        if stage > 0:
            self._refine(stage)
            self.optimiser = self._make_optimiser()
        if self._best is not None:
            self._best.waited = 0

    def _refine(self, stage: int) -> None:
        """Refine the network to the grid of a stage, if that is another one."""
        if self.stages is None:
            return
        assert isinstance(self.network, Network)
        if self.network.grid == self.stages[stage]:
            return
        # What a prediction of the user's own gives to the layers is not known.
        inputs = self.data.inputs if self.objective.pred_fn is None else None
        refine_in_place(self.network, self.stages[stage], inputs, **self.objective.singularity)
        self.release()

    def _has_waited(self, watched: str) -> bool:
        """Take note of the last loss; return whether there was no improvement for too long."""
        if self._best is None:
            return False
        self._best.update(self.record.values[watched][-1])
        return self.stop_rule.patience is not None and self._best.waited >= self.stop_rule.patience

    def _take_step(self, step: int, train: Batch, test: Batch | None) -> None:
        """Take one step: grids, optimiser, numbers."""
        if self.grids.is_due(step):
            self._update_grids(train[0])
        if self._is_finished(step, train):
            self.record.repeat()
            return
        self._last = train
        if self._points is None or not self._points.hold(self.network, train):
            self._points = self._prepare(train, test)
        self._points.step()
        self.record.add(self._measure(self._points))

    def _prepare(self, train: Batch, test: Batch | None) -> _Points:
        """Compute beforehand what stays the same over many evaluations: with the same data, or in line searches."""
        objective, is_constant = self.objective, self.data.is_constant
        grids = [grid.detach().clone() for grid in _grids(self.network)]
        at_test = None if test is None else objective.at(*test, repeatedly=is_constant, penalised=False)
        if self._by_squares:
            squares = squares_at(objective, *train)
            return _Points(train, grids, squares, lambda: self.optimiser.advance(squares), at_test)
        point = objective.at(*train, repeatedly=is_constant or isinstance(self.optimiser, LBFGS))

        def closure() -> Tensor:
            self.optimiser.zero_grad()
            return point.differentiate()

        return _Points(train, grids, point, lambda: self.optimiser.step(closure), at_test)

    def _is_finished(self, step: int, train: Batch) -> bool:
        """Whether another step would change nothing: same data, same grids (or no splines), and no descent left."""
        if not (getattr(self.optimiser, "stagnated", False) and self._last is train):
            return False
        return self.grids.is_over(step) or not _has_splines(self.network)

    def _update_grids(self, x: Tensor) -> None:
        """Move the knots, but not those of frozen layers: on new data, few intervals do not keep the old function.

        L-BFGS keeps its history: an update moves knots a little and preserves the functions, so what was learnt about
        the coefficients still helps, and a direction that no longer descends makes it start afresh by itself. Measured
        on the hello example with 11 seeds: with the history cleared 9 are recovered, with it kept all of them.
        """
        if self.objective.pred_fn is not None or not _has_splines(self.network):
            return
        if self._own_grid_update is not None:
            self._own_grid_update(x)
        else:
            margin = _MARGIN_OF_LEAST_SQUARES if self._by_squares else _MARGIN
            update_grid(self.network, x, margin=margin, trained_only=True, **self.objective.singularity)

    def _measure(self, points: _Points) -> dict[str, float]:
        """Return the numbers of the parameters that the step ended with."""
        with self._grad_mode():
            loss, reg = points.train.terms()
            values = {"train_loss": self._shown(loss)}
            if points.test is not None:
                values["test_loss"] = self._shown(points.test.terms()[0])
            values["reg"] = _number(reg)
        for name, metric in self.metrics.items():
            values[name] = _number(metric())
        if self.stages is not None:
            assert isinstance(self.network, Network)
            values["grid"] = max(layer.num for layer in self.network.act_fun)
        return values

    def _grad_mode(self) -> torch.set_grad_enabled:
        """Return the context for numbers: what is a user's own may differentiate the network by its input."""
        own = (self.objective.loss_fn, self.objective.own_penalty)
        return torch.set_grad_enabled(not self.objective.is_plain or any(entry is not None for entry in own))

    def _shown(self, loss: Tensor) -> float:
        """Return the number to record: the root of the default loss, any other as it is."""
        return _number(loss.sqrt() if self.objective.loss_fn is None else loss)


def _has_splines(model: Model) -> TypeGuard[Network]:
    """Whether the model has splines, whose knots can move."""
    return isinstance(model, Network) and model.has_splines


def _without_idle(model: Model, parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """Return parameters without the affine constants of layers that have no symbolic edge."""
    layers = list(model.symbolic_fun) if isinstance(model, Network) else []
    idle = {id(layer.affine) for layer in layers if layer.is_idle}
    return [parameter for parameter in parameters if id(parameter) not in idle]


def _grids(model: Model) -> list[Tensor]:
    """Return the knots of every layer; a perceptron has none."""
    return [layer.grid for layer in model.act_fun] if isinstance(model, Network) else []


def _check_arguments(opt: str, steps: int, epochs: int | None, log: int, lamb: float, patience: int | None) -> None:
    """Raise an ArgumentError for arguments that make no training run, before anything is changed."""
    optimiser_name(opt)
    check_number("lamb", lamb, least=0)
    for name, value, least in (("steps", steps, 0), ("epochs", epochs, 0), ("log", log, 1), ("patience", patience, 1)):
        if value is not None:
            check_whole(name, value, least)


def _check_functions(**functions: Any) -> None:
    """Raise an ArgumentError for what should be a function and is not."""
    for name, function in functions.items():
        if isinstance(function, type):
            raise ArgumentError(
                f"`{name}` must be a function; got the class {function.__name__}: make an object of it."
            )
        if function is not None and not callable(function):
            raise ArgumentError(f"`{name}` must be a function; got {function!r}.")


def _number(value: Any) -> float:
    """Return a number, or a tensor with one entry, as a float; torch warns where that would cut a graph."""
    return float(value.detach() if isinstance(value, Tensor) else value)
