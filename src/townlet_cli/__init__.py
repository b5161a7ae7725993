"""The command line: each command is a signature, one call into townlet_core and a print."""

INTERRUPTED = 130  # exit code, as a shell shows it
