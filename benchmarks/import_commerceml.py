"""How long a file of so many seats takes to import, beside a bare pass of lxml over the same file.

The bare pass is ``iterparse`` with the end of every element, clearing each offer: what one pays for reading at all.
Run as a program with the address of a migrated database and the number of offers, it prints its figures as JSON.
"""

from __future__ import annotations

import json
import sys
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

SEATS_A_PERFORMANCE = 500
MEASURED_OFFERS = 20_000  # short imports are measured as often as makes up so many, and the best counts
PRICE_TYPE = "11111111-0000-4000-8000-000000000001"


def run(database_url: str, offers: int) -> dict[str, float]:
    """Import into the migrated database at ``database_url``, under sources of its own.

    ``peak_mb`` is the most memory the process ever had in use: run it in a fresh one.
    """
    with tempfile.TemporaryDirectory() as folder, closing(Database(database_url, connections_max=1)) as db:
        path = Path(folder, "offers.xml")
        with path.open("w", encoding="utf-8") as out:
            out.writelines(_lines(offers))
        sources = [f"benchmark-{uuid.uuid4()}" for _ in range(max(1, MEASURED_OFFERS // offers))]
        first_s = min(_timed(partial(_load, db, path, source)) for source in sources)
        again_s = min(_timed(partial(_load, db, path, sources[0])) for _ in range(2))
        if len(sources) > 1:
            _touch(db, sources[0])
            reread_s = _timed(partial(_load, db, path, sources[0]))
        else:
            reread_s = 0.0  # long files are read once
        peak_mb = _peak_mb()
        bare_s = min(_timed(partial(_bare, path)) for _ in sources)
        return {
            "file_mb": round(path.stat().st_size / 1024**2, 1),
            "import_s": round(first_s, 2),
            "bare_iterparse_s": round(bare_s, 2),
            "ratio": round(first_s / bare_s, 2),
            "again_s": round(again_s, 3),
            "again_times_faster": round(first_s / again_s, 1),
            **({"reread_s": round(reread_s, 2)} if reread_s else {}),
            "offers_per_s": round(offers / first_s),
            "peak_mb": round(peak_mb),
        }


def _touch(db: Database, source: str) -> None:
    """Let one offer be changed by another import, so that the file must be read."""
    one = "<ПакетПредложений><Предложения>" + _seat(0).replace("1600<", "1<") + "</Предложения></ПакетПредложений>"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "one.xml")
        path.write_text(f"<КоммерческаяИнформация>{one}</КоммерческаяИнформация>", encoding="utf-8")
        _load(db, path, source)


def _peak_mb() -> float:
    """The most memory this process had in use; ``ru_maxrss`` would begin with that of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


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


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]))))
