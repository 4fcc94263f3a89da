"""Structure: grids, masks, removing and pruning, refining."""

from __future__ import annotations

from typing import Any, TypeVar

import torch

from kan import surgery
from kan.common.errors import ArgumentError, check_choice
from kan.models.versions import Versions
from kan.network import Network

Self = TypeVar("Self", bound="Editing")


class Editing(Versions):
    """The part of a model that changes its structure."""

    def update_grid_from_samples(self, x: Any) -> None:
        """Move the grids of all layers to the values that they get for samples; keep the function.

        Parameters
        ----------
        x : Tensor (N, inputs)
            Samples.

        Raises
        ------
        ArgumentError
            If `x` is empty, has another shape or holds NaN or Inf; nothing has changed then.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[1, 1], grid=5, k=3, seed=0, grid_eps=1.0)
        >>> model.update_grid_from_samples(torch.linspace(-10, 10, steps=101)[:, None])
        >>> model.act_fun[0].grid[0, 3].item(), model.act_fun[0].grid[0, -4].item()
        (-10.0, 10.0)
        """
        surgery.update_grid(self, x)

    def update_grid(self, x: Any) -> None:
        """Do what `update_grid_from_samples` does.

        Parameters
        ----------
        x : Tensor (N, inputs)
            Samples.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[1, 1], grid=5, k=3, grid_eps=1.0)
        >>> model.update_grid(torch.linspace(0, 4, steps=101)[:, None])
        >>> model.act_fun[0].grid[0, 3].item(), model.act_fun[0].grid[0, -4].item()
        (0.0, 4.0)
        """
        self.update_grid_from_samples(x)

    def initialize_from_another_model(self: Self, another_model: Network, x: Any) -> Self:
        """Take over function and settings of a model of the same width, whose grid may differ; return this model.

        Parameters
        ----------
        another_model : KAN
            Its base function is that of this model.
        x : Tensor (N, inputs)
            The data on which the function is kept.

        Raises
        ------
        ArgumentError
            If the models have different shapes or base functions, or `x` is empty, has another shape or holds NaN.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> coarse, x = KAN(width=[2, 5, 1], grid=3), torch.rand(100, 2)
        >>> fine = KAN(width=[2, 5, 1], grid=6).initialize_from_another_model(coarse, x)
        >>> bool(torch.allclose(fine(x), coarse(x), atol=1e-5))
        True
        """
        surgery.initialize_from_another_model(self, another_model, x)
        return self

    def initialize_grid_from_another_model(self, model: Network, x: Any) -> None:
        """Take over the grids, and the splines on them, of a model of the same width.

        Parameters
        ----------
        model : KAN
            Its grids may be coarser, and are subdivided.
        x : Tensor (N, inputs)
            Samples; knots are stretched to cover what each layer of `model` makes of them.

        Raises
        ------
        ArgumentError
            If the models have different shapes, or `x` is empty, has another shape or holds NaN.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> coarse, fine = KAN(width=[1, 1], grid=3, grid_range=[0, 3]), KAN(width=[1, 1], grid=6)
        >>> fine.initialize_grid_from_another_model(coarse, torch.linspace(0, 3, steps=50)[:, None])
        >>> fine.act_fun[0].grid[0, 3:-3].tolist()
        [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
        """
        surgery.initialize_grid_from_another_model(self, model, x)

    def refine(self: Self, new_grid: Any = None, *, grid: Any = None) -> Self:
        """Return a model with more grid intervals and the same function.

        Parameters
        ----------
        new_grid : int or list of int
            Number of grid intervals, for all layers or for each.
        grid
            Another name of `new_grid`.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[2, 5, 1], grid=5, k=3, seed=0)
        >>> model.get_act(torch.rand(100, 2))
        >>> model.refine(10).grid
        10
        """
        new_grid = grid if new_grid is None else new_grid
        if new_grid is None:
            raise ArgumentError("`refine` needs `new_grid`, the number of grid intervals, such as `model.refine(10)`.")
        return self._continued(surgery.refine(self, new_grid), "refine")

    def set_mode(self, l: int, i: int, j: int, mode: str, mask_n: float | None = None) -> None:  # noqa: E741
        """Make edge (l, i, j) symbolic, numerical, both or nothing.

        Parameters
        ----------
        l, i, j : int
            Layer, input node and output sub-node of the edge.
        mode : str
            's', 'n', or 'sn' or 'ns' for both; any other mode removes the edge.
        mask_n : float, optional
            The weight of the numerical part for 'sn' and 'ns'; by default 1.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 1])
        >>> model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
        >>> model.set_mode(0, 0, 0, "sn", mask_n=0.5)
        >>> model.act_fun[0].mask[0, 0].item(), model.symbolic_fun[0].mask[0, 0].item()
        (0.5, 1.0)
        """
        surgery.set_mode(self, l, i, j, mode, mask_n)

    def remove_edge(self, l: int, i: int, j: int, log_history: bool = True) -> None:  # noqa: E741
        """Remove the edge from node i of layer l to sub-node j of the next, and any symbolic function on it.

        Parameters
        ----------
        l, i, j : int
            Layer, input node and output sub-node of the edge.
        log_history : bool
            Record a version; see `history`.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 5, 1])
        >>> model.remove_edge(0, 1, 3)
        >>> model.n_edge
        14
        """
        surgery.remove_edge(self, l, i, j)
        if log_history:
            self.log_history("remove_edge")

    def remove_node(self, l: int, i: int, mode: str = "all", log_history: bool = True) -> None:  # noqa: E741
        """Remove the edges of node i of layer l; the node itself stays.

        Parameters
        ----------
        l, i : int
            Node layer, inputs being layer 0, and node.
        mode : str
            'up' removes the edges out of the node, 'down' those into it, 'all' both.
        log_history : bool
            Record a version; see `history`.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 5, 1])
        >>> model.remove_node(1, 0)
        >>> model.n_edge, model.width
        (12, [[2, 0], [5, 0], [1, 0]])
        """
        surgery.remove_node(self, l, i, mode)
        if log_history:
            self.log_history("remove_node")

    def prune_node(
        self: Self,
        threshold: float = 1e-2,
        mode: str = "auto",
        active_neurons_id: list[list[int]] | None = None,
        log_history: bool = True,
    ) -> Self:
        """Return a model without the hidden nodes whose score is at most `threshold`.

        Parameters
        ----------
        threshold : float
        mode : str
            'auto', or 'manual', which requires `active_neurons_id` and otherwise does the same.
        active_neurons_id : list of lists of int, optional
            The nodes to keep, for every hidden layer; if given, they are used instead of the scores, in either mode.
        log_history : bool
            Record a version; see `history`.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[2, 5, 1], seed=0)
        >>> model.get_act(torch.rand(100, 2))
        >>> model.prune_node(active_neurons_id=[[0, 3]]).width
        [[2, 0], [2, 0], [1, 0]]
        """
        _check_mode(mode, active_neurons_id)
        pruned = surgery.prune_node(self, threshold=threshold, active_neurons_id=active_neurons_id)
        return self._continued(pruned, "prune_node", log_history=log_history)

    def prune_edge(self, threshold: float = 3e-2, log_history: bool = True) -> None:
        """Remove from this model the edges whose score is at most `threshold`; their means move into biases.

        Parameters
        ----------
        threshold : float
        log_history : bool
            Record a version; see `history`.

        Raises
        ------
        StateError
            Before any data was seen.

        Examples
        --------
        >>> from kan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] ** 2, n_var=2, train_num=100, test_num=10)
        >>> model = KAN(width=[2, 1], seed=0)
        >>> _ = model.fit(dataset, steps=10, progress=False)
        >>> model.prune_edge()
        >>> model.act_fun[0].mask.tolist()
        [[1.0], [0.0]]
        """
        surgery.prune_edge(self, threshold=threshold)
        if log_history:
            self.log_history("prune_edge")

    def prune(
        self: Self,
        node_th: float = 1e-2,
        edge_th: float = 3e-2,
        *,
        threshold: float | None = None,
        mode: str = "auto",
        active_neurons_id: list[list[int]] | None = None,
    ) -> Self:
        """Return a model without the hidden nodes and edges whose scores are small.

        Scores are those on the data of the last `fit`, or on those given to
        `get_act`. The mean of what is removed moves into the bias of the nodes that
        it was added to, so the output hardly changes. This model stays as it is.

        Parameters
        ----------
        node_th, edge_th : float
            Nodes and edges are removed if their score is at most this.
        threshold : float, optional
            pykan 0.0's name of `node_th`.
        mode : str
            'auto', or 'manual', which requires `active_neurons_id`.
        active_neurons_id : list of lists of int, optional
            The nodes to keep, for every hidden layer, whatever their scores; edges
            then stay as they are.

        Returns
        -------
        KAN
            With fewer nodes; removed edges are masked.

        Raises
        ------
        StateError
            Before any data was seen, or if a hidden layer would have no nodes left.
        ArgumentError
            If a threshold is not a number, or a node to keep does not exist.

        Examples
        --------
        >>> from kan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] ** 2, n_var=2, train_num=100, test_num=10)
        >>> model = KAN(width=[2, 3, 1], seed=0)
        >>> _ = model.fit(dataset, steps=10, lamb=0.01, progress=False)
        >>> pruned = model.prune()
        >>> pruned.n_edge < model.n_edge
        True
        """
        _check_mode(mode, active_neurons_id)
        node_th = node_th if threshold is None else threshold
        pruned = surgery.prune(self, node_th=node_th, edge_th=edge_th, active_neurons_id=active_neurons_id)
        return self._continued(pruned, "prune")

    def prune_input(
        self: Self, threshold: float = 1e-2, active_inputs: list[int] | None = None, log_history: bool = True
    ) -> Self:
        """Return a model without the inputs whose score is at most `threshold`, or that are not in `active_inputs`.

        The new model takes the same columns as this one and ignores those of the removed inputs. The mean of what these
        add is kept, as in `prune`.

        Parameters
        ----------
        threshold : float
        active_inputs : list of int, optional
            The inputs to keep; if given, they are used instead of the scores.
        log_history : bool
            Record a version; see `history`.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[3, 1], seed=0)
        >>> model.get_act(torch.rand(50, 3))
        >>> smaller = model.prune_input(active_inputs=[0, 2])
        >>> smaller.width, smaller(torch.rand(5, 3)).shape
        ([[2, 0], [1, 0]], torch.Size([5, 1]))
        """
        pruned = surgery.prune_input(self, threshold=threshold, active_inputs=active_inputs)
        return self._continued(pruned, "prune_input", log_history=log_history)

    @property
    def n_edge(self) -> int:
        """The number of edges that are not removed."""
        masks = [
            (numeric.get_parameter("mask") != 0) | (symbolic.get_parameter("mask").T != 0)
            for numeric, symbolic in zip(self.act_fun, self.symbolic_fun)
        ]
        return sum(int(mask.sum()) for mask in masks)

    def speed(self: Self, compile: bool = False) -> Any:  # noqa: A002 - pykan's name
        """Keep no versions, and switch symbolic edges off if none carries a function; the function stays the same.

        This is pykan's switch for speed; here neither costs much. (In pykan, a model with symbolic edges loses them.)

        Parameters
        ----------
        compile : bool
            Return ``torch.compile`` of the model instead of the model.

        Examples
        --------
        >>> from kan import KAN
        >>> KAN(width=[2, 1]).speed().symbolic_enabled
        False
        """
        self.symbolic_enabled = self.symbolic_enabled and self.has_symbolic
        self.save_act = self.auto_save = False
        return torch.compile(self) if compile else self


def _check_mode(mode: str, active_neurons_id: Any) -> None:
    """Raise unless `mode` is known, and comes with the nodes that it needs."""
    check_choice("mode", mode, ("auto", "manual"))
    if mode == "manual" and active_neurons_id is None:
        raise ArgumentError("`mode='manual'` needs `active_neurons_id`: the nodes to keep in every hidden layer.")
