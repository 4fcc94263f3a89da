"""The penalties: pykan's numbers, and gradients of an explicit implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN
from kan.common.errors import ArgumentError
from kan.training.penalties import REG_METRICS, penalty
from kan.training.sparsity import SparsityWeights, sparsity

DATA = Path(__file__).resolve().parent.parent / "data"
WEIGHTS = ("lamb_l1", "lamb_entropy", "lamb_coef", "lamb_coefdiff")


@pytest.fixture
def pykan_penalties() -> dict[str, Any]:
    return torch.load(DATA / "pykan_penalties.pt", weights_only=True)


def entropies(scales: Tensor, offset: float = 1e-4) -> Tensor:
    """Return the mean entropy of the rows plus that of the columns, share by share."""
    total = scales.new_zeros(())
    for matrix in (scales, scales.T):
        for row in matrix:
            share = row / (row.sum() + 1)
            total = total - (share * torch.log2(share + offset)).sum() / len(matrix)
    return total


def explicit_scales(model: KAN, x: Tensor, metric: str) -> list[Tensor]:
    """Measure the edges of a network of sums from explicit tensors (N, O, I)."""
    nodes, edges, splines, totals, inputs = x, [], [], [], []
    for numeric, symbolic in zip(model.act_fun, model.symbolic_fun):
        numeric_part = numeric(nodes)[2]
        inputs.append(nodes.std(dim=0))
        both = numeric_part + symbolic(nodes)[1]
        edges.append(both.std(dim=0))
        splines.append(numeric_part.std(dim=0))
        nodes = both.sum(dim=2)
        totals.append(nodes.std(dim=0).detach())
    if metric == "edge_forward_spline_n":
        return [spline / (start + 0.1) for spline, start in zip(splines, inputs)]
    if metric == "edge_forward_spline_u":
        return edges
    if metric == "edge_forward_sum":
        return [edge / (start + 0.1) for edge, start in zip(edges, inputs)]

    def back(last: int, weights: Tensor) -> tuple[list[Tensor], Tensor]:
        """Pass scores (queried, O) of node layer `last` back, edge layer by edge layer."""
        score, per_edge = torch.diag(weights), []
        for layer in reversed(range(last)):
            share = edges[layer] / (totals[layer] + 1e-4)[:, None]
            per_edge.append((score[:, :, None] * share).mean(dim=0))
            score = score @ share
        return per_edge[::-1], score

    depth = len(edges)
    if metric == "edge_backward":
        return back(depth, x.new_ones(model.width_in[-1]))[0]
    per_edge = back(depth, x.new_ones(model.width_in[-1]))[0]
    outputs = model.width_in[-1]
    own = [*(edge.sum(dim=0) for edge in per_edge), x.new_full((outputs,), 1 / outputs)]
    return [back(layer, own[layer])[1] for layer in range(1, depth + 1)]


@pytest.mark.parametrize("name", ["sum_only", "partly_symbolic"])
@pytest.mark.parametrize("metric", REG_METRICS)
def test_every_metric_gives_the_penalty_of_pykan(pykan_penalties: Any, name: str, metric: str) -> None:
    model, case = KAN.loadckpt(str(DATA / name)), pykan_penalties[name]
    model(case["x"])
    ours = model.reg(metric, *pykan_penalties["weights"])
    torch.testing.assert_close(ours, case["reg"][metric], rtol=1e-5, atol=0)


def test_the_metrics_are_those_of_pykan(pykan_penalties: Any) -> None:
    assert list(REG_METRICS) == list(pykan_penalties["sum_only"]["reg"])


@pytest.mark.parametrize("metric", REG_METRICS)
def test_the_gradient_is_that_of_explicit_tensors(metric: str) -> None:
    model = KAN(width=[2, 3, 2], seed=4, auto_save=False).double()
    model.fix_symbolic(0, 0, 1, "sin", fit_params_bool=False)
    model.fix_symbolic(1, 2, 0, "x^2", fit_params_bool=False)
    model.set_mode(1, 2, 0, "sn")
    model.remove_edge(0, 1, 2)
    x = torch.rand(40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    trained = [(name, entry) for name, entry in model.named_parameters() if entry.requires_grad]

    ours = penalty(model, model.trace(x), reg_metric=metric, lamb_l1=0.7, lamb_entropy=1.3)
    scales = explicit_scales(model, x, metric)
    theirs = sum(0.7 * entry.sum() + 1.3 * entropies(entry) for entry in scales)
    torch.testing.assert_close(ours, theirs)

    parameters = [entry for _, entry in trained]
    ours_by_name = torch.autograd.grad(ours, parameters, allow_unused=True)
    theirs_by_name = torch.autograd.grad(theirs, parameters, allow_unused=True)
    for (name, parameter), mine, reference in zip(trained, ours_by_name, theirs_by_name):
        zero = torch.zeros_like(parameter)
        mine, reference = (zero if entry is None else entry for entry in (mine, reference))
        # Explicit standard deviations have no gradient at the edge that was removed; there it is to be 0.
        reference = torch.nan_to_num(reference, nan=0.0)
        torch.testing.assert_close(mine, reference, rtol=1e-7, atol=1e-9, msg=lambda text, name=name: f"{name}: {text}")


def test_the_coefficients_have_their_own_terms() -> None:
    model = KAN(width=[2, 2, 1], seed=0, auto_save=False)
    trace = model.trace(torch.rand(20, 2))
    none = dict.fromkeys(WEIGHTS, 0.0)
    size = penalty(model, trace, **{**none, "lamb_coef": 3.0})
    rough = penalty(model, trace, **{**none, "lamb_coefdiff": 3.0})
    coefficients = [layer.coef for layer in model.act_fun]
    assert torch.allclose(size, sum(3 * c.abs().sum() / c.shape[1] for c in coefficients))
    assert torch.allclose(rough, sum(3 * (c[..., 1:] - c[..., :-1]).abs().sum() / c.shape[1] for c in coefficients))


def test_the_offset_of_the_entropy_can_be_chosen() -> None:
    model, x = KAN(width=[2, 2, 1], seed=0, auto_save=False), torch.rand(20, 2)
    model(x)
    scales = explicit_scales(model, x, "edge_forward_spline_u")
    ours = model.reg("edge_forward_spline_u", 0.0, 1.0, 0.0, 0.0, entropy_offset=0.1)
    assert torch.allclose(ours, sum(entropies(entry, offset=0.1) for entry in scales), rtol=1e-5)


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    model = KAN(width=[2, 1], seed=0, auto_save=False)
    with pytest.raises(ArgumentError, match=r"'edge_forward_spline_n'.*'node_backward'.*got 'edge'"):
        penalty(model, model.trace(torch.rand(5, 2)), reg_metric="edge")


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (2, 5)])
@pytest.mark.parametrize("weights", [(1.0, 2.0, 1e-4), (1.0, 0.0, 1e-4), (0.0, 1.0, 0.1)])
def test_the_sparsity_term_can_be_differentiated_twice(size: tuple[int, int], weights: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    scales = (torch.rand(size, dtype=torch.float64, generator=generator) + 0.05).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: sparsity(v, SparsityWeights(*weights)), scales)
    if weights[1]:
        assert torch.autograd.gradgradcheck(lambda v: sparsity(v, SparsityWeights(*weights)), scales)
    (first,) = torch.autograd.grad(sparsity(scales, SparsityWeights(*weights)), scales, create_graph=True)
    explicit = weights[0] * scales.sum() + weights[1] * entropies(scales, offset=weights[2])
    (plain,) = torch.autograd.grad(explicit, scales)
    torch.testing.assert_close(first, plain)


def test_scales_that_vanish_have_a_finite_gradient() -> None:
    scales = torch.zeros(3, 2, requires_grad=True)
    sparsity(scales, SparsityWeights(1.0, 2.0, 1e-4)).backward()
    assert scales.grad is not None
    assert bool(torch.isfinite(scales.grad).all())


def test_function_transforms_see_the_same_penalty() -> None:
    model, x = KAN(width=[2, 2, 1], seed=0, auto_save=False).double(), torch.rand(20, 2, dtype=torch.float64)
    parameters = {name: entry.detach() for name, entry in model.named_parameters() if entry.requires_grad}

    class Penalised(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Tensor) -> Tensor:
            return penalty(self.model, self.model.trace(x))

    named = {f"model.{name}": entry for name, entry in parameters.items()}
    transformed = torch.func.grad(lambda values: torch.func.functional_call(Penalised(), values, (x,)))(named)
    penalty(model, model.trace(x)).backward()
    for name, values in parameters.items():
        gradient = model.get_parameter(name).grad
        expected = torch.zeros_like(values) if gradient is None else gradient
        torch.testing.assert_close(transformed[f"model.{name}"], expected)


def test_no_values_per_edge_and_sample_are_kept() -> None:
    """A batch of N samples may not cost N * O * I numbers: the graph of the penalty holds none that large."""
    model, samples = KAN(width=[20, 20, 1], seed=0, auto_save=False), 500
    sizes: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda kept: sizes.append(kept.numel()) or kept, lambda kept: kept):
        penalty(model, model.trace(torch.rand(samples, 20))).backward()
    assert max(sizes) < samples * 20 * 20


def test_the_cached_input_stays_as_it_is() -> None:
    model, x = KAN(width=[2, 1], seed=0, auto_save=False), torch.rand(6, 2)
    model(x)
    model.reg(x=torch.rand(4, 2))
    assert torch.equal(model.cache_data, x)
