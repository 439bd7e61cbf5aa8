"""Choices from outside the package: folders of text that are named by their content, checked, kept and run."""
