"""Make the shop's tables, three products and an account that may change prices and nothing else."""

from decimal import Decimal

import django
from django.core.management import call_command

django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)

from django.contrib.auth.models import Permission, User  # noqa: E402
from oscar.core.loading import get_model  # noqa: E402

MAY = ["view_product", "change_stockrecord", "view_order", "view_line"]
PRODUCTS = [("Adult", Decimal("20.00")), ("Child", Decimal("10.00")), ("Unpriced", None)]

ticket = get_model("catalogue", "ProductClass").objects.create(name="Ticket", requires_shipping=False, track_stock=True)
house = get_model("partner", "Partner").objects.create(name="House")
for title, price in PRODUCTS:
    product = get_model("catalogue", "Product").objects.create(product_class=ticket, title=title, upc=title.lower())
    get_model("partner", "StockRecord").objects.create(
        product=product, partner=house, partner_sku=title.lower(), price=price, num_in_stock=500
    )
get_model("address", "Country").objects.create(iso_3166_1_a2="DE", printable_name="Germany", name="Germany")
user = User.objects.create_user("fairfare", password="correct-horse", is_staff=True)
user.user_permissions.set(Permission.objects.filter(codename__in=MAY))
