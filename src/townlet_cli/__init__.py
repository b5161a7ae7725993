"""The command line: each command is a signature, one call into townlet_core and a print."""
