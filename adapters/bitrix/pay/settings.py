"""What an admin sets for a Bitrix site that pays through us."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

TOKEN_CHARS_MIN = 32


class BitrixPaySettings(BaseModel):
    """One site. Bitrix signs nothing: whoever knows the token is the site."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(
        min_length=TOKEN_CHARS_MIN,
        description="Long random word at the end of ACTION_URI: …/storefront/bitrix/pay?token=…",
    )
    client: str = Field(min_length=1, description="API client whose orders these are (`bridge client add`)")
    provider: str | None = Field(default=None, description="Payment provider; not needed if there is only one")
    method: str = Field(default="any", description="Payment method at the provider")
