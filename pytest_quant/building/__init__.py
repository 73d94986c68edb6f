"""Files that zoo entries describe instead of naming them: converted and calibrated before the cases run."""
