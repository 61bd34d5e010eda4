"""`python -m vagalwatch`."""

from vagalwatch.cli import main

main()
