"""The functions that `simpsons` promises, one for each command; the commands parse and print."""
