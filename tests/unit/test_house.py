"""CONTRIBUTING.md draws the packages as they are layered and names real registries; every link leads somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_drawing_has_every_layer_in_its_place() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    drawing = GUIDE.partition("```\n")[2].partition("```")[0].splitlines()
    last = -1
    for layer in settings["tool"]["importlinter"]["contracts"][0]["layers"]:
        places = set[int]()
        for module in layer.split(" | "):
            name = module.removeprefix("agentlab.")
            drawn = [i for i, line in enumerate(drawing) if re.match(rf"[ a-z/│]*\b{name}\b", line)]
            assert drawn, f"{module} is not drawn"
            places.add(drawn[0])
        assert len(places) == 1, f"{layer} is drawn on several lines"
        assert max(places) > last, f"{layer} is drawn above a layer that may import it"
        last = max(places)


def test_every_package_is_drawn() -> None:
    drawing = GUIDE.partition("```\n")[2].partition("```")[0]
    packages = [path.parent for path in (ROOT / "agentlab").glob("*/__init__.py")]
    assert [path.name for path in packages if f"{path.name}/" not in drawing] == []
    modules = [path.stem for path in (ROOT / "agentlab").glob("*.py") if path.stem != "__init__"]
    assert [name for name in modules if not re.search(rf"\b{name}\b", drawing)] == []


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda path: path.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """What a page's headings are linked as."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("registry", "file"), re.findall(r"`([A-Z]+)`[^|`]*(?:`[A-Z]+`[^|`]*)?in `([\w/]+\.py)`", GUIDE)
)
def test_every_registry_is_where_the_table_says(registry: str, file: str) -> None:
    modules = [*(ROOT / "agentlab").rglob(file), *ROOT.glob(file)]
    assert any(re.search(rf"^{registry}\b", module.read_text(encoding="utf-8"), re.MULTILINE) for module in modules)
