"""The sections of the settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from wflo.config.urls import parse_database_url

_Lower = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


class Section(BaseModel):
    """Settings that belong together. Every field says what it is for; so do the docs, by it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class DatabaseSettings(Section):
    """Where everything about workflows is kept."""

    url: SecretStr = Field(
        default=SecretStr("sqlite:///.wflo/wflo.db"),
        description="The database: sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME.",
    )
    pool_size: int = Field(
        default=10, ge=1, le=1000, description="How many connections a process may have at once."
    )
    synchronous: Annotated[Literal["full", "normal"], _Lower] = Field(
        default="full",
        description="SQLite: full survives a power failure; normal is quicker, and may then lose "
        "the last transactions.",
    )
    wait_s: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="How many seconds to wait for a connection, or for another writer.",
    )

    @field_validator("url")
    @classmethod
    def _is_taken(cls, url: SecretStr) -> SecretStr:
        parse_database_url(url.get_secret_value())
        return url


class RedisSettings(Section):
    """A Redis, which makes things quicker and decides nothing."""

    url: SecretStr | None = Field(
        default=None,
        description="Redis: redis://:PASSWORD@HOST:PORT/0. Without one it is not used.",
    )


class KafkaSettings(Section):
    """Where events are published."""

    bootstrap_servers: str | None = Field(
        default=None,
        description="Kafka's brokers: HOST:PORT, separated by commas. Without any it is not used.",
    )
    username: str | None = Field(default=None, description="Who connects to Kafka.")
    password: SecretStr | None = Field(default=None, description="The password of that user.")


class EventSettings(Section):
    """Where it is told what happens to runs."""

    file: str | None = Field(
        default=None,
        min_length=1,
        description="A file to append events to, one JSON object a line. Without one they stay in "
        "the database.",
    )


class TemporalSettings(Section):
    """A Temporal service."""

    address: str | None = Field(
        default=None, description="Temporal: HOST:PORT. Without one it is not used."
    )
    namespace: str = Field(
        default="default", min_length=1, description="The namespace in Temporal."
    )
    task_queue: str = Field(
        default="wflo", min_length=1, description="The task queue of our workers."
    )
    api_key: SecretStr | None = Field(
        default=None, description="The key for a service that wants one."
    )


class LoggingSettings(Section):
    """What is said on stderr."""

    level: Annotated[Literal["debug", "info", "warning", "error"], _Lower] = Field(
        default="info", description="The least that is said: debug, info, warning or error."
    )
    format: Annotated[Literal["console", "json"], _Lower] = Field(
        default="console", description="console for people, json (one object a line) for machines."
    )


class SandboxSettings(Section):
    """Where code runs that is not trusted."""

    docker_url: SecretStr | None = Field(
        default=None,
        description="The Docker daemon; without one that of DOCKER_HOST, or this machine's.",
    )
    image: str | None = Field(default=None, description="The image that sandboxes are made of.")


class BudgetSettings(Section):
    """Limits on money for workflows that set none of their own."""

    max_cost_micro_usd: int | None = Field(
        default=None,
        ge=0,
        le=2**63 - 1,
        description="What one execution may cost, in millionths of a US dollar; unset: any amount.",
    )


class EngineSettings(Section):
    """How a worker works."""

    lease_s: float = Field(
        default=30.0,
        ge=0.1,
        le=3600,
        description="How many seconds a worker holds a step without a sign of life; it gives three "
        "in that time.",
    )
    poll_interval_s: float = Field(
        default=0.5, ge=0.001, le=60, description="How many seconds between two looks for work."
    )
    max_concurrency: int = Field(
        default=64, ge=1, le=10_000, description="How many steps a worker runs at once."
    )
    drain_s: float = Field(
        default=30.0,
        ge=0,
        le=86_400,
        description="How many seconds a worker that is told to stop lets its steps go on.",
    )

    @property
    def heartbeat_s(self) -> float:
        """How often a lease is renewed: two may be missed."""
        return self.lease_s / 3
