"""How the tables came to be what they are: alembic's scripts, one a change.

`wflo.db.schema` runs them, on a connection that it brings; there is no alembic.ini. A file in
``versions`` is named after its revision, ``r0001_tables.py``, and revisions are counted.
"""
