"""A small django-oscar shop; runs in an environment of its own, never in ours."""
