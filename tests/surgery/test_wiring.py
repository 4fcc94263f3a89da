"""Orders with short connections, against trying all of them."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import torch
from torch import Tensor

from kan.attribution import connection_cost
from kan.surgery.wiring import HiddenLayer, shortest_orders


def weights_of(*counts: tuple[int, int], seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(*count, generator=generator, dtype=torch.float64) for count in counts]


def plain(count: int) -> HiddenLayer:
    return HiddenLayer([[node] for node in range(count)], ["sum"] * count)


def reordered(weights: list[Tensor], hidden: list[HiddenLayer], orders: Any) -> list[Tensor]:
    result = list(weights)
    for layer, order in enumerate(orders):
        result[layer] = result[layer][hidden[layer].subnode_order(order)]
        result[layer + 1] = result[layer + 1][:, list(order)]
    return result


def cost(weights: list[Tensor], hidden: list[HiddenLayer], orders: Any) -> float:
    return float(connection_cost(reordered(weights, hidden, orders)))


def test_one_layer_gets_the_best_of_all_orders() -> None:
    for seed in range(5):
        weights, hidden = weights_of((6, 3), (4, 6), seed=seed), [plain(6)]
        best = min(cost(weights, hidden, [order]) for order in permutations(range(6)))
        assert abs(cost(weights, hidden, shortest_orders(weights, hidden)) - best) < 1e-12


def test_nodes_of_one_kind_exchange_places_with_all_their_subnodes() -> None:
    """Two sums, then products of arity 2, 3 and 2: nodes 2 and 4 are of one kind."""
    hidden = [HiddenLayer([[0], [1], [2, 3], [4, 5, 6], [7, 8]], ["sum", "sum", 2, 3, 2])]
    allowed = [[*sums, *products] for sums, products in product([(0, 1), (1, 0)], [(2, 3, 4), (4, 3, 2)])]
    for seed in range(8):
        weights = weights_of((9, 4), (3, 5), seed=seed)
        found = shortest_orders(weights, hidden)
        assert found[0] in allowed
        assert cost(weights, hidden, found) <= min(cost(weights, hidden, [order]) for order in allowed) + 1e-12


def test_several_layers_end_where_none_of_them_gains() -> None:
    weights, hidden = weights_of((5, 4), (6, 5), (3, 6)), [plain(5), plain(6)]
    orders = shortest_orders(weights, hidden)
    found = cost(weights, hidden, orders)
    assert found < cost(weights, hidden, [range(5), range(6)])
    for layer in (0, 1):
        for order in permutations(range(len(orders[layer]))):
            other = list(orders)
            other[layer] = list(order)
            assert cost(weights, hidden, other) >= found - 1e-9


def test_modules_that_were_mixed_up_are_sorted_out() -> None:
    """Three chains side by side, their nodes in disorder: in order they cost nothing."""
    straight = [torch.eye(6, dtype=torch.float64) for _ in range(4)]
    hidden = [plain(6)] * 3
    mixed = reordered(straight, hidden, [(3, 5, 0, 2, 4, 1), (1, 0, 5, 4, 3, 2), (5, 2, 4, 0, 1, 3)])
    assert cost(mixed, hidden, shortest_orders(mixed, hidden)) == 0


def test_only_the_chosen_layers_change() -> None:
    weights, hidden = weights_of((5, 4), (6, 5), (3, 6)), [plain(5), plain(6)]
    first, second = shortest_orders(weights, hidden, [1])
    assert first == list(range(5))
    assert second != list(range(6))


def test_nothing_moves_without_a_gain() -> None:
    weights = [torch.zeros(4, 3), torch.ones(1, 4)]
    assert shortest_orders(weights, [plain(4)]) == [[0, 1, 2, 3]]


def test_signs_do_not_count_and_the_weights_stay() -> None:
    weights = weights_of((6, 3), (4, 6))
    before = [matrix.clone() for matrix in weights]
    assert shortest_orders([-matrix for matrix in weights], [plain(6)]) == shortest_orders(weights, [plain(6)])
    assert all(torch.equal(*pair) for pair in zip(weights, before))
