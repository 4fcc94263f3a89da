"""Films, made of frames of training."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import animation
from PIL import Image

from kan.common.errors import ArgumentError, StateError
from kan.plotting import make_video


def save_frames(folder: Path, colours: dict[str, tuple[int, int, int]], size: tuple[int, int] = (41, 30)) -> None:
    folder.mkdir(exist_ok=True)
    for name, colour in colours.items():
        Image.new("RGB", size, colour).save(folder / name)


def colours_of(film: Path) -> list[tuple[int, ...]]:
    """Return the colour in the middle of every frame."""
    found = []
    with Image.open(film) as picture:
        for index in range(picture.n_frames):  # type: ignore[attr-defined]
            picture.seek(index)
            middle = np.asarray(picture.convert("RGB"))[picture.height // 2, picture.width // 2]
            found.append(tuple(int(value) for value in middle))
    return found


def test_frames_follow_each_other_by_number(tmp_path: Path) -> None:
    """Not by name, where 10 comes before 2; and other files are left out."""
    frames = {"10.png": (0, 0, 255), "2.png": (0, 255, 0), "0.png": (255, 0, 0), "edge.png": (9, 9, 9)}
    save_frames(tmp_path / "frames", frames)
    film = make_video(tmp_path / "frames", tmp_path / "film.gif", fps=10)
    assert colours_of(film) == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    with Image.open(film) as picture:
        assert picture.info["duration"] == 100


def test_pixels_stay_as_they_are(tmp_path: Path) -> None:
    pixels = np.zeros((30, 40, 3), dtype=np.uint8)
    pixels[:10, :20] = 255
    (tmp_path / "frames").mkdir()
    Image.fromarray(pixels).save(tmp_path / "frames" / "0.png")
    film = make_video(tmp_path / "frames", tmp_path / "film.gif")
    with Image.open(film) as picture:
        assert np.array_equal(np.asarray(picture.convert("RGB")), pixels)


def test_smaller_frames_stand_in_the_middle_of_white(tmp_path: Path) -> None:
    save_frames(tmp_path, {"0.png": (255, 0, 0)}, size=(20, 20))
    save_frames(tmp_path, {"1.jpg": (0, 0, 0)}, size=(10, 40))
    with Image.open(make_video(tmp_path, "film.gif")) as picture:
        assert picture.size == (20, 40)
        first = np.asarray(picture.convert("RGB"))
    assert np.all(first[10:30] == (255, 0, 0))
    assert np.all(first[:10] == 255)
    assert np.all(first[30:] == 255)


@pytest.mark.parametrize(("width", "size"), [(40, (40, 20)), (400, (400, 200)), (31, (32, 16)), (None, (80, 40))])
def test_frames_are_scaled_to_the_width(tmp_path: Path, width: int | None, size: tuple[int, int]) -> None:
    """An odd width is one pixel more, for ffmpeg."""
    save_frames(tmp_path, {"0.png": (255, 0, 0)}, size=(80, 40))
    save_frames(tmp_path, {"1.png": (0, 255, 0)}, size=(40, 40))
    film = make_video(tmp_path, "film.gif", width=width)
    assert colours_of(film) == [(255, 0, 0), (0, 255, 0)]
    with Image.open(film) as picture:
        assert picture.size == size
        picture.seek(1)
        second = np.asarray(picture.convert("RGB"))[size[1] // 2]
    green = (second == (0, 255, 0)).all(axis=1).sum()
    assert green == pytest.approx(size[0] / 2, abs=1)


def test_ffmpeg_gets_all_frames_in_a_format_that_players_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in its place writes down its arguments and how much it is given."""
    if sys.platform == "win32":
        pytest.skip("the program in the place of ffmpeg starts with a line for Unix")
    program = tmp_path / "ffmpeg"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsize = len(sys.stdin.buffer.read())\n"
        "open(sys.argv[-1], 'w').write(f'{size} ' + ' '.join(sys.argv[1:]))\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setitem(mpl.rcParams, "animation.ffmpeg_path", str(program))
    save_frames(tmp_path / "frames", {"0.png": (255, 0, 0), "1.png": (0, 255, 0), "2.png": (0, 0, 255)})
    written = make_video(tmp_path / "frames", tmp_path / "film.mp4").read_text(encoding="utf-8").split()
    assert int(written[0]) == 3 * 42 * 30 * 4
    assert "42x30" in written
    assert written[written.index("-pix_fmt", written.index("-i")) + 1] == "yuv420p"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")
def test_a_film_of_ffmpeg_shows_the_frames(tmp_path: Path) -> None:
    colours = {"0.png": (255, 0, 0), "1.png": (0, 255, 0), "2.png": (0, 0, 255)}
    save_frames(tmp_path, colours, size=(40, 30))
    film = make_video(tmp_path, tmp_path / "film.mp4", fps=4)
    command = ["ffmpeg", "-v", "error", "-i", str(film), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    shown = subprocess.run(command, capture_output=True, check=True).stdout
    frames = np.frombuffer(shown, dtype=np.uint8).reshape(-1, 30, 40, 3)
    assert np.abs(frames[:, 15, 20].astype(int) - list(colours.values())).max() < 10


def test_without_ffmpeg_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation.FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    save_frames(tmp_path, {"0.png": (255, 0, 0)})
    with pytest.raises(StateError, match=r"needs the program ffmpeg.*or make a '.gif'"):
        make_video(tmp_path, "film.mp4")


def test_a_folder_without_frames(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ArgumentError, match="must hold frames such as"):
            make_video(folder, "film.gif")


@pytest.mark.parametrize(("path", "fps", "message"), [("film", 5, "must end in"), ("film.gif", 0, "`fps` must be")])
def test_arguments_that_make_no_film(tmp_path: Path, path: str, fps: float, message: str) -> None:
    save_frames(tmp_path, {"0.png": (255, 0, 0)})
    with pytest.raises(ArgumentError, match=message):
        make_video(tmp_path, path, fps)
    assert not list(Path().glob("film*"))


def test_a_width_that_is_none(tmp_path: Path) -> None:
    save_frames(tmp_path, {"0.png": (255, 0, 0)})
    with pytest.raises(ArgumentError, match="`width` must be a number of pixels; got 0"):
        make_video(tmp_path, "film.gif", width=0)
