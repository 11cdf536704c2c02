"""Runs a workflow: decides what may start, carries it out, tells what happened."""
