"""Derivatives of a model with respect to its inputs, sample by sample."""

from __future__ import annotations

from kan.calculus.derivatives import batch_hessian, batch_jacobian

__all__ = ["batch_hessian", "batch_jacobian"]
