"""A small pretix; runs in an environment of its own, never in ours."""
