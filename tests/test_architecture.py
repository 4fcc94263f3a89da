"""The tree keeps its shape: what may lie where, and what no file may contain.

The order of the packages is a contract of import-linter (``pyproject.toml``); this file holds the rules that need to
look into the files.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "kan"
TESTS = ROOT / "tests"

MOST_LINES = 500
# Folders of tests that do not mirror a package: contracts of all layers, pykan's surface, files to read.
NOT_MIRRORS = {"contracts", "pykan", "data"}
NOTE = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
HEAVY = ("matplotlib", "sympy", "sklearn", "pandas", "scipy")

# What a door may assign, each by itself.
HANDED_ON = (["__all__"], ["__version__"])

MODULES = sorted(PACKAGE.rglob("*.py"))
DOORS = sorted(PACKAGE.glob("*.py"))
TEST_FILES = sorted(TESTS.rglob("test_*.py"))


def shown(path: Path) -> str:
    """Return the path as the tests' names show it."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file, read as the oldest supported Python reads it."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 9))


def imports_for_types(node: ast.AST) -> bool:
    """Tell whether a statement is ``if TYPE_CHECKING:``, with nothing but imports in it."""
    imports = (ast.Import, ast.ImportFrom)
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
        and all(isinstance(inner, imports) for inner in [*node.body, *node.orelse])
    )


def is_string(node: ast.AST) -> bool:
    """Tell whether a statement is a lone string, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def assigned_names(node: ast.AST) -> list[str]:
    """Return the names that an assignment statement binds or extends."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        targets = [node.target]
    else:
        return []
    return [ast.unparse(target) for target in targets]


def public_definitions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield every public function, class and method in `body`, outermost first."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body, prefix + node.name + ".")


def takes_documentation_from_elsewhere(node: ast.AST) -> bool:
    """Tell whether a definition is an overload or a property's setter."""
    decorators = [ast.unparse(decorator) for decorator in getattr(node, "decorator_list", [])]
    return any(name.split(".")[-1] in {"overload", "setter", "deleter"} for name in decorators)


def forbidden(node: ast.AST) -> str | None:
    """Return what is wrong with a node of the syntax tree, if anything is."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "exec", "eval"}:
        return node.func.id
    if isinstance(node, ast.Global):
        return "global"
    if isinstance(node, ast.ExceptHandler) and node.type is None:
        return "bare except"
    return None


def imported_modules(node: ast.AST) -> list[str]:
    """Return what an import statement may load: the modules it names, and the names it takes as modules."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        return [f"{module}.{alias.name}" for alias in node.names] + ([module] if "." in module else [])
    return []


def opens_a_door(name: str) -> bool:
    """Tell whether an imported name is a file at the root of the package, or comes from its ``__init__``."""
    parts = name.split(".")
    return parts == ["kan"] or (parts[0] == "kan" and len(parts) == 2 and not (PACKAGE / parts[1]).is_dir())


def imported_names(module: ast.Module) -> set[str]:
    """Return the names that a module's own `from` imports bring in."""
    return {alias.name for node in module.body if isinstance(node, ast.ImportFrom) for alias in node.names}


def is_mirror(path: Path) -> bool:
    """Tell whether a test file stands for one module of the package."""
    parts = path.relative_to(TESTS).parts
    return len(parts) > 1 and parts[0] not in NOT_MIRRORS


def tested_module(path: Path) -> Path:
    """Return the module that a test file stands for."""
    return PACKAGE / path.relative_to(TESTS).parent / (path.stem[len("test_") :] + ".py")


def run_python(code: str) -> str:
    """Run `code` in an interpreter of its own, with warnings as errors, and return everything that it wrote."""
    command = [sys.executable, "-W", "error", "-c", code]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def test_a_door_only_imports() -> None:
    others = [
        f"{shown(path)}:{node.lineno}"
        for path in DOORS
        for node in tree(path).body
        if not (
            is_string(node)
            or isinstance(node, (ast.Import, ast.ImportFrom))
            or imports_for_types(node)
            or assigned_names(node) in HANDED_ON
        )
    ]
    assert others == [], (
        "files at the root of kan/ hold a docstring, imports, __all__ and __version__; move the rest into a package"
    )


def test_no_module_enters_through_a_door() -> None:
    found = [
        f"{shown(path)}:{node.lineno} imports {name}"
        for path in set(MODULES) - set(DOORS)
        for node in ast.walk(tree(path))
        for name in imported_modules(node)
        if opens_a_door(name)
    ]
    assert found == [], "the packages import from each other directly; the doors are for users"


def test_root_names_are_unique_where_case_is_ignored() -> None:
    names = [path.stem.casefold() for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()]
    assert len(names) == len(set(names)), sorted(names)


def test_no_checkpoint_lies_at_the_root() -> None:
    assert not list(ROOT.glob("*.pt"))


def test_what_holds_for_tests_holds_for_docstrings_run_alone(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.hasplugin(str(ROOT / "conftest.py"))


def test_every_folder_with_code_is_a_package() -> None:
    folders = {PACKAGE} | {path.parent for path in MODULES}
    assert [shown(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_the_tests_mirror_the_package() -> None:
    strays = [shown(path) for path in TEST_FILES if is_mirror(path) and not tested_module(path).exists()]
    assert strays == [], "tests/<package>/test_<module>.py tests kan/<package>/<module>.py"


def test_every_module_says_what_it_is() -> None:
    assert [shown(path) for path in MODULES if not ast.get_docstring(tree(path))] == []


def test_everything_public_is_documented() -> None:
    silent = [
        f"{shown(path)}: {name}"
        for path in MODULES
        for name, node in public_definitions(tree(path).body)
        if not takes_documentation_from_elsewhere(node) and not ast.get_docstring(node)
    ]
    assert silent == []


def test_no_file_is_long() -> None:
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}, "split them"


def test_no_forbidden_statement() -> None:
    found = [
        f"{shown(path)}:{getattr(node, 'lineno', 0)}: {forbidden(node)}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if forbidden(node)
    ]
    assert found == []


def test_no_note_to_self() -> None:
    notes = [shown(path) for path in MODULES if NOTE.search(path.read_text(encoding="utf-8"))]
    assert notes == [], "what is open belongs into an issue"


def test_annotations_are_not_evaluated() -> None:
    inner = [path for path in MODULES if path not in DOORS and path.name != "__init__.py"]
    missing = [shown(path) for path in inner if "annotations" not in imported_names(tree(path))]
    assert missing == [], "on Python 3.9 `X | Y` in an annotation needs `from __future__ import annotations`"


def test_importing_kan_loads_nothing_heavy() -> None:
    loaded = run_python("import sys, torch; before = {*sys.modules}; import kan; print(*({*sys.modules} - before))")
    roots = {name.split(".")[0] for name in loaded.split()}
    assert "kan" in roots
    assert roots.isdisjoint(HEAVY), sorted(roots.intersection(HEAVY))


def test_importing_kan_is_silent() -> None:
    assert run_python("import kan") == ""


def test_the_package_and_its_metadata_state_the_same_version() -> None:
    stated = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert stated is not None
    assert run_python("import kan; print(kan.__version__)").strip() == stated.group(1)
