"""The command line of KohakuEngine: ``kogine``.

    main          which command; ``kogine --help``
    commands/     one file per command, imported when it is the one
    flags         the flags that several commands share, and how their help looks
    selection     from flags to the Config, or the sweep, that a script runs with
    config_file   loads config files, and says where in one an error came from
    flows         several runs: puts the following together
      progress    on a terminal: which run goes on
      failures    which run failed, and how
      summary     what the table at the end is made of; `table` draws it
      document    what ``--json`` prints on stdout
      signals     ends it all in good order
    ending        exit codes; `frames`: which frames of a traceback are the user's
    messages      how a line is printed; `texts`: how values look in one

What the script prints belongs to the script: ours goes to stderr, but for what was asked for as
data (``--json``, ``config show``). A single run loads no more of all this than it needs.
"""
