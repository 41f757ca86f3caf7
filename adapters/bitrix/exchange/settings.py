"""What must be known to exchange with one site on 1C-Bitrix as 1C does. Nothing is done unless it is asked for here."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bridge.core.fields import HttpAddress, ZoneName

SCRIPT = "/bitrix/admin/1c_exchange.php"
# The site keeps the cursor of orders under so many characters of the path: pages whose paths begin alike share it.
CURSOR_CHARS = 22
SHARED = (
    "the site hands orders out once for all addresses that begin like {path}, so another 1C there and the broker would "
    "take orders from each other: give orders_path a copy of the script whose path differs within its first "
    "{chars} characters, or say is_only_order_client=true"
)


class BitrixSettings(BaseModel):
    """How to reach the site, as whom, and what to exchange. Without ``goods_of`` nothing is pushed, without
    ``fetches_orders`` no order is fetched or changed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(default="bitrix", pattern="^[a-z0-9][a-z0-9_-]{0,39}$", description="Our name of the site.")
    base_url: HttpAddress = Field(description="Address of the site, such as https://shop.example.")
    login: str = Field(min_length=1, max_length=255, description="A user of the site who may exchange with 1C.")
    password: SecretStr = Field(description="Password of that user.")
    path: str = Field(default=SCRIPT, min_length=1, description="Path of the script that takes goods.")
    goods_of: str | None = Field(
        default=None, min_length=1, description="The infobase (node) whose goods are pushed; none are if empty."
    )
    ids_of: str | None = Field(
        default=None, min_length=1, description="The infobase whose ids the site's goods carry; goods_of if empty."
    )
    catalog_ref: str = Field(
        default="ticket-bridge",
        min_length=1,
        max_length=40,
        pattern="^[^#]+$",
        description="Id (XML_ID) of the site's catalogue; a new one is made if there is none with it.",
    )
    catalog_name: str = Field(default="Каталог", min_length=1, max_length=250, description="Name of a new catalogue.")
    fetches_orders: bool = Field(default=False, description="Fetch the site's orders and tell it what becomes of them.")
    orders_path: str = Field(
        default=SCRIPT, min_length=1, description="Path of the script that hands out orders: best a copy of its own."
    )
    client: str = Field(
        default="bitrix", min_length=1, description="The API client whose orders those of the site are, by its name."
    )
    is_only_order_client: bool = Field(
        default=False, description="No other 1C fetches orders at an address that begins like orders_path."
    )
    sends_sessid: bool = Field(
        default=False,
        description="Send the site's token. From the first time on, the site demands it of every other 1C too.",
    )
    portion_items: int = Field(default=200, ge=1, le=5000, description="Goods in one portion.")
    part_bytes: int = Field(default=1_000_000, ge=1_000, description="Largest part of a file, if the site allows more.")
    answer_s: float = Field(default=60, ge=1, le=115, description="Longest wait for one answer, in seconds.")
    pause_s: float = Field(default=2, ge=0.01, le=30, description="Pause between two steps of an import, in seconds.")
    timezone: ZoneName = Field(default="Europe/Moscow", description="IANA name of the site's time zone.")
    currency: str = Field(
        default="RUB", pattern="^[A-Z]{3}$", description="ISO 4217 currency the site means by a word nobody knows."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates to trust for https instead of the public ones."
    )

    @field_validator("path", "orders_path")
    @classmethod
    def _is_path(cls, value: str) -> str:
        if "?" in value or "#" in value or "://" in value:
            raise ValueError("must be a path, without an address and without arguments")
        return "/" + value.strip("/")

    @model_validator(mode="after")
    def _takes_orders_from_nobody(self) -> Self:
        is_shared = self.orders_path[:CURSOR_CHARS] == SCRIPT[:CURSOR_CHARS]
        if self.fetches_orders and is_shared and not self.is_only_order_client:
            raise ValueError(SHARED.format(path=SCRIPT[:CURSOR_CHARS], chars=CURSOR_CHARS))
        return self

    @property
    def goods_url(self) -> str:
        """Where goods go."""
        return self.base_url + self.path

    @property
    def orders_url(self) -> str:
        """Where orders come from."""
        return self.base_url + self.orders_path
