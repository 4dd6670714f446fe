"""The command line: ``wflo``, and ``kogine wflo``.

main        which command; ``wflo --help``, which imports none of them
commands/   one file per command
options     the options that several commands have
inputs      from ``--input`` and ``--json`` to what a run is given
session     opens the database
running     runs something here: signals, what is seen meanwhile, what is printed at the end
  watching  looks at a run in the database now and then, for one of two displays:
  screen    the last lines of a terminal, in which `board` draws
  reports   plain lines
board       a run, drawn; `graph`: where its steps stand, `steps`: how far each is
details     what is printed about one run; `table`: about many
ending      exit codes, and how an error becomes one
output      lines and JSON; `paint`: colours, `texts`: how values look

What was asked for is on stdout: results, tables, JSON. Everything else is on stderr.
"""
