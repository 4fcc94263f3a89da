"""Residuals of any kind as a sum of squares, for Levenberg-Marquardt: physics losses, derivatives by autograd.

By autograd alone, the Jacobian of M residuals with respect to P numbers is expensive: one backward pass per residual,
or, as here, one per number through the graph of the backward pass. But a residual at a collocation point mostly
depends on few of the samples that the network was given, and they on no other residual. So the layers of a network
evaluate with a copy of their weights for every sample (`kan.layers.edge_weights`), and one backward pass gives the
gradients of all rows, or of other groups of residuals that share no sample. Whether they do is not assumed but checked,
by the gradient of a random combination of all residuals.

Measured on the Poisson equation with [2, 10, 1] and 525 residuals, on one thread: 0.03 s by samples, 0.65 s number by
number; passes batched by ``is_grads_batched`` take three times longer than the same passes one after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from kan.common.errors import ArgumentError
from kan.common.precision import to_double, widest
from kan.common.random import stream
from kan.layers import KANLayer
from kan.layers.edge_weights import EdgeWeights, SampleWeights, sample_weights
from kan.training.flat_vectors import copy_all
from kan.training.quadratic import PROBE, Quadratic, add_products

ResidualFunction = Callable[[], Any]

_CREATE_GRAPH = "make derivatives with `create_graph=True`, as in batch_hessian(model, x, create_graph=True)"


class ResidualSquares:
    """The sum of the squares of what a function returns, as `kan.training.quadratic.LeastSquares`.

    Parameters
    ----------
    parameters : sequence of Tensor
        The trained parameters.
    layers : sequence of KANLayer
        Those of the model, whose edges are differentiated sample by sample.
    function : callable
        Returns residuals: a tensor, or several.
    """

    def __init__(self, parameters: Sequence[Tensor], layers: Sequence[KANLayer], function: ResidualFunction) -> None:
        self._function = function
        given = {id(parameter) for parameter in parameters}
        uses = Counter(id(parameter) for layer in layers for parameter in layer.parameters())
        self._layers = [
            layer
            for layer in layers
            if {id(layer.coef), id(layer.scale_base)} & given
            # What several layers share, and what a layer computes by a `forward` of its own, is left to autograd.
            and all(uses[id(parameter)] == 1 for parameter in layer.parameters())
            and not layer.is_called
        ]
        self._weights = [EdgeWeights(layer) for layer in self._layers]
        of_layers = {id(entry) for layer in self._layers for entry in (layer.coef, layer.scale_base, layer.scale_sp)}
        self._others = [parameter for parameter in parameters if id(parameter) not in of_layers]
        sizes = [weights.size for weights in self._weights] + [parameter.numel() for parameter in self._others]
        self._sizes, self.size = sizes, sum(sizes)
        self._of_edges: list[Tensor] = [
            entry for layer in self._layers for entry in (layer.coef, layer.scale_base) if entry.requires_grad
        ]
        self._device = parameters[0].device
        self._constants: list[Tensor | None] = []

    @torch.no_grad()
    def read(self) -> Tensor:
        """Return the trained numbers (P,)."""
        vector = self._vector()
        pieces = iter(vector.split(self._sizes))
        for weights, piece in zip(self._weights, pieces):
            weights.read(piece)
        copy_all(*self._paired(pieces))
        return to_double(vector)

    @torch.no_grad()
    def write(self, numbers: Tensor) -> None:
        """Set the trained numbers."""
        pieces = iter(numbers.to(self._device, widest(self._device)).split(self._sizes))
        for weights, piece in zip(self._weights, pieces):
            weights.write(piece)
        copy_all(*reversed(self._paired(pieces)))

    def value(self) -> float:
        """Return the sum of squares."""
        return float(self._residuals().square().sum())

    def model(self) -> Quadratic:
        """Return sum of squares and model."""
        with torch.enable_grad(), sample_weights(self._layers) as copies:
            blocks = self._blocks()
        self._constants = [None if block.requires_grad else block for block in blocks]
        rows = torch.cat([self._rows_of(block, copies) for block in blocks], dim=1)  # (P, M)
        if not rows.any() and not any(self._is_trained(block) for block in blocks):
            raise ArgumentError(
                "no residual depends on the parameters of the optimiser; after `refine` or `prune` make a new one, and "
                f"{_CREATE_GRAPH}."
            )
        self._base = to_double(torch.cat([block.detach().reshape(-1) for block in blocks]))
        self._rows = torch.cat([to_double(rows), self._base[None]])
        total = self._rows.new_zeros(self.size + 1, self.size + 1)
        add_products(self._rows, total)
        units = self._units(total.diagonal()[:-1])
        return Quadratic(float(self._base.square().sum()), total[-1, :-1].clone(), total[:-1, :-1], units)

    def bend(self, start: Tensor, move: Tensor) -> Tensor:
        """Return the Jacobian times the second derivative of the residuals along `move`."""
        if self._is_coarse:
            return torch.zeros_like(move)  # differences of differences would be rounding
        self.write(start + PROBE * move)
        change = (self._residuals() - self._base) / PROBE
        return self._rows[:-1] @ ((change - move @ self._rows[:-1]) * (2 / PROBE))

    def _is_trained(self, block: Tensor) -> bool:
        """Whether any of the parameters plays a part in a block."""
        trained = [*self._of_edges, *self._others]
        return block.requires_grad and any(
            gradient is not None for gradient in _gradients(block, trained, torch.ones_like(block))
        )

    def _units(self, curvatures: Tensor) -> Tensor:
        """Return what the curvature of every number (P,) is to be measured against.

        Weights, in edges or matrices, are of one kind: the largest curvature of any. Numbers and vectors may be
        constants of nature, of any size: their own.
        """
        units = curvatures.clone()
        are_weights = [True] * len(self._weights) + [other.ndim > 1 for other in self._others]
        weights = [piece for piece, is_one in zip(units.split(self._sizes), are_weights) if is_one]
        if weights:
            largest = torch.cat(weights).max()
            for piece in weights:
                piece.fill_(largest)
        return units

    def _blocks(self) -> list[Tensor]:
        """Call the function, and return its residuals as matrices (samples, columns)."""
        returned = self._function()
        if isinstance(returned, Tensor) and returned.ndim == 0 and self.size > 1:
            raise ArgumentError(
                "the function returned a single number, as a loss is; return the residuals at all points, without "
                "`.square()` and `.mean()`: their squares are summed here. (A single residual has the shape (1,).)"
            )
        blocks = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        for block in blocks:
            if not isinstance(block, Tensor) or not block.is_floating_point():
                got = f"a tensor of dtype {block.dtype}" if isinstance(block, Tensor) else type(block).__name__
                raise ArgumentError(
                    "the function must return residuals, whose squares are summed: a floating tensor, or a tuple of "
                    f"such; got {got}."
                )
        blocks = [block for block in blocks if block.numel()]
        if not blocks:
            raise ArgumentError("the function returned no residual; give it points at which there are some.")
        self._is_coarse = any(block.dtype != torch.float64 for block in blocks)
        return [block.reshape(len(block), -1) if block.ndim else block.reshape(1, 1) for block in blocks]

    def _residuals(self) -> Tensor:
        """Return all residuals (M,) in double precision."""
        with torch.enable_grad():
            blocks = self._blocks()
        for block, constant in zip(blocks, self._constants):
            if constant is not None and not torch.equal(block, constant):
                raise ArgumentError(
                    f"some residuals change with the parameters, but have no gradient; {_CREATE_GRAPH}."
                )
        return to_double(torch.cat([block.detach().reshape(-1) for block in blocks]))

    @torch.no_grad()
    def _rows_of(self, block: Tensor, copies: list[SampleWeights]) -> Tensor:
        """Return the derivatives (P, M) of a block (samples, columns)."""
        rows = self._vector(block.numel())
        if not block.requires_grad:
            return rows
        pieces, count = list(rows.split(self._sizes)), len(self._weights)
        if count and not self._fill_by_samples(pieces, block, copies):
            self._gather(pieces, _differentiate(block, self._of_edges))
        for piece, derivatives in zip(pieces[count:], _differentiate(block, self._others)):
            piece.copy_(derivatives.view(piece.shape))
        return rows

    def _fill_by_samples(self, pieces: list[Tensor], block: Tensor, copies: list[SampleWeights]) -> bool:
        """Write the derivatives with respect to edges from the gradients of the copies of their weights.

        Rows of a block mostly belong to samples in turn. Otherwise samples are asked for the residual that each of them
        plays a part in: one of all, one of every column, or one of every row.

        Returns
        -------
        bool
            Whether these are the derivatives; if not, samples share residuals.
        """
        combination = torch.randn(block.shape, generator=stream(0), dtype=torch.float64, device="cpu").to(block)
        expected = [torch.zeros_like(piece[:, 0]) for piece in pieces]
        self._gather(expected, _gradients(block, self._of_edges, combination))
        numbers = torch.arange(block.numel(), device=block.device).view(block.shape)
        for groups, in_turn in ((numbers.T, True), (numbers.view(1, -1), False), (numbers.T, False), (numbers, False)):
            # With more groups, a pass for every residual costs as much.
            if 4 * len(groups) < block.numel():
                self._fill(pieces, block, copies, groups, in_turn=in_turn)
                if self._is_right(pieces, combination, expected):
                    return True
        return False

    def _fill(
        self, pieces: list[Tensor], block: Tensor, copies: list[SampleWeights], groups: Tensor, *, in_turn: bool
    ) -> None:
        """Write the derivatives, given groups (groups, members) of residuals that share no sample."""
        leaves = [leaf for found in copies for leaf in found.copies]
        places = [piece for piece, found in zip(pieces, copies) for _ in found.copies]
        numbers = torch.arange(1, block.numel() + 1).to(block)
        for piece in pieces[: len(copies)]:
            piece.zero_()
        for group in groups:
            chosen = torch.zeros_like(numbers).index_fill_(0, group, 1)
            gradients = _gradients(block, leaves, chosen.view(block.shape))
            numbered = gradients if in_turn else _gradients(block, leaves, (chosen * numbers).view(block.shape))
            for piece, gradient, other in zip(places, gradients, numbered):
                if gradient is None or other is None or (in_turn and gradient.shape[-1] != len(group)):
                    continue
                gradient = gradient.flatten(0, -2)  # (numbers, samples)
                owners = group if in_turn else _owners(gradient, other.flatten(0, -2), block.numel())
                piece.index_add_(1, owners, gradient.to(piece))
        for weights, piece in zip(self._weights, pieces):
            factors = piece.new_empty(weights.size)
            weights.factors(factors)
            piece *= factors[:, None]

    def _is_right(self, pieces: list[Tensor], combination: Tensor, expected: list[Tensor]) -> bool:
        """Whether these are the derivatives, by the expected gradient of a random combination of the residuals."""
        limit = torch.finfo(combination.dtype).eps ** 0.6
        for piece, vector in zip(pieces, expected[: len(self._weights)]):
            error = piece @ combination.reshape(-1).to(piece) - vector
            if not float(error.norm()) <= limit * float(vector.norm()):
                return False
        return True

    def _gather(self, pieces: list[Tensor], gradients: Sequence[Tensor | None]) -> None:
        """Write gradients of the parameters of edges into pieces."""
        known = {id(entry): gradient for entry, gradient in zip(self._of_edges, gradients) if gradient is not None}
        for weights, piece in zip(self._weights, pieces):
            weights.gather(piece, known)

    def _paired(self, pieces: Iterable[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return pieces of the vector and the parameters that they stand for, of the same shapes."""
        return [piece.view(other.shape) for piece, other in zip(pieces, self._others)], self._others

    def _vector(self, *columns: int) -> Tensor:
        """Return zeros for every number."""
        return torch.zeros(self.size, *columns, dtype=widest(self._device), device=self._device)


def _owners(gradient: Tensor, numbered: Tensor, count: int) -> Tensor:
    """Return which of `count` residuals every sample plays a part in (samples,).

    The gradients (P, samples) of the sum of residuals tell it, and, `numbered`, of the sum of them times 1, 2, ...
    Samples that play no part are given to the first.
    """
    largest = gradient.abs().argmax(dim=0, keepdim=True)
    ratios = (numbered.gather(0, largest) / gradient.gather(0, largest))[0]
    return ratios.round().nan_to_num(nan=1).clamp(1, count).long() - 1


def _gradients(values: Tensor, tensors: list[Tensor], factors: Tensor | None = None) -> list[Tensor | None]:
    """Return the gradients of a combination of values, None for tensors that play no part."""
    if not tensors:
        return []
    return list(torch.autograd.grad(values, tensors, factors, retain_graph=True, allow_unused=True))


def _differentiate(block: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    """Return the derivatives (..., M) of residuals: a backward pass for each of them, or for each number if fewer.

    With v the factors of the residuals, the gradient J'v is linear in v, and its backward pass gives columns of J.
    """
    count = block.numel()
    result = [tensor.new_zeros(*tensor.shape, count) for tensor in tensors]
    # Affine parameters of idle symbolic edges play no part, and are soon found out to.
    found = _gradients(block, tensors, torch.ones_like(block))
    tensors = [tensor for tensor, gradient in zip(tensors, found) if gradient is not None]
    derivatives = [rows for rows, gradient in zip(result, found) if gradient is not None]
    if not tensors:
        return result
    if sum(tensor.numel() for tensor in tensors) >= count:
        for index, one in enumerate(torch.eye(count).to(block)):
            for rows, gradient in zip(derivatives, _gradients(block, tensors, one.view(block.shape))):
                if gradient is not None:
                    rows[..., index] = gradient
        return result
    factors = torch.zeros_like(block, requires_grad=True)
    combined = torch.autograd.grad(block, tensors, factors, create_graph=True)
    for rows, gradient in zip(derivatives, combined):
        for index, row in enumerate(rows.view(-1, count)):
            one = gradient.new_zeros(gradient.numel())
            one[index] = 1
            (column,) = _gradients(gradient, [factors], one.view(gradient.shape))
            if column is not None:
                row.copy_(column.reshape(-1))
    return result
