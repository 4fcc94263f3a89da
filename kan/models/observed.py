"""What `KAN` and `MLP` share: the data they refer to, what a fit leaves behind, and the tree of what they compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kan.hypothesis import plot_tree
from kan.network import Model
from kan.training import StartSearch, Training, warn_if_hopeless, warn_unless_finite

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kan.training.record import Results


class Observed(Model):
    """The part of a model that refers to data."""

    last_results: Results | None = None
    """What the last `fit` recorded, also when it was interrupted."""

    def get_act(self, x: Any = None) -> None:
        """Choose the data that activations, scores, pruning and symbolic fitting refer to.

        Parameters
        ----------
        x : Tensor (N, inputs) or dict, optional
            Samples, or a data set whose 'train_input' is taken; by default the data already seen.

        Raises
        ------
        StateError
            If there are no data.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[2, 3, 1])
        >>> model.get_act(torch.rand(100, 2))
        >>> [tuple(nodes.shape) for nodes in model.acts]
        [(100, 2), (100, 3), (100, 1)]
        """
        self.set_reference(self.reference_data(self.cache_data if x is None else x))

    def _learn(self, training: Training, run: Training | StartSearch) -> Results:
        """Train, from one start or several; keep results and data, and warn of what failed. Only `fit` calls it."""
        data, objective = training.data, training.objective
        # What a prediction of the user's own gives to the model is not known.
        refers = objective.pred_fn is None
        if refers:
            self.set_reference(data.inputs)
        try:
            run.run()
        finally:
            results = self.last_results = run.results()
            if refers:
                self.set_reference(data.inputs)
        test_inputs = None if data.test is None else data.test[0]
        warn_unless_finite(results, self, *((data.inputs, test_inputs) if refers else ()))
        if objective.loss_fn is None:
            warn_if_hopeless(results["train_loss"], data.labels)
        return results

    def tree(
        self,
        x: Any = None,
        in_var: Sequence[Any] | None = None,
        style: str = "tree",
        sym_th: float = 1e-3,
        sep_th: float = 1e-1,
        skip_sep_test: bool = False,
        verbose: bool = False,
    ) -> Figure:
        """Find how the first output combines the inputs, and draw it as a tree; see :func:`kan.hypothesis.plot_tree`.

        Parameters
        ----------
        x : Tensor (N, inputs) or dict, optional
            Samples, or a data set whose 'train_input' is taken; by default the last input.
        in_var : sequence of str or sympy expressions, optional
            Names of the inputs.
        style : {'tree', 'box'}
            Fans and symbols, or boxes with the names of what is done.
        sym_th, sep_th : float
            Thresholds of symmetry and separability. A network that is right to three digits takes ``sym_th=3e-2``.
        skip_sep_test : bool
            Do not test what the nodes do.
        verbose : bool
            Print the levels and what their nodes do.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it by itself; in a script use ``figure.savefig("tree.png")``.

        Raises
        ------
        StateError
            Before any data was seen, when `x` is not given.
        ArgumentError
            If `style` is unknown, names are missing, or the model's derivatives tell nothing at `x`.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[4, 3, 1], seed=0)
        >>> model.get_act(torch.rand(50, 4) * 2 - 1)
        >>> figure = model.tree(in_var=["a", "b", "c", "d"])
        """
        data = self.reference_data(self.cache_data if x is None else x)
        return plot_tree(
            lambda x: self.trace(x).nodes[-1],  # a call would make these the last input
            data,
            in_var=in_var,
            style=style,
            sym_th=sym_th,
            sep_th=sep_th,
            skip_sep_test=skip_sep_test,
            verbose=verbose,
        )
