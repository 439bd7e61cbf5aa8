"""Define the typed configuration: its schema, its validation, its composition by Hydra."""
