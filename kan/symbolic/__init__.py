"""Univariate functions for symbolic edges: the library, its guards, affine fitting and rounding of formulas."""

from kan.symbolic.affine import AffineFit, fit_affine, fit_params
from kan.symbolic.guards import (
    f_arccos,
    f_arcsin,
    f_arctanh,
    f_exp,
    f_inv,
    f_inv2,
    f_inv3,
    f_inv4,
    f_inv5,
    f_invsqrt,
    f_log,
    f_power1d5,
    f_sqrt,
    f_tan,
)
from kan.symbolic.library import SYMBOLIC_LIB, SymbolicFunction, add_symbolic, find, lookup
from kan.symbolic.rounding import ex_round, snap_number

__all__ = [
    "SYMBOLIC_LIB",
    "AffineFit",
    "SymbolicFunction",
    "add_symbolic",
    "ex_round",
    "f_arccos",
    "f_arcsin",
    "f_arctanh",
    "f_exp",
    "f_inv",
    "f_inv2",
    "f_inv3",
    "f_inv4",
    "f_inv5",
    "f_invsqrt",
    "f_log",
    "f_power1d5",
    "f_sqrt",
    "f_tan",
    "find",
    "fit_affine",
    "fit_params",
    "lookup",
    "snap_number",
]
