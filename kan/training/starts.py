"""Many starts of one network, of which the best is trained to the end, and the network as it was given too.

Small networks end in local minima, from most starts in bad ones, and this shows early. So all starts train for an
eighth of the steps, the best quarter of them for another eighth, and so forth until one is left (successive halving
with a factor of four: Jamieson & Talwalkar 2016, arXiv 1502.07943).

The network as it was given stays to the end. It takes the very steps that it would take alone, and is then compared
with the best of the others: more starts are never worse than one. 16 starts take four times the steps of one, with
whatever optimiser and loss.

Starts are judged by what is trained, loss plus penalties. By the loss alone, the start that resists the penalties best
would win, and pruning would leave more edges.

All of them take turns in the one network that was given, so that functions of the user's own which refer to it see the
start that is being trained. A start is a set of tensors for its parameters, and a run of training of its own.

To evaluate all starts at once, with stacked parameters, would save calls, not arithmetic. Of the 3.8 ms that a try of a
Levenberg-Marquardt step takes for [2, 5, 1] and 1000 samples, 2.5 are calls, of the 2.4 ms for [2, 1, 1] 2.2: with 16
starts at most 2.6 and 8 times faster. It would take a second forward pass, Jacobian and damping, and would not serve
functions of the user's own.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kan.common.console import progress_bar
from kan.common.errors import check_whole
from kan.network import Network
from kan.training.data import Batch, TensorData
from kan.training.fit import Training
from kan.training.record import as_series

if TYPE_CHECKING:
    from kan.training.record import Results

# Of the steps on a grid, one in this many is a round of trials.
_ROUNDS = 8
# After a round, one start in this many trains on.
_KEPT = 4
# Of the training rows, one in this many judges the starts where there is no test set.
_HELD_OUT = 5

# What the constructor of a network draws.
_DRAWN = ("coef", "scale_base", "scale_sp")


class StartSearch:
    """`Training` from several starts: the network's parameters as they are, and fresh ones from its random stream.

    Parameters
    ----------
    training : Training
        The run, at its beginning.
    number : int
        How many starts, at least 1.

    Attributes
    ----------
    training : Training
        That of the start in the network; at the end, of the best.
    values : list of float
        For every start the objective with which it was left. Those that were given up early: on held-out data. The last
        two: on the test data, or on the training data where there are no others.

    Raises
    ------
    ArgumentError
        If `number` is not a whole number of at least 1.
    """

    def __init__(self, training: Training, number: int) -> None:
        self.training, self.number = training, check_whole("n_starts", number, 1)
        self.values = [math.nan] * self.number
        self._starts: list[Start] = []

    def results(self) -> Results:
        """Return what the best start's training recorded, and 'starts': what every start reached."""
        return {**self.training.results(), "starts": as_series(self.values)}

    def run(self) -> None:
        """Try the starts, and train the last two to the end.

        After an exception or an interrupt the network has the parameters of the start that was best when last judged,
        or those of the given one.
        """
        steps = self._advance()
        bar = progress_bar(steps, shown=self.training.progress, total=self._total(), ncols=100)
        try:
            with bar:
                for description in bar:
                    bar.set_description(description)
        except BaseException:
            steps.close()
            if self._starts:
                self._end_with(min(self._starts, key=lambda start: start.value))
            raise

    def _advance(self) -> Generator[str, None, None]:
        """Take all steps, and describe each."""
        given, *others = self._starts = self._draw()
        while len(others) > 1:
            for start in (given, *others):
                yield from self._describe(start, start.go_on(_steps_of_round(self.training)))
                self.values[start.number] = start.judge()
            others = sorted(others, key=lambda start: start.value)[: _kept(1 + len(others))]
        # The one that is likely to be the best comes last: pictures on the way are then its own.
        finalists = sorted((given, *others), key=lambda start: -start.value)
        for start in finalists:
            yield from self._describe(start, start.finish())
            self.values[start.number] = start.judge()
        self._end_with(min(finalists, key=lambda start: start.value))

    def _end_with(self, start: Start) -> None:
        """Let the network have the parameters of a start, and report its training."""
        self.training = start.training
        start.enter()

    def _describe(self, start: Start, steps: Iterator[int]) -> Iterator[str]:
        """Take the steps of one start, and describe each."""
        self.training = start.training
        for _ in steps:
            yield f"start {start.number + 1} of {self.number} {start.training.record.describe()}"

    def _draw(self) -> list[Start]:
        """Return the starts: the network's own parameters first."""
        network = self.training.network
        assert isinstance(network, Network)
        self.training.begin()
        seeds = torch.randint(2**31, (self.number,), generator=network.draw_stream(), device="cpu").tolist()
        order = torch.randperm(len(self.training.data.inputs), generator=network.draw_stream(), device="cpu")
        given = Start(0, self.training.twin(), [parameter.data for parameter in network.parameters()])
        others = [
            Start(number, self.training.twin(), _drawn(network, seeds[number])) for number in range(1, self.number)
        ]
        for start in others:
            start.hold_out(order)
        return [given, *others]

    def _total(self) -> int:
        """Return the number of steps."""
        total, alive, steps = self.training.total * min(self.number, 2), self.number, _steps_of_round(self.training)
        while alive > 2:
            total, alive = total + (alive - 2) * steps, 1 + _kept(alive)
        return total


class Start:
    """One start: its parameters, and its training, which goes on where it was left.

    Parameters
    ----------
    number : int
    training : Training
    tensors : list of Tensor
        The parameters.

    Attributes
    ----------
    value : float
        What `judge` found last.
    """

    def __init__(self, number: int, training: Training, tensors: list[Tensor]) -> None:
        self.number, self.training, self.value = number, training, math.inf
        self._tensors, self._data, self._on_step = tensors, training.data, training.on_step
        self._judges: Batch | None = training.data.judges
        training.on_step = None
        self._steps = training.advance()

    def hold_out(self, order: Tensor) -> None:
        """Until the end, train without some of the training rows, the first in `order` (N,), if nothing else judges."""
        data, held = self._data, len(order) // _HELD_OUT
        if isinstance(data, TensorData) and data.test is None and held:
            part, self._judges = data.split(order, held=held)
            self.training.use(part, watch=False)

    def go_on(self, steps: int) -> Iterator[int]:
        """Let the network have this start's parameters, and take some steps."""
        self.enter()
        try:
            # The steps come second: `zip` takes none beyond the last.
            for _, step in zip(range(steps), self._steps):
                yield step
        finally:
            self._leave()

    def finish(self) -> Iterator[int]:
        """Take the remaining steps, on all training data, which judge from now on if there are no others."""
        self.enter()
        self.training.on_step = self._on_step
        if self.training.data is not self._data:
            self.training.use(self._data)
            self._judges = self._data.judges
        try:
            yield from self._steps
        finally:
            self._leave()

    def judge(self) -> float:
        """Evaluate the objective on data that judge; with a loader alone, take the last one of the training."""
        self.enter()
        value = self.training.last_value() if self._judges is None else self.training.value_at(self._judges)
        self.value = value if math.isfinite(value) else math.inf
        return self.value

    def enter(self) -> None:
        """Let the network have this start's parameters."""
        for parameter, tensor in zip(self.training.network.parameters(), self._tensors):
            parameter.data, parameter.grad = tensor, None

    def _leave(self) -> None:
        """Remember the parameters as they are now."""
        self._tensors = [parameter.data for parameter in self.training.network.parameters()]
        self.training.release()


def _steps_of_round(training: Training) -> int:
    """Return how many steps a trial takes."""
    return max(-(-training.steps // _ROUNDS), 1)


def _kept(alive: int) -> int:
    """Return how many of the starts in a round train on, besides the one that was given."""
    return max(-(-alive // _KEPT) - 1, 1)


def _drawn(network: Network, seed: int) -> list[Tensor]:
    """Return fresh parameters: numerical edges as the constructor draws them, all else as it is in `network`."""
    fresh = dict(network.rebuild(seed=seed).named_parameters())
    return [
        (fresh[name] if name.split(".")[-1] in _DRAWN and parameter.requires_grad else parameter).detach().clone()
        for name, parameter in network.named_parameters()
    ]
