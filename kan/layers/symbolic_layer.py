"""One layer of symbolic edges: c * f(a x + b) + d, with f by name from the symbolic library.

Only edges that carry a function are computed, grouped by function; an idle layer costs nothing. Deviation from pykan:
functions are kept by name (as module extra state in the `state_dict`), so copying, pickling and loading restore them.

Source: Liu et al. 2024, arXiv 2404.19756, sec. 2.5.1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any, Callable, NamedTuple

import torch
from torch import Tensor, nn

from kan.common.arrays import as_tensor
from kan.common.console import say
from kan.common.errors import ArgumentError, check_choice
from kan.common.extra_state import ExtraState, unpack
from kan.common.modules import move
from kan.common.properties import settled
from kan.common.random import on_cpu, stream
from kan.common.transforms import has_values, is_transformed
from kan.layers.function_tables import Row, compute_the_same
from kan.symbolic import find, fit_affine, lookup
from kan.symbolic.library import Unguarded, check_function
from kan.symbolic.slopes import WithSlope, differentiable

IDLE = "0"
ANONYMOUS = "anonymous"

# A function for every edge [O][I].
_Table = tuple[Row, ...]

# Where every function of the library and its derivative are finite.
_HARMLESS = 0.5


class EdgeGroup(NamedTuple):
    """The edges that carry one function: E pairs of output and input."""

    function: Callable[..., Any]
    guarded: Callable[..., Any]
    outputs: Tensor  # (E,)
    inputs: Tensor  # (E,)
    columns: list[int]  # the inputs as numbers

    def select(self, x: Tensor) -> Tensor:
        """Return the inputs (E, N) of the edges from those of the layer, x (I, N)."""
        if torch.compiler.is_compiling():
            # By slices: torch's inductor can lose the gradient of an index that it scatters into one made elsewhere.
            return torch.cat([x[i : i + 1] for i in self.columns])
        return x[self.inputs]

    def bound(self, threshold: float | None) -> Callable[[Tensor], Tensor]:
        """Return the plain function, or the one guarded at a threshold."""
        if threshold is None:
            return self.function
        return partial(_guarded_value, self.guarded, threshold)


class _Groups(NamedTuple):
    """The groups of a layer, and the mask for which they hold."""

    groups: list[EdgeGroup]
    mask: Tensor


class Symbolic_KANLayer(ExtraState):  # noqa: N801
    """A layer of `in_dim` x `out_dim` symbolic edges, idle at the start.

    Parameters
    ----------
    in_dim, out_dim : int
        Numbers of inputs I and outputs O.
    device : str or torch.device

    Examples
    --------
    >>> import torch
    >>> from kan import Symbolic_KANLayer
    >>> layer = Symbolic_KANLayer(in_dim=3, out_dim=5)
    >>> y, postacts = layer(torch.rand(100, 3))
    >>> y.shape, postacts.shape
    (torch.Size([100, 5]), torch.Size([100, 5, 3]))
    """

    @on_cpu
    def __init__(self, in_dim: int = 3, out_dim: int = 2, device: Any = "cpu") -> None:
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.mask = nn.Parameter(torch.zeros(out_dim, in_dim), requires_grad=False)
        self.affine = nn.Parameter(torch.zeros(out_dim, in_dim, 4))
        self.funs_name = [[IDLE] * in_dim for _ in range(out_dim)]
        # Edges that were fixed, those fixed to the constant '0' included, and functions given without a name.
        self._fixed: set[tuple[int, int]] = set()
        self._callables: dict[tuple[int, int], Callable[..., Any]] = {}
        self._groups: _Groups | None = None
        move(self, device)

    @settled
    def device(self) -> torch.device:
        """Where the parameters live."""
        return self.mask.device

    @property
    def funs(self) -> _Table:
        """The torch function of every edge [O][I]; functions that are written into it count (see `function_tables`)."""
        return self._table(lambda j, i: self._given(j, i) or self._function(j, i)[0], self._write_function)

    @property
    def funs_avoid_singularity(self) -> _Table:
        """The guarded torch function of every edge [O][I]."""
        return self._table(lambda j, i: self._function(j, i)[1], partial(self._write_side, "funs_avoid_singularity"))

    @property
    def funs_sympy(self) -> _Table:
        """The sympy function of every edge [O][I]."""
        return self._table(
            lambda j, i: self._given(j, i) or lookup(self.funs_name[j][i])[1],
            partial(self._write_side, "funs_sympy"),
        )

    @property
    def has_trained_functions(self) -> bool:
        """Whether functions without a name contain trained tensors, such as the parameters of a module."""
        if not self._callables:
            return False
        x = self.affine.new_full((1,), 0.5)
        with torch.enable_grad():
            return any(function(x).requires_grad for function in self._callables.values())

    @property
    def is_idle(self) -> bool:
        """Whether no edge carries a function."""
        return not self._fixed

    def forward(self, x: Tensor, singularity_avoiding: bool = False, y_th: float = 10.0) -> tuple[Tensor, Tensor]:
        """Evaluate every edge.

        Parameters
        ----------
        x : Tensor (N, I)
        singularity_avoiding : bool
            Use the guarded functions, which are finite everywhere.
        y_th : float
            The value beyond which a guarded function is cut off.

        Returns
        -------
        y : Tensor (N, O)
            The sums.
        postacts : Tensor (N, O, I)
            The output of every edge.

        Raises
        ------
        ArgumentError
            If `x` is not (N, I).

        Examples
        --------
        >>> import torch
        >>> from kan import Symbolic_KANLayer
        >>> layer = Symbolic_KANLayer(in_dim=2, out_dim=1)
        >>> layer.fix_symbolic(0, 0, "x^2")
        >>> layer.mask.data[0, 0] = 1.0
        >>> layer(torch.tensor([[3.0, 1.0]]))[0].tolist()
        [[9.0]]
        """
        if x.ndim != 2 or x.shape[1] != self.in_dim:
            raise ArgumentError(f"`x` must have shape (N, {self.in_dim}); got {tuple(x.shape)}.")
        postacts = x.new_zeros(self.out_dim, self.in_dim, x.shape[0])
        for group, values in self.group_values(x.T, singularity_avoiding=singularity_avoiding, y_th=y_th):
            postacts = postacts.index_put((group.outputs, group.inputs), values)
        return postacts.sum(dim=1).T, postacts.permute(2, 0, 1)

    def group_values(
        self, x: Tensor, *, singularity_avoiding: bool = False, y_th: float = 10.0
    ) -> list[tuple[EdgeGroup, Tensor]]:
        """Evaluate the edges of each function together: x (I, N) -> values (E, N) for every group."""
        results = []
        for group in self.edge_groups():
            affine = self.affine[group.outputs, group.inputs].to(x.dtype)  # (E, 4)
            a, b, c, d = affine[:, :, None].unbind(dim=1)
            argument = torch.addcmul(b, a, group.select(x))
            mask = self.mask[group.outputs, group.inputs][:, None].to(x.dtype)
            if not has_values(self.mask):
                argument = torch.where(mask != 0, argument, _HARMLESS)
            value = group.bound(y_th if singularity_avoiding else None)(argument).to(x.dtype)
            results.append((group, mask * (c * value + d)))
        return results

    @torch.no_grad()
    def fix_symbolic(
        self,
        i: int,
        j: int,
        fun_name: str | Callable[..., Any],
        x: Any = None,
        y: Any = None,
        random: bool = False,
        a_range: Any = (-10, 10),
        b_range: Any = (-10, 10),
        verbose: bool = True,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor | None:
        """Give edge (i, j) a function; with samples of the edge, fit its affine parameters.

        Parameters
        ----------
        i, j : int
            Input and output of the edge.
        fun_name : str or callable
            A name in `SYMBOLIC_LIB`, or an elementwise function of a tensor (which then cannot be saved to a
            checkpoint). One that autograd cannot differentiate is differentiated by differences.
        x, y : Tensor (N,), optional
            Inputs and outputs of the edge, to which the affine parameters of a named function are fitted. Without both,
            and for functions without a name, these are (1, 0, 1, 0), as in pykan.
        random : bool
            Draw them from (-1, 1) instead, where they are not fitted.
        a_range, b_range : pair of float
            Where the fit searches.
        verbose : bool
            Print r2.
        generator : torch.Generator, optional
            For `random`.

        Returns
        -------
        Tensor or None
            The coefficient of determination r2 of the fit.

        Raises
        ------
        ArgumentError
            If there is no such function, or it is not elementwise; nothing has changed then.

        Examples
        --------
        >>> import torch
        >>> from kan import Symbolic_KANLayer
        >>> layer = Symbolic_KANLayer(in_dim=3, out_dim=2)
        >>> x = torch.linspace(-1, 1, steps=100)
        >>> r2 = layer.fix_symbolic(2, 1, "sin", x, 5.0 * torch.sin(3.0 * x + 1.0) + 0.7, verbose=False)
        >>> [round(number, 3) for number in layer.affine[1, 2].tolist()]
        [3.0, 1.0, 5.0, 0.7]
        """
        check_function(fun_name)
        r2: Tensor | None = None
        if random:
            parameters = torch.rand(4, generator=stream(0) if generator is None else generator, device="cpu") * 2 - 1
        else:
            parameters = torch.tensor([1.0, 0.0, 1.0, 0.0])
        if isinstance(fun_name, str) and x is not None and y is not None:
            fit = fit_affine(
                as_tensor(x, like=self.affine),
                as_tensor(y, like=self.affine),
                [fun_name],
                a_range=a_range,
                b_range=b_range,
            )
            parameters, r2 = fit.params[0], fit.r2[0]
            if verbose:
                say(f"r2 is {float(r2)}")
                if float(r2) < 0.9:
                    say("r2 is not very high; check whether this is the right function.")
        self.set_edge(i, j, fun_name)
        self.affine[j, i] = parameters.to(self.affine)
        return r2

    def set_edge(self, i: int, j: int, function: str | Callable[..., Any]) -> None:
        """Set the function of edge (i, j) and nothing else."""
        i, j = range(self.in_dim)[i], range(self.out_dim)[j]
        self._callables.pop((j, i), None)
        if isinstance(function, str):
            self.funs_name[j][i] = function
        else:
            self.funs_name[j][i] = ANONYMOUS
            self._callables[j, i] = differentiable(function)
        self._fixed.add((j, i))
        self._groups = None

    @torch.no_grad()
    def clear_edge(self, i: int, j: int) -> None:
        """Make edge (i, j) idle, as in a new layer."""
        i, j = range(self.in_dim)[i], range(self.out_dim)[j]
        self.affine[j, i] = 0
        self.funs_name[j][i] = IDLE
        self._callables.pop((j, i), None)
        self._fixed.discard((j, i))
        self._groups = None

    def is_fixed(self, i: int, j: int) -> bool:
        """Whether edge (i, j) carries a function."""
        return (j, i) in self._fixed

    @torch.no_grad()
    def get_subset(self, in_id: Any, out_id: Any) -> Symbolic_KANLayer:
        """Return a new layer of the chosen inputs and outputs, sharing nothing with this one.

        Parameters
        ----------
        in_id, out_id : sequence of int
            Inputs and outputs, in the order that they get.

        Examples
        --------
        >>> from kan import Symbolic_KANLayer
        >>> layer = Symbolic_KANLayer(in_dim=3, out_dim=2)
        >>> layer.fix_symbolic(2, 1, "sin")
        >>> layer.get_subset([0, 2], [1]).funs_name
        [['0', 'sin']]
        """
        inputs, outputs = [int(i) for i in in_id], [int(j) for j in out_id]
        subset = Symbolic_KANLayer(len(inputs), len(outputs)).to(self.mask)
        subset.mask.data = self.mask[outputs][:, inputs].clone()
        subset.affine.data = self.affine[outputs][:, inputs].clone()
        subset.affine.requires_grad_(self.affine.requires_grad)
        for new_j, j in enumerate(outputs):
            for new_i, i in enumerate(inputs):
                if self.is_fixed(i, j):
                    subset.set_edge(new_i, new_j, self._callables.get((j, i), self.funs_name[j][i]))
        return subset.train(self.training)

    @torch.no_grad()
    def place(self, other: Symbolic_KANLayer, i: int, j: int) -> None:
        """Copy the edges of another layer; its first input becomes input i here, and its first output becomes j."""
        rows, columns = slice(j, j + other.out_dim), slice(i, i + other.in_dim)
        self.mask[rows, columns] = other.mask.to(self.mask)
        self.affine[rows, columns] = other.affine.to(self.affine)
        for end, start in other._fixed:
            self.set_edge(i + start, j + end, other._callables.get((end, start), other.funs_name[end][start]))

    def reorder(self, order: Sequence[int], mode: str = "in") -> None:
        """Reorder the inputs (`mode='in'`) or outputs (`mode='out'`): the one now at `order[0]` comes first."""
        check_choice("mode", mode, ("in", "out"))
        inputs, outputs = range(self.in_dim), range(self.out_dim)
        moved = self.get_subset(order, outputs) if mode == "in" else self.get_subset(inputs, order)
        self.mask.data, self.affine.data = moved.mask.data, moved.affine.data
        self.funs_name, self._fixed, self._callables = moved.funs_name, moved._fixed, moved._callables
        self._groups = None

    def swap(self, i1: int, i2: int, mode: str = "in") -> None:
        """Exchange two inputs (`mode='in'`) or two outputs (`mode='out'`).

        Parameters
        ----------
        i1, i2 : int
        mode : str

        Examples
        --------
        >>> import torch
        >>> from kan import Symbolic_KANLayer
        >>> layer = Symbolic_KANLayer(2, 1)
        >>> layer.mask.data = torch.tensor([[1.0, 0.0]])
        >>> layer.swap(0, 1)
        >>> layer.mask.tolist()
        [[0.0, 1.0]]
        """
        order = list(range(self.out_dim if mode == "out" else self.in_dim))
        order[i1], order[i2] = order[i2], order[i1]
        self.reorder(order, mode)

    def _named_state(self) -> dict[str, Any]:
        """Return the functions by name."""
        return {"funs_name": [list(row) for row in self.funs_name], "fixed": sorted(self._fixed)}

    def _usual_state(self) -> dict[str, Any]:
        """Return the names of an idle layer."""
        return {"funs_name": [[IDLE] * self.in_dim] * self.out_dim, "fixed": []}

    def set_extra_state(self, state: Any) -> None:
        """Restore the functions of `get_extra_state`; functions without a name stay as they are here."""
        state = unpack(state)
        names, fixed = state["funs_name"], {tuple(pair) for pair in state["fixed"]}
        if [len(row) for row in names] != [self.in_dim] * self.out_dim:
            raise ArgumentError(f"the state holds functions of another layer than ({self.out_dim}, {self.in_dim}).")
        for row in names:
            for name in row:
                if name != ANONYMOUS:
                    lookup(name)
        self.funs_name = [list(row) for row in names]
        self._fixed = fixed
        self._callables = {pair: function for pair, function in self._callables.items() if self._is_anonymous(pair)}
        self._groups = None

    def _is_anonymous(self, pair: tuple[int, int]) -> bool:
        """Whether edge (j, i) carries a function without a name."""
        return self.funs_name[pair[0]][pair[1]] == ANONYMOUS

    def _table(
        self, of_edge: Callable[[int, int], Callable[..., Any]], write: Callable[[int, int, Any], None]
    ) -> _Table:
        """Return a function for every edge, and take what is written."""
        inputs, outputs = range(self.in_dim), range(self.out_dim)
        return tuple(Row((of_edge(j, i) for i in inputs), partial(write, j)) for j in outputs)

    def _write_function(self, j: int, i: int, function: Any) -> None:
        """Give edge (i, j) the function of its name, if that is what is written, or else one without a name."""
        if not callable(function):
            raise ArgumentError(f"edge ({i}, {j}) takes a function of a tensor; got {function!r}.")
        name = self.funs_name[j][i]
        entry = find(name)
        if entry is None or not compute_the_same(function, entry[0]):
            self.set_edge(i, j, function)
        elif name != IDLE:
            self.set_edge(i, j, name)

    def _write_side(self, table: str, j: int, i: int, function: Any) -> None:
        """Take a function for sympy or near singularities that belongs to the function of edge (i, j)."""
        present = getattr(self, table)[j][i]
        if table == "funs_avoid_singularity":
            function, present = (partial(_guarded_value, one, 10.0) for one in (function, present))
        if not (callable(function) and compute_the_same(function, present)):
            raise ArgumentError(
                f"`{table}` of edge ({i}, {j}) follows from its function {self.funs_name[j][i]!r}, and another one "
                "would be lost: name the function first, and one of your own by `add_symbolic`."
            )

    def _given(self, j: int, i: int) -> Callable[..., Any] | None:
        """Return the function without a name of edge (j, i) as it was given, or None."""
        function = self._callables.get((j, i))
        return function.fun if isinstance(function, WithSlope) else function

    def _function(self, j: int, i: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Return the plain and the guarded torch function of edge (j, i)."""
        if (j, i) in self._callables:
            return self._callables[j, i], Unguarded(self._callables[j, i])
        if self._is_anonymous((j, i)):
            raise ArgumentError(
                f"edge ({i}, {j}) carries a function without a name, which a checkpoint cannot hold. "
                "Set it again with `fix_symbolic`, or register it first with `add_symbolic`."
            )
        entry = lookup(self.funs_name[j][i])
        return entry[0], entry[3]

    def edge_groups(self) -> list[EdgeGroup]:
        """Return the groups of edges with the same function, on the device of the parameters.

        Edges with mask zero are left out: a function that is infinite or NaN there would spoil sum and gradients. Only
        who cannot look at the mask, a compiler or an ensemble under `torch.func.vmap`, gets them too.
        """
        if self.is_idle:
            return []
        if not has_values(self.mask):
            return self._grouped_edges(sorted(self._fixed))
        known = self._groups
        if known is None or known.mask.device != self.device or not torch.equal(known.mask, self.mask):
            # What is kept may serve a training step after a pass in inference mode.
            with torch.inference_mode(False):
                active = [pair for pair in sorted(self._fixed) if self.mask[pair] != 0]
                known = _Groups(self._grouped_edges(active), self.mask.detach().clone())
            if not is_transformed():  # whose tensors end with it
                self._groups = known
        return known.groups

    def _grouped_edges(self, edges: list[tuple[int, int]]) -> list[EdgeGroup]:
        """Sort edges (j, i) by function."""
        members: dict[Any, list[tuple[int, int]]] = defaultdict(list)
        for pair in edges:
            members[self._group_of(*pair)].append(pair)
        groups = []
        for pairs in members.values():
            function, guarded = self._function(*pairs[0])
            outputs, inputs = torch.tensor(pairs, device=self.device).unbind(dim=1)
            groups.append(EdgeGroup(function, guarded, outputs, inputs, [i for _, i in pairs]))
        return groups

    def _group_of(self, j: int, i: int) -> Any:
        """Return what the edges of a group have in common: a name, or the same function, which may be no key itself."""
        function = self._given(j, i)
        if function is None:
            return self.funs_name[j][i]
        return (j, i) if torch.compiler.is_compiling() else id(function)  # which compilers do not know

    def __getstate__(self) -> dict[str, Any]:
        """Leave the cached groups out of copies and pickles; they hold functions."""
        state = super().__getstate__() if hasattr(super(), "__getstate__") else self.__dict__
        return {**state, "_groups": None}


def _guarded_value(function: Callable[..., Any], threshold: float, x: Tensor) -> Tensor:
    """Evaluate a guarded function, which may return the place of its singularity first."""
    value = function(x, torch.as_tensor(threshold, dtype=x.dtype, device=x.device))
    result: Tensor = value[1] if isinstance(value, tuple) else value
    return result
