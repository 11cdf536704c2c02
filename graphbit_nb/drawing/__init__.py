"""Draws a workflow: DOT out, an SVG of cards in."""
