"""What runs tell to those who operate them: figures, log lines, traces.

Each is a sink of events, made anew for each run; none is asked for tokens as they come, and none can change a run.
"""
