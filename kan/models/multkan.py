"""The Kolmogorov-Arnold network with sum and product nodes, under pykan's names.

The class only collects: `Network` holds the parameters and the forward pass, and each base class here is one chapter of
a model's life. Where behaviour differs from pykan 0.2.8, the module that does the work says so and why.

Source: Liu et al. 2024, arXiv 2404.19756 (KAN) and arXiv 2408.10205 (KAN 2.0).
"""

from __future__ import annotations

from typing import Any

from kan.layers.base_functions import BaseFunction
from kan.models.editing import Editing
from kan.models.fitting import Fitting
from kan.models.looking import Looking
from kan.models.reading import Reading
from kan.models.reshaping import Reshaping
from kan.models.symbolism import Symbolism


class MultKAN(Fitting, Editing, Reshaping, Symbolism, Looking, Reading):
    """A Kolmogorov-Arnold network: a learnable function on every edge, a sum or a product on every node.

    `KAN` is the same class.

    Parameters
    ----------
    width : list
        Nodes of every layer, inputs first. A number means sum nodes; a pair [n, m] means n sum and m product nodes.
    grid : int or list of int
        Number of grid intervals G of the splines, for all layers or for each.
    k : int or list of int
        Degree of the splines, for all layers or for each.
    mult_arity : int or list of lists of int
        How many factors product nodes have: one number for all, or for every entry of `width` a list with one number
        per product node.
    noise_scale : float
        Size of the random splines at the start.
    scale_base_mu, scale_base_sigma : float
        The weights of the base function start uniformly in ``(mu ± sigma) / sqrt(inputs of the layer)``.
    base_fun : str or callable
        The function beside the spline: 'silu', 'identity', 'zero', or a function of a tensor.
    symbolic_enabled : bool
        Whether symbolic edges are evaluated.
    affine_trainable : bool
        Whether scale and bias of nodes and sub-nodes are trained.
    grid_eps : float
        Where an update puts the knots: 0 at quantiles of the samples, 1 evenly spaced, values between 0 and 1 mix both.
    grid_range : pair of float
        The range of the grids at the start.
    sp_trainable, sb_trainable : bool
        Whether the scales of splines and of base functions are trained.
    seed : int
        Seed of the model's own random numbers; the same seed gives the network that pykan makes from it.
    save_act : bool
        Kept as an attribute, without other effect: activations are computed when they are read.
    sparse_init : bool
        Start with few edges instead of all.
    auto_save : bool
        Keep a version of the model after every change, in memory, for `rewind`.
    first_init : bool
        Whether this is a new model, whose versions start at 0.0, and not the continuation of another.
    ckpt_path : str, optional
        A folder in which versions are also saved, one sub-folder for every run. None writes nothing.
    state_id, round : int
        The number of the version, `round.state_id`, with which a model continues.
    device : str or torch.device
    noise_scale_base : float, optional
        pykan 0.0's name: the base function's weights start around ``1 / sqrt(inputs)`` with this deviation.

    Raises
    ------
    ArgumentError
        If the arguments describe no network.

    Examples
    --------
    >>> import torch
    >>> from kan import KAN
    >>> model = KAN(width=[2, 5, 1], grid=5, k=3, seed=0)
    >>> model(torch.rand(100, 2)).shape
    torch.Size([100, 1])
    """

    def __init__(
        self,
        width: Any = None,
        grid: int | list[int] = 3,
        k: int | list[int] = 3,
        mult_arity: Any = 2,
        noise_scale: float = 0.3,
        scale_base_mu: float = 0.0,
        scale_base_sigma: float = 1.0,
        base_fun: str | BaseFunction = "silu",
        symbolic_enabled: bool = True,
        affine_trainable: bool = False,
        grid_eps: float = 0.02,
        grid_range: Any = (-1, 1),
        sp_trainable: bool = True,
        sb_trainable: bool = True,
        seed: int = 1,
        save_act: bool = True,
        sparse_init: bool = False,
        auto_save: bool = True,
        first_init: bool = True,
        ckpt_path: str | None = None,
        state_id: int = 0,
        round: int = 0,  # noqa: A002 - pykan's name
        device: Any = "cpu",
        *,
        noise_scale_base: float | None = None,
    ) -> None:
        if noise_scale_base is not None:
            scale_base_mu, scale_base_sigma = 1.0, noise_scale_base
        super().__init__(
            width,
            grid=grid,
            k=k,
            mult_arity=mult_arity,
            noise_scale=noise_scale,
            scale_base_mu=scale_base_mu,
            scale_base_sigma=scale_base_sigma,
            base_fun=base_fun,
            symbolic_enabled=symbolic_enabled,
            affine_trainable=affine_trainable,
            grid_eps=grid_eps,
            grid_range=grid_range,
            sp_trainable=sp_trainable,
            sb_trainable=sb_trainable,
            seed=seed,
            save_act=save_act,
            sparse_init=sparse_init,
            device=device,
        )
        self._start_versions(
            auto_save=auto_save, ckpt_path=ckpt_path, first_init=first_init, state_id=state_id, round_id=round
        )


KAN = MultKAN
