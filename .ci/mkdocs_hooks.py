"""What the site shows of the repository beside docs/: CONTRIBUTING.md as a page, the examples as files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "contributing.md", content=re.sub(r"\]\(docs/", "](", text)))
    for path in sorted((ROOT / "examples").rglob("*.y*ml")):
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links out of docs/ lead to where they stand on the site."""
    return markdown.replace("](../CONTRIBUTING.md", "](contributing.md").replace("](../examples/", "](examples/")
