"""`python -m simpsons` is the command `simpsons`."""

from simpsons.cli import main

main(prog_name="simpsons")
