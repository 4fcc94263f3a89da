"""The kernels for GPUs, run by Triton's interpreter on the processor, against the recursion."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import pytest
import torch

from kan.spline import fused
from kan.spline.fused import repeated_basis
from kan.spline.repeated import RepeatedBasis

# Triton asks how it is to run when it is first imported, so this needs an interpreter of its own.
COMPARISON = """
import json, torch
from kan.spline.fused import FusedBasis
from kan.spline.repeated import RepeatedBasis

differences = []
for dtype in (torch.float32, torch.float64):
    for degree in range(6):
        generator = torch.Generator().manual_seed(degree)
        knots = torch.rand(4, 7 + 2 * degree, generator=generator, dtype=dtype).add(0.1).cumsum(dim=1)
        # In columns, some below the knots and some above.
        x = torch.rand(300, 3, generator=generator, dtype=dtype).mul(knots.max() + 1).sub(0.5).T
        count = knots.shape[1] - 1 - degree
        features, lower = x.new_full((2, 3, count + 1, 300), -1.0), x.new_empty(2, 3, count + 1, 300)
        signals = torch.rand(3, count + 1, 300, generator=generator, dtype=dtype)
        gradients = x.new_empty(2, 3, 300)
        for number, kind in enumerate((FusedBasis, RepeatedBasis)):
            recursion = kind(knots, degree=degree, values=features[number, :, :-1], lower=lower[number])
            recursion.evaluate(x, first=1)
            recursion.pull_back(signals[:, :-1], into=gradients[number])
        errors = torch.stack([(one - other).abs().max() for one, other in (features, lower, gradients)])
        differences.append(float(errors.max()) / torch.finfo(dtype).eps)  # NaN where there is one
print(json.dumps(differences))
"""


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton comes with PyTorch's builds for CUDA")
def test_the_kernels_compute_what_the_recursion_does() -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMPARISON],
        env={**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    differences = json.loads(ran.stdout)
    assert len(differences) == 12
    assert all(difference < 20 for difference in differences), differences  # in units of rounding


def test_the_recursion_serves_where_there_is_no_gpu() -> None:
    knots, values = torch.linspace(-1, 1, 8)[None], torch.empty(1, 4, 10)
    assert isinstance(repeated_basis(knots, degree=3, values=values), RepeatedBasis)


def test_a_kernel_that_fails_is_not_used_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(fused, "_kernels", fail)
    with pytest.warns(UserWarning, match="no compiler"):
        assert not fused._is_right.__wrapped__(torch.device("cpu"), torch.float32, 3)


def test_a_kernel_that_is_wrong_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(RepeatedBasis):
        def evaluate(self, x: torch.Tensor, *, first: int = 0) -> None:
            super().evaluate(x * 1.01, first=first)

    monkeypatch.setattr(fused, "FusedBasis", Wrong)
    with pytest.warns(UserWarning, match="degree 3 and torch.float32 are wrong"):
        assert not fused._is_right.__wrapped__(torch.device("cpu"), torch.float32, 3)


def test_kernels_are_compared_below_and_above_the_knots(monkeypatch: pytest.MonkeyPatch) -> None:
    class WrongOutside(RepeatedBasis):
        def evaluate(self, x: torch.Tensor, *, first: int = 0) -> None:
            super().evaluate(x, first=first)
            self.outside = (x < self._knots[:, 0]) | (x > self._knots[:, -1])

        def pull_back(self, gradients: torch.Tensor, *, into: torch.Tensor) -> None:
            super().pull_back(gradients, into=into)
            into[self.outside] = torch.nan

    monkeypatch.setattr(fused, "FusedBasis", WrongOutside)
    for degree in range(1, 6):
        with pytest.warns(UserWarning, match="are wrong"):
            assert not fused._is_right.__wrapped__(torch.device("cpu"), torch.float32, degree)
