"""Many starts of one network, of which the best is trained to the end.

Small networks end in local minima, most starts in a bad one; which, shows early. So all starts train for a sixth of the
steps, the best quarter of them for another sixth, and so forth until one is left (successive halving with a factor of
four: Jamieson & Talwalkar 2016, arXiv 1502.07943). 16 starts then take four times the steps of one, with
whatever optimiser and loss.

All of them take turns in the one network that was given, so that functions of the user's own which refer to it see the
start that is being trained. A start is a set of tensors for its parameters, and a run of training of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kan.common.console import progress_bar
from kan.common.errors import ArgumentError
from kan.network import Network
from kan.training.data import Batch, TensorData
from kan.training.fit import Training

if TYPE_CHECKING:
    from kan.training.record import Results

# Of the steps on a grid, one in this many is a round of trials.
_ROUNDS = 6
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
    losses : list of float
        For every start the loss on held-out data when it was last compared with others.

    Raises
    ------
    ArgumentError
        If `number` is not a whole number of at least 1.
    """

    def __init__(self, training: Training, number: int) -> None:
        if number < 1 or int(number) != number:
            raise ArgumentError(f"`n_starts` must be a whole number of at least 1; got {number!r}.")
        self.training, self.number = training, number
        self.losses = [math.nan] * number

    @property
    def training_inputs(self) -> Tensor:
        """All training inputs, or those of the last batch where they come from a loader."""
        return self.training.training_inputs

    def results(self) -> Results:
        """Return what the best start's training recorded, and 'starts': what every start reached in its trial."""
        import numpy as np

        return {**self.training.results(), "starts": np.array(self.losses)}

    def run(self) -> None:
        """Try the starts, and train the best one to the end."""
        bar = progress_bar(self._advance(), shown=self.training.progress, total=self._total(), ncols=100)
        with bar:
            for description in bar:
                bar.set_description(description)

    def _advance(self) -> Iterator[str]:
        """Take all steps, and describe each."""
        alive = self._draw()
        steps = max(self.training.steps // _ROUNDS, 1)
        while len(alive) > 1:
            for start in alive:
                self.training = start.training
                for _ in start.go_on(steps):
                    yield f"start {start.number + 1} of {self.number} {start.training.record.describe()}"
                start.judge()
                self.losses[start.number] = start.loss
            alive = sorted(alive, key=lambda start: start.loss)[: _kept(len(alive))]
        self.training = alive[0].training
        for _ in alive[0].finish():
            yield self.training.record.describe()

    def _draw(self) -> list[Start]:
        """Return the starts: the network's own parameters first."""
        network = self.training.network
        assert isinstance(network, Network)
        self.training.begin()
        seeds = torch.randint(2**31, (self.number,), generator=network.draw_stream()).tolist()
        order = torch.randperm(len(self.training.training_inputs), generator=network.draw_stream())
        tensors = [
            [parameter.data for parameter in network.parameters()],
            *(_drawn(network, seed) for seed in seeds[1:]),
        ]
        return [Start(number, self.training.twin(), own, order) for number, own in enumerate(tensors)]

    def _total(self) -> int:
        """Return the number of steps."""
        total, alive, steps = self.training.total, self.number, max(self.training.steps // _ROUNDS, 1)
        while alive > 1:
            total, alive = total + (alive - 1) * steps, _kept(alive)
        return total


class Start:
    """One start: its parameters, and its training, which goes on where it was left.

    Parameters
    ----------
    number : int
    training : Training
    tensors : list of Tensor
        The parameters.
    order : Tensor (N,)
        An order of the training rows, of which some are held out where there is no test set.
    """

    def __init__(self, number: int, training: Training, tensors: list[Tensor], order: Tensor) -> None:
        self.number, self.training, self.loss = number, training, math.inf
        self._tensors, self._data, self._on_step = tensors, training.data, training.on_step
        self._held: Batch | None = None
        if isinstance(training.data, TensorData):
            self._held = training.data.test
            if self._held is None and len(order) >= _HELD_OUT:
                data, self._held = training.data.split(order, held=len(order) // _HELD_OUT)
                training.use(data)
        training.on_step = None
        self._steps = training.advance()

    def go_on(self, steps: int) -> Iterator[int]:
        """Let the network have this start's parameters, and take some steps."""
        self._enter()
        # The steps come second: `zip` takes none beyond the last.
        for _, step in zip(range(steps), self._steps):
            yield step
        self._tensors = [parameter.data for parameter in self.training.network.parameters()]
        self.training.release()

    def finish(self) -> Iterator[int]:
        """Take the remaining steps, on all training data."""
        self._enter()
        self.training.on_step = self._on_step
        if self.training.data is not self._data:
            self.training.use(self._data)
        yield from self._steps

    def judge(self) -> None:
        """Evaluate the loss on held-out data, or take the last one of the training where there are none."""
        loss = (
            self.training.record.values["train_loss"][-1] if self._held is None else self.training.loss_at(self._held)
        )
        self.loss = loss if math.isfinite(loss) else math.inf

    def _enter(self) -> None:
        """Let the network have this start's parameters."""
        for parameter, tensor in zip(self.training.network.parameters(), self._tensors):
            parameter.data, parameter.grad = tensor, None


def _kept(alive: int) -> int:
    """Return how many of the starts in a round train on."""
    return -(-alive // _KEPT)


def _drawn(network: Network, seed: int) -> list[Tensor]:
    """Return fresh parameters: numerical edges as the constructor draws them, all else as it is in `network`."""
    fresh = dict(network.rebuild(seed=seed).named_parameters())
    return [
        (fresh[name] if name.split(".")[-1] in _DRAWN and parameter.requires_grad else parameter).detach().clone()
        for name, parameter in network.named_parameters()
    ]
