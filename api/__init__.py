"""The edge: everything that touches the world (HTTP, command line, files, the store, the clock)."""
