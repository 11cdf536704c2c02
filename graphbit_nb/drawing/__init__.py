"""Draws a workflow: DOT out, an SVG of cards in."""

from graphbit_nb.drawing.pictures import dot_source, draw, svg
from graphbit_nb.drawing.reading import foldable, scene_of
from graphbit_nb.drawing.scene import Card, Frame, Link, Scene

__all__ = ["Card", "Frame", "Link", "Scene", "dot_source", "draw", "foldable", "scene_of", "svg"]
