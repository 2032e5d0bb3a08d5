"""
Prints what modules import and an image does not have; run in the image, with the folders of the modules.

It looks into the code, so it finds what is imported in the middle of a function, too.
"""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path


def find_imports(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name in it or nothing) of each import in the code below a folder."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield from ((node.module, alias.name) for alias in node.names)


def is_there(module: str, name: str) -> bool:
    """Import a module, and a name in it that may be a module, too."""
    try:
        if not hasattr(importlib.import_module(module), name or "__name__"):
            importlib.import_module(f"{module}.{name}")
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    wanted = {found for folder in sys.argv[1:] for found in find_imports(Path(folder))}
    print(*sorted({module for module, name in wanted if not is_there(module, name)}))
