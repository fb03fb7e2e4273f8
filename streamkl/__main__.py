"""`python -m streamkl`: the command line."""

from streamkl.cli import main

if __name__ == "__main__":
    main()
