"""One layer of numerical edges: a B-spline and a base function on every edge, a sum on every output.

    phi_ij(x) = mask_ij * (scale_base_ij * b(x_i) + scale_sp_ij * spline_ij(x_i)),     y_j = sum_i phi_ij(x_i)

Parameters carry pykan's names and shapes, and a seed draws pykan's numbers. Deviations from pykan: the sum is one
matrix product (`edge_sum`), least squares is stable, grid updates keep the function where there are no samples, and
random numbers come from a generator of the layer's own.

Source: Liu et al. 2024, arXiv 2404.19756, sec. 2.2 to 2.4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version

from kan.common.arrays import check_finite, check_floating
from kan.common.errors import ArgumentError, StateError, check_choice, check_number, check_range, check_whole
from kan.common.modules import is_hooked, move
from kan.common.properties import settled
from kan.common.random import on_cpu, stream
from kan.common.transforms import full_precision, is_autocast, is_transformed
from kan.layers.base_functions import BaseFunction, BaseKind, own_copies, resolve_base_function, values_of
from kan.layers.edge_sum import EdgeSums, Features, edge_sums, make_features
from kan.layers.sparse import sparse_mask
from kan.spline import (
    adaptive_knots,
    basis,
    evaluate_curves,
    extend_knots,
    fit_coefficients,
    interior_knots,
    refined_knots,
    transfer_coefficients,
    uniform_knots,
)

if TYPE_CHECKING:
    from kan.layers.edge_weights import SampleWeights


class KANLayer(nn.Module):
    """A layer of `in_dim` x `out_dim` learnable univariate functions.

    Parameters
    ----------
    in_dim, out_dim : int
        Numbers of inputs I and outputs O.
    num : int
        Number of grid intervals G, at least 1.
    k : int
        Spline degree, at least 0.
    noise_scale : float
        Size of the random spline at the start.
    scale_base_mu, scale_base_sigma : float
        `scale_base` starts uniformly in ``(mu ± sigma) / sqrt(I)``.
    scale_sp : float
        `scale_sp` starts at ``scale_sp / sqrt(I)``.
    base_fun : str or callable
        The base function b: 'silu', 'identity', 'zero', or a function of a tensor.
    grid_eps : float
        Where an update puts the knots: 0 at quantiles of the samples, 1 evenly spaced, values between 0 and 1 mix both.
    grid_range : pair of float
        The range of the grid at the start.
    sp_trainable, sb_trainable : bool
        Whether `scale_sp` and `scale_base` are trained.
    save_plot_data : bool
        Has no effect, as in pykan: per-edge values are computed when they are asked for.
    device : str or torch.device
    sparse_init : bool
        Start with few edges instead of all.
    generator : torch.Generator, optional
        Where the random numbers come from; by default a generator with seed 0.

    Raises
    ------
    ArgumentError
        For impossible dimensions, `num` or `k`, or an unknown `base_fun`.

    Examples
    --------
    >>> import torch
    >>> from kan import KANLayer
    >>> layer = KANLayer(in_dim=3, out_dim=5)
    >>> y, preacts, postacts, postspline = layer(torch.rand(100, 3))
    >>> y.shape, preacts.shape, postacts.shape, postspline.shape
    (torch.Size([100, 5]), torch.Size([100, 5, 3]), torch.Size([100, 5, 3]), torch.Size([100, 5, 3]))
    """

    # Set while the derivatives of many residuals are made at once; see `kan.layers.edge_weights`.
    sample_weights: SampleWeights | None = None

    @on_cpu
    def __init__(
        self,
        in_dim: int = 3,
        out_dim: int = 2,
        num: int = 5,
        k: int = 3,
        noise_scale: float = 0.5,
        scale_base_mu: float = 0.0,
        scale_base_sigma: float = 1.0,
        scale_sp: float = 1.0,
        base_fun: str | BaseFunction = "silu",
        grid_eps: float = 0.02,
        grid_range: Any = (-1, 1),
        sp_trainable: bool = True,
        sb_trainable: bool = True,
        save_plot_data: bool = True,  # noqa: ARG002
        device: Any = "cpu",
        sparse_init: bool = False,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.in_dim, self.out_dim = check_whole("in_dim", in_dim, 0), check_whole("out_dim", out_dim, 0)
        num, self.k = check_whole("num", num, 1), check_whole("k", k, 0)
        self.set_base_function(resolve_base_function(base_fun))
        self.grid_eps = check_number("grid_eps", grid_eps, least=0, most=1)
        generator = stream(0) if generator is None else generator
        low, high = check_range("grid_range", grid_range)
        if low == high:
            raise ArgumentError(f"`grid_range` must be an increasing pair; got ({low}, {high}).")
        interior = uniform_knots(low, high, inputs=self.in_dim, intervals=num)
        knots = extend_knots(interior, degree=self.k)
        # The order of the draws is pykan's, so that a seed gives the network it gives there.
        noise = (torch.rand(num + 1, self.in_dim, self.out_dim, generator=generator) - 0.5) * noise_scale / num
        base = 2 * torch.rand(self.in_dim, self.out_dim, generator=generator) - 1
        root = max(self.in_dim, 1) ** 0.5
        mask = sparse_mask(self.in_dim, self.out_dim) if sparse_init else torch.ones(self.in_dim, self.out_dim)
        coefficients = fit_coefficients(interior, noise.permute(1, 2, 0), knots, degree=self.k)
        self.grid = nn.Parameter(knots, requires_grad=False)
        self.coef = nn.Parameter(coefficients)
        self.mask = nn.Parameter(mask, requires_grad=False)
        self.scale_base = nn.Parameter((scale_base_mu + scale_base_sigma * base) / root, requires_grad=sb_trainable)
        self.scale_sp = nn.Parameter(scale_sp / root * mask, requires_grad=sp_trainable)
        move(self, device)

    @settled
    def num(self) -> int:
        """The number of grid intervals."""
        return self.grid.shape[1] - 2 * self.k - 1

    @settled
    def device(self) -> torch.device:
        """Where the parameters live."""
        return self.grid.device

    @property
    def is_called(self) -> bool:
        """Whether networks have to call the layer itself, for its hooks or for a `forward` of the user's own.

        Otherwise they use `edge_sums`, which is faster and returns no values of edges.
        """
        return is_hooked(self) or type(self).forward is not KANLayer.forward

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Evaluate every edge; training uses `forward_sum`, which does not keep per-edge values.

        Parameters
        ----------
        x : Tensor (N, I)

        Returns
        -------
        y : Tensor (N, O)
            The sums.
        preacts, postacts, postspline : Tensor (N, O, I)
            The input of every edge, its output, and its spline alone.

        Raises
        ------
        ArgumentError
            If `x` is not (N, I), or no tensor of floating-point numbers.

        Examples
        --------
        >>> import torch
        >>> from kan import KANLayer
        >>> y, preacts, postacts, postspline = KANLayer(in_dim=3, out_dim=5)(torch.rand(10, 3))
        >>> y.shape, postacts.shape
        (torch.Size([10, 5]), torch.Size([10, 5, 3]))
        """
        check_floating("x", x)
        self._check_rows(x)
        preacts = x[:, None, :].expand(-1, self.out_dim, -1)
        with full_precision(x.device.type):
            splines, base = self.edge_splines(x.T), self.base_values(x.T)[:, None, :]  # (I, O, N), (I, 1, N)
        outputs = self.mask[:, :, None] * (self.scale_base[:, :, None] * base + self.scale_sp[:, :, None] * splines)
        return outputs.sum(dim=0).T.contiguous(), preacts, outputs.permute(2, 1, 0), splines.permute(2, 1, 0)

    def forward_sum(self, x: Tensor) -> Tensor:
        """Evaluate the layer: ``(..., I) -> (..., O)``, any leading dimensions, any floating dtype.

        Examples
        --------
        >>> import torch
        >>> from kan import KANLayer
        >>> KANLayer(in_dim=3, out_dim=5).forward_sum(torch.rand(4, 7, 3)).shape
        torch.Size([4, 7, 5])
        """
        check_floating("x", x)
        self._check_columns(x)
        leading = x.shape[:-1]
        # `leading.numel()` would be a fixed number for `torch.export`; -1 is no number for tensors without entries.
        nodes = x.reshape(math.prod(leading), self.in_dim).T.contiguous()
        return self.edge_sums(nodes).sums.T.contiguous().reshape(*leading, self.out_dim)

    def features(self, x: Tensor) -> Features:
        """Compute the features in which edges are linear, for inputs (I, N) that are used often on one grid."""
        x = x.to(torch.promote_types(x.dtype, torch.float32))  # as in `edge_sums`
        with full_precision(x.device.type):
            return make_features(x, self.base_values(x), self.grid.to(x.dtype), degree=self.k)

    @property
    def base_kind(self) -> BaseKind:
        """The properties of the base function, which may have been set after construction."""
        if self._base_kind.function is not self.base_fun:
            self.set_base_function(self.base_fun)
        return self._base_kind

    def set_base_function(self, function: BaseFunction) -> None:
        """Use a base function, and find out at once, for compilers cannot, of what kind it is."""
        self.base_fun, self._base_kind = function, BaseKind.of(function)

    def base_values(self, x: Tensor) -> Tensor:
        """Return the base function's values (I, N) at inputs (I, N)."""
        return values_of(self.base_kind, x)

    def edge_sums(self, x: Tensor, *, with_variances: bool = False, features: Features | None = None) -> EdgeSums:
        """Evaluate with samples last: x (I, N) -> sums (O, N), and the variances (I, O) of the edges on request."""
        if self.sample_weights is not None and not with_variances and not is_transformed():
            return EdgeSums(self.sample_weights.sums(x, features), None)
        if is_autocast(x.device.type):
            # Products stay in the precision of the parameters, forward and backward, wherever the latter is called.
            with full_precision(x.device.type):
                return self.edge_sums(x, with_variances=with_variances, features=features)
        tensors: tuple[Tensor, ...] = (x, self.coef, self.scale_base, self.scale_sp, self.mask, self.grid)
        dtype = x.dtype
        # Eleven bits cannot tell knots apart; the bases are computed in float32 at least.
        common = torch.promote_types(torch.promote_types(dtype, self.coef.dtype), torch.float32)
        if not dtype == self.coef.dtype == common:
            tensors = tuple(tensor.to(common) for tensor in tensors)
        x, *others = tensors
        base = x if features is not None else self.base_values(x)  # part of the features
        result = edge_sums(x, base, *others, degree=self.k, with_variances=with_variances, features=features)
        return result if dtype == x.dtype else EdgeSums(result.sums.to(dtype), result.variances)

    def edge_splines(self, x: Tensor) -> Tensor:
        """Evaluate the bare spline of every edge: x (I, N) -> (I, O, N)."""
        return evaluate_curves(x, self.grid, self.coef, degree=self.k)

    def bases(self, x: Tensor, inputs: Tensor) -> Tensor:
        """Evaluate the bases of some inputs, repeats allowed: x (E, N) -> (E, B, N)."""
        return basis(x, self.grid[inputs], degree=self.k)

    @torch.no_grad()
    def update_grid_from_samples(self, x: Tensor, mode: str = "sample", *, margin: float = 0.0) -> None:
        """Move the knots to where the samples are, and keep the functions.

        Parameters
        ----------
        x : Tensor (N, I)
        mode : str
            'sample' keeps the functions at the samples, 'grid' on the new grid.
        margin : float
            How far the grid reaches beyond the samples on either side, as a fraction of their range.

        Raises
        ------
        ArgumentError
            If `x` is not (N, I), is empty, or holds NaN or Inf; nothing has changed then.

        Examples
        --------
        >>> import torch
        >>> from kan import KANLayer
        >>> layer = KANLayer(in_dim=1, out_dim=1, num=5, k=3, grid_eps=1.0)
        >>> layer.update_grid_from_samples(torch.linspace(-3, 3, steps=101)[:, None])
        >>> layer.grid[0, 3].item(), layer.grid[0, -4].item()
        (-3.0, 3.0)
        """
        check_choice("mode", mode, ("sample", "grid"))
        self._check_samples(x)
        if x.shape[0] == 0:
            raise ArgumentError(f"`x` must hold at least one sample of shape (N, {self.in_dim}) to place knots.")
        x = x.to(self.grid)
        current = interior_knots(self.grid, degree=self.k)
        interior = adaptive_knots(x, current, intervals=self.num, eps=self.grid_eps, margin=margin)
        self._move_curves(self, x, extend_knots(interior, degree=self.k), mode=mode)

    @torch.no_grad()
    def initialize_grid_from_parent(self, parent: KANLayer, x: Tensor, mode: str = "sample") -> None:
        """Copy the functions of `parent`, whose grid may be coarser, onto a subdivision of its knots.

        Parameters
        ----------
        parent : KANLayer
            A layer of the same I and O.
        x : Tensor (N, I)
            Samples; knots are stretched to cover them.
        mode : str
            'sample' keeps the functions at the samples, 'grid' on the new grid.

        Raises
        ------
        ArgumentError
            If `x` is not (N, I), or holds NaN or Inf; nothing has changed then.

        Examples
        --------
        >>> import torch
        >>> from kan import KANLayer
        >>> coarse, fine = KANLayer(in_dim=2, out_dim=1, num=5), KANLayer(in_dim=2, out_dim=1, num=10)
        >>> x = torch.rand(50, 2)
        >>> fine.initialize_grid_from_parent(coarse, x)
        >>> bool(torch.allclose(fine.edge_splines(x.T), coarse.edge_splines(x.T), atol=1e-5))
        True
        """
        check_choice("mode", mode, ("sample", "grid"))
        self._check_samples(x)
        self._subdivide(parent, x, intervals=self.num, mode=mode)

    @torch.no_grad()
    def refine(self, x: Tensor, intervals: int) -> None:
        """Subdivide the grid, and keep the functions; the coefficients change shape, and need a new optimiser.

        Parameters
        ----------
        x : Tensor (N, I)
            Samples; knots are stretched to cover them. Without any, the range of the grid stays.
        intervals : int

        Raises
        ------
        ArgumentError
            If `x` is not (N, I), or holds NaN or Inf; nothing has changed then.

        Examples
        --------
        >>> import torch
        >>> from kan import KANLayer
        >>> layer, x = KANLayer(in_dim=1, out_dim=1, num=5, k=3), torch.rand(20, 1)
        >>> y = layer.forward_sum(x)
        >>> layer.refine(x, 10)
        >>> layer.num, bool(torch.allclose(layer.forward_sum(x), y, atol=1e-5))
        (10, True)
        """
        self._check_samples(x)
        self._subdivide(self, x, intervals=check_whole("intervals", intervals, 1), mode="sample")
        # Gradients of the old shape belong to nothing any more.
        self.coef.grad = None

    def _subdivide(self, parent: KANLayer, x: Tensor, *, intervals: int, mode: str) -> None:
        """Take over the functions of `parent` on `intervals` that subdivide its own."""
        x = x.to(parent.grid)
        old = interior_knots(parent.grid, degree=parent.k)
        reached = x if len(x) else old.T
        interior = refined_knots(old, reached, intervals=intervals, degree=parent.k)
        self._move_curves(parent, x, extend_knots(interior, degree=self.k), mode=mode)

    def _move_curves(self, source: KANLayer, x: Tensor, knots: Tensor, *, mode: str) -> None:
        """Set the knots, and the coefficients that give the curves of `source`."""
        self.check_settable()
        samples = x.T if mode == "sample" else x.T[:, :0]
        moved = transfer_coefficients(samples, source.grid, source.coef, knots, degree=source.k, new_degree=self.k)
        for parameter, values in ((self.grid, knots), (self.coef, moved)):
            parameter.data = values.to(parameter)
            increment_version(parameter)  # so that torch refuses a backward pass that began with the old values

    @torch.no_grad()
    def get_subset(self, in_id: Any, out_id: Any) -> KANLayer:
        """Return a new layer of the chosen inputs and outputs, sharing nothing with this one.

        Parameters
        ----------
        in_id, out_id : sequence of int
            Inputs and outputs, in the order that they get.

        Examples
        --------
        >>> from kan import KANLayer
        >>> small = KANLayer(in_dim=10, out_dim=10, num=5, k=3).get_subset([0, 9], [1, 2, 3])
        >>> small.in_dim, small.out_dim
        (2, 3)
        """
        rows = torch.as_tensor(in_id, dtype=torch.long, device=self.device)
        columns = torch.as_tensor(out_id, dtype=torch.long, device=self.device)
        subset = self._sized(len(rows), len(columns)).to(self.grid)
        subset.set_base_function(*own_copies([self.base_fun]))
        subset.grid.data = self.grid[rows].clone()
        for name in ("coef", "mask", "scale_base", "scale_sp"):
            chosen, whole = getattr(subset, name), getattr(self, name)
            chosen.data = whole[rows][:, columns].clone()
            chosen.requires_grad_(whole.requires_grad)
        return subset.train(self.training)

    def _sized(self, inputs: int, outputs: int) -> KANLayer:
        """Return a new layer with the settings of this one and other dimensions."""
        return KANLayer(inputs, outputs, self.num, self.k, base_fun=self.base_fun, grid_eps=self.grid_eps)

    @torch.no_grad()
    def place(self, other: KANLayer, i: int, j: int) -> None:
        """Copy the edges of another layer; its first input becomes input i here, and its first output becomes j."""
        self.check_settable()
        rows, columns = slice(i, i + other.in_dim), slice(j, j + other.out_dim)
        self.grid[rows] = other.grid.to(self.grid)
        for name in ("coef", "mask", "scale_base", "scale_sp"):
            getattr(self, name)[rows, columns] = getattr(other, name).to(self.grid)

    @torch.no_grad()
    def reorder(self, order: Sequence[int], mode: str = "in") -> None:
        """Reorder the inputs (`mode='in'`) or outputs (`mode='out'`): the one now at `order[0]` comes first.

        Examples
        --------
        >>> import torch
        >>> from kan import KANLayer
        >>> layer, x = KANLayer(in_dim=3, out_dim=2), torch.rand(4, 3)
        >>> y = layer.forward_sum(x[:, [2, 0, 1]])
        >>> layer.reorder([1, 2, 0])
        >>> bool(torch.allclose(layer.forward_sum(x), y))
        True
        """
        check_choice("mode", mode, ("in", "out"))
        self.check_settable()
        order = list(order)
        for parameter in (self.coef, self.scale_base, self.scale_sp, self.mask):
            rows = parameter if mode == "in" else parameter.transpose(0, 1)
            rows.copy_(rows[order])
        if mode == "in":
            self.grid.copy_(self.grid[order])

    def swap(self, i1: int, i2: int, mode: str = "in") -> None:
        """Exchange two inputs (`mode='in'`) or two outputs (`mode='out'`).

        Parameters
        ----------
        i1, i2 : int
        mode : str

        Examples
        --------
        >>> import torch
        >>> from kan import KANLayer
        >>> layer = KANLayer(2, 1)
        >>> layer.mask.data = torch.tensor([[1.0], [0.0]])
        >>> layer.swap(0, 1)
        >>> layer.mask.tolist()
        [[0.0], [1.0]]
        """
        order = list(range(self.out_dim if mode == "out" else self.in_dim))
        order[i1], order[i2] = order[i2], order[i1]
        self.reorder(order, mode)

    def check_settable(self) -> None:
        """Raise a `StateError` if tensors of the layer are computed from others, and would not keep what is set.

        Examples
        --------
        >>> import torch
        >>> from kan import KANLayer
        >>> layer = torch.nn.utils.parametrizations.weight_norm(KANLayer(in_dim=3, out_dim=2), "coef")
        >>> layer.check_settable()
        Traceback (most recent call last):
            ...
        kan.common.errors.StateError: `coef` of a layer cannot be set, ...
        """
        own = {**self._parameters, **self._buffers}
        computed = [f"`{name}`" for name in ("grid", "coef", "mask", "scale_base", "scale_sp") if name not in own]
        if computed:
            raise StateError(
                f"{' and '.join(computed)} of a layer cannot be set, for it is computed from other parameters: make it "
                "a parameter again (`torch.nn.utils.parametrize.remove_parametrizations`, `torch.nn.utils.prune.remove`"
                "), or leave grids and structure as they are (`fit(update_grid=False)`)."
            )

    def extra_repr(self) -> str:
        """Describe the layer in one line, for `print(model)`."""
        return f"in_dim={self.in_dim}, out_dim={self.out_dim}, num={self.num}, k={self.k}"

    def _check_samples(self, x: Tensor) -> None:
        """Raise unless `x` is (N, I), and finite."""
        self._check_rows(x)
        check_finite("x", x)

    def _check_rows(self, x: Tensor) -> None:
        """Raise unless `x` is (N, I)."""
        if x.ndim != 2 or x.shape[1] != self.in_dim:
            raise ArgumentError(f"`x` must have shape (N, {self.in_dim}); got {tuple(x.shape)}.")

    def _check_columns(self, x: Tensor) -> None:
        """Raise unless the last dimension of `x` is I."""
        if x.ndim == 0 or x.shape[-1] != self.in_dim:
            raise ArgumentError(f"`x` must have {self.in_dim} columns, (..., {self.in_dim}); got {tuple(x.shape)}.")
