"""What every package may use: the errors, the console, random streams and array checks."""
