"""How long 100,000 seats of a CommerceML file take, beside a bare pass of lxml over the same file.

The bare pass is ``iterparse`` with the end of every element, clearing each offer: what one pays for reading at all.
"""

from __future__ import annotations

import resource
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from lxml import etree

from adapters.onec import commerceml
from bridge.catalogue.goods_import import import_goods
from bridge.core.db import Database

OFFERS = 100_000
SEATS_A_PERFORMANCE = 500
RUNS = 2
PRICE_TYPE = "11111111-0000-4000-8000-000000000001"


def run(database_url: str, offers: int = OFFERS) -> dict[str, float]:
    """Import into the migrated database at ``database_url``, under sources of its own; the best of ``RUNS`` counts.

    Run it in a fresh process: ``peak_mb`` is the most memory the process ever had.
    """
    with tempfile.TemporaryDirectory() as folder, closing(Database(database_url, connections_max=1)) as db:
        path = Path(folder, "offers.xml")
        with path.open("w", encoding="utf-8") as out:
            out.writelines(_lines(offers))
        sources = [f"benchmark-{uuid.uuid4()}" for _ in range(RUNS)]
        first_s = min(_timed(partial(_load, db, path, source)) for source in sources)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        again_s = min(_timed(partial(_load, db, path, sources[0])) for _ in range(RUNS))
        bare_s = min(_timed(partial(_bare, path)) for _ in range(RUNS))
        return {
            "offers": offers,
            "file_mb": round(path.stat().st_size / 1024**2, 1),
            "import_s": round(first_s, 2),
            "import_again_s": round(again_s, 2),
            "bare_iterparse_s": round(bare_s, 2),
            "ratio": round(first_s / bare_s, 2),
            "reimport_ratio": round(again_s / bare_s, 2),
            "offers_per_s": round(offers / first_s),
            "peak_mb": round(peak_mb),
        }


def _timed(act: Callable[[], None]) -> float:
    started_s = time.perf_counter()
    act()
    return time.perf_counter() - started_s


def _load(db: Database, path: Path, source: str) -> None:
    with path.open("rb") as stream, db.begin() as tx:
        import_goods(tx, commerceml.read(stream, path.name), file=path.name, source=source)


def _bare(path: Path) -> None:
    for _, element in etree.iterparse(path, events=("end",)):
        if element.tag.endswith("Предложение"):
            element.clear()
            parent = element.getparent()
            while element.getprevious() is not None:
                del parent[0]


def _lines(offers: int) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2">\n'
    yield "<ПакетПредложений>\n<Ид>c#</Ид>\n<Предложения>\n"
    for index in range(offers):
        yield _seat(index)
    yield "</Предложения>\n</ПакетПредложений>\n</КоммерческаяИнформация>\n"


def _seat(index: int) -> str:
    row, number = index % SEATS_A_PERFORMANCE // 25 + 1, index % 25 + 1
    ref = f"{uuid.UUID(int=index // SEATS_A_PERFORMANCE)}#{uuid.uuid5(uuid.NAMESPACE_OID, str(index))}"
    place = "".join(
        f"<ХарактеристикаТовара>\n<Наименование>{name}</Наименование>\n<Значение>{value}</Значение>\n"
        "</ХарактеристикаТовара>\n"
        for name, value in (("Сектор", "Партер"), ("Ряд", row), ("Место", number))
    )
    amount = 1500 + row * 100
    price = (
        f"<Представление>{amount} RUB за шт</Представление>\n<ИдТипаЦены>{PRICE_TYPE}</ИдТипаЦены>\n"
        f"<ЦенаЗаЕдиницу>{amount}</ЦенаЗаЕдиницу>\n<Валюта>RUB</Валюта>\n"
        "<Единица>шт</Единица>\n<Коэффициент>1</Коэффициент>\n"
    )
    return (
        f"<Предложение>\n<Ид>{ref}</Ид>\n<Наименование>Концерт (ряд {row}, место {number})</Наименование>\n"
        '<БазоваяЕдиница Код="796 " НаименованиеПолное="Штука" МеждународноеСокращение="PCE"/>\n'
        f"<ХарактеристикиТовара>\n{place}</ХарактеристикиТовара>\n<Цены>\n<Цена>\n{price}</Цена>\n</Цены>\n"
        f"<Количество>{index % 2}</Количество>\n</Предложение>\n"
    )
