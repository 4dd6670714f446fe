"""The tables, one description for SQLite and PostgreSQL.

Times are whole microseconds since 1970 (UTC) by the database's clock; JSON is text, written by us
and never queried into; money is whole micro-USD. A value whose text is longer than 32 KB is in
`blobs`, under the SHA-256 of the text, and the column ``..._blob`` beside the value's own has the
hash.

A change here is a migration in ``migrations/versions``; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# SQLite numbers rows by itself only where the key is an INTEGER.
_Serial = BigInteger().with_variant(Integer, "sqlite")


def _execution(*, primary_key: bool = False) -> Column[str]:
    key = ForeignKey("executions.id")
    return Column("execution_id", String(255), key, nullable=False, primary_key=primary_key)


# A workflow as it was submitted: another state of the same version is another row.
workflows = Table(
    "workflows",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("name", String(100), nullable=False),
    Column("version", String(100), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("definition", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    UniqueConstraint("name", "version", "digest"),
)

# `sequence` counts the entries of the run's journal: the events of its outbox. Whoever changes a
# run raises it from the value that was decided on, so that two workers never decide on one state.
executions = Table(
    "executions",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("workflow_id", _Serial, ForeignKey("workflows.id"), nullable=False),
    Column("status", String(20), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("source", Text, nullable=False),  # where the code is: a file's path, or "module:name"
    Column("input", Text),
    Column("input_blob", String(64), ForeignKey("blobs.hash")),
    Column("output", Text),
    Column("output_blob", String(64), ForeignKey("blobs.hash")),
    Column("failure", Text),  # a StepFailure
    Column("error", Text),
    Column("stop", String(20)),
    Column("cost_micro_usd", BigInteger, nullable=False),
    Column("parent_id", String(255), ForeignKey("executions.id")),
    Column("parent_step", String(100)),
    Column("parent_iteration", Integer),
    Column("root_id", String(255), nullable=False),  # the outermost parent, or itself
    Column("created_at_us", BigInteger, nullable=False),
    Column("started_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Index("ix_executions_created", "created_at_us", "id"),
    Index("ix_executions_status", "status", "created_at_us", "id"),
    Index("ix_executions_workflow", "workflow_id", "created_at_us", "id"),
    Index("ix_executions_parent", "parent_id"),
    Index("ix_executions_root", "root_id"),
)

# How far each iteration of each step is. A result is written once.
step_journal = Table(
    "step_journal",
    metadata,
    _execution(primary_key=True),
    Column("step", String(100), primary_key=True),
    Column("iteration", Integer, primary_key=True),
    Column("workflow_id", _Serial, nullable=False),  # what a worker must know to run it
    Column("root_id", String(255), nullable=False),
    Column("status", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("losses", Integer, nullable=False),  # attempts that ended with their worker
    Column("uncounted", Integer, nullable=False),  # attempts that the retry policy does not count
    Column("available_at_us", BigInteger, nullable=False),  # READY: not to be claimed before
    Column("result", Text),
    Column("result_blob", String(64), ForeignKey("blobs.hash")),
    Column("size", Integer),
    Column("passed", Boolean),
    Column("done", Boolean, nullable=False),
    Column("failure", Text),  # a StepFailure
    Column("sequence", BigInteger),  # the point of the journal at which it ended
    Column("ended_at_us", BigInteger),
)
Index(
    "ix_step_journal_ready",
    step_journal.c.available_at_us,
    sqlite_where=step_journal.c.status == "ready",
    postgresql_where=step_journal.c.status == "ready",
)

# Who held it, and until when. Every write of a worker names the token of an attempt that runs.
step_attempts = Table(
    "step_attempts",
    metadata,
    Column("token", String(32), primary_key=True),
    _execution(),
    Column("step", String(100), nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", String(255), nullable=False),
    Column("status", String(20), nullable=False),  # running, completed, failed, lost, cancelled
    Column("started_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Column("error", Text),
    Index("ix_step_attempts_step", "execution_id", "step", "iteration", "attempt", unique=True),
)
Index(
    "ix_step_attempts_running",
    step_attempts.c.expires_at_us,
    sqlite_where=step_attempts.c.status == "running",
    postgresql_where=step_attempts.c.status == "running",
)

# What is to happen at a time, or at once by whoever is there: a start, a timer step that is over,
# the deadline of a run, a child that ended.
timers = Table(
    "timers",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    _execution(),
    Column("workflow_id", _Serial, nullable=False),
    Column("root_id", String(255), nullable=False),
    Column("kind", String(20), nullable=False),  # start, step, deadline, child
    Column("step", String(100)),
    Column("iteration", Integer),
    Column("due_at_us", BigInteger, nullable=False),
    Index("ix_timers_due", "due_at_us"),
    Index("ix_timers_execution", "execution_id"),
)

# The state at a point is the patches up to it, in order.
state_patches = Table(
    "state_patches",
    metadata,
    _execution(primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("step", String(100)),  # NULL: set from outside
    Column("iteration", Integer),
    Column("op", String(10), nullable=False),
    Column("key", String(200), nullable=False),
    Column("value", Text),
    Column("value_blob", String(64), ForeignKey("blobs.hash")),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    _execution(),
    Column("sequence", BigInteger, nullable=False),
    Column("label", String(200), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Index("ix_snapshots_execution", "execution_id", "id"),
)

blobs = Table(
    "blobs",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

# What happened, for others to be told: numbered without gaps for each run, and delivered in order.
outbox = Table(
    "outbox",
    metadata,
    _execution(primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("type", String(50), nullable=False),
    Column("step", String(100)),
    Column("iteration", Integer),
    Column("payload", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("published_at_us", BigInteger),
)
Index(
    "ix_outbox_unpublished",
    outbox.c.execution_id,
    outbox.c.sequence,
    sqlite_where=outbox.c.published_at_us.is_(None),
    postgresql_where=outbox.c.published_at_us.is_(None),
)

# Which runs' events somebody is delivering, or will try to deliver again: see `wflo.events.relay`.
deliveries = Table(
    "deliveries",
    metadata,
    _execution(primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("failures", Integer, nullable=False),  # in a row
    Column("until_us", BigInteger, nullable=False),  # nobody else begins before
)

# What steps said by `ctx.log`.
logs = Table(
    "logs",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    _execution(),
    Column("step", String(100), nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("level", String(10), nullable=False),
    Column("message", Text, nullable=False),
    Column("fields", Text, nullable=False),  # a JSON object
    Column("created_at_us", BigInteger, nullable=False),
    Index("ix_logs_execution", "execution_id", "id"),
)

# Limits on money. Reserved before a call and settled after it, by conditional updates of one row.
budgets = Table(
    "budgets",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("scope", String(20), nullable=False),  # step, execution, workflow, period
    Column("scope_key", String(400), nullable=False),
    Column("period_start_us", BigInteger, nullable=False),  # 0: for all times
    Column("limit_micro_usd", BigInteger, nullable=False),
    Column("reserved_micro_usd", BigInteger, nullable=False),
    Column("spent_micro_usd", BigInteger, nullable=False),
    UniqueConstraint("scope", "scope_key", "period_start_us"),
    CheckConstraint("limit_micro_usd >= 0", name="limit"),
    CheckConstraint("reserved_micro_usd >= 0", name="reserved"),
    CheckConstraint("spent_micro_usd >= 0", name="spent"),
)

# Every amount, once: only ever added to.
ledger = Table(
    "ledger",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    _execution(),
    Column("step", String(100), nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("position", Integer, nullable=False),  # which line of the attempt
    Column("kind", String(20), nullable=False),  # charge, reserve, settle, release
    Column("micro_usd", BigInteger, nullable=False),
    Column("label", String(200), nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    UniqueConstraint("execution_id", "step", "iteration", "attempt", "position"),
)

# Decisions that steps wait for, bound to what was to be decided on.
approvals = Table(
    "approvals",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    _execution(),
    Column("step", String(100), nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("status", String(20), nullable=False),  # requested, approved, rejected, expired
    Column("digest", String(64), nullable=False),
    Column("requested_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger),
    Column("decided_at_us", BigInteger),
    Column("decided_by", String(255)),
    Column("note", Text),
    UniqueConstraint("execution_id", "step", "iteration"),
)

# Who did what from outside: cancelled, resumed, set a state.
audit = Table(
    "audit",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("execution_id", String(255)),
    Column("actor", String(255), nullable=False),
    Column("action", String(50), nullable=False),
    Column("detail", Text, nullable=False),  # a JSON object
    Column("created_at_us", BigInteger, nullable=False),
    Index("ix_audit_execution", "execution_id", "id"),
)
