"""Final net units of coming events, from bookings on hand and how such events fill up and lose bookings again."""

from forecasting.bookings.table import bookings_table

__all__ = ["bookings_table"]
