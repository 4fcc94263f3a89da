"""Executes notebooks in place, as a reader would who opens one and runs every cell.

    make tutorials                                           all of them
    .venv/bin/python tutorials/execute.py accuracy api/03    those with such words in their path

What is written is the same wherever it was made: no progress bars, no times of execution, cells
numbered, pictures with 256 colours, films small. The notebook's metadata say how many seconds of
processor time the execution took, by which ``tests/test_tutorials.py`` chooses the ones it runs. A
notebook that fails or warns is left as it was.
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode
from PIL import Image, ImageSequence

TUTORIALS = Path(__file__).resolve().parent

SECONDS_FOR_A_CELL = 300
COLOURS = 256
WIDTH_OF_A_FILM = 400
PROGRESS = re.compile(r"\d+%\|.*\|\s*[\d.]+[kM]?/[\d.]+[kM]?\s*\[|\d+it \[")


def notebooks(*words: str) -> list[Path]:
    """Return the notebooks with one of the words in their path here; without words, all."""
    found = sorted(
        path for path in TUTORIALS.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
    )
    return [path for path in found if not words or any(word in name_of(path) for word in words)]


def name_of(path: Path) -> str:
    """Return the path of a notebook as people write it."""
    return path.relative_to(TUTORIALS).as_posix()


# --------------------------------------------------------------------------------------- execution


def execute(path: Path, folder: Path) -> NotebookNode:
    """Execute the notebook at `path`, working in `folder`, and return it tidy and with outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError, nbclient.exceptions.CellTimeoutError
        If a cell raises, or does not end.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=SECONDS_FOR_A_CELL,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    (folder / "matplotlibrc").touch()  # found before the reader's own, which may change styles
    start = seconds_of_children()
    client.execute(env=environment(folder))
    return tidied(notebook, seconds=seconds_of_children() - start)


def environment(folder: Path) -> dict[str, str]:
    """Return the kernel's variables: this tree's library, one thread, nobody's own settings."""
    variables = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    path = [str(TUTORIALS.parent), *filter(None, [variables.get("PYTHONPATH")])]
    variables["PYTHONPATH"] = os.pathsep.join(path)
    variables["IPYTHONDIR"] = str(folder / ".ipython")
    variables["OMP_NUM_THREADS"] = "1"
    return variables


def seconds_of_children() -> float:
    """Return the processor time of the kernels so far, which other programs hardly change."""
    times = os.times()
    return times.children_user + times.children_system


# ---------------------------------------------------------------------------------------- tidiness


def tidied(notebook: NotebookNode, *, seconds: float) -> NotebookNode:
    """Return the notebook without what differs from one machine, or editor, to the next."""
    cells = []
    for number, cell in enumerate(notebook.cells):
        tidy = {"id": f"cell-{number:02}", "metadata": {}, "source": cell.source.strip("\n")}
        if cell.cell_type == "code":
            tidy["outputs"] = list(tidied_outputs(cell.outputs))
            tidy["execution_count"] = cell.execution_count
        cells.append(NotebookNode(cell_type=cell.cell_type, **tidy))
    before = notebook.metadata.get("tutorial", {}).get("seconds", 0)
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "tutorial": {"seconds": steadied(seconds, before)},
    }
    return nbformat.from_dict(
        {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    )


def steadied(seconds: float, before: int) -> int:
    """Return whole seconds; those of before, unless the difference is more than noise."""
    return (
        before
        if abs(seconds - before) <= max(1.0, before / 4) and before
        else max(1, round(seconds))
    )


def tidied_outputs(outputs: list[NotebookNode]) -> Iterator[NotebookNode]:
    """Yield outputs, with text of one kind in one piece."""
    held = None  # text that may go on in the next output
    for output in outputs:
        if output.output_type == "stream":
            text = without_progress(output.text) if output.name == "stderr" else output.text
            if held is not None and held.name == output.name:
                held.text += text
            elif text:
                if held is not None:
                    yield held
                held = NotebookNode(output_type="stream", name=output.name, text=text)
            continue
        if held is not None:
            yield held
            held = None
        for kind, shrink in (("image/png", smaller), ("image/gif", smaller_film)):
            if kind in output.get("data", {}):
                output.data[kind] = shrink(output.data[kind])
                output.metadata = NotebookNode()
        yield output
    if held is not None:
        yield held


def without_progress(text: str) -> str:
    """Return what was written to standard error, apart from progress bars."""
    return "\n".join(
        line for line in re.split(r"[\r\n]+", text) if line.strip() and not PROGRESS.search(line)
    )


def smaller(png: str) -> str:
    """Return a picture, given and returned in base64, on white and with a palette."""
    picture = opened(png)
    if picture.mode == "P":
        return png
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture.convert("RGBA"))
    return encoded(
        paper.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE), "PNG", optimize=True
    )


def smaller_film(gif: str) -> str:
    """Return a film, given and returned in base64, no wider than a page and with few colours."""
    film = opened(gif)
    if film.width <= WIDTH_OF_A_FILM:
        return gif
    size = (WIDTH_OF_A_FILM, film.height * WIDTH_OF_A_FILM // film.width)
    # The few colours of the web's palette: the noise of a frame's compression becomes white again.
    frames = [
        frame.convert("RGB")
        .resize(size, Image.Resampling.LANCZOS)
        .convert("P", dither=Image.Dither.NONE)
        for frame in ImageSequence.Iterator(film)
    ]
    duration = film.info.get("duration", 200)
    return encoded(
        frames[0],
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=duration,
        loop=0,
        optimize=True,
    )


def opened(data: str) -> Image.Image:
    """Return the picture that is given in base64."""
    return Image.open(io.BytesIO(base64.b64decode(data)))


def encoded(picture: Image.Image, kind: str, **options: Any) -> str:
    """Return a picture as a file of a kind, in base64."""
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return base64.b64encode(buffer.getvalue()).decode("ascii") + "\n"


def complaints(notebook: NotebookNode) -> list[str]:
    """Return what a tidy notebook says on standard error: warnings."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.text for output in outputs if output.get("name") == "stderr"]


# ------------------------------------------------------------------------------------ command line


def main(words: list[str]) -> int:
    """Execute the notebooks that the words name; return the exit code."""
    chosen = notebooks(*words)
    if not chosen:
        print(f"no notebook in {TUTORIALS} has one of {words} in its path")
    failures = sum(not refresh(path) for path in chosen)
    return int(failures > 0 or not chosen)


def refresh(path: Path) -> bool:
    """Execute one notebook, write it back, say what happened; return whether all went well."""
    print(f"{name_of(path):50}", end="", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            notebook = execute(path, Path(folder))
        except (CellExecutionError, CellTimeoutError) as error:
            print(f" fails\n{error}")
            return False
    if complaints(notebook):
        print(" warns\n" + "\n".join(complaints(notebook)))
        return False
    written = nbformat.writes(notebook) + "\n"
    path.write_text(written, encoding="utf-8")
    print(f" {notebook.metadata.tutorial.seconds:4} s {len(written.encode()) / 1000:6.0f} kB")
    return True


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
