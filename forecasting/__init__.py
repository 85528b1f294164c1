"""What buyers will do: demand, price response, and how sure we are. Only here are Prophet and statsmodels imported."""
