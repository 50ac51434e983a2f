"""Query logs of Amazon's VPC Resolver (Route 53 Resolver): one JSON object a line, a query each. They only name.

Every record is context. An answer carries no time to live, so a usual one is assumed (`LIMITS.assumed_dns_ttl_s`). The
resolver logs no query that it answers from its cache: a client that asked after another one is not in the log, and its
flows stay unnamed. Fields: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from residency.limits import LIMITS
from residency.traffic.columns import Kind, plan_columns
from residency.traffic.engine import seam
from residency.traffic.logs.staging import LogConversion, answer_batches, moment, stage_json

if TYPE_CHECKING:
    import pyarrow as pa


_COLUMNS = {
    "ts": ("query_timestamp",),
    "client_ip": ("srcaddr",),
    "host": ("query_name",),
    "server_ip": ("query_name",),  # stands for what the flow table needs; a query has no server
    "answers": ("answers",),
}


def is_resolver_log(keys: set[str]) -> bool:
    """Are these the keys of queries to the resolver?"""
    return {"query_name", "query_timestamp", "srcaddr"} <= keys


class ResolverConversion(LogConversion):
    """One query log."""

    def flows(self) -> Iterator[pa.RecordBatch]:
        """Read the log and yield nothing: a query is no flow."""
        with seam(self._file.path, "reading its queries"):
            stage_json(self._file, self._con, "queries", _COLUMNS, self)
            self._con.execute(_TYPED)
        self.reject(self._con, "SELECT line, reason, fault FROM typed WHERE reason IS NOT NULL ORDER BY line")
        self.mark_cut_line(self._file)
        self.context = self.records - len(self.rejected)
        yield from ()

    def answers(self) -> Iterator[pa.RecordBatch]:
        """Yield the addresses that clients got."""
        yield from answer_batches(self._con, _ANSWERS)


_PLAN = plan_columns(dict.fromkeys(("ts", "client_ip", "server_ip"), Kind.TEXT), "s")
_TYPED = f"""
CREATE OR REPLACE TEMP TABLE typed AS
SELECT line, client_ip, host, answers, {_PLAN.values["ts_us"]} AS ts_us,
  replace({_PLAN.reason}, 'server_ip: no address', 'query_name: not there') AS reason, {_PLAN.fault} AS fault
FROM queries"""  # noqa: S608
_RECORDS = '[{"Rdata": "VARCHAR", "Type": "VARCHAR", "Class": "VARCHAR"}]'
_ANSWERS = f"""
SELECT {moment("ts_us")} AS ts, client_ip, host, answer.Rdata AS address,
  CAST({LIMITS.assumed_dns_ttl_s} AS DOUBLE) AS ttl_s, line
FROM (SELECT *, unnest(from_json(answers, '{_RECORDS}')) AS answer FROM typed
      WHERE reason IS NULL AND client_ip IS NOT NULL AND json_type(answers) = 'ARRAY')
WHERE answer.Type IN ('A', 'AAAA') AND coalesce(answer.Class, 'IN') = 'IN' AND answer.Rdata IS NOT NULL"""  # noqa: S608
