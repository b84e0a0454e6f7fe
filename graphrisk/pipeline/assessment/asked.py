"""What may be asked: accounts with their attributes, as a body of the API or a file of the command."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from graphrisk.errors import InputError

MOST_AT_ONCE = 100
MOST_SIGHTINGS = 100

_EXAMPLE = {
    "account_id": "not_yet_there",
    "created_at": "2026-06-02T10:15:00Z",
    "sightings": [
        {"kind": "device", "value": "3f1c9a52-77ab-4d1e-9a55-0c2f6a1b7e90", "seen_at": "2026-06-02T10:15:00Z"}
    ],
}

Text = Annotated[str, Field(min_length=1, max_length=1000)]
When = Annotated[AwareDatetime | None, Field(examples=["2026-06-02T10:15:00Z"])]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AskedSighting(_Asked):
    """A value that the account used. Times as ISO 8601 with a zone; ``seen_at`` stands for a first time that is the last."""

    kind: Annotated[Text, Field(examples=["device"])]
    value: Annotated[Text, Field(examples=["3f1c9a52-77ab-4d1e-9a55-0c2f6a1b7e90"])]
    first_seen: When = None
    last_seen: When = None
    seen_at: When = None

    @model_validator(mode="after")
    def _has_a_time(self) -> Self:
        if self.first_seen is None and self.seen_at is None:
            raise ValueError("a sighting needs first_seen or seen_at")
        return self


class AskedAccount(_Asked):
    """An account that need not exist. What the run knows of an account of that id counts as well."""

    account_id: Annotated[str | None, Field(min_length=1, max_length=128, examples=["not_yet_there"])] = None
    created_at: When = None
    status: Literal["active", "suspended", "closed"] = "active"
    sightings: Annotated[list[AskedSighting], Field(max_length=MOST_SIGHTINGS)] = Field(default_factory=list)

    def rows(self, account_id: str) -> list[dict[str, str | None]]:
        """The sightings as rows of the table of sightings."""
        return [
            {
                "account_id": account_id,
                "kind": each.kind,
                "value": each.value,
                **{name: _iso(getattr(each, name)) for name in ("first_seen", "last_seen", "seen_at")},
            }
            for each in self.sightings
        ]


class AskedAccounts(_Asked):
    """Accounts to assess, each as if it alone were new; the answer keeps their order."""

    accounts: Annotated[list[AskedAccount], Field(min_length=1, max_length=MOST_AT_ONCE, examples=[[_EXAMPLE]])]


def asked_of(given: Any) -> list[AskedAccount]:
    """Accounts from JSON: one, a list, or ``{"accounts": […]}``. Raises ``InputError`` naming the first thing that is wrong."""
    listed = given.get("accounts", [given]) if isinstance(given, dict) else given
    try:
        return AskedAccounts.model_validate({"accounts": listed}).accounts
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"What was given cannot be assessed: {where}: {first['msg'].lower()}; see docs/assess.md."
        ) from None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
