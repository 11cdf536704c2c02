"""What is remembered on disk: runs, answers, recordings. Knows data and events, never the engine."""
