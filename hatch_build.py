"""What the build adds to pyproject.toml: the README as a package index shows it, the pages of docs/ in the wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
from email.parser import Parser
from pathlib import Path, PurePosixPath
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

PAGES = "pytest_quant/pages"
"""Where `pytest-quant docs` finds the pages in an installed package."""

_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:|#")
_REMOTE = re.compile(
    r"(?:https?|ssh|git)://(?:[^@/]*@)?(?P<host>[^/:]+)(?::[0-9]+)?/(?P<path>.+)"
    r"|(?:[^@/:]+@)?(?P<scp_host>[^/:]+\.[^/:]+):(?P<scp_path>[^/].*)"
)
"""Of git: an address, or `git@host:owner/name`; not a folder."""


class Metadata(MetadataHookInterface):
    """The long description, and the addresses that follow from the repository's."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in `readme` and `urls`."""
        repository = repository_of(Path(self.root), self.config.get("repository", ""))
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": for_the_index(text, repository)}
        metadata["urls"] = addresses(repository)


class Pages(BuildHookInterface):  # type: ignore[type-arg]
    """The pages of docs/ go into the wheel; an editable installation reads them where they are."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name each page and where it goes."""
        if self.target_name == "wheel" and version == "standard":
            docs = Path(self.root) / "docs"
            for page in sorted(docs.rglob("*.md")):
                build_data["force_include"][str(page)] = f"{PAGES}/{page.relative_to(docs).as_posix()}"


def repository_of(root: Path, configured: str = "") -> str:
    """The address of the repository that this is built from; empty: none is known.

    It is what pyproject.toml says, else what the sdist says that this is unpacked from, else where the checkout was
    cloned from, without what that address may hold of somebody's access.
    """
    if configured:
        return configured.rstrip("/")
    told = root / "PKG-INFO"
    if told.is_file():
        urls = Parser().parsestr(told.read_text(encoding="utf-8"), headersonly=True).get_all("Project-URL", [])
        return next((url.partition(", ")[2] for url in urls if url.startswith("Repository, ")), "")
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return ""
    asked = subprocess.run([git, "-C", str(root), "remote", "get-url", "origin"], capture_output=True, text=True)
    return browsed(asked.stdout.strip())


def browsed(remote: str) -> str:
    """The address at which a browser finds what git fetches from another one; empty for a folder.

    >>> browsed("git@example.org:owner/name.git")
    'https://example.org/owner/name'
    """
    found = _REMOTE.fullmatch(remote)
    if found is None:
        return ""
    host, path = found["host"] or found["scp_host"], found["path"] or found["scp_path"]
    return f"https://{host}/{path.rstrip('/').removesuffix('.git')}"


def addresses(repository: str) -> dict[str, str]:
    """What stands beside the package on an index; nothing without a repository."""
    if not repository:
        return {}
    return {
        "Repository": repository,
        "Documentation": f"{repository}/blob/main/docs/index.md",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }


def for_the_index(text: str, repository: str) -> str:
    """The README with links that lead somewhere outside the repository as well.

    Without a repository's address a link into it becomes its text, with the command that shows the page where there is
    one, and a picture goes: an index would show both as dead.
    """

    def outside(link: re.Match[str]) -> str:
        image, text, target = link["image"], link["text"], link["target"]
        if _ELSEWHERE.match(target):
            return link[0]
        if repository:
            return f"{image}[{text}]({repository}/{'raw' if image else 'blob'}/main/{target})"
        if image:
            return ""
        page = PurePosixPath(target.partition("#")[0])
        shown = f"`pytest-quant docs {page.stem}`"
        if page.parts[0] != "docs" or page.suffix != ".md":
            return text
        return shown if text == str(page) else f"{text} ({shown})"

    return re.sub(r"\n{3,}", "\n\n", _LINK.sub(outside, text))
