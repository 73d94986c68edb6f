"""A first zoo file for a folder: what lies there, and the text that a user goes on with."""
