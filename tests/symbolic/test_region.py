from __future__ import annotations

import math

import torch

from kan.symbolic.box import Box
from kan.symbolic.region import Limits, Region, to_ends, to_points
from kan.symbolic.shapes import shape_of

BOX = Box((-10.0, 10.0), (-2.0, 2.0), centre=0.0, half_width=1.0)
LIMITS = Limits.of(torch.float64)
LIKE = torch.zeros(1, dtype=torch.float64)
SHAPES = [shape_of(function, like=LIKE) for function in (torch.asin, torch.tanh, torch.log, torch.tan, torch.exp)]
ARCSIN, TANH, LOG, TAN, EXP = range(5)


def region(function, ends):
    owner = torch.full((len(ends),), function)
    return Region.of(shapes=SHAPES, owner=owner, box=BOX, limits=LIMITS, ends=ends)


def pairs(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_ends_and_points_are_two_views_of_the_same_fit():
    points = pairs([0.8, 0.5], [-3.0, 5.0])
    t = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(to_ends(points), points[:, :1] * t + points[:, 1:])
    torch.testing.assert_close(to_points(to_ends(points)), points)


def test_ends_are_moved_into_domain_and_box():
    ends = pairs([-0.3, 1.3])
    clamped = region(ARCSIN, ends).clamp(ends)
    assert -1 < clamped[0, 0] < clamped[0, 1] < 1
    ends = to_ends(pairs([3.0, 5.0]))
    assert to_points(region(TANH, ends).clamp(ends)).tolist() == [[3.0, 2.0]]


def test_slopes_do_not_become_flat():
    ends = to_ends(pairs([-1e-9, 0.0]))
    assert to_points(region(TANH, ends).clamp(ends))[0, 0] < -1e-5


def test_no_step_leaves_the_interval_between_singularities():
    for function, ends, low, high in [
        (ARCSIN, pairs([-0.9, 0.99]), -1.0, 1.0),
        (LOG, pairs([0.1, 5.0]), 0.0, math.inf),
        (TAN, pairs([1.6, 4.0]), math.pi / 2, 3 * math.pi / 2),
    ]:
        for step in (pairs([-30.0, 30.0]), pairs([30.0, -30.0])):
            moved = region(function, ends).move(ends, step)
            assert ((moved >= low) & (moved <= high)).all()


def test_ends_on_both_sides_of_a_pole_move_freely():
    ends, step = pairs([1.0, 2.0]), pairs([-3.0, 4.0])
    torch.testing.assert_close(region(TAN, ends).move(ends, step), ends + step)


def test_speed_holds_the_derivatives_of_a_move():
    for function, ends in [(ARCSIN, pairs([-0.9, 0.5])), (LOG, pairs([0.1, 5.0])), (TANH, pairs([0.1, 5.0]))]:
        own = region(function, ends)
        h = 1e-4
        ahead, back = own.move(ends, pairs([h, h])), own.move(ends, pairs([-h, -h]))
        first, second = own.speed(ends)
        torch.testing.assert_close(first, (ahead - back) / (2 * h), rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(second, (ahead - 2 * ends + back) / h**2, rtol=1e-5, atol=1e-6)


def test_a_step_out_of_the_box_becomes_the_best_step_along_its_edge():
    # Minimise (L - 1)^2 + (R - 9)^2 + (L - 1)(R - 9) from (1, 3), where B = 2 is at its limit: along L + R = 4, the
    # function is 3*s^2 + ... with its minimum at L = -2, R = 6.
    ends = pairs([1.0, 3.0])
    matrix = torch.tensor([[[2.0, 1.0], [1.0, 2.0]]], dtype=torch.float64)
    right = pairs([-((1.0 - 1) * 2 + (3.0 - 9)), -((3.0 - 9) * 2 + (1.0 - 1))])
    step = region(TANH, ends).along_edges(
        torch.linalg.solve(matrix, right[..., None])[..., 0],
        ends=ends,
        speed=torch.ones_like(ends),
        matrices=(matrix,),
        right=right,
    )
    torch.testing.assert_close(ends + step, pairs([-2.0, 6.0]))


def test_in_a_corner_the_step_goes_along_the_edge_that_it_may_follow():
    # Minimise 2*(A - 12)^2 + (B - 1)^2 + (A - 12)*(B - 1) from A = 10, B = -2: along A = 10 its minimum is at B = 2,
    # and along B = -2 it is outside, at A = 12.75.
    point = torch.tensor([[10.0, -2.0]], dtype=torch.float64)
    ends = to_ends(point)
    matrix, change = torch.tensor([[4.0, 1.0], [1.0, 2.0]]).double(), torch.tensor([[-0.5, 0.5], [0.5, 0.5]]).double()
    right = -(matrix @ torch.tensor([10.0 - 12.0, -2.0 - 1.0]).double()) @ change
    matrix = change.T @ matrix @ change
    # A full step from a bent model would leave through both edges.
    step = to_ends(torch.tensor([[3.0, -1.0]], dtype=torch.float64))
    step = region(TANH, ends).along_edges(
        step, ends=ends, speed=torch.ones_like(ends), matrices=(matrix[None],), right=right[None]
    )
    torch.testing.assert_close(to_points(ends + step), torch.tensor([[10.0, 2.0]], dtype=torch.float64))


def test_a_step_inside_stays_as_it_is():
    step, ends = pairs([0.1, 0.1]), pairs([-1.0, 1.0])
    matrix = torch.eye(2, dtype=torch.float64)[None]
    own = region(TANH, ends)
    assert own.along_edges(step, ends=ends, speed=torch.ones_like(ends), matrices=(matrix,), right=step) is step


def test_the_larger_end_of_an_exponential_stays_and_its_shift_has_no_limits():
    ends = pairs([-50.0, 0.0], [0.0, -50.0])
    own = region(EXP, ends)
    assert own.free(ends).tolist() == [[True, False], [False, True]]
    torch.testing.assert_close(to_points(own.clamp(ends))[:, 0].abs(), torch.full((2,), 10.0, dtype=torch.float64))
