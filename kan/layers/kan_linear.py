"""A KAN layer that takes the place of `nn.Linear`, with the constructor of efficient-kan's `KANLinear`."""

from __future__ import annotations

import math
from typing import Any, Callable

import torch
from torch import Tensor, nn

from kan.common.arrays import check_finite
from kan.common.random import stream
from kan.layers.kan_layer import KANLayer


class KANLinear(KANLayer):
    """A layer ``(..., in_features) -> (..., out_features)`` for use inside any other network.

    Parameters
    ----------
    in_features, out_features : int
    grid_size : int
        Number of grid intervals.
    spline_order : int
        Spline degree.
    scale_noise : float
        Size of the random spline at the start.
    scale_base : float
        The weights of the base function start as in `nn.Linear`, times this.
    scale_spline : float
        The scale of the spline at the start.
    enable_standalone_scale_spline : bool
        Whether the scale of each spline is trained besides its coefficients.
    base_activation : class, str or callable
        A class without arguments, such as `torch.nn.SiLU`, whose instance is the base function; or what `KANLayer`
        takes as `base_fun`.
    grid_eps : float
    grid_range : pair of float
    generator : torch.Generator, optional
        Where the random numbers come from; by default torch's global generator, as for any layer of `torch.nn`.

    Examples
    --------
    >>> import torch
    >>> from kan import KANLinear
    >>> network = torch.nn.Sequential(KANLinear(8, 16), KANLinear(16, 2))
    >>> network(torch.rand(3, 5, 8)).shape
    torch.Size([3, 5, 2])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        grid_size: int = 5,
        spline_order: int = 3,
        scale_noise: float = 0.1,
        scale_base: float = 1.0,
        scale_spline: float = 1.0,
        enable_standalone_scale_spline: bool = True,
        base_activation: str | Callable[..., Any] = nn.SiLU,
        grid_eps: float = 0.02,
        grid_range: Any = (-1, 1),
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(
            in_features,
            out_features,
            grid_size,
            spline_order,
            noise_scale=scale_noise,
            scale_base_sigma=scale_base,
            scale_sp=scale_spline,
            base_fun=base_activation,
            grid_eps=grid_eps,
            grid_range=grid_range,
            sp_trainable=enable_standalone_scale_spline,
            device=torch.get_default_device(),
            generator=torch.default_generator if generator is None else generator,
        )
        self.in_features, self.out_features = in_features, out_features

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Evaluate ``(..., in_features) -> (..., out_features)``."""
        return self.forward_sum(x)

    def update_grid_from_samples(self, x: Tensor, mode: str = "sample", *, margin: float = 0.0) -> None:
        """Move the knots to where samples ``(..., in_features)`` are, as `KANLayer.update_grid_from_samples` does."""
        super().update_grid_from_samples(self._rows(x), mode, margin=margin)

    def refine(self, x: Tensor, intervals: int) -> None:
        """Subdivide the grid where samples ``(..., in_features)`` are, as `KANLayer.refine` does."""
        super().refine(self._rows(x), intervals)

    def extra_repr(self) -> str:
        """Describe the layer in one line, in the terms of the constructor."""
        sizes = f"in_features={self.in_features}, out_features={self.out_features}"
        return f"{sizes}, grid_size={self.num}, spline_order={self.k}"

    def _sized(self, inputs: int, outputs: int) -> KANLinear:
        """Return a new layer with the settings of this one and other dimensions; no random numbers are taken."""
        options: dict[str, Any] = {"base_activation": self.base_fun, "grid_eps": self.grid_eps, "generator": stream(0)}
        return KANLinear(inputs, outputs, self.num, self.k, **options)

    def _rows(self, x: Tensor) -> Tensor:
        """Return samples (..., I) as rows (N, I), or raise unless all are finite."""
        self._check_columns(x)
        check_finite("x", x)
        return x.reshape(math.prod(x.shape[:-1]), self.in_dim)
