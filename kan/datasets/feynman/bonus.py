"""The twenty further equations of the database, from other books and fields of physics."""

from __future__ import annotations

from math import pi

from kan.datasets.feynman.equation import AWAY, TURN, UNIT, Equation

# A table, with a line for the names and ranges of an equation and one for the formula.
# fmt: off
BONUS = (
    Equation(101, "Rutherford scattering", "Z_1 Z_2 alpha hbar c E theta",
             (UNIT, UNIT, UNIT, UNIT, UNIT, AWAY, (0.1 * pi, 0.9 * pi)),
             lambda f, Z_1, Z_2, alpha, hbar, c, E, theta:
             (Z_1 * Z_2 * alpha * hbar * c / (4 * E * f.sin(theta / 2) ** 2)) ** 2, ("Rutherforld scattering",)),
    Equation(102, "Friedmann equation", "G rho k_f c a_f", ((1, 2), (1, 2), UNIT, UNIT, (1, 2)),
             lambda f, G, rho, k_f, c, a_f:
             f.sqrt(8 * f.pi * G * rho / 3 - k_f * c**2 / a_f**2), ("Friedman equation", "Friedman Equation")),
    Equation(103, "Compton scattering", "E m c theta", (UNIT, AWAY, AWAY, TURN),
             lambda f, E, m, c, theta: E / (1 + E / (m * c**2) * (1 - f.cos(theta))), ("Compton Scattering",)),
    Equation(104, "Radiated gravitational wave power", "G c m_1 m_2 r", (UNIT, AWAY, UNIT, UNIT, AWAY),
             lambda f, G, c, m_1, m_2, r: -32 * G**4 * (m_1 * m_2) ** 2 * (m_1 + m_2) / (5 * c**5 * r**5)),
    Equation(105, "Relativistic aberration", "theta_2 v c", ((0, pi), UNIT, (1, 2)),
             lambda f, theta_2, v, c: f.acos((f.cos(theta_2) - v / c) / (1 - v / c * f.cos(theta_2)))),
    Equation(106, "N-slit diffraction", "I_0 alpha delta N",
             (UNIT, (0.1 * pi, 0.9 * pi), (0.1 * pi, 0.9 * pi), (0.5, 1)),
             lambda f, I_0, alpha, delta, N:
             I_0 * (f.sin(alpha / 2) / (alpha / 2) * f.sin(N * delta / 2) / f.sin(delta / 2)) ** 2),
    Equation(107, "Goldstein 3.16", "m E U L r", ((1, 2), (2, 3), UNIT, UNIT, (1, 2)),
             lambda f, m, E, U, L, r: f.sqrt(2 / m * (E - U - L**2 / (2 * m * r**2)))),
    Equation(108, "Goldstein 3.55", "m k_G L E theta_1 theta_2", (AWAY, AWAY, AWAY, UNIT, TURN, TURN),
             lambda f, m, k_G, L, E, theta_1, theta_2:
             m * k_G / L**2 * (1 + f.sqrt(1 + 2 * E * L**2 / (m * k_G**2)) * f.cos(theta_1 - theta_2))),
    Equation(109, "Goldstein 3.64 (ellipse)", "d alpha theta_1 theta_2", (UNIT, (0, 0.9), TURN, TURN),
             lambda f, d, alpha, theta_1, theta_2:
             d * (1 - alpha**2) / (1 + alpha * f.cos(theta_2 - theta_1)), ("Goldstein 3.64",)),
    Equation(110, "Goldstein 3.74 (Kepler)", "d G m_1 m_2", (UNIT, AWAY, AWAY, AWAY),
             lambda f, d, G, m_1, m_2: 2 * f.pi * d * f.sqrt(d) / f.sqrt(G * (m_1 + m_2)), ("Goldstein 3.74",)),
    Equation(111, "Goldstein 3.99", "epsilon E L m Z_1 Z_2 q", (UNIT, UNIT, UNIT, AWAY, AWAY, AWAY, AWAY),
             lambda f, eps, E, L, m, Z_1, Z_2, q: f.sqrt(1 + 2 * eps**2 * E * L**2 / (m * (Z_1 * Z_2 * q**2) ** 2))),
    Equation(112, "Goldstein 8.56", "p q A c m V_e", (UNIT,) * 6,
             lambda f, p, q, A, c, m, V_e: f.sqrt((p - q * A) ** 2 * c**2 + m**2 * c**4) + q * V_e),
    Equation(113, "Goldstein 12.80", "m p omega x alpha y", (AWAY, UNIT, UNIT, UNIT, UNIT, AWAY),
             lambda f, m, p, omega, x, alpha, y: (p**2 + m**2 * omega**2 * x**2 * (1 + alpha * x / y)) / (2 * m)),
    Equation(114, "Jackson 2.11", "q epsilon y V_e d", (UNIT, AWAY, (1, 2), UNIT, UNIT),
             lambda f, q, eps, y, V_e, d:
             q / (4 * f.pi * eps * y**2) * (4 * f.pi * eps * V_e * d - q * d * y**3 / (y**2 - d**2) ** 2)),
    Equation(115, "Jackson 3.45", "q r d alpha", (UNIT, UNIT, UNIT, TURN),
             lambda f, q, r, d, alpha: q / f.sqrt(r**2 + d**2 - 2 * d * r * f.cos(alpha))),
    Equation(116, "Jackson 4.60", "E_f theta alpha d r", (UNIT, TURN, (0, 2), UNIT, AWAY),
             lambda f, E_f, theta, alpha, d, r: E_f * f.cos(theta) * ((alpha - 1) / (alpha + 2) * d**3 / r**2 - r)),
    Equation(117, "Jackson 11.38 (Doppler)", "omega v c theta", (UNIT, UNIT, (1, 2), TURN),
             lambda f, omega, v, c, theta:
             f.sqrt(1 - v**2 / c**2) / (1 + v / c * f.cos(theta)) * omega, ("Jackson 11.38",)),
    Equation(118, "Weinberg 15.2.1", "G c k_f a_f H", (AWAY, UNIT, UNIT, AWAY, UNIT),
             lambda f, G, c, k_f, a_f, H: 3 / (8 * f.pi * G) * (c**2 * k_f / a_f**2 + H**2)),
    Equation(119, "Weinberg 15.2.2", "G c k_f a_f H alpha", (AWAY, UNIT, UNIT, AWAY, UNIT, UNIT),
             lambda f, G, c, k_f, a_f, H, alpha:
             -(c**4 * k_f / a_f**2 + c**2 * H**2 * (1 - 2 * alpha)) / (8 * f.pi * G)),
    Equation(120, "Schwartz 13.132 (Klein-Nishina)", "alpha hbar m c omega_0 omega theta",
             (UNIT, UNIT, AWAY, AWAY, AWAY, AWAY, TURN),
             lambda f, alpha, hbar, m, c, omega_0, omega, theta:
             f.pi * (alpha * hbar * omega_0 / (m * c * omega)) ** 2
             * (omega_0 / omega + omega / omega_0 - f.sin(theta) ** 2), ("Schwarz 13.132 (Klein-Nishina)",)),
)
# fmt: on
