from __future__ import annotations

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np

from kan.plotting.edge_files import save_edges


def test_there_is_one_file_for_every_edge(make_picture, tmp_path):
    folder = tmp_path / "new" / "figures"
    files = save_edges(make_picture([2, [1, 1], 1]), folder)
    names = {f"sp_0_{i}_{j}.png" for i in range(2) for j in range(3)} | {"sp_1_0_0.png", "sp_1_1_0.png"}
    assert {file.name for file in files} == {file.name for file in folder.iterdir()} == names
    assert not plt.get_fignums()


def test_symbolic_edges_are_red_and_removed_ones_empty(make_picture, tmp_path):
    red, empty = save_edges(make_picture([2, 1], kinds=("symbolic", "none")), tmp_path)
    pixels = matplotlib.image.imread(red)[..., :3]
    assert (pixels[..., 0] > 0.8).all()
    assert (pixels[..., 1] < 0.2).any()
    assert (matplotlib.image.imread(empty)[..., :3] == 1.0).all()


def test_pictures_of_one_folder_have_one_size(make_picture, tmp_path):
    sizes = {matplotlib.image.imread(file).shape for file in save_edges(make_picture([2, 2, 1]), tmp_path)}
    assert len(sizes) == 1
    assert np.prod(next(iter(sizes))[:2]) == 300 * 300
