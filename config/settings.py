"""Every setting of the broker, typed: defaults, then what ``bridge up`` runs on here, then the TOML file that
BRIDGE_CONFIG names, then the environment.

A secret may be given as ``NAME_FILE``, the path of a file that holds it. All mistakes are reported at once, each with
the variable that is wrong.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.sources.utils import parse_env_vars

from adapters.bitrix.exchange.settings import BitrixSettings
from adapters.bitrix.pay.settings import BitrixPaySettings
from adapters.onec.settings import OneCSettings
from adapters.payments.yookassa.settings import YooKassaSettings
from bridge.core.errors import Misconfigured

PREFIX = "BRIDGE_"
FILE_SUFFIX = "_FILE"
DATABASE_NAMES = ("BRIDGE_DATABASE_URL", "BRIDGE_DATABASE_URL_FILE")
DATA_DIR = ".data"


class Part(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Web(Part):
    """The HTTP server."""

    processes: int = Field(
        default=2, ge=1, le=64, description="Server processes; as many as there are cores, and each keeps to one"
    )
    threads: int = Field(default=32, ge=1, le=256, description="Requests one process serves at a time")
    connections_max: int = Field(
        default=5000,
        ge=100,
        le=100_000,
        description="Connections of one process that may be open, most of them quiet; further ones wait",
    )
    erp_waiters_max: int | None = Field(
        default=None,
        ge=0,
        le=256,
        description="Hold requests of one process that may wait for the ERP; beyond them 202 at once. "
        "None: half of the threads",
    )
    provider_waiters_max: int | None = Field(
        default=None,
        ge=0,
        le=256,
        description="Payment and refund requests of one process that may wait for a provider; beyond them 202 at once. "
        "None: a quarter of the threads",
    )
    database_connections: int = Field(default=16, ge=1, le=200, description="Database connections of one process")
    body_bytes_max: int = Field(default=1_000_000, ge=1_000, description="Largest request body of the API, in bytes")
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s/]+(/[^\s]*)?)?$",
        description="How buyers reach the broker; as they came if empty",
    )
    stop_s: int = Field(default=30, ge=1, le=300, description="Seconds running requests get at a stop or reload")
    proxies: int = Field(
        default=0, ge=0, le=5, description="Web servers of yours before this one, whose X-Forwarded-For is believed"
    )

    @property
    def erp_waiters(self) -> int:
        """How many requests of one process may wait for the ERP."""
        return max(1, self.threads // 2) if self.erp_waiters_max is None else self.erp_waiters_max

    @property
    def provider_waiters(self) -> int:
        """How many requests of one process may wait for a provider."""
        return max(1, self.threads // 4) if self.provider_waiters_max is None else self.provider_waiters_max


class Fair(Part):
    """Fair use."""

    rate_per_s: float = Field(
        default=5000, gt=0, description="Requests of one API client a second, on average over 5 s"
    )
    requests_at_once_max: int | None = Field(
        default=None, ge=1, description="Requests of one client under way in one server process; none: all its threads"
    )
    failures_max: int = Field(default=20, ge=1, description="Wrong keys or passwords of one address")
    failures_window_s: int = Field(default=300, ge=1, description="Seconds in which they are counted")
    score_days: int = Field(default=7, ge=1, le=365, description="Days whose holds make the score of a client")
    score_holds_min: int = Field(default=20, ge=1, description="Ended holds below which nobody is judged")
    room_floor_per_s: float = Field(default=1, gt=0, description="Least persons a waiting room lets in a second")
    room_ceiling_per_s: float = Field(default=50, gt=0, description="Most persons a waiting room lets in a second")
    room_stay_s: int = Field(default=600, ge=10, le=7200, description="Seconds somebody let in may hold seats for")
    room_oldest_max_s: float = Field(
        default=3, gt=0, description="Age of the oldest hold that waits for the ERP from which fewer are let in, in s"
    )
    room_opens_by_itself: bool = Field(
        default=False, description="Open a waiting room for the performance most asked for when holds queue up"
    )


class ErpCalls(Part):
    """How the ERP is called."""

    sessions: int = Field(default=8, ge=1, le=100, description="Calls at a time over all processes (licences)")
    background_sessions: int = Field(default=2, ge=1, le=50, description="How many of them reading and posting take")
    session_wait_s: float = Field(
        default=0.5, gt=0, le=60, description="Longest a call about seats waits for one of them to be free, in seconds"
    )
    web_sessions: int = Field(default=4, ge=1, le=64, description="Calls at a time of one server process")
    rest_s: float = Field(default=5, ge=0.1, le=300, description="How long a failing ERP is left alone, in seconds")
    warm_s: float = Field(default=15, ge=1, le=600, description="After so many quiet seconds the ERP is kept awake")
    commands_max: int = Field(default=100, ge=1, le=1000, description="Holds, releases and sales in one call")
    postings_max: int = Field(default=100, ge=1, le=1000, description="Payments in one call")
    seats_call_s: float = Field(default=10, ge=1, le=120, description="Longest call with seat commands, in seconds")
    postings_call_s: float = Field(default=60, ge=1, le=600, description="Longest call with payments, in seconds")
    settle_s: float = Field(
        default=60, ge=0.1, le=3600, description="Seconds after which an unknown outcome is looked up"
    )
    wait_max_s: float = Field(default=8, ge=0.1, le=60, description="Longest a hold request waits for the ERP")


class Periods(Part):
    """How often recurring work is done, in seconds."""

    sync: float = Field(default=60, ge=0.5, description="Read what changed in the ERP")
    diff: float = Field(default=30, ge=1, description="Compare all seats of one performance with the ERP's")
    sweep: float = Field(default=1, ge=0.2, description="End holds and orders whose time is over")
    janitor: float = Field(default=60, ge=1, description="Ask the providers about open payments")
    janitor_quiet: float = Field(default=60, ge=1, description="Only those nobody asked about for so long")
    compare: float = Field(default=900, ge=1, description="Compare captured payments with the providers' books")
    compare_quiet: float = Field(default=86400, ge=1, description="Each of them so often at most")
    books: float = Field(default=600, ge=1, description="Look whether money waits for the books too long")
    housekeeping: float = Field(default=3600, ge=60, description="Delete work and answers that are long done")
    exchange: float = Field(default=3600, ge=60, description="Delete runs of exchanges that are long over")
    goods: float = Field(default=300, ge=1, description="Read goods that changed in the ERP's own catalogue")
    storefront_goods: float = Field(default=300, ge=1, description="Push goods that changed to the storefront")
    storefront_orders: float = Field(default=60, ge=1, description="Fetch the storefront's orders, tell it of them")
    score: float = Field(default=300, ge=1, description="Compute how much clients sell of what they hold")
    waiting_rooms: float = Field(default=1, ge=0.2, description="Let people in from waiting rooms")


class SiteExchange(Part):
    """How 1C exchanges with the broker as with a site."""

    part_bytes: int = Field(default=1_000_000, ge=1_000, description="Largest part 1C is asked to send, in bytes")
    hold_s: float = Field(default=3, ge=0.1, le=60, description="Seconds a question for an import is held")
    quiet_s: float = Field(default=300, ge=1, description="Seconds of silence after which files are imported unasked")
    keep_days: int = Field(default=14, ge=1, le=3650, description="Days for which runs and their files are kept")


class Orders(Part):
    """Orders."""

    goods_pay_s: float = Field(default=30 * 86400, ge=60, description="Seconds for which an order of goods can be paid")


class Worker(Part):
    """Background work."""

    relay_tick_s: float = Field(default=0.5, ge=0.05, le=10, description="How often the relay looks for due work")


class Payments(Part):
    """Accounts at payment providers, by our own name of the account."""

    yookassa: dict[str, YooKassaSettings] = Field(default_factory=dict, description="YooKassa shops")

    @model_validator(mode="before")
    @classmethod
    def _name_accounts(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {provider: _with_names(accounts) for provider, accounts in given.items()}


def _with_names(accounts: Any) -> Any:
    if not isinstance(accounts, Mapping):
        return accounts
    return {
        name: {**settings, "account": name} if isinstance(settings, Mapping) else settings
        for name, settings in accounts.items()
    }


class _Environment(EnvSettingsSource):
    """The environment, with every ``NAME_FILE`` replaced by the content of the file it names."""

    def _given(self) -> dict[str, str]:
        return dict(os.environ)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        given = self._given()
        for name in [name for name in given if name.startswith(PREFIX) and name.endswith(FILE_SUFFIX)]:
            path = given.pop(name)
            try:
                given[name.removesuffix(FILE_SUFFIX)] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise Misconfigured(
                    "settings_wrong",
                    "%(name)s: cannot read %(path)s: %(why)s",
                    name=name,
                    path=path,
                    why=error.strerror,
                ) from error
        found: Mapping[str, str | None] = parse_env_vars(
            given, self.case_sensitive, self.env_ignore_empty, self.env_parse_none_str
        )
        return found


class _RunningHere(_Environment):
    """What ``bridge up`` runs on with the same data folder, so that other commands join it without being told where.

    Whoever names a database means that one, and nothing of this counts.
    """

    def _given(self) -> dict[str, str]:
        file = Path(os.environ.get("BRIDGE_DATA_DIR", DATA_DIR)) / "run" / "env.json"
        if any(os.environ.get(name) for name in DATABASE_NAMES) or not file.is_file():
            return {}
        try:
            found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        except PermissionError:
            return {}  # somebody else's: then the database must be named
        return found


class Settings(BaseSettings):
    """Everything there is to set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: SecretStr = Field(description="PostgreSQL, as postgresql://user:password@host:port/name")
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"), description="Valkey or Redis, as redis://:password@host:port/0"
    )
    data_dir: Path = Field(default=Path(DATA_DIR), description="Folder for what is kept in files")
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="debug, info, warning, error"
    )
    onec: OneCSettings | None = Field(default=None, description="The infobase of 1C")
    bitrix: BitrixSettings | None = Field(default=None, description="A site on 1C-Bitrix with which we exchange as 1C")
    bitrix_pay: dict[str, BitrixPaySettings] = Field(
        default_factory=dict,
        description="Bitrix sites whose checkout asks for payment pages, by our own name of the site",
    )
    payments: Payments = Field(default_factory=Payments, description="Accounts at payment providers")
    web: Web = Field(default_factory=Web, description="The HTTP server")
    erp: ErpCalls = Field(default_factory=ErpCalls, description="How the ERP is called")
    periods: Periods = Field(default_factory=Periods, description="How often recurring work is done")
    orders: Orders = Field(default_factory=Orders, description="Orders")
    worker: Worker = Field(default_factory=Worker, description="Background work")
    exchange: SiteExchange = Field(default_factory=SiteExchange, description="The exchange with 1C as its site")
    fair: Fair = Field(default_factory=Fair, description="Fair use")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Code wins over the environment, that over the file, that over what runs on this machine."""
        file = os.environ.get("BRIDGE_CONFIG")
        if file and not Path(file).is_file():
            raise Misconfigured("settings_wrong", "BRIDGE_CONFIG: there is no file %(path)s.", path=file)
        toml = (TomlConfigSettingsSource(settings_cls, Path(file)),) if file else ()
        return (init_settings, _Environment(settings_cls), *toml, _RunningHere(settings_cls))


def load() -> Settings:
    """Read the settings. Raises ``Misconfigured`` that lists every mistake with its variable."""
    try:
        return Settings()
    except ValidationError as error:
        raise Misconfigured("settings_wrong", "%(mistakes)s", mistakes=_mistakes(error)) from error
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured("settings_wrong", "BRIDGE_CONFIG: this is not TOML: %(why)s.", why=str(error)) from error


def _mistakes(error: ValidationError) -> str:
    lines = [f"{variable(*mistake['loc'])}: {mistake['msg']}" for mistake in error.errors(include_input=False)]
    return "\n".join(["The settings are wrong:", *lines])


def variable(*path: str | int) -> str:
    """The environment variable of a setting."""
    return PREFIX + "__".join(str(step) for step in path).upper()
