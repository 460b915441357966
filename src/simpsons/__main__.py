"""`python -m simpsons` is the command `simpsons`."""

from simpsons.cli import main

if __name__ == "__main__":  # other processes import it
    main(prog_name="simpsons")
