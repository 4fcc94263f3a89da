"""From edges to functions with names, and from these to a formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from kan import formula
from kan.models.versions import Versions


class Symbolism(Versions):
    """The part of a model that becomes a formula."""

    def fix_symbolic(
        self,
        l: int,  # noqa: E741
        i: int,
        j: int,
        fun_name: str | Callable[..., Any],
        fit_params_bool: bool = True,
        a_range: Any = (-10, 10),
        b_range: Any = (-10, 10),
        verbose: bool = True,
        random: bool = False,
        log_history: bool = True,
        *,
        x: Any = None,
    ) -> Tensor | None:
        """Make an edge symbolic: ``c * f(a * x + b) + d``.

        Parameters
        ----------
        l, i, j : int
            Layer, input node and output sub-node of the edge.
        fun_name : str or callable
            A name in `SYMBOLIC_LIB`, or a function of a tensor, which is not fitted.
        fit_params_bool : bool
            Fit a, b, c and d to the edge's present function; otherwise they become (1, 0, 1, 0).
        a_range, b_range : pair of float
            Where the fit searches; the default is widened for inputs that vary little.
        verbose : bool
            Print the coefficient of determination.
        random : bool
            Without fitting: draw a, b, c and d from (-1, 1).
        log_history : bool
            Record a version; see `history`.
        x : Tensor (N, inputs), optional
            The data of the fit; by default those last trained on or given to `get_act`.

        Returns
        -------
        Tensor or None
            The coefficient of determination r2 of the fit.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[2, 5, 1], seed=0)
        >>> model.fix_symbolic(0, 1, 3, "sin", fit_params_bool=False)
        >>> model.symbolic_fun[0].funs_name[3][1]
        'sin'
        """
        r2 = formula.fix_symbolic(
            self,
            l,
            i,
            j,
            fun_name,
            fit_params_bool=fit_params_bool,
            a_range=a_range,
            b_range=b_range,
            verbose=verbose,
            random=random,
            x=x,
        )
        if log_history:
            self.log_history("fix_symbolic")
        return r2

    def unfix_symbolic(self, l: int, i: int, j: int, log_history: bool = True) -> None:  # noqa: E741
        """Make a symbolic edge a spline again, the one it was before.

        Parameters
        ----------
        l, i, j : int
            Layer, input node and output sub-node of the edge.
        log_history : bool
            Record a version; see `history`.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 1])
        >>> model.fix_symbolic(0, 1, 0, "sin", fit_params_bool=False)
        >>> model.unfix_symbolic(0, 1, 0)
        >>> model.symbolic_fun[0].funs_name
        [['0', '0']]
        """
        formula.unfix_symbolic(self, l, i, j)
        if log_history:
            self.log_history("unfix_symbolic")

    def unfix_symbolic_all(self, log_history: bool = True) -> None:
        """Make all symbolic edges splines again; edges that were removed stay removed.

        Parameters
        ----------
        log_history : bool
            Record a version; see `history`.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 1])
        >>> model.fix_symbolic(0, 1, 0, "sin", fit_params_bool=False)
        >>> model.unfix_symbolic_all()
        >>> model.symbolic_fun[0].funs_name
        [['0', '0']]
        """
        formula.unfix_symbolic_all(self)
        if log_history:
            self.log_history("unfix_symbolic_all")

    def suggest_symbolic(
        self,
        l: int,  # noqa: E741
        i: int,
        j: int,
        a_range: Any = (-10, 10),
        b_range: Any = (-10, 10),
        lib: Any = None,
        topk: int = 5,
        verbose: bool = True,
        r2_loss_fun: Callable[..., Any] | None = None,
        c_loss_fun: Callable[..., Any] | None = None,
        weight_simple: float = 0.8,
        *,
        x: Any = None,
    ) -> tuple[str, Any, float, float]:
        """Rank the functions of the library for an edge, by fit and simplicity; the model stays as it is.

        Parameters
        ----------
        l, i, j : int
            Layer, input node and output sub-node of the edge.
        a_range, b_range : pair of float
            Where the fits search; the default is widened for inputs that vary little.
        lib : list of str, optional
            The functions to choose from; by default all of `SYMBOLIC_LIB`.
        topk : int
            How many to print.
        verbose : bool
            Print the table.
        r2_loss_fun, c_loss_fun : callable, optional
            Turn r2, and complexity, into losses in bits; by default ``log2(1 + 1e-5 - r2)`` and the identity.
        weight_simple : float
            Weight of the complexity loss; that of the r2 loss is one minus this. Only functions that fit about as well
            as the best compete.
        x : Tensor (N, inputs), optional
            The data; by default those last trained on or given to `get_act`.

        Returns
        -------
        name : str
        function : SymbolicFunction
        r2, complexity : float

        Examples
        --------
        >>> from kan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] ** 2, n_var=1, train_num=200, test_num=10)
        >>> model = KAN(width=[1, 1], seed=0)
        >>> _ = model.fit(dataset, steps=20, progress=False)
        >>> model.suggest_symbolic(0, 0, 0, lib=["x", "x^2", "sin"], verbose=False)[0]
        'x^2'
        """
        losses = {"r2_loss_fun": r2_loss_fun, "c_loss_fun": c_loss_fun}
        return formula.suggest_symbolic(
            self,
            l,
            i,
            j,
            a_range=a_range,
            b_range=b_range,
            lib=lib,
            topk=topk,
            verbose=verbose,
            weight_simple=weight_simple,
            x=x,
            **{name: function for name, function in losses.items() if function is not None},
        )

    def auto_symbolic(
        self,
        a_range: Any = (-10, 10),
        b_range: Any = (-10, 10),
        lib: Any = None,
        verbose: int = 1,
        weight_simple: float = 0.8,
        r2_threshold: float = 0.0,
        *,
        x: Any = None,
    ) -> None:
        """Make every edge symbolic, with the function that suits it best.

        An edge becomes ``c*f(a*x + b) + d``, with the function f that
        `suggest_symbolic` ranks first; removed edges become 0, and those that
        are symbolic already stay as they are. Of two edges in a row that are one
        function of one variable the first becomes `x`, the second that function.
        `fit` then trains the constants a, b, c, d.

        Parameters
        ----------
        a_range, b_range : pair of float
            Where the fits search for a and b; the default is widened for inputs
            that vary little.
        lib : list of str, optional
            The functions to choose from; by default all of `SYMBOLIC_LIB`.
        verbose : int
            0 prints nothing, 1 a line per edge, 2 more.
        weight_simple : float
            Weight of simplicity against fit, from 0 to 1. Only functions that fit
            about as well as the best compete.
        r2_threshold : float
            Edges that no function fits better than this stay splines.
        x : Tensor (N, inputs), optional
            The data; by default those last trained on or given to `get_act`.

        Raises
        ------
        StateError
            Before any data was seen.
        ArgumentError
            If a function is unknown, or another argument cannot be used.

        Examples
        --------
        >>> from kan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] ** 2, n_var=1, train_num=200, test_num=10)
        >>> model = KAN(width=[1, 1], seed=0)
        >>> _ = model.fit(dataset, steps=20, progress=False)
        >>> model.auto_symbolic(lib=["x", "x^2", "sin"], verbose=0)
        >>> model.symbolic_fun[0].funs_name
        [['x^2']]
        """
        formula.auto_symbolic(
            self,
            a_range=a_range,
            b_range=b_range,
            lib=lib,
            verbose=verbose,
            weight_simple=weight_simple,
            r2_threshold=r2_threshold,
            x=x,
        )
        self.log_history("auto_symbolic")

    def symbolic_formula(
        self,
        var: Sequence[Any] | None = None,
        normalizer: Any = None,
        output_normalizer: Any = None,
        *,
        simplify: bool = False,
        tolerance: float | None = None,
        x: Any = None,
        verbose: bool = True,
    ) -> tuple[list[Any], list[Any]]:
        """Write the network as a formula, which equals it to rounding.

        Parameters
        ----------
        var : list of str or sympy expressions, optional
            Names of the inputs; by default x_1, x_2, ...
        normalizer : pair of sequences, optional
            Means and standard deviations with which the inputs were normalised.
        output_normalizer : pair of sequences, optional
            The same for the outputs.
        simplify : bool
            Let sympy simplify the result. For a long formula this takes minutes;
            `tolerance` takes seconds.
        tolerance : float, optional
            Drop terms that do not matter on the data, and replace constants by pi,
            e, small integers and fractions, as long as the outputs change by less
            than this share of their standard deviation. A report of the changes,
            and of what they cost, is printed and kept in `formula_report`.
        x : Tensor (N, inputs), optional
            The data for `tolerance`, normalised as the network takes them; by
            default those last trained on or given to `get_act`.
        verbose : bool
            Print the report of `tolerance`.

        Returns
        -------
        formulas : list of sympy expressions
            One per output.
        variables : list of sympy symbols

        Raises
        ------
        FormulaError
            If edges are still splines; it names them.

        Examples
        --------
        >>> from kan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] ** 2, n_var=1, train_num=200, test_num=10)
        >>> model = KAN(width=[1, 1], seed=0)
        >>> _ = model.fit(dataset, steps=20, progress=False)
        >>> model.auto_symbolic(lib=["x", "x^2", "sin"], verbose=0)
        >>> _ = model.fit(dataset, steps=20, progress=False)
        >>> formulas, variables = model.symbolic_formula(tolerance=1e-3, verbose=False)
        >>> formulas[0]
        x_1**2
        """
        return formula.symbolic_formula(
            self,
            var,
            normalizer,
            output_normalizer,
            simplify=simplify,
            tolerance=tolerance,
            x=x,
            verbose=verbose,
        )
