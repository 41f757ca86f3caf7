"""The ERP that the settings describe: the web service, with postings over OData if they are to go there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from adapters.onec.odata import mapping
from adapters.onec.odata.erp import OdataPostings
from adapters.onec.settings import OneCSettings
from adapters.onec.soap import OneCErp
from bridge.core.deadline import Deadline
from bridge.ports.erp import ErpPosting, Posting, PostingResult


def create(settings: OneCSettings) -> OneCErp:
    """The ERP that ``settings`` describe. Opens no connection."""
    return OneCErp(settings) if settings.postings == "soap" else OneCErpWithOdata(settings)


class OneCErpWithOdata(OneCErp):
    """Seats, orders and changes by the web service; payments and refunds as documents over OData."""

    def __init__(self, settings: OneCSettings) -> None:
        super().__init__(settings)
        self._odata = OdataPostings(settings, mapping.load(settings.mapping))

    def post(self, postings: Sequence[Posting], deadline: Deadline) -> Sequence[PostingResult]:
        """Write ``postings`` as documents."""
        return self._odata.post(postings, deadline)

    def find_postings(self, posting_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpPosting]:
        """Look documents up by our ids."""
        return self._odata.find_postings(posting_ids, deadline)
