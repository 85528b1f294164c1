"""The price desk: pages in a browser, on the real book."""
