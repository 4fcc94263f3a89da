"""What pykan's executed notebooks print for the examples of `science.py`, under the same names."""

Figures = dict[str, str]

PUBLISHED: dict[str, Figures] = {
    "scores": {"feature scores": "0.8916, 0.5155, 0.1079, 0.0040"},
    "inputs": {"test RMSE": "5.46e-02", "kept inputs": "0, 1, 2, 3, 4, 64"},
    "product": {"splines, test RMSE": "1.66e-07", "formula, test RMSE": "1.28e-16", "formula": "x_1*x_2"},
    "mass": {"splines, test RMSE": "1.99e-05", "formula": "m0/sqrt(1 - v**2/c**2)"},
    "metrics": {"test RMSE": "1.53e-02"},
    "majority": {
        "train RMSE": "2.40e-02",
        "right on test data": "100.0%",
        "perceptron, train RMSE": "1.28e-02",
        "perceptron, right on test data": "100.0%",
    },
    "pairs": {"test RMSE": "7.72e-02", "perceptron, test RMSE": "4.63e-03"},
    "hessian": {"test RMSE": "8.26e-04"},
    "singular": {
        "logarithms, splines, test RMSE": "1.29e-01",
        "logarithms, formula, test RMSE": "2.75e-07",
        "root, splines, test RMSE": "3.97e-03",
        "root, formula, test RMSE": "5.64e-04",
    },
    "velocities": {
        "splines, test RMSE": "2.31e-03",
        "with arctanh, test RMSE": "9.43e-04",
        "formula, test RMSE": "2.06e-06",
        "formula": "tanh(atanh(x_1) + atanh(x_2))",
    },
    "straight": {
        "test RMSE": "3.84e-04",
        "with linear edges encouraged, test RMSE": "8.40e-03",
        "by Levenberg-Marquardt, test RMSE": "",
    },
    "relation": {"test RMSE": "1.78e-01", "inputs that are related": "x4, x5"},
    "phases": {"test RMSE": "1.17e-01"},
    "lagrangian": {
        "equation of motion, mean square": "5.03e-05",
        "kinetic energy, splines, test RMSE": "3.72e-04",
        "formula": "1.19 - 1.08*sqrt(1 - 1.0*x_1**2)",
    },
    "oscillator": {
        "test loss": "1.17e-04",
        "formula": "-1.191*x_1**2 - 1.191*x_2**2 + 2.329",
        "ratio of the squares": "1.000",
    },
    "invariants": {"loss, three starts": "1.6e-03 (one)", "penalty, three starts": "10.1 (one)"},
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
