"""`torch.compile` makes one graph of a network, for forward pass and training, whatever the size of the batch."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from kan import KAN, KANLinear
from kan.layers import edge_sum

SIZES = (7, 20, 9)


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    with torch._dynamo.config.patch(error_on_recompile=True):
        yield
    torch._dynamo.reset()


def make(kind: str) -> nn.Module:
    if kind == "KANLinear":
        return KANLinear(2, 1, grid_size=3, spline_order=2, generator=torch.Generator().manual_seed(0))
    grid = 40 if kind == "fine grid" else 3
    if kind == "symbolic":
        return symbolic()
    if kind == "functions without a name":
        return unnamed()
    return KAN([2, [1, 1], 1], grid=grid, k=0 if kind == "steps" else 3, seed=0, auto_save=False)


def symbolic() -> KAN:
    """Return a network of splines and functions, one of them singular where it was removed."""
    model = KAN([2, [1, 1], 1], grid=3, seed=0, auto_save=False)
    for i, j, name in ((0, 0, "sin"), (1, 0, "x^2"), (1, 1, "log")):
        model.fix_symbolic(0, i, j, name, fit_params_bool=False, verbose=False)
    model.remove_edge(0, 1, 1)
    model.fix_symbolic(1, 0, 0, "exp", fit_params_bool=False, verbose=False)
    model.fix_symbolic(1, 1, 0, "x", fit_params_bool=False, verbose=False)
    return model


def unnamed() -> KAN:
    """Return a network of splines and functions without a name, one of them without a derivative."""
    model = KAN([2, 2, 1], grid=3, seed=0, auto_save=False)
    for i, function in enumerate((nn.Tanh(), torch.special.bessel_j0)):
        model.fix_symbolic(0, i, 0, function, fit_params_bool=False, verbose=False)
    return model


def batches() -> Iterator[Tensor]:
    """Yield batches of several sizes, some of the samples outside of the grid."""
    generator = torch.Generator().manual_seed(0)
    for size in SIZES:
        yield 3 * torch.rand(size, 2, generator=generator) - 1.5


@pytest.mark.parametrize("kind", ["network", "steps", "fine grid", "symbolic", "functions without a name", "KANLinear"])
def test_one_graph_serves_batches_of_all_sizes(kind: str) -> None:
    model = make(kind)
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend="eager")
    with torch.no_grad():
        for x in batches():
            torch.testing.assert_close(compiled(x), model(x))


@pytest.mark.parametrize("kind", ["network", "fine grid", "symbolic", "functions without a name"])
def test_a_compiled_network_trains_like_one_that_is_not(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_sum, "_MUCH_WORK", 0)  # fine grids are gathered, as in large batches
    models = [make(kind) for _ in range(2)]
    compiled = torch.compile(models[0], fullgraph=True, dynamic=True, backend="aot_eager")
    optimisers = [torch.optim.Adam(model.parameters(), lr=0.01) for model in models]
    for x in batches():
        y = x.sum(dim=1, keepdim=True)
        for call, optimiser in zip((compiled, models[1]), optimisers):
            optimiser.zero_grad()
            nn.functional.mse_loss(call(x), y).backward()
            optimiser.step()
    for first, second in zip(models[0].parameters(), models[1].parameters()):
        torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a compiler of C++")
def test_inductor_differentiates_symbolic_edges_with_respect_to_their_inputs() -> None:
    """Of `x[rows]` its code for the CPU loses the gradient (torch 2.13, at least)."""
    model = KAN([2, 2, 1], seed=0, auto_save=False).double()
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False, verbose=False)
    x = torch.rand(20, 2, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    expected = torch.autograd.grad(model(x).sum(), x)
    torch.testing.assert_close(torch.autograd.grad(torch.compile(model)(x).sum(), x), expected)


@pytest.mark.parametrize("change", ["moved", "pruned"])
def test_a_network_that_was_changed_compiles(change: str) -> None:
    model = make("network")
    if change == "moved":
        model._apply(torch.clone)  # as moving it to another device does
    else:
        model = KAN([4, 2, 1], seed=0, auto_save=False).prune_input(active_inputs=[0, 3])
        model.input_id = model.input_id.clone()  # as reading it from a file does
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend="eager")
    x = torch.rand(5, 4 if change == "pruned" else 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(compiled(x), model(x))
