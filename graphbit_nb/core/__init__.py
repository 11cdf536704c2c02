"""Data, protocols and events that every other layer speaks in; no input or output happens here."""
