"""Links and paths in the Markdown files lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "packages/*/*.md")
    for page in ROOT.glob(pattern)
)

_FENCED = re.compile(r"^ *(`{3,}).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+?) *$", re.MULTILINE)
_PATH = re.compile(r"(?<![\w./-])(?:benchmarks|docs|examples|scripts|tests)/[\w./-]*\w")
_EXTERNAL = re.compile(r"[a-z]+:")


def blanked(text, pattern):
    """`text` with what matches made blank: lines keep their numbers."""
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    found = []
    for heading in _HEADING.findall(blanked(page.read_text(encoding="utf-8"), _FENCED)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return found


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def broken_links(page):
    text = blanked(blanked(page.read_text(encoding="utf-8"), _FENCED), _CODE)
    for link in _LINK.finditer(text):
        target, _, anchor = link[1].partition("#")
        if _EXTERNAL.match(link[1]):
            continue
        path = page.parent / target if target else page
        place = f"{page.relative_to(ROOT)}:{line_of(text, link.start())}"
        if not path.exists():
            yield f"{place}: {link[1]}: there is no {target}"
        elif anchor and anchor not in anchors(path):
            yield f"{place}: {link[1]}: {path.name} has {', '.join(anchors(path))}"


def missing_paths(page):
    text = page.read_text(encoding="utf-8")
    for found in _PATH.finditer(text):
        if not (ROOT / found[0]).exists() and not (page.parent / found[0]).exists():
            yield f"{page.relative_to(ROOT)}:{line_of(text, found.start())}: no {found[0]} here"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_anchors_lead_somewhere(page):
    assert not list(broken_links(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_of_the_repository_exist(page):
    assert not list(missing_paths(page))


@pytest.mark.parametrize("folder", ["docs", "docs/wflo"])
def test_every_page_of_the_docs_is_in_their_index(folder):
    listed = _LINK.findall((ROOT / folder / "index.md").read_text(encoding="utf-8"))
    pages = {page.name for page in (ROOT / folder).glob("*.md")} - {"index.md"}
    assert pages <= set(listed)


def test_every_example_is_in_the_list_of_examples():
    listed = set(_LINK.findall((ROOT / "examples/README.md").read_text(encoding="utf-8")))
    files = {
        path.relative_to(ROOT / "examples").as_posix()
        for path in ROOT.glob("examples/*/*")
        if path.is_file()
    }
    assert files == {link for link in listed if "/" in link and "#" not in link}
