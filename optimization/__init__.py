"""What to do about it: prices. Only here are Pyomo and highspy imported."""
