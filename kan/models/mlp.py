"""The multilayer perceptron under pykan's names, trained by the loop that trains networks of splines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kan import surgery
from kan.attribution import PerceptronScores, connection_cost, perceptron_scores
from kan.common.errors import check_choice
from kan.models.observed import Observed
from kan.network import Perceptron, PerceptronTrace, recorded_with_graph
from kan.training import GridSchedule, PerceptronObjective, StopRule, Training, perceptron_penalty

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kan.network.perceptron import Activation
    from kan.training.record import Results


class MLP(Observed, Perceptron):
    """A multilayer perceptron, the baseline that `KAN` is compared with.

    Parameters
    ----------
    width : list of int
        Nodes of every layer, inputs first.
    act : str or callable
        The activation function: 'silu', 'relu', 'gelu', 'tanh', 'sigmoid', or a function of a tensor.
    save_act : bool
        Kept as an attribute, without other effect: activations are computed when they are read.
    seed : int
        Seed of the model's own random numbers; the same seed gives the perceptron that pykan makes from it.
    device : str or torch.device

    Raises
    ------
    ArgumentError
        If the arguments describe no perceptron.

    Examples
    --------
    >>> import torch
    >>> from kan.MLP import MLP
    >>> model = MLP(width=[2, 5, 1])
    >>> model(torch.rand(100, 2)).shape
    torch.Size([100, 1])
    """

    def __init__(
        self,
        width: Sequence[int],
        act: str | Activation = "silu",
        save_act: bool = True,
        seed: int = 0,
        device: Any = "cpu",
    ) -> None:
        super().__init__(width, act=act, seed=seed, device=device)
        self.save_act = save_act

    # Learning

    def fit(
        self,
        dataset: Any,
        opt: str = "LBFGS",
        steps: int = 100,
        log: int = 1,
        lamb: float = 0.0,
        lamb_l1: float = 1.0,
        lamb_entropy: float = 2.0,
        loss_fn: Callable[[Tensor, Tensor], Tensor] | None = None,
        lr: float | None = None,
        batch: int = -1,
        metrics: Sequence[Callable[[], Any]] | None = None,
        in_vars: Sequence[Any] | None = None,  # noqa: ARG002
        out_vars: Sequence[Any] | None = None,  # noqa: ARG002
        beta: float = 3,  # noqa: ARG002
        device: Any = "cpu",  # noqa: ARG002
        reg_metric: str = "w",
        display_metrics: Sequence[str] | None = None,
        *,
        pred_fn: Callable[..., Tensor] | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        restore_best: bool = False,
        progress: bool = True,
    ) -> Results:
        """Train the model.

        Parameters
        ----------
        dataset, opt, steps, log, loss_fn, lr, batch, metrics, display_metrics
            As in `KAN.fit`.
        lamb : float
            Weight of both penalties together; 0 skips them.
        lamb_l1, lamb_entropy : float
            Weights of size and entropy of what `reg_metric` measures.
        in_vars, out_vars, beta, device
            Have no effect, as in pykan; the data go where the model is.
        reg_metric : str
            'w' the weights, 'act' the weights times the spread of the nodes that they start from, 'fa' their
            attribution scores, 'a' the spread of the nodes.
        pred_fn, epochs, patience, restore_best, progress
            As in `KAN.fit`.

        Returns
        -------
        dict of 1-D arrays
            'train_loss', 'test_loss' (where there is a test set), 'reg' and the metrics, one number per step.

        Raises
        ------
        ArgumentError
            For data or arguments that cannot be used; the model is then as it was.

        Examples
        --------
        >>> from kan import create_dataset
        >>> from kan.MLP import MLP
        >>> f = lambda x: x[:, [0]] * x[:, [1]]
        >>> dataset = create_dataset(f, n_var=2, train_num=200, test_num=50)
        >>> results = MLP(width=[2, 5, 1]).fit(dataset, steps=10, progress=False)
        >>> bool(results["train_loss"][-1] < results["train_loss"][0])
        True
        """
        training = Training(
            self,
            dataset,
            opt=opt,
            steps=steps,
            epochs=epochs,
            log=log,
            lamb=lamb,
            penalty_weights={"reg_metric": reg_metric, "lamb_l1": lamb_l1, "lamb_entropy": lamb_entropy},
            grids=GridSchedule(False, 0, 0, 0),
            loss_fn=loss_fn,
            pred_fn=pred_fn,
            lr=lr,
            batch=batch,
            metrics=metrics,
            display_metrics=display_metrics,
            stop_rule=StopRule(patience, restore_best),
            progress=progress,
            objective=PerceptronObjective,
        )
        return self._learn(training, training)

    def reg(self, reg_metric: str = "w", lamb_l1: float = 1.0, lamb_entropy: float = 2.0, *, x: Any = None) -> Tensor:
        """Return the penalty, without `lamb`, on the data last seen; it is differentiable.

        Parameters
        ----------
        reg_metric : str
            What is penalised, as in `fit`.
        lamb_l1, lamb_entropy : float
            Weights of its terms, as in `fit`.
        x : Tensor (N, inputs), optional
            Other data than those last seen.

        Returns
        -------
        Tensor ()

        Examples
        --------
        >>> import torch
        >>> from kan.MLP import MLP
        >>> model = MLP(width=[2, 5, 1])
        >>> bool(model.reg("act", x=torch.rand(100, 2)) > 0)
        True
        """
        trace = self.trace(self.reference_data(self.cache_data if x is None else x))
        return perceptron_penalty(self, trace, reg_metric=reg_metric, lamb_l1=lamb_l1, lamb_entropy=lamb_entropy)

    def get_reg(self, reg_metric: str = "w", lamb_l1: float = 1.0, lamb_entropy: float = 2.0, **options: Any) -> Tensor:
        """Return `reg` of the same arguments.

        Parameters
        ----------
        reg_metric, lamb_l1, lamb_entropy, options
            See `reg`.

        Examples
        --------
        >>> import torch
        >>> from kan.MLP import MLP
        >>> model = MLP(width=[2, 5, 1])
        >>> model.get_act(torch.rand(100, 2))
        >>> bool(model.get_reg("act") == model.reg("act"))
        True
        """
        return self.reg(reg_metric, lamb_l1, lamb_entropy, **options)

    # Reading: as in `KAN` kept until the next pass; all of it carries a graph back to the parameters

    @recorded_with_graph
    def acts(self) -> list[Tensor] | None:
        """The inputs of every linear layer (N, nodes), for the last input of the model; None before any data."""
        return None if self.cache_data is None else self._last_trace().nodes[:-1]

    @recorded_with_graph
    def acts_scale(self) -> list[Tensor] | None:
        """The standard deviations of the nodes after every linear layer; None before any data."""
        return None if self.cache_data is None else self._last_trace().spreads()[1:]

    @recorded_with_graph
    def wa_forward(self) -> list[Tensor] | None:
        """The weights times the spread of the nodes that they start from, (O, I) per layer; None before any data."""
        return None if self.cache_data is None else self._last_trace().carried()

    @property
    def wa_backward(self) -> list[Tensor]:
        """The scores of the weights, one tensor (O, I) per linear layer; another name of `edge_scores`."""
        return self.edge_scores

    @recorded_with_graph
    def edge_scores(self) -> list[Tensor]:
        """The score of every weight, one tensor (O, I) per linear layer.

        Raises
        ------
        StateError
            Before any data was seen; so does `node_scores`.
        """
        return self._scores().edge

    @recorded_with_graph
    def node_scores(self) -> list[Tensor]:
        """The score of every node, one tensor per node layer, inputs first."""
        return self._scores().node

    def attribute(self) -> Tensor:
        """Return how much every input matters; `node_scores` and `edge_scores` have the rest.

        Raises
        ------
        StateError
            Before any data was seen.

        Examples
        --------
        >>> import torch
        >>> from kan.MLP import MLP
        >>> model = MLP(width=[3, 5, 1])
        >>> model.get_act(torch.rand(100, 3))
        >>> model.attribute().shape
        torch.Size([3])
        """
        return self._scores().node[0]

    def _scores(self) -> PerceptronScores:
        """Compute the scores at the last input."""
        return perceptron_scores(self._last_trace())

    def _last_trace(self) -> PerceptronTrace:
        """Trace the last input."""
        return self.trace(self.reference_data(self.cache_data))

    # Looking

    def plot(self, beta: float = 3, scale: float = 1.0, metric: str = "w") -> Figure:
        """Draw the network: inputs below, outputs above, positive weights blue, negative ones red.

        Parameters
        ----------
        beta : float
            A line's opacity is ``tanh(beta * |measure|)``.
        scale : float
            Size of the picture.
        metric : str
            What lines show: 'w' the weights, 'act' these times the spread of the node that they start from, 'fa'
            their attribution scores.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it by itself; in a script use ``figure.savefig("network.png")``.

        Raises
        ------
        StateError
            For 'act' and 'fa', before any data was seen.

        Examples
        --------
        >>> from kan.MLP import MLP
        >>> figure = MLP(width=[2, 5, 1]).plot()
        """
        check_choice("metric", metric, ("w", "act", "fa"))
        if metric != "w":
            self.reference_data()
        measures = {"w": lambda: self.w, "act": lambda: self.wa_forward, "fa": lambda: self.wa_backward}

        from kan.plotting.weights import draw_weights

        weights = [matrix.detach().cpu().double().numpy() for matrix in measures[metric]() or []]
        return draw_weights(weights, beta=beta, scale=scale)

    # The order of the nodes

    @property
    def connection_cost(self) -> Tensor:
        """The sum, over all weights, of size times sideways distance in the picture, where a layer is 1 wide."""
        with torch.no_grad():
            return connection_cost(self.w)

    def swap(self, l: int, i1: int, i2: int) -> None:  # noqa: E741
        """Exchange nodes i1 and i2 of hidden layer l; the function stays.

        Parameters
        ----------
        l, i1, i2 : int
            Node layer, inputs being layer 0, and two nodes of it.

        Examples
        --------
        >>> import torch
        >>> from kan.MLP import MLP
        >>> model, x = MLP(width=[2, 5, 1]), torch.rand(10, 2)
        >>> y = model(x)
        >>> model.swap(1, 0, 4)
        >>> bool(torch.allclose(model(x), y, atol=1e-6))
        True
        """
        surgery.swap_units(self, l, i1, i2)

    def auto_swap_l(self, l: int) -> None:  # noqa: E741
        """Put the nodes of hidden layer l into the order with the least `connection_cost`; the function stays.

        Parameters
        ----------
        l : int
            Node layer, inputs being layer 0.

        Examples
        --------
        >>> from kan.MLP import MLP
        >>> model = MLP(width=[4, 8, 2])
        >>> before = model.connection_cost
        >>> model.auto_swap_l(1)
        >>> bool(model.connection_cost < before)
        True
        """
        surgery.auto_swap_units(self, layer=l)

    def auto_swap(self) -> None:
        """Put all hidden nodes into an order with a small `connection_cost`; the function stays.

        Examples
        --------
        >>> from kan.MLP import MLP
        >>> model = MLP(width=[4, 8, 8, 2])
        >>> before = model.connection_cost
        >>> model.auto_swap()
        >>> bool(model.connection_cost < before)
        True
        """
        surgery.auto_swap_units(self)
