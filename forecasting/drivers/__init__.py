"""What moved sales, and by how much: holidays, promotions, price and regressors of one's own."""

from forecasting.drivers.table import driver_table

__all__ = ["driver_table"]
