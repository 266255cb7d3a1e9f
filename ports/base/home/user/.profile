# Private settings of an interactive shell.
