"""Every statement that decides: what is claimed, committed, revoked, and what follows.

run          a run as a process knows it; `inputs`: what its steps are given of it
submit       runs are created
timers       what is to happen at a time: starts, waits, deadlines, children that have ended
claims       ready steps are taken; `leases`: for how long, and by whom they are held
outcomes     how attempts ended (`outcome`), and what follows from it:
  proceed    from what the scheduler asks for to rows
  changes    the rows of one transaction; `together`: as one statement, where a database can
  finish     what the end of a run brings with it
control      what people do to runs from outside
states       the state that steps share, and points of it that have a name
blobs        values that are too long for a row
queries      reading one run; `listing`: many, by `pages`; `rows`: from rows to models
"""
