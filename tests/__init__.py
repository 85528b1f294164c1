"""Tests mirror modules one to one; their names are the guarantees."""
