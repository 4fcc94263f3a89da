"""Derivatives of a model with respect to its inputs, sample by sample, and of a loss with respect to parameters."""

from __future__ import annotations

from kan.calculus.derivatives import batch_hessian, batch_jacobian
from kan.calculus.parameters import get_derivative, model2param

__all__ = ["batch_hessian", "batch_jacobian", "get_derivative", "model2param"]
