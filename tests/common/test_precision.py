"""Double precision is where the device has it, or on the CPU. Devices without it: `tests/contracts/test_devices.py`."""

from __future__ import annotations

import pytest
import torch

from kan.common.precision import has_double, to_device, to_double, to_like, widest

CPU = torch.device("cpu")


def test_a_device_that_is_not_here_or_has_no_double_precision_has_none() -> None:
    apple = torch.device("mps")
    assert not has_double(apple)
    assert widest(apple) == torch.float32


def test_the_cpu_has_double_precision() -> None:
    assert has_double(CPU)
    assert widest(CPU) == torch.float64


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.bool])
def test_numbers_become_double(dtype: torch.dtype) -> None:
    values = to_double(torch.tensor([0, 1], dtype=dtype))
    assert values.dtype == torch.float64
    assert values.tolist() == [0, 1]


def test_what_is_double_and_stays_where_it_is_is_not_copied() -> None:
    values = torch.ones(2, dtype=torch.float64)
    assert to_double(values) is values
    assert to_like(values, values) is values
    assert to_device(values, "cpu") is values


def test_a_tensor_is_made_like_another() -> None:
    like = torch.empty(0, dtype=torch.float64, device="meta")
    made = to_like(torch.ones(2), like)
    assert (made.dtype, made.device) == (like.dtype, like.device)
