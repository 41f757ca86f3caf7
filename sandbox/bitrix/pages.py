"""What a visitor of the site sees: the catalogue and the orders."""

from __future__ import annotations

from flask import Blueprint, render_template_string

from sandbox.bitrix.orders import STATUSES
from sandbox.bitrix.site import Site

PAGE = """<!doctype html>
<html lang="ru"><head><meta charset="utf-8"><title>Магазин на 1С-Битрикс</title>
<style>body{font:16px/1.4 sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #ccc;padding:.3rem .6rem;text-align:left}.off{color:#999}td.n{text-align:right}</style></head><body>
<h1>Магазин на 1С-Битрикс</h1>
<p>Последовательность обмена: проверка источника {{ "включена" if not shop.skips_source_check else "выключена" }} для каталога,
{{ "включена" if shop.is_sale_secure else "выключена" }} для заказов.</p>
{% for block in shop.blocks.values() %}<h2>{{ block.name or block.xml_id }}</h2>
<table><tr><th>Товар</th><th>Артикул</th><th>Цены</th><th>Остаток</th></tr>
{% for one in block.elements.values() %}<tr class="{{ '' if one.is_active else 'off' }}"><td>{{ one.name or one.xml_id }}</td><td>{{ one.sku }}</td>
<td>{% for kind, price in one.prices.items() %}{{ shop.price_types[kind] }}: {{ price }} {{ one.currency }} {% endfor %}</td>
<td class="n">{{ "" if one.quantity is none else one.quantity }}</td></tr>{% endfor %}</table>
{% else %}<p>Товаров нет.</p>{% endfor %}
<h2>Заказы</h2><table><tr><th>№</th><th>Покупатель</th><th>Сумма</th><th>Статус</th><th>Оплачен</th><th>Номер в 1С</th></tr>
{% for one in shop.orders.values() %}<tr><td>{{ one.id }}</td><td>{{ one.buyer.get("name", "") }}</td><td class="n">{{ one.total }} {{ one.currency }}</td>
<td>{{ "отменён" if one.is_cancelled else statuses.get(one.status, one.status) }}</td><td>{{ "да" if one.is_paid else "нет" }}</td><td>{{ one.number_1c }}</td></tr>
{% endfor %}</table></body></html>"""


def pages_blueprint(site: Site) -> Blueprint:
    """The shop window."""
    blueprint = Blueprint("pages", __name__)

    @blueprint.get("/")
    def window() -> str:
        return render_template_string(PAGE, shop=site.shop, statuses=STATUSES)

    return blueprint
