"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only where the key is an INTEGER.
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "audit",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("execution_id", sa.String(length=255), nullable=True),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_execution", "audit", ["execution_id", "id"], unique=False)
    op.create_table(
        "blobs",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_blobs")),
    )
    op.create_table(
        "budgets",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("scope", sa.String(length=20), nullable=False),
        sa.Column("scope_key", sa.String(length=400), nullable=False),
        sa.Column("period_start_us", sa.BigInteger(), nullable=False),
        sa.Column("limit_micro_usd", sa.BigInteger(), nullable=False),
        sa.Column("reserved_micro_usd", sa.BigInteger(), nullable=False),
        sa.Column("spent_micro_usd", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("limit_micro_usd >= 0", name=op.f("ck_budgets_limit")),
        sa.CheckConstraint("reserved_micro_usd >= 0", name=op.f("ck_budgets_reserved")),
        sa.CheckConstraint("spent_micro_usd >= 0", name=op.f("ck_budgets_spent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budgets")),
        sa.UniqueConstraint("scope", "scope_key", "period_start_us", name=op.f("uq_budgets_scope")),
    )
    op.create_table(
        "workflows",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflows")),
        sa.UniqueConstraint("name", "version", "digest", name=op.f("uq_workflows_name")),
    )
    op.create_table(
        "executions",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("workflow_id", _SERIAL, nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=True),
        sa.Column("input_blob", sa.String(length=64), nullable=True),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("output_blob", sa.String(length=64), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("stop", sa.String(length=20), nullable=True),
        sa.Column("cost_micro_usd", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.String(length=255), nullable=True),
        sa.Column("parent_step", sa.String(length=100), nullable=True),
        sa.Column("parent_iteration", sa.Integer(), nullable=True),
        sa.Column("root_id", sa.String(length=255), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["input_blob"], ["blobs.hash"], name=op.f("fk_executions_input_blob")
        ),
        sa.ForeignKeyConstraint(
            ["output_blob"], ["blobs.hash"], name=op.f("fk_executions_output_blob")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["executions.id"], name=op.f("fk_executions_parent_id")
        ),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_executions_workflow_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executions")),
    )
    op.create_index("ix_executions_created", "executions", ["created_at_us", "id"], unique=False)
    op.create_index("ix_executions_parent", "executions", ["parent_id"], unique=False)
    op.create_index("ix_executions_root", "executions", ["root_id"], unique=False)
    op.create_index(
        "ix_executions_status", "executions", ["status", "created_at_us", "id"], unique=False
    )
    op.create_index(
        "ix_executions_workflow", "executions", ["workflow_id", "created_at_us", "id"], unique=False
    )
    op.create_table(
        "approvals",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("execution_id", sa.String(length=255), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("requested_at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=True),
        sa.Column("decided_at_us", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(length=255), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_approvals_execution_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.UniqueConstraint(
            "execution_id", "step", "iteration", name=op.f("uq_approvals_execution_id")
        ),
    )
    op.create_table(
        "ledger",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("execution_id", sa.String(length=255), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("micro_usd", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_ledger_execution_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint(
            "execution_id",
            "step",
            "iteration",
            "attempt",
            "position",
            name=op.f("uq_ledger_execution_id"),
        ),
    )
    op.create_table(
        "logs",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("execution_id", sa.String(length=255), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_logs_execution_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logs")),
    )
    op.create_index("ix_logs_execution", "logs", ["execution_id", "id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("execution_id", sa.String(length=255), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=50), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=True),
        sa.Column("iteration", sa.Integer(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("published_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_outbox_execution_id")
        ),
        sa.PrimaryKeyConstraint("execution_id", "sequence", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_unpublished",
        "outbox",
        ["execution_id", "sequence"],
        unique=False,
        sqlite_where=sa.text("published_at_us IS NULL"),
        postgresql_where=sa.text("published_at_us IS NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("execution_id", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_deliveries_execution_id")
        ),
        sa.PrimaryKeyConstraint("execution_id", name=op.f("pk_deliveries")),
    )
    op.create_table(
        "snapshots",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("execution_id", sa.String(length=255), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_snapshots_execution_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
    )
    op.create_index("ix_snapshots_execution", "snapshots", ["execution_id", "id"], unique=False)
    op.create_table(
        "state_patches",
        sa.Column("execution_id", sa.String(length=255), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=True),
        sa.Column("iteration", sa.Integer(), nullable=True),
        sa.Column("op", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("value_blob", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_state_patches_execution_id")
        ),
        sa.ForeignKeyConstraint(
            ["value_blob"], ["blobs.hash"], name=op.f("fk_state_patches_value_blob")
        ),
        sa.PrimaryKeyConstraint(
            "execution_id", "sequence", "position", name=op.f("pk_state_patches")
        ),
    )
    op.create_table(
        "step_attempts",
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("execution_id", sa.String(length=255), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_step_attempts_execution_id")
        ),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_step_attempts")),
    )
    op.create_index(
        "ix_step_attempts_running",
        "step_attempts",
        ["expires_at_us"],
        unique=False,
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index(
        "ix_step_attempts_step",
        "step_attempts",
        ["execution_id", "step", "iteration", "attempt"],
        unique=True,
    )
    op.create_table(
        "step_journal",
        sa.Column("execution_id", sa.String(length=255), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("workflow_id", _SERIAL, nullable=False),
        sa.Column("root_id", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("uncounted", sa.Integer(), nullable=False),
        sa.Column("available_at_us", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("result_blob", sa.String(length=64), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_step_journal_execution_id")
        ),
        sa.ForeignKeyConstraint(
            ["result_blob"], ["blobs.hash"], name=op.f("fk_step_journal_result_blob")
        ),
        sa.PrimaryKeyConstraint("execution_id", "step", "iteration", name=op.f("pk_step_journal")),
    )
    op.create_index(
        "ix_step_journal_ready",
        "step_journal",
        ["available_at_us"],
        unique=False,
        sqlite_where=sa.text("status = 'ready'"),
        postgresql_where=sa.text("status = 'ready'"),
    )
    op.create_table(
        "timers",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("execution_id", sa.String(length=255), nullable=False),
        sa.Column("workflow_id", _SERIAL, nullable=False),
        sa.Column("root_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=True),
        sa.Column("iteration", sa.Integer(), nullable=True),
        sa.Column("due_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_timers_execution_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timers")),
    )
    op.create_index("ix_timers_due", "timers", ["due_at_us"], unique=False)
    op.create_index("ix_timers_execution", "timers", ["execution_id"], unique=False)


def downgrade() -> None:
    """Remove them."""
    for table in (
        "timers",
        "step_journal",
        "step_attempts",
        "state_patches",
        "snapshots",
        "deliveries",
        "outbox",
        "logs",
        "ledger",
        "approvals",
        "executions",
        "workflows",
        "budgets",
        "blobs",
        "audit",
    ):
        op.drop_table(table)
