"""Provide what every room uses: options, errors, files, seeds and random streams, configuration files."""
