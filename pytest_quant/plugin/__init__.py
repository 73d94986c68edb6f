"""What every pytest process imports: light, nothing but pytest and the standard library."""
