"""The commands of the command line: each opens, calls a function of the package, and prints."""
