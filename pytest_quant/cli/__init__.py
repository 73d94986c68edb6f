"""The command line ``pytest-quant``: one file per subcommand, on the code that the plugin uses."""
