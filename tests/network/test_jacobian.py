"""The Jacobian of a network is autograd's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN
from kan.network import Adjoint, Jacobian

NETWORKS: dict[str, dict[str, Any]] = {
    "sums": {"width": [2, 3, 1]},
    "several outputs": {"width": [2, 3, 2]},
    "products": {"width": [3, [2, 2], 2], "mult_arity": 3},
    "one layer": {"width": [2, 1]},
    "three layers": {"width": [2, 2, 2, 1]},
    "many intervals": {"width": [2, 2, 1], "grid": 60},
    "more outputs than features": {"width": [2, 9, 1]},
}


def make(*, affine: bool = True, **options: Any) -> tuple[KAN, Tensor]:
    """Return a network with affine maps other than the identity and scales other than one, and data."""
    model = KAN(seed=0, affine_trainable=affine, auto_save=False, **options).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        affine_maps = model.node_scale + model.node_bias + model.subnode_scale + model.subnode_bias
        for parameter in [*affine_maps, *(layer.scale_sp for layer in model.act_fun)]:
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    x = 2 * torch.rand(20, model.width_in[0], generator=generator, dtype=torch.float64) - 1
    model.update_grid(x)
    return model, x


def jacobian_of(model: KAN, x: Tensor) -> tuple[Jacobian, Tensor]:
    """Return the derivatives (P, outputs, N) of all outputs with respect to the trained numbers."""
    adjoint = Adjoint(model, model.prepare(x), singularity={})
    adjoint.forward()
    jacobian = Jacobian(adjoint)
    rows = torch.full((jacobian.size, model.width_in[-1], len(x)), torch.nan, dtype=torch.float64)
    for output in range(model.width_in[-1]):
        signals = jacobian.signals(output)
        for columns in (slice(0, 7), slice(7, 20)):
            piece = torch.empty(jacobian.size, columns.stop - columns.start, dtype=torch.float64)
            jacobian.fill(piece, signals, columns)
            rows[:, output, columns] = piece * jacobian.factors()[:, None]
    return jacobian, rows


def compare(model: KAN, x: Tensor) -> None:
    """Compare with autograd, one output and one sample after the other."""
    jacobian, rows = jacobian_of(model, x)
    trained = [parameter for name, parameter in model.named_parameters() if parameter.requires_grad]
    trained = [parameter for parameter in trained if all(parameter is not layer.scale_sp for layer in model.act_fun)]
    prediction = model(x)
    for output in range(rows.shape[1]):
        for sample in range(len(x)):
            gradients = torch.autograd.grad(prediction[sample, output], trained, retain_graph=True, allow_unused=True)
            found = [(p, torch.zeros_like(p) if g is None else g) for p, g in zip(trained, gradients)]
            torch.testing.assert_close(rows[:, output, sample], jacobian.gather(found))


@pytest.mark.parametrize("name", NETWORKS)
def test_derivatives_are_those_of_autograd(name: str) -> None:
    compare(*make(**NETWORKS[name]))


def test_derivatives_of_symbolic_edges_are_those_of_autograd() -> None:
    model, x = make(width=[2, [1, 1], 1])
    for layer, i, j, name in [(0, 0, 0, "sin"), (0, 1, 1, "x^2"), (1, 0, 0, "exp"), (1, 1, 0, "sin")]:
        model.fix_symbolic(layer, i, j, name, fit_params_bool=False, verbose=False)
        model.symbolic_fun[layer].affine.data[j, i] = torch.tensor([0.5, 1.7, 0.8, 0.1], dtype=x.dtype)
    compare(model, x)


def test_pruned_edges_have_no_derivatives() -> None:
    model, x = make(width=[2, 3, 1])
    model.remove_edge(0, 1, 2)
    compare(model, x)
    assert jacobian_of(model, x)[0].factors().eq(0).sum() == model.act_fun[0].coef.shape[2] + 1


def test_what_is_not_trained_has_no_derivatives() -> None:
    model, x = make(width=[2, 3, 1], affine=False, sb_trainable=False)
    model.act_fun[0].coef.requires_grad_(False)
    compare(model, x)
    jacobian, _ = jacobian_of(model, x)
    before = [parameter.clone() for parameter in model.parameters()]
    jacobian.write(jacobian.read() + 1)
    changed = [not torch.equal(p, q) for p, q in zip(model.parameters(), before)]
    assert [name for (name, _), moved in zip(model.named_parameters(), changed) if moved] == ["act_fun.1.coef"]


def test_numbers_that_are_written_are_read_again() -> None:
    model, x = make(width=[2, [1, 1], 1])
    model.fix_symbolic(0, 0, 1, "sin", fit_params_bool=False, verbose=False)
    jacobian, _ = jacobian_of(model, x)
    numbers = torch.randn(jacobian.size, dtype=torch.float64)
    jacobian.write(numbers)
    assert torch.equal(jacobian.read(), numbers)
    assert numbers[0] == model.act_fun[0].coef[0, 0, 0]
    assert numbers[-1] == model.node_bias[-1][-1]


def test_the_places_of_the_edges_are_known() -> None:
    model, x = make(width=[2, 3, 1])
    jacobian, _ = jacobian_of(model, x)
    numbers = jacobian.read()
    for layer, where in jacobian.edges():
        numeric = model.act_fun[layer]
        weights = numbers[where].view(numeric.in_dim, numeric.out_dim, -1)
        assert torch.equal(weights[:, :, :-1], numeric.coef)
        assert torch.equal(weights[:, :, -1], numeric.scale_base)


def test_curvatures_of_weights_are_measured_together_and_others_by_themselves() -> None:
    model = KAN(width=[1, 2, 1], seed=0, auto_save=False).double()
    model.fix_symbolic(1, 0, 0, "exp", fit_params_bool=False)
    x = torch.linspace(-1, 1, 20, dtype=torch.float64)[None]
    adjoint = Adjoint(model, x, singularity={})
    adjoint.forward()
    jacobian = Jacobian(adjoint)
    curvatures = torch.arange(1.0, jacobian.size + 1, dtype=torch.float64)
    units, of_edges = jacobian.units(curvatures), torch.zeros(jacobian.size, dtype=torch.bool)
    for _, where in jacobian.edges():
        of_edges[where] = True
    assert set(units[of_edges].tolist()) == {float(curvatures[of_edges].max())}
    assert 0 < int((~of_edges).sum()) < jacobian.size
    assert torch.equal(units[~of_edges], curvatures[~of_edges])
