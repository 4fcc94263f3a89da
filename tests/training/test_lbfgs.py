"""L-BFGS against SciPy, torch and problems whose minima are known."""

from __future__ import annotations

import copy
import io
import math
import pickle

import numpy as np
import pytest
import torch
from scipy import optimize

from kan.common.errors import ArgumentError
from kan.training.flat_vectors import ArrayVectors, TensorVectors
from kan.training.lbfgs import LBFGS

TIGHT = {"tolerance_grad": 1e-32, "tolerance_change": 1e-32, "tolerance_ys": 1e-32}


def rosenbrock(x):
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def parameter(values, dtype=torch.float64):
    return torch.nn.Parameter(torch.as_tensor(values).to(dtype, copy=True))


class Problem:
    """A loss of some parameters, its closure and the values that the closure has seen."""

    def __init__(self, loss, *parameters, **options):
        self.loss, self.parameters, self.losses = loss, list(parameters), []
        self.optimizer = LBFGS(self.parameters, **{"line_search_fn": "strong_wolfe", **TIGHT, **options})

    def closure(self):
        self.optimizer.zero_grad()
        loss = self.loss(*self.parameters)
        loss.backward()
        self.losses.append(loss.item())
        return loss

    def value(self):
        with torch.no_grad():
            return self.loss(*self.parameters).item()

    def run(self, steps):
        for _ in range(steps):
            self.optimizer.step(self.closure)
            if self.optimizer.stagnated:
                break
        return self.value()


def ill_conditioned_quadratic(size, condition, scale=1.0):
    generator = torch.Generator().manual_seed(0)
    basis, _ = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=generator))
    eigenvalues = torch.logspace(0, math.log10(condition), size, dtype=torch.float64)
    start = torch.randn(size, dtype=torch.float64, generator=generator)
    return (lambda x: 0.5 * scale * (eigenvalues.to(x) * (basis.to(x) @ x) ** 2).sum()), start


@pytest.fixture(params=["array", "tensor"])
def kind(request, monkeypatch):
    """Run a test with either arithmetic, whatever the size of its problem."""
    chosen = {"array": ArrayVectors, "tensor": TensorVectors}[request.param]
    monkeypatch.setattr("kan.training.lbfgs.flat_vectors", chosen)
    return chosen


# ------------------------------------------------------------------------------------------------------ convergence


@pytest.mark.parametrize("size", [2, 20])
def test_rosenbrock_takes_about_as_many_evaluations_as_scipy(kind, size):
    start = np.array([-1.2, 1.0] * (size // 2))
    problem = Problem(rosenbrock, parameter(start), history_size=10)
    problem.run(60)
    theirs = []

    def scipy_loss(values):
        x = torch.tensor(values, requires_grad=True)
        loss = rosenbrock(x)
        loss.backward()
        theirs.append(loss.item())
        return loss.item(), x.grad.numpy()

    options = {"maxcor": 10, "ftol": 0.0, "gtol": 1e-30}
    optimize.minimize(scipy_loss, start, jac=True, method="L-BFGS-B", options=options)
    for level in (1e-3, 1e-10, 1e-20):
        ours_at = next(i for i, loss in enumerate(problem.losses) if loss < level)
        theirs_at = next(i for i, loss in enumerate(theirs) if loss < level)
        assert ours_at <= 1.5 * theirs_at
    assert torch.allclose(problem.parameters[0].detach(), torch.ones(size, dtype=torch.float64), atol=1e-12)


def test_quadratic_of_n_variables_needs_little_more_than_n_iterations(kind):
    loss, start = ill_conditioned_quadratic(8, 20.0)
    problem = Problem(loss, parameter(start), history_size=20, max_iter=1)
    first = problem.value()
    for _ in range(16):
        problem.optimizer.step(problem.closure)
    assert problem.value() < 1e-8 * first


def test_direction_equals_the_two_loop_recursion(kind):
    # Nocedal & Wright, algorithm 7.4, on the pairs that the run produced.
    x = parameter(torch.linspace(-1.0, 1.0, 6))
    problem = Problem(rosenbrock, x, history_size=4, max_iter=1)
    points, gradients = [], []
    for _ in range(9):
        points.append(x.detach().clone())
        problem.optimizer.step(problem.closure)
        probe = points[-1].clone().requires_grad_()
        gradients.append(torch.autograd.grad(rosenbrock(probe), probe)[0])
    pairs = [(points[i + 1] - points[i], gradients[i + 1] - gradients[i]) for i in range(8)]
    pairs = [(s, y) for s, y in pairs if s @ y > 0][-4:]
    q, factors = gradients[-1].clone(), []
    for s, y in reversed(pairs):
        factors.append((s @ q) / (s @ y))
        q -= factors[-1] * y
    q *= (pairs[-1][0] @ pairs[-1][1]) / (pairs[-1][1] @ pairs[-1][1])
    for (s, y), factor in zip(pairs, reversed(factors)):
        q += s * (factor - (y @ q) / (s @ y))
    step = x.detach() - points[-1]
    assert torch.nn.functional.cosine_similarity(step, -q, dim=0) > 1 - 1e-12


def test_small_least_squares_ends_no_higher_than_torch():
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(60, 2, generator=generator, dtype=torch.float64)
    y = torch.sin(3.0 * x[:, 0]) * x[:, 1]

    def loss(weights):
        hidden = torch.tanh(x @ weights[:16].view(2, 8) + weights[16:24])
        return ((hidden @ weights[24:32] + weights[32] - y) ** 2).mean()

    start = torch.randn(33, generator=generator, dtype=torch.float64)
    ours = Problem(loss, parameter(start), history_size=10).run(8)
    weights = parameter(start)
    theirs = torch.optim.LBFGS([weights], history_size=10, line_search_fn="strong_wolfe", tolerance_change=1e-32)

    def closure():
        theirs.zero_grad()
        value = loss(weights)
        value.backward()
        return value

    for _ in range(8):
        theirs.step(closure)
    assert ours <= 2.0 * loss(weights).item()


def test_loss_never_rises_from_step_to_step(kind):
    problem = Problem(rosenbrock, parameter([-1.2, 1.0, 3.0, -2.0]), max_iter=3)
    values = [problem.value()]
    for _ in range(30):
        problem.optimizer.step(problem.closure)
        values.append(problem.value())
    assert all(after <= before for before, after in zip(values, values[1:]))


def test_tiny_losses_converge_to_a_relative_1e_minus_20(kind):
    loss, start = ill_conditioned_quadratic(20, 100.0, scale=1e-12)
    problem = Problem(loss, parameter(start), history_size=10)
    first = problem.value()
    assert problem.run(30) < 1e-20 * first


def test_fixed_steps_converge_on_a_well_conditioned_problem(kind):
    loss, start = ill_conditioned_quadratic(10, 3.0)
    problem = Problem(loss, parameter(start), line_search_fn=None, lr=0.8)
    first = problem.value()
    assert problem.run(4) < 1e-8 * first


def test_both_arithmetics_give_the_same_result():
    def result(vectors):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("kan.training.lbfgs.flat_vectors", vectors)
            problem = Problem(rosenbrock, parameter([-1.2, 1.0, 0.5]), max_iter=12)
            problem.run(1)
            return problem.parameters[0].detach()

    torch.testing.assert_close(result(ArrayVectors), result(TensorVectors), rtol=1e-8, atol=0.0)


def test_large_models_and_long_histories_work():
    size = 3000
    weights = torch.linspace(1.0, 30.0, size, dtype=torch.float64)
    problem = Problem(lambda x: (weights * x**2).sum(), parameter(torch.ones(size)), history_size=40)
    first = problem.value()
    assert problem.run(5) < 1e-9 * first


def test_runs_are_bit_for_bit_equal():
    def result():
        problem = Problem(rosenbrock, parameter([-1.2, 1.0, 0.3, 2.0]))
        problem.run(4)
        return problem.parameters[0].detach()

    assert torch.equal(result(), result())


# ------------------------------------------------------------------------------------------------ kinds of parameters


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_dtypes_stay_and_converge_to_their_precision(kind, dtype):
    target = torch.tensor([1.5, -0.25, 3.0])
    problem = Problem(lambda x: ((x.double() - target) ** 2).sum(), parameter(torch.zeros(3), dtype))
    problem.run(5)
    assert problem.parameters[0].dtype == dtype
    torch.testing.assert_close(problem.parameters[0].detach().float(), target, rtol=1e-2, atol=1e-2)


def test_parameters_of_mixed_dtypes_and_shapes_are_fitted_together(kind):
    shapes = {"scalar": (), "matrix": (2, 3), "empty": (0, 4), "single": (1,)}
    dtypes = [torch.float32, torch.float64, torch.float64, torch.float32]
    parameters = [parameter(torch.zeros(shape), dtype) for shape, dtype in zip(shapes.values(), dtypes)]
    problem = Problem(lambda *all_of_them: sum(((p.double() - 2.0) ** 2).sum() for p in all_of_them), *parameters)
    problem.run(5)
    for p in parameters:
        torch.testing.assert_close(p.detach(), torch.full_like(p, 2.0))


def test_non_contiguous_parameters_are_moved_in_place(kind):
    storage = torch.zeros(3, 2, dtype=torch.float64)
    transposed = torch.nn.Parameter(storage.T)
    target = torch.arange(6.0, dtype=torch.float64).view(2, 3)
    Problem(lambda x: ((x - target) ** 2).sum(), transposed).run(3)
    torch.testing.assert_close(storage.T, target)


def test_a_parameter_without_gradient_stays_where_it_is(kind):
    used, unused = parameter([3.0]), parameter([5.0, 6.0])
    problem = Problem(lambda x, _: ((x - 1.0) ** 2).sum(), used, unused)
    problem.run(3)
    assert used.item() == pytest.approx(1.0)
    assert unused.grad is None
    assert unused.tolist() == [5.0, 6.0]


def test_no_gradient_at_all_is_stagnation():
    x = parameter([3.0])
    optimizer = LBFGS([x], line_search_fn="strong_wolfe")
    optimizer.step(lambda: torch.tensor(2.0))
    assert optimizer.stagnated
    assert x.item() == 3.0


def test_sparse_gradients_work():
    table = torch.nn.Embedding(5, 2, sparse=True, dtype=torch.float64)
    rows = torch.tensor([0, 3])
    before = table.weight.detach().clone()
    Problem(lambda _: ((table(rows) - 1.0) ** 2).sum(), table.weight).run(3)
    torch.testing.assert_close(table.weight.detach()[rows], torch.ones(2, 2, dtype=torch.float64))
    assert torch.equal(table.weight.detach()[1], before[1])


# ----------------------------------------------------------------------------------------------------------- robustness


def log_barrier(x):
    return (-torch.log(x) + x).sum() + 1e3 * (x[0] - 0.01) ** 2


def test_nan_regions_are_backed_out_of(kind):
    problem = Problem(log_barrier, parameter([5.0, 0.001]), lr=10.0)
    problem.run(20)
    x = problem.parameters[0].detach()
    assert any(math.isnan(loss) for loss in problem.losses)
    assert torch.isfinite(x).all()
    assert x[1].item() == pytest.approx(1.0, rel=1e-6)


def test_fixed_steps_are_shortened_where_the_loss_is_not_finite(kind):
    problem = Problem(log_barrier, parameter([0.5, 0.001]), line_search_fn=None, lr=100.0, max_iter=2)
    problem.optimizer.step(problem.closure)
    assert math.isfinite(problem.value())


def test_infinite_gradients_with_a_finite_loss_are_not_accepted(kind):
    x = parameter([1.0])
    optimizer = LBFGS([x], line_search_fn="strong_wolfe", max_iter=1)

    def closure():
        x.grad = torch.where(x < 0.6, math.inf, 2.0 * x.detach())
        return (x.detach() ** 2).sum()

    optimizer.step(closure)  # the first trial is at 0
    assert 0.6 <= x.item() < 1.0


def test_a_loss_that_is_nan_from_the_start_changes_nothing():
    problem = Problem(lambda x: (x * math.nan).sum(), parameter([1.0, 2.0]))
    problem.optimizer.step(problem.closure)
    assert problem.optimizer.stagnated
    assert problem.parameters[0].tolist() == [1.0, 2.0]


def test_a_gradient_that_points_uphill_changes_nothing_and_is_stagnation(kind):
    x = parameter([1.0, 2.0])
    optimizer = LBFGS([x], line_search_fn="strong_wolfe", **TIGHT)

    def closure():
        x.grad = -2.0 * x.detach()
        return (x.detach() ** 2).sum()

    optimizer.step(closure)
    assert optimizer.stagnated
    assert x.tolist() == [1.0, 2.0]


def test_a_misleading_history_falls_back_to_steepest_descent(kind):
    problem = Problem(rosenbrock, parameter([-1.2, 1.0]), max_iter=5)
    problem.optimizer.step(problem.closure)
    before = problem.value()
    # The same parameters now mean something else: the loss is mirrored and a million times steeper.
    problem.loss = lambda x: 1e6 * ((x + 3.0) ** 2 * torch.tensor([1.0, 50.0])).sum()
    start = problem.value()
    problem.run(5)
    assert before != start
    assert problem.value() < 1e-12 * start


def test_stagnation_is_set_at_the_minimum_and_cleared_by_progress(kind):
    problem = Problem(lambda x: ((x - 2.0) ** 2).sum() + 7.0, parameter([0.0]))
    assert not problem.optimizer.stagnated
    problem.run(10)
    assert problem.optimizer.stagnated
    evaluations = len(problem.losses)
    problem.optimizer.step(problem.closure)
    assert len(problem.losses) - evaluations <= 4
    problem.loss = lambda x: ((x + 1.0) ** 2).sum()
    problem.optimizer.step(problem.closure)
    assert not problem.optimizer.stagnated


@pytest.mark.parametrize("kind_of_error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("at", [1, 4, 13])
def test_an_exception_in_the_closure_leaves_the_last_accepted_point(kind, kind_of_error, at):
    problem = Problem(rosenbrock, parameter([-1.2, 1.0, 0.5]))
    calls = []

    def closure():
        calls.append(None)
        if len(calls) == at:
            raise kind_of_error
        return problem.closure()

    start = problem.value()
    with pytest.raises(kind_of_error):
        problem.optimizer.step(closure)
    assert problem.value() <= start
    if at > 1:
        assert problem.value() == problem.optimizer.last_loss
    assert problem.run(40) < 1e-20


def test_a_closure_that_returns_nothing_is_an_error():
    with pytest.raises(ArgumentError, match="must return the loss"):
        LBFGS([parameter([1.0])]).step(lambda: None)


# ------------------------------------------------------------------------------------------------------------ interface


def test_step_returns_the_first_loss_and_last_loss_is_the_final_one():
    problem = Problem(rosenbrock, parameter([-1.2, 1.0]), max_iter=4, max_eval=100)
    first = problem.optimizer.step(problem.closure)
    assert isinstance(first, torch.Tensor)
    assert first.item() == problem.losses[0]
    assert problem.optimizer.last_loss == problem.value() < problem.losses[0]
    state = problem.optimizer.state[problem.parameters[0]]
    assert state["n_iter"] == 4
    assert state["func_evals"] == len(problem.losses)


def test_last_loss_is_nan_before_the_first_step():
    assert math.isnan(LBFGS([parameter([1.0])]).last_loss)


def test_first_step_is_scaled_by_the_sum_of_absolute_gradients():
    x = parameter([3.0, -4.0])
    optimizer = LBFGS([x], lr=0.5, max_iter=1)
    optimizer.step(lambda: _linear_loss(x))
    assert x.tolist() == pytest.approx([3.0 - 0.5 * 10.0 / 30.0, -4.0 - 0.5 * 20.0 / 30.0])


def _linear_loss(x):
    x.grad = torch.tensor([10.0, 20.0], dtype=torch.float64)
    return (x.detach() * x.grad).sum()


def test_defaults_and_their_order_are_pykans():
    optimizer = LBFGS([parameter([1.0])], 0.5, 8, None, 1e-3, 1e-4, 1e-5, 7, "strong_wolfe")
    group = {key: value for key, value in optimizer.param_groups[0].items() if key != "params"}
    expected = {
        "lr": 0.5, "max_iter": 8, "max_eval": 10, "tolerance_grad": 1e-3, "tolerance_change": 1e-4,
        "tolerance_ys": 1e-5, "history_size": 7, "line_search_fn": "strong_wolfe",
    }  # fmt: skip
    assert group == expected


def test_limits_end_a_call(kind):
    problem = Problem(rosenbrock, parameter([-1.2, 1.0]), max_iter=1000, max_eval=10)
    problem.optimizer.step(problem.closure)
    assert 10 <= len(problem.losses) < 10 + 25
    problem = Problem(rosenbrock, parameter([-1.2, 1.0]), tolerance_grad=1e3)
    problem.optimizer.step(problem.closure)
    assert len(problem.losses) == 1
    problem = Problem(rosenbrock, parameter([-1.2, 1.0]), tolerance_change=1e3)
    problem.optimizer.step(problem.closure)
    assert problem.optimizer.state[problem.parameters[0]]["n_iter"] == 1


def test_history_persists_across_steps():
    one = Problem(rosenbrock, parameter([-1.2, 1.0, 0.4]), max_iter=20, max_eval=1000)
    many = Problem(rosenbrock, parameter([-1.2, 1.0, 0.4]), max_iter=1)
    one.optimizer.step(one.closure)
    for _ in range(20):
        many.optimizer.step(many.closure)
    torch.testing.assert_close(many.parameters[0], one.parameters[0], rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("line_search_fn", [None, "strong_wolfe"])
def test_a_schedule_that_reaches_a_step_length_of_zero_moves_nothing(line_search_fn):
    problem = Problem(rosenbrock, parameter([-1.25, 1.0]), line_search_fn=line_search_fn)
    problem.optimizer.param_groups[0]["lr"] = 0.0
    problem.optimizer.step(problem.closure)
    assert problem.parameters[0].tolist() == [-1.25, 1.0]


def test_reset_history_starts_again_with_steepest_descent():
    problem = Problem(rosenbrock, parameter([-1.2, 1.0]), max_iter=5)
    problem.optimizer.step(problem.closure)
    fresh = Problem(rosenbrock, parameter(problem.parameters[0].detach()), max_iter=5)
    problem.optimizer.reset_history()
    problem.optimizer.step(problem.closure)
    fresh.optimizer.step(fresh.closure)
    assert torch.equal(problem.parameters[0], fresh.parameters[0])


def test_parameters_that_change_shape_start_a_new_history():
    problem = Problem(lambda x: ((x - 1.0) ** 2).sum(), parameter([5.0, 2.0]), max_iter=2)
    problem.optimizer.step(problem.closure)
    problem.parameters[0].data = torch.zeros(4, dtype=torch.float64)
    problem.run(3)
    torch.testing.assert_close(problem.parameters[0].detach(), torch.ones(4, dtype=torch.float64))


def test_the_global_generators_are_left_alone():
    problem = Problem(rosenbrock, parameter([-1.2, 1.0]))
    before = torch.get_rng_state()
    problem.optimizer.step(problem.closure)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("way", ["state_dict", "weights_only_file", "pickle", "deepcopy"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_restored_optimizer_continues_exactly(kind, way, dtype):
    problem = Problem(rosenbrock, parameter([-1.2, 1.0, 0.5, 0.1], dtype), history_size=3, max_iter=7)
    problem.optimizer.step(problem.closure)
    if way in ("pickle", "deepcopy"):
        optimizer = (
            copy.deepcopy(problem.optimizer) if way == "deepcopy" else pickle.loads(pickle.dumps(problem.optimizer))
        )
        (x,) = optimizer.param_groups[0]["params"]
        other = Problem(rosenbrock, x)
        other.optimizer = optimizer
    else:
        state = problem.optimizer.state_dict()
        if way == "weights_only_file":
            file = io.BytesIO()
            torch.save(state, file)
            file.seek(0)
            state = torch.load(file, weights_only=True)
        other = Problem(rosenbrock, parameter(problem.parameters[0].detach(), dtype))
        other.optimizer.load_state_dict(state)
    assert other.optimizer.last_loss == problem.optimizer.last_loss
    for run in (problem, other):
        run.optimizer.step(run.closure)
    assert torch.equal(problem.parameters[0], other.parameters[0])
    assert other.optimizer.param_groups[0]["history_size"] == 3


def test_a_state_of_another_model_is_refused():
    problem = Problem(rosenbrock, parameter([-1.2, 1.0]))
    problem.optimizer.step(problem.closure)
    other = LBFGS([parameter([1.0, 2.0, 3.0])], lr=0.5)
    with pytest.raises(ArgumentError, match="same model"):
        other.load_state_dict(problem.optimizer.state_dict())
    assert other.param_groups[0]["lr"] == 0.5


def test_a_state_of_torchs_optimizer_gives_its_options():
    x = parameter([3.0, 1.0])
    theirs = torch.optim.LBFGS([x], lr=0.25, max_iter=3)
    theirs.step(lambda: _linear_loss(x))
    ours = LBFGS([x])
    ours.load_state_dict(theirs.state_dict())
    assert ours.param_groups[0]["lr"] == 0.25
    assert ours.param_groups[0]["tolerance_ys"] == 1e-32
    ours.step(lambda: _linear_loss(x))


def test_several_groups_are_refused():
    with pytest.raises(ArgumentError, match="one group"):
        LBFGS([{"params": [parameter([1.0])]}, {"params": [parameter([1.0])]}])


def test_complex_parameters_are_refused():
    with pytest.raises(ArgumentError, match="complex"):
        LBFGS([torch.nn.Parameter(torch.zeros(2, dtype=torch.complex64))])


@pytest.mark.parametrize("name", ["lr", "max_iter", "history_size", "max_eval"])
def test_limits_that_are_not_positive_are_refused(name):
    with pytest.raises(ArgumentError, match=name):
        LBFGS([parameter([1.0])], **{name: 0})


def test_an_unknown_line_search_is_refused():
    with pytest.raises(ArgumentError, match="strong_wolfe"):
        LBFGS([parameter([1.0])], line_search_fn="armijo")
