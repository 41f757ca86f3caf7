"""What an admin sets for one YooKassa shop."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from bridge.core.fields import HttpAddress

# Published at https://yookassa.ru/developers/using-api/webhooks#ip
PUBLISHED_NETWORKS = (
    "185.71.76.0/27",
    "185.71.77.0/27",
    "77.75.153.0/25",
    "77.75.154.128/25",
    "77.75.156.11/32",
    "77.75.156.35/32",
    "2a02:5180::/32",
)
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def _safe_base_url(url: str) -> str:
    """The key must not travel in clear, except to a rehearsal on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError("must be https (http only for loopback)")
    return url


class YooKassaSettings(BaseModel):
    """One shop. A test shop is an account of its own, never a mode of a real one."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    account: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", description="Our name of the shop, as in /hooks/yookassa/{account}"
    )
    shop_id: str = Field(pattern=r"^[0-9A-Za-z_-]{1,64}$", description="shopId from the YooKassa cabinet")
    secret_key: SecretStr = Field(min_length=1, description="Secret key of the shop; test keys begin with test_")
    base_url: Annotated[HttpAddress, AfterValidator(_safe_base_url)] = Field(
        default="https://api.yookassa.ru/v3", description="Address of the API, without a trailing slash"
    )
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=tuple(ip_network(network) for network in PUBLISHED_NETWORKS),
        description="Networks that webhooks may come from (CIDR); YooKassa signs nothing",
    )
    accepts_test_payments: bool = Field(
        default=False, description="Whether payments without real money count; only for a test shop"
    )
    receipt_vat_code: int | None = Field(
        default=None,
        ge=1,
        le=12,
        description="VAT code of the fiscal receipt (1-12); without it no receipt is asked for",
    )
    receipt_tax_system_code: int | None = Field(
        default=None, ge=1, le=6, description="Tax system code of the fiscal receipt (1-6), if the shop has several"
    )
    timeout_s: float = Field(default=30.0, gt=0, le=120, description="Longest wait for an answer, in seconds")
