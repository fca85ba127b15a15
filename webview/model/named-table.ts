import type { Table } from "../../src/report/tables.ts";

export interface NamedTable {
  readonly caption: string;
  readonly table: Table;
}
