"""API reference out of the sources: a Markdown page per sub-package, of signatures and docstrings.

Nothing is imported: the sources are parsed, so a page appears also where an optional package is
missing. Docstrings are read as this project writes them: paragraphs, `name : text` lines that
state arguments and fields, `>>>` examples, indented formulas.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

_ARGUMENT = re.compile(r"^([A-Za-z_][\w.]*(?:, [A-Za-z_][\w.]*)*) : (.*)$")
_NEXT_ARGUMENT = re.compile(r"(?<=[.;]) (?=[A-Za-z_]\w*(?:, [A-Za-z_]\w*)* : )")
_NEW_PARAGRAPH = re.compile(r"^(Returns|Raises|Source|Check|Limit|Limits)\b")
_SPECIAL = re.compile(r"[\\*<>\[\]{}|]|(?<!\w)_|_(?!\w)|^#")
#: Signatures longer than this have a line per argument.
WIDTH = 80
Function = ast.FunctionDef | ast.AsyncFunctionDef


def escaped(text: str) -> str:
    """Plain text with Markdown's special characters escaped, except inside `code`."""
    parts = re.split(r"(`[^`\n]+`)", text)
    return "".join(
        part if i % 2 else _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", part)
        for i, part in enumerate(parts)
    )


def markdown_of(docstring: str) -> str:
    """Markdown of a docstring (already dedented): paragraphs, argument lists, examples, formulas.

    >>> print(markdown_of("Width.\\n\\nmass : GeV. Check: 0 at threshold."))
    Width.
    <BLANKLINE>
    - `mass` : GeV. Check: 0 at threshold.
    """
    blocks = re.split(r"\n\s*\n", docstring.strip())
    return "\n\n".join(_block(block) for block in blocks if block)


def _block(block: str) -> str:
    lines = block.splitlines()
    if lines[0].lstrip().startswith(">>>"):
        return "\n".join(["```pycon", *(line.strip() for line in lines), "```"])
    if all(line.startswith("    ") for line in lines):
        return "\n".join(["```text", *(line[4:] for line in lines), "```"])
    items: list[str] = []  # each a paragraph or a list item
    for line in _NEXT_ARGUMENT.sub("\n", block).splitlines():
        argument = _ARGUMENT.match(line)
        bullet = re.match(r"^[-*] (.*)$", line)
        if argument:
            names = ", ".join(f"`{name}`" for name in argument[1].split(", "))
            items.append(f"- {names} : {escaped(argument[2])}")
        elif bullet:
            items.append(f"- {escaped(bullet[1])}")
        elif not items or _NEW_PARAGRAPH.match(line):
            items.append(escaped(line.strip()))
        else:
            items[-1] += " " + escaped(line.strip())
    text = items[0]
    for before, item in pairwise(items):
        together = before.startswith("- ") and item.startswith("- ")
        text += ("\n" if together else "\n\n") + item
    return text


def signature(node: Function) -> str:
    """`name(arguments) -> type` of a function, without `self`; a long one has a line each."""
    arguments = ast.unparse(node.args)
    arguments = re.sub(r"^(self|cls)(, |$)", "", arguments)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{node.name}({arguments}){returns}"
    if len(line) <= WIDTH:
        return line
    return "\n".join(
        [f"{node.name}(", *(f"    {one}," for one in _split(arguments)), f"){returns}"]
    )


def _split(arguments: str) -> list[str]:
    """A list of arguments cut at the commas that stand in no bracket or text."""
    parts, depth, quoted = [""], 0, False
    for sign in arguments:
        quoted ^= sign == "'"
        depth += 0 if quoted else (sign in "([{") - (sign in ")]}")
        if sign == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def _decorators(node: Function | ast.ClassDef) -> set[str]:
    names = set()
    for decorator in node.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        names.add(ast.unparse(call).rpartition(".")[2])
    return names


def _heading(name: str, where: str, level: int) -> str:
    return f"{'#' * level} `{name}` {{ #{where}.{name} }}"


def _function(node: Function, where: str, level: int) -> Iterator[str]:
    decorators = _decorators(node)
    yield _heading(node.name, where, level)
    if "property" in decorators or "cached_property" in decorators:
        kind = f"{node.name} : {ast.unparse(node.returns) if node.returns else ''}"
    else:
        kind = signature(node)
    yield f"```python\n{kind}\n```"
    if "njit" in decorators:
        yield "*Compiled kernel.*"
    yield markdown_of(ast.get_docstring(node) or "")


def _class(node: ast.ClassDef, where: str, level: int) -> Iterator[str]:
    yield _heading(node.name, where, level)
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    fields = [
        f"    {ast.unparse(item)}"
        for item in node.body
        if isinstance(item, ast.AnnAssign) and not ast.unparse(item.target).startswith("_")
    ]
    head = f"class {node.name}({bases})" if bases else f"class {node.name}"
    yield "```python\n" + "\n".join([head + (":" if fields else ""), *fields]) + "\n```"
    yield markdown_of(ast.get_docstring(node) or "")
    for item in node.body:
        if isinstance(item, Function) and not item.name.startswith("_") and ast.get_docstring(item):
            yield from _function(item, f"{where}.{node.name}", level + 1)


def module_page(path: Path, name: str) -> str:
    """Markdown of one module: its docstring, then every public class and function with one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = [f"## {name} {{ #{name} }}", markdown_of(ast.get_docstring(tree) or "")]
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef):
                parts += _class(node, name, 3)
            else:
                parts += _function(node, name, 3)
    return "\n\n".join(part for part in parts if part)


def sub_package_pages(package: Path) -> dict[str, str]:
    """Markdown page per sub-package (or single module), by its name."""
    pages: dict[str, str] = {}
    for part in sorted(package.iterdir()):
        if part.is_dir() and (part / "__init__.py").is_file():
            modules = sorted(part.glob("*.py"), key=lambda p: (p.stem != "__init__", p.stem))
        elif part.suffix == ".py" and not part.stem.startswith("_"):
            modules = [part]
        else:
            continue
        texts = []
        for path in modules:
            if path.stem.startswith("_") and path.stem != "__init__":
                continue
            dotted = ".".join([package.name, *path.relative_to(package).with_suffix("").parts])
            text = module_page(path, dotted.removesuffix(".__init__"))
            if "\n" in text:  # more than a heading
                texts.append(text)
        if texts:
            title = f"# {package.name}.{part.stem}"
            if texts[0].startswith(f"#{title} "):  # its own page has the heading already
                title, texts[0] = "", texts[0][1:]
            pages[part.stem] = "\n\n".join([title, *texts]).strip() + "\n"
    return pages


def public_page(package: Path) -> str:
    """The names that users import from the package itself, each with its first line."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    table = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_PUBLIC"
    )
    lines = [f"# {package.name}", "", markdown_of(ast.get_docstring(tree) or ""), ""]
    lines += ["| name | what it is |", "|---|---|"]
    for name in sorted(table):
        module, node = _find(package, table[name], name)
        part = module.split(".")[1]
        first = (ast.get_docstring(node) or " ").splitlines()[0] if node else ""
        lines.append(f"| [`{name}`]({part}.md#{module}.{name}) | {escaped(first)} |")
    return "\n".join(lines) + "\n"


def _find(package: Path, module: str, name: str) -> tuple[str, Function | ast.ClassDef | None]:
    """Module and definition behind a name, imports of the package followed."""
    path = package.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef) and node.name == name:
            return module, node
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            return _find(package, node.module or module, name)
        if isinstance(node, ast.Dict):  # a package's table of lazily loaded names
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == name:
                    inner = ast.literal_eval(value)
                    return _find(package, f"{module}.{inner}", name)
    return module, None
