"""The multilayer perceptron, the baseline that networks of splines are compared with.

From a generator of its own, a seed draws the numbers that `torch.nn.Linear` draws after ``torch.manual_seed(seed)``,
which are pykan's. Deviations from pykan: the activation function can be chosen (there every choice is SiLU); values
inside are computed on demand (`trace`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kan.common.errors import ArgumentError, check_choice
from kan.common.modules import ModuleList, is_hooked, move
from kan.common.random import on_cpu, stream
from kan.common.transforms import is_transformed
from kan.network.model import Model
from kan.network.shape import Shape
from kan.network.trace import spread

Activation = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "silu": nn.SiLU,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


@dataclass
class PerceptronTrace:
    """What happened in one forward pass.

    Attributes
    ----------
    nodes : list of Tensor (N, nodes)
        The values of all node layers after their activation function, inputs first.
    weights : list of Tensor (O, I)
        The weights between them.
    """

    nodes: list[Tensor]
    weights: list[Tensor]

    @property
    def output(self) -> Tensor:
        """The output of the network (N, outputs)."""
        return self.nodes[-1]

    def spreads(self) -> list[Tensor]:
        """Return the standard deviation of every node, inputs first."""
        return [spread(nodes.T) for nodes in self.nodes]

    def carried(self) -> list[Tensor]:
        """Return the weights times the standard deviation of the node that they start from (O, I)."""
        return [weight * start for weight, start in zip(self.weights, self.spreads())]


class Perceptron(Model):
    """Linear layers with an activation function between them; `kan.models.MLP` adds the public methods."""

    @on_cpu
    def __init__(self, width: Any, *, act: str | Activation = "silu", seed: int = 0, device: Any = "cpu") -> None:
        super().__init__(seed)
        shape = Shape.parse(width, 2)
        if any(shape.arities):
            raise ArgumentError(f"a perceptron has no products: `width` must list numbers of nodes; got {width!r}.")
        if isinstance(act, str):
            check_choice("act", act, ACTIVATIONS)
        elif not callable(act):
            raise ArgumentError(f"`act` must be a name or a function of a tensor; got {act!r}.")
        self.width = self.width_in = shape.nodes
        self.n_columns, self.depth = self.width[0], shape.depth
        self.act_fun = ACTIVATIONS[act]() if isinstance(act, str) else act
        generator = stream(self.seed)
        self.linears = ModuleList(
            _linear(inputs, outputs, generator) for inputs, outputs in zip(self.width, self.width[1:])
        )
        move(self, device)

    @property
    def _example(self) -> Tensor:
        """A parameter: dtype and device are those of all others."""
        return self.w[0]

    @property
    def has_plain_forward(self) -> bool:
        """Whether `forward` is that of this class, without hooks."""
        return type(self).forward is Perceptron.forward and not is_hooked(self)

    @property
    def w(self) -> list[Tensor]:
        """The weights of every layer (O, I)."""
        return [linear.weight for linear in self.linears]

    def forward(self, x: Any) -> Tensor:
        """Evaluate the perceptron.

        Parameters
        ----------
        x : Tensor (N, inputs)

        Returns
        -------
        Tensor (N, outputs)

        Raises
        ------
        ArgumentError
            If `x` has another shape.

        Examples
        --------
        >>> import torch
        >>> from kan.MLP import MLP
        >>> MLP(width=[2, 5, 1])(torch.rand(100, 2)).shape
        torch.Size([100, 1])
        """
        x = self.checked_input(x)
        if not is_transformed():
            self.note_input(x)
        return self.trace(x).output

    def trace(self, x: Any) -> PerceptronTrace:
        """Evaluate the perceptron and record every layer; differentiable, and `cache_data` stays as it is."""
        nodes = [self.checked_input(x)]
        for layer, linear in enumerate(self.linears):
            values = linear(nodes[-1])
            nodes.append(values if layer == self.depth - 1 else self.act_fun(values))
        return PerceptronTrace(nodes, self.w)


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """Return a linear layer with the numbers of `nn.Linear`, which itself draws from torch's global generator."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    bound = 1 / math.sqrt(inputs)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer
