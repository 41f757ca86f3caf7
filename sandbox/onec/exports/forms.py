"""How each configuration writes its files, as one table; how it talks is in ``site_client``.

УТ 10.3 is known by its files alone (no namespace, 2.04 and 2.03, windows-1251): it talks here as УТ 11 does. ERP is УТ
in this module, but in an English session it translates the names of requisites.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.onec.site_client import ModuleClient, UnfClient, UtClient, Wire

ENGLISH = {
    "Номер по 1С": "Number by 1C",
    "Дата по 1С": "Date by 1C",
    "Номер оплаты по 1С": "Payment number by 1C",
    "Дата оплаты по 1С": "Payments date by 1C",
}


@dataclass(frozen=True, slots=True)
class Form:
    """One dialect. ``names`` are of the files of goods and offers; with ``is_split`` prices and rests are files of their own, and
    names carry a GUID. ``words`` translates the names of requisites.
    """

    name: str
    client: Callable[[Wire], Any]
    namespace: str
    version: str
    orders_version: str = ""
    encoding: str = "utf-8-sig"
    names: tuple[str, str] = ("import.xml", "offers.xml")
    has_properties: bool = True
    is_split: bool = False
    unit_is_code: bool = False
    says_paid: bool = False
    words: Mapping[str, str] = field(default_factory=dict)


_UT = ("import0_1.xml", "offers0_1.xml")
_UNF = ("import0.xml", "offers0.xml")
FORMS = {
    form.name: form
    for form in (
        Form("ut10", UtClient, "", "2.04", orders_version="2.03", encoding="windows-1251", has_properties=False),
        Form("ut11", UtClient, "urn:1C.ru:commerceml_2", "2.07", names=_UT),
        Form("erp", UtClient, "urn:1C.ru:commerceml_2", "2.07", words=ENGLISH, names=_UT),
        Form(
            "unf",
            UnfClient,
            "urn:1C.ru:commerceml_210",
            "2.08",
            names=_UNF,
            says_paid=True,
        ),
        Form(
            "module31", ModuleClient, "urn:1C.ru:commerceml_3", "3.1", is_split=True, unit_is_code=True, says_paid=True
        ),
    )
}


def find_form(name: str) -> Form:
    """The dialect called ``name``; raise ``ValueError`` if there is none."""
    if name not in FORMS:
        raise ValueError(f"no such dialect: {name}; there are {', '.join(FORMS)}")
    return FORMS[name]
