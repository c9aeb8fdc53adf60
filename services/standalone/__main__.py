"""`python -m services.standalone` is `postroom`."""

from services.standalone.command_line import main

main()
