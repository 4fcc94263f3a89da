"""Structure: deeper, wider, perturbed, cut into modules, and with hidden nodes in another order."""

from __future__ import annotations

from kan import surgery
from kan.models.versions import Versions


class Reshaping(Versions):
    """The part of a model that prepares it for more, or for another look; all of it in place.

    Which methods record a version is as in pykan, so that scripts find the numbers that they rewind to.
    """

    def expand_depth(self) -> None:
        """Add a layer at the end that passes the outputs on; the function stays the same.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 3, 1])
        >>> model.expand_depth()
        >>> model.width
        [[2, 0], [3, 0], [1, 0], [1, 0]]
        """
        surgery.expand_depth(self)

    def expand_width(
        self,
        layer_id: int,
        n_added_nodes: int,
        sum_bool: bool = True,
        mult_arity: int | list[int] = 2,
        *,
        perturb: bool = False,
    ) -> None:
        """Add nodes to a layer, sums before the others and products after them; the function stays the same.

        Parameters
        ----------
        layer_id : int
            A hidden layer, or 0 for inputs: their columns come first, as `augment_input` has them.
        n_added_nodes : int
        sum_bool : bool
            Add sums, or else products.
        mult_arity : int or list of int
            How many factors the products have, all of them or each.
        perturb : bool
            Make the edges of the new nodes numerical and ready to learn. Without it the nodes have no edges until
            `perturb` is called.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 3, 1])
        >>> model.expand_width(1, 2)
        >>> model.expand_width(1, 2, sum_bool=False, mult_arity=[2, 3])
        >>> model.width, model.mult_arity
        ([[2, 0], [5, 2], [1, 0]], [[], [2, 3], []])
        """
        surgery.expand_width(self, layer_id, n_added_nodes, sum_bool=sum_bool, mult_arity=mult_arity, perturb=perturb)
        if perturb:
            self.log_history("perturb")

    def perturb(self, mag: float = 1.0, mode: str = "non-intrusive") -> None:
        """Give symbolic or absent edges a numerical part, so that training can change what they do.

        Parameters
        ----------
        mag : float
            The weight of these parts.
        mode : str
            Which edges: 'all'; 'minimal', those that do something already; or 'non-intrusive', those into idle nodes
            and, with the value zero, those of the last layer, so that the function stays the same.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 1])
        >>> model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
        >>> model.perturb(mag=0.1, mode="all")
        >>> model.act_fun[0].mask
        Parameter containing:
        tensor([[0.1000],
                [1.0000]])
        """
        surgery.perturb(self, mag=mag, mode=mode)
        self.log_history("perturb")

    def module(self, start_layer: int, chain: str) -> None:
        """Cut the edges between a module and the rest of the network.

        Parameters
        ----------
        start_layer : int
            The node layer at which the module begins.
        chain : str
            For every edge layer, the nodes before it and the sub-nodes after it that belong to the module.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[4, 2, 1])
        >>> model.module(0, "[0,1]->[0]")
        >>> model.act_fun[0].mask.int().T
        tensor([[1, 1, 0, 0],
                [0, 0, 1, 1]], dtype=torch.int32)
        """
        surgery.cut_module(self, start_layer, chain)
        self.log_history("module")

    def swap(self, l: int, i1: int, i2: int, log_history: bool = True) -> None:  # noqa: E741
        """Exchange nodes i1 and i2 of hidden layer l, both sums or both products; the function stays the same.

        Parameters
        ----------
        l, i1, i2 : int
            Node layer, inputs being layer 0, and two nodes of it.
        log_history : bool
            Record a version; see `history`.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model, x = KAN(width=[2, 5, 1]), torch.rand(10, 2)
        >>> y = model(x)
        >>> model.swap(1, 0, 4)
        >>> bool(torch.allclose(model(x), y, atol=1e-6))
        True
        """
        surgery.swap(self, l, i1, i2)
        if log_history:
            self.log_history("swap")

    def auto_swap_l(self, l: int) -> None:  # noqa: E741
        """Put the nodes of hidden layer l into the order with the least `connection_cost`; the function stays.

        Parameters
        ----------
        l : int
            Node layer, inputs being layer 0.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model, x = KAN(width=[2, 5, 1]), torch.rand(10, 2)
        >>> y, cost = model(x), model.connection_cost
        >>> model.auto_swap_l(1)
        >>> bool(model.connection_cost < cost), bool(torch.allclose(model(x), y, atol=1e-6))
        (True, True)
        """
        surgery.auto_swap(self, layer=l)

    def auto_swap(self) -> None:
        """Put all hidden nodes into an order with a small `connection_cost`; the function stays.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model, x = KAN(width=[2, 5, 1]), torch.rand(10, 2)
        >>> y, cost = model(x), model.connection_cost
        >>> model.auto_swap()
        >>> bool(model.connection_cost < cost), bool(torch.allclose(model(x), y, atol=1e-6))
        (True, True)
        """
        surgery.auto_swap(self)
        self.log_history("auto_swap")
