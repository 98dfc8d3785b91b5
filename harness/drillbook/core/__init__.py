"""What every package may use: errors, units, names, waiting."""
