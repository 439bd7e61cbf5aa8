"""The claims of the sources, each with the function that judges it from what the studies keep."""
