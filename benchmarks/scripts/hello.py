"""What every language begins with."""

print("hello")
