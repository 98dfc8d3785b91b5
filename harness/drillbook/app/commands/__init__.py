"""One file a command: its arguments, its help and what it calls, as ``command``. The file's name is the command's."""
