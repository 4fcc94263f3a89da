"""The arithmetic of `edge_sum`, for tensors and for numpy arrays.

On a network of a few nodes an operation of torch costs more for being called than for what it computes; a call of numpy
costs a fraction of that. So the same lines run on either: they use what tensors and arrays have in common, and
`Library` holds what differs. Large matrix products always go through torch: there are no other threads than its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kan.common.arrays import is_readable
from kan.spline.basis import dense_basis_with_slopes, is_dense

# Beyond this many numbers in one step of the recursion, torch's threads outweigh numpy's cheaper calls. Where no
# gradient will be asked for, torch goes block by block through little memory, and wins from fewer on: beyond so many
# bytes.
_SMALL_WORK = 200_000
_SMALL_PREDICTION = 300_000
# Matrices up to this many numbers are multiplied by numpy itself, if that takes no more multiplications than these:
# beyond either, OpenBLAS wakes its threads.
_TINY_MATRIX = 4096
_TINY_PRODUCT = 2**18


class Library(NamedTuple):
    """What tensors and numpy arrays do not have in common."""

    from_tensor: Callable[[Tensor], Any]
    to_tensor: Callable[[Any], Tensor]
    as_float: Callable[[Any, Any], Any]
    join: Callable[[Any, Any, int], Any]
    multiply: Callable[[Any, Any], Any]
    exchange: Callable[[Any, int, int], Any]


TORCH = Library(
    from_tensor=lambda tensor: tensor,
    to_tensor=lambda tensor: tensor,
    as_float=lambda mask, like: mask.to(like.dtype),
    join=lambda first, second, axis: torch.cat([first, second], dim=axis),
    multiply=torch.matmul,
    # Unlike `swapaxes`, also of several gradients that autograd takes back together.
    exchange=torch.transpose,
)


def _multiply(first: Any, second: Any) -> Any:
    """Multiply arrays: large products would wake numpy's own threads, which get in the way of torch's."""
    multiplications = first.shape[-2] * first.shape[-1] * second.shape[-1]
    if max(first.size, second.size) <= _TINY_MATRIX and multiplications <= _TINY_PRODUCT:
        return np.matmul(first, second)
    return torch.matmul(torch.from_numpy(first), torch.from_numpy(second)).numpy()


NUMPY = Library(
    # Parts of conjugated numbers wait to be negated, which numpy cannot do.
    from_tensor=lambda tensor: tensor.detach().resolve_neg().numpy(),
    to_tensor=torch.from_numpy,
    as_float=lambda mask, like: mask.astype(like.dtype),
    join=lambda first, second, axis: np.concatenate([first, second], axis=axis),
    multiply=_multiply,
    exchange=np.swapaxes,
)


def library_for(x: Tensor, knots: Tensor, *, for_gradients: bool = True) -> Library:
    """Return numpy for small layers on the CPU, torch for all others."""
    work = x.numel() * knots.shape[1]
    small = is_dense(x, knots) and 0 < work <= _SMALL_WORK
    if not for_gradients:
        small = small and work * x.element_size() <= _SMALL_PREDICTION
    return NUMPY if small and is_readable(x) else TORCH


class Evaluation(NamedTuple):
    """What a layer is linear in, at some inputs.

    Attributes
    ----------
    features : (I, B + 1, N)
        The bases and the base function.
    slopes : (I, B, N)
        The derivatives of the bases.
    """

    features: Any
    slopes: Any


def evaluate(lib: Library, x: Any, base: Any, knots: Any, *, degree: int) -> Evaluation:
    """Compute features and slopes at inputs x (I, N) with base function `base` (I, N)."""
    values, slopes = dense_basis_with_slopes(x, knots, degree=degree, as_float=lib.as_float)
    return Evaluation(lib.join(values, base[:, None], 1), slopes)


def fold(lib: Library, coefficients: Any, scale_base: Any, scale_spline: Any, mask: Any) -> Any:
    """Fold the scales and the mask into one weight for every feature of every edge: (I, O, B + 1)."""
    return lib.join(coefficients * (scale_spline * mask)[:, :, None], (scale_base * mask)[:, :, None], 2)


def flat(weights: Any) -> Any:
    """Lay the weights of each output in one row: (I, O, B + 1) -> (O, I (B + 1))."""
    inputs, outputs, rows = weights.shape
    return weights.swapaxes(0, 1).reshape(outputs, inputs * rows)


def centre(features: Any) -> Any:
    """Subtract the mean over the samples."""
    return features - features.sum(axis=2, keepdims=True) / features.shape[2]


def covariance(lib: Library, features: Any) -> Any:
    """Return the covariance over the samples of the features of every input: (I, B + 1, B + 1)."""
    centred = centre(features)
    return lib.multiply(centred, centred.swapaxes(1, 2)) / max(features.shape[2] - 1, 1)


class Product(NamedTuple):
    """What `multiply_out` returns.

    Attributes
    ----------
    sums : (O, N)
    variances : (I, O) or None
        Those of the edges.
    covariances : (I, O, B + 1) or None
        Those of the edges and the features of their inputs, which the gradients need.
    """

    sums: Any
    variances: Any
    covariances: Any


def multiply_out(lib: Library, features: Any, weights: Any, spread: Any) -> Product:
    """Return the sums of the edges and, with the covariance `spread` of the features, their variances."""
    inputs, rows, samples = features.shape
    sums = lib.multiply(flat(weights), features.reshape(inputs * rows, samples))
    if spread is None:
        return Product(sums, None, None)
    covariances = lib.multiply(weights, spread)
    return Product(sums, (covariances * weights).sum(axis=2), covariances)


def pull_back(
    lib: Library,
    features: Any,
    weights: Any,
    covariances: Any,
    grad_sums: Any,
    grad_variances: Any,
    *,
    for_inputs: bool,
) -> tuple[Any, Any]:
    """Return the gradients of weights (I, O, B + 1) and, `for_inputs`, of features (I, B + 1, N)."""
    inputs, rows, samples = features.shape
    grad_weights = lib.multiply(grad_sums, features.reshape(inputs * rows, samples).T)
    grad_weights = lib.exchange(grad_weights.reshape(len(grad_sums), inputs, rows), 0, 1)
    grad_features = None
    if for_inputs:
        grad_features = lib.multiply(flat(weights).T, grad_sums).reshape(inputs, rows, samples)
    if grad_variances is not None:
        # d(w' C w) = 2 w' C dw + w' dC w, with dC from the centred features of the input.
        of_edges = grad_variances[:, :, None]
        grad_weights = grad_weights + 2 * of_edges * covariances
        if for_inputs:
            outer = lib.multiply(weights.swapaxes(1, 2), of_edges * weights)  # (I, B + 1, B + 1)
            outer = outer * (2 / max(samples - 1, 1))
            grad_features = grad_features + lib.multiply(outer, centre(features))
    return grad_weights, grad_features
