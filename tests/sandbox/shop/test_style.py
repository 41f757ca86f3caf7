"""What can be checked of looks and words without eyes: contrast in both schemes, and one text for every key."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from sandbox import shop
from sandbox.shop.texts_en import EN
from sandbox.shop.texts_ru import RU

CSS = (Path(shop.__file__).parent / "static" / "shop.css").read_text()
TEXT, SHAPE = 4.5, 3.0  # WCAG 2.2 AA, 1.4.3 and 1.4.11
PAIRS = [
    *((ink, page, TEXT) for ink in ("ink", "soft", "link") for page in ("page", "card")),
    ("soft", "tint", TEXT),
    ("act-ink", "act", TEXT),
    ("act-ink", "act-hover", TEXT),
    ("warn", "warn-tint", TEXT),
    ("bad", "page", TEXT),
    ("chosen-ink", "chosen", TEXT),
    *((shape, page, SHAPE) for shape in ("focus", "chosen") for page in ("page", "card")),
    *((f"z{zone}", "card", SHAPE) for zone in range(6)),
]


def palettes() -> dict[str, dict[str, str]]:
    """Return the light colours and the dark ones, which override them."""
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    )
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "ratio_min"), PAIRS)
def test_colours_can_be_told_apart(scheme: str, front: str, back: str, ratio_min: float) -> None:
    palette = palettes()[scheme]
    dark, light = sorted((luminance(palette[front]), luminance(palette[back])))

    assert (light + 0.05) / (dark + 0.05) >= ratio_min


def test_both_languages_say_everything_with_the_same_blanks() -> None:
    def blanks(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    plural_forms = {f"{key}.{form}" for key in ("seats", "left") for form in ("few", "many")}
    assert set(RU) - plural_forms == set(EN)
    assert [key for key in EN if blanks(RU[key]) != blanks(EN[key])] == []
