"""The cheapest way to give every node a place of its own.

The linear assignment problem, solved by shortest augmenting paths in O(n^3): nodes come one by one, and each takes a
place by moving others along the path on which the costs grow least. The prices of the places keep the reduced costs of
the remaining choices non-negative, as Dijkstra's algorithm needs.

Source: Jonker and Volgenant 1987, Computing 38, 325-340, without their initialisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def cheapest_assignment(costs: Array) -> list[int]:
    """Return for every row the column that it gets, so that the sum of the chosen costs is smallest.

    Parameters
    ----------
    costs : array (n, n)
        What it costs to give column j to row i; finite.

    Examples
    --------
    >>> import numpy as np
    >>> cheapest_assignment(np.array([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]]))
    [1, 0, 2]
    """
    import numpy as np

    count = len(costs)
    row_price, column_price = np.zeros(count), np.zeros(count)
    row_of, column_of = np.full(count, -1), np.full(count, -1)  # -1 while free
    for start in range(count):
        before = np.full(count, -1)  # the row from which the path reaches a column
        length = np.full(count, np.inf)
        reached = np.zeros(count, dtype=bool)
        row, so_far = start, 0.0
        while True:
            through = so_far + costs[row] - row_price[row] - column_price
            shorter = ~reached & (through < length)
            length[shorter], before[shorter] = through[shorter], row
            column = int(np.where(reached, np.inf, length).argmin())
            so_far, reached[column] = float(length[column]), True
            if row_of[column] < 0:
                break
            row = int(row_of[column])
        passed = reached & (row_of >= 0)
        row_price[start] += so_far
        row_price[row_of[passed]] += so_far - length[passed]
        column_price[passed] -= so_far - length[passed]
        while column >= 0:  # back along the path: every row on it moves on by one column
            row = int(before[column])
            row_of[column] = row
            column_of[row], column = column, int(column_of[row])
    return [int(column) for column in column_of]
