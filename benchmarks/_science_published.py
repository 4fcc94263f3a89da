"""What pykan's executed notebooks print for the examples of `science.py`, under the same names."""

from _science_common import SEEDS

Figures = dict[str, str]


def of_seeds(name: str, figure: str) -> Figures:
    """Return a published figure, of one start, beside the least of ours."""
    return {f"{name}, least of {len(SEEDS)} seeds": figure}


PUBLISHED: dict[str, Figures] = {
    # What is minimised: the printed error on training data, squared, plus `lamb` times the printed penalty.
    "penalties": {
        **of_seeds("as a start, test RMSE", "3.29e-02"),
        **of_seeds("as a start, minimised", "5.04e-02"),
        **of_seeds("no penalty, test RMSE", "6.14e-03"),
        **of_seeds("no penalty, minimised", "3.04e-05"),
        **of_seeds("lamb 1, test RMSE", "1.73e+00"),
        **of_seeds("lamb 1, minimised", "1.37e+01"),
        **of_seeds("no entropy, test RMSE", "4.50e-02"),
        **of_seeds("no entropy, minimised", "2.75e-02"),
        **of_seeds("entropy 10, test RMSE", "7.74e-02"),
        **of_seeds("entropy 10, minimised", "1.60e-01"),
        **of_seeds("grid 3, test RMSE", "5.72e-02"),
        **of_seeds("6 steps, test RMSE", "7.80e-02"),
    },
    "pruned": {
        "grid 3, test RMSE": "4.35e-02",
        "width after pruning": "[2, 1, 1]",
        "x^2, r2": "0.99922",
        **of_seeds("taken back, 2 steps, test RMSE", "2.18e-02"),
    },
    "film": of_seeds("test RMSE", "2.96e-01"),
    "large": {"test RMSE": "7.21e-01"},
    "moons": {
        "test RMSE, least of 8 draws of the data": "1.56e-01",
        "right on test data": "99.8%",
        "formula, right on test data": "99.7%",
        "cross entropy, test": "5.62e-02",
        "cross entropy, formula, right on test data": "88.1%",
    },
    "bessel": {
        **of_seeds("grid 3, test RMSE", "5.86e-01"),
        **of_seeds("grid 20, test RMSE", "4.73e-02"),
        "J0, largest r2": "0.998912",
    },
    "peaks": {"last peak, RMSE": "3.99e-06"},
    "scores": {"feature scores": "0.8916, 0.5155, 0.1079, 0.0040"},
    "inputs": {"test RMSE": "5.46e-02", "kept inputs": "0, 1, 2, 3, 4, 64"},
    "product": {
        **of_seeds("sums alone, test RMSE", "4.96e-03"),
        **of_seeds("sums alone, LM, test RMSE", "4.96e-03"),
        "splines, test RMSE": "1.66e-07",
        "formula, test RMSE": "1.28e-16",
        "formula": "x_1*x_2",
    },
    "mass": {"splines, test RMSE": "1.99e-05", "formula": "m0/sqrt(1 - v**2/c**2)"},
    "metrics": {**of_seeds("test RMSE", "1.53e-02"), **of_seeds("LM, test RMSE", "1.53e-02")},
    "majority": {
        "train RMSE": "2.40e-02",
        "right on test data": "100.0%",
        **of_seeds("perceptron, train RMSE", "1.28e-02"),
        "perceptrons, right on test data": "100.0%",
    },
    "pairs": {"test RMSE": "7.72e-02", "perceptron, test RMSE": "4.63e-03"},
    "hessian": {"test RMSE": "8.26e-04"},
    "singular": {
        **of_seeds("logarithms, splines, test RMSE", "1.29e-01"),
        **of_seeds("logarithms, formula, test RMSE", "2.75e-07"),
        "logarithms, LM, 8 starts, splines, test RMSE": "1.29e-01",
        **of_seeds("root, splines, test RMSE", "3.97e-03"),
        **of_seeds("root, formula, test RMSE", "5.64e-04"),
        **of_seeds("logarithms in double precision, formula, test RMSE", "6.78e-16"),  # pykan 0.0.5
    },
    "velocities": {
        **of_seeds("splines, test RMSE", "2.31e-03"),
        **of_seeds("with arctanh, test RMSE", "9.43e-04"),
        **of_seeds("formula, Adam, test RMSE", "2.06e-06"),
        "formula": "tanh(atanh(x_1) + atanh(x_2))",
        **of_seeds("formula, L-BFGS, test RMSE", "2.06e-06"),
        **of_seeds("formula, L-BFGS, double precision, test RMSE", "5.76e-12"),  # pykan 0.0.5
    },
    "straight": {
        **of_seeds("test RMSE", "3.84e-04"),
        **of_seeds("with linear edges encouraged, test RMSE", "8.40e-03"),
        "LM, 8 starts, test RMSE, largest of 8 seeds": "3.84e-04",
    },
    "relation": {"test RMSE": "1.78e-01", "inputs that are related": "x4, x5"},
    "phases": {"test RMSE": "1.17e-01"},
    "lagrangian": {
        "equation of motion, mean square": "5.03e-05",
        "kinetic part, splines, test RMSE": "3.72e-04",
        "formula": "1.19 - 1.08*sqrt(1 - 1.0*x_1**2)",
    },
    "oscillator": {
        "test loss": "1.17e-04",
        "formula": "-1.191*x_1**2 - 1.191*x_2**2 + 2.329",
        "ratio of the squares": "1.000",
    },
    "invariants": {
        "loss, splines, worst of three starts": "1.57e-03",
        "formula": "-0.011*x1**2 - 0.01*p1**2 - 0.006; -0.011*x2**2 - 0.01*p2**2 + 0.001*p2 + 0.002; "
        "-0.003*x1*p2 + 0.0031*p1*x2 - 0.0819",
    },
    "black_hole": {"loss": "1.05e-04"},
    "law_and_determinant": {
        "without determinant, test RMSE": "6.99e-03",
        "splines, test RMSE": "3.21e-04",
        "formula, test RMSE": "2.89e-11",
        "formula": "0.42*F11**2 + 0.42*F12**2 + 0.42*F13**2 + 0.28*log(2.5*J) - 0.67",
    },
    "law_and_products": {
        "with penalty, test RMSE": "1.51e-03",
        "pruned, test RMSE": "3.67e-04",
        "formula, test RMSE": "7.64e-03",
    },
    "stress": {
        "splines, test RMSE": "5.88e-07",
        "formula, test RMSE": "6.78e-09",
        "formula": "0.42*F11*F21 + 0.42*F12*F22 + 0.42*F13*F23",
    },
}
