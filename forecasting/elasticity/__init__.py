"""How demand reacts to price, and whether the data can tell."""
