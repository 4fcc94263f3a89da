from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from torch.autograd import forward_ad

from kan import KAN, SYMBOLIC_LIB, add_symbolic, create_dataset
from kan.symbolic.slopes import differentiable


@pytest.fixture
def library():
    """Undo what a test adds to the library."""
    before = dict(SYMBOLIC_LIB)
    yield
    SYMBOLIC_LIB.clear()
    SYMBOLIC_LIB.update(before)


@pytest.fixture
def points():
    return torch.linspace(-20, 20, 201, dtype=torch.float64, requires_grad=True)


def blind_sine(x):
    """Compute a sine that autograd knows nothing of."""
    return torch.sin(x.detach())


def test_a_function_without_derivative_gets_the_right_one(points):
    (slopes,) = torch.autograd.grad(differentiable(blind_sine)(points).sum(), points)
    torch.testing.assert_close(slopes, torch.cos(points), rtol=0, atol=1e-11)


def test_a_derivative_is_found_in_inference_mode_too():
    with torch.inference_mode():
        assert differentiable(torch.sin) is torch.sin


def test_a_function_of_numpy_that_takes_no_gradients_gets_one_too(points):
    fun = differentiable(lambda x: torch.from_numpy(np.sin(x.numpy())))
    (slopes,) = torch.autograd.grad(fun(points).sum(), points)
    torch.testing.assert_close(slopes, torch.cos(points), rtol=0, atol=1e-11)


def test_the_second_derivative_is_right_too(points):
    (slopes,) = torch.autograd.grad(differentiable(blind_sine)(points).sum(), points, create_graph=True)
    (bends,) = torch.autograd.grad(slopes.sum(), points)
    torch.testing.assert_close(bends, -torch.sin(points), rtol=0, atol=1e-7)


def test_single_precision_stays_single_precision():
    x = torch.linspace(-2, 2, 21, requires_grad=True)
    (slopes,) = torch.autograd.grad(differentiable(blind_sine)(x).sum(), x)
    assert slopes.dtype == torch.float32
    torch.testing.assert_close(slopes, torch.cos(x), rtol=0, atol=1e-4)


@pytest.mark.parametrize("fun", [torch.sin, torch.sign, lambda x: x**2, lambda x: x.unknown()])
def test_others_are_left_alone(fun):
    assert differentiable(fun) is fun


def test_it_can_be_copied_and_pickled(points):
    fun = differentiable(torch.special.bessel_j0)
    for twin in (copy.deepcopy(fun), pickle.loads(pickle.dumps(fun))):
        assert torch.equal(twin(points), fun(points))


def test_it_works_under_vmap_and_functional_gradients(points):
    slopes = torch.func.vmap(torch.func.grad(differentiable(torch.special.bessel_j0)))(points[:50].detach())
    torch.testing.assert_close(slopes, -torch.special.bessel_j1(points[:50]), rtol=0, atol=1e-9)


@pytest.mark.parametrize("opt", ["LBFGS", "LM"])
def test_constants_inside_an_added_function_are_trained(opt, library):
    add_symbolic("J0", torch.special.bessel_j0)
    dataset = create_dataset(lambda x: torch.special.bessel_j0(3 * x), n_var=1, train_num=100, test_num=100)
    model = KAN(width=[1, 1], seed=0).double()
    model.get_act(dataset["train_input"].double())
    model.fix_symbolic(0, 0, 0, "J0", fit_params_bool=False)
    with torch.no_grad():
        model.symbolic_fun[0].affine[0, 0, 0] = 2.5
    results = model.fit(dataset, opt=opt, steps=30, progress=False)
    assert results["test_loss"][-1] < 1e-6


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("outer", [torch.func.jacfwd, torch.func.jacrev])
@pytest.mark.parametrize("inner", [torch.func.jacfwd, torch.func.jacrev])
def test_derivatives_in_forward_mode_are_right_at_every_level(points, outer, inner):
    function, x = differentiable(blind_sine), points.detach()
    torch.testing.assert_close(torch.func.vmap(outer(function))(x), torch.cos(x), rtol=0, atol=1e-11)
    torch.testing.assert_close(torch.func.vmap(outer(inner(function)))(x), -torch.sin(x), rtol=0, atol=1e-7)
    torch.testing.assert_close(torch.func.vmap(outer(inner(inner(function))))(x), -torch.cos(x), rtol=0, atol=1e-3)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_dual_numbers_carry_the_derivative(points):
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(points.detach(), torch.ones_like(points))
        tangent = forward_ad.unpack_dual(differentiable(blind_sine)(dual)).tangent
    torch.testing.assert_close(tangent, torch.cos(points), rtol=0, atol=1e-11)
