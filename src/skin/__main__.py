"""`python -m skin`."""

from skin.cli import main

main()
