"""What must be known to reach one infobase of 1C, through the web service ``TicketBridge`` and through OData."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

from adapters.onec.odata import mapping
from bridge.core.errors import Misconfigured
from bridge.core.fields import HttpAddress, ZoneName


class OneCSettings(BaseModel):
    """How to reach a published infobase, as whom, with how much patience and with how many sessions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: HttpAddress = Field(
        description="Address of the publication on the web server, such as http://host/infobase."
    )
    login: str = Field(min_length=1, max_length=255, description="Name of the infobase user, Cyrillic as well.")
    password: SecretStr = Field(description="Password of the infobase user.")
    service_path: str = Field(
        default="ws/ticketbridge.1cws",
        min_length=1,
        description="Path of the web service below the publication: its alias or its name.",
    )
    timezone: ZoneName = Field(
        default="Europe/Moscow", description="IANA name of the time zone in which the infobase keeps its dates."
    )
    currency: str = Field(
        default="RUB", pattern="^[A-Z]{3}$", description="ISO 4217 currency of amounts for which 1C names none."
    )
    connect_s: float = Field(default=3.0, gt=0, le=30, description="Longest wait for a connection, in seconds.")
    read_s: float = Field(
        default=10.0,
        ge=0.5,
        le=120,
        description="Longest wait for a seat command or a look-up, in seconds; the caller's deadline may be shorter.",
    )
    background_s: float = Field(
        default=120.0,
        ge=5,
        le=900,
        description="Longest wait for ping, changes and postings, in seconds: a first call after a quiet time is slow.",
    )
    sessions: Literal["use", "none"] = Field(
        default="use",
        description=(
            "'use' keeps infobase sessions open with IBSession (also right where the web server pools them itself), "
            "'none' asks for none."
        ),
    )
    sessions_max: int = Field(
        default=8,
        ge=1,
        le=100,
        description="Most calls at a time from one process; each takes a session, that is a licence of 1C.",
    )
    keepalive_s: float = Field(
        default=4.0,
        ge=0,
        le=600,
        description="How long an idle connection is trusted, in seconds; keep it below the web server's own limit.",
    )
    postings: Literal["soap", "odata"] = Field(
        default="soap",
        description="How payments and refunds are written: by the web service, or by OData with a mapping.",
    )
    odata_path: str = Field(
        default="odata/standard.odata", min_length=1, description="Path of the OData interface below the publication."
    )
    mapping: str = Field(
        default="ut11",
        min_length=1,
        description="How payments become documents over OData: ut11, bp30, unf30, or the path of a mapping file.",
    )
    goods: Literal["none", "odata"] = Field(
        default="none", description="Whether goods, prices and stock are read over OData into the broker's catalogue."
    )
    orders: Literal["none", "odata"] = Field(
        default="none",
        description="Whether it is read over OData what 1C says of our orders: number, posting, deletion.",
    )
    orders_days: int = Field(
        default=30, ge=1, le=3650, description="Without a plan: of how many days orders are read each time."
    )
    goods_source: str = Field(
        default="erp",
        min_length=1,
        description="Under which infobase (node) they are kept; as that of 'bridge import'.",
    )
    goods_plan: str | None = Field(
        default=None,
        pattern=r"^ExchangePlan_\w+$",
        description="Exchange plan whose node tells what changed; without one everything is read each time.",
    )
    goods_node: UUID | None = Field(
        default=None, description="Reference of the node of that plan: of the broker's own, for it confirms messages."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates to trust for https instead of the public ones."
    )

    @field_validator("service_path", "odata_path")
    @classmethod
    def _is_relative(cls, value: str) -> str:
        return value.strip("/")

    @field_validator("mapping")
    @classmethod
    def _is_a_mapping(cls, value: str, given: ValidationInfo) -> str:
        if given.data.get("postings") == "odata":
            _loaded(value)
        return value

    @model_validator(mode="after")
    def _can_read_goods(self) -> Self:
        if (self.goods_plan is None) != (self.goods_node is None):
            raise ValueError("goods_plan and goods_node are given both or not at all")
        if self.goods == "odata" and _loaded(self.mapping).goods is None:
            raise ValueError("the mapping has no [goods]")
        return self

    @property
    def service_url(self) -> str:
        """Where the calls of the web service go."""
        return f"{self.base_url}/{self.service_path}"

    @property
    def odata_url(self) -> str:
        """Where the calls of OData go, with the slash at the end."""
        return f"{self.base_url}/{self.odata_path}/"


def _loaded(name: str) -> mapping.DocumentMapping:
    try:
        return mapping.load(name)
    except Misconfigured as error:
        raise ValueError(error.message % error.params) from error
