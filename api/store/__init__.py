"""The price book's database: tables, migrations, keys, and the one class that writes prices."""
