"""The engine on a database.

engine       `LocalEngine`: the loop that looks for work, runs it, and hears how it ended
committer    its transactions: what was decided is written, or decided again
found        what others left: timers, and leases of workers that are gone
steps        one step, from its lease to how it ended; `transaction`: what ``ctx.tx`` is lent
held         the steps that this process runs
codes        the code that it has, for which workflows
owner        the name of this process, and whether others are still there
embedded     a workflow run here, from its input to its result
"""
