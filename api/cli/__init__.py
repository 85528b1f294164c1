"""The command `fairfare`: files in, files out, and the flow of a workspace."""

from api.cli.main import main

__all__ = ["main"]
