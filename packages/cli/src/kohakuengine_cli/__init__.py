"""The command line of KohakuEngine: ``kogine``.

    main          which command; ``kogine --help``
    commands/     one file per command, imported when it is the one
    flags         the flags that several commands share, and how their help looks
      quantities  how durations, sizes and the like are written in one
    selection     from flags to the Config, or the sweep, that a script runs with
    config_file   loads config files, and says where in one an error came from
    workflows     from flags to the flow
    flows         several runs, one after the other: puts the following together
      progress    on a terminal: which run goes on
      failures    which run failed, and how
      summary     what the table at the end is made of; `table` draws it
      document    what ``--json`` prints on stdout
      signals     ends it all in good order
    parallel_flows  several runs at a time: the same, but for the progress
      tally       how far they are, for one of two displays, which a `ticker` wakes:
      live        the last lines of a terminal, in which `board` is drawn
      reports     a plain line now and then
    plans         the runs of a flow that is not run; `plan_table` and `plan_document` print them
    ending        exit codes; `frames`: which frames of a traceback are the user's
    messages      how a line is printed; `texts`: how values look in one

What the script prints belongs to the script: ours goes to stderr, but for what was asked for as
data (``--json``, ``config show``). A single run loads no more of all this than it needs.
"""
