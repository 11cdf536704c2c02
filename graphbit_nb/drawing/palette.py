"""The colours of a picture that stands alone; a live view takes the same ones from its style sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TINTED = ("running", "retrying", "waiting", "failed")
QUIET = ("pending", "skipped", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """One theme. `states` colours marks and tinted cards, `tints` fills the cards of what the eye must find."""

    paper: str
    card: str
    line: str
    faint: str
    tile: str
    ink: str
    ink2: str
    idle: str
    done: str
    frame: str
    on_mark: str
    states: Mapping[str, str]
    tints: Mapping[str, str]


LIGHT = Palette(
    paper="#ffffff", card="#ffffff", line="#b4bac1", faint="#d4d8dd", tile="#f3f4f6", ink="#1f2328", ink2="#59616b",
    idle="#87909a", done="#59616b", frame="#f6f7f8", on_mark="#ffffff",
    states={
        "pending": "#68707a", "ready": "#3f4853", "running": "#0b5fc0", "retrying": "#955800", "waiting": "#8c2da6",
        "succeeded": "#08705f", "cached": "#11698a", "failed": "#b0201a", "skipped": "#68707a", "cancelled": "#68707a",
        "stale": "#5f6611",
    },
    tints={"running": "#eef4fb", "retrying": "#f8f3ed", "waiting": "#f7f0f9", "failed": "#faefee"},
)  # fmt: skip
DARK = Palette(
    paper="#22262b", card="#2b2b2b", line="#6a6a6a", faint="#4a4a4a", tile="#3a3a3a", ink="#e6e6e6", ink2="#b9b9b9",
    idle="#747c85", done="#9aa2ab", frame="#252628", on_mark="#212121",
    states={
        "pending": "#979ea8", "ready": "#c3cad3", "running": "#74b4ff", "retrying": "#f2b84f", "waiting": "#e2a4f4",
        "succeeded": "#4cc9a8", "cached": "#6fc6e6", "failed": "#ff8674", "skipped": "#979ea8", "cancelled": "#979ea8",
        "stale": "#cfd05f",
    },
    tints={"running": "#2c343e", "retrying": "#3b3527", "waiting": "#3a3037", "failed": "#3d2e2b"},
)  # fmt: skip
ITEMS = {"done": "succeeded", "cached": "cached", "run": "running", "wait": "waiting", "fail": "failed"}


def flow_colour(palette: Palette, flow: str) -> str:
    """Return the colour of a link."""
    return {"active": palette.states["running"], "done": palette.done}.get(flow, palette.idle)


def _dark_rules() -> str:
    p = DARK
    rules = {
        ".gb-card,.gb-back": f"fill:{p.card};stroke:{p.line}",
        ".gb-inner": f"stroke:{p.faint}",
        ".gb-tile": f"fill:{p.tile}",
        ".gb-icon": f"stroke:{p.ink2}",
        ".gb-name": f"fill:{p.ink}",
        ".gb-sub,.gb-meta,.gb-elabel,.gb-clabel": f"fill:{p.ink2}",
        ".gb-ebg": f"fill:{p.paper};stroke:{p.line}",
        ".gb-frame": f"fill:{p.frame};stroke:{p.faint}",
        ".gb-seg": f"fill:{p.faint}",
        ".gb-halo": f"stroke:{p.line}",
        "[data-selected] .gb-halo": f"stroke:{p.ink}",
        ".gb-wait": f"fill:{p.states['retrying']}",
        ".gb-glyph[data-on]": f"stroke:{p.on_mark}",
        ",".join(f"[data-state={state}] .gb-name" for state in QUIET): f"fill:{p.ink2}",
        "[data-kind=input] .gb-name": f"fill:{p.ink}",
    }
    for flow in ("idle", "dead", "done", "active"):
        colour = flow_colour(p, flow)
        rules[f"[data-flow={flow}] .gb-line"] = f"stroke:{colour}"
        rules[f"[data-flow={flow}] polygon,[data-flow={flow}] .gb-tips"] = f"fill:{colour}"
    rules["[data-flow=done] .gb-elabel,[data-flow=active] .gb-elabel"] = f"fill:{p.ink}"
    for item, state in ITEMS.items():
        rules[f"[data-item={item}]"] = f"fill:{p.states[state]}"
    for state in TINTED:
        colour, card = p.states[state], f"[data-state={state}]:not([data-stale])"
        rules[f"{card} .gb-card"] = f"fill:{p.tints[state]};stroke:{colour}"
        rules[f"{card} .gb-sub,{card} .gb-meta,{card} .gb-tile"] = f"fill:{colour}"
        rules[f"{card} .gb-icon"] = f"stroke:{colour}"
    for state, colour in p.states.items():
        rules[f"[data-mark={state}] .gb-body[data-p=solid]"] = f"fill:{colour}"
        rules[f"[data-mark={state}] .gb-body[data-p=line],[data-mark={state}] .gb-glyph:not([data-on])"] = (
            f"stroke:{colour}"
        )
    rules["[data-stale] .gb-sub"] = f"fill:{p.states['stale']}"
    scoped = (",".join(f".gb-alone {one}" for one in names.split(",")) + f"{{{rule}}}" for names, rule in rules.items())
    return "@media (prefers-color-scheme:dark){" + "".join(scoped) + "}"


# A reader without this style sheet (some hosts strip it) sees the light colours, which are opaque.
DARK_STYLE = _dark_rules()
