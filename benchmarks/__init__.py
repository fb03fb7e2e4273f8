"""The figures of the documentation, each from one command; see README.md beside this file."""
