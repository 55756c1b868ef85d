"""Rules of the layout that import-linter and ruff do not see: what is loaded, documented, how long it is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "meta").rglob("*.py"))
STATS = [module for module in MODULES if module.startswith("meta/stats/")]

MAX_FUNCTION = 40
# Longer all the same, and why: "meta/x.py::Class.method" -> one sentence.
LONG = {"meta/cli/fitting.py::fit": "every option of the command is an argument"}

Function = ast.FunctionDef | ast.AsyncFunctionDef

# Prints the installed packages (not the standard library) that the imports before it have loaded.
REPORT = """
import sys
from importlib.metadata import packages_distributions
print(*sorted({name.partition(".")[0] for name in sys.modules} & set(packages_distributions()) - {"meta"}))
"""


def dotted(module: str) -> str:
    return module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def loaded_by(*names: str) -> set[str]:
    """Import `names` in a fresh interpreter; the distribution packages that this loads."""
    imports = "".join(f"import {name}\n" for name in names)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", imports + REPORT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split()) - loaded_at_start()


@cache
def loaded_at_start() -> set[str]:
    """Return what the environment itself loads into every interpreter, e.g. through .pth files."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def tree(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"), module)


def functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Yield every function below `node` with its qualified name, nested ones too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
        inner = f"{prefix}{child.name}." if isinstance(child, Function | ast.ClassDef) else prefix
        yield from functions(child, inner)


def length(function: Function) -> int:
    """Count the lines from `def` to the end, without the docstring."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        lines -= function.body[0].end_lineno - function.body[0].lineno + 1
    return lines


def test_import_meta_is_light():
    heavy = {"arviz", "dask", "joblib", "matplotlib", "nutpie", "pandas", "pymc", "statsmodels"}
    assert not loaded_by("meta") & heavy


def test_array_layer_loads_numpy_and_scipy_only():
    assert loaded_by(*map(dotted, STATS)) <= {"numpy", "scipy"}


@pytest.mark.parametrize("layer", ["meta.models", "meta.data", "meta.results", "meta.errors"])
def test_models_load_no_optional_or_slow_package(layer):
    modules = [name for name in map(dotted, MODULES) if name == layer or name.startswith(f"{layer}.")]
    assert loaded_by(*modules) <= {"numpy", "scipy"}


# A shape in words, e.g. "shape (..., k)", "`v` (B,)" or "as of :func:`estimate`"
SHAPE = re.compile(r"\b[Ss]hapes?\b|\((\.\.\.|[A-Z])(, (\d|\w|[-+ ])+)*,?\)|:(func|class):`")


@pytest.mark.parametrize("module", STATS)
def test_public_functions_of_stats_state_the_shapes_of_arrays(module):
    silent = [
        node.name
        for node in tree(module).body
        if isinstance(node, Function)
        and not node.name.startswith("_")
        and any("Array" in ast.unparse(arg.annotation) for arg in all_arguments(node) if arg.annotation)
        and not SHAPE.search(ast.get_docstring(node) or "")
    ]
    assert not silent


def all_arguments(function: Function) -> list[ast.arg]:
    given = function.args
    return [*given.posonlyargs, *given.args, *given.kwonlyargs]


def test_no_function_is_too_long_without_a_reason():
    too_long = {
        f"{module}::{name}"
        for module in MODULES
        for name, function in functions(tree(module))
        if length(function) > MAX_FUNCTION
    }
    assert sorted(too_long - LONG.keys()) == [], "shorten it, or give LONG the reason"
    assert sorted(LONG.keys() - too_long) == [], "no longer too long: take it out of LONG"


# Folders above the limit all the same, and why
CROWDED = {"meta/report/figures": "one file a figure, and the registry"}
MAX_FOLDER = 15


def imported(module: str) -> set[str]:
    """The package's own modules that a module imports, for types too."""
    own = set(map(dotted, MODULES))
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in own else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & own


def in_circles(graph: dict[str, set[str]]) -> list[str]:
    """Drop what imports nothing that is left, and what nothing left imports, until only circles remain."""
    left = set(graph)
    while True:
        loose = {
            name
            for name in left
            if not graph[name] & left - {name} or not any(name in graph[other] for other in left - {name})
        }
        if not loose:
            return sorted(left)
        left -= loose


def test_circles_are_found():
    assert in_circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c"]
    assert in_circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_no_modules_import_each_other_in_a_circle():
    assert in_circles({dotted(module): imported(module) for module in MODULES}) == []


def test_no_folder_is_crowded_without_a_reason():
    modules = [Path(module) for module in MODULES if not module.endswith("__init__.py")]
    sizes = Counter(module.parent.as_posix() for module in modules)
    crowded = {folder for folder, size in sizes.items() if size > MAX_FOLDER}
    assert sorted(crowded - CROWDED.keys()) == [], "is there a concept that deserves a folder of its own?"
    assert sorted(CROWDED.keys() - crowded) == [], "no longer crowded: take it out of CROWDED"


def test_no_two_modules_of_a_layer_have_one_name():
    modules = [Path(module) for module in MODULES if not module.endswith("__init__.py")]
    names = Counter((module.parts[1], module.stem) for module in modules)
    assert [name for name, times in names.items() if times > 1] == []


# What is written for a reader, by the names of the attributes and variables that hold it
PROSE = re.compile(r"\b(estimand|method|reasons?|label|note|caption|title|caveat|definition|variation)s?\b")
READERS = {"startswith", "endswith", "partition", "rpartition", "removeprefix", "removesuffix"}
# Modules that write text, and expressions that may handle it: "meta/x.py: expression" -> why
TEXT = {
    "meta/format.py": "how numbers and symbols are written",
    "meta/report/drawing/canvas.py": "where a line of text may break, and the ending of a file",
    "meta/report/page/references.py": "how the page writes numbers and texts",
    "meta/report/drawing/svg.py": "the SVG that matplotlib writes",
}
READ = {
    "meta/report/figures/registry.py: __name__.rpartition('.')": "this package's own name",
    "meta/models/calibration.py: text.partition(':')": "the user's own option",
    "meta/workflow/diff.py: revision.startswith('-')": "the user's own option",
    "meta/workflow/expand.py: re.sub('[^a-z0-9._-]+', '-', varied.item.id.lower())": "a file's name",
    "meta/report/page/parts.py: plan.name.removeprefix(f'{plan.shows[0].name}.')": "an anchor",
    "meta/report/page/parts.py: re.sub('[^a-z0-9]+', '-', base.name.lower())": "makes the name of an anchor",
}


def readings(module: str) -> Iterator[str]:
    """Expressions that take a text apart, or compare one that was written for a reader."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = ast.unparse(node.func.value)
            if of == "re" or node.func.attr in READERS:
                yield f"{module}: {ast.unparse(node)}"
        elif isinstance(node, ast.Compare) and len(node.comparators) == 1:
            sides = (node.left, node.comparators[0])
            constant = any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides)
            held = any(isinstance(side, ast.Attribute) and PROSE.search(side.attr) for side in sides)
            if constant and held:
                yield f"{module}: {ast.unparse(node)}"


TEXTS_COME_IN = ("meta/cli/", "meta/records/", "meta/stats/")  # where the user's own text is read


@pytest.mark.parametrize("module", [m for m in MODULES if m not in TEXT and not m.startswith(TEXTS_COME_IN)])
def test_no_sentence_is_read_back_as_data(module):
    found = set(readings(module))
    assert sorted(found - READ.keys()) == [], "results carry enumerations: compare those"
    assert sorted(one for one in READ.keys() - found if one.startswith(f"{module}: ")) == []
