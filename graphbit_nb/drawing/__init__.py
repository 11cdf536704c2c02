"""Draws a workflow: DOT out, a picture of cards in.

Graphviz is asked for one thing: where boxes of a known size go and how edges run between them. The look is put on
afterwards. No text of a user's passes through Graphviz's markup; all text is escaped once, in `cards`.
"""
