"""What is served: prices in force and what stands beside them, in memory and on disk."""
