"""Cameras: one worker process each, a supervisor that watches frames, and what it shows of them."""
