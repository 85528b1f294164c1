"""The price book and its database."""
