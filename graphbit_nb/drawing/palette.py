"""The colours of a picture that stands alone: light as attributes, dark in one style element."""

from __future__ import annotations

LIGHT = {
    "pending": "#68707a", "ready": "#3f4853", "running": "#0b5fc0", "retrying": "#955800", "waiting": "#8c2da6",
    "succeeded": "#08705f", "cached": "#11698a", "failed": "#b0201a", "skipped": "#68707a", "cancelled": "#68707a",
    "stale": "#5f6611",
}  # fmt: skip
DARK = {
    "pending": "#979ea8", "ready": "#c3cad3", "running": "#74b4ff", "retrying": "#f2b84f", "waiting": "#e2a4f4",
    "succeeded": "#4cc9a8", "cached": "#6fc6e6", "failed": "#ff8674", "skipped": "#979ea8", "cancelled": "#979ea8",
    "stale": "#cfd05f",
}  # fmt: skip
TINT_LIGHT = {"running": "#eef4fb", "retrying": "#f8f3ed", "waiting": "#f7f0f9", "failed": "#faefee"}
TINT_DARK = {"running": "#2c343e", "retrying": "#3b3527", "waiting": "#3a3037", "failed": "#3d2e2b"}

INK, INK_2 = "#1f2328", "#59616b"
CARD, CARD_EDGE, TILE = "#ffffff", "#b4bac1", "#f3f4f6"
FLOW = {"idle": "#87909a", "dead": "#87909a", "active": "#0b5fc0", "done": "#59616b"}
TAG_EDGE = "#c3c8ce"

_DARK_BASE = """
.gb-card,.gb-back{fill:#2b2b2b;stroke:#626262}
.gb-inner{stroke:#555;fill:none}.gb-tile{fill:#3a3a3a}
.gb-name{fill:#e6e6e6}
[data-state=pending] .gb-name,[data-state=skipped] .gb-name,[data-state=cancelled] .gb-name{fill:#b9b9b9}
.gb-sub,.gb-meta,.gb-elabel{fill:#b9b9b9}.gb-icon{stroke:#c4c4c4}
.gb-ebg{fill:#22262b;stroke:#565c64}
.gb-edge path{stroke:#8d959e}.gb-edge polygon{fill:#8d959e}
[data-flow=idle] path,[data-flow=dead] path{stroke:#5c636b}
[data-flow=idle] polygon,[data-flow=dead] polygon{fill:#5c636b}
[data-flow=active] path{stroke:#74b4ff}[data-flow=active] polygon{fill:#74b4ff}
.gb-glyph[data-on]{stroke:#212121}
[data-new] .gb-card{stroke:#e6e6e6}
"""


def dark_style(states: frozenset[str]) -> str:
    """Return the style element for hosts that are dark, with rules for the states that occur."""
    rules = [_DARK_BASE.replace("\n", "")]
    for state in sorted(states):
        colour = DARK[state]
        at = f"[data-state={state}]"
        rules.append(f"{at} .gb-body[data-p=solid]{{fill:{colour}}}")
        rules.append(f"{at} .gb-body[data-p=line],{at} .gb-glyph:not([data-on]){{stroke:{colour}}}")
        if state in TINT_DARK:
            rules.append(f"{at} .gb-card{{fill:{TINT_DARK[state]};stroke:{colour}}}")
            rules.append(f"{at} .gb-sub,{at} .gb-meta{{fill:{colour}}}")
    return f"<style>@media (prefers-color-scheme:dark){{{''.join(rules)}}}</style>"
