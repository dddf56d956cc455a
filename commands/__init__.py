"""One module per command of the command line: its body, without the parsing of its flags."""
