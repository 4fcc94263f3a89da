"""Univariate functions for symbolic edges: the library, its guards, affine fitting and rounding of formulas."""
