"""What is said about what happens: logging."""
