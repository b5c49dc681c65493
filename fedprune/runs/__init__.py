"""What a run leaves on disk: its folder, its metrics line by line, its clients' state, its checkpoints.

Everything here is written so that a process killed at any instant leaves files that load. No torch here.
"""
