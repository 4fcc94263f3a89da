"""Layers with many intervals, compiled: the gathering is an operator of torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from kan import KANLayer
from kan.layers import edge_sum
from kan.layers.edge_operator import _backward, _forward, gathered_sums
from kan.layers.edge_tensors import EdgeTensors

DEGREE = 3


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have layers gather for few samples too."""
    monkeypatch.setattr(edge_sum, "_MUCH_WORK", 0)


@pytest.fixture
def layer() -> KANLayer:
    return KANLayer(3, 2, num=40, k=DEGREE, generator=torch.Generator().manual_seed(0)).double()


@pytest.fixture
def x() -> Tensor:
    """Return samples, some of them outside of the grid."""
    return 3 * torch.rand(9, 3, generator=torch.Generator().manual_seed(0)).double() - 1.5


@pytest.fixture
def tensors(layer: KANLayer, x: Tensor) -> EdgeTensors:
    """Return the layer's tensors at the samples, all but the knots to be differentiated."""
    base = torch.nn.functional.silu(x)
    first = (x.T, base.T, layer.coef, layer.scale_base, layer.scale_sp, layer.mask)
    return EdgeTensors(*(tensor.detach().clone().requires_grad_() for tensor in first), layer.grid)


def test_torch_finds_nothing_wrong_with_the_operators(tensors: EdgeTensors) -> None:
    """Shapes, strides and types are those that compilers are told, and nothing is changed in place."""
    torch.library.opcheck(_forward, (*tensors, DEGREE))
    detached = [tensor.detach() for tensor in tensors]
    sums, *local = _forward(*detached, DEGREE)
    for wanted in ([True] * 6, [False, False, True, True, True, False]):
        torch.library.opcheck(_backward, (torch.ones_like(sums), *detached, *local, DEGREE, wanted))


def test_gradients_are_those_of_the_sums(tensors: EdgeTensors) -> None:
    *leaves, knots = tensors
    assert torch.autograd.gradcheck(lambda *first: gathered_sums(EdgeTensors(*first, knots), degree=DEGREE), leaves)


@pytest.mark.parametrize(("sizes", "gathered"), [((9, 20), False), ((2000, 3000), True)])
def test_a_compiled_layer_gathers_where_a_layer_does(layer: KANLayer, sizes: tuple[int, ...], gathered: bool) -> None:
    """One graph serves all batches on one side: calling the operator takes longer than a small product."""
    gathers = []

    def backend(graph: torch.fx.GraphModule, _: list[Tensor]) -> Callable[..., tuple[Tensor, ...]]:
        gathers.append("kan.gathered_sums" in graph.code)
        return graph.forward

    compiled = torch.compile(layer.forward_sum, fullgraph=True, dynamic=True, backend=backend)
    for size in sizes:
        compiled(torch.zeros(size, 3, dtype=torch.float64))
    assert gathers == [gathered]


@pytest.mark.usefixtures("gathering")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_compiled_layer_is_the_layer(layer: KANLayer, x: Tensor, dtype: torch.dtype) -> None:
    layer, x = layer.to(dtype), x.to(dtype)
    compiled = torch.compile(layer.forward_sum, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), layer.forward_sum(x))


@pytest.mark.usefixtures("gathering")
@pytest.mark.parametrize("context", ["autocast", "no_grad"])
def test_contexts_hold(layer: KANLayer, x: Tensor, context: str) -> None:
    compiled = torch.compile(layer.forward_sum, fullgraph=True, backend="aot_eager")
    with torch.autocast("cpu") if context == "autocast" else torch.no_grad():
        torch.testing.assert_close(compiled(x), layer.forward_sum(x))


@pytest.mark.usefixtures("gathering")
@pytest.mark.parametrize("transform", [torch.func.vmap, torch.func.jacrev], ids=["vmap", "jacrev"])
def test_compiled_code_may_contain_transforms(
    layer: KANLayer, x: Tensor, transform: Callable[..., Callable[[Tensor], Tensor]]
) -> None:
    compiled = torch.compile(transform(layer.forward_sum), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), transform(layer.forward_sum)(x))


@pytest.mark.usefixtures("gathering")
def test_exported_programs_hold_operations_of_torch_only(layer: KANLayer, x: Tensor) -> None:
    class Sums(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            return self.layer.forward_sum(x)

    program = torch.export.export(Sums(), (x,))
    assert not [node for node in program.graph.nodes if "kan" in str(node.target)]
    torch.testing.assert_close(program.module()(x), layer.forward_sum(x))
