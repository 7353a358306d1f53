"""The site: README, API reference and decisions, from what the repository has anyway.

`hatch run site`, or `python -m sphinx -W -c .github/site . build/site`. Sources are the Markdown
files of the repository where they lie, so a link that works in a checkout works on the site, and
one that leads nowhere is an error (`-W`).
"""

from __future__ import annotations

from sphinx.application import Sphinx

import marketkit

project = "marketkit"
author = "the marketkit authors"
version = release = marketkit.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.githubpages"]
include_patterns = [
    "README.md",
    ".github/README.ko.md",
    ".github/ARCHITECTURE.md",
    ".github/CHANGELOG.md",
    ".github/CONTRIBUTING.md",
    ".github/SCALE.md",
    ".github/SECURITY.md",
    ".github/decisions/*.md",
    ".github/site/*.md",
    "benchmarks/RESULTS.md",
]
root_doc = "README"
html_theme = "furo"
html_title = f"marketkit {version}"
html_extra_path = ["index.html"]  # the front page is README.html

myst_heading_anchors = 3  # as GitHub makes them
default_role = "code"  # docstrings put code between single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_inherit_docstrings = True
autodoc_preserve_defaults = True
toc_object_entries_show_parents = "hide"

_PAGES = """
```{toctree}
:hidden:

.github/README.ko
.github/site/api
.github/site/decisions
benchmarks/RESULTS
.github/ARCHITECTURE
.github/SCALE
.github/SECURITY
.github/CONTRIBUTING
.github/CHANGELOG
```
"""


def _add_pages(_app: Sphinx, page: str, source: list[str]) -> None:
    """Add the tree of pages to the front page, which GitHub shows without."""
    if page == root_doc:
        source[0] += _PAGES


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the front page's tree."""
    app.connect("source-read", _add_pages)
    return {"parallel_read_safe": True}
