"""Figures of the house: the package's folders, imports, functions, prose and tests, counted.

`python -m benchmarks house` prints the table, `--list` also names what misses. It reads the files
of the checkout that it is started in and imports none of them, so that it works in any state.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import sys
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_PACKAGE = "marketkit"
_LONG_FILE = 300  # lines, docstrings and blanks included
_LONG_FUNCTION = 20  # lines of code
_LOGIC = 10  # lines of code from which a function wants a test even without a branch
# A first line leans when a pronoun stands in it for a thing that it does not name: anywhere in the
# line, in any case. Code in backticks does not count.
_PRONOUN = re.compile(r"\b(what|whatever|it|its|those|who|whom|they|them)\b", re.IGNORECASE)
_CODE_SPAN = re.compile(r"`[^`]*`")
_BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match)
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def name(self) -> str:
        """The dotted name that the file is imported by."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """The dotted name that relative imports start from."""
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    @cached_property
    def code(self) -> set[int]:
        """The numbers of the lines that hold code; docstrings still count."""
        lines: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type not in _NO_CODE:
                lines.update(range(token.start[0], token.end[0] + 1))
        return lines

    def size(self, function: Function) -> int:
        """Count the lines of code in a function's body."""
        body = function.body[1:] if ast.get_docstring(function) is not None else function.body
        if not body:
            return 0
        span = range(body[0].lineno, (function.end_lineno or body[-1].lineno) + 1)
        return sum(line in self.code for line in span)

    def has_logic(self) -> bool:
        """Whether a function of this module branches, or is long."""
        return any(_branches(each) or self.size(each) >= _LOGIC for each in self.functions)

    @property
    def test(self) -> Path:
        """The file that mirrors this module under `tests/unit`."""
        if self.name == _PACKAGE:
            return Path("tests/unit/test_public_surface.py")
        inner = self.path.relative_to(_PACKAGE)
        named = inner.parent if inner.stem == "__init__" else inner.with_suffix("")
        return Path("tests/unit", named.parent, f"test_{named.name.strip('_')}.py")


def measure(*, quick: bool) -> dict[str, Any]:  # noqa: ARG001 - a second's work either way
    """Count everything; `named` says of each figure which files or functions miss."""
    modules = list(_modules())
    named = {
        "modules in the top folder": sorted(str(each) for each in Path(_PACKAGE).glob("*.py")),
        "package cycles": [" <-> ".join(each) for each in _cycles(modules, typing=False)],
        "package cycles, imports for typing too": [
            " <-> ".join(each) for each in _cycles(modules, typing=True)
        ],
        "rows of the import contract": _contract(),
        "functions over 20 code lines": _long_functions(modules),
        "files over 300 lines": [_at(m, 1, m.lines) for m in modules if m.lines > _LONG_FILE],
        "first lines that lean on a pronoun": list(_leaning(modules)),
        "modules with logic, without a test file": list(_untested(modules)),
        "functions not annotated": list(_bare(modules)),
        "public names not documented": list(_silent(modules)),
    }
    return {"rows": list(_rows(modules, named)), "ratios": {}, "named": named}


def _rows(modules: list[Module], named: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    sizes = [module.size(function) for module in modules for function in module.functions]
    p95 = statistics.quantiles(sizes, n=20, method="inclusive")[-1]
    files = len(modules)
    short = 100 * (files - len(named["files over 300 lines"])) / files
    firsts = sum(1 for module in modules for _ in _first_lines(module))
    leaning = 100 * len(named["first lines that lean on a pronoun"]) / firsts
    public = sum(1 for module in modules for _ in _public(module.tree.body))
    bare, silent = named["functions not annotated"], named["public names not documented"]
    top = len(named["modules in the top folder"])
    untested = len(named["modules with logic, without a test file"])
    yield _row("modules in the package", files, "", "")
    yield _row("modules in the top folder", top, "<= 13", top <= 13)
    for figure in ("package cycles", "package cycles, imports for typing too"):
        yield _row(figure, len(named[figure]), "0", not named[figure])
    rows = len(named["rows of the import contract"])
    yield _row("rows of the import contract", rows, "<= 10", 0 < rows <= 10)
    yield _row("functions", len(sizes), "", "")
    yield _row("function code lines, median", statistics.median(sizes), "", "")
    yield _row("function code lines, p95", round(p95, 1), "<= 20", p95 <= _LONG_FUNCTION)
    yield _row("function code lines, max", max(sizes), "", "")
    yield _row("files <= 300 lines, %", round(short, 1), ">= 95", short >= 95)
    yield _row("first lines that lean on a pronoun, %", round(leaning, 1), "<= 5", leaning <= 5)
    yield _row("modules with logic, without a test file", untested, "0", untested == 0)
    yield _row("functions annotated, %", _share(len(sizes), bare), "100", not bare)
    yield _row("public names documented, %", _share(public, silent), "100", not silent)


def _row(figure: str, value: object, want: str, holds: object) -> dict[str, Any]:
    return {
        "figure": figure,
        "is": value,
        "want": want,
        "holds": {True: "yes", False: "NO"}.get(holds, ""),
    }


def _share(total: int, missing: list[str]) -> float:
    return round(100 * (total - len(missing)) / total, 1)


def _modules() -> Iterator[Module]:
    for path in sorted(Path(_PACKAGE).rglob("*.py")):
        yield Module(path, path.read_text(encoding="utf-8"))


def _at(module: Module, line: int, what: object) -> str:
    return f"{module.path}:{line}: {what}"


def _branches(function: Function) -> bool:
    """Whether a body goes more than one way."""
    return any(
        isinstance(node, _BRANCHES) or (isinstance(node, ast.comprehension) and node.ifs)
        for statement in function.body
        for node in ast.walk(statement)
    )


def _long_functions(modules: list[Module]) -> list[str]:
    found = [
        (module.size(each), _at(module, each.lineno, each.name))
        for module in modules
        for each in module.functions
    ]
    return [f"{at} ({size})" for size, at in sorted(found, reverse=True) if size > _LONG_FUNCTION]


def _first_lines(module: Module) -> Iterator[tuple[int, str]]:
    """Give each docstring's first line with the line number of its owner."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | Function):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text.splitlines()[0]


def _leaning(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for line, text in _first_lines(module):
            if _PRONOUN.search(_CODE_SPAN.sub("", text)):
                yield _at(module, line, text)


def _untested(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        if module.has_logic() and not module.test.exists():
            yield f"{module.path} wants {module.test}"


def _bare(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for each in module.functions:
            given = [*each.args.posonlyargs, *each.args.args, *each.args.kwonlyargs]
            given += [arg for arg in (each.args.vararg, each.args.kwarg) if arg is not None]
            asked = [arg for arg in given if arg.arg not in {"self", "cls"}]
            if each.returns is None or any(arg.annotation is None for arg in asked):
                yield _at(module, each.lineno, each.name)


def _public(body: Iterable[ast.stmt]) -> Iterator[ast.ClassDef | Function]:
    """Give public classes and functions, and the public methods of the classes."""
    for node in body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            if not any("overload" in ast.unparse(each) for each in node.decorator_list):
                yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body)


def _silent(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for node in _public(module.tree.body):
            setter = any(".setter" in ast.unparse(each) for each in node.decorator_list)
            if not ast.get_docstring(node) and not setter:
                yield _at(module, node.lineno, node.name)


def _contract() -> list[str]:
    """Give the rows of the first contract of layers."""
    with Path("pyproject.toml").open("rb") as file:
        linter = tomllib.load(file).get("tool", {}).get("importlinter", {})
    layers = (each["layers"] for each in linter["contracts"] if each["type"] == "layers")
    return next(layers, [])


def _cycles(modules: list[Module], *, typing: bool) -> Iterator[list[str]]:
    """Give each group of siblings, modules or packages, that import each other in a circle.

    Imports inside functions count; imports under `if TYPE_CHECKING`, which never run, if `typing`.
    """
    names = {module.name for module in modules}
    edges = {
        (module.name, target)
        for module in modules
        for target in _imports(module, names, typing=typing)
        if target != module.name
    }
    packages = {name.rpartition(".")[0] for name in names} - {""}
    for package in sorted(packages):
        graph: dict[str, set[str]] = {}
        for source, target in edges:
            one, other = _child(package, source), _child(package, target)
            if one and other and one != other:
                graph.setdefault(one, set()).add(other)
        yield from _circles(graph)


def _child(package: str, name: str) -> str | None:
    """Give the member of a package that a module is or lies in."""
    inner = name.removeprefix(f"{package}.")
    return None if inner == name else f"{package}.{inner.partition('.')[0]}"


def _imports(module: Module, names: set[str], *, typing: bool) -> Iterator[str]:
    skipped = {
        id(inner)
        for node in ast.walk(module.tree)
        if not typing and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(module.tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.package.split(".")
            above = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            base = ".".join(filter(None, (above, node.module)))
            for each in node.names:
                inner = f"{base}.{each.name}"
                if inner in names or base in names:
                    yield inner if inner in names else base


def _circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Give the groups of names that reach each other."""
    reach = {name: _reached(graph, name) for name in graph}
    groups = {
        tuple(sorted(other for other in reach[name] if name in reach.get(other, ())))
        for name in graph
        if name in reach[name]
    }
    return sorted(list(group) for group in groups)


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        for name in graph.get(ahead.pop(), ()):
            if name not in seen:
                seen.add(name)
                ahead.append(name)
    return seen


def main() -> int:
    """Print the table alone, for a look while at work in any checkout."""
    result = measure(quick=True)
    for row in result["rows"]:
        sys.stdout.write(f"{row['figure']:42} {row['is']!s:>7}  {row['want']:6} {row['holds']}\n")
    if "--list" in sys.argv[1:]:
        for figure, names in result["named"].items():
            sys.stdout.write("\n".join([f"\n{figure}: {len(names)}", *names]) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
