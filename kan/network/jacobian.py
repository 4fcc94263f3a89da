"""The derivatives of a network's outputs with respect to every trained number, sample by sample, for least squares.

One adjoint pass per output gives signals: how the output at sample n depends on the sums of every layer at sample n.
The sums are linear in the features, so a row of the Jacobian is a product of two rows that are at hand,

    d output[n] / d weight(i, o, b) = signal[o, n] * feature[i, b, n],

and there is neither a backward pass per sample nor one per parameter. Rows belong to weights; `Jacobian.factors` are
the derivatives of the weights with respect to the parameters behind them (`scale_sp * mask` for coefficients).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import torch
from torch import Tensor

from kan.layers.edge_adjoint import EdgeAdjoint
from kan.layers.edge_weights import EdgeWeights
from kan.layers.symbolic_adjoint import SymbolicAdjoint
from kan.network.adjoint import Adjoint, Signals


class Jacobian:
    """The trained numbers of a network as one vector, and the derivatives of its outputs.

    Parameters
    ----------
    adjoint : Adjoint
        After a first `forward`; like it, valid until grids move or edges change their kind.

    Attributes
    ----------
    size : int
        How many numbers are trained, P.
    """

    def __init__(self, adjoint: Adjoint) -> None:
        self._adjoint = adjoint
        self._blocks: list[_Block] = []
        for layer in range(adjoint.network.depth):
            self._blocks += _blocks_of(adjoint, layer)
        self._sizes = [block.size for block in self._blocks]
        self.size = sum(self._sizes)

    @torch.no_grad()
    def read(self) -> Tensor:
        """Return the trained numbers (P,) in double precision."""
        return self._collect("read")

    @torch.no_grad()
    def factors(self) -> Tensor:
        """Return the derivatives (P,) of the weights that rows belong to with respect to the trained numbers."""
        return self._collect("factors")

    @torch.no_grad()
    def write(self, numbers: Tensor) -> None:
        """Set the trained numbers."""
        for block, piece in zip(self._blocks, numbers.split(self._sizes)):
            block.write(piece)

    @torch.no_grad()
    def signals(self, output: int) -> list[Signals]:
        """Return how an output depends on every layer at the parameters of the last `forward`."""
        last = self._adjoint.layers[-1].products
        seed = torch.zeros_like(last)
        seed[output] = 1
        return self._adjoint.signals(seed)

    @torch.no_grad()
    def fill(self, rows: Tensor, signals: list[Signals], columns: slice) -> None:
        """Write the derivatives of an output at some of the samples into rows (P, n), without their `factors`."""
        for block, piece in zip(self._blocks, rows.split(self._sizes)):
            block.fill(piece, signals, columns)

    def edges(self) -> Iterator[tuple[int, slice]]:
        """Yield the layers with numerical edges, and where their weights (I, O, B + 1) are in the vector."""
        start = 0
        for block in self._blocks:
            if isinstance(block, _EdgeBlock):
                yield block.index, slice(start, start + block.size)
            start += block.size

    def units(self, curvatures: Tensor) -> Tensor:
        """Return what the curvature of every number (P,) is to be measured against.

        The weights of edges are of one kind: the largest curvature of any. Symbolic and affine parameters are not, and
        can be of any size: their own.
        """
        of_edges = [where for _, where in self.edges()]
        units = curvatures.clone()
        if of_edges:
            largest = torch.stack([curvatures[where].max() for where in of_edges]).max()
            for where in of_edges:
                units[where] = largest
        return units

    def gather(self, gradients: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the gradients of some parameters as one vector (P,), zero for others."""
        known = {id(parameter): gradient for parameter, gradient in gradients}
        vector = torch.zeros(self.size, dtype=torch.float64, device=self._adjoint.network.device)
        for block, piece in zip(self._blocks, vector.split(self._sizes)):
            block.gather(piece, known)
        return vector

    def _collect(self, what: str) -> Tensor:
        """Let every block write its part of a vector."""
        vector = torch.empty(self.size, dtype=torch.float64, device=self._adjoint.network.device)
        for block, piece in zip(self._blocks, vector.split(self._sizes)):
            getattr(block, what)(piece)
        return vector


class _Block(Protocol):
    """Some of the trained numbers, as a piece of the vector and as rows."""

    size: int

    def read(self, numbers: Tensor) -> None: ...
    def write(self, numbers: Tensor) -> None: ...
    def factors(self, numbers: Tensor) -> None: ...
    def fill(self, rows: Tensor, signals: list[Signals], columns: slice) -> None: ...
    def gather(self, numbers: Tensor, gradients: Mapping[int, Tensor]) -> None: ...


def _blocks_of(adjoint: Adjoint, layer: int) -> list[_Block]:
    """Return the blocks of one layer."""
    blocks: list[_Block] = []
    edges = adjoint.layers[layer].edges
    if edges is not None and EdgeWeights(edges.layer).is_trained:
        blocks.append(_EdgeBlock(edges, layer))
    symbolic = adjoint.symbolic[layer]
    if adjoint.network.symbolic_enabled and symbolic.layer.affine.requires_grad and symbolic.layer.edge_groups():
        blocks.append(_SymbolicBlock(symbolic, layer))
    for what in ("subnode", "node"):
        for kind, parameter in zip(("scale", "bias"), adjoint.network.affine_map(what, layer)):
            if parameter.requires_grad:
                blocks.append(_AffineBlock(adjoint, layer, what, kind, parameter))
    return blocks


class _EdgeBlock(EdgeWeights):
    """Coefficients and base scales of numerical edges."""

    def __init__(self, edges: EdgeAdjoint, index: int) -> None:
        super().__init__(edges.layer)
        self._edges, self.index = edges, index

    def fill(self, rows: Tensor, signals: list[Signals], columns: slice) -> None:
        """Write the products of signals and features."""
        features, sums = self._edges.features(), signals[self.index].sums
        torch.mul(
            features[:, None, :, columns], sums[None, :, None, columns], out=rows.view(*self.shape, rows.shape[1])
        )


class _SymbolicBlock:
    """The affine parameters of symbolic edges: E * 4 numbers."""

    def __init__(self, symbolic: SymbolicAdjoint, layer: int) -> None:
        self._symbolic, self.layer = symbolic, layer
        self._edges = symbolic.edges()
        self.size = 4 * len(self._edges[0])

    def read(self, numbers: Tensor) -> None:
        numbers.view(-1, 4).copy_(self._symbolic.layer.affine[self._edges])

    def write(self, numbers: Tensor) -> None:
        affine = self._symbolic.layer.affine
        affine[self._edges] = numbers.view(-1, 4).to(affine)

    def factors(self, numbers: Tensor) -> None:
        numbers.fill_(1)

    def fill(self, rows: Tensor, signals: list[Signals], columns: slice) -> None:
        rows.view(-1, 4, rows.shape[1]).copy_(self._symbolic.rows(signals[self.layer].sums)[:, :, columns])

    def gather(self, numbers: Tensor, gradients: Mapping[int, Tensor]) -> None:
        gradient = gradients.get(id(self._symbolic.layer.affine))
        if gradient is not None:
            numbers.view(-1, 4).copy_(gradient[self._edges])


class _AffineBlock:
    """One of the scales and biases of nodes and sub-nodes."""

    def __init__(self, adjoint: Adjoint, layer: int, what: str, kind: str, parameter: Tensor) -> None:
        self._adjoint, self.layer, self._what, self._kind = adjoint, layer, what, kind
        self._parameter, self.size = parameter, parameter.numel()

    def read(self, numbers: Tensor) -> None:
        numbers.copy_(self._parameter)

    def write(self, numbers: Tensor) -> None:
        self._parameter.copy_(numbers)

    def factors(self, numbers: Tensor) -> None:
        numbers.fill_(1)

    def fill(self, rows: Tensor, signals: list[Signals], columns: slice) -> None:
        found, passed = signals[self.layer], self._adjoint.layers[self.layer]
        of_node = self._what == "node"
        signal = (found.nodes if of_node else found.subnodes)[:, columns]
        if self._kind == "bias":
            rows.copy_(signal)
        else:
            torch.mul(signal, (passed.products if of_node else passed.sums)[:, columns], out=rows)

    def gather(self, numbers: Tensor, gradients: Mapping[int, Tensor]) -> None:
        gradient = gradients.get(id(self._parameter))
        if gradient is not None:
            numbers.copy_(gradient)
