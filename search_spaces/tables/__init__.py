"""Real tables of architecture results, shipped with the package; importing this reads no table and no torch."""

from search_spaces.tables.catalogue import TABLES, TableInfo
from search_spaces.tables.nasbench201 import read_nasbench201
from search_spaces.tables.table import Table, load_table

__all__ = ["TABLES", "Table", "TableInfo", "load_table", "read_nasbench201"]
