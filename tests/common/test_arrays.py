"""What users hand in becomes a tensor."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kan.common.arrays import as_tensor, check_finite, to_tensor
from kan.common.errors import ArgumentError, KANError


@pytest.mark.parametrize("values", [[[1, 2], [3, 4]], np.array([[1, 2], [3, 4]]), torch.tensor([[1, 2], [3, 4]])])
def test_integers_become_the_default_floating_format(values: object) -> None:
    tensor = as_tensor(values)
    assert tensor.dtype == torch.get_default_dtype()
    assert tensor.tolist() == [[1, 2], [3, 4]]


def test_whole_numbers_stay_where_no_format_is_asked_for() -> None:
    """They may be classes."""
    assert to_tensor([1, 0]).dtype == to_tensor(np.array([1, 0])).dtype == torch.int64


def test_floating_formats_stay_without_an_example() -> None:
    assert as_tensor(np.zeros(3)).dtype == torch.float64
    assert as_tensor(torch.zeros(3, dtype=torch.float16)).dtype == torch.float16


@pytest.mark.parametrize(
    "values",
    [
        np.array([[3.0, 4.0], [1.0, 2.0]])[::-1],
        np.array([[1.0, 3.0], [2.0, 4.0]]).T,
        [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])],
        [np.array([1.0, 2.0]), np.array([3.0, 4.0])],
    ],
)
def test_views_and_lists_of_rows_are_read(values: object) -> None:
    assert as_tensor(values, like=torch.zeros(1)).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("like", [None, torch.zeros(1)])
def test_complex_numbers_are_refused(like: torch.Tensor | None) -> None:
    """Their imaginary parts were lost."""
    with pytest.raises(
        ArgumentError, match=r"data must be real; got torch.complex128. Give the real and the imaginary"
    ):
        as_tensor(np.array([1.0 + 2.0j]), like=like)


def test_read_only_arrays_are_copied_without_a_warning() -> None:
    values = np.ones((2, 2))
    values.flags.writeable = False
    tensor = as_tensor(values)
    tensor[0] = 5.0
    assert values[0, 0] == 1


def test_python_floats_have_the_default_format() -> None:
    assert as_tensor([[1.5, 2.5]]).dtype == torch.get_default_dtype()


def test_the_example_decides_the_format() -> None:
    assert as_tensor(np.zeros(3), like=torch.zeros(1, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_the_example_decides_the_device() -> None:
    assert as_tensor([1.0], like=torch.zeros(1, device="meta")).device.type == "meta"


def test_a_tensor_of_the_right_kind_is_handed_on_uncopied() -> None:
    values = torch.zeros(3, requires_grad=True)
    assert as_tensor(values, like=torch.ones(1)) is values


def test_finite_values_pass() -> None:
    check_finite("x", torch.tensor([1.0, -2.0]))
    check_finite("x", torch.empty(0, 3))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_the_first_value_that_is_not_finite_is_named(wrong: float) -> None:
    values = torch.zeros(4, 2)
    values[1, 1] = values[3, 0] = wrong
    with pytest.raises(ValueError, match=r"`x` must be finite; 2 of 8 entries .* first at index \(1, 1\)") as caught:
        check_finite("x", values)
    assert isinstance(caught.value, (KANError, ArgumentError))


def test_plain_numbers_are_read_with_the_digits_that_are_wanted():
    double = torch.zeros(0, dtype=torch.float64)
    assert as_tensor([0.1, 0.2], like=double).tolist() == [0.1, 0.2]
    assert as_tensor([0.1, 0.2]).dtype == torch.get_default_dtype()


def test_a_table_keeps_its_own_dtype():
    class Table:
        """Converts to an array, as tables of pandas do, and has no dtype of its own."""

        def __array__(self, dtype=None, copy=None):
            return np.array([[0.1, 0.2]])

    assert as_tensor(Table()).dtype == torch.float64


def test_arrays_of_the_other_byte_order_are_read() -> None:
    assert as_tensor(np.array([1.5, 2.5], dtype=">f4")).tolist() == [1.5, 2.5]


@pytest.mark.parametrize("values", [np.array([1, "a"], dtype=object), ["a", "b"], {"x": 1}])
def test_what_is_no_array_of_numbers_is_refused(values: object) -> None:
    with pytest.raises(ArgumentError, match="data must be numbers"):
        as_tensor(values)


def test_tables_that_make_read_only_arrays_are_copied_without_a_warning() -> None:
    class Column:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            values = np.array([1.0, 2.0])
            values.flags.writeable = False
            return values

    assert as_tensor(Column()).tolist() == [1, 2]
