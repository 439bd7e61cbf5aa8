"""Many runs as one program: which of them can train together, whether that gains anything, and the launcher."""
