"""The operations of the HTTP API, and what they share."""
