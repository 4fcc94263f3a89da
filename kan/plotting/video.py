"""Frames of training made into a film: a GIF, or an MP4 where there is ffmpeg.

pykan leaves the frames to the user and moviepy. Here matplotlib's own writers make the film: Pillow, which comes with
matplotlib, for GIF, and ffmpeg for the other formats. Frames may differ in size, as after pruning: smaller ones stand
in the middle of white.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kan.common.errors import ArgumentError, StateError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    Array = np.ndarray[Any, Any]

_FRAME = re.compile(r"(\d+)\.(?:jpg|jpeg|png)", re.IGNORECASE)
_DPI = 100


def make_video(
    img_folder: str | Path = "./video",
    path: str | Path = "video.gif",
    fps: float = 5,
    *,
    width: int | None = None,
) -> Path:
    """Make a film of the frames that ``fit(save_fig=True)`` left in a folder.

    Parameters
    ----------
    img_folder : str or path
        Where the frames are: pictures whose names are numbers, which say their order.
    path : str or path
        The film. '.gif' is made by Pillow; '.mp4' and other formats need the program ffmpeg.
    fps : float
        Frames a second.
    width : int, optional
        Width of the film in pixels, to which all frames are scaled alike; by default that of the widest.

    Returns
    -------
    Path
        The film.

    Raises
    ------
    ArgumentError
        If there are no frames, `path` has no suffix that says the format, or `fps` or `width` is not positive.
    StateError
        If ffmpeg is needed and not there.

    Examples
    --------
    >>> from kan import KAN, create_dataset, make_video
    >>> dataset = create_dataset(lambda x: x[:, [0]] ** 2, n_var=1, train_num=50, test_num=10)
    >>> _ = KAN(width=[1, 1]).fit(dataset, steps=3, save_fig=True, img_folder="frames", progress=False)
    >>> make_video("frames", "training.gif").name
    'training.gif'
    """
    path = Path(path)
    frames = _frames(Path(img_folder))
    if not fps > 0:
        raise ArgumentError(f"`fps` must be positive; got {fps!r}.")
    if width is not None and not width >= 1:
        raise ArgumentError(f"`width` must be a number of pixels; got {width!r}.")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    writer = _writer(path, fps=fps)
    pictures = _scaled([_read(frame) for frame in frames], width)
    height, across = (_even(max(picture.shape[axis] for picture in pictures)) for axis in (0, 1))
    figure = Figure(figsize=(across / _DPI, height / _DPI), facecolor="white")
    FigureCanvasAgg(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    with writer.saving(figure, str(path), dpi=_DPI):
        for picture in pictures:
            figure.clear()
            rows, columns = picture.shape[:2]
            figure.figimage(picture, xo=(across - columns) // 2, yo=(height - rows) // 2)
            writer.grab_frame()
    return path


def _frames(folder: Path) -> Sequence[Path]:
    """Return the frames in a folder, in the order of their numbers."""
    matches = [(_FRAME.fullmatch(file.name), file) for file in folder.iterdir()] if folder.is_dir() else []
    numbered = [(int(match[1]), file) for match, file in matches if match is not None]
    if not numbered:
        raise ArgumentError(
            f"`img_folder` must hold frames such as 0.jpg, as `fit(save_fig=True, img_folder=...)` makes them; "
            f"there are none in {str(folder)!r}."
        )
    return [file for _, file in sorted(numbered)]


def _writer(path: Path, *, fps: Any) -> Any:
    """Return the writer that makes a film of this name."""
    from matplotlib import animation

    if not path.suffix:
        raise ArgumentError(f"`path` must end in '.gif' or '.mp4', which says the format; got {str(path)!r}.")
    if path.suffix.lower() == ".gif":
        return animation.PillowWriter(fps=fps)
    if not animation.FFMpegWriter.isAvailable():
        raise StateError(
            f"a film in the format {path.suffix!r} needs the program ffmpeg, which is not installed; install it, or "
            "make a '.gif'."
        )
    # Most players show no other pixel format.
    return animation.FFMpegWriter(fps=fps, extra_args=["-pix_fmt", "yuv420p"])


def _read(frame: Path) -> Image:
    """Return a frame in colours."""
    from PIL import Image

    with Image.open(frame) as picture:
        return picture.convert("RGB")


def _scaled(frames: list[Image], width: float | None) -> list[Array]:
    """Return the pixels (rows, columns, 3) of frames, the widest of which becomes `width` pixels wide."""
    import numpy as np

    scale = 1.0 if width is None else width / max(frame.width for frame in frames)
    if scale != 1:
        frames = [frame.resize([max(1, round(length * scale)) for length in frame.size]) for frame in frames]
    return [np.asarray(frame) for frame in frames]


def _even(length: int) -> int:
    """Return the length in pixels as an even number, which ffmpeg's usual format needs."""
    return length + length % 2
