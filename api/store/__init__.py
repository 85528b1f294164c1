"""The price book on a database."""
