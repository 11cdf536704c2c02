"""What to do when a call fails: when to try again, when to stop trying."""
