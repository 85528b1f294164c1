"""The language and the rules: what an offer, a ladder, a plan and a price book are, and which price may leave.

No input or output, no model library, no solver: nothing here can fail to load while money is at stake.
"""
