"""The one error a user of these scripts may cause; the entry prints it as one line and exits 2."""


class BadInput(Exception):
    """Something given to a script is missing or malformed; the message says what and where."""
