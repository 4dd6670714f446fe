"""Running steps.

local        the engine on a database, which decides which step is run when
run_step     one attempt at a step: from what it is given (`call`) to how it ended
code         what a worker needs of a workflow besides its definition
  signature  what its functions take and return; `values`: JSON outside, their annotations inside
  inputs     what a workflow takes
  home       where the code of a module is to be had from; `importing`: how it is imported
context      `WorkflowContext`; `record`: what an attempt has said, spent and changed so far
sql          ``ctx.tx``, whose connection is `lent`
threads      plain functions, in threads
isolation    steps in processes of their own; `child`: there, `channel`: between the two
scripts      unmodified scripts as steps
failures     how an exception becomes what the journal keeps of it
"""
