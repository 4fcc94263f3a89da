from __future__ import annotations

import torch

from kan.symbolic.box import Box
from kan.symbolic.region import Limits, Region
from kan.symbolic.shapes import shape_of

BOX = Box((-10.0, 10.0), (-2.0, 2.0), centre=0.0, half_width=1.0)
LIKE = torch.zeros(1, dtype=torch.float64)
SHAPES = [shape_of(function, like=LIKE) for function in (torch.asin, torch.tanh)]
REGION = Region.of(shapes=SHAPES, box=BOX, limits=Limits.of(torch.float64), like=LIKE)


def test_points_are_moved_into_domain_and_box():
    points = torch.tensor([[0.8, 0.5], [3.0, 5.0]], dtype=torch.float64)
    clamped = REGION.clamp(points, torch.tensor([0, 1]))
    ends = clamped[0, 1] - clamped[0, 0], clamped[0, 1] + clamped[0, 0]
    assert -1 < ends[0] < ends[1] < 1
    assert clamped[1].tolist() == [3.0, 2.0]


def test_slopes_do_not_become_flat():
    clamped = REGION.clamp(torch.tensor([[-1e-9, 0.0]], dtype=torch.float64), torch.tensor([1]))
    assert clamped[0, 0] < -1e-5


def test_a_step_out_of_the_box_becomes_the_best_step_along_its_edge():
    # Minimise (A - 3)^2 + (B - 5)^2 + (A - 3)(B - 5) from B = 2, the edge: along it, A = 3 - (2 - 5)/2.
    points = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    matrix = torch.tensor([[2.0, 1.0, 2.0]], dtype=torch.float64)
    right = torch.tensor([[2.0 * 2 + 3, 2.0 * 3 + 2]], dtype=torch.float64)
    step = REGION.along_edges(
        torch.tensor([[2.0, 3.0]], dtype=torch.float64),
        points=points,
        matrix=matrix,
        right=right,
        owner=torch.tensor([1]),
    )
    torch.testing.assert_close(points + step, torch.tensor([[4.5, 2.0]], dtype=torch.float64))


def test_a_step_inside_stays_as_it_is():
    step = torch.tensor([[0.1, 0.1]], dtype=torch.float64)
    points, right = torch.tensor([[1.0, 0.0]], dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)
    matrix = torch.ones(1, 3, dtype=torch.float64)
    assert REGION.along_edges(step, points=points, matrix=matrix, right=right, owner=torch.tensor([1])) is step
