"""What an author writes.

workflow   `Workflow`, with its steps
options    what is written about a step, checked where it is written
draft      a step as it was written
build      what the names in all steps mean, taken together
loading    workflows in files and modules
"""
