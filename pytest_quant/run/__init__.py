"""What a process imports under ``--quant``: collecting, deciding a case, tests in Python, xdist, the recorder."""
