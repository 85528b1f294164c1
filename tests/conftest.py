"""Property tests draw the same examples each time, so that a green run stays green on the same code."""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True)
settings.load_profile("fixed")
