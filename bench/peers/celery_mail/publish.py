"""Asks for so many mails: ``python publish.py 1000 PROSE``."""

import sys

from mails import send

for number in range(int(sys.argv[1])):
    send.delay(number, sys.argv[2])
