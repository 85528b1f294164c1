"""The edge keeps its guarantees."""
