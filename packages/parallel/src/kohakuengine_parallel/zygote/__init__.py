"""A process that starts processes: forks of itself that run a script, or commands.

client    Zygote: the end of the process that wants runs; starts the zygote and talks to it
program   what the zygote does: starts, reaps and signals processes until the other end is closed
order     what is asked of it; `datagrams`: how that travels
imports   what a script imports before it does anything else
gaps      where the memory of forks comes from
safety    whether a process that holds these imports may be forked
command   what every fork does first, and how a command takes its place
child     what a fork does before and after the script
reports   how the reports of forks come back
family    processes, sessions, descendants, as Linux knows them
"""
